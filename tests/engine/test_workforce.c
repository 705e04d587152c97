/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the control thread believes of worker processes: their numbers, late news of them, what
 * they leave behind. On a made-up clock. */
#include "engine/stepped.h"
#include "harness/test.h"

static struct stepped stepped;
static struct eng_completion completion;

static void start(void)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.isolation = ENG_ISOLATION_PROCESS;
    stepped.fixture.config.knobs.restart_budget = 2;
    stepped.fixture.config.worker_program = "none"; /* the test keeps the processes */
    stepped.fixture.config.workers[WORKER_SLOW].queue_depth = 2;
    REQUIRE(stepped_init(&stepped) == 0);
    stepped_step(&stepped); /* they are ready */
}

static uint16_t number_of(uint32_t worker)
{
    return eng_workforce_holder(&stepped.core, worker);
}

static struct eng_incarnation *one(uint32_t worker)
{
    return &stepped.core.workforce.workers[worker];
}

static void run(uint32_t worker)
{
    REQUIRE(stepped_start(&stepped, worker));
    REQUIRE(stepped_end(&stepped, worker, 0));
    stepped_step(&stepped);
}

static void expect(uint64_t sequence, enum eng_outcome outcome)
{
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.sequence, sequence);
    CHECK_EQ(completion.row.outcome, outcome);
    stepped_release(&stepped, &completion);
}

/* Dead and there again. */
static void restart(uint32_t worker)
{
    stepped_die(&stepped, worker);
    stepped_step(&stepped);
    stepped_step(&stepped);
    CHECK_EQ(one(worker)->state, ENG_WORKER_READY);
}

TEST(a_number_is_not_drawn_while_anything_names_it)
{
    start();
    CHECK_EQ(number_of(WORKER_FAST), 1);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    run(WORKER_FAST);
    run(WORKER_FAST); /* a token names 1 from now on */
    expect(0, ENG_DELIVERED);
    restart(WORKER_FAST);
    CHECK_EQ(number_of(WORKER_FAST), 4);
    stepped.core.workforce.last_number = UINT16_MAX; /* so many restarts later; 0 is nobody's */
    restart(WORKER_FAST);
    CHECK_EQ(number_of(WORKER_FAST), 5); /* 1: the token's; 2 to 4: the workers' */
    stepped_finish(&stepped);
}

TEST(news_of_another_life_is_ignored)
{
    start();
    struct eng_core *core = &stepped.core;
    uint16_t number = number_of(WORKER_FAST);
    eng_workforce_died(core, WORKER_FAST, number + 1);
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_READY);
    eng_workforce_died(core, WORKER_FAST, number);
    eng_workforce_died(core, WORKER_FAST, number); /* said twice */
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_AWAY);
    CHECK_EQ(one(WORKER_FAST)->deaths, 1);
    eng_workforce_ready(core, WORKER_FAST, number); /* said late */
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_AWAY);
    stepped_step(&stepped);
    eng_workforce_ready(core, WORKER_FAST, number);
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_STARTING);
    for (int i = 0; i < 2; i++) /* its budget is two restarts */
        restart(i ? WORKER_FLOOR : WORKER_FAST);
    number = number_of(WORKER_FAST);
    eng_workforce_died(core, WORKER_FAST, number);
    eng_workforce_died(core, WORKER_FAST, number);
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_GONE);
    CHECK_EQ(one(WORKER_FAST)->deaths, 3);
    CHECK_EQ(core->telemetry.events[ENG_EVENT_DEGRADED], 1);
    stepped_finish(&stepped);
}

/* It has not even started what it was given: nothing is stolen from it, but another one may do
 * better. */
TEST(who_is_silent_is_killed)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    uint64_t end_ns = stepped.now_ns + 1100 * MS;
    while (stepped.now_ns < end_ns) {
        stepped.now_ns += 10 * MS;
        stepped_step(&stepped);
    }
    CHECK_EQ(stepped.core.telemetry.events[ENG_EVENT_WORKER_RESTARTED], 1);
    CHECK_EQ(stepped.core.telemetry.events[ENG_EVENT_PACKET_MOVED_TO_MONITOR], 0);
    CHECK_EQ(one(WORKER_FAST)->state, ENG_WORKER_READY);
    CHECK(!stepped.core.handoff.workers[WORKER_FAST].is_suspect);
    run(WORKER_FLOOR);
    expect(0, ENG_DELIVERED);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_WORKER_HUNG);
    stepped_finish(&stepped);
}

/* A broken process starts what it was given second: what stands before it is taken back. */
TEST(who_starts_out_of_order_loses_only_what_it_started)
{
    start();
    for (int i = 0; i < 2; i++)
        REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    const struct eng_worker_record *record = &stepped.core.handoff.workers[WORKER_SLOW];
    REQUIRE(record->count == 2);
    uint32_t second = record->queue[1];
    stepped.actors[WORKER_SLOW].hint =
        (struct eng_hint){.slot = second, .grant = stepped.core.handoff.slots[second].frame->grant};
    REQUIRE(stepped_apply(&stepped, WORKER_SLOW, ENG_EDGE_START));
    restart(WORKER_SLOW);
    stepped_step(&stepped);
    run(WORKER_SLOW);
    expect(0, ENG_DELIVERED);
    expect(1, ENG_FAILED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_DIED);
    stepped_step(&stepped);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    stepped_finish(&stepped);
}

/* Fast frame, too late: stolen, and its worker lets go. */
static void lose_one(void)
{
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    stepped.now_ns += 20 * MS;
    stepped_step(&stepped);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
}

/* It had let go before it died, but there was no room for its slot's item yet. */
TEST(what_the_dead_one_had_let_go_is_not_reaped)
{
    start();
    struct eng_monitor *monitor = &stepped.core.monitor;
    lose_one();
    stepped_step(&stepped);
    CHECK_EQ(monitor->count, 0);
    lose_one();
    for (uint32_t i = 1; i < ENG_CONTROL_WINDOW; i++)
        monitor->outbox[i] = monitor->outbox[0];
    monitor->outbox_count = ENG_CONTROL_WINDOW;
    stepped_step(&stepped);
    REQUIRE(monitor->count == 1 && !monitor->stolen[0].has_cpu);
    eng_workforce_died(&stepped.core, WORKER_FAST, number_of(WORKER_FAST));
    CHECK_EQ(stepped.core.arena.belief->counts.applied[ENG_EDGE_REAP_CPU], 0);
    CHECK_EQ(stepped.core.arena.belief->counts.failed[ENG_EDGE_REAP_CPU], 0);
    stepped_step(&stepped);
    CHECK_EQ(monitor->count, 0);
    stepped_finish(&stepped);
}

int main(void)
{
    RUN(a_number_is_not_drawn_while_anything_names_it);
    RUN(news_of_another_life_is_ignored);
    RUN(who_is_silent_is_killed);
    RUN(who_starts_out_of_order_loses_only_what_it_started);
    RUN(what_the_dead_one_had_let_go_is_not_reaped);
    return test_report();
}
