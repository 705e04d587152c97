/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The GStreamer elements on a real V4L2 device. Run: vm_gst NODE */
#include "harness/test.h"

#include <gst/allocators/gstdmabuf.h>
#include <gst/gst.h>
#include <unistd.h>

#define PICTURES 5
/* What an emulated CPU does in time. */
#define CAPS_IN  "video/x-bayer,format=rggb,width=320,height=180,framerate=5/1"
#define CAPS_OUT "video/x-raw,format=NV12"

static const char *node;

/* What was seen of the pictures of a run. */
struct seen {
    unsigned pictures, without_copies, dmabufs;
    uint64_t fast; /* of one by FastISP: a number that other pixels would not give */
};

static uint64_t sum_of(GstBuffer *buffer)
{
    GstMapInfo map;
    uint64_t total = 1;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return 0;
    for (gsize i = 0; i < map.size; i++)
        total = total * 31 + map.data[i];
    gst_buffer_unmap(buffer, &map);
    return total;
}

static GstPadProbeReturn look(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    struct seen *seen = user;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "softisp-frame");
    gboolean is_zero_copy = FALSE;
    seen->pictures++;
    if (meta) {
        const GstStructure *about = gst_custom_meta_get_structure(meta);
        gst_structure_get_boolean(about, "zero-copy", &is_zero_copy);
        if (g_strcmp0(gst_structure_get_string(about, "worker"), "FastISP") == 0)
            seen->fast = sum_of(buffer);
    }
    seen->without_copies += is_zero_copy;
    seen->dmabufs += gst_is_dmabuf_memory(gst_buffer_peek_memory(buffer, 0));
    return GST_PAD_PROBE_OK;
}

/* Until the end of the stream, which must come without an error; 60 s at most. */
static void wait_for_end(GstElement *pipeline)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message =
        gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    CHECK(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError *error = NULL;
        gst_message_parse_error(message, &error, NULL);
        printf("%s\n", error->message);
        g_error_free(error);
    }
    if (message)
        gst_message_unref(message);
    gst_object_unref(bus);
}

/* Run it, look at what leaves the element named "isp"; copies in, as it counts them. */
static guint64 run(const char *description, struct seen *seen)
{
    guint64 copies = 0;
    *seen = (struct seen){0};
    GstElement *pipeline = gst_parse_launch(description, NULL);
    GstElement *isp = pipeline ? gst_bin_get_by_name(GST_BIN(pipeline), "isp") : NULL;
    CHECK(isp != NULL);
    if (!isp)
        return 0;
    GstPad *pad = gst_element_get_static_pad(isp, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, look, seen, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    wait_for_end(pipeline);
    GstStructure *stats = NULL;
    g_object_get(isp, "stats", &stats, NULL);
    gst_structure_get_uint64(stats, "copies-in", &copies);
    gst_structure_free(stats);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pad);
    gst_object_unref(isp);
    gst_object_unref(pipeline);
    return copies;
}

static guint64 from_v4l2src(const char *how, const char *properties, struct seen *seen)
{
    char text[512];
    snprintf(text, sizeof(text),
        "v4l2src device=%s io-mode=%s num-buffers=%d ! " CAPS_IN
        " ! softisp name=isp threads=1 auto-exposure=0 wb-mode=1 %s ! " CAPS_OUT " ! fakesink",
        node, how, PICTURES, properties);
    return run(text, seen);
}

TEST(dmabufs_of_v4l2src_are_read_where_they_are)
{
    struct seen dmabuf, mmap;
    CHECK_EQ(from_v4l2src("dmabuf", "", &dmabuf), 0);
    CHECK_EQ(dmabuf.pictures, PICTURES);
    CHECK_EQ(dmabuf.without_copies, PICTURES);
    from_v4l2src("mmap", "", &mmap);
    CHECK(dmabuf.fast != 0 && dmabuf.fast == mmap.fast);
}

TEST(v4l2src_fills_the_dmabufs_that_softisp_offers)
{
    struct seen seen;
    if (access("/dev/udmabuf", R_OK) != 0)
        SKIP("this kernel has no udmabuf");
    CHECK_EQ(from_v4l2src("dmabuf-import", "input-memory=udmabuf", &seen), 0);
    CHECK_EQ(seen.pictures, PICTURES);
    CHECK_EQ(seen.without_copies, PICTURES);
}

TEST(pictures_are_dmabufs_where_asked_for)
{
    struct seen seen;
    if (access("/dev/udmabuf", R_OK) != 0)
        SKIP("this kernel has no udmabuf");
    CHECK_EQ(from_v4l2src("dmabuf", "output-memory=udmabuf", &seen), 0);
    CHECK_EQ(seen.dmabufs, PICTURES);
    CHECK_EQ(seen.without_copies, PICTURES);
}

TEST(softispsrc_has_the_camera_under_its_own_control)
{
    struct seen seen;
    char text[512];
    snprintf(text, sizeof(text),
        "softispsrc name=isp camera=v4l2:%s raw-format=SRGGB10 raw-width=320 raw-height=180 "
        "raw-framerate=5/1 threads=1 num-buffers=%d ! " CAPS_OUT " ! fakesink",
        node, PICTURES);
    run(text, &seen);
    CHECK_EQ(seen.pictures, PICTURES);
    CHECK(seen.fast != 0);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc != 2)
        return 2;
    node = argv[1];
    RUN(dmabufs_of_v4l2src_are_read_where_they_are);
    RUN(v4l2src_fills_the_dmabufs_that_softisp_offers);
    RUN(pictures_are_dmabufs_where_asked_for);
    RUN(softispsrc_has_the_camera_under_its_own_control);
    return test_report();
}
