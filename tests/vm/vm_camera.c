/* SPDX-License-Identifier: GPL-3.0-or-later */
/** V4L2 cameras on real drivers. Run: vm_camera NODE MULTIPLANAR_NODE FOLDER; FOLDER holds what
 * another program captured: FOURCC.raw, 320x180, the same in each frame. */
#include "devices.h"
#include "harness/descriptors.h"
#include "harness/test.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define BUFFERS   4

static const char *nodes[2], *folder;
static char error[512];

/* ---- helpers ------------------------------------------------------------------------------- */

static const struct kind {
    const char *name;
    enum sisp_memory memory;
    bool is_own; /* MMAP and EXPBUF */
} kinds[] = {
    {"MMAP and EXPBUF", SISP_MEMORY_IMPORTED, true},
    {"USERPTR", SISP_MEMORY_MEMFD, false},
    {"DMABUF of a udmabuf", SISP_MEMORY_UDMABUF, false},
    {"DMABUF of a heap", SISP_MEMORY_DMA_HEAP, false},
};

/* The stock kernel has neither dmabufs of memfds nor heaps. */
static unsigned kind_count(void)
{
    const bool has_udmabuf = access("/dev/udmabuf", F_OK) == 0;
    return !has_udmabuf ? 2 : access("/dev/dma_heap/system", F_OK) == 0 ? 4 : 3;
}

struct rig {
    struct sisp_camera *camera;
    struct sisp_buffer buffers[BUFFERS];
    int count;
};

static struct sisp_camera *open_camera(const char *node, const char *raw_format)
{
    struct sisp_camera *camera;
    const struct sisp_v4l2_params params = {.device = node,
        .width = 320,
        .height = 180,
        .fps_num = 30,
        .fps_den = 1,
        .raw_format = raw_format};
    if (sisp_camera_open_v4l2(&camera, &params, error, sizeof(error)) != 0)
        printf("open: %s\n", error);
    return camera;
}

static int make_buffer(struct sisp_buffer *buffer, enum sisp_memory memory, size_t size_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *buffer = (struct sisp_buffer){
        .memory = memory, .fd = -1, .size_bytes = (size_bytes + page - 1) / page * page};
    if (memory == SISP_MEMORY_MEMFD)
        buffer->fd = memfd_create("test", MFD_CLOEXEC);
    else
        buffer->fd = memory == SISP_MEMORY_UDMABUF ? udmabuf_make(buffer->size_bytes)
                                                   : dma_heap_make(buffer->size_bytes);
    if (buffer->fd < 0)
        return buffer->fd;
    if (memory == SISP_MEMORY_MEMFD && ftruncate(buffer->fd, (off_t)buffer->size_bytes) != 0)
        return -errno;
    buffer->bytes = dmabuf_map(buffer->fd, buffer->size_bytes);
    return buffer->bytes ? 0 : -ENOMEM;
}

static int attach_own(struct rig *rig)
{
    rig->count = sisp_camera_attach(rig->camera, NULL, BUFFERS);
    for (int i = 0; i < rig->count && i < BUFFERS; i++) {
        struct sisp_buffer *buffer = &rig->buffers[i];
        const int r = sisp_camera_export(rig->camera, (uint32_t)i, buffer);
        if (r)
            return r;
        buffer->bytes = dmabuf_map(buffer->fd, buffer->size_bytes);
    }
    return rig->count > BUFFERS ? -E2BIG : rig->count;
}

static int attach(struct rig *rig, const struct kind *kind)
{
    if (kind->is_own)
        return attach_own(rig);
    const size_t size_bytes = sisp_raw_info_size_bytes(sisp_camera_info(rig->camera));
    for (int i = 0; i < BUFFERS; i++) {
        const int r = make_buffer(&rig->buffers[i], kind->memory, size_bytes);
        if (r)
            return r;
    }
    rig->count = sisp_camera_attach(rig->camera, rig->buffers, BUFFERS);
    return rig->count;
}

static int start(struct rig *rig)
{
    for (int i = 0; i < rig->count; i++) {
        const int r = sisp_camera_queue(rig->camera, (uint32_t)i);
        if (r)
            return r;
    }
    return sisp_camera_start(rig->camera);
}

/* The camera first: until then it may fill its buffers. */
static void finish(struct rig *rig)
{
    sisp_camera_destroy(&rig->camera);
    for (int i = 0; i < BUFFERS; i++) {
        if (rig->buffers[i].bytes)
            dmabuf_unmap(rig->buffers[i].bytes, rig->buffers[i].size_bytes);
        if (rig->buffers[i].size_bytes && rig->buffers[i].fd >= 0)
            close(rig->buffers[i].fd);
    }
}

