/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Epoch and publish fence: real threads submit, flush and read at random. When a flush has
 * returned, all that was accepted before it has ended: it is there to be read now or never. Each
 * accepted frame ends once, and each stream in its order. Meant for ThreadSanitizer. */
#include "base/prng.h"
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>

#define RUN_MS    1200u
#define SESSIONS  2u
#define PRODUCERS 2u
#define TICKETS   60000u /* of one producer in one session */

/** What one producer has sent to one session. A ticket is 0 until it is accepted. */
struct account {
    _Atomic uint32_t next;          /* ticket to come; all below have been answered */
    _Atomic uint8_t state[TICKETS]; /* 0: refused or not sent; 1: accepted; 2: completed */
    uint32_t last[ENG_LANE_COUNT];  /* newest one that completed on that lane; reader's */
};

static struct fixture fixture;
static struct account accounts[SESSIONS][PRODUCERS];
static _Atomic uint32_t is_over;
static uint64_t longest_ns[SESSIONS]; /* flush; its reader's */
static _Atomic uint64_t flushes, disorders, doubles, leaks;

static uint64_t cookie_of(uint32_t producer, uint32_t ticket)
{
    return (uint64_t)producer << 32 | ticket;
}

static void submit_one(uint32_t producer, uint32_t session, struct base_prng *prng)
{
    struct account *account = &accounts[session][producer];
    uint32_t ticket = atomic_load(&account->next);
    struct eng_submission submission = {.session = session,
        .lane = base_prng_below(prng, 4) ? ENG_LANE_FAST : ENG_LANE_BACKGROUND,
        .capture_ns = eng_now_ns(),
        .cookie = cookie_of(producer, ticket)};
    struct eng_span span;
    if (ticket == TICKETS || eng_input_acquire(fixture.runtime, &submission.input, &span))
        return;
    memset(span.bytes, 0, span.size_bytes);
    if (base_prng_below(prng, 3) == 0)
        submission.deadline_ns = submission.capture_ns + base_prng_below(prng, 20) * MS;
    atomic_store(&account->state[ticket], 1); /* it may complete before the call returns */
    if (eng_submit(fixture.runtime, &submission)) {
        atomic_store(&account->state[ticket], 0);
        eng_input_cancel(fixture.runtime, submission.input);
    }
    atomic_store(&account->next, ticket + 1);
}

static void produce(void *argument)
{
    uint32_t producer = (uint32_t)(uintptr_t)argument;
    struct base_prng prng = {.state = producer + 1};
    while (!atomic_load(&is_over)) {
        submit_one(producer, base_prng_below(&prng, SESSIONS), &prng);
        struct fixture_command *command = &fixture.commands[base_prng_below(&prng, COMMAND_COUNT)];
        if (base_prng_below(&prng, 40) == 0)
            atomic_store(&command->wait_ns, base_prng_below(&prng, 10) * MS);
        if (base_prng_below(&prng, 60) == 0)
            atomic_store(&command->fail, -EIO);
        if (base_prng_below(&prng, 3))
            plat_sleep_ns(base_prng_below(&prng, 300) * 1000);
    }
}

static void take(uint32_t session, const struct eng_completion *completion)
{
    uint32_t producer = (uint32_t)(completion->cookie >> 32);
    uint32_t ticket = (uint32_t)completion->cookie;
    struct account *account = &accounts[session][producer];
    uint32_t *last = &account->last[completion->row.lane];
    disorders += completion->row.session != session || ticket + 1 <= *last;
    *last = ticket + 1;
    doubles += atomic_exchange(&account->state[ticket], 2) != 1;
}

/* Returns: what eng_next() does. */
static int read_one(uint32_t session, uint64_t timeout_ns)
{
    struct eng_completion completion;
    int error = eng_next(fixture.runtime, session, &completion, timeout_ns);
    if (!error) {
        take(session, &completion);
        eng_release(fixture.runtime, &completion);
    }
    return error;
}

