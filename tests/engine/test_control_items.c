/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Control items: each counts once, however often, late or mixed up it comes. */
#include "base/prng.h"
#include "engine/belief.h"
#include "engine/session_manager.h"
#include "harness/test.h"

#include <errno.h>

#define SLOTS 16u

static struct eng_arena arena;
static struct eng_session_manager manager;

static void start(void)
{
    struct eng_knobs knobs = {.spare_slots = 1};
    REQUIRE(eng_arena_init(&arena, SLOTS, 1) == 0);
    eng_session_manager_init(&manager, &arena, &knobs);
    REQUIRE(eng_session_admit(&manager, 0, &(struct eng_session_config){0}) == 0);
}

static void finish(void)
{
    eng_session_manager_check(&manager);
    eng_arena_finish(&arena);
}

/* An item that returns a slot which was just taken. */
static struct eng_control_item take(uint64_t sequence)
{
    struct eng_control_item item = {
        .type = ENG_CONTROL_RETURN_SLOT, .origin = ENG_ORIGIN_MONITOR, .sequence = sequence};
    int error = eng_session_acquire(&manager, 0, 0, ENG_NONE, &item.slot);
    CHECK_EQ(error, 0);
    item.grant = eng_token_grant(eng_arena_token(&arena, item.slot));
    return item;
}

TEST(replay_of_any_prefix_changes_nothing)
{
    enum { COUNT = 12 };
    start();
    struct eng_control_item items[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        items[i] = take(i + 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK_EQ(eng_session_accept_batch(&manager, &items[i], 1), 0);
        CHECK_EQ(eng_session_free_count(&manager), SLOTS - COUNT + i + 1);
        struct eng_session_manager before = manager;
        CHECK_EQ(eng_session_accept_batch(&manager, items, i + 1), 0);
        CHECK_EQ(manager.items_repeated, before.items_repeated + i + 1);
        before.items_repeated = manager.items_repeated;
        CHECK(memcmp(&before, &manager, sizeof(manager)) == 0);
    }
    CHECK_EQ(manager.items_applied, COUNT);
    finish();
}

/* The slot may long be somebody else's when an old item comes again. */
TEST(a_duplicate_does_not_free_the_slots_next_holder)
{
    start();
    struct eng_control_item item = take(1), last = take(2);
    struct eng_control_item twice[] = {item, item};
    CHECK_EQ(eng_session_accept_batch(&manager, twice, 2), 0);
    CHECK_EQ(manager.items_repeated, 1);
    CHECK_EQ(eng_session_accept_batch(&manager, &last, 1), 0); /* it will be the spare */
    uint32_t slot = ENG_NONE;
    while (slot != item.slot)
        REQUIRE(eng_session_acquire(&manager, 0, 0, ENG_NONE, &slot) == 0);
    CHECK_EQ(eng_session_accept_batch(&manager, twice, 2), 0);
    CHECK_EQ(eng_token_state(eng_arena_token(&arena, slot)), ENG_TOKEN_SESSION);
    finish();
}

TEST(reordered_and_repeated_at_random_counts_once)
{
    start();
    struct base_prng prng = {.state = 11};
    struct eng_control_item sent[ENG_CONTROL_WINDOW] = {0};
    for (uint64_t sequence = 1; sequence <= 20000 && test_ok;) {
        uint32_t count = 0, held = 1 + base_prng_below(&prng, SLOTS - 1);
        while (count < held)
            sent[count++] = take(sequence++);
        for (uint32_t i = count - 1; i > 0; i--) {
            uint32_t other = base_prng_below(&prng, i + 1);
            struct eng_control_item swapped = sent[i];
            sent[i] = sent[other];
            sent[other] = swapped;
        }
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(eng_session_accept_batch(&manager, &sent[i], 1), 0);
            uint32_t again = base_prng_below(&prng, i + 1);
            CHECK_EQ(eng_session_accept_batch(&manager, &sent[again], 1), 0);
        }
        CHECK_EQ(eng_session_free_count(&manager), SLOTS);
        CHECK_EQ(manager.items_applied, sequence - 1);
        CHECK_EQ(manager.items_repeated, sequence - 1);
        eng_session_manager_check(&manager);
    }
    finish();
}

