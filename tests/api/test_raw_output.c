/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The raw frame as an output: what was submitted, where it was, until its result is released.
 * Argument: workers are in processes of their own. */
#include "api/session.h"
#include "harness/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_BYTES 4096
#define HELD_MAX    3 /* raws that a consumer may hold, */
#define PICTURES    2 /* and pictures */
#define IN_FLIGHT   6 /* inputs besides those that it holds */

static bool is_process;
static struct sisp_knobs knobs;
static struct sisp_result result;

static struct sisp_session_params raw_params(void)
{
    struct sisp_session_params params = small_params();
    knobs = (struct sisp_knobs){{0}};
    CHECK_EQ(sisp_knobs_set(&knobs, "consumer_pins_max", "2"), 0);
    if (is_process)
        CHECK_EQ(sisp_knobs_set(&knobs, "isolation", "process"), 0);
    params.knobs = &knobs;
    params.raws_max = HELD_MAX;
    return params;
}

static struct sisp_session *start(void)
{
    struct sisp_session_params params = raw_params();
    struct sisp_session *session = create(&params);
    CHECK(session != NULL);
    return session;
}

/* Of that frame alone. */
static void paint(uint8_t *samples, uint64_t sequence)
{
    for (size_t i = 0; i < FRAME_BYTES; i++)
        samples[i] = (uint8_t)(i * i / 7 + i / 64 + sequence * 37);
}

static bool shows(const struct sisp_raw_image *raw, uint64_t sequence)
{
    uint8_t expected[FRAME_BYTES];
    paint(expected, sequence);
    return raw->samples && memcmp(raw->samples, expected, FRAME_BYTES) == 0;
}

/* An input is free a moment after its frame has completed. */
static int acquire(struct sisp_session *session, struct sisp_input *input)
{
    int r = -EAGAIN;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -EAGAIN && clock_ns() < end_ns;)
        r = sisp_session_acquire(session, input);
    return r;
}

static struct sisp_input give(
    struct sisp_session *session, uint64_t sequence, const struct sisp_submission *how)
{
    struct sisp_submission submission = how ? *how : (struct sisp_submission){0};
    struct sisp_input input = {0};
    int r = acquire(session, &input);
    CHECK_EQ(r, 0);
    if (r)
        return input;
    paint(input.samples, sequence);
    submission.sequence = sequence;
    submission.lane = SISP_LANE_FAST;
    CHECK_EQ(sisp_session_submit(session, &input, &submission), 0);
    return input;
}

static void next(struct sisp_session *session, struct sisp_result *into, enum sisp_outcome outcome)
{
    REQUIRE(sisp_session_next(session, into, 20 * SECOND_NS) == 0);
    CHECK_EQ(into->record.outcome, outcome);
}

static void check_none(const struct sisp_result *of)
{
    CHECK(!of->raw.samples && of->raw.fourcc == 0);
    CHECK_EQ(of->raw_buffer.fd, -1);
}

static bool is_same_buffer(const struct sisp_buffer *a, const struct sisp_buffer *b)
{
    struct stat stat_a, stat_b;
    return fstat(a->fd, &stat_a) == 0 && fstat(b->fd, &stat_b) == 0 &&
           stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino &&
           a->offset_bytes == b->offset_bytes && a->bytes == b->bytes &&
           a->size_bytes == b->size_bytes && a->memory == b->memory;
}

TEST(it_is_the_input_itself)
{
    struct sisp_session *session = start();
    struct sisp_buffer buffer;
    for (uint64_t i = 0; i < 20; i++) {
        struct sisp_input input = give(session, i, NULL);
        next(session, &result, SISP_DELIVERED);
        CHECK(result.raw.samples == input.samples && shows(&result.raw, i));
        CHECK_EQ(result.raw.fourcc, sisp_raw_format_find("SRGGB8")->fourcc);
        CHECK(result.raw.width == 64 && result.raw.height == 64 && result.raw.stride_bytes == 64);
        REQUIRE(sisp_session_input_buffer(session, input.index, &buffer) == 0);
        CHECK(is_same_buffer(&result.raw_buffer, &buffer));
        CHECK(result.image.planes[0] && result.record.zero_copy && !result.record.bytes_copied);
        struct sisp_result copy = result;
        CHECK_EQ(sisp_session_release(session, &result), 0);
        check_none(&result);
        CHECK_EQ(sisp_session_release(session, &copy), -ESTALE);
    }
    sisp_session_destroy(&session);
}

