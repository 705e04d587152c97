/* SPDX-License-Identifier: GPL-3.0-or-later */
/** FIFO fidelity: strict, free slots are used in exactly the order in which they were given back;
 * with per-core caches at most caches x size slots stand outside of it. */
#include "base/prng.h"
#include "engine/belief.h"
#include "engine/session_manager.h"
#include "harness/test.h"

#include <errno.h>

#define OPERATIONS 1000000u
#define SLOTS      32u
#define CORES      4u

static struct eng_arena arena;
static struct eng_session_manager manager;
static uint32_t held[SLOTS], held_count;

static void start(uint64_t cache, bool is_strict)
{
    struct eng_knobs knobs = {.spare_slots = 1, .core_cache = cache, .strict_fifo = is_strict};
    held_count = 0;
    REQUIRE(eng_arena_init(&arena, SLOTS, 1) == 0);
    eng_session_manager_init(&manager, &arena, &knobs);
    REQUIRE(eng_session_admit(&manager, 0, &(struct eng_session_config){0}) == 0);
}

static void give_back(struct base_prng *prng)
{
    uint32_t which = base_prng_below(prng, held_count);
    eng_session_return(&manager, held[which]);
    held[which] = held[--held_count];
}

static bool is_taking(struct base_prng *prng)
{
    return held_count == 0 || base_prng_below(prng, 100) < 52;
}

/* Cores are named, but strict: the knob for caches is overruled. */
TEST(strict_pops_in_the_order_of_returns)
{
    struct base_prng prng = {.state = 3};
    uint32_t order[SLOTS];
    uint64_t head = SLOTS, tail = 0, last = 0, pops = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        order[i] = i;
    start(8, true);
    for (uint32_t i = 0; i < OPERATIONS && test_ok; i++) {
        if (!is_taking(&prng)) {
            uint32_t before = held_count;
            uint32_t which = base_prng_below(&prng, before);
            order[head++ % SLOTS] = held[which];
            eng_session_return(&manager, held[which]);
            held[which] = held[--held_count];
            continue;
        }
        uint32_t slot, core = base_prng_below(&prng, CORES);
        if (eng_session_acquire(&manager, 0, 0, core, &slot)) {
            CHECK_EQ(eng_session_free_count(&manager), 1); /* the spare */
            continue;
        }
        CHECK_EQ(slot, order[tail++ % SLOTS]);
        CHECK(manager.slots[slot].free_seq > last);
        last = manager.slots[slot].free_seq;
        held[held_count++] = slot;
        pops++;
    }
    CHECK_EQ(manager.recalls, 0);
    CHECK(pops > OPERATIONS / 3);
    eng_session_manager_check(&manager);
    eng_arena_finish(&arena);
}

struct tally {
    uint64_t from_cache, from_fifo, refused, most_outside;
};

/* What a pop may do: from the core's cache the newest, else the FIFO's oldest. */
static void take(uint32_t core, struct tally *tally)
{
    uint32_t slot, outside = manager.cached;
    const struct eng_core_cache *cache = core == ENG_NONE ? NULL : &manager.caches[core];
    uint32_t newest = cache && cache->count ? cache->slots[cache->count - 1] : ENG_NONE;
    uint64_t last = manager.last_popped_seq, recalls = manager.recalls;
    if (eng_session_acquire(&manager, 0, 0, core, &slot)) {
        tally->refused++;
        CHECK_EQ(eng_session_free_count(&manager), 1); /* nobody is refused for what is cached */
        return;
    }
    held[held_count++] = slot;
    if (newest != ENG_NONE) {
        CHECK_EQ(slot, newest);
        tally->from_cache++;
        return;
    }
    CHECK(manager.slots[slot].free_seq > last); /* the FIFO's own order is strict */
    CHECK_EQ(manager.last_popped_seq, manager.slots[slot].free_seq);
    CHECK(manager.recalls == recalls || (manager.cached == 0 && outside > 0));
    tally->from_fifo++;
}

TEST(caches_reorder_no_more_than_they_hold)
{
    for (uint32_t size = 1; size <= ENG_CORE_CACHE_MAX; size *= 2) {
        struct base_prng prng = {.state = size};
        struct tally tally = {0};
        start(size, false);
        for (uint32_t i = 0; i < OPERATIONS / 4 && test_ok; i++) {
            if (is_taking(&prng))
                take(base_prng_below(&prng, 20) ? base_prng_below(&prng, CORES) : ENG_NONE, &tally);
            else
                give_back(&prng);
            CHECK(manager.cached <= CORES * size);
            if (manager.cached > tally.most_outside)
                tally.most_outside = manager.cached;
            if (i % 1024 == 0)
                eng_session_manager_check(&manager);
        }
        CHECK(tally.from_cache > 0 && tally.from_fifo > 0 && tally.refused > 0);
        CHECK(manager.recalls > 0);
        eng_session_manager_check(&manager);
        eng_arena_finish(&arena);
        printf("caches of %u: %" PRIu64 " pops from caches, %" PRIu64 " from the FIFO, %" PRIu64
               " recalls, at most %" PRIu64 " outside\n",
            size, tally.from_cache, tally.from_fifo, manager.recalls, tally.most_outside);
    }
}

int main(void)
{
    RUN(strict_pops_in_the_order_of_returns);
    RUN(caches_reorder_no_more_than_they_hold);
    return test_report();
}
