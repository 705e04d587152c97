/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The token's table, one macro per edge, named as the entry points are: what src/engine/token.c's
 * rules[] say, told a second time. token.pml explores it, replay.pml runs traces of the code
 * through it. The first statement is the guard; `s` slot, `w` holder, `g` grant that the caller
 * believes in.
 *
 * M_* switches are deliberate mistakes; run.py says what must notice which.
 */
#define FREE       0
#define SESSION    1
#define QUEUED     2
#define WORKER     3
#define DONE       4
#define MONITOR    5
#define QUARANTINE 6
#define CONSUMER   7

byte state[SLOTS];
bool cpu_busy[SLOTS];
bool hw_busy[SLOTS];
bool is_cancelled[SLOTS];
HOLDER holder[SLOTS];
GRANT grant[SLOTS];

#define BUSY(s)        (cpu_busy[s] || hw_busy[s])
#define NO_BITS(s)     (!BUSY(s) && !is_cancelled[s])
#define MINE(s, w, g)  (holder[s] == w && grant[s] == g)
#define STOLEN(s)      (state[s] == MONITOR || state[s] == QUARANTINE)

#ifdef M_CONVERT_BUSY
#define CONVERTIBLE(s) (!hw_busy[s])
#elif defined(M_NO_HW_ASK)
#define CONVERTIBLE(s) (!cpu_busy[s])
#else
#define CONVERTIBLE(s) (!BUSY(s))
#endif

#ifdef M_FINISH_HW
#define HW_ALLOWS_FINISH(s) true
#else
#define HW_ALLOWS_FINISH(s) (!hw_busy[s])
#endif

#ifdef M_RETURN_PINNED
#define PINS_ALLOW(s, pins) true
#else
#define PINS_ALLOW(s, pins) (state[s] != CONSUMER || pins == 0)
#endif

#ifdef M_HW_DONE_ANY_GRANT
#define JOB_IS_CURRENT(s, g) true
#else
#define JOB_IS_CURRENT(s, g) (grant[s] == g)
#endif

#ifdef M_REAP_HW_EARLY
#define CANNOT_SUBMIT(s) true
#else
#define CANNOT_SUBMIT(s) (!cpu_busy[s])
#endif

#define acquire(s) \
	(state[s] == FREE && NO_BITS(s)) -> \
	state[s] = SESSION

#define dispatch(s, w) \
	(state[s] == SESSION && NO_BITS(s)) -> \
	state[s] = QUEUED; holder[s] = w; RAISE(s)

#define start(s, w, g) \
	(state[s] == QUEUED && NO_BITS(s) && MINE(s, w, g)) -> \
	state[s] = WORKER; cpu_busy[s] = true

#define start_hw(s, w, g) \
	(state[s] == WORKER && cpu_busy[s] && !hw_busy[s] && MINE(s, w, g)) -> \
	hw_busy[s] = true

#define hw_done(s, g) \
	(hw_busy[s] && JOB_IS_CURRENT(s, g)) -> \
	hw_busy[s] = false

#define finish(s, w, g) \
	(state[s] == WORKER && cpu_busy[s] && HW_ALLOWS_FINISH(s) && MINE(s, w, g)) -> \
	state[s] = DONE; cpu_busy[s] = false

#define abandon(s, w, g) \
	(state[s] == WORKER && cpu_busy[s] && hw_busy[s] && is_cancelled[s] && MINE(s, w, g)) -> \
	state[s] = MONITOR; cpu_busy[s] = false

#define acknowledge(s, w, g) \
	(state[s] != WORKER && cpu_busy[s] && MINE(s, w, g)) -> \
	cpu_busy[s] = false

#define cancel(s, g) \
	(state[s] == WORKER && grant[s] == g) -> \
	is_cancelled[s] = true

#define claim(s, g) \
	(state[s] == QUEUED && grant[s] == g) -> \
	state[s] = SESSION

#define steal(s, g) \
	(state[s] == WORKER && grant[s] == g) -> \
	state[s] = MONITOR

#define escalate(s) \
	(state[s] == MONITOR && BUSY(s)) -> \
	state[s] = QUARANTINE

#define reap_cpu(s, g) \
	(STOLEN(s) && cpu_busy[s] && grant[s] == g) -> \
	cpu_busy[s] = false

#define reap_hw(s, g) \
	(STOLEN(s) && hw_busy[s] && CANNOT_SUBMIT(s) && grant[s] == g) -> \
	hw_busy[s] = false

#define convert(s) \
	(STOLEN(s) && CONVERTIBLE(s)) -> \
	state[s] = SESSION

#define advance(s) \
	(state[s] == DONE) -> \
	state[s] = SESSION

#define publish(s) \
	(state[s] == DONE) -> \
	state[s] = CONSUMER

#define return_slot(s, pins) \
	((state[s] == SESSION || state[s] == CONSUMER) && !BUSY(s) && PINS_ALLOW(s, pins)) -> \
	state[s] = FREE; is_cancelled[s] = false