TEST(below_the_window_it_has_been_answered_already)
{
    start();
    struct eng_control_item old = take(1), fresh = take(65);
    CHECK_EQ(eng_session_accept_batch(&manager, &fresh, 1), 0);
    CHECK_EQ(eng_session_accept_batch(&manager, &old, 1), 0);
    CHECK_EQ(manager.items_applied, 1); /* 1 is 64 behind */
    CHECK_EQ(eng_session_free_count(&manager), SLOTS - 1);
    old.sequence = 2;
    CHECK_EQ(eng_session_accept_batch(&manager, &old, 1), 0);
    CHECK_EQ(manager.items_applied, 2);
    struct eng_control_item far = take(1000000);
    CHECK_EQ(eng_session_accept_batch(&manager, &far, 1), 0);
    CHECK_EQ(manager.windows[ENG_ORIGIN_MONITOR].applied, 1);
    finish();
}

TEST(a_new_incarnation_counts_anew_and_the_old_one_is_over)
{
    start();
    struct eng_control_item item = take(7);
    CHECK_EQ(eng_session_accept_batch(&manager, &item, 1), 0);
    struct eng_control_item next = take(7);
    next.incarnation = 1;
    CHECK_EQ(eng_session_accept_batch(&manager, &next, 1), 0);
    CHECK_EQ(manager.items_applied, 2);
    struct eng_control_item late = take(8);
    CHECK_EQ(eng_session_accept_batch(&manager, &late, 1), 0);
    CHECK_EQ(manager.items_applied, 2); /* of incarnation 0 */
    late.incarnation = 1;
    CHECK_EQ(eng_session_accept_batch(&manager, &late, 1), 0);
    CHECK_EQ(manager.items_applied, 3);
    late = take(7);
    late.origin = ENG_ORIGIN_SCHEDULER; /* counts by itself */
    CHECK_EQ(eng_session_accept_batch(&manager, &late, 1), 0);
    CHECK_EQ(manager.items_applied, 4);
    CHECK_EQ(eng_session_free_count(&manager), SLOTS);
    finish();
}

TEST(what_makes_no_sense_is_refused_and_what_stands_before_it_holds)
{
    start();
    struct eng_control_item good = take(1), other = take(2);
    struct eng_control_item wrong = other;
    wrong.slot = SLOTS;
    CHECK_EQ(eng_session_accept_batch(&manager, &wrong, 1), -EINVAL);
    wrong = other;
    wrong.origin = ENG_ORIGIN_COUNT;
    CHECK_EQ(eng_session_accept_batch(&manager, &wrong, 1), -EINVAL);
    wrong = other;
    wrong.type = ENG_CONTROL_TYPE_COUNT;
    CHECK_EQ(eng_session_accept_batch(&manager, &wrong, 1), -EINVAL);
    wrong = other;
    wrong.sequence = 0;
    CHECK_EQ(eng_session_accept_batch(&manager, &wrong, 1), -EINVAL);
    wrong = other;
    wrong.grant++;
    struct eng_control_item batch[] = {good, wrong, other};
    CHECK_EQ(eng_session_accept_batch(&manager, batch, 3), -ESTALE);
    CHECK_EQ(manager.items_applied, 1);
    batch[1] = other;
    CHECK_EQ(eng_session_accept_batch(&manager, batch, 3), 0);
    CHECK_EQ(manager.items_applied, 2);
    CHECK_EQ(manager.items_repeated, 2);
    wrong = good; /* a free slot is nobody's to return */
    wrong.sequence = 9;
    CHECK_EQ(eng_session_accept_batch(&manager, &wrong, 1), -ESTALE);
    CHECK_EQ(eng_session_free_count(&manager), SLOTS);
    finish();
}

int main(void)
{
    RUN(replay_of_any_prefix_changes_nothing);
    RUN(a_duplicate_does_not_free_the_slots_next_holder);
    RUN(reordered_and_repeated_at_random_counts_once);
    RUN(below_the_window_it_has_been_answered_already);
    RUN(a_new_incarnation_counts_anew_and_the_old_one_is_over);
    RUN(what_makes_no_sense_is_refused_and_what_stands_before_it_holds);
    return test_report();
}