TEST(who_did_not_ask_gets_none)
{
    struct sisp_session_params params = raw_params();
    params.raws_max = 0;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    CHECK_EQ(sisp_session_input_count(session), IN_FLIGHT);
    give(session, 0, NULL);
    next(session, &result, SISP_DELIVERED);
    check_none(&result);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
}

/* Takes all that there is. */
static uint32_t count_free(struct sisp_session *session)
{
    struct sisp_input inputs[64];
    uint32_t count = 0;
    while (count < 64 && sisp_session_acquire(session, &inputs[count]) == 0)
        count++;
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(sisp_session_cancel(session, &inputs[i]), 0);
    return count;
}

static uint32_t count_free_until(struct sisp_session *session, uint32_t expected)
{
    uint32_t count = 0;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; count != expected && clock_ns() < end_ns;)
        count = count_free(session);
    return count;
}

TEST(what_is_held_is_not_filled_again)
{
    struct sisp_session *session = start();
    struct sisp_result held[HELD_MAX];
    CHECK_EQ(sisp_session_input_count(session), IN_FLIGHT + HELD_MAX);
    for (uint64_t i = 0; i < HELD_MAX; i++) {
        give(session, i, NULL);
        next(session, &held[i], i < PICTURES ? SISP_DELIVERED : SISP_DROPPED);
        CHECK((i < PICTURES) == (held[i].image.planes[0] != NULL));
    }
    CHECK_EQ(count_free_until(session, IN_FLIGHT), IN_FLIGHT);
    /* All others go round; one who holds as much as it may gets neither picture nor raw. */
    for (uint64_t i = 0; i < 2 * IN_FLIGHT; i++) {
        give(session, 10 + i, NULL);
        next(session, &result, SISP_DROPPED);
        CHECK_STR(sisp_reason_name(result.record.reason), "consumer_full");
        check_none(&result);
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    for (uint64_t i = 0; i < HELD_MAX; i++)
        CHECK(shows(&held[i].raw, i));
    CHECK_EQ(sisp_session_release(session, &held[1]), 0); /* the newest first */
    give(session, 50, NULL);
    next(session, &held[1], SISP_DELIVERED);
    CHECK(shows(&held[1].raw, 50) && shows(&held[0].raw, 0));
    for (uint64_t i = 0; i < HELD_MAX; i++)
        CHECK_EQ(sisp_session_release(session, &held[i]), 0);
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX), IN_FLIGHT + HELD_MAX);
    sisp_session_destroy(&session);
}

TEST(results_that_nobody_reads_hold_theirs)
{
    struct sisp_session *session = start();
    struct sisp_input inputs[IN_FLIGHT], none;
    for (uint64_t i = 0; i < HELD_MAX; i++) {
        give(session, i, NULL);
        REQUIRE(sisp_session_drain(session, 20 * SECOND_NS) == 0);
    }
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        REQUIRE(acquire(session, &inputs[i]) == 0);
    CHECK_EQ(sisp_session_acquire(session, &none), -EAGAIN);
    for (uint64_t i = 0; i < HELD_MAX; i++) {
        next(session, &result, i < PICTURES ? SISP_DELIVERED : SISP_DROPPED);
        CHECK(shows(&result.raw, i));
        CHECK_EQ(sisp_session_release(session, &result), 0);
        CHECK_EQ(acquire(session, &none), 0);
    }
    sisp_session_destroy(&session); /* with all inputs in the caller's hands */
}

TEST(a_late_frame_has_its_raw)
{
    struct sisp_session *session = start();
    give(session, 3, &(struct sisp_submission){.deadline_ns = clock_ns() - 1});
    next(session, &result, SISP_LATE);
    CHECK(!result.image.planes[0] && result.image_buffer.fd == -1);
    CHECK(shows(&result.raw, 3) && result.raw_buffer.bytes == result.raw.samples);
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX - 1), IN_FLIGHT + HELD_MAX - 1);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX), IN_FLIGHT + HELD_MAX);
    sisp_session_destroy(&session);
}

