/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Buffers of others, and where inputs and pictures lie. A sealed memfd stands for a dmabuf. */
#include "api/session.h"
#include "harness/descriptors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_BYTES 4096
#define ROUNDS      1000

static struct sisp_session_params import_params(uint32_t imports_max)
{
    struct sisp_session_params params = small_params();
    params.is_live = 0;
    params.imports_max = imports_max;
    return params;
}

static int make_memfd(size_t size_bytes, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
        return -1;
    return fd;
}

static void paint(uint8_t *bytes)
{
    for (size_t i = 0; i < FRAME_BYTES; i++)
        bytes[i] = (uint8_t)(i * i / 7 + i / 64);
}

static struct sisp_buffer make_frame(size_t offset_bytes)
{
    uint8_t bytes[FRAME_BYTES];
    int fd = make_memfd(offset_bytes + FRAME_BYTES, F_SEAL_SHRINK);
    paint(bytes);
    CHECK_EQ(pwrite(fd, bytes, FRAME_BYTES, (off_t)offset_bytes), FRAME_BYTES);
    return (struct sisp_buffer){.fd = fd, .offset_bytes = offset_bytes, .size_bytes = FRAME_BYTES};
}

static int import(
    struct sisp_session *session, const struct sisp_buffer *buffer, struct sisp_input *input)
{
    return sisp_session_import(session, buffer, input, error, sizeof(error));
}

static void develop(
    struct sisp_session *session, const struct sisp_input *input, struct sisp_result *result)
{
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    REQUIRE(sisp_session_submit(session, input, &submission) == 0);
    REQUIRE(sisp_session_next(session, result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result->record.outcome, SISP_DELIVERED);
}

/* What was given back is free a moment after the completion. */
static int acquire_imported(struct sisp_session *session, struct sisp_input *input)
{
    int r = -EAGAIN;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -EAGAIN && clock_ns() < end_ns;)
        r = sisp_session_acquire_imported(session, input);
    return r;
}

static int unimport(struct sisp_session *session, uint32_t index)
{
    int r = -EBUSY;
    for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -EBUSY && clock_ns() < end_ns;)
        r = sisp_session_unimport(session, index);
    return r;
}

static bool is_same_file(int a, int b)
{
    struct stat stat_a, stat_b;
    return fstat(a, &stat_a) == 0 && fstat(b, &stat_b) == 0 && stat_a.st_dev == stat_b.st_dev &&
           stat_a.st_ino == stat_b.st_ino;
}

TEST(an_import_gives_the_picture_of_an_input)
{
    struct sisp_session_params params = import_params(2);
    struct sisp_session *session = create(&params);
    struct sisp_buffer frame = make_frame(8192 + 64), at;
    struct sisp_input own, input, again;
    struct sisp_result own_result, result;
    REQUIRE(session && sisp_session_acquire(session, &own) == 0);
    CHECK(own.index < sisp_session_input_count(session));
    paint(own.samples);
    develop(session, &own, &own_result);
    const struct sisp_record first = own_result.record;
    sisp_session_destroy(&session);

    session = create(&params); /* control starts anew */
    REQUIRE(session != NULL);
    REQUIRE(import(session, &frame, &input) == 0);
    CHECK_EQ(input.index, sisp_session_input_count(session));
    CHECK_EQ(import(session, &frame, &again), -EBUSY);
    REQUIRE(sisp_session_input_buffer(session, input.index, &at) == 0);
    CHECK(at.memory == SISP_MEMORY_IMPORTED && at.bytes == input.samples);
    CHECK(is_same_file(at.fd, frame.fd) && at.offset_bytes == frame.offset_bytes);
    develop(session, &input, &result);
    CHECK(result.record.zero_copy && result.record.bytes_copied == 0);
    CHECK(memcmp(&result.record.input, &first.input, sizeof(first.input)) == 0);
    CHECK(memcmp(&result.record.output, &first.output, sizeof(first.output)) == 0);
    CHECK_EQ(sisp_session_release(session, &result), 0);

    REQUIRE(acquire_imported(session, &again) == 0);
    CHECK_EQ(again.index, input.index);
    CHECK_EQ(sisp_session_cancel(session, &input), -ESTALE);
    const uint32_t index = again.index;
    CHECK_EQ(sisp_session_cancel(session, &again), 0);
    CHECK_EQ(unimport(session, index), 0);
    CHECK_EQ(sisp_session_input_buffer(session, index, &at), -ENOENT);
    close(frame.fd);
    sisp_session_destroy(&session);
}

