/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Token transfer race stress: a control thread that dispatches, loses patience, claims, cancels and
 * steals, against workers that start, write, wait for hardware, finish, abandon and acknowledge.
 * Envelope and pixels are plain memory on purpose: under ThreadSanitizer a missing order is a
 * report, and in every build a second writer is seen by the stamp that it leaves.
 *
 * SOFTISP_TRANSFERS sets how many applied edges it takes (default 1e8, under ThreadSanitizer 1e7).
 */
#include "base/prng.h"
#include "engine/arena.h"
#include "harness/test.h"
#include "platform/platform.h"

#include <sched.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__)
#define IS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_TSAN 1
#endif
#endif
#ifdef IS_TSAN
#define TRANSFERS UINT64_C(10000000)
#else
#define TRANSFERS UINT64_C(100000000)
#endif

#define SLOTS   64u
#define WORKERS 2u
#define RING    64u
#define PIXELS  8u

struct slot {
    alignas(64) _Atomic uint64_t token;
    alignas(64) uint64_t envelope; /* written before dispatch, read after start */
    uint64_t result;               /* written before finish, read after DONE was seen */
    uint64_t pixels[PIXELS];       /* its one writer stamps them with the grant */
    /* The control thread's own. */
    uint64_t grant;
    uint32_t worker, patience;
    bool is_publishing;
};

/* Edges are counted by each thread for itself: shared counters would be the bottleneck, and would
 * order what the token must order. */
struct worker {
    alignas(64) struct eng_ring ring;
    struct eng_hint hints[RING];
    struct eng_token_counts counts;
    struct plat_thread thread;
    uint64_t finished, acknowledged, abandoned, stale, broken;
    struct base_prng prng;
    uint16_t holder;
};

static struct slot slots[SLOTS];
static struct worker workers[WORKERS];
static struct eng_token_counts control_counts;
static _Atomic uint32_t is_over;

static uint64_t sum(const struct eng_token_counts *counts)
{
    uint64_t total = 0;
    for (int e = 0; e < ENG_EDGE_COUNT; e++)
        total += counts->applied[e];
    return total;
}

static uint64_t applied_by_all(void)
{
    uint64_t total = sum(&control_counts);
    for (uint32_t w = 0; w < WORKERS; w++)
        total += sum(&workers[w].counts);
    return total;
}

static uint64_t wanted(void)
{
    const char *text = getenv("SOFTISP_TRANSFERS");
    return text ? strtoull(text, NULL, 10) : TRANSFERS;
}

/* ---- workers ----------------------------------------------------------------------------------
 */

static bool stamp(struct slot *slot, uint64_t grant)
{
    for (uint32_t i = 0; i < PIXELS; i++)
        slot->pixels[i] = grant;
    bool is_mine = true;
    for (uint32_t i = 0; i < PIXELS; i++)
        is_mine &= slot->pixels[i] == grant;
    return is_mine;
}

static bool apply(struct worker *worker, struct slot *slot, enum eng_edge edge, uint64_t grant)
{
    struct eng_token_args args = {.holder = worker->holder, .grant = grant};
    return eng_token_apply(&slot->token, edge, &args, &worker->counts);
}

/* As engine/worker.c does: finish, else abandon what hardware still writes, else acknowledge. */
static void let_go(struct worker *worker, struct slot *slot, uint64_t grant, bool uses_hw)
{
    while (
        uses_hw && (atomic_load_explicit(&slot->token, memory_order_acquire) & ENG_TOKEN_HW_BUSY)) {
        if (apply(worker, slot, ENG_EDGE_ABANDON, grant)) {
            worker->abandoned++;
            return;
        }
        if (eng_token_state(atomic_load(&slot->token)) != ENG_TOKEN_WORKER)
            break;
        sched_yield();
    }
    if (apply(worker, slot, ENG_EDGE_FINISH, grant))
        worker->finished++;
    else if (apply(worker, slot, ENG_EDGE_ACKNOWLEDGE, grant))
        worker->acknowledged++;
    else
        worker->broken++;
}