static int start_own(struct rig *rig, const char *node)
{
    rig->camera = open_camera(node, "SRGGB10");
    int r = rig->camera ? attach_own(rig) : -ENODEV;
    return r < 0 ? r : start(rig);
}

static int next(struct rig *rig, uint32_t *index)
{
    return sisp_camera_dequeue(rig->camera, index, 10 * SECOND_NS);
}

static int next_and_again(struct rig *rig)
{
    uint32_t index;
    const int r = next(rig, &index);
    return r ? r : sisp_camera_queue(rig->camera, index);
}

/* ---- frames -------------------------------------------------------------------------------- */

static const struct {
    const char *fourcc, *raw_format;
    size_t size_bytes;
} formats[] = {
    {"RGGB", "SRGGB8", (size_t)320 * 180},
    {"RG10", "SRGGB10", (size_t)320 * 180 * 2},
    {"RG12", "SRGGB12", (size_t)320 * 180 * 2},
    {"RG16", "SRGGB16", (size_t)320 * 180 * 2},
};

static uint8_t *truth_of(const char *fourcc, size_t size_bytes)
{
    char path[512];
    uint8_t *bytes = malloc(size_bytes);
    snprintf(path, sizeof(path), "%s/%s.raw", folder, fourcc);
    FILE *file = fopen(path, "rb");
    if (!file || fread(bytes, 1, size_bytes, file) != size_bytes)
        memset(bytes, 0, size_bytes); /* which no frame is */
    if (file)
        fclose(file);
    return bytes;
}

static void capture(struct rig *rig, const struct kind *kind, const uint8_t *truth, size_t size)
{
    uint64_t last = 0;
    const int r = attach(rig, kind);
    if (r < 0)
        printf("%s: %s\n", kind->name, sisp_camera_error(rig->camera));
    REQUIRE(r > 0 && start(rig) == 0);
    for (int i = 0; i < 6; i++) {
        uint32_t index;
        REQUIRE(next(rig, &index) == 0);
        const struct sisp_camera_frame frame = sisp_camera_frame(rig->camera);
        CHECK(i == 0 || frame.sequence > last);
        CHECK(frame.start_ns != 0);
        last = frame.sequence;
        CHECK(memcmp(rig->buffers[index].bytes, truth, size) == 0);
        memset(rig->buffers[index].bytes, 0, rig->buffers[index].size_bytes);
        REQUIRE(sisp_camera_queue(rig->camera, index) == 0);
    }
}

static void capture_from(const char *node)
{
    for (unsigned f = 0; test_ok && f < sizeof(formats) / sizeof(formats[0]); f++) {
        uint8_t *truth = truth_of(formats[f].fourcc, formats[f].size_bytes);
        for (unsigned k = 0; test_ok && k < kind_count(); k++) {
            struct rig rig = {.camera = open_camera(node, formats[f].raw_format)};
            REQUIRE(rig.camera != NULL);
            capture(&rig, &kinds[k], truth, formats[f].size_bytes);
            if (!test_ok)
                printf("%s: %s by %s\n", node, formats[f].raw_format, kinds[k].name);
            finish(&rig);
        }
        free(truth);
    }
}

TEST(each_kind_of_buffer_holds_the_right_frames)
{
    capture_from(nodes[0]);
}

TEST(the_same_by_the_multi_planar_api)
{
    capture_from(nodes[1]);
}

/* ---- start and stop ------------------------------------------------------------------------ */

static unsigned long available_kib(void)
{
    char line[128];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof(line), file))
        (void)sscanf(line, "MemAvailable: %lu kB", &kib);
    if (file)
        fclose(file);
    return kib;
}

static unsigned mappings(void)
{
    char line[512];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && fgets(line, sizeof(line), file))
        count++;
    if (file)
        fclose(file);
    return count;
}

static void cycle(int i)
{
    struct rig rig = {.camera = open_camera(nodes[0], "SRGGB10")};
    REQUIRE(rig.camera != NULL);
    REQUIRE(attach(&rig, &kinds[(unsigned)i % kind_count()]) > 0);
    REQUIRE(start(&rig) == 0);
    if (i % 25 == 0)
        CHECK_EQ(next_and_again(&rig), 0);
    sisp_camera_stop(rig.camera);
    if (i % 3 == 0) /* the same camera again */
        CHECK_EQ(start(&rig), 0);
    finish(&rig);
}