TEST(places_run_out_and_come_back)
{
    struct sisp_session_params params = import_params(2);
    struct sisp_session *session = create(&params);
    struct sisp_buffer frames[3];
    struct sisp_input inputs[3], none;
    REQUIRE(session != NULL);
    for (int i = 0; i < 3; i++)
        frames[i] = make_frame(0);
    CHECK_EQ(sisp_session_acquire_imported(session, &none), -EAGAIN);
    CHECK_EQ(import(session, &frames[0], &inputs[0]), 0);
    CHECK_EQ(import(session, &frames[1], &inputs[1]), 0);
    CHECK_EQ(import(session, &frames[2], &inputs[2]), -ENOSPC);
    CHECK(strstr(error, "imports_max"));
    CHECK_EQ(sisp_session_unimport(session, inputs[0].index), -EBUSY);
    CHECK_EQ(sisp_session_cancel(session, &inputs[0]), 0);
    CHECK_EQ(unimport(session, sisp_session_input_count(session)), 0);
    CHECK_EQ(import(session, &frames[2], &inputs[2]), 0);
    CHECK_EQ(sisp_session_unimport(session, 0), -ENOENT);
    CHECK_EQ(sisp_session_unimport(session, 1000), -ENOENT);
    for (int i = 0; i < 3; i++)
        close(frames[i].fd);
    sisp_session_destroy(&session);
}

static void refuse(
    struct sisp_session *session, struct sisp_buffer buffer, int result, const char *word)
{
    struct sisp_input input;
    error[0] = 0;
    CHECK_EQ(import(session, &buffer, &input), result);
    if (!strstr(error, word))
        printf("said: %s\n", error);
    CHECK(strstr(error, word));
}

TEST(what_is_no_buffer_is_refused)
{
    struct sisp_session_params params = import_params(1);
    struct sisp_session *session = create(&params);
    int pipes[2];
    const int closed = 1000;
    REQUIRE(session && pipe(pipes) == 0);
    int null = open("/dev/null", O_RDONLY), folder = open("/tmp", O_RDONLY);
    int file = open("/proc/self/exe", O_RDONLY);
    int loose = make_memfd(FRAME_BYTES, 0), brief = make_memfd(FRAME_BYTES - 1, F_SEAL_SHRINK);
    refuse(session, (struct sisp_buffer){.fd = -1}, -EBADF, "not open");
    refuse(session, (struct sisp_buffer){.fd = closed}, -EBADF, "not open");
    refuse(session, (struct sisp_buffer){.fd = pipes[0]}, -EINVAL, "neither");
    refuse(session, (struct sisp_buffer){.fd = null}, -EINVAL, "neither");
    refuse(session, (struct sisp_buffer){.fd = folder}, -EINVAL, "n");
    refuse(session, (struct sisp_buffer){.fd = file}, -EINVAL, "n");
    refuse(session, (struct sisp_buffer){.fd = loose}, -EINVAL, "not sealed");
    refuse(session, (struct sisp_buffer){.fd = brief}, -EINVAL, "too short");
    struct sisp_buffer frame = make_frame(0);
    frame.offset_bytes = 32;
    refuse(session, frame, -EINVAL, "multiple of 64");
    frame.offset_bytes = 64;
    refuse(session, frame, -EINVAL, "too short");
    frame.offset_bytes = SIZE_MAX - 63;
    refuse(session, frame, -EINVAL, "too short");
    const int fds[] = {pipes[0], pipes[1], null, folder, file, loose, brief, frame.fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    sisp_session_destroy(&session);
}

static unsigned count_mappings(void)
{
    unsigned count = 0;
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, "memfd:test") != NULL;
    fclose(file);
    return count;
}

