/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tokens, ring and inbox under real threads. What they order is plain memory on purpose: under
 * ThreadSanitizer a missing order is a report. */
#include "base/prng.h"
#include "engine/inbox.h"
#include "engine/ring.h"
#include "engine/token.h"
#include "harness/test.h"
#include "platform/platform.h"

#include <sched.h>

/* ---- token: a control thread that steals, a worker that does not know ----------------------- */

#define TRANSFERS 200000u

struct transfer {
    _Atomic uint64_t token;
    _Atomic uint64_t hint; /* grant dispatched last; 0: none, UINT64_MAX: leave */
    struct eng_token_counts counts;
    uint64_t envelope, result; /* plain: ordered by the token alone */
    uint64_t finished, acknowledged;
};

static void work(void *argument)
{
    struct transfer *transfer = argument;
    uint64_t last = 0, grant;
    while ((grant = atomic_load_explicit(&transfer->hint, memory_order_relaxed)) != UINT64_MAX) {
        struct eng_token_args args = {.holder = 1, .grant = grant};
        if (grant == last ||
            !eng_token_apply(&transfer->token, ENG_EDGE_START, &args, &transfer->counts)) {
            sched_yield();
            continue;
        }
        last = grant;
        transfer->result = transfer->envelope * 3;
        if (eng_token_apply(&transfer->token, ENG_EDGE_FINISH, &args, &transfer->counts))
            transfer->finished++;
        else if (eng_token_apply(&transfer->token, ENG_EDGE_ACKNOWLEDGE, &args, &transfer->counts))
            transfer->acknowledged++;
    }
}

static bool control(struct transfer *transfer, enum eng_edge edge, uint64_t grant)
{
    struct eng_token_args args = {.holder = 1, .grant = grant};
    return eng_token_apply(&transfer->token, edge, &args, &transfer->counts);
}

/* One attempt from acquire to return. Returns: 0 finished, 1 claimed, 2 stolen. */
static int transfer_once(struct transfer *transfer, struct base_prng *prng)
{
    bool ok = control(transfer, ENG_EDGE_ACQUIRE, 0);
    uint64_t grant = eng_token_grant(atomic_load(&transfer->token)) + 1;
    transfer->envelope = grant;
    ok &= control(transfer, ENG_EDGE_DISPATCH, 0);
    atomic_store_explicit(&transfer->hint, grant, memory_order_relaxed);
    for (uint32_t patience = base_prng_below(prng, 30); patience > 0; patience--)
        if (eng_token_state(atomic_load(&transfer->token)) == ENG_TOKEN_DONE)
            break;
        else
            sched_yield();
    int how = 0;
    if (control(transfer, ENG_EDGE_CLAIM, grant)) {
        how = 1;
    } else if (control(transfer, ENG_EDGE_STEAL, grant)) {
        how = 2;
        while (!control(transfer, ENG_EDGE_CONVERT, grant))
            sched_yield();
    } else {
        CHECK(ok && control(transfer, ENG_EDGE_ADVANCE, grant));
        CHECK_EQ(transfer->result, grant * 3);
    }
    CHECK(ok && control(transfer, ENG_EDGE_RETURN, grant));
    return how;
}

TEST(token_orders_plain_memory)
{
    static struct transfer transfer;
    struct base_prng prng = {.state = 5};
    struct plat_thread thread = {.name = "worker", .run = work, .argument = &transfer};
    uint64_t how[3] = {0};
    REQUIRE(plat_thread_create(&thread) == 0);
    uint64_t end_ns = plat_now_ns() + 1000000000u, count = 0;
    while (count < TRANSFERS && test_ok &&
           (count <= 1000 || how[0] == 0 || count % 64 || plat_now_ns() < end_ns)) {
        how[transfer_once(&transfer, &prng)]++;
        count++;
    }
    atomic_store(&transfer.hint, UINT64_MAX);
    plat_thread_join(&thread);
    CHECK_EQ(transfer.finished, how[0]);
    CHECK_EQ(transfer.acknowledged, how[2]);
    CHECK_EQ(how[0] + how[1] + how[2], count);
    printf("%" PRIu64 " attempts: %" PRIu64 " finished, %" PRIu64 " claimed, %" PRIu64 " stolen\n",
        count, how[0], how[1], how[2]);
    CHECK(count > 1000 && how[0] > 0);
}

/* ---- inbox and ring -----------------------------------------------------------------------------
 */

#define PRODUCERS 3u
#define MESSAGES  20000u

static struct eng_inbox inbox;

static void produce(void *argument)
{
    uint64_t producer = (uint64_t)(uintptr_t)argument;
    for (uint64_t i = 0; i < MESSAGES; i++) {
        uint64_t message = producer << 32 | i;
        while (!eng_inbox_push(&inbox, &message))
            sched_yield();
    }
}

TEST(inbox_loses_and_swaps_nothing)
{
    struct plat_thread threads[PRODUCERS];
    uint64_t next[PRODUCERS] = {0}, message;
    REQUIRE(eng_inbox_init(&inbox, 16, sizeof(message)) == 0);
    for (uintptr_t p = 0; p < PRODUCERS; p++) {
        threads[p] =
            (struct plat_thread){.name = "producer", .run = produce, .argument = (void *)p};
        REQUIRE(plat_thread_create(&threads[p]) == 0);
    }
    for (uint32_t got = 0; got < PRODUCERS * MESSAGES;) {
        if (!eng_inbox_pop(&inbox, &message)) {
            sched_yield();
            continue;
        }
        CHECK_EQ(message & UINT32_MAX, next[message >> 32]);
        next[message >> 32]++;
        got++;
    }
    for (uint32_t p = 0; p < PRODUCERS; p++)
        plat_thread_join(&threads[p]);
    CHECK(!eng_inbox_pop(&inbox, &message));
    eng_inbox_finish(&inbox);
}

static struct eng_ring ring;
static uint64_t cells[8];

static void fill(void *argument)
{
    for (uint64_t i = 0; i < MESSAGES;) {
        uint32_t cell;
        if (!eng_ring_reserve(&ring, &cell)) {
            sched_yield();
            continue;
        }
        cells[cell] = i++;
        eng_ring_push(&ring);
    }
}

TEST(ring_loses_and_swaps_nothing)
{
    struct plat_thread thread = {.name = "producer", .run = fill};
    eng_ring_init(&ring, 8);
    REQUIRE(plat_thread_create(&thread) == 0);
    for (uint64_t i = 0; i < MESSAGES;) {
        uint32_t cell;
        if (!eng_ring_peek(&ring, &cell)) {
            sched_yield();
            continue;
        }
        CHECK_EQ(cells[cell], i);
        eng_ring_pop(&ring);
        i++;
    }
    plat_thread_join(&thread);
}

int main(void)
{
    RUN(token_orders_plain_memory);
    RUN(inbox_loses_and_swaps_nothing);
    RUN(ring_loses_and_swaps_nothing);
    return test_report();
}
