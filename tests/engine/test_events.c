/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Events: names, counters, the way to the callback, and what workers put into rows. */
#include "engine/stepped.h"
#include "engine/telemetry.h"
#include "harness/test.h"

#include <string.h>

struct events {
    uint32_t count, rows;
    struct eng_event last;
};

static void take_event(void *user, const struct eng_event *event)
{
    struct events *events = user;
    events->count++;
    events->last = *event;
}

static void take_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes)
{
    struct events *events = user;
    events->rows++;
}

static struct eng_telemetry telemetry;
static struct stepped stepped;

TEST(each_event_has_a_name_of_its_own)
{
    for (uint32_t i = 0; i < ENG_EVENT_COUNT; i++)
        for (uint32_t j = 0; j < i; j++)
            CHECK(strcmp(eng_event_name(i), eng_event_name(j)) != 0);
    CHECK_STR(eng_event_name(ENG_EVENT_HANDOFF_FAST_FORWARDED), "HANDOFF_FAST_FORWARDED");
    CHECK_STR(eng_event_name(ENG_EVENT_FRAME_QUARANTINED), "FRAME_QUARANTINED");
    CHECK_STR(eng_event_name(ENG_EVENT_DEGRADED), "DEGRADED");
}

TEST(events_and_rows_keep_their_order_and_a_full_ring_counts)
{
    struct events events = {0};
    struct eng_config config = {
        .telemetry = take_row, .event = take_event, .telemetry_user = &events};
    struct eng_figures figures = {0};
    REQUIRE(eng_telemetry_init(&telemetry, 0) == 0);
    CHECK(eng_telemetry_is_drained(&telemetry));
    struct eng_row row = {.lane = ENG_LANE_FAST};
    eng_telemetry_emit(&telemetry, &row, (struct eng_span){0});
    struct eng_event event = eng_event_at(ENG_EVENT_PACKET_RETURNED_TO_FIFO, 5);
    CHECK_EQ(event.slot, ENG_NONE);
    for (event.number = 0; event.number < 300; event.number++)
        eng_telemetry_event(&telemetry, &event);
    CHECK(!eng_telemetry_is_drained(&telemetry));
    eng_telemetry_drain(&telemetry, &config);
    CHECK(eng_telemetry_is_drained(&telemetry));
    eng_telemetry_figures(&telemetry, &figures);
    CHECK_EQ(events.rows, 1);
    CHECK_EQ(events.count, 255);
    CHECK_EQ(events.last.number, 254);
    CHECK_EQ(events.last.at_ns, 5);
    CHECK_EQ(figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO], 300);
    CHECK_EQ(figures.events_dropped, 300 - 255);
    CHECK_EQ(figures.telemetry_dropped, 0);
    eng_telemetry_finish(&telemetry);
}

TEST(what_workers_count_becomes_one_event_an_increase)
{
    struct events events = {0};
    struct eng_config config = {.event = take_event, .telemetry_user = &events};
    struct eng_figures figures = {0};
    const uint64_t totals[] = {0, 3, 3, 2, 10};
    REQUIRE(eng_telemetry_init(&telemetry, 0) == 0);
    for (uint32_t i = 0; i < sizeof(totals) / sizeof(*totals); i++)
        eng_telemetry_total(&telemetry, ENG_EVENT_LATE_COMPLETION_DROPPED, totals[i], i);
    eng_telemetry_drain(&telemetry, &config);
    eng_telemetry_figures(&telemetry, &figures);
    CHECK_EQ(events.count, 2);
    CHECK_EQ(events.last.type, ENG_EVENT_LATE_COMPLETION_DROPPED);
    CHECK_EQ(events.last.number, 7);
    CHECK_EQ(events.last.at_ns, 4);
    CHECK_EQ(figures.late_completion_dropped, 10);
    eng_telemetry_finish(&telemetry);
}

static void start(void)
{
    fixture_init(&stepped.fixture, 1);
    REQUIRE(stepped_init(&stepped) == 0);
}

TEST(a_late_answer_is_an_event)
{
    struct eng_figures figures = {0};
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    stepped.now_ns += 15 * MS;
    stepped_step(&stepped); /* stolen */
    atomic_fetch_add(&stepped.core.arena.counts->late_results, 1);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    eng_telemetry_figures(&stepped.core.telemetry, &figures);
    CHECK_EQ(figures.events[ENG_EVENT_LATE_COMPLETION_DROPPED], 1);
    CHECK_EQ(figures.events[ENG_EVENT_TOKEN_TRANSFER_FAIL], 1);
    CHECK_EQ(figures.events[ENG_EVENT_FRAME_QUARANTINED], 0);
    stepped_finish(&stepped);
}

/* Counts that no honest worker gives, and names that would break a line of a file. */
static void scribble(struct eng_result *result)
{
    memset(result, 0xff, sizeof(*result));
    result->status = 0;
    memset(result->timings[0].name, 'a', ENG_TIMING_NAME_BYTES);
    memcpy(result->timings[1].name, "x,y\n\"z", 7);
    memcpy(result->timings[2].name, "fine_1", 7);
}

TEST(what_a_worker_names_is_made_harmless)
{
    struct eng_completion completion;
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    uint32_t slot = stepped.actors[WORKER_SLOW].hint.slot;
    REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    scribble(&stepped.core.arena.items[slot].work.result);
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.timing_count, ENG_TIMINGS_MAX);
    CHECK_STR(completion.row.timings[0].name, "aaaaaaaaaaaaaaaaaaa");
    CHECK_STR(completion.row.timings[1].name, "x?y??z");
    CHECK_STR(completion.row.timings[2].name, "fine_1");
    CHECK_STR(completion.row.timings[3].name, "???????????????????");
    stepped_finish(&stepped);
}

int main(void)
{
    RUN(each_event_has_a_name_of_its_own);
    RUN(events_and_rows_keep_their_order_and_a_full_ring_counts);
    RUN(what_workers_count_becomes_one_event_an_increase);
    RUN(a_late_answer_is_an_event);
    RUN(what_a_worker_names_is_made_harmless);
    return test_report();
}
