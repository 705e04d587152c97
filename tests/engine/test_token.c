/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The token's table exhaustively: every state x bits x edge x belief, against a second telling. */
#include "engine/token.h"
#include "harness/test.h"

#define GRANT  ((uint64_t)41)
#define HOLDER 3u

struct word {
    enum eng_token_state state;
    bool cpu, hw, cancel;
    uint16_t holder;
    uint64_t grant;
};

static uint64_t pack(struct word w)
{
    return (uint64_t)w.state << 60 | (uint64_t)w.cpu << 59 | (uint64_t)w.hw << 58 |
           (uint64_t)w.cancel << 57 | (uint64_t)w.holder << 40 | w.grant;
}

/* The workers' half of DESIGN section 3's table, one edge a case, in its own words. */
static bool worker_expects(struct word *w, enum eng_edge edge, bool is_mine)
{
    bool is_worker = w->state == ENG_TOKEN_WORKER;
    switch (edge) {
    case ENG_EDGE_START:
        if (w->state != ENG_TOKEN_QUEUED || !is_mine)
            return false;
        w->state = ENG_TOKEN_WORKER;
        w->cpu = true;
        return true;
    case ENG_EDGE_START_HW:
        if (!is_worker || !w->cpu || w->hw || !is_mine)
            return false;
        w->hw = true;
        return true;
    case ENG_EDGE_FINISH:
        if (!is_worker || !w->cpu || w->hw || !is_mine)
            return false;
        w->state = ENG_TOKEN_DONE;
        w->cpu = false;
        return true;
    case ENG_EDGE_ABANDON:
        if (!is_worker || !w->cpu || !w->hw || !w->cancel || !is_mine)
            return false;
        w->state = ENG_TOKEN_MONITOR;
        w->cpu = false;
        return true;
    default: /* acknowledge */
        if (is_worker || !w->cpu || !is_mine)
            return false;
        w->cpu = false;
        return true;
    }
}

/* Waiting states: from the Monitor on. */
static bool monitor_expects(struct word *w, enum eng_edge edge, bool has_grant)
{
    bool is_stolen = w->state == ENG_TOKEN_MONITOR || w->state == ENG_TOKEN_QUARANTINE;
    switch (edge) {
    case ENG_EDGE_ESCALATE:
        if (w->state != ENG_TOKEN_MONITOR || !(w->cpu || w->hw))
            return false;
        w->state = ENG_TOKEN_QUARANTINE;
        return true;
    case ENG_EDGE_REAP_CPU:
        if (!is_stolen || !w->cpu || !has_grant)
            return false;
        w->cpu = false;
        return true;
    case ENG_EDGE_REAP_HW:
        if (!is_stolen || w->cpu || !w->hw || !has_grant)
            return false;
        w->hw = false;
        return true;
    case ENG_EDGE_HW_DONE:
        if (!w->hw || !has_grant)
            return false;
        w->hw = false;
        return true;
    default: /* convert */
        if (!is_stolen || w->cpu || w->hw)
            return false;
        w->state = ENG_TOKEN_SESSION;
        return true;
    }
}

static bool move(struct word *w, enum eng_token_state from, enum eng_token_state to, bool guard)
{
    if (w->state != from || !guard)
        return false;
    w->state = to;
    return true;
}

static bool control_expects(
    struct word *w, enum eng_edge edge, bool has_grant, const struct eng_token_args *args)
{
    bool no_bits = !w->cpu && !w->hw && !w->cancel;
    switch (edge) {
    case ENG_EDGE_ACQUIRE:
        return move(w, ENG_TOKEN_FREE, ENG_TOKEN_SESSION, no_bits);
    case ENG_EDGE_DISPATCH:
        if (!move(w, ENG_TOKEN_SESSION, ENG_TOKEN_QUEUED, no_bits))
            return false;
        w->holder = args->holder;
        w->grant = (w->grant + 1) % ((uint64_t)1 << 40);
        return true;
    case ENG_EDGE_CANCEL:
        if (!move(w, ENG_TOKEN_WORKER, ENG_TOKEN_WORKER, has_grant))
            return false;
        w->cancel = true;
        return true;
    case ENG_EDGE_CLAIM:
        return move(w, ENG_TOKEN_QUEUED, ENG_TOKEN_SESSION, has_grant);
    case ENG_EDGE_STEAL:
        return move(w, ENG_TOKEN_WORKER, ENG_TOKEN_MONITOR, has_grant);
    case ENG_EDGE_ADVANCE:
        return move(w, ENG_TOKEN_DONE, ENG_TOKEN_SESSION, true);
    case ENG_EDGE_PUBLISH:
        return move(w, ENG_TOKEN_DONE, ENG_TOKEN_CONSUMER, true);
    default: /* return */
        if (!move(w, ENG_TOKEN_SESSION, ENG_TOKEN_FREE, true) &&
            !move(w, ENG_TOKEN_CONSUMER, ENG_TOKEN_FREE, args->pins == 0))
            return false;
        w->cancel = false;
        return true;
    }
}