static void work_on(struct worker *worker, struct eng_hint hint)
{
    struct slot *slot = &slots[hint.slot];
    if (!apply(worker, slot, ENG_EDGE_START, hint.grant)) {
        worker->stale++;
        return;
    }
    uint32_t mood = base_prng_below(&worker->prng, 64);
    worker->broken += slot->envelope != hint.grant * 3;
    worker->broken += !stamp(slot, hint.grant);
    if (mood == 0)
        sched_yield(); /* long enough to be suspected */
    bool uses_hw = mood == 1 && apply(worker, slot, ENG_EDGE_START_HW, hint.grant);
    slot->result = hint.grant * 5;
    worker->broken += !stamp(slot, hint.grant);
    let_go(worker, slot, hint.grant, uses_hw);
}

static void work(void *argument)
{
    struct worker *worker = argument;
    uint32_t cell;
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        if (!eng_ring_peek(&worker->ring, &cell)) {
            sched_yield();
            continue;
        }
        struct eng_hint hint = worker->hints[cell];
        eng_ring_pop(&worker->ring);
        work_on(worker, hint);
    }
}

/* ---- control ------------------------------------------------------------------------------------
 */

static bool control(struct slot *slot, enum eng_edge edge)
{
    struct eng_token_args args = {.holder = workers[slot->worker].holder, .grant = slot->grant};
    return eng_token_apply(&slot->token, edge, &args, &control_counts);
}

static void dispatch(struct slot *slot, struct base_prng *prng)
{
    slot->worker = base_prng_below(prng, WORKERS);
    struct worker *worker = &workers[slot->worker];
    uint32_t cell;
    if (!eng_ring_reserve(&worker->ring, &cell))
        return;
    CHECK(control(slot, ENG_EDGE_ACQUIRE));
    slot->grant = eng_token_grant(atomic_load(&slot->token)) + 1;
    slot->envelope = slot->grant * 3;
    slot->patience = base_prng_below(prng, 8) ? 1u << 20 : base_prng_below(prng, 4);
    slot->is_publishing = base_prng_below(prng, 2);
    for (uint32_t i = 0; i < PIXELS; i++)
        slot->pixels[i] = 0; /* races with whoever still writes */
    CHECK(control(slot, ENG_EDGE_DISPATCH));
    worker->hints[cell] = (struct eng_hint){(uint32_t)(slot - slots), slot->grant};
    eng_ring_push(&worker->ring);
}

static void collect(struct slot *slot)
{
    CHECK_EQ(slot->result, slot->grant * 5);
    CHECK_EQ(slot->pixels[0], slot->grant);
    CHECK(control(slot, slot->is_publishing ? ENG_EDGE_PUBLISH : ENG_EDGE_ADVANCE));
    CHECK_EQ(slot->pixels[PIXELS - 1], slot->grant);
    CHECK(control(slot, ENG_EDGE_RETURN));
}

/* A worker whose slot is only cancelled abandons it while hardware works, else finishes. */
static void lose_patience(struct slot *slot, struct base_prng *prng)
{
    if (control(slot, ENG_EDGE_CLAIM)) {
        CHECK(control(slot, ENG_EDGE_RETURN));
        return;
    }
    control(slot, ENG_EDGE_CANCEL);
    if (base_prng_below(prng, 2))
        control(slot, ENG_EDGE_STEAL);
}

static void reclaim(struct slot *slot, struct base_prng *prng)
{
    if (base_prng_below(prng, 4) == 0)
        control(slot, ENG_EDGE_ESCALATE);
    if (base_prng_below(prng, 2))
        control(slot, ENG_EDGE_HW_DONE);
    if (control(slot, ENG_EDGE_CONVERT))
        CHECK(control(slot, ENG_EDGE_RETURN));
}

