/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Of replay.pml: reading, and words. */

static struct {
    unsigned long long number, before, after;
    int is_strict;
    unsigned long long taken; /* the one that is walked */
} line;

/* A head ends the trace before it. */
static void read_line(void)
{
    int expected = 3;
    now.is_edge = scanf("%d %d %d %d %llx %llx", &now.slot, &now.edge, &now.with_holder,
                      &now.with_grant, &line.before, &line.after) == 6 &&
                  now.slot >= 0 && now.slot < SLOTS;
    if (now.is_edge)
        return;
    if (scanf(" trace %llu %d %d", &line.number, &line.is_strict, &expected) != 3)
        expected = 3;
    now.next = expected;
}

static void begin_trace(void)
{
    now.expected = now.next;
    line.taken = line.number;
    now.is_strict = line.is_strict;
    now.is_good = 1;
    for (int s = 0; s < SLOTS; s++)
        now.place[s] = s + 1;
    now.next_place = SLOTS;
    now.last_place = 0;
}

static void check_word(unsigned long long word)
{
    int s = now.slot;
    unsigned long long ours =
        (unsigned long long)now.state[s] << 60 | (unsigned long long)now.cpu_busy[s] << 59 |
        (unsigned long long)now.hw_busy[s] << 58 | (unsigned long long)now.is_cancelled[s] << 57 |
        (unsigned long long)now.holder[s] << 40 | (unsigned long long)now.grant[s];
    now.is_good = now.is_good && ours == word;
}

static void judge(void)
{
    if (now.expected != 2 && now.expected != now.is_good)
        printf("trace %llu: %s\n", line.taken, now.is_good ? "accepted" : "refused");
}

/* The next one starts from nothing, and is one state more. */
static void end_trace(void)
{
    for (int s = 0; s < SLOTS; s++) {
        now.state[s] = now.cpu_busy[s] = now.hw_busy[s] = now.is_cancelled[s] = 0;
        now.holder[s] = now.grant[s] = now.place[s] = 0;
    }
    now.slot = now.edge = now.with_holder = now.with_grant = 0;
}