TEST(fences_hold_it_back_at_both_ends)
{
    struct sisp_session *session = start();
    const uint64_t one = 1;
    int fence = eventfd(0, EFD_CLOEXEC), ready = eventfd(1, EFD_CLOEXEC);
    /* A device that has not written it cannot be shown. */
    give(session, 0,
        &(struct sisp_submission){
            .has_fence = 1, .fence_fd = fence, .deadline_ns = clock_ns() - 1});
    next(session, &result, SISP_LATE);
    check_none(&result);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    give(session, 1, &(struct sisp_submission){.has_fence = 1, .fence_fd = ready});
    next(session, &result, SISP_DELIVERED);
    CHECK(shows(&result.raw, 1));
    const struct sisp_raw_image raw = result.raw;
    CHECK_EQ(sisp_session_release_fenced(session, &result, fence), 0);
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX - 2), IN_FLIGHT + HELD_MAX - 2);
    CHECK(shows(&raw, 1)); /* the device still reads it */
    CHECK_EQ(write(fence, &one, sizeof(one)), (ssize_t)sizeof(one));
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX), IN_FLIGHT + HELD_MAX);
    close(fence);
    close(ready);
    sisp_session_destroy(&session);
}

TEST(flush_takes_no_raw_away_and_brings_none)
{
    struct sisp_session *session = start();
    struct sisp_result held;
    int fence = eventfd(0, EFD_CLOEXEC);
    give(session, 0, NULL);
    next(session, &held, SISP_DELIVERED);
    give(session, 1, &(struct sisp_submission){.has_fence = 1, .fence_fd = fence});
    const uint64_t one = 1;
    CHECK_EQ(sisp_session_flush(session), 0);
    CHECK_EQ(write(fence, &one, sizeof(one)), (ssize_t)sizeof(one));
    next(session, &result, SISP_CANCELLED);
    check_none(&result);
    CHECK(shows(&held.raw, 0));
    /* What was flushed is free without its result's release. */
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX - 1), IN_FLIGHT + HELD_MAX - 1);
    give(session, 2, NULL);
    next(session, &result, SISP_DELIVERED);
    CHECK(shows(&result.raw, 2));
    sisp_session_stop(session);
    CHECK(shows(&held.raw, 0) && shows(&result.raw, 2));
    CHECK_EQ(sisp_session_release(session, &held), 0);
    CHECK_EQ(sisp_session_release(session, &held), -ESTALE);
    close(fence);
    sisp_session_destroy(&session); /* with one held */
}

TEST(a_burst_and_its_frames_share_inputs)
{
    struct sisp_session_params params = raw_params();
    struct sisp_result held[2];
    uint64_t token;
    params.burst_frames = 2;
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 64, .height = 64};
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    CHECK_EQ(sisp_session_input_count(session), IN_FLIGHT + HELD_MAX + 2 * 2);
    for (uint64_t i = 0; i < 2; i++) {
        give(session, i, NULL);
        next(session, &held[i], SISP_DELIVERED);
    }
    /* One that the user gave back is still kept for the burst. */
    CHECK_EQ(sisp_session_release(session, &held[1]), 0);
    REQUIRE(sisp_session_press(session, &token) == 0);
    next(session, &result, SISP_DELIVERED);
    CHECK(result.record.plan_token == token && result.image.planes[0]);
    check_none(&result);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK(shows(&held[0].raw, 0));
    CHECK_EQ(sisp_session_release(session, &held[0]), 0);
    CHECK_EQ(count_free_until(session, IN_FLIGHT + HELD_MAX + 2), IN_FLIGHT + HELD_MAX + 2);
    sisp_session_destroy(&session);
}

TEST(sessions_of_one_engine_have_their_own)
{
    struct sisp_session_params params = raw_params();
    params.sessions_max = 2;
    struct sisp_session *first = create(&params), *second;
    REQUIRE(first != NULL);
    params.share = first;
    params.knobs = NULL;
    params.raws_max = 1;
    CHECK(create(&params) == NULL && strstr(error, "raws"));
    params.raws_max = HELD_MAX;
    second = create(&params);
    REQUIRE(second != NULL);
    struct sisp_result kept, other;
    give(first, 1, NULL);
    give(second, 2, NULL);
    next(second, &other, SISP_DELIVERED);
    next(first, &kept, SISP_DELIVERED);
    give(first, 3, NULL); /* nobody reads it */
    REQUIRE(sisp_session_drain(first, 20 * SECOND_NS) == 0);
    sisp_session_destroy(&first);
    CHECK(shows(&kept.raw, 1) && shows(&other.raw, 2));
    const uint32_t all = 2 * (IN_FLIGHT + HELD_MAX);
    CHECK_EQ(count_free_until(second, all - 2), all - 2);
    CHECK_EQ(sisp_session_release(second, &kept), 0);
    CHECK_EQ(sisp_session_release(second, &other), 0);
    CHECK_EQ(count_free_until(second, all), all);
    sisp_session_destroy(&second);
}

