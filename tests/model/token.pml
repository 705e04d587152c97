/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Token protocol: control thread, WORKERS workers, hardware and a consumer around the table of
 * table.pml, FRAMES frames through SLOTS slots, every interleaving.
 *
 * One process holds all actors: each option of its loop is one step of one actor, taken whole.
 * What is left out, and why nothing is lost by it:
 *  - Slow is not modelled: any actor may be passed over for ever so long. Silent means that it
 *    never moves again, at whatever step; the others must come to rest all the same.
 *  - A hint's pop and the start after it are one step, as are push and dispatch: nobody but the
 *    owner of the ring's other end can tell them apart, and dying between them is dying before.
 *  - SESSION lasts no longer than a step. The control thread does several edges in a row there, and
 *    no other actor has an edge that SESSION allows and the states around it do not.
 *  - A frame is accepted when it is first dispatched, or dropped; one that waits before touches no
 *    slot. Frames that ended leave as soon as it is their turn: only they themselves are in it.
 *  - Losing a slot is noticed and acknowledged in one step: the acknowledgement stays allowed
 *    once the slot was lost, so waiting before noticing is waiting between.
 *  - Writes happen at two instants with any delay around each, the hardware's at its end: what they
 *    assert of a slot must hold from start to end, so the last instant is the sharpest.
 *  - Grants are compared for equality only. A dispatch draws the least number that nothing still
 *    names instead of +1, and a number that nobody will compare again is written as 0.
 *  - free_seq counts from the number popped last. Only order is compared.
 *  - Of workers that nothing names the first one is dispatched to: the others are its mirrors.
 *  - A dead worker's successor is the worker again, once no token names it: incarnations differ.
 *  - A slot is its buffers. leases.pml has buffers apart from slots.
 *  - What a worker was given and has not started is what its ring has current hints of, in order.
 *  - At most one report of the hardware is under way besides its jobs; it can be of any job, late,
 *    second, or of one that a reset ended.
 */
#define HOLDER byte
#define GRANT  byte
#define NONE   SLOTS

#ifdef M_GRANT
#define RAISE(s) grant[s] = 1;
#else
#define RAISE(s) draw_grant(s);
#endif

#include "table.pml"

#if WORKERS == 2
#define EACH_WORKER(x)     x(0) x(1)
#define DISPATCH_TO_ALL(f) DISPATCH_STEPS(f, 0) DISPATCH_STEPS(f, 1)
#else
#define EACH_WORKER(x)     x(0) x(1) x(2)
#define DISPATCH_TO_ALL(f) DISPATCH_STEPS(f, 0) DISPATCH_STEPS(f, 1) DISPATCH_STEPS(f, 2)
#endif
#if SLOTS == 2
#define EACH_SLOT(x)  x(0) x(1)
#define EVERY_SLOT(x) (x(0) && x(1))
#else
#define EACH_SLOT(x)  x(0) x(1) x(2)
#define EVERY_SLOT(x) (x(0) && x(1) && x(2))
#endif
#define NAMES(f, s)  (frame_slot[f] == s)
#if FRAMES == 2
#define EACH_FRAME(x)  x(0) x(1)
#define EVERY_FRAME(x) (x(0) && x(1))
#define FRAME_OF(s)    (NAMES(0, s) -> 0 : (NAMES(1, s) -> 1 : FRAMES))
#define FRAMES_NAME(s) (NAMES(0, s) || NAMES(1, s))
#elif FRAMES == 3
#define EACH_FRAME(x)  x(0) x(1) x(2)
#define EVERY_FRAME(x) (x(0) && x(1) && x(2))
#define FRAME_OF(s)    (NAMES(0, s) -> 0 : (NAMES(1, s) -> 1 : (NAMES(2, s) -> 2 : FRAMES)))
#define FRAMES_NAME(s) (NAMES(0, s) || NAMES(1, s) || NAMES(2, s))
#else
#define EACH_FRAME(x)  x(0) x(1) x(2) x(3)
#define EVERY_FRAME(x) (x(0) && x(1) && x(2) && x(3))
#define FRAME_OF(s) (NAMES(0, s) -> 0 : (NAMES(1, s) -> 1 : (NAMES(2, s) -> 2 : (NAMES(3, s) -> 3 : FRAMES))))
#define FRAMES_NAME(s) (NAMES(0, s) || NAMES(1, s) || NAMES(2, s) || NAMES(3, s))
#endif