static bool visit(struct slot *slot, struct base_prng *prng, bool is_ending)
{
    uint64_t word = atomic_load_explicit(&slot->token, memory_order_acquire);
    switch (eng_token_state(word)) {
    case ENG_TOKEN_FREE:
        if (!is_ending)
            dispatch(slot, prng);
        return true;
    case ENG_TOKEN_DONE:
        collect(slot);
        return false;
    case ENG_TOKEN_MONITOR:
    case ENG_TOKEN_QUARANTINE:
        reclaim(slot, prng);
        return false;
    default:
        if ((word & ENG_TOKEN_HW_BUSY) && base_prng_below(prng, 4))
            base_prng_below(prng, 2) ? (void)control(slot, ENG_EDGE_HW_DONE)
                                     : lose_patience(slot, prng);
        else if (slot->patience-- == 0 || is_ending)
            lose_patience(slot, prng);
        return false;
    }
}

static void control_until(uint64_t transfers)
{
    struct base_prng prng = {.state = 11};
    uint32_t idle = 0;
    bool is_ending = false;
    for (uint64_t round = 0; idle < SLOTS && test_ok; round++) {
        idle = 0;
        for (uint32_t s = 0; s < SLOTS; s++)
            idle += visit(&slots[s], &prng, is_ending);
        if (idle == 0)
            sched_yield();
        if (!is_ending) {
            idle = 0;
            is_ending = round % 1024 == 0 && applied_by_all() >= transfers;
        }
    }
}

TEST(token_transfer_race_stress)
{
    uint64_t transfers = wanted(), start_ns = plat_now_ns();
    for (uint32_t w = 0; w < WORKERS; w++) {
        workers[w].holder = (uint16_t)(w + 1);
        workers[w].prng.state = w + 1;
        eng_ring_init(&workers[w].ring, RING);
        workers[w].thread =
            (struct plat_thread){.name = "worker", .run = work, .argument = &workers[w]};
        REQUIRE(plat_thread_create(&workers[w].thread) == 0);
    }
    control_until(transfers);
    atomic_store(&is_over, 1);
    for (uint32_t w = 0; w < WORKERS; w++) {
        plat_thread_join(&workers[w].thread);
        CHECK_EQ(workers[w].broken, 0);
        CHECK(workers[w].finished > 0 && workers[w].acknowledged > 0);
    }
    uint64_t total = applied_by_all();
    uint64_t finished = workers[0].finished + workers[1].finished;
    uint64_t lost = workers[0].acknowledged + workers[1].acknowledged;
    uint64_t abandoned = workers[0].abandoned + workers[1].abandoned;
    CHECK_EQ(control_counts.applied[ENG_EDGE_PUBLISH] + control_counts.applied[ENG_EDGE_ADVANCE],
        finished);
    CHECK_EQ(control_counts.applied[ENG_EDGE_STEAL], lost);
    CHECK_EQ(control_counts.applied[ENG_EDGE_CONVERT], lost + abandoned);
    CHECK_EQ(control_counts.applied[ENG_EDGE_ACQUIRE], control_counts.applied[ENG_EDGE_RETURN]);
    CHECK(abandoned > 0 && total >= transfers);
    for (uint32_t s = 0; s < SLOTS; s++)
        CHECK_EQ(eng_token_state(atomic_load(&slots[s].token)), ENG_TOKEN_FREE);
    double seconds = (double)(plat_now_ns() - start_ns) / 1e9;
    printf("%" PRIu64 " transfers in %.1f s, %.1f M/s: %" PRIu64 " finished, %" PRIu64
           " stolen, %" PRIu64 " abandoned, %" PRIu64 " claimed\n",
        total, seconds, (double)total / seconds / 1e6, finished, lost, abandoned,
        (uint64_t)control_counts.applied[ENG_EDGE_CLAIM]);
}

int main(void)
{
    RUN(token_transfer_race_stress);
    return test_report();
}
