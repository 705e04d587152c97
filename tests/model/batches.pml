/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ControlItems from an origin to the SessionManager over a line that loses, doubles and reorders:
 * control_item.c's window with 2 places instead of 64; 2 slots that are converted ITEMS times in
 * all. Each item is resent until it is answered; the origin may start anew RESTARTS times, with an
 * empty memory: it finds the slots that wait by their tokens.
 *
 *  - Answers come at once or are lost: a late one is of a key that nobody asks about any more.
 *  - A message that is never sent, lost on the way or not answered are the same to both ends.
 *  - A batch is its items one after the other.
 *  - "No longer pending" (-ESTALE) is an answer: after a restart the slot may have come back by the
 *    item of the incarnation before. Without a restart it must not be given.
 */
#define WINDOW 2
#define SLOTS  2
#define LINE   3 /* messages under way */

bool is_pending[SLOTS]; /* converted, not returned: the token is SESSION */
byte grant[SLOTS];
byte converted, returned;

/* The origin's, with its unanswered items; 0: none. */
byte incarnation = 1;
byte sequence;
byte unanswered[WINDOW];
byte item_slot[WINDOW];
byte item_grant[WINDOW];
bool is_found[SLOTS]; /* by an origin that started anew; it sends an item for it */
byte restarts = RESTARTS;

byte line_incarnation[LINE];
byte line_sequence[LINE]; /* 0: empty */
byte line_slot[LINE];
byte line_grant[LINE];

/* The SessionManager's; bit i: sequence high - i. */
byte known_incarnation = 1;
byte high;
bool applied[WINDOW];

hidden short i;
hidden byte is_known;

#define STEP(guard, ...) :: d_step { guard -> __VA_ARGS__; skip }
#define EACH_SLOT(x)     x(0) x(1)
#define EACH_CELL(x)     x(0) x(1) x(2)

/* ---- origin ----------------------------------------------------------------------------------- */

#define OLDEST (unanswered[0] == 0 -> unanswered[1] : \
	(unanswered[1] == 0 || unanswered[0] < unanswered[1] -> unanswered[0] : unanswered[1]))

/* Numbers that wait lie within one window, gaps included: counting those that wait is not enough. */
#ifdef M_WINDOW_BY_COUNT
#define HAS_ROOM true
#else
#define HAS_ROOM (OLDEST == 0 || sequence + 1 - OLDEST < WINDOW)
#endif

inline number(s)
{
	i = (unanswered[0] == 0 -> 0 : 1);
	is_found[s] = false;
	sequence++;
	unanswered[i] = sequence;
	item_slot[i] = s;
	item_grant[i] = grant[s]
}

inline convert(s)
{
	is_pending[s] = true;
	grant[s]++;
	converted++;
	number(s)
}

inline send(e, c)
{
	line_incarnation[c] = incarnation;
	line_sequence[c] = unanswered[e];
	line_slot[c] = item_slot[e];
	line_grant[c] = item_grant[e]
}

inline forget(e)
{
	unanswered[e] = 0;
	item_slot[e] = 0;
	item_grant[e] = 0
}

inline restart()
{
	restarts--;
	incarnation++;
	sequence = 0;
	forget(0);
	forget(1);
	is_found[0] = is_pending[0];
	is_found[1] = is_pending[1]
}

/* ---- SessionManager ----------------------------------------------------------------------------- */

inline look_up(c)
{
	is_known = false;
#ifndef M_NO_IDEMPOTENCE
	if
#ifndef M_NO_INCARNATION
	:: line_incarnation[c] < known_incarnation -> is_known = true
	:: line_incarnation[c] > known_incarnation -> skip
#endif
	:: else ->
		if
		:: line_sequence[c] > high -> skip
		:: line_sequence[c] + WINDOW <= high -> is_known = true
		:: else -> is_known = applied[high - line_sequence[c]]
		fi
	fi
#endif
}

inline mark(c)
{
	if
	:: line_incarnation[c] != known_incarnation ->
		known_incarnation = line_incarnation[c];
		high = 0;
		applied[0] = false;
		applied[1] = false
	:: else -> skip
	fi;
	do
	:: high < line_sequence[c] -> high++; applied[1] = applied[0]; applied[0] = false
	:: else -> break
	od;
	applied[high - line_sequence[c]] = true
}

#ifdef M_NO_GRANT
#define IS_CURRENT(c) true
#else
#define IS_CURRENT(c) (is_pending[line_slot[c]] && grant[line_slot[c]] == line_grant[c])
#endif

inline apply(c)
{
	look_up(c);
	if
	:: !is_known && IS_CURRENT(c) ->
		assert(is_pending[line_slot[c]]); /* a slot comes back once */
		mark(c);
		is_pending[line_slot[c]] = false;
		returned++
	:: !is_known && !IS_CURRENT(c) -> assert(restarts < RESTARTS)
	:: else -> skip
	fi
}

inline lose(c)
{
	line_incarnation[c] = 0;
	line_sequence[c] = 0;
	line_slot[c] = 0;
	line_grant[c] = 0
}

inline answer(c)
{
	if
	:: line_incarnation[c] == incarnation && line_sequence[c] == unanswered[0] -> forget(0)
	:: line_incarnation[c] == incarnation && line_sequence[c] == unanswered[1] -> forget(1)
	:: else -> skip
	fi;
	lose(c)
}

/* ---- the whole ---------------------------------------------------------------------------------- */

#define HAS_PLACE     ((unanswered[0] == 0 || unanswered[1] == 0) && HAS_ROOM)
#define SLOT_STEPS(s) \
STEP(!is_pending[s] && converted < ITEMS && HAS_PLACE, convert(s)) \
STEP(is_found[s] && HAS_PLACE, number(s))
#define SEND_STEP(e, c) STEP(unanswered[e] != 0 && line_sequence[c] == 0, send(e, c))
#define CELL_STEPS(c) \
SEND_STEP(0, c) SEND_STEP(1, c) \
STEP(line_sequence[c] != 0, lose(c)) \
STEP(line_sequence[c] != 0, apply(c); lose(c)) \
STEP(line_sequence[c] != 0, apply(c)) \
STEP(line_sequence[c] != 0, apply(c); answer(c))

#define IS_QUIET (unanswered[0] == 0 && unanswered[1] == 0 && !is_found[0] && !is_found[1])

active proctype everybody()
{
	do
	EACH_SLOT(SLOT_STEPS)
	EACH_CELL(CELL_STEPS)
	STEP(restarts > 0, restart())
	/* Whoever was answered has its slot back, and each conversion counted once. */
	STEP(IS_QUIET, assert(returned == converted && !is_pending[0] && !is_pending[1]))
	od
}