/* ---- state ---------------------------------------------------------------------------------- */

#define IDLE   0
#define WRITE  1 /* and may still ask the hardware */
#define SUBMIT 2 /* hw_busy is set, the hardware does not know of the job yet */
#define WAIT   3 /* writes beside the hardware, then waits for it */
#define DEAD   4

byte at[WORKERS];      /* the worker's step */
byte slot_of[WORKERS]; /* what it works on, as it believes; NONE */
byte grant_of[WORKERS];
byte hints[WORKERS];   /* in its ring */
#define RING 2
byte hint_slot[WORKERS * RING];
byte hint_grant[WORKERS * RING];

bool job[SLOTS]; /* the hardware works on it */
byte job_grant[SLOTS];
#ifdef FULL
byte ticket_slot = NONE; /* a report that comes after all */
byte ticket_grant;
#define TICKET_NAMES(s, g) (ticket_slot == s && ticket_grant == g)
#else
#define TICKET_NAMES(s, g) false
#endif

byte fifo[SLOTS];
byte free_count;
short free_seq[SLOTS]; /* from the one popped last */
short next_seq;

bool pins[SLOTS]; /* the consumer's; it reads */

#define NEW       0
#define WAITING   1
#define RUNNING   2
#define OVER      3 /* ended, not its turn yet */
#define COMPLETED 4
byte frame[FRAMES];
byte frame_slot[FRAMES];
bool is_stale[FRAMES]; /* accepted before the flush */
byte completions[FRAMES];
byte accepted;
byte completed;
bool is_flushed;
byte extra = EXTRA; /* dispatches beyond one for each frame */
byte detaching = WORKERS; /* control is taking this worker's queue away; WORKERS: nobody's */
byte older = NONE; /* what of it is still to be claimed */
byte newer = NONE;

/* One step of one actor, taken whole; spin wants no block at its end. */
#define STEP(guard, ...) :: d_step { guard -> __VA_ARGS__; tidy(); skip }

/* Of loops inside a step; 0 between steps. */
hidden short i, j, k;
hidden byte is_named;

#ifdef M_EPOCH
bool checked[FRAMES];
#endif
#ifdef M_FREE_SEQ
short drawn[SLOTS];
#endif

/* ---- pixels and numbers ----------------------------------------------------------------------- */

#define WRITES(v, s) (slot_of[v] == s && at[v] != IDLE && at[v] != DEAD)
#define IN_USE(s)    (state[s] == WORKER || STOLEN(s))

#if WORKERS == 2
#define ANY_WRITER(s) (WRITES(0, s) || WRITES(1, s))
#define OTHERS_WRITE(v, s) WRITES(1 - v, s)
#else
#define ANY_WRITER(s) (WRITES(0, s) || WRITES(1, s) || WRITES(2, s))
#define OTHERS_WRITE(v, s) (WRITES((v + 1) % 3, s) || WRITES((v + 2) % 3, s))
#endif

/* I1: one attempt writes, nobody reads, the slot is still that attempt's. */
inline write_pixels(v)
{
	assert(!pins[slot_of[v]] && IN_USE(slot_of[v]) && grant[slot_of[v]] == grant_of[v]);
	assert(!OTHERS_WRITE(v, slot_of[v]));
	assert(!job[slot_of[v]] || job_grant[slot_of[v]] == grant_of[v])
}

inline nobody_writes(s)
{
	assert(!ANY_WRITER(s) && !job[s])
}

/* The least number that no hint, worker, job or report of this slot has. */
inline draw_grant(s)
{
	k = 1;
	do
	:: is_named = (job[s] && job_grant[s] == k) || TICKET_NAMES(s, k);
		i = 0;
		do
		:: i < WORKERS ->
			is_named = is_named || (slot_of[i] == s && grant_of[i] == k);
			j = 0;
			do
			:: j < hints[i] ->
				is_named = is_named || (hint_slot[i * RING + j] == s && hint_grant[i * RING + j] == k);
				j++
			:: else -> break
			od;
			i++
		:: else -> break
		od;
		if
		:: is_named -> k++
		:: else -> break
		fi
	od;
	grant[s] = k
}

/* ---- SessionManager --------------------------------------------------------------------------- */

inline append(s, seq)
{
	assert(free_count < SLOTS);
	fifo[free_count] = s;
	free_count++;
	free_seq[s] = seq
}

