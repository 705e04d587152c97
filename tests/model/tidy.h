/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Of token.pml: of states that are each other's mirrors, the one that is kept. */

#define IS_STOLEN(s) (now.state[s] == 5 || now.state[s] == 6)

#define EXCHANGE(array, a, b)                                                                      \
    do {                                                                                           \
        int kept = now.array[a];                                                                   \
        now.array[a] = now.array[b];                                                               \
        now.array[b] = kept;                                                                       \
    } while (0)

#define RENAME(x, a, b) ((x) = (x) == (a) ? (b) : (x) == (b) ? (a) : (x))

static int place_of(int s)
{
    for (int f = 0; f < FRAMES; f++)
        if (now.frame_slot[f] == s)
            return f;
    if (now.state[s] == 7)
        return 10;
    if (now.state[s] == 0)
        return 100 + now.free_seq[s];
    return 20 + 8 * now.cpu_busy[s] + 4 * now.hw_busy[s] + 2 * now.job[s] + now.is_cancelled[s] +
           16 * now.cpu_busy[s] * now.holder[s];
}

static void rename_slots(int a, int b)
{
    for (int f = 0; f < FRAMES; f++)
        RENAME(now.frame_slot[f], a, b);
    for (int i = 0; i < now.free_count; i++)
        RENAME(now.fifo[i], a, b);
    for (int w = 0; w < WORKERS; w++) {
        RENAME(now.slot_of[w], a, b);
        for (int i = 0; i < now.hints[w]; i++)
            RENAME(now.hint_slot[w * RING + i], a, b);
    }
    RENAME(now.older, a, b);
    RENAME(now.newer, a, b);
}

static void exchange_slots(int a, int b)
{
    EXCHANGE(state, a, b);
    EXCHANGE(cpu_busy, a, b);
    EXCHANGE(hw_busy, a, b);
    EXCHANGE(is_cancelled, a, b);
    EXCHANGE(holder, a, b);
    EXCHANGE(grant, a, b);
    EXCHANGE(job, a, b);
    EXCHANGE(job_grant, a, b);
    EXCHANGE(pins, a, b);
    EXCHANGE(free_seq, a, b);
#ifdef M_FREE_SEQ
    EXCHANGE(drawn, a, b);
#endif
    rename_slots(a, b);
}

static void tidy(void)
{
    for (int s = 0; s < SLOTS; s++) {
        if (IS_STOLEN(s))
            now.is_cancelled[s] = 0;
        if (IS_STOLEN(s) && !now.cpu_busy[s])
            now.holder[s] = 0;
    }
    for (int end = SLOTS - 1; end > 0; end--)
        for (int s = 0; s < end; s++)
            if (place_of(s) > place_of(s + 1))
                exchange_slots(s, s + 1);
}
