/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A process that changes a token whenever the control thread is about to: the marks between its
 * load and its compare-and-swap are where this program writes. */
#include "engine/belief.h"
#include "harness/test.h"
#include "platform/simulate.h"

static struct eng_arena arena;
static uint32_t strikes; /* that are left */

void plat_point(struct plat_site *site)
{
    if (strikes == 0 || strcmp(site->name, "token_loaded") != 0)
        return;
    strikes--;
    atomic_fetch_xor(&arena.items[0].token, ENG_TOKEN_SPARE);
}

void plat_trace_token(
    const _Atomic uint64_t *token, unsigned edge, const void *args, uint64_t before, uint64_t after)
{
}

/* Returns: whether somebody was found to break the protocol. */
static bool acquire_under(uint32_t count)
{
    CHECK(eng_arena_init(&arena, 1, 1) == 0);
    arena.belief->is_foreign = true;
    struct eng_token_args none = {0};
    strikes = count;
    CHECK(eng_arena_apply(&arena, 0, ENG_EDGE_ACQUIRE, &none));
    uint64_t word = atomic_load(&arena.items[0].token);
    CHECK_EQ(eng_token_state(word), ENG_TOKEN_SESSION);
    CHECK_EQ(word & ENG_TOKEN_SPARE, 0);
    CHECK_EQ(arena.belief->counts.applied[ENG_EDGE_ACQUIRE], 1);
    bool is_broken = arena.belief->has_broken_words;
    eng_arena_finish(&arena);
    return is_broken;
}

TEST(an_edge_that_nobody_disturbs_is_nobodys_fault)
{
    CHECK(!acquire_under(0));
}

/* However long it goes on, the control thread has its way after so many tries. */
TEST(whoever_interferes_is_found_and_holds_nobody_up)
{
    CHECK(acquire_under(1));
    CHECK(acquire_under(8));
    CHECK(acquire_under(1000));
    CHECK(strikes > 900);
}

int main(void)
{
    RUN(an_edge_that_nobody_disturbs_is_nobodys_fault);
    RUN(whoever_interferes_is_found_and_holds_nobody_up);
    return test_report();
}
