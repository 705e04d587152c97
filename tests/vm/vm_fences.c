/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Frames and pictures that wait for real fences: in time, late, never; sw_sync and vgem. */
#include "devices.h"
#include "harness/descriptors.h"
#include "pictures.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_BYTES ((size_t)64 * 64)
#define HELD_NS     (SECOND_NS / 4)

/* The design's bound of a flush and of a stop where a device never answers; and how much longer a
 * call may seem to take in an emulated guest, beside another one on a busy machine. */
#define SILENT_MAX_NS SECOND_NS
#define EMULATION     3

/* When, by the engine's clock, it was waited for the fence of a frame that has ended, and given up.
 */
static _Atomic uint64_t triggered_ns, quarantined_ns;

static void note_event(void *user, const struct sisp_event *event)
{
    const char *name = sisp_event_name(event->type);
    if (strcmp(name, "FRAME_RECLAIM_TRIGGERED") == 0)
        triggered_ns = event->at_ns;
    else if (strcmp(name, "FRAME_QUARANTINED") == 0)
        quarantined_ns = event->at_ns;
}

static struct sisp_session_params fenced_params(void)
{
    struct sisp_session_params params = small_params();
    params.coefficients = fixed_coefficients(); /* a picture goes by its frame alone */
    return params;
}

/* What a frame of that seed becomes, without any fence. */
static uint64_t wanted_sum(struct sisp_session *session, unsigned seed)
{
    struct sisp_input input;
    struct sisp_result result;
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    if (sisp_session_acquire(session, &input) != 0)
        return 0;
    fill(input.samples, FRAME_BYTES, seed);
    if (sisp_session_submit(session, &input, &submission) != 0 ||
        sisp_session_next(session, &result, 20 * SECOND_NS) != 0)
        return 0;
    const uint64_t sum = image_sum(&result.image);
    sisp_session_release(session, &result);
    return sum;
}

/* One frame without a fence gets its picture. */
static bool goes_on(struct sisp_session *session)
{
    return wanted_sum(session, 5) != 0;
}

/* Every input can be had again: a fence that signals late gives back what it held. */
static bool all_inputs_come_back(struct sisp_session *session)
{
    struct sisp_input inputs[64];
    const uint32_t all = sisp_session_input_count(session);
    const uint64_t end = clock_ns() + 10 * SECOND_NS;
    uint32_t count = 0;
    while (count < all && count < 64 && clock_ns() < end) {
        if (sisp_session_acquire(session, &inputs[count]) == 0)
            count++;
        else
            usleep(10000);
    }
    for (uint32_t i = 0; i < count; i++)
        sisp_session_cancel(session, &inputs[i]);
    return count == all;
}

static int submit_fenced(
    struct sisp_session *session, struct sisp_input *input, int fence, uint64_t deadline_ns)
{
    const struct sisp_submission submission = {
        .lane = SISP_LANE_FAST, .deadline_ns = deadline_ns, .has_fence = 1, .fence_fd = fence};
    return sisp_session_submit(session, input, &submission);
}

TEST(a_frame_starts_when_its_fence_signals)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    struct sisp_session_params params = fenced_params();
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    const uint64_t wanted = wanted_sum(session, 2);
    struct sisp_input input;
    struct sisp_result result;
    const int fence = timeline_fence(timeline, 1);
    REQUIRE(fence >= 0 && sisp_session_acquire(session, &input) == 0);
    fill(input.samples, FRAME_BYTES, 1);
    REQUIRE(submit_fenced(session, &input, fence, 0) == 0);
    close(fence); /* the caller's: the session has one of its own */
    CHECK_EQ(sisp_session_next(session, &result, HELD_NS), -EAGAIN);
    fill(input.samples, FRAME_BYTES, 2); /* the device writes until the fence signals */
    CHECK_EQ(timeline_advance(timeline, 1), 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK(image_sum(&result.image) == wanted);
    CHECK_EQ(result.record.zero_copy, 1);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK(all_inputs_come_back(session));
    sisp_session_destroy(&session);
    close(timeline);
}