/* The oldest free slot becomes k. I3, I4. */
inline pop_free()
{
	k = fifo[0];
	free_count--;
	i = 0;
	do
	:: i < free_count -> fifo[i] = fifo[i + 1]; i++
	:: else -> break
	od;
	fifo[free_count] = 0;
	assert(free_seq[k] > 0); /* larger than the one popped before */
	j = free_seq[k];
	next_seq = next_seq - j;
	i = 0;
	do
	:: i < SLOTS ->
		if
		:: free_seq[i] != 0 -> free_seq[i] = free_seq[i] - j
		:: else -> skip
		fi;
#ifdef M_FREE_SEQ
		if
		:: drawn[i] != 0 -> drawn[i] = drawn[i] - j
		:: else -> skip
		fi;
#endif
		i++
	:: else -> break
	od;
	nobody_writes(k);
	assert(!pins[k])
}

/* I2: a slot comes back once. */
inline give_back(s)
{
	return_slot(s, pins[s]);
	holder[s] = 0;
	grant[s] = 0;
	next_seq++;
#ifdef M_FREE_SEQ
	drawn[s] = next_seq
#else
	append(s, next_seq)
#endif
}

/* ---- frames ------------------------------------------------------------------------------------- */

/* Each frame in its turn; I10. */
inline complete_turns()
{
	do
	:: completed < FRAMES && frame[completed] == OVER ->
		completions[completed]++;
		assert(completions[completed] == 1);
		frame[completed] = COMPLETED;
		is_stale[completed] = false;
		completed++
	:: else -> break
	od;
	skip
}

inline end_frame(f)
{
	frame_slot[f] = NONE;
	frame[f] = OVER;
	complete_turns()
}

/* Its slot is somebody else's care now: it is tried again in another one, or ends. */
inline detach_frame(f)
{
	frame_slot[f] = NONE;
	if
	:: extra > 0 && !is_stale[f] -> frame[f] = WAITING
	:: else -> end_frame(f)
	fi
}

#define HAS(f, what) (frame[f] == RUNNING && what(frame_slot[f]))
#define IS_QUEUED(s) (state[s] == QUEUED)
#define IS_WORKER(s) (state[s] == WORKER)
#define IS_DONE(s)   (state[s] == DONE)
#define IS_ABANDONED(s) STOLEN(s)
#define CALM         (detaching == WORKERS)

#define GIVEN(v, s)  (holder[s] == v && (state[s] == QUEUED || state[s] == WORKER))
#define NAMED(v, s)  (GIVEN(v, s) || (holder[s] == v && cpu_busy[s]))
#if SLOTS == 3
#define FREE_SLOTS     ((state[0] == FREE) + (state[1] == FREE) + (state[2] == FREE))
#define GIVEN_COUNT(v) (GIVEN(v, 0) + GIVEN(v, 1) + GIVEN(v, 2))
#define IS_NAMED(v)    (NAMED(v, 0) || NAMED(v, 1) || NAMED(v, 2))
#else
#define FREE_SLOTS     ((state[0] == FREE) + (state[1] == FREE))
#define GIVEN_COUNT(v) (GIVEN(v, 0) + GIVEN(v, 1))
#define IS_NAMED(v)    (NAMED(v, 0) || NAMED(v, 1))
#endif
#define IS_BLANK(v)    (at[v] == IDLE && hints[v] == 0 && !IS_NAMED(v))
#define IS_MIRROR(v)   (IS_BLANK(v) && v > 0 && (IS_BLANK(0) || (v > 1 && IS_BLANK(1))))
#define HAS_ROOM(v)    (at[v] != DEAD && hints[v] < RING && GIVEN_COUNT(v) < RING && !IS_MIRROR(v))


inline send(v, s)
{
	dispatch(s, v);
	hint_slot[v * RING + hints[v]] = s;
	hint_grant[v * RING + hints[v]] = grant[s];
	hints[v]++
}

inline first_try(f, v)
{
	pop_free();
	frame_slot[f] = k;
	acquire(frame_slot[f]);
	send(v, frame_slot[f]);
	frame[f] = RUNNING
}

