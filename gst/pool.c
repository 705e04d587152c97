/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool.h"

/* The session tells nobody that an input is free again; a frame takes longer than this. */
#define LOOK_US 500

struct _GstSoftispPool {
    GstBufferPool parent;
    struct gst_softisp_core *core;
    gint outstanding;
};

G_DEFINE_TYPE(GstSoftispPool, gst_softisp_pool, GST_TYPE_BUFFER_POOL)

static gboolean set_config(GstBufferPool *pool, GstStructure *config)
{
    GstCaps *caps;
    guint size, min, max;
    GstSoftispPool *self = GST_SOFTISP_POOL(pool);
    size_t size_bytes = sisp_raw_info_size_bytes(&self->core->info);
    if (!gst_buffer_pool_config_get_params(config, &caps, &size, &min, &max) || size > size_bytes ||
        min > GST_SOFTISP_POOL_BUFFERS)
        return FALSE;
    gst_buffer_pool_config_set_params(config, caps, (guint)size_bytes, min,
        max && max < GST_SOFTISP_POOL_BUFFERS ? max : GST_SOFTISP_POOL_BUFFERS);
    return GST_BUFFER_POOL_CLASS(gst_softisp_pool_parent_class)->set_config(pool, config);
}

/* Nothing to allocate: the session has. */
static gboolean start(GstBufferPool *pool)
{
    return TRUE;
}

static GstMemory *take_input(GstSoftispPool *self)
{
    if (g_atomic_int_add(&self->outstanding, 1) < GST_SOFTISP_POOL_BUFFERS) {
        GstMemory *memory = gst_softisp_core_input(self->core);
        if (memory)
            return memory;
    }
    g_atomic_int_add(&self->outstanding, -1);
    return NULL;
}

static GstFlowReturn acquire_buffer(
    GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
    GstSoftispPool *self = GST_SOFTISP_POOL(pool);
    while (!GST_BUFFER_POOL_IS_FLUSHING(pool)) {
        GstMemory *memory = take_input(self);
        if (memory) {
            *buffer = gst_buffer_new();
            gst_buffer_append_memory(*buffer, memory);
            return GST_FLOW_OK;
        }
        if (params && (params->flags & GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT))
            return GST_FLOW_EOS;
        g_usleep(LOOK_US);
    }
    return GST_FLOW_FLUSHING;
}

static void release_buffer(GstBufferPool *pool, GstBuffer *buffer)
{
    GstSoftispPool *self = GST_SOFTISP_POOL(pool);
    gst_buffer_unref(buffer);
    g_atomic_int_add(&self->outstanding, -1);
}

static void finalize(GObject *object)
{
    GstSoftispPool *self = GST_SOFTISP_POOL(object);
    G_OBJECT_CLASS(gst_softisp_pool_parent_class)->finalize(object);
    gst_softisp_core_unref(self->core);
}

static void gst_softisp_pool_class_init(GstSoftispPoolClass *class)
{
    GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS(class);
    G_OBJECT_CLASS(class)->finalize = finalize;
    pool_class->set_config = set_config;
    pool_class->start = start;
    pool_class->acquire_buffer = acquire_buffer;
    pool_class->release_buffer = release_buffer;
}

static void gst_softisp_pool_init(GstSoftispPool *self)
{
}

GstBufferPool *gst_softisp_pool_new(struct gst_softisp_core *core)
{
    GstSoftispPool *self = g_object_new(gst_softisp_pool_get_type(), NULL);
    self->core = gst_softisp_core_ref(core);
    return GST_BUFFER_POOL(gst_object_ref_sink(self));
}