TEST(a_thousand_imports_leave_nothing)
{
    struct sisp_session_params params = import_params(3);
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    const unsigned descriptors = count_descriptors();
    for (int i = 0; i < ROUNDS && test_ok; i++) {
        struct sisp_buffer frame = make_frame(0);
        struct sisp_input input;
        REQUIRE(import(session, &frame, &input) == 0);
        CHECK_EQ(count_mappings(), 1);
        close(frame.fd);
        const uint32_t index = input.index;
        CHECK_EQ(sisp_session_cancel(session, &input), 0);
        CHECK_EQ(unimport(session, index), 0);
    }
    CHECK_EQ(count_mappings(), 0);
    CHECK_EQ(count_descriptors(), descriptors);
    sisp_session_destroy(&session);
}

TEST(what_is_left_goes_with_the_session)
{
    struct sisp_session_params params = import_params(1);
    struct sisp_buffer frame = make_frame(0);
    struct sisp_session *other;
    struct sisp_input input;
    params.sessions_max = 2;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    params.share = session;
    params.sessions_max = 0;
    REQUIRE(sisp_session_create(&other, &params, error, sizeof(error)) == 0);
    CHECK_EQ(import(other, &frame, &input), 0);
    CHECK_EQ(sisp_session_unimport(session, input.index), -ENOENT); /* another's */
    CHECK_EQ(sisp_session_cancel(other, &input), 0);
    while (import(other, &frame, &input) == -EBUSY)
        ;
    CHECK_EQ(sisp_session_cancel(other, &input), 0);
    sisp_session_destroy(&other);
    struct sisp_buffer more[2] = {make_frame(0), make_frame(0)};
    for (int i = 0; i < 2; i++) {
        int r = -ENOSPC;
        for (uint64_t end_ns = clock_ns() + 20 * SECOND_NS; r == -ENOSPC && clock_ns() < end_ns;)
            r = import(session, &more[i], &input); /* the other's place is free a moment later */
        CHECK_EQ(r, 0);
        close(more[i].fd);
    }
    close(frame.fd);
    sisp_session_destroy(&session);
    CHECK_EQ(count_mappings(), 0);
}

/* Buffers of others take none of the quota. */
TEST(imports_do_not_count_against_the_quota)
{
    struct sisp_session_params params = import_params(32);
    struct sisp_session *session = create(&params);
    struct sisp_knobs knobs = {0};
    struct sisp_figures figures;
    REQUIRE(session != NULL);
    sisp_session_figures(session, &figures);
    sisp_session_destroy(&session);
    knobs.value[sisp_knob_find("quota_bytes")] = figures.quota_bytes;
    params.knobs = &knobs;
    session = create(&params);
    CHECK(session != NULL);
    sisp_session_destroy(&session);
    knobs.value[sisp_knob_find("quota_bytes")]--;
    CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
}

static void check_picture(const struct sisp_buffer *at, const struct sisp_image *image)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t lead = at->offset_bytes % page_bytes, page = at->offset_bytes - lead;
    uint8_t *bytes = mmap(NULL, lead + at->size_bytes, PROT_READ, MAP_SHARED, at->fd, (off_t)page);
    REQUIRE(bytes != MAP_FAILED);
    CHECK(at->bytes == image->planes[0]);
    CHECK(memcmp(bytes + lead, image->planes[0], at->size_bytes) == 0);
    CHECK(at->size_bytes >= (size_t)image->height * image->stride_bytes[0]);
    munmap(bytes, lead + at->size_bytes);
}

TEST(pictures_are_where_the_result_says)
{
    struct sisp_session_params params = import_params(0);
    struct sisp_input input;
    struct sisp_result result;
    params.second =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 31, .height = 17};
    struct sisp_session *session = create(&params);
    REQUIRE(session && sisp_session_acquire(session, &input) == 0);
    paint(input.samples);
    develop(session, &input, &result);
    check_picture(&result.image_buffer, &result.image);
    check_picture(&result.second_buffer, &result.second);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK_EQ(result.image_buffer.fd, -1);
    sisp_session_destroy(&session);
}