/* Mistakes that are more than a guard left out. */
#ifdef M_REUSE
#define AFTER_STEAL(s) state[s] = SESSION; cpu_busy[s] = false; hw_busy[s] = false; give_back(s);
#else
#define AFTER_STEAL(s)
#endif
#ifdef M_EPOCH
#define IS_CURRENT(f) checked[f]
#define CHECK_STEP(f) STEP(HAS(f, IS_DONE) && !is_stale[f] && !checked[f], checked[f] = true)
#else
#define IS_CURRENT(f) (!is_stale[f])
#define CHECK_STEP(f)
#endif
#ifdef M_FREE_SEQ
#define APPEND_STEP(s) STEP(drawn[s] != 0, append(s, drawn[s]); drawn[s] = 0)
#else
#define APPEND_STEP(s)
#endif
#ifdef M_RETURN_PINNED
#define LEASE_STEP(s) STEP(CALM && pins[s], give_back(s))
#else
#define LEASE_STEP(s)
#endif
#ifdef M_TWO_JOBS
#define SECOND_JOB_STEP(v) STEP(at[v] == WAIT && !job[slot_of[v]], write_pixels(v); ask_hardware(v))
#else
#define SECOND_JOB_STEP(v)
#endif
#ifdef M_SKIP
#define AFTER_FAILED_CLAIM frame[k] = FRAMES + COMPLETED;
#else
#define AFTER_FAILED_CLAIM
#endif

/* ---- workers ------------------------------------------------------------------------------------ */

inline let_go(v)
{
	at[v] = IDLE;
	slot_of[v] = NONE;
	grant_of[v] = 0
}

inline pop_hint(v)
{
	slot_of[v] = hint_slot[v * RING];
	grant_of[v] = hint_grant[v * RING];
	hints[v]--;
	hint_slot[v * RING] = hint_slot[v * RING + 1];
	hint_grant[v * RING] = hint_grant[v * RING + 1];
	hint_slot[v * RING + 1] = 0;
	hint_grant[v * RING + 1] = 0
}

/* The hint of a claimed attempt. Its grant is never drawn again while it lies there, so it cannot
 * start anything: without FULL it vanishes at once. */
inline forget_hint(v, s)
{
#ifndef FULL
	if
	:: hint_slot[v * RING] == s -> hint_slot[v * RING] = hint_slot[v * RING + 1];
		hint_grant[v * RING] = hint_grant[v * RING + 1]
	:: else -> skip
	fi;
	hints[v]--;
	hint_slot[v * RING + 1] = 0;
	hint_grant[v * RING + 1] = 0;
#endif
	revive(v)
}

/* A dead worker's successor, once no token names it. */
inline revive(v)
{
	if
	:: at[v] == DEAD && !IS_NAMED(v) -> drop_hints(v)
	:: else -> skip
	fi
}

inline drop_hints(v)
{
	do
	:: hints[v] > 0 -> pop_hint(v)
	:: else -> break
	od;
	let_go(v)
}

inline take_hint(v)
{
	pop_hint(v);
	if
	:: start(slot_of[v], v, grant_of[v]) -> at[v] = WRITE
	:: else -> let_go(v)
	fi
}

inline lose(v)
{
	acknowledge(slot_of[v], v, grant_of[v]);
	let_go(v)
}

inline ask_hardware(v)
{
	if
	:: start_hw(slot_of[v], v, grant_of[v]) -> at[v] = SUBMIT
	:: else -> lose(v)
	fi
}

inline submit_job(v)
{
	assert(!job[slot_of[v]]);
	job[slot_of[v]] = true;
	job_grant[slot_of[v]] = grant_of[v];
	at[v] = WAIT
}

/* A finished picture has no writer; I1. */
inline end_work(v)
{
	if
	:: finish(slot_of[v], v, grant_of[v]) ->
		holder[slot_of[v]] = 0;
		assert(!job[slot_of[v]]);
		let_go(v)
	:: else ->
		if
		:: abandon(slot_of[v], v, grant_of[v]) -> let_go(v)
		:: else -> lose(v)
		fi
	fi
}

/* The shell waits while the hardware is at it, unless somebody wants it back. */
#define MUST_WAIT(v) \
	(state[slot_of[v]] == WORKER && !HW_ALLOWS_FINISH(slot_of[v]) && !is_cancelled[slot_of[v]])

#define WORKER_STEPS(v) \
STEP(at[v] == IDLE && hints[v] > 0, take_hint(v)) \
STEP(at[v] == WRITE, write_pixels(v); ask_hardware(v)) \
STEP(at[v] == SUBMIT, write_pixels(v); submit_job(v)) \
SECOND_JOB_STEP(v) \
STEP((at[v] == WRITE || (at[v] == WAIT && !MUST_WAIT(v))), write_pixels(v); end_work(v)) \
STEP(at[v] != DEAD && IS_NAMED(v), let_go(v); at[v] = DEAD)

