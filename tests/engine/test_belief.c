/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the control thread makes of words that a broken worker process wrote: the last believable
 * one, repaired and reported. */
#include "base/prng.h"
#include "engine/belief.h"
#include "harness/test.h"

#include <sys/mman.h>

#define SLOTS 4u

static struct eng_arena arena;
static const struct eng_token_args nobody = {0};

static void begin(bool is_foreign)
{
    CHECK(eng_arena_init(&arena, SLOTS, 2) == 0);
    arena.belief->is_foreign = is_foreign;
}

static void write_word(uint32_t slot, uint64_t word)
{
    atomic_store(&arena.items[slot].token, word);
}

static uint64_t read_word(uint32_t slot)
{
    return atomic_load(&arena.items[slot].token);
}

/* Slot 0 dispatched to holder 7. Returns: its grant. */
static uint64_t dispatch(void)
{
    struct eng_token_args args = {.holder = 7};
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_ACQUIRE, &nobody));
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_DISPATCH, &args));
    return eng_token_grant(eng_arena_token(&arena, 0));
}

static bool worker(enum eng_edge edge, uint64_t grant)
{
    struct eng_token_args args = {.holder = 7, .grant = grant};
    return eng_token_apply(&arena.items[0].token, edge, &args, &arena.counts->token);
}

TEST(the_holders_edges_are_believed)
{
    begin(false);
    uint64_t grant = dispatch();
    CHECK(worker(ENG_EDGE_START, grant));
    CHECK(worker(ENG_EDGE_FINISH, grant)); /* two edges since the last look */
    CHECK_EQ(eng_token_state(eng_arena_token(&arena, 0)), ENG_TOKEN_DONE);
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_ADVANCE, &nobody));
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_RETURN, &nobody));
    CHECK_EQ(eng_token_state(read_word(0)), ENG_TOKEN_FREE);
    CHECK(!arena.belief->has_broken_words);
    eng_arena_finish(&arena);
}

TEST(any_other_word_is_repaired_and_reported)
{
    struct base_prng prng = {.state = 5};
    begin(true);
    uint64_t grant = dispatch(), queued = read_word(0);
    for (int i = 0; i < 20000; i++) {
        uint64_t word = base_prng_next(&prng);
        if (i % 2) /* near misses: a few bits of the right word */
            word =
                queued ^ (uint64_t)1 << word % 64 ^ (uint64_t)(word >> 8 & 1) << (word >> 9) % 64;
        bool is_believable = eng_token_can_become(queued, word);
        arena.belief->has_broken_words = false;
        write_word(0, word);
        if (is_believable)
            continue;
        CHECK_EQ(eng_arena_token(&arena, 0), queued);
        CHECK_EQ(read_word(0), queued);
        CHECK(arena.belief->has_broken_words);
    }
    write_word(0, ~(uint64_t)0);
    struct eng_token_args args = {.grant = grant};
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_CLAIM, &args)); /* cannot fail: nobody started */
    CHECK_EQ(eng_token_state(read_word(0)), ENG_TOKEN_SESSION);
    eng_arena_finish(&arena);
}

TEST(what_was_seen_done_stays_done)
{
    begin(true);
    uint64_t grant = dispatch();
    CHECK(worker(ENG_EDGE_START, grant));
    uint64_t started = read_word(0);
    CHECK(worker(ENG_EDGE_FINISH, grant));
    CHECK_EQ(eng_token_state(eng_arena_token(&arena, 0)), ENG_TOKEN_DONE);
    write_word(0, started);
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_PUBLISH, &nobody));
    CHECK(arena.belief->has_broken_words);
    eng_arena_finish(&arena);
}

TEST(a_ring_says_no_more_than_its_consumer_may)
{
    begin(true);
    struct eng_ring *ring = &arena.workers[1].ring;
    for (uint32_t i = 0; i < ENG_HINTS_MAX; i++) {
        CHECK(eng_arena_has_room(&arena, 1));
        eng_arena_push_hint(&arena, 1, (struct eng_hint){.slot = i});
    }
    CHECK(!eng_arena_has_room(&arena, 1));
    CHECK(!arena.belief->has_broken_words);
    atomic_store(&ring->tail, 1);
    CHECK(eng_arena_has_room(&arena, 1));
    atomic_store(&ring->tail, ENG_HINTS_MAX + 1); /* popped what was never pushed */
    CHECK(!eng_arena_has_room(&arena, 1));
    CHECK(arena.belief->has_broken_words);
    ring->capacity = UINT32_MAX;
    atomic_store(&ring->head, UINT64_MAX);
    atomic_store(&ring->tail, 1);
    eng_arena_push_hint(&arena, 1, (struct eng_hint){.slot = 9});
    CHECK_EQ(arena.workers[1].hints[0].slot, 9);
    CHECK_EQ(atomic_load(&ring->head), ENG_HINTS_MAX + 1);
    eng_arena_restart_ring(&arena, 1);
    CHECK_EQ(ring->capacity, ENG_HINTS_MAX);
    CHECK(eng_arena_has_room(&arena, 1));
    eng_arena_finish(&arena);
}

TEST(nobody_else_can_map_envelopes_to_write)
{
    begin(true);
    const struct plat_memory *memory = &arena.envelope_memory;
    const struct plat_memory *shared = &arena.shared_memory;
    void *map = mmap(NULL, memory->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    CHECK(map == MAP_FAILED);
    map = mmap(NULL, memory->size_bytes, PROT_READ, MAP_SHARED, memory->fd, 0);
    REQUIRE(map != MAP_FAILED);
    arena.envelopes[2].sequence = 77;
    CHECK_EQ(((struct eng_envelope *)map)[2].sequence, 77);
    CHECK(mprotect(map, memory->size_bytes, PROT_READ | PROT_WRITE) != 0);
    munmap(map, memory->size_bytes);
    map = mmap(NULL, shared->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd, 0);
    REQUIRE(map != MAP_FAILED);
    struct eng_arena view = {.item_count = SLOTS, .worker_count = 2};
    eng_arena_view(&view, NULL, map);
    atomic_store(view.control_bell, 3);
    atomic_store(&view.items[SLOTS - 1].token, 5);
    CHECK_EQ(atomic_load(arena.control_bell), 3);
    CHECK_EQ(read_word(SLOTS - 1), 5);
    munmap(map, shared->size_bytes);
    eng_arena_finish(&arena);
}

int main(void)
{
    RUN(the_holders_edges_are_believed);
    RUN(any_other_word_is_repaired_and_reported);
    RUN(what_was_seen_done_stays_done);
    RUN(a_ring_says_no_more_than_its_consumer_may);
    RUN(nobody_else_can_map_envelopes_to_write);
    return test_report();
}