TEST(five_hundred_starts_and_stops_leave_nothing_behind)
{
    cycle(0);
    const unsigned fds = count_descriptors(), maps = mappings();
    const unsigned long kib = available_kib();
    for (int i = 0; i < 500; i++) {
        cycle(i);
        REQUIRE(test_ok);
    }
    CHECK_EQ(count_descriptors(), fds);
    CHECK_EQ(mappings(), maps);
    /* 500 sets of buffers are 230 MB. */
    CHECK(available_kib() + 32 * 1024 > kib);
}

/* Camera and session from nothing to a picture and back: the driver's buffers imported. */
static void whole_cycle(void)
{
    struct sisp_session_params params = sisp_session_params_default();
    struct rig rig = {.camera = open_camera(nodes[0], "SRGGB10")};
    struct sisp_session *session = NULL;
    struct sisp_input inputs[BUFFERS];
    struct sisp_result result;
    uint32_t index;
    REQUIRE(rig.camera && attach_own(&rig) > 0);
    params.info = *sisp_camera_info(rig.camera);
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 64, .height = 36};
    params.is_live = 1;
    params.threads = 1;
    params.imports_max = BUFFERS;
    REQUIRE(sisp_session_create(&session, &params, error, sizeof(error)) == 0);
    for (int i = 0; i < rig.count; i++)
        CHECK_EQ(
            sisp_session_import(session, &rig.buffers[i], &inputs[i], error, sizeof(error)), 0);
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    CHECK(start(&rig) == 0 && next(&rig, &index) == 0);
    if (test_ok) {
        CHECK_EQ(sisp_session_submit(session, &inputs[index], &submission), 0);
        CHECK_EQ(sisp_session_next(session, &result, 20 * SECOND_NS), 0);
        CHECK(result.record.outcome == SISP_DELIVERED && result.record.zero_copy);
        sisp_session_release(session, &result);
    }
    sisp_camera_stop(rig.camera);
    sisp_session_destroy(&session);
    finish(&rig);
}

TEST(camera_and_session_come_and_go)
{
    whole_cycle();
    const unsigned fds = count_descriptors(), maps = mappings();
    const unsigned long kib = available_kib();
    for (int i = 0; test_ok && i < 50; i++)
        whole_cycle();
    CHECK_EQ(count_descriptors(), fds);
    CHECK(mappings() <= maps + 4); /* the C library keeps heaps of threads that ended */
    CHECK(available_kib() + 32 * 1024 > kib);
}

/* ---- faults -------------------------------------------------------------------------------- */

static int set_control(const char *node, const char *name, int value)
{
    const int fd = open(node, O_RDWR | O_CLOEXEC);
    struct v4l2_queryctrl query = {.id = V4L2_CTRL_FLAG_NEXT_CTRL};
    int r = -ENOENT;
    while (fd >= 0 && r == -ENOENT && ioctl(fd, VIDIOC_QUERYCTRL, &query) == 0) {
        struct v4l2_control control = {.id = query.id, .value = value};
        if (strcasecmp((const char *)query.name, name) == 0)
            r = ioctl(fd, VIDIOC_S_CTRL, &control) == 0 ? 0 : -errno;
        query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
    }
    if (fd >= 0)
        close(fd);
    return r;
}

TEST(a_damaged_frame_costs_that_frame)
{
    struct rig rig = {0};
    REQUIRE(start_own(&rig, nodes[0]) == 0);
    CHECK_EQ(next_and_again(&rig), 0);
    REQUIRE(set_control(nodes[0], "Inject V4L2_BUF_FLAG_ERROR", 1) == 0);
    unsigned damaged = 0;
    for (int i = 0; i < 10; i++) {
        uint32_t index;
        const int r = next(&rig, &index);
        REQUIRE(r == 0 || r == -EBADMSG);
        damaged += r != 0;
        REQUIRE(sisp_camera_queue(rig.camera, index) == 0);
    }
    CHECK_EQ(damaged, 1);
    finish(&rig);
}

TEST(a_driver_that_drops_frames_leaves_gaps_in_the_count)
{
    struct rig rig = {0};
    REQUIRE(set_control(nodes[0], "Percentage of Dropped Buffers", 50) == 0);
    REQUIRE(start_own(&rig, nodes[0]) == 0);
    for (int i = 0; i < 12; i++)
        CHECK_EQ(next_and_again(&rig), 0);
    CHECK(sisp_camera_frame(rig.camera).sequence > 11);
    finish(&rig);
    CHECK_EQ(set_control(nodes[0], "Percentage of Dropped Buffers", 0), 0);
}