/* ---- imports -------------------------------------------------------------------------------- */

static struct sisp_buffer make_memfd(uint64_t sequence)
{
    uint8_t bytes[FRAME_BYTES];
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    paint(bytes, sequence);
    CHECK(ftruncate(fd, 2 * FRAME_BYTES) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK_EQ(pwrite(fd, bytes, FRAME_BYTES, FRAME_BYTES), FRAME_BYTES);
    return (struct sisp_buffer){.fd = fd, .offset_bytes = FRAME_BYTES};
}

TEST(an_owner_gets_its_import_back_after_release)
{
    if (is_process)
        SKIP("workers in processes have no imports");
    struct sisp_session_params params = raw_params();
    params.imports_max = 1;
    const unsigned descriptors = count_descriptors();
    struct sisp_session *session = create(&params);
    struct sisp_buffer frame = make_memfd(5), at;
    struct sisp_input input;
    REQUIRE(session != NULL);
    REQUIRE(sisp_session_import(session, &frame, &input, error, sizeof(error)) == 0);
    const uint32_t index = input.index;
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    next(session, &result, SISP_DELIVERED);
    CHECK(shows(&result.raw, 5));
    REQUIRE(sisp_session_input_buffer(session, index, &at) == 0);
    CHECK(is_same_buffer(&result.raw_buffer, &at) && at.memory == SISP_MEMORY_IMPORTED);
    CHECK_EQ(at.offset_bytes, FRAME_BYTES);
    CHECK_EQ(sisp_session_acquire_imported(session, &input), -EAGAIN);
    CHECK_EQ(sisp_session_unimport(session, index), -EBUSY);
    CHECK_EQ(sisp_session_import(session, &frame, &input, error, sizeof(error)), -EBUSY);
    CHECK_EQ(sisp_session_flush(session), 0);
    CHECK_EQ(sisp_session_unimport(session, index), -EBUSY);
    CHECK(shows(&result.raw, 5));
    CHECK_EQ(sisp_session_release(session, &result), 0);
    int r = -EAGAIN;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -EAGAIN && clock_ns() < end_ns;)
        r = sisp_session_acquire_imported(session, &input);
    CHECK_EQ(r, 0);
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    next(session, &result, SISP_DELIVERED);
    sisp_session_destroy(&session); /* with it held */
    close(frame.fd);
    CHECK_EQ(count_descriptors(), descriptors);
}

TEST(other_memory_shows_it_too)
{
    static const enum sisp_memory kinds[] = {SISP_MEMORY_UDMABUF, SISP_MEMORY_DMA_HEAP};
    unsigned tried = 0;
    for (unsigned k = 0; k < 2 && !is_process; k++) {
        struct sisp_session_params params = raw_params();
        if (sisp_memory_probe(kinds[k], NULL, 0) != 0)
            continue;
        params.input_memory = params.output_memory = kinds[k];
        struct sisp_session *session = create(&params);
        REQUIRE(session != NULL);
        for (uint64_t i = 0; i < 2 * (IN_FLIGHT + HELD_MAX); i++) {
            give(session, i, NULL);
            next(session, &result, SISP_DELIVERED);
            CHECK(shows(&result.raw, i) && result.raw_buffer.memory == kinds[k]);
            CHECK_EQ(sisp_session_release(session, &result), 0);
        }
        sisp_session_destroy(&session);
        tried++;
    }
    if (!tried)
        SKIP("neither udmabuf nor dma-heap with workers as threads");
}

int main(int argc, char **argv)
{
    is_process = argc > 1 && strcmp(argv[1], "process") == 0;
    RUN(it_is_the_input_itself);
    RUN(who_did_not_ask_gets_none);
    RUN(what_is_held_is_not_filled_again);
    RUN(results_that_nobody_reads_hold_theirs);
    RUN(a_late_frame_has_its_raw);
    RUN(fences_hold_it_back_at_both_ends);
    RUN(flush_takes_no_raw_away_and_brings_none);
    RUN(a_burst_and_its_frames_share_inputs);
    RUN(sessions_of_one_engine_have_their_own);
    RUN(an_owner_gets_its_import_back_after_release);
    RUN(other_memory_shows_it_too);
    return test_report();
}
