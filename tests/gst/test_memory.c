/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffers of the filter: what is copied and what is not, strides, what does not fit. */
#include "common.h"

#include <gst/allocators/gstfdmemory.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPS     "video/x-bayer,format=rggb,width=128,height=32,framerate=30/1"
#define RGB_CAPS "video/x-raw,format=RGB,width=128,height=32,framerate=30/1"

static GstHarness *harness(const char *sink_caps, const char *src_caps)
{
    GstHarness *h = patient_harness("softisp name=s " PLAIN);
    gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_set_caps_str(h, sink_caps, src_caps);
    return h;
}

/* The pool that the filter offers to upstream. */
static GstBufferPool *offered_pool(GstHarness *h, const char *caps_text)
{
    GstBufferPool *pool = NULL;
    GstCaps *caps = gst_caps_from_string(caps_text);
    GstQuery *query = gst_query_new_allocation(caps, TRUE);
    if (gst_pad_peer_query(h->srcpad, query) && gst_query_get_n_allocation_pools(query) > 0) {
        guint size, min, max;
        gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
        GstStructure *config = gst_buffer_pool_get_config(pool);
        gst_buffer_pool_config_set_params(config, caps, size, min, max);
        if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE))
            gst_clear_object(&pool);
    }
    gst_query_unref(query);
    gst_caps_unref(caps);
    return pool;
}

static GstBuffer *pool_frame(GstBufferPool *pool, guint8 code)
{
    GstBuffer *buffer = NULL;
    if (gst_buffer_pool_acquire_buffer(pool, &buffer, NULL) != GST_FLOW_OK)
        return NULL;
    gst_buffer_memset(buffer, 0, code, gst_buffer_get_size(buffer));
    return buffer;
}

static void drop_pool(GstBufferPool *pool)
{
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
}

TEST(what_upstream_fills_is_not_copied)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstElement *element = gst_harness_find_element(h, "softisp");
    GstBufferPool *pool = offered_pool(h, CAPS);
    REQUIRE(pool != NULL);
    for (int n = 0; n < 20; n++) {
        GstBuffer *picture = gst_harness_push_and_pull(h, pool_frame(pool, (guint8)(10 * n)));
        REQUIRE(picture != NULL);
        CHECK(is_zero_copy(picture));
        CHECK_EQ(byte_at(picture, 5000), 10 * n);
        gst_buffer_unref(picture);
    }
    CHECK_EQ(stat_of(element, "copies-in"), 0);
    CHECK_EQ(stat_of(element, "copies-out"), 0);
    drop_pool(pool);
    gst_object_unref(element);
    gst_harness_teardown(h);
}

/* Whoever else holds an input may read it when its frame has long been developed. */
TEST(an_input_that_others_hold_stays_theirs)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstBufferPool *pool = offered_pool(h, CAPS);
    REQUIRE(pool != NULL);
    GstBuffer *frame = pool_frame(pool, 77);
    GstBuffer *share = gst_buffer_copy_region(frame, GST_BUFFER_COPY_MEMORY, 0, (gsize)-1);
    for (int n = 0; n < 20; n++) {
        GstBuffer *picture = gst_harness_push_and_pull(
            h, n % 2 ? pool_frame(pool, (guint8)n) : gst_buffer_ref(frame));
        REQUIRE(picture != NULL);
        CHECK_EQ(byte_at(picture, 5000), n % 2 ? n : 77);
        gst_buffer_unref(picture);
    }
    gst_buffer_unref(frame);
    CHECK_EQ(byte_at(share, 100), 77);
    gst_buffer_unref(share);
    drop_pool(pool);
    gst_harness_teardown(h);
}

/* Upstream that never gives a frame back must not stop those that come in other memory. */
TEST(an_empty_pool_stops_nobody)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstBufferPool *pool = offered_pool(h, CAPS);
    GstBuffer *held[16], *more = NULL;
    GstBufferPoolAcquireParams at_once = {.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT};
    guint count = 0;
    REQUIRE(pool != NULL);
    while (
        count < 16 && gst_buffer_pool_acquire_buffer(pool, &held[count], &at_once) == GST_FLOW_OK)
        count++;
    CHECK_EQ(count, 4);
    CHECK_EQ(gst_buffer_pool_acquire_buffer(pool, &more, &at_once), GST_FLOW_EOS);
    for (int n = 0; n < 10; n++) {
        GstBuffer *picture = gst_harness_push_and_pull(h, flat_frame(128, 32, 1, 60));
        REQUIRE(picture != NULL);
        CHECK_EQ(byte_at(picture, 5000), 60);
        gst_buffer_unref(picture);
    }
    while (count > 0)
        gst_buffer_unref(held[--count]);
    drop_pool(pool);
    gst_harness_teardown(h);
}

