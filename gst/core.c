/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core.h"

#include "memory.h"
#include "meta.h"

#include <errno.h>
#include <string.h>

/* A session lets its consumer have four pictures, and drops what comes then: the fourth one is the
 * one in hand, which is copied if three are already on their way. */
#define LENT_MAX 3

/* How soon a streaming thread sees that its session has been stopped. */
#define WAIT_NS (100 * GST_MSECOND)

struct lent {
    struct gst_softisp_core *core;
    struct sisp_result result;
};

struct input {
    struct gst_softisp_core *core;
    struct sisp_input input;
};

static GQuark lent_quark(void)
{
    return g_quark_from_static_string("softisp-lent");
}

static GQuark input_quark(void)
{
    return g_quark_from_static_string("softisp-input");
}

struct gst_softisp_core *gst_softisp_core_create(
    const struct sisp_session_params *params, char *error, size_t error_size)
{
    struct gst_softisp_core *core = g_new0(struct gst_softisp_core, 1);
    core->refs = 1;
    core->info = params->info;
    if (sisp_session_create(&core->session, params, error, error_size) != 0) {
        g_free(core);
        return NULL;
    }
    core->inputs = gst_softisp_allocator_new(params->input_memory);
    core->pictures = gst_softisp_allocator_new(params->output_memory);
    return core;
}

struct gst_softisp_core *gst_softisp_core_ref(struct gst_softisp_core *core)
{
    g_atomic_int_inc(&core->refs);
    return core;
}

void gst_softisp_core_unref(struct gst_softisp_core *core)
{
    if (!g_atomic_int_dec_and_test(&core->refs))
        return;
    sisp_session_destroy(&core->session);
    for (guint i = 0; i < GST_SOFTISP_IMPORTS; i++)
        gst_clear_buffer(&core->imports[i].buffer);
    gst_object_unref(core->inputs);
    gst_object_unref(core->pictures);
    g_free(core);
}

void gst_softisp_core_clear(struct gst_softisp_core **core)
{
    if (*core)
        gst_softisp_core_unref(*core);
    *core = NULL;
}

static void free_input(gpointer user)
{
    struct input *input = user;
    if (input->input.samples)
        sisp_session_cancel(input->core->session, &input->input);
    gst_softisp_core_unref(input->core);
    g_free(input);
}

GstMemory *gst_softisp_core_input(struct gst_softisp_core *core)
{
    struct sisp_input taken;
    struct sisp_buffer buffer;
    if (sisp_session_acquire(core->session, &taken) != 0)
        return NULL;
    if (sisp_session_input_buffer(core->session, taken.index, &buffer) != 0) {
        sisp_session_cancel(core->session, &taken);
        return NULL;
    }
    struct input *input = g_new0(struct input, 1);
    input->core = gst_softisp_core_ref(core);
    input->input = taken;
    return gst_softisp_memory_new(core->inputs, &buffer, input_quark(), input, free_input);
}

struct sisp_input *gst_softisp_core_own_input(struct gst_softisp_core *core, GstBuffer *buffer)
{
    if (gst_buffer_n_memory(buffer) != 1 || !gst_buffer_is_writable(buffer))
        return NULL;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
    struct input *input = gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(memory), input_quark());
    if (!input || input->core != core || !input->input.samples ||
        memory->size < sisp_raw_info_size_bytes(&core->info) ||
        GST_MINI_OBJECT_REFCOUNT_VALUE(memory) != 1)
        return NULL;
    return &input->input;
}

void gst_softisp_output_decide(struct gst_softisp_output *output, GstQuery *query)
{
    output->has_video_meta = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    while (gst_query_get_n_allocation_pools(query) > 0)
        gst_query_remove_nth_allocation_pool(query, 0);
}

static void free_lent(gpointer user)
{
    struct lent *lent = user;
    sisp_session_release(lent->core->session, &lent->result);
    g_atomic_int_add(&lent->core->lent, -1);
    gst_softisp_core_unref(lent->core);
    g_free(lent);
}

/* The picture's bytes: planes lie one after the other. */
static size_t layout(const struct sisp_image *image, gsize offset[GST_VIDEO_MAX_PLANES],
    gint stride[GST_VIDEO_MAX_PLANES])
{
    size_t end = 0;
    for (unsigned i = 0; i < sisp_pixel_plane_count(image->format); i++) {
        offset[i] = (gsize)(image->planes[i] - image->planes[0]);
        stride[i] = (gint)image->stride_bytes[i];
        end = offset[i] +
              image->stride_bytes[i] * sisp_pixel_plane_rows(image->format, i, image->height);
    }
    return end;
}

