/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long after its frame was due a picture of softispsrc is at the sink, and how long the session
 * had it. Run: gst_latency [PICTURES], with GST_PLUGIN_PATH; prints one line of JSON. */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <stdio.h>
#include <stdlib.h>

#define WARM_UP 30

static int by_size(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return x < y ? -1 : x > y;
}

static void print(const char *name, guint64 *ns, guint count)
{
    qsort(ns, count, sizeof(*ns), by_size);
    printf("\"%s_ms\": {\"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f}", name,
        (double)ns[count / 2] / 1e6, (double)ns[count * 99 / 100] / 1e6,
        (double)ns[count - 1] / 1e6);
}

static guint64 session_ns(GstBuffer *picture)
{
    guint64 ns = 0;
    GstCustomMeta *meta = gst_buffer_get_custom_meta(picture, "softisp-frame");
    if (meta)
        gst_structure_get_uint64(gst_custom_meta_get_structure(meta), "latency-ns", &ns);
    return ns;
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    guint wanted = argc > 1 ? (guint)atoi(argv[1]) : 300, count = 0;
    g_autofree gchar *text = g_strdup_printf(
        "softispsrc num-buffers=%u raw-width=1920 raw-height=1080 raw-framerate=30/1 ! "
        "video/x-raw,format=NV12 ! appsink name=sink sync=false",
        wanted + WARM_UP);
    GstElement *pipeline = gst_parse_launch(text, NULL);
    if (!pipeline || wanted == 0)
        return 1;
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autofree guint64 *whole = g_new0(guint64, wanted), *inside = g_new0(guint64, wanted);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstSample *sample;
    for (guint n = 0; (sample = gst_app_sink_pull_sample(GST_APP_SINK(sink))); n++) {
        GstBuffer *picture = gst_sample_get_buffer(sample);
        GstClockTime now = gst_element_get_current_running_time(pipeline);
        if (n >= WARM_UP && count < wanted) {
            whole[count] = now - GST_BUFFER_PTS(picture);
            inside[count++] = session_ns(picture);
        }
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    if (!count)
        return 1;
    printf("{\"pictures\": %u, ", count);
    print("due_to_sink", whole, count);
    printf(", ");
    print("session", inside, count);
    printf("}\n");
    return 0;
}
