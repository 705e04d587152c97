/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Fences: inputs that are filled after they were submitted, and pictures that a device still
 * reads. An eventfd stands for a sync_file. */
#include "api/session.h"
#include "harness/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

static struct sisp_session *start(int is_live)
{
    struct sisp_session_params params = small_params();
    params.is_live = is_live;
    return create(&params);
}

static void signal_fence(int fence)
{
    const uint64_t one = 1;
    CHECK_EQ(write(fence, &one, sizeof(one)), (ssize_t)sizeof(one));
}

#define FRAME_BYTES (64 * 64)

static void paint(int memfd)
{
    uint8_t bytes[FRAME_BYTES];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * i / 7 + i / 64);
    CHECK_EQ(pwrite(memfd, bytes, sizeof(bytes), 0), FRAME_BYTES);
}

/* Of a memfd that the caller gets. */
static int import(struct sisp_session *session, struct sisp_input *input, int *memfd)
{
    *memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ftruncate(*memfd, FRAME_BYTES) < 0 || fcntl(*memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
        return -EIO;
    const struct sisp_buffer buffer = {.fd = *memfd};
    return sisp_session_import(session, &buffer, input, error, sizeof(error));
}

static struct sisp_submission fenced(int fence, uint64_t sequence)
{
    return (struct sisp_submission){
        .lane = SISP_LANE_FAST, .sequence = sequence, .has_fence = 1, .fence_fd = fence};
}

/* -1: no fence. One that has not signalled yet does when the input has been filled, late. */
static struct sisp_hash picture_of(int fence, bool has_signalled)
{
    struct sisp_session_params params = small_params();
    params.is_live = 0;
    params.imports_max = 1;
    struct sisp_session *session = create(&params);
    struct sisp_result result = {0};
    struct sisp_input input;
    struct sisp_submission submission = fenced(fence, 0);
    const bool is_late = fence >= 0 && !has_signalled;
    int memfd;
    submission.has_fence = fence >= 0;
    if (!session || import(session, &input, &memfd) != 0)
        return result.record.output;
    if (!is_late)
        paint(memfd);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), 0);
    if (is_late) {
        paint(memfd);
        signal_fence(fence);
    }
    CHECK_EQ(sisp_session_next(session, &result, 20 * SECOND_NS), 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK(result.record.zero_copy);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    close(memfd);
    sisp_session_destroy(&session);
    return result.record.output;
}

TEST(a_frame_starts_when_its_fence_signals)
{
    int fence = eventfd(0, EFD_CLOEXEC);
    const struct sisp_hash plain = picture_of(-1, false), late = picture_of(fence, false);
    const struct sisp_hash at_once = picture_of(fence, true);
    CHECK((plain.high | plain.low) != 0);
    CHECK(memcmp(&plain, &late, sizeof(plain)) == 0);
    CHECK(memcmp(&plain, &at_once, sizeof(plain)) == 0);
    close(fence);
}

static uint64_t quarantined(struct sisp_session *session)
{
    struct sisp_figures figures;
    sisp_session_figures(session, &figures);
    return figures.quarantined;
}

/* A frame whose device works; returns its result. */
static enum sisp_outcome deliver(struct sisp_session *session, uint64_t sequence)
{
    struct sisp_result result;
    if (submit(session, sequence) != 0 || sisp_session_next(session, &result, 20 * SECOND_NS) != 0)
        return SISP_FAILED;
    CHECK_EQ(result.record.sequence, sequence);
    sisp_session_release(session, &result);
    return result.record.outcome;
}

static bool is_free(struct sisp_session *session, uint32_t index)
{
    struct sisp_input inputs[64];
    uint32_t count = 0;
    bool found = false;
    while (count < 64 && sisp_session_acquire(session, &inputs[count]) == 0)
        found |= inputs[count++].index == index;
    while (count > 0)
        CHECK_EQ(sisp_session_cancel(session, &inputs[--count]), 0);
    return found;
}