static gboolean is_usual_layout(const GstVideoInfo *info, const gsize *offset, const gint *stride)
{
    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(info); i++) {
        if ((gsize)GST_VIDEO_INFO_PLANE_OFFSET(info, i) != offset[i] ||
            GST_VIDEO_INFO_PLANE_STRIDE(info, i) != stride[i])
            return FALSE;
    }
    return TRUE;
}

static GstBuffer *copy_picture(const struct sisp_image *image, const GstVideoInfo *info)
{
    GstVideoFrame frame;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    if (!buffer || !gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE)) {
        gst_clear_buffer(&buffer);
        return NULL;
    }
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame); i++) {
        guint8 *to = GST_VIDEO_FRAME_PLANE_DATA(&frame, i);
        for (uint32_t y = 0; y < sisp_pixel_plane_rows(image->format, i, image->height); y++)
            memcpy(to + (size_t)y * (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i),
                image->planes[i] + y * image->stride_bytes[i],
                sisp_pixel_row_bytes(image->format, i, image->width));
    }
    gst_video_frame_unmap(&frame);
    return buffer;
}

/* The result's picture; it takes the result over. */
static GstBuffer *wrap_or_copy(struct gst_softisp_core *core, struct sisp_result *result,
    const struct gst_softisp_output *output, gboolean *is_copied)
{
    gsize offset[GST_VIDEO_MAX_PLANES] = {0};
    gint stride[GST_VIDEO_MAX_PLANES] = {0};
    size_t size_bytes = layout(&result->image, offset, stride);
    gboolean is_usual = is_usual_layout(&output->info, offset, stride) &&
                        size_bytes >= GST_VIDEO_INFO_SIZE(&output->info);
    *is_copied =
        (!is_usual && !output->has_video_meta) || g_atomic_int_get(&core->lent) >= LENT_MAX;
    if (*is_copied) {
        GstBuffer *copy = copy_picture(&result->image, &output->info);
        sisp_session_release(core->session, result);
        return copy;
    }
    struct lent *lent = g_new(struct lent, 1);
    *lent = (struct lent){gst_softisp_core_ref(core), *result};
    g_atomic_int_inc(&core->lent);
    /* Read only: what a result shows is not to be changed, so who draws on it gets a copy. */
    GstBuffer *buffer = gst_buffer_new();
    GstMemory *memory = gst_softisp_memory_new(
        core->pictures, &result->image_buffer, lent_quark(), lent, free_lent);
    GST_MINI_OBJECT_FLAG_SET(memory, GST_MEMORY_FLAG_READONLY);
    gst_buffer_append_memory(buffer, memory);
    if (!is_usual)
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
            GST_VIDEO_INFO_FORMAT(&output->info), result->image.width, result->image.height,
            GST_VIDEO_INFO_N_PLANES(&output->info), offset, stride);
    return buffer;
}

/* Before the picture is handed on, for a copy's result is given back at once. */
static struct gst_softisp_about about(const struct sisp_result *result)
{
    struct gst_softisp_about what = {.record = &result->record,
        .applied = result->applied,
        .params_generation = result->params_generation};
    if (result->coefficients) {
        what.red_gain = result->coefficients->wb_gains[0];
        what.blue_gain = result->coefficients->wb_gains[2];
        what.exposure_ev = result->coefficients->exposure_ev;
        what.kelvin = result->coefficients->color_temperature_kelvin;
    }
    return what;
}

int gst_softisp_core_take(struct gst_softisp_core *core, const struct gst_softisp_output *output,
    GstBuffer **picture, struct gst_softisp_taken *taken)
{
    struct sisp_result result;
    int r;
    do
        r = sisp_session_next(core->session, &result, WAIT_NS);
    while (r == -EAGAIN);
    if (r)
        return r;
    *taken = (struct gst_softisp_taken){.record = result.record, .request = result.request};
    if (!result.image.planes[0]) {
        sisp_session_release(core->session, &result);
        return -ENODATA;
    }
    struct gst_softisp_about what = about(&result);
    *picture = wrap_or_copy(core, &result, output, &taken->is_copied);
    if (!*picture)
        return -ENOMEM;
    if (taken->is_copied) {
        taken->record.bytes_copied += GST_VIDEO_INFO_SIZE(&output->info);
        taken->record.zero_copy = 0;
    }
    what.record = &taken->record;
    gst_softisp_meta_add(*picture, &what);
    return 0;
}