/* A queue in pause holds pictures for as long as it likes: later ones are copies, none is lost. */
TEST(pictures_that_are_held_stay_as_they_are)
{
    enum { COUNT = 24 };
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstBuffer *pictures[COUNT];
    for (int n = 0; n < COUNT; n++) {
        pictures[n] = gst_harness_push_and_pull(h, flat_frame(128, 32, 1, 10 * (guint)n));
        REQUIRE(pictures[n] != NULL);
    }
    gst_harness_teardown(h); /* the session outlives its element */
    for (int n = 0; n < COUNT; n++) {
        CHECK_EQ(byte_at(pictures[n], 5000), 10 * n);
        gst_buffer_unref(pictures[n]);
    }
}

/* 100 pixels of RGB are 300 bytes, and a row of the session's 320. */
static void check_padded_rows(gboolean has_video_meta)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    GstHarness *h = patient_harness("softisp name=s " PLAIN);
    if (has_video_meta)
        gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_set_caps_str(h, "video/x-bayer,format=rggb,width=101,height=33,framerate=30/1",
        "video/x-raw,format=NV12,framerate=30/1");
    GstBuffer *picture = gst_harness_push_and_pull(h, flat_frame(101, 33, 1, 255));
    REQUIRE(picture != NULL);
    CHECK_EQ(gst_buffer_get_video_meta(picture) != NULL, has_video_meta);
    GstElement *element = gst_harness_find_element(h, "softisp");
    CHECK_EQ(stat_of(element, "copies-out"), !has_video_meta);
    gst_object_unref(element);
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, 101, 33);
    REQUIRE(gst_video_frame_map(&frame, &info, picture, GST_MAP_READ));
    for (guint y = 0; y < 33; y++) {
        const guint8 *luma = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                             y * (guint)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
        CHECK_EQ(luma[0], 235);
        CHECK_EQ(luma[100], 235);
    }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(picture);
    gst_harness_teardown(h);
}

TEST(padded_rows_are_told_or_copied)
{
    check_padded_rows(TRUE);
    check_padded_rows(FALSE);
}

/* Bright samples in the frame, dark ones in the padding: a wrong stride would show. */
static GstBuffer *fill_rows(
    GstBuffer *buffer, guint width, guint height, guint stride, gboolean has_meta)
{
    gst_buffer_memset(buffer, 0, 0, (gsize)stride * height);
    for (guint y = 0; y < height; y++)
        gst_buffer_memset(buffer, (gsize)y * stride, 200, width);
    gsize offset[GST_VIDEO_MAX_PLANES] = {0};
    gint strides[GST_VIDEO_MAX_PLANES] = {(gint)stride};
    if (has_meta)
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8,
            width, height, 1, offset, strides);
    return buffer;
}

static GstBuffer *strided_frame(guint width, guint height, guint stride, gboolean has_meta)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, (gsize)stride * height, NULL);
    return fill_rows(buffer, width, height, stride, has_meta);
}

static void check_all_bright(GstHarness *h, GstBuffer *frame)
{
    GstBuffer *picture = gst_harness_push_and_pull(h, frame);
    REQUIRE(picture != NULL);
    for (gsize i = 0; i < gst_buffer_get_size(picture); i++)
        REQUIRE(byte_at(picture, i) == 200 || (i % 4 == 3 && byte_at(picture, i) == 255));
    gst_buffer_unref(picture);
}

TEST(any_stride_of_a_frame_is_read)
{
    const char *caps = "video/x-bayer,format=rggb,width=62,height=32,framerate=30/1";
    GstHarness *h = harness(caps, "video/x-raw,format=BGRx,width=48,height=32,framerate=30/1");
    check_all_bright(h, strided_frame(62, 32, 64, FALSE)); /* as GStreamer's elements have it */
    check_all_bright(h, strided_frame(62, 32, 62, FALSE)); /* a file */
    check_all_bright(h, strided_frame(62, 32, 99, TRUE));
    GstBufferPool *pool = offered_pool(h, caps); /* our own memory, and rows as upstream likes */
    REQUIRE(pool != NULL);
    check_all_bright(h, fill_rows(pool_frame(pool, 0), 62, 32, 62, TRUE));
    check_all_bright(h, fill_rows(pool_frame(pool, 0), 62, 32, 64, TRUE));
    drop_pool(pool);
    gst_harness_teardown(h);
}

static GstFlowReturn push_alone(GstBuffer *frame, gboolean *has_error)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstElement *element = gst_harness_find_element(h, "softisp");
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    GstFlowReturn flow = gst_harness_push(h, frame);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    *has_error = message != NULL;
    if (message)
        gst_message_unref(message);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
    gst_harness_teardown(h);
    return flow;
}

TEST(what_holds_no_frame_is_an_error)
{
    gboolean has_error;
    GstBuffer *wrong[] = {
        gst_buffer_new(),
        gst_buffer_new_allocate(NULL, 128 * 32 - 1, NULL),
        strided_frame(128, 31, 128, FALSE),
        strided_frame(100, 32, 100, TRUE), /* rows shorter than the frame's */
        strided_frame(128, 16, 256, TRUE),
    };
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        CHECK_EQ(push_alone(wrong[i], &has_error), GST_FLOW_ERROR);
        CHECK(has_error);
    }
    CHECK_EQ(push_alone(flat_frame(128, 32, 1, 9), &has_error), GST_FLOW_OK);
    CHECK(!has_error);
}