/* ---- hardware and consumer ---------------------------------------------------------------------- */

inline report(s, g)
{
	if
	:: hw_done(s, g) -> skip
	:: else -> skip /* late */
	fi
}

inline end_job(s)
{
	assert(!pins[s] && IN_USE(s) && grant[s] == job_grant[s]);
	job[s] = false;
	job_grant[s] = 0
}

#ifdef FULL
inline keep_ticket(s)
{
	ticket_slot = s;
	ticket_grant = job_grant[s]
}

inline use_ticket()
{
	report(ticket_slot, ticket_grant);
	ticket_slot = NONE;
	ticket_grant = 0
}

#define TICKET_STEP STEP(CALM && ticket_slot != NONE, use_ticket())
#define TWICE_STEP(s) \
STEP(CALM && job[s] && ticket_slot == NONE, keep_ticket(s); report(s, job_grant[s]); end_job(s))
#define RESET_AND_LATE_STEP(s) \
STEP(CAN_BE_RESET(s) && job[s] && ticket_slot == NONE, keep_ticket(s); reset_hardware(s))
#else
#define TICKET_STEP
#define TWICE_STEP(s)
#define RESET_AND_LATE_STEP(s)
#endif

/* Ended without a report, or with a late one, is not told from running on: that is worse. */
#define HARDWARE_STEPS(s) \
STEP(CALM && job[s], report(s, job_grant[s]); end_job(s)) \
TWICE_STEP(s)

/* The consumer has read all that it wants; unpin is a message, and the slot goes back with it. */
inline unpin(s)
{
	nobody_writes(s);
	pins[s] = false;
	give_back(s)
}

#define CONSUMER_STEPS(s) STEP(CALM && pins[s], unpin(s)) LEASE_STEP(s) APPEND_STEP(s)

/* ---- Monitor ------------------------------------------------------------------------------------ */

/* Nobody's frame: an abandoned slot is noticed by its frame first. */
#define IS_CARED_FOR(s) (STOLEN(s) && !(FRAMES_NAME(s)))

inline reset_hardware(s)
{
	if
	:: job[s] -> end_job(s)
	:: else -> skip
	fi;
	reap_hw(s, grant[s])
}

inline bury(s)
{
	j = holder[s];
	reap_cpu(s, grant[s]);
	revive(j)
}

/* QUARANTINE has MONITOR's edges and allows a reset besides: they are told apart in FULL alone. */
#ifdef FULL
#define ESCALATE_STEP(s) STEP(CALM && IS_CARED_FOR(s) && state[s] == MONITOR && BUSY(s), escalate(s))
#define CAN_BE_RESET(s)  (CALM && state[s] == QUARANTINE && hw_busy[s] && CANNOT_SUBMIT(s))
#else
#define ESCALATE_STEP(s)
#define CAN_BE_RESET(s)  (CALM && IS_CARED_FOR(s) && hw_busy[s] && CANNOT_SUBMIT(s))
#endif

#define MONITOR_STEPS(s) \
STEP(CALM && IS_CARED_FOR(s) && CONVERTIBLE(s), convert(s); give_back(s)) \
ESCALATE_STEP(s) \
STEP(CALM && STOLEN(s) && cpu_busy[s] && at[holder[s]] == DEAD, bury(s)) \
STEP(CAN_BE_RESET(s), reset_hardware(s)) \
RESET_AND_LATE_STEP(s)

/* ---- frames ------------------------------------------------------------------------------------- */

#define HAS_ROOM_SOMEWHERE (HAS_ROOM(0) || HAS_ROOM(1) || (WORKERS > 2 && HAS_ROOM(WORKERS - 1)))
#define CAN_BE_TRIED(v)    (CALM && free_count > 0 && HAS_ROOM(v))

inline deliver(f)
{
	assert(!is_stale[f]); /* I6 */
	publish(frame_slot[f]);
	nobody_writes(frame_slot[f]);
	pins[frame_slot[f]] = true;
	end_frame(f)
}

inline take_out(f)
{
	advance(frame_slot[f]);
	give_back(frame_slot[f]);
	detach_frame(f)
}

inline take_away(f)
{
	steal(frame_slot[f], grant[frame_slot[f]]);
	AFTER_STEAL(frame_slot[f])
	detach_frame(f)
}

