/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Traces of the code through the table of table.pml: read from standard input (trace.h has the
 * format), one trace a step, so that the state is how many were taken. A trace is accepted if each
 * edge is allowed, each word is the one that the model has, before and after; and, where it is
 * strict, slots leave the FIFO in the order in which they came, and a holder writes one at a time.
 */
#define SLOTS  16 /* trace.h */
#define HOLDER int
#define GRANT  int
#define RAISE(s) grant[s] = grant[s] + 1

#include "table.pml"

int slot, edge, with_holder, with_grant; /* of the line under the cursor */
bool is_edge, is_strict, is_good;
byte expected, next; /* next: of the trace whose head was read; 3: there is none */
int place[SLOTS]; /* in the order of return */
int next_place, last_place;
int taken, refused;
hidden int i;

c_code {
	#include "replay.h"
}

/* Edges by their numbers in enum eng_edge. */
#define TAKE(number, step) :: edge == number -> if :: step :: else -> is_good = false fi

inline walk()
{
	if
	TAKE(0, acquire(slot))
	TAKE(1, dispatch(slot, with_holder))
	TAKE(2, start(slot, with_holder, with_grant))
	TAKE(3, start_hw(slot, with_holder, with_grant))
	TAKE(4, hw_done(slot, with_grant))
	TAKE(5, finish(slot, with_holder, with_grant))
	TAKE(6, abandon(slot, with_holder, with_grant))
	TAKE(7, acknowledge(slot, with_holder, with_grant))
	TAKE(8, cancel(slot, with_grant))
	TAKE(9, claim(slot, with_grant))
	TAKE(10, steal(slot, with_grant))
	TAKE(11, escalate(slot))
	TAKE(12, reap_cpu(slot, with_grant))
	TAKE(13, reap_hw(slot, with_grant))
	TAKE(14, convert(slot))
	TAKE(15, advance(slot))
	TAKE(16, publish(slot))
	TAKE(17, return_slot(slot, 0))
	:: else -> is_good = false
	fi
}

/* I4, and that a holder lets go of one slot before it starts the next. */
inline follow()
{
	if
	:: edge == 0 -> is_good = is_good && place[slot] > last_place; last_place = place[slot]
	:: edge == 17 -> next_place++; place[slot] = next_place
	:: edge == 2 ->
		i = 0;
		do
		:: i < SLOTS ->
			is_good = is_good && (i == slot || !cpu_busy[i] || holder[i] != with_holder);
			i++
		:: else -> break
		od
	:: else -> skip
	fi
}

inline replay()
{
	c_code { begin_trace(); read_line(); };
	do
	:: is_edge && is_good ->
		c_code { check_word(line.before); };
		walk();
		c_code { check_word(line.after); };
		if
		:: is_strict -> follow()
		:: else -> skip
		fi;
		c_code { read_line(); }
	:: is_edge && !is_good -> c_code { read_line(); }
	:: else -> break
	od;
	taken++;
	refused = refused + !is_good;
	c_code { judge(); };
	assert(expected == 2 || expected == is_good);
	c_code { end_trace(); }
}

active proctype reader()
{
	c_code { read_line(); };
	do
	:: d_step { next < 3 -> replay(); skip }
	:: else -> break
	od;
	c_code { printf("%d traces, %d refused\n", now.taken, now.refused); }
}
