/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Buffers apart from slots: an attempt pins what it writes, consumers pin what they read. Pins have
 * a lease; past it they count against the consumer's cap and are reported, and nothing else: only
 * the consumer's return or its proven death drops them. 2 consumers that may fall silent or die,
 * 3 buffers: one more than they can hold together, so that a writer always finds one.
 *
 *  - A handle is buffer and generation; a consumer may return one twice, or one that it returned
 *    long ago. One old handle for each consumer stands for all: they differ in the number alone.
 *  - Return is a message; until it is taken the consumer touches the buffer no more.
 *  - A consumer's reading lasts from hand-out to return, the writer's from taking to publishing or
 *    to its acknowledgement after it was stolen from: what is written then is given to nobody.
 *  - The lease may run out at any time: clocks only delay.
 */
#define CONSUMERS 2
#define BUFFERS   3
#define CAP       1

#define READS    1
#define RETURNED 2 /* the message is under way */
byte lent[CONSUMERS * BUFFERS];
byte lent_generation[CONSUMERS * BUFFERS]; /* of the consumer's handle */
bool is_overdue[CONSUMERS * BUFFERS];
bool pins[CONSUMERS * BUFFERS]; /* as the engine counts them */
byte generation[BUFFERS];
byte old_buffer[CONSUMERS], old_generation[CONSUMERS]; /* 0: no old handle */

#define ALIVE  0
#define SILENT 1
#define DEAD   2
byte consumer[CONSUMERS];

#define NONE BUFFERS
byte written = NONE;
byte stolen = NONE; /* its writer has not let go */
byte taken;

hidden short i;

#define STEP(guard, ...)   :: d_step { guard -> __VA_ARGS__; skip }
#define AT(c, b)           ((c) * BUFFERS + (b))
#define EACH_CONSUMER(x)   x(0) x(1)
#define EACH_PAIR(x)       x(0, 0) x(0, 1) x(0, 2) x(1, 0) x(1, 1) x(1, 2)
#define IS_PINNED(b)       (pins[AT(0, b)] || pins[AT(1, b)] || written == b || stolen == b)

#ifdef M_CAP
#define COUNTS(c, b) (pins[AT(c, b)] && !is_overdue[AT(c, b)])
#else
#define COUNTS(c, b) pins[AT(c, b)]
#endif
#define HELD(c) (COUNTS(c, 0) + COUNTS(c, 1) + COUNTS(c, 2))

#define IS_READ(b) ((lent[AT(0, b)] == READS && consumer[0] != DEAD) || \
	(lent[AT(1, b)] == READS && consumer[1] != DEAD))

/* I8, I1: who writes is alone with the buffer. */
inline write()
{
	assert(!IS_READ(written) && stolen != written)
}

/* A free buffer is always found while no stolen one is out: consumers cannot hold the last. */
inline take()
{
	i = 0;
	do
	:: i < BUFFERS && IS_PINNED(i) -> i++
	:: else -> break
	od;
	assert(i < BUFFERS || stolen != NONE);
	if
	:: i < BUFFERS -> written = i; generation[i]++; taken++; write()
	:: else -> taken++ /* this frame has no buffer and is dropped */
	fi
}

inline hand_out(c)
{
	if
	:: HELD(c) < CAP && consumer[c] != DEAD ->
		pins[AT(c, written)] = true;
		lent[AT(c, written)] = READS;
		lent_generation[AT(c, written)] = generation[written]
	:: else -> skip /* it loses this frame; nobody waits for it */
	fi
}

inline deliver()
{
	write();
	hand_out(0);
	hand_out(1);
	written = NONE
}

inline steal()
{
	stolen = written;
	written = NONE
}

inline drop(c, b)
{
	pins[AT(c, b)] = false;
	is_overdue[AT(c, b)] = false;
	lent[AT(c, b)] = 0;
	lent_generation[AT(c, b)] = 0
}

#ifdef M_STALE_HANDLE
#define IS_CURRENT(c, b, g) (lent[AT(c, b)] == READS)
#else
#define IS_CURRENT(c, b, g) (lent[AT(c, b)] == READS && generation[b] == g)
#endif

inline read_and_return(c, b)
{
	assert(generation[b] == lent_generation[AT(c, b)] && written != b);
	old_buffer[c] = b;
	old_generation[c] = generation[b];
	lent[AT(c, b)] = RETURNED
}

inline expire(c, b)
{
	is_overdue[AT(c, b)] = true;
#ifdef M_LEASE
	pins[AT(c, b)] = false;
#endif
	skip
}

inline bury(c)
{
	drop(c, 0);
	drop(c, 1);
	drop(c, 2);
	old_buffer[c] = 0;
	old_generation[c] = 0;
	consumer[c] = ALIVE /* its successor */
}

inline return_again(c)
{
	if
	:: IS_CURRENT(c, old_buffer[c], old_generation[c]) ->
		pins[AT(c, old_buffer[c])] = false
	:: else -> skip /* refused: -ESTALE */
	fi;
	old_buffer[c] = 0;
	old_generation[c] = 0
}

#ifdef M_SUSPECT
#define IS_PROVEN(c) (consumer[c] != ALIVE)
#else
#define IS_PROVEN(c) (consumer[c] == DEAD)
#endif

#define CONSUMER_STEPS(c) \
STEP(consumer[c] == ALIVE && HELD(c) > 0, consumer[c] = SILENT) \
STEP(consumer[c] == SILENT, consumer[c] = ALIVE) \
STEP(consumer[c] != DEAD && HELD(c) > 0, consumer[c] = DEAD) \
STEP(IS_PROVEN(c), bury_or_suspect(c)) \
STEP(consumer[c] == ALIVE && old_generation[c] != 0, return_again(c))
#define PAIR_STEPS(c, b) \
STEP(consumer[c] == ALIVE && lent[AT(c, b)] == READS, read_and_return(c, b)) \
STEP(lent[AT(c, b)] == RETURNED, drop(c, b)) \
STEP(pins[AT(c, b)] && !is_overdue[AT(c, b)], expire(c, b))

inline bury_or_suspect(c)
{
#ifdef M_SUSPECT
	pins[AT(c, 0)] = false;
	pins[AT(c, 1)] = false;
	pins[AT(c, 2)] = false;
	if
	:: consumer[c] == DEAD -> bury(c)
	:: else -> skip
	fi
#else
	bury(c)
#endif
}

active proctype everybody()
{
	do
	STEP(written == NONE && taken < TAKES, take())
	STEP(written != NONE, deliver())
	STEP(written != NONE && stolen == NONE, steal())
	STEP(stolen != NONE, assert(!IS_READ(stolen)); stolen = NONE)
	EACH_CONSUMER(CONSUMER_STEPS)
	EACH_PAIR(PAIR_STEPS)
	:: else -> break
	od;
	assert(!IS_PINNED(0) && !IS_PINNED(1) && !IS_PINNED(2))
}