TEST(one_that_never_signals_costs_its_frame_and_its_input)
{
    struct sisp_session *session = start(1);
    struct sisp_result result;
    struct sisp_input input;
    int fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session && sisp_session_acquire(session, &input) == 0);
    struct sisp_submission submission = fenced(fence, 7);
    submission.deadline_ns = clock_ns() + 20 * MS;
    const uint32_t index = input.index;
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK(result.record.sequence == 7 && result.record.outcome == SISP_LATE);
    CHECK(!result.image.planes[0] && result.image_buffer.fd == -1);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    for (uint64_t i = 0; i < 20; i++)
        CHECK_EQ(deliver(session, 8 + i), SISP_DELIVERED);
    CHECK_EQ(sisp_session_flush(session), 0);
    CHECK_EQ(quarantined(session), 1); /* the flush has waited for that, and not longer */
    CHECK(!is_free(session, index));
    signal_fence(fence);
    bool is_back = false;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; !is_back && clock_ns() < end_ns;)
        is_back = !quarantined(session) && is_free(session, index);
    CHECK(is_back);
    close(fence);
    sisp_session_destroy(&session);
}

TEST(stop_ends_what_waits)
{
    const unsigned descriptors = count_descriptors();
    struct sisp_session *session = start(1);
    struct sisp_result result;
    struct sisp_input inputs[3];
    int fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session != NULL);
    for (uint64_t i = 0; i < 3; i++) {
        struct sisp_submission submission = fenced(fence, i);
        REQUIRE(sisp_session_acquire(session, &inputs[i]) == 0);
        REQUIRE(sisp_session_submit(session, &inputs[i], &submission) == 0);
    }
    sisp_session_stop(session);
    for (uint64_t i = 0; i < 3; i++) {
        REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
        CHECK_EQ(result.record.sequence, i);
        CHECK_EQ(result.record.outcome, SISP_CANCELLED);
    }
    CHECK_EQ(sisp_session_next(session, &result, 0), -ESHUTDOWN);
    CHECK_EQ(quarantined(session), 3);
    close(fence);
    sisp_session_destroy(&session);
    CHECK_EQ(count_descriptors(), descriptors);
}

TEST(a_picture_comes_back_when_its_fence_signals)
{
    struct sisp_session *session = start(0); /* one picture: the next frame needs it */
    struct sisp_result result, next;
    int fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session && submit(session, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    const uint8_t *picture = result.image.planes[0];
    REQUIRE(picture != NULL);
    const uint8_t first = picture[0];
    CHECK_EQ(sisp_session_release_fenced(session, &result, -1), -EBADF);
    CHECK_EQ(sisp_session_release_fenced(session, &result, 0), -EINVAL);
    CHECK(result.image.planes[0] == picture); /* still ours */
    CHECK_EQ(sisp_session_release_fenced(session, &result, fence), 0);
    CHECK(!result.image.planes[0]);
    CHECK_EQ(sisp_session_release_fenced(session, &result, fence), -ESTALE);
    CHECK_EQ(sisp_session_release(session, &result), -ESTALE);
    CHECK_EQ(deliver(session, 1), SISP_DROPPED);
    CHECK_EQ(picture[0], first); /* the device still reads it */
    signal_fence(fence);
    enum sisp_outcome outcome = SISP_DROPPED;
    for (uint64_t i = 2, end_ns = clock_ns() + 20 * SECOND_NS; clock_ns() < end_ns; i++) {
        outcome = deliver(session, i);
        if (outcome != SISP_DROPPED)
            break;
    }
    CHECK_EQ(outcome, SISP_DELIVERED);
    REQUIRE(submit(session, 10) == 0 && sisp_session_next(session, &next, 20 * SECOND_NS) == 0);
    CHECK_EQ(sisp_session_release_fenced(session, &next, fence), 0); /* has signalled */
    close(fence);
    sisp_session_destroy(&session);
}

TEST(an_import_stays_while_its_device_works)
{
    struct sisp_session_params params = small_params();
    struct sisp_result result;
    struct sisp_input input;
    params.imports_max = 1;
    struct sisp_session *session = create(&params);
    int memfd, fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session && import(session, &input, &memfd) == 0);
    close(memfd);
    const uint32_t index = input.index;
    struct sisp_submission submission = fenced(fence, 0);
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    CHECK_EQ(sisp_session_flush(session), 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_CANCELLED);
    CHECK_EQ(sisp_session_unimport(session, index), -EBUSY);
    CHECK_EQ(sisp_session_acquire_imported(session, &input), -EAGAIN);
    signal_fence(fence);
    int r = -EBUSY;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -EBUSY && clock_ns() < end_ns;)
        r = sisp_session_unimport(session, index);
    CHECK_EQ(r, 0);
    close(fence);
    sisp_session_destroy(&session);
}

