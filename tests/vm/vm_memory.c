/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Buffers of each memory that the kernel has: filled and read by their descriptors alone, as a
 * device or another program does, and buffers of others read where they are. */
#include "devices.h"
#include "harness/descriptors.h"
#include "pictures.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_BYTES ((size_t)64 * 64)

static const enum sisp_memory memories[] = {
    SISP_MEMORY_MEMFD, SISP_MEMORY_UDMABUF, SISP_MEMORY_DMA_HEAP};

static struct sisp_session_params params_of(enum sisp_memory memory)
{
    struct sisp_session_params params = small_params();
    params.coefficients = fixed_coefficients(); /* a picture goes by its frame alone */
    params.input_memory = memory;
    params.output_memory = memory;
    return params;
}

/* Submit, and the result, which must be delivered from where the frame was. */
static bool develop(
    struct sisp_session *session, const struct sisp_input *input, struct sisp_result *result)
{
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    if (sisp_session_submit(session, input, &submission) != 0 ||
        sisp_session_next(session, result, 20 * SECOND_NS) != 0)
        return false;
    CHECK_EQ(result->record.outcome, SISP_DELIVERED);
    CHECK_EQ(result->record.zero_copy, 1);
    CHECK_EQ(result->record.bytes_copied, 0);
    return result->image.planes[0] != NULL;
}

/* By a session of memfds, filled by the CPU: what the project's other tests hold to be right. */
static uint64_t wanted_sum(unsigned seed)
{
    uint64_t sum = 0;
    struct sisp_input input;
    struct sisp_result result;
    const struct sisp_session_params params = params_of(SISP_MEMORY_MEMFD);
    struct sisp_session *session = create(&params);
    if (session && sisp_session_acquire(session, &input) == 0) {
        fill(input.samples, FRAME_BYTES, seed);
        if (develop(session, &input, &result)) {
            sum = image_sum(&result.image);
            sisp_session_release(session, &result);
        }
    }
    sisp_session_destroy(&session);
    return sum;
}

static bool is_dmabuf(int fd)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "dmabuf");
}