inline claim_back(f)
{
	j = holder[frame_slot[f]];
	claim(frame_slot[f], grant[frame_slot[f]]);
	forget_hint(j, frame_slot[f]);
	give_back(frame_slot[f]);
	detach_frame(f)
}

#define IS_GOOD(f) (HAS(f, IS_DONE) && !is_cancelled[frame_slot[f]])

/* Cancelled without hardware at it is ending early by itself. */
#define CAN_BE_CANCELLED(s) (IS_WORKER(s) && hw_busy[s] && !is_cancelled[s])

inline try_again(f, v)
{
	extra--;
	first_try(f, v)
}

inline next_stage(f, v)
{
	extra--;
	advance(frame_slot[f]);
	send(v, frame_slot[f])
}

inline flush()
{
	is_flushed = true;
	i = completed;
	do
	:: i < accepted -> is_stale[i] = true; i++
	:: else -> break
	od
}

#define FRAME_STEPS(f) \
STEP(CALM && f == accepted && (free_count == 0 || !HAS_ROOM_SOMEWHERE), accepted++; end_frame(f)) \
STEP(CALM && frame[f] == WAITING, end_frame(f)) \
STEP(CALM && HAS(f, IS_QUEUED), claim_back(f)) \
STEP(CALM && HAS(f, CAN_BE_CANCELLED), cancel(frame_slot[f], grant[frame_slot[f]])) \
STEP(CALM && HAS(f, IS_WORKER), take_away(f)) \
STEP(CALM && HAS(f, IS_ABANDONED), detach_frame(f)) \
STEP(CALM && HAS(f, IS_DONE), take_out(f)) \
STEP(CALM && IS_GOOD(f) && completed == f && IS_CURRENT(f), deliver(f)) \
CHECK_STEP(f)

#define DISPATCH_STEPS(f, v) \
STEP(CAN_BE_TRIED(v) && f == accepted, accepted++; first_try(f, v)) \
STEP(CAN_BE_TRIED(v) && frame[f] == WAITING && extra > 0, try_again(f, v)) \
STEP(CALM && HAS_ROOM(v) && IS_GOOD(f) && extra > 0, next_stage(f, v))

#define FLUSH_STEP STEP(CALM && !is_flushed && completed < accepted, flush())

/* ---- taking a worker's queue away ----------------------------------------------------------------- */

inline list(s)
{
	if
	:: older == NONE -> older = s
	:: else -> newer = s
	fi
}

inline begin_detach(v)
{
	i = 0;
	do
	:: i < SLOTS ->
		if
		:: state[i] == WORKER && holder[i] == v -> older = i
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < hints[v] ->
		j = hint_slot[v * RING + i];
		if
		:: state[j] == QUEUED && MINE(j, v, hint_grant[v * RING + i]) -> list(j)
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	detaching = v
}

/* I13: what was not claimed has started. */
inline end_detach()
{
	i = 0;
	do
	:: i < SLOTS -> assert(!(state[i] == QUEUED && holder[i] == detaching)); i++
	:: else -> break
	od;
	detaching = WORKERS;
	older = NONE;
	newer = NONE
}

inline claim_listed(place)
{
	k = 0;
	do
	:: frame_slot[k] != place -> k++
	:: else -> break
	od;
	if
	:: claim(place, grant[place]) ->
		j = k;
		forget_hint(detaching, place);
		give_back(place);
		detach_frame(j);
		place = NONE
	:: else -> AFTER_FAILED_CLAIM end_detach()
	fi
}

#ifdef M_CLAIM_OLDEST
#define CLAIM_FIRST older
#define CLAIM_LAST newer
#else
#define CLAIM_FIRST newer
#define CLAIM_LAST older
#endif

#define DETACH_STEPS(v) \
STEP(CALM && GIVEN_COUNT(v) > 1, begin_detach(v)) \
STEP(detaching == v && CLAIM_FIRST != NONE, claim_listed(CLAIM_FIRST)) \
STEP(detaching == v && CLAIM_FIRST == NONE && CLAIM_LAST != NONE, claim_listed(CLAIM_LAST)) \
STEP(detaching == v && CLAIM_FIRST == NONE && CLAIM_LAST == NONE, end_detach())

/* ---- mirrors --------------------------------------------------------------------------------------- */