#define FENCES_MAX 64

TEST(more_fences_than_there_is_room_for_are_refused)
{
    struct sisp_session_params params = small_params();
    struct sisp_result result;
    struct sisp_input input;
    params.imports_max = 32;
    params.sessions_max = 3;
    struct sisp_session *session = create(&params);
    int memfd, fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session != NULL);
    for (uint64_t i = 0; i < FENCES_MAX; i++) {
        struct sisp_submission submission = fenced(fence, i);
        REQUIRE(import(session, &input, &memfd) == 0);
        close(memfd);
        REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    }
    struct sisp_submission submission = fenced(fence, FENCES_MAX);
    REQUIRE(import(session, &input, &memfd) == 0);
    close(memfd);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -EAGAIN);
    CHECK_EQ(sisp_session_cancel(session, &input), 0);
    signal_fence(fence);
    for (uint64_t i = 0; i < FENCES_MAX; i++) {
        REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
        CHECK_EQ(result.record.sequence, i);
        sisp_session_release(session, &result);
    }
    close(fence);
    sisp_session_destroy(&session);
}

/* What was given back before, and what never had a picture: nothing waits for such a fence. */
TEST(nothing_to_give_back_takes_no_fence)
{
    struct sisp_session *session = start(1);
    struct sisp_result result, none = {0};
    struct sisp_input input;
    int fence = eventfd(0, EFD_CLOEXEC);
    REQUIRE(session && submit(session, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    for (int i = 0; i < FENCES_MAX; i++) {
        CHECK_EQ(sisp_session_release_fenced(session, &result, fence), -ESTALE);
        CHECK_EQ(sisp_session_release_fenced(session, &none, fence), 0);
    }
    struct sisp_submission submission = fenced(fence, 1);
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), 0);
    signal_fence(fence);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    close(fence);
    sisp_session_destroy(&session);
}

TEST(what_is_no_fence_is_refused)
{
    struct sisp_session *session = start(0);
    struct sisp_result result;
    struct sisp_input input;
    int pipes[2];
    REQUIRE(session && pipe(pipes) == 0 && sisp_session_acquire(session, &input) == 0);
    int null = open("/dev/null", O_RDONLY), memory = memfd_create("test", MFD_CLOEXEC);
    const int fds[] = {-1, 1000, pipes[0], null, memory};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        struct sisp_submission submission = fenced(fds[i], 0);
        CHECK_EQ(sisp_session_submit(session, &input, &submission), i < 2 ? -EBADF : -EINVAL);
    }
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    memset(input.samples, 100, input.size_bytes);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), 0); /* it stayed the caller's */
    CHECK_EQ(sisp_session_next(session, &result, 20 * SECOND_NS), 0);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    close(pipes[0]);
    close(pipes[1]);
    close(null);
    close(memory);
    sisp_session_destroy(&session);
}

int main(void)
{
    RUN(a_frame_starts_when_its_fence_signals);
    RUN(one_that_never_signals_costs_its_frame_and_its_input);
    RUN(stop_ends_what_waits);
    RUN(a_picture_comes_back_when_its_fence_signals);
    RUN(an_import_stays_while_its_device_works);
    RUN(more_fences_than_there_is_room_for_are_refused);
    RUN(nothing_to_give_back_takes_no_fence);
    RUN(what_is_no_fence_is_refused);
    return test_report();
}