/* Another process, which has nothing but the descriptor, sees these bytes. */
static bool is_seen_elsewhere(const struct sisp_buffer *buffer)
{
    const size_t end = buffer->offset_bytes + buffer->size_bytes;
    const pid_t child = fork();
    if (child == 0) {
        const uint8_t *bytes = mmap(NULL, end, PROT_READ, MAP_SHARED, buffer->fd, 0);
        _exit(bytes == MAP_FAILED ||
              memcmp(bytes + buffer->offset_bytes, buffer->bytes, buffer->size_bytes) != 0);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* A memfd of inputs has one writer for good: the session, or a device that has its address. */
static void fill_as_device(const struct sisp_buffer *buffer, unsigned seed)
{
    if (!is_dmabuf(buffer->fd)) {
        fill(buffer->bytes, FRAME_BYTES, seed);
        return;
    }
    const size_t end = buffer->offset_bytes + buffer->size_bytes;
    uint8_t *bytes = dmabuf_map(buffer->fd, end);
    REQUIRE(bytes != NULL);
    fill(bytes + buffer->offset_bytes, FRAME_BYTES, seed);
    dmabuf_unmap(bytes, end);
}

static void device_fills_and_reader_reads(enum sisp_memory memory)
{
    const uint64_t wanted = wanted_sum(7);
    const struct sisp_session_params params = params_of(memory);
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    for (unsigned i = 0; i < 12; i++) {
        struct sisp_input input;
        struct sisp_result result;
        struct sisp_buffer buffer;
        REQUIRE(sisp_session_acquire(session, &input) == 0);
        REQUIRE(sisp_session_input_buffer(session, input.index, &buffer) == 0);
        CHECK_EQ(buffer.memory, memory);
        CHECK_EQ(is_dmabuf(buffer.fd), memory != SISP_MEMORY_MEMFD);
        fill_as_device(&buffer, 7);
        REQUIRE(develop(session, &input, &result));
        CHECK(image_sum(&result.image) == wanted);
        CHECK_EQ(result.image_buffer.memory, memory);
        CHECK_EQ(is_dmabuf(result.image_buffer.fd), memory != SISP_MEMORY_MEMFD);
        CHECK(result.image.planes[0] >= result.image_buffer.bytes);
        if (i == 0)
            CHECK(is_seen_elsewhere(&result.image_buffer));
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    sisp_session_destroy(&session);
}

TEST(each_memory_is_shared_with_devices)
{
    char why[256];
    for (unsigned i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
        if (sisp_memory_probe(memories[i], why, sizeof(why)) == 0)
            device_fills_and_reader_reads(memories[i]);
        else
            printf("SKIPPED %s: %s\n", sisp_memory_name(memories[i]), why);
    }
}

/* Two pictures in the hands of a consumer are never the same bytes. */
TEST(buffers_are_told_apart_by_inode_and_offset)
{
    const struct sisp_session_params params = params_of(SISP_MEMORY_MEMFD);
    struct sisp_session *session = create(&params);
    struct sisp_result results[3];
    struct stat files[3];
    REQUIRE(session != NULL);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(submit(session, i) == 0);
        REQUIRE(sisp_session_next(session, &results[i], 20 * SECOND_NS) == 0);
        REQUIRE(fstat(results[i].image_buffer.fd, &files[i]) == 0);
        for (unsigned k = 0; k < i; k++)
            CHECK(files[k].st_ino != files[i].st_ino ||
                  results[k].image_buffer.offset_bytes != results[i].image_buffer.offset_bytes);
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(sisp_session_release(session, &results[i]), 0);
    sisp_session_destroy(&session);
}

/* What was given back is free a moment after. */
static int import(
    struct sisp_session *session, const struct sisp_buffer *buffer, struct sisp_input *input)
{
    const uint64_t end = clock_ns() + 20 * SECOND_NS;
    int r = -EBUSY;
    while (r == -EBUSY && clock_ns() < end)
        r = sisp_session_import(session, buffer, input, error, sizeof(error));
    return r;
}

static int acquire_imported(struct sisp_session *session, struct sisp_input *input)
{
    const uint64_t end = clock_ns() + 20 * SECOND_NS;
    int r = -EAGAIN;
    while (r == -EAGAIN && clock_ns() < end)
        r = sisp_session_acquire_imported(session, input);
    return r;
}

static int unimport(struct sisp_session *session, uint32_t index)
{
    const uint64_t end = clock_ns() + 20 * SECOND_NS;
    int r = -EBUSY;
    while (r == -EBUSY && clock_ns() < end)
        r = sisp_session_unimport(session, index);
    return r;
}

/* A dmabuf of somebody else's is read in place; the same one keeps its place. */
static void read_in_place(int dmabuf)
{
    const uint64_t wanted = wanted_sum(9);
    struct sisp_session_params params = params_of(SISP_MEMORY_MEMFD);
    params.imports_max = 2;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    uint32_t index = UINT32_MAX;
    for (unsigned round = 0; round < 6; round++) {
        struct sisp_input input;
        struct sisp_result result;
        struct stat own, other;
        const struct sisp_buffer buffer = {.fd = dup(dmabuf), .size_bytes = FRAME_BYTES};
        REQUIRE(dmabuf_fill(dmabuf, FRAME_BYTES, 9) == 0);
        REQUIRE(import(session, &buffer, &input) == 0);
        close(buffer.fd);
        CHECK(round == 0 || input.index == index);
        index = input.index;
        struct sisp_buffer place;
        REQUIRE(sisp_session_input_buffer(session, index, &place) == 0);
        CHECK_EQ(place.memory, SISP_MEMORY_IMPORTED);
        CHECK(fstat(place.fd, &own) == 0 && fstat(dmabuf, &other) == 0);
        CHECK_EQ(own.st_ino, other.st_ino);
        REQUIRE(develop(session, &input, &result));
        CHECK(image_sum(&result.image) == wanted);
        CHECK_EQ(sisp_session_release(session, &result), 0);
        REQUIRE(acquire_imported(session, &input) == 0);
        CHECK_EQ(input.index, index);
        CHECK_EQ(sisp_session_cancel(session, &input), 0);
    }
    CHECK_EQ(unimport(session, index), 0);
    CHECK_EQ(sisp_session_unimport(session, index), -ENOENT);
    sisp_session_destroy(&session);
}

TEST(a_buffer_of_a_display_is_read_in_place)
{
    uint32_t handle;
    const int card = vgem_open();
    if (card < 0)
        SKIP("there is no vgem");
    const int dmabuf = vgem_dmabuf(card, FRAME_BYTES, &handle);
    REQUIRE(dmabuf >= 0);
    read_in_place(dmabuf);
    close(dmabuf);
    close(card);
}

TEST(a_udmabuf_of_another_program_is_read_in_place)
{
    const int dmabuf = udmabuf_make(FRAME_BYTES);
    if (dmabuf < 0)
        SKIP("this kernel has no udmabuf");
    read_in_place(dmabuf);
    close(dmabuf);
}

TEST(a_buffer_of_a_heap_is_read_in_place)
{
    const int dmabuf = dma_heap_make(FRAME_BYTES);
    if (dmabuf < 0)
        SKIP("this kernel has no dma-heap");
    read_in_place(dmabuf);
    close(dmabuf);
}

int main(void)
{
    const unsigned before = count_descriptors();
    RUN(each_memory_is_shared_with_devices);
    RUN(buffers_are_told_apart_by_inode_and_offset);
    RUN(a_buffer_of_a_display_is_read_in_place);
    RUN(a_udmabuf_of_another_program_is_read_in_place);
    RUN(a_buffer_of_a_heap_is_read_in_place);
    if (count_descriptors() != before) {
        printf("FAILED: %u descriptors are left open\n", count_descriptors() - before);
        test_failed++;
    }
    return test_report();
}
