/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Zero-copy hand-off: producer, command and consumer see the same bytes of the same file, not only
 * equal ones. The kernel's own table of mappings is asked, too; worker processes ask for theirs. */
#include "engine/order.h"
#include "harness/test.h"

#include <errno.h>

#define FRAMES 300

static struct fixture fixture;
static struct eng_completion completion;

/** Where some bytes are. */
struct origin {
    uint64_t inode, offset;
};

static struct origin engine_says(const void *bytes)
{
    struct origin origin = {0};
    int error = eng_span_origin(fixture.runtime, bytes, &origin.inode, &origin.offset);
    CHECK_EQ(error, 0);
    return origin;
}

static struct origin kernel_says(const void *bytes)
{
    struct origin origin = {0};
    FILE *maps = fopen("/proc/self/maps", "re");
    uint64_t first, end, offset, inode, at = (uint64_t)(uintptr_t)bytes;
    char line[512];
    while (maps && fgets(line, sizeof(line), maps))
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64, &first, &end,
                &offset, &inode) == 4 &&
            at >= first && at < end)
            origin = (struct origin){.inode = inode, .offset = offset + (at - first)};
    if (maps)
        fclose(maps);
    return origin;
}

static void check_same(const void *one, const void *other)
{
    CHECK(one && one == other);
    struct origin a = engine_says(one), b = engine_says(other);
    CHECK(a.inode != 0 && a.inode == b.inode && a.offset == b.offset);
}

static void *submit(uint32_t number, enum eng_lane lane)
{
    struct eng_submission submission = {
        .lane = lane, .sequence = number, .capture_ns = eng_now_ns(), .meta = fixture.meta};
    struct eng_span span;
    int error = eng_input_acquire(fixture.runtime, &submission.input, &span);
    CHECK_EQ(error, 0);
    uint64_t word = number;
    memcpy(span.bytes, &word, sizeof(word));
    CHECK_EQ(eng_submit(fixture.runtime, &submission), 0);
    return span.bytes;
}

static void check_frame(uint32_t number, enum eng_lane lane, uint32_t first, uint32_t last)
{
    const void *filled = submit(number, lane);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    REQUIRE(completion.row.outcome == ENG_DELIVERED);
    CHECK(completion.row.zero_copy && completion.row.bytes_copied == 0);
    check_same(filled, atomic_load(&fixture.commands[first].seen_input));
    check_same(filled, atomic_load(&fixture.commands[last].seen_input));
    const void *delivered = completion.delivered[ROLE_PICTURE].bytes;
    check_same(atomic_load(&fixture.commands[last].wrote_picture), delivered);
    CHECK(fixture_is_picture_of(&completion, number));
    if (number % 50 == 0) { /* reading the table is slow */
        struct origin input = kernel_says(filled), picture = kernel_says(delivered);
        CHECK(input.inode == engine_says(filled).inode);
        CHECK(input.offset == engine_says(filled).offset);
        CHECK(picture.inode == engine_says(delivered).inode);
        CHECK(picture.offset == engine_says(delivered).offset);
        CHECK(input.inode != picture.inode); /* a pool is a file */
    }
    eng_release(fixture.runtime, &completion);
}

TEST(producer_command_and_consumer_see_the_same_bytes)
{
    fixture_init(&fixture, 2);
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint32_t i = 0; i < FRAMES && test_ok; i++) {
        if (i % 3)
            check_frame(i, ENG_LANE_FAST, FAST_ALGO, FAST_ISP);
        else
            check_frame(i, ENG_LANE_BACKGROUND, SLOW_ISP, SLOW_ISP);
    }
    fixture_finish(&fixture);
}

/* The floor, too: a fallback copies nothing. */
TEST(a_fallback_copies_nothing)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint32_t i = 0; i < 20 && test_ok; i++) {
        atomic_store(&fixture.commands[FAST_ALGO].fail, -EIO);
        check_frame(i, ENG_LANE_FAST, RAW_ISP, RAW_ISP);
        CHECK(completion.row.fallback_used);
    }
    fixture_finish(&fixture);
}

static void check_reported(const void *bytes, struct eng_digest reported)
{
    struct origin origin = engine_says(bytes);
    CHECK(origin.inode != 0 && origin.inode == reported.high && origin.offset == reported.low);
}

/* Two processes have the buffer at two addresses; the file and the place in it are the same. */
TEST(a_worker_process_sees_the_same_bytes)
{
    static union {
        struct order order;
        uint8_t bytes[ENG_META_BYTES];
    } meta;
    struct order_setup setup = {.threads = 2};
    fixture_init(&fixture, 2);
    fixture.config.worker_program = WORKER;
    fixture.config.worker_blob = &setup;
    fixture.config.worker_blob_bytes = sizeof(setup);
    fixture.config.knobs.isolation = ENG_ISOLATION_PROCESS;
    fixture.meta = &meta;
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint32_t i = 0; i < FRAMES && test_ok; i++) {
        enum eng_lane lane = i % 3 ? ENG_LANE_FAST : ENG_LANE_BACKGROUND;
        meta.order = (struct order){ORDER_REPORT, ORDER_IN_END, i % 3 ? FAST_ISP : SLOW_ISP};
        const void *filled = submit(i, lane);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        REQUIRE(completion.row.outcome == ENG_DELIVERED && !completion.row.fallback_used);
        CHECK(completion.row.zero_copy && completion.row.bytes_copied == 0);
        CHECK(fixture_is_picture_of(&completion, i));
        check_reported(filled, completion.row.input);
        check_reported(completion.delivered[ROLE_PICTURE].bytes, completion.row.output);
        eng_release(fixture.runtime, &completion);
    }
    fixture_finish(&fixture);
}

TEST(what_is_in_no_pool_has_no_origin)
{
    uint64_t inode, offset;
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    CHECK_EQ(eng_span_origin(fixture.runtime, &fixture, &inode, &offset), -EINVAL);
    CHECK_EQ(eng_span_origin(fixture.runtime, NULL, &inode, &offset), -EINVAL);
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(producer_command_and_consumer_see_the_same_bytes);
    RUN(a_fallback_copies_nothing);
    RUN(a_worker_process_sees_the_same_bytes);
    RUN(what_is_in_no_pool_has_no_origin);
    return test_report();
}