/* A frame in a memfd, which stands for a dmabuf where there are none. */
static GstBuffer *memfd_frame(GstAllocator *allocator, int fd, guint8 code)
{
    GstBuffer *buffer = gst_buffer_new();
    gst_buffer_append_memory(
        buffer, gst_fd_allocator_alloc(allocator, fd, 128 * 32, GST_FD_MEMORY_FLAG_DONT_CLOSE));
    gst_buffer_memset(buffer, 0, code, 128 * 32);
    return buffer;
}

static int memfd_of_a_frame(int seals)
{
    int fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, 128 * 32) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0)
        abort();
    return fd;
}

/* One frame through; TRUE: it was not copied. Its owner must be able to fill it again at once. */
static gboolean passes_uncopied(GstHarness *h, GstAllocator *allocator, int fd, guint8 code)
{
    GstBuffer *frame = memfd_frame(allocator, fd, code);
    GstBuffer *watch = gst_buffer_ref(frame);
    GstBuffer *picture = gst_harness_push_and_pull(h, frame);
    gboolean uncopied = picture && is_zero_copy(picture);
    CHECK(picture != NULL);
    if (picture)
        CHECK_EQ(byte_at(picture, 5000), code);
    gst_clear_buffer(&picture);
    /* A worker may take a moment to let go. */
    for (int n = 0; n < 1000 && GST_MINI_OBJECT_REFCOUNT_VALUE(watch) > 1; n++) {
        g_usleep(1000);
        gst_buffer_unref(gst_harness_push_and_pull(h, flat_frame(128, 32, 1, 0)));
    }
    CHECK_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(watch), 1);
    gst_buffer_unref(watch);
    return uncopied;
}

/* Unsealed ones are not to be trusted: whoever shrinks one kills its readers. */
TEST(frames_in_memory_of_others_are_read_where_they_are)
{
    enum { COUNT = 6 };
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstAllocator *allocator = gst_fd_allocator_new();
    int fds[COUNT];
    for (int n = 0; n < COUNT; n++)
        fds[n] = memfd_of_a_frame(n ? F_SEAL_SHRINK : 0);
    for (int n = 0; n < 10 * COUNT; n++)
        CHECK_EQ(passes_uncopied(h, allocator, fds[n % COUNT], (guint8)(n + 1)), n % COUNT != 0);
    for (int n = 0; n < COUNT; n++)
        close(fds[n]);
    gst_object_unref(allocator);
    gst_harness_teardown(h);
}

/* A file for each frame, more than the session has places: those beyond are copied. */
TEST(frames_beyond_all_places_are_copied)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstAllocator *allocator = gst_fd_allocator_new();
    for (int n = 0; n < 40; n++) {
        int fd = memfd_of_a_frame(F_SEAL_SHRINK);
        CHECK_EQ(passes_uncopied(h, allocator, fd, (guint8)(n + 1)), n < 32);
        close(fd);
    }
    gst_object_unref(allocator);
    gst_harness_teardown(h);
}

/* What another program maps by the picture's descriptor is the picture. */
TEST(pictures_have_descriptors)
{
    GstHarness *h = harness(CAPS, RGB_CAPS);
    GstBuffer *picture = gst_harness_push_and_pull(h, flat_frame(128, 32, 1, 90));
    REQUIRE(picture != NULL);
    GstMemory *memory = gst_buffer_peek_memory(picture, 0);
    REQUIRE(gst_is_fd_memory(memory));
    gsize offset, size = gst_memory_get_sizes(memory, &offset, NULL);
    CHECK_EQ(size, 128 * 32 * 3);
    guint8 *bytes =
        mmap(NULL, offset + size, PROT_READ, MAP_SHARED, gst_fd_memory_get_fd(memory), 0);
    REQUIRE(bytes != MAP_FAILED);
    CHECK_EQ(bytes[offset], 90);
    CHECK_EQ(bytes[offset + size - 1], 90);
    munmap(bytes, offset + size);
    /* A part of it is read through the same mapping. */
    GstBuffer *part = gst_buffer_copy_region(picture, GST_BUFFER_COPY_MEMORY, 384, 384);
    gst_buffer_unref(picture);
    CHECK_EQ(byte_at(part, 5), 90);
    gst_buffer_unref(part);
    gst_harness_teardown(h);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    RUN(what_upstream_fills_is_not_copied);
    RUN(an_input_that_others_hold_stays_theirs);
    RUN(an_empty_pool_stops_nobody);
    RUN(pictures_that_are_held_stay_as_they_are);
    RUN(padded_rows_are_told_or_copied);
    RUN(any_stride_of_a_frame_is_read);
    RUN(what_holds_no_frame_is_an_error);
    RUN(frames_in_memory_of_others_are_read_where_they_are);
    RUN(frames_beyond_all_places_are_copied);
    RUN(pictures_have_descriptors);
    return test_report();
}