/* What has been answered before the flush has been read after it. */
static void flush_and_look(uint32_t session)
{
    uint32_t answered[PRODUCERS];
    for (uint32_t p = 0; p < PRODUCERS; p++)
        answered[p] = atomic_load(&accounts[session][p].next);
    uint64_t start_ns = eng_now_ns();
    int error = eng_flush(fixture.runtime, session);
    uint64_t took_ns = eng_now_ns() - start_ns;
    if (took_ns > longest_ns[session])
        longest_ns[session] = took_ns;
    if (error)
        return; /* stopped, or a worker took too long: then nothing is promised */
    flushes++;
    while (read_one(session, 0) == 0)
        ;
    for (uint32_t p = 0; p < PRODUCERS; p++)
        for (uint32_t t = answered[p] > 200 ? answered[p] - 200 : 0; t < answered[p]; t++)
            leaks += atomic_load(&accounts[session][p].state[t]) == 1;
}

static void consume(void *argument)
{
    uint32_t session = (uint32_t)(uintptr_t)argument;
    struct base_prng prng = {.state = 100 + session};
    while (read_one(session, 2 * MS) != -ESHUTDOWN)
        if (base_prng_below(&prng, 12) == 0)
            flush_and_look(session);
}

/* One more that flushes while others do. */
static void flush_blindly(void *argument)
{
    struct base_prng prng = {.state = 7};
    while (!atomic_load(&is_over)) {
        eng_flush(fixture.runtime, base_prng_below(&prng, SESSIONS));
        plat_sleep_ns(base_prng_below(&prng, 20) * MS);
    }
}

static void start_thread(struct plat_thread *thread, void (*run)(void *), uintptr_t argument)
{
    *thread = (struct plat_thread){.name = "fence", .run = run, .argument = (void *)argument};
    int error = plat_thread_create(thread);
    CHECK_EQ(error, 0);
}

static void check_accounts(void)
{
    uint64_t accepted = 0;
    for (uint32_t s = 0; s < SESSIONS; s++)
        for (uint32_t p = 0; p < PRODUCERS; p++)
            for (uint32_t t = 0; t < accounts[s][p].next; t++) {
                CHECK(accounts[s][p].state[t] != 1);
                accepted += accounts[s][p].state[t] == 2;
            }
    struct eng_figures figures;
    eng_figures(fixture.runtime, &figures);
    CHECK_EQ(accepted,
        figures.lanes[ENG_LANE_FAST].accepted + figures.lanes[ENG_LANE_BACKGROUND].accepted);
    printf("%" PRIu64 " frames, %" PRIu64 " flushes looked behind, %" PRIu64
           " results of an earlier epoch, longest flush %.1f ms\n",
        accepted, flushes, figures.events[ENG_EVENT_PACKET_EPOCH_MISMATCH],
        (double)(longest_ns[0] > longest_ns[1] ? longest_ns[0] : longest_ns[1]) / 1e6);
    CHECK(accepted > 100 && flushes > 20);
}

TEST(nothing_crosses_a_flush)
{
    struct plat_thread producers[PRODUCERS], consumers[SESSIONS], flusher;
    uint32_t other;
    fixture_init(&fixture, 2);
    fixture.config.history_count = 2;
    REQUIRE(fixture_start(&fixture) == 0);
    REQUIRE(eng_session_open(fixture.runtime, &(struct eng_session_config){1, 8}, &other) == 0);
    for (uint32_t p = 0; p < PRODUCERS; p++)
        start_thread(&producers[p], produce, p);
    for (uint32_t s = 0; s < SESSIONS; s++)
        start_thread(&consumers[s], consume, s);
    start_thread(&flusher, flush_blindly, 0);
    plat_sleep_ns(RUN_MS * MS);
    atomic_store(&is_over, 1);
    plat_thread_join(&flusher);
    for (uint32_t p = 0; p < PRODUCERS; p++)
        plat_thread_join(&producers[p]);
    eng_stop(fixture.runtime);
    for (uint32_t s = 0; s < SESSIONS; s++)
        plat_thread_join(&consumers[s]);
    check_accounts();
    CHECK_EQ(disorders, 0);
    CHECK_EQ(doubles, 0);
    CHECK_EQ(leaks, 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth + figures.quarantined == 0);
    FIXTURE_UNTIL(&fixture, figures.pins == fixture.config.pools[POOL_INPUT].count);
    fixture_finish(&fixture);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, ignore_log, NULL); /* workers are slow on purpose */
    RUN(nothing_crosses_a_flush);
    return test_report();
}