static bool expects(struct word *w, enum eng_edge edge, const struct eng_token_args *args)
{
    bool has_grant = w->grant == args->grant, is_mine = has_grant && w->holder == args->holder;
    switch (edge) {
    case ENG_EDGE_START:
    case ENG_EDGE_START_HW:
    case ENG_EDGE_FINISH:
    case ENG_EDGE_ABANDON:
    case ENG_EDGE_ACKNOWLEDGE:
        return worker_expects(w, edge, is_mine);
    case ENG_EDGE_ESCALATE:
    case ENG_EDGE_REAP_CPU:
    case ENG_EDGE_REAP_HW:
    case ENG_EDGE_HW_DONE:
    case ENG_EDGE_CONVERT:
        return monitor_expects(w, edge, has_grant);
    default:
        return control_expects(w, edge, has_grant, args);
    }
}

static unsigned allowed_count, case_count;

static void check_word(struct word w, const struct eng_token_args *args)
{
    for (enum eng_edge edge = 0; edge < ENG_EDGE_COUNT; edge++) {
        struct word want = w;
        bool is_wanted = expects(&want, edge, args);
        struct eng_token_counts counts = {0};
        _Atomic uint64_t token = pack(w);
        bool is_applied = eng_token_apply(&token, edge, args, &counts);
        case_count++;
        allowed_count += is_applied;
        CHECK_EQ(is_applied, is_wanted);
        CHECK_EQ(token, is_wanted ? pack(want) : pack(w));
        CHECK_EQ(counts.applied[edge], is_wanted);
        CHECK_EQ(counts.failed[edge], !is_wanted);
    }
}

TEST(every_state_bits_and_edge)
{
    for (uint32_t i = 0; i < ENG_TOKEN_STATE_COUNT * 256; i++) {
        struct word w = {.state = i / 256,
            .cpu = i & 1,
            .hw = i & 2,
            .cancel = i & 4,
            .holder = HOLDER,
            .grant = GRANT};
        if (!eng_token_is_valid(pack(w)))
            continue;
        /* The right one, and others on both sides of it. */
        struct eng_token_args args = {.holder = (uint16_t)(HOLDER - 1 + (i >> 3 & 3)),
            .grant = GRANT - 1 + (i >> 5 & 3),
            .pins = i >> 7 & 1};
        check_word(w, &args);
    }
    printf("%u cases, %u allowed\n", case_count, allowed_count);
    CHECK(allowed_count > 0 && allowed_count < case_count);
}

TEST(words_that_the_table_cannot_make_are_invalid)
{
    CHECK(eng_token_is_valid(0));
    CHECK(!eng_token_is_valid(pack((struct word){.state = ENG_TOKEN_FREE, .cpu = true})));
    CHECK(!eng_token_is_valid(pack((struct word){.state = ENG_TOKEN_QUEUED, .hw = true})));
    CHECK(!eng_token_is_valid(pack((struct word){.state = ENG_TOKEN_WORKER})));
    CHECK(!eng_token_is_valid(pack((struct word){.state = ENG_TOKEN_DONE, .cpu = true})));
    CHECK(!eng_token_is_valid(ENG_TOKEN_SPARE));
    CHECK(!eng_token_is_valid((uint64_t)ENG_TOKEN_STATE_COUNT << 60));
    /* And no edge leaves them. */
    uint64_t next;
    struct eng_token_args args = {.holder = HOLDER};
    CHECK(!eng_token_next(ENG_TOKEN_SPARE, ENG_EDGE_ACQUIRE, &args, &next));
}

TEST(grant_wraps_without_touching_the_holder)
{
    struct word w = {.state = ENG_TOKEN_SESSION, .holder = 1, .grant = ENG_TOKEN_GRANT_MASK};
    struct eng_token_args args = {.holder = 2};
    uint64_t next;
    REQUIRE(eng_token_next(pack(w), ENG_EDGE_DISPATCH, &args, &next));
    CHECK_EQ(eng_token_grant(next), 0);
    CHECK_EQ(eng_token_holder(next), 2);
    CHECK_EQ(eng_token_state(next), ENG_TOKEN_QUEUED);
}

int main(void)
{
    RUN(every_state_bits_and_edge);
    RUN(words_that_the_table_cannot_make_are_invalid);
    RUN(grant_wraps_without_touching_the_holder);
    return test_report();
}