TEST(what_a_driver_refuses_is_said_and_works_the_next_time)
{
    struct rig rig = {.camera = open_camera(nodes[0], "SRGGB10")};
    REQUIRE(rig.camera != NULL);
    REQUIRE(set_control(nodes[0], "Inject VIDIOC_REQBUFS Error", 1) == 0);
    CHECK(sisp_camera_attach(rig.camera, NULL, BUFFERS) < 0);
    CHECK(sisp_camera_error(rig.camera)[0]);
    REQUIRE(attach_own(&rig) > 0);
    REQUIRE(set_control(nodes[0], "Inject VIDIOC_QBUF Error", 1) == 0);
    CHECK(sisp_camera_queue(rig.camera, 0) < 0);
    REQUIRE(set_control(nodes[0], "Inject VIDIOC_STREAMON Error", 1) == 0);
    CHECK(start(&rig) < 0);
    sisp_camera_stop(rig.camera);
    CHECK_EQ(start(&rig), 0);
    CHECK_EQ(next_and_again(&rig), 0);
    finish(&rig);
}

TEST(a_driver_that_gives_up_ends_the_stream)
{
    struct rig rig = {0};
    uint32_t index;
    REQUIRE(start_own(&rig, nodes[0]) == 0);
    CHECK_EQ(next_and_again(&rig), 0);
    REQUIRE(set_control(nodes[0], "Inject Fatal Streaming Error", 1) == 0);
    int r = 0;
    for (int i = 0; r == 0 && i < 10; i++)
        r = next(&rig, &index);
    CHECK_EQ(r, -EIO);
    CHECK(sisp_camera_error(rig.camera)[0]);
    finish(&rig);
    struct rig again = {0};
    REQUIRE(start_own(&again, nodes[0]) == 0);
    CHECK_EQ(next_and_again(&again), 0);
    finish(&again);
}

/* ---- unplugging ---------------------------------------------------------------------------- */

static bool tell_driver(const char *what)
{
    char path[128];
    snprintf(path, sizeof(path), "/sys/bus/platform/drivers/vivid/%s", what);
    FILE *file = fopen(path, "w");
    const bool is_written = file && fputs("vivid.0", file) >= 0;
    return file && fclose(file) == 0 && is_written;
}

static void unplug_under(const struct kind *kind)
{
    struct rig rig = {.camera = open_camera(nodes[0], "SRGGB10")};
    uint32_t index;
    int r = 0;
    REQUIRE(rig.camera && attach(&rig, kind) > 0 && start(&rig) == 0);
    CHECK_EQ(next_and_again(&rig), 0);
    REQUIRE(tell_driver("unbind"));
    for (int i = 0; r == 0 && i <= BUFFERS; i++) /* what was filled before may still come */
        r = next(&rig, &index);
    CHECK_EQ(r, -ENODEV);
    CHECK_EQ(sisp_camera_queue(rig.camera, 0) < 0, 1);
    sisp_camera_stop(rig.camera);
    finish(&rig);
    REQUIRE(tell_driver("bind"));
    struct rig again = {0};
    REQUIRE(start_own(&again, nodes[0]) == 0);
    CHECK_EQ(next_and_again(&again), 0);
    finish(&again);
}

TEST(a_camera_unplugged_in_mid_stream_is_gone_and_comes_back)
{
    for (unsigned k = 0; k < 3 && k < kind_count(); k++)
        unplug_under(&kinds[k]);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    nodes[0] = argv[1];
    nodes[1] = argv[2];
    folder = argv[3];
    RUN(each_kind_of_buffer_holds_the_right_frames);
    RUN(the_same_by_the_multi_planar_api);
    RUN(five_hundred_starts_and_stops_leave_nothing_behind);
    RUN(camera_and_session_come_and_go);
    RUN(a_damaged_frame_costs_that_frame);
    RUN(a_driver_that_drops_frames_leaves_gaps_in_the_count);
    RUN(what_a_driver_refuses_is_said_and_works_the_next_time);
    RUN(a_driver_that_gives_up_ends_the_stream);
    RUN(a_camera_unplugged_in_mid_stream_is_gone_and_comes_back);
    return test_report();
}