TEST(a_fence_that_signalled_before_holds_nothing_up)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    struct sisp_session_params params = fenced_params();
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    struct sisp_input input;
    struct sisp_result result;
    const int fence = timeline_fence(timeline, 1);
    CHECK_EQ(timeline_advance(timeline, 1), 0);
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    fill(input.samples, FRAME_BYTES, 1);
    REQUIRE(submit_fenced(session, &input, fence, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
    close(fence);
    close(timeline);
}

static int submit_import(
    struct sisp_session *session, const struct sisp_input *input, int dmabuf, bool is_explicit)
{
    const int fence = is_explicit ? dmabuf_write_fence(dmabuf) : -1;
    const struct sisp_submission submission = {
        .lane = SISP_LANE_FAST, .has_fence = is_explicit, .fence_fd = fence};
    const int r = sisp_session_submit(session, input, &submission);
    if (fence >= 0)
        close(fence);
    return r;
}

/* Another program draws into its buffer; its fence is handed over, or on the buffer alone. */
static void read_while_drawn(int card, bool is_explicit)
{
    uint32_t handle, drawing;
    struct sisp_session_params params = fenced_params();
    params.imports_max = 2;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    const uint64_t wanted = wanted_sum(session, 3);
    const int dmabuf = vgem_dmabuf(card, FRAME_BYTES, &handle);
    REQUIRE(dmabuf >= 0 && vgem_attach(card, handle, &drawing) == 0);
    const struct sisp_buffer buffer = {.fd = dmabuf, .size_bytes = FRAME_BYTES};
    struct sisp_input input;
    struct sisp_result result;
    REQUIRE(sisp_session_import(session, &buffer, &input, error, sizeof(error)) == 0);
    const uint64_t before_ns = clock_ns();
    REQUIRE(submit_import(session, &input, dmabuf, is_explicit) == 0);
    /* vgem's own timer ends what is not signalled after 10 s: submit must not wait for that. */
    CHECK(clock_ns() - before_ns < EMULATION * SILENT_MAX_NS);
    CHECK_EQ(sisp_session_next(session, &result, HELD_NS), -EAGAIN);
    uint8_t *bytes = dmabuf_map(dmabuf, FRAME_BYTES);
    REQUIRE(bytes != NULL);
    fill(bytes, FRAME_BYTES, 3);
    CHECK_EQ(vgem_signal(card, drawing), 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK(image_sum(&result.image) == wanted);
    CHECK_EQ(result.record.zero_copy, 1);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
    dmabuf_unmap(bytes, FRAME_BYTES);
    close(dmabuf);
}

TEST(an_import_is_read_when_its_writer_is_done)
{
    const int card = vgem_open();
    if (card < 0)
        SKIP("there is no vgem");
    read_while_drawn(card, true);
    close(card);
}

TEST(a_fence_on_the_buffer_alone_is_waited_for_as_well)
{
    const int card = vgem_open();
    if (card < 0)
        SKIP("there is no vgem");
    read_while_drawn(card, false);
    close(card);
}

TEST(a_late_fence_costs_its_frame_and_gives_the_input_back)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    struct sisp_session_params params = fenced_params();
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    struct sisp_input input;
    struct sisp_result result;
    const int fence = timeline_fence(timeline, 1);
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    REQUIRE(submit_fenced(session, &input, fence, clock_ns() + HELD_NS) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_LATE);
    CHECK(result.image.planes[0] == NULL);
    sisp_session_release(session, &result);
    CHECK(goes_on(session));
    CHECK_EQ(timeline_advance(timeline, 1), 0);
    CHECK(all_inputs_come_back(session));
    CHECK_EQ(sisp_session_next(session, &result, 0), -EAGAIN); /* it was completed once */
    sisp_session_destroy(&session);
    close(fence);
    close(timeline);
}

/* The device was lost, before its frame was handed in or after: there are no pixels to show. */
static void fail(struct sisp_session *session, bool is_before)
{
    struct sisp_input input;
    struct sisp_result result;
    const int timeline = timeline_open();
    const int fence = timeline_fence(timeline, 1);
    REQUIRE(fence >= 0 && sisp_session_acquire(session, &input) == 0);
    if (is_before)
        close(timeline); /* sw_sync ends the fences that it leaves behind with an error */
    REQUIRE(submit_fenced(session, &input, fence, 0) == 0);
    if (!is_before) {
        CHECK_EQ(sisp_session_next(session, &result, HELD_NS), -EAGAIN);
        close(timeline);
    }
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_FAILED);
    CHECK_STR(sisp_reason_name(result.record.reason), "fence_failed");
    CHECK(!result.image.planes[0] && !result.raw.samples);
    sisp_session_release(session, &result);
    close(fence);
}

TEST(a_fence_that_fails_costs_its_frame_alone)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    close(timeline);
    struct sisp_session_params params = fenced_params();
    params.raws_max = 2;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    fail(session, true);
    fail(session, false);
    CHECK(goes_on(session));
    CHECK(all_inputs_come_back(session));
    sisp_session_destroy(&session);
}

/* Every frame has its one completion, others go on, and stopping takes no longer than it may. */
TEST(a_fence_that_never_signals_holds_up_nobody_else)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    struct sisp_session_params params = fenced_params();
    params.event = note_event;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    struct sisp_input input;
    struct sisp_result result;
    const int fence = timeline_fence(timeline, 1);
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    REQUIRE(submit_fenced(session, &input, fence, clock_ns() + HELD_NS) == 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_LATE);
    sisp_session_release(session, &result);
    for (int i = 0; i < 20; i++)
        CHECK(goes_on(session));
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    REQUIRE(submit_fenced(session, &input, fence, 0) == 0); /* no deadline: flush must end it */
    triggered_ns = quarantined_ns = 0;
    uint64_t before_ns = clock_ns();
    CHECK_EQ(sisp_session_flush(session), 0);
    CHECK(clock_ns() - before_ns < EMULATION * SILENT_MAX_NS);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_CANCELLED);
    sisp_session_release(session, &result);
    CHECK(goes_on(session));
    before_ns = clock_ns();
    sisp_session_destroy(&session); /* with it, the thread that tells of events has ended */
    CHECK(clock_ns() - before_ns < EMULATION * SILENT_MAX_NS);
    CHECK(triggered_ns && quarantined_ns > triggered_ns);
    CHECK(quarantined_ns - triggered_ns <= SILENT_MAX_NS);
    close(fence);
    close(timeline);
}