TEST(private_pictures_are_the_same)
{
    struct sisp_session_params params = import_params(0);
    struct sisp_record records[2];
    for (unsigned i = 0; i < 2; i++) {
        struct sisp_input input;
        struct sisp_result result;
        params.output_memory = i ? SISP_MEMORY_PRIVATE : SISP_MEMORY_MEMFD;
        struct sisp_session *session = create(&params);
        REQUIRE(session && sisp_session_acquire(session, &input) == 0);
        paint(input.samples);
        develop(session, &input, &result);
        records[i] = result.record;
        CHECK(result.image_buffer.memory == params.output_memory);
        CHECK(result.image_buffer.bytes == result.image.planes[0]);
        CHECK_EQ(result.image_buffer.fd < 0, i);
        CHECK_EQ(sisp_session_release(session, &result), 0);
        sisp_session_destroy(&session);
    }
    CHECK(memcmp(&records[0].output, &records[1].output, sizeof(records[0].output)) == 0);
}

static void refuse_session(const struct sisp_session_params *params, int result, const char *word)
{
    struct sisp_session *session;
    CHECK_EQ(sisp_session_create(&session, params, error, sizeof(error)), result);
    CHECK(strstr(error, word));
}

TEST(memory_that_is_not_there_is_refused)
{
    struct sisp_session_params params = import_params(33);
    struct sisp_knobs knobs = {0};
    struct sisp_input input;
    refuse_session(&params, -EINVAL, "at most 32");
    params = import_params(1);
    params.knobs = &knobs;
    REQUIRE(sisp_knobs_set(&knobs, "isolation", "process") == 0);
    refuse_session(&params, -ENOTSUP, "isolation=process");
    params = import_params(0);
    params.input_memory = SISP_MEMORY_IMPORTED;
    refuse_session(&params, -EINVAL, "dma-heap");
    params.input_memory = SISP_MEMORY_PRIVATE;
    refuse_session(&params, -EINVAL, "dma-heap");
    params.input_memory = SISP_MEMORY_MEMFD;
    params.output_memory = SISP_MEMORY_PRIVATE;
    params.knobs = &knobs;
    refuse_session(&params, -ENOTSUP, "isolation=process");
    params.output_memory = SISP_MEMORY_MEMFD;
    params.knobs = NULL;
    struct sisp_session *session = create(&params);
    struct sisp_buffer frame = make_frame(0);
    REQUIRE(session != NULL);
    CHECK_EQ(import(session, &frame, &input), -ENOTSUP);
    close(frame.fd);
    sisp_session_destroy(&session);
}

/* Where the machine has the memory, a session lives in it; where not, it says so. */
TEST(every_memory_works_or_is_refused)
{
    for (int m = 0; m < SISP_MEMORY_IMPORTED; m++) {
        struct sisp_session_params params = import_params(0);
        struct sisp_session *session;
        struct sisp_input input;
        struct sisp_result result;
        struct sisp_buffer at;
        char why[256];
        double ratio = 0;
        params.input_memory = params.output_memory = (enum sisp_memory)m;
        CHECK_EQ(sisp_memory_find(sisp_memory_name(params.input_memory)), m);
        if (sisp_memory_probe(params.input_memory, why, sizeof(why)) != 0) {
            CHECK(sisp_memory_measure(params.input_memory, &ratio) != 0);
            refuse_session(&params, -ENOTSUP, sisp_memory_name(params.input_memory));
            continue;
        }
        CHECK(sisp_memory_measure(params.input_memory, &ratio) == 0 && ratio > 0);
        REQUIRE(sisp_session_create(&session, &params, error, sizeof(error)) == 0);
        REQUIRE(sisp_session_acquire(session, &input) == 0);
        REQUIRE(sisp_session_input_buffer(session, input.index, &at) == 0);
        CHECK(at.memory == params.input_memory && at.bytes == input.samples && at.fd >= 0);
        paint(input.samples);
        develop(session, &input, &result);
        CHECK(result.image_buffer.memory == params.output_memory);
        check_picture(&result.image_buffer, &result.image);
        CHECK_EQ(sisp_session_release(session, &result), 0);
        sisp_session_destroy(&session);
    }
}

int main(void)
{
    RUN(an_import_gives_the_picture_of_an_input);
    RUN(places_run_out_and_come_back);
    RUN(what_is_no_buffer_is_refused);
    RUN(a_thousand_imports_leave_nothing);
    RUN(what_is_left_goes_with_the_session);
    RUN(imports_do_not_count_against_the_quota);
    RUN(pictures_are_where_the_result_says);
    RUN(private_pictures_are_the_same);
    RUN(memory_that_is_not_there_is_refused);
    RUN(every_memory_works_or_is_refused);
    return test_report();
}