#ifdef FULL
#define tidy() skip
#else
/* In C, since it ends every step. Slots are alike but for what names them. They stand by their
 * frame's number; then those of the consumer, stolen ones by what they wait for, and free ones in
 * their order. What nobody will look at again is 0. */
c_code {
	#include "tidy.h"
}
#define tidy() c_code { tidy(); }
#endif

/* ---- the whole ------------------------------------------------------------------------------------ */

inline begin()
{
	i = 0;
	do
	:: i < SLOTS -> next_seq++; append(i, next_seq); i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < FRAMES -> frame_slot[i] = NONE; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < WORKERS -> let_go(i); i++
	:: else -> break
	od;
	skip
}

/* ---- silence -------------------------------------------------------------------------------------- */

/* What the control thread does with one slot when nobody answers. A frame that its worker finished
 * is delivered or not: here not. */
inline settle_slot(s)
{
	if
	:: state[s] == QUEUED -> claim(s, grant[s]); give_back(s)
	:: state[s] == DONE -> advance(s); give_back(s)
	:: state[s] == WORKER -> cancel(s, grant[s]); steal(s, grant[s])
	:: else -> skip
	fi;
	if
	:: STOLEN(s) && cpu_busy[s] && at[holder[s]] == DEAD -> reap_cpu(s, grant[s])
	:: else -> skip
	fi;
	if
	:: state[s] == MONITOR && BUSY(s) -> escalate(s)
	:: else -> skip
	fi;
	if
	:: state[s] == QUARANTINE && hw_busy[s] && CANNOT_SUBMIT(s) -> reset_hardware(s)
	:: else -> skip
	fi;
	if
	:: STOLEN(s) && CONVERTIBLE(s) -> convert(s); give_back(s)
	:: else -> skip
	fi
}

#define IS_EXCUSED(s) \
	((state[s] == CONSUMER && pins[s]) || (state[s] == QUARANTINE && cpu_busy[s] && \
	at[holder[s]] != DEAD && slot_of[holder[s]] == s))
#define IS_AT_REST(s) (state[s] == FREE || IS_EXCUSED(s))

#define HAS_ENDED(f) (completions[f] == 1)

#define SETTLE_SLOT(s) settle_slot(s);
#define SETTLE_FRAME(f) if :: frame[f] < OVER -> frame[f] = OVER :: else -> skip fi;
#define CLEAR_WORKER(v) drop_hints(v);
#define CLEAR_SLOT(s) \
	state[s] = FREE; cpu_busy[s] = false; hw_busy[s] = false; is_cancelled[s] = false; holder[s] = 0; \
	grant[s] = 0; job[s] = false; job_grant[s] = 0; pins[s] = false; fifo[s] = s; free_seq[s] = s + 1;

/* Where every such run goes on from, so that it does not count as states of its own. */
inline clear()
{
	EACH_WORKER(CLEAR_WORKER)
	EACH_SLOT(CLEAR_SLOT)
	free_count = SLOTS;
	next_seq = SLOTS;
	extra = 0;
	is_flushed = true
}

proctype everybody()
{
	do
	EACH_WORKER(WORKER_STEPS)
	EACH_WORKER(DETACH_STEPS)
	EACH_SLOT(HARDWARE_STEPS)
	EACH_SLOT(CONSUMER_STEPS)
	EACH_SLOT(MONITOR_STEPS)
	EACH_FRAME(FRAME_STEPS)
	EACH_FRAME(DISPATCH_TO_ALL)
	FLUSH_STEP
	TICKET_STEP
	:: else -> break
	od;
	/* Nobody can move, and all have answered: nothing is lost. */
	assert(FREE_SLOTS == SLOTS && free_count == SLOTS && EVERY_FRAME(HAS_ENDED))
}

/* All others fall silent for ever, at whatever step: the control thread alone brings everything to
 * rest. Each frame ends once, each slot is free or its holder can be named. */
proctype silence()
{
end:
	d_step {
		CALM && !(completed == FRAMES && free_count == SLOTS) -> EACH_SLOT(SETTLE_SLOT)
		EACH_FRAME(SETTLE_FRAME)
		accepted = FRAMES;
		complete_turns();
		assert(EVERY_SLOT(IS_AT_REST) && EVERY_FRAME(HAS_ENDED) && FREE_SLOTS == free_count);
		clear();
		tidy();
		skip
	}
}

init
{
	d_step { begin(); skip };
	atomic {
#ifndef M_FREE_SEQ
		run silence();
#endif
		run everybody()
	}
}