/* A display still shows a picture that was released: nothing may be drawn over it. */
TEST(a_picture_comes_back_when_its_reader_is_done)
{
    const int timeline = timeline_open();
    if (timeline < 0)
        SKIP("this kernel has no sw_sync");
    struct sisp_session_params params = fenced_params();
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    struct sisp_result result;
    const int fence = timeline_fence(timeline, 1);
    CHECK_EQ(submit(session, 0), 0);
    REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    const struct sisp_image shown = result.image;
    const uint64_t wanted = image_sum(&shown);
    REQUIRE(sisp_session_release_fenced(session, &result, fence) == 0);
    for (int i = 0; i < 30; i++)
        CHECK(goes_on(session));
    CHECK(image_sum(&shown) == wanted);
    CHECK_EQ(timeline_advance(timeline, 1), 0);
    bool is_used_again = false;
    const uint64_t end = clock_ns() + 10 * SECOND_NS;
    while (!is_used_again && clock_ns() < end) {
        CHECK(goes_on(session));
        is_used_again = image_sum(&shown) != wanted;
    }
    CHECK(is_used_again);
    sisp_session_destroy(&session);
    close(fence);
    close(timeline);
}

/* A consumer that has the picture's descriptor and dies with it, before it said that it is done. */
static pid_t start_consumer(const struct sisp_buffer *buffer)
{
    int ready[2];
    if (pipe(ready) != 0)
        return -1;
    const pid_t child = fork();
    if (child == 0) {
        const uint8_t *bytes = mmap(
            NULL, buffer->offset_bytes + buffer->size_bytes, PROT_READ, MAP_SHARED, buffer->fd, 0);
        const char seen = bytes == MAP_FAILED ? 0 : 1;
        if (write(ready[1], &seen, 1) == 1)
            pause();
        _exit(1);
    }
    char seen = 0;
    close(ready[1]);
    const bool is_up = child > 0 && read(ready[0], &seen, 1) == 1 && seen;
    close(ready[0]);
    return is_up ? child : -1;
}

static void consumer_dies(enum sisp_memory memory)
{
    struct sisp_session_params params = fenced_params();
    params.output_memory = memory;
    struct sisp_session *session = create(&params);
    struct sisp_result result;
    REQUIRE(session != NULL);
    REQUIRE(submit(session, 0) == 0 && sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
    const int done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const pid_t consumer = start_consumer(&result.image_buffer);
    REQUIRE(consumer > 0);
    CHECK_EQ(sisp_session_release_fenced(session, &result, done), 0);
    kill(consumer, SIGKILL);
    waitpid(consumer, NULL, 0);
    for (uint64_t i = 1; i <= 20; i++) { /* others go on, each with its one completion */
        REQUIRE(submit(session, i) == 0);
        REQUIRE(sisp_session_next(session, &result, 20 * SECOND_NS) == 0);
        CHECK_EQ(result.record.sequence, i);
        CHECK_EQ(result.record.outcome, SISP_DELIVERED);
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    const uint64_t before_ns = clock_ns();
    sisp_session_destroy(&session);
    CHECK(clock_ns() - before_ns < EMULATION * SILENT_MAX_NS);
    close(done);
}

TEST(a_consumer_that_dies_holding_a_picture_stops_nobody)
{
    static const enum sisp_memory memories[] = {
        SISP_MEMORY_MEMFD, SISP_MEMORY_UDMABUF, SISP_MEMORY_DMA_HEAP};
    for (unsigned i = 0; i < 3; i++) {
        if (sisp_memory_probe(memories[i], NULL, 0) == 0)
            consumer_dies(memories[i]);
    }
}

int main(void)
{
    const unsigned before = count_descriptors();
    RUN(a_frame_starts_when_its_fence_signals);
    RUN(a_fence_that_signalled_before_holds_nothing_up);
    RUN(an_import_is_read_when_its_writer_is_done);
    RUN(a_fence_on_the_buffer_alone_is_waited_for_as_well);
    RUN(a_late_fence_costs_its_frame_and_gives_the_input_back);
    RUN(a_fence_that_fails_costs_its_frame_alone);
    RUN(a_fence_that_never_signals_holds_up_nobody_else);
    RUN(a_picture_comes_back_when_its_reader_is_done);
    RUN(a_consumer_that_dies_holding_a_picture_stops_nobody);
    if (count_descriptors() != before) {
        printf("FAILED: %u descriptors are left open\n", count_descriptors() - before);
        test_failed++;
    }
    return test_report();
}
