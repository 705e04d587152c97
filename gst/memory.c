/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "memory.h"

#include <gst/allocators/gstdmabuf.h>

/* Memory of memfds that is mapped for as long as the session lives: GStreamer's own would map and
 * unmap each picture anew. (Of dmabufs it does, with the kernel told of each use, which is for
 * devices that never map them.) */
G_DECLARE_FINAL_TYPE(
    GstSoftispAllocator, gst_softisp_allocator, GST, SOFTISP_ALLOCATOR, GstFdAllocator)

struct _GstSoftispAllocator {
    GstFdAllocator parent;
};

G_DEFINE_TYPE(GstSoftispAllocator, gst_softisp_allocator, GST_TYPE_FD_ALLOCATOR)

static GQuark bytes_quark(void)
{
    return g_quark_from_static_string("softisp-bytes");
}

/* What is cut out of a memory has the same file and begins where that does. */
static gpointer map(GstMemory *memory, gsize size_bytes, GstMapFlags flags)
{
    while (memory->parent)
        memory = memory->parent;
    return gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(memory), bytes_quark());
}

static void unmap(GstMemory *memory)
{
}

static void gst_softisp_allocator_class_init(GstSoftispAllocatorClass *class)
{
}

static void gst_softisp_allocator_init(GstSoftispAllocator *self)
{
    GstAllocator *allocator = GST_ALLOCATOR(self);
    allocator->mem_map = map;
    allocator->mem_unmap = unmap;
}

GstAllocator *gst_softisp_allocator_new(enum sisp_memory memory)
{
    if (memory != SISP_MEMORY_MEMFD)
        return gst_dmabuf_allocator_new();
    return gst_object_ref_sink(g_object_new(gst_softisp_allocator_get_type(), NULL));
}

GstMemory *gst_softisp_memory_new(GstAllocator *allocator, const struct sisp_buffer *buffer,
    GQuark quark, gpointer owner, GDestroyNotify free_owner)
{
    GstMemory *memory = gst_fd_allocator_alloc(allocator, buffer->fd,
        buffer->offset_bytes + buffer->size_bytes, GST_FD_MEMORY_FLAG_DONT_CLOSE);
    gst_memory_resize(memory, (gssize)buffer->offset_bytes, buffer->size_bytes);
    GstMiniObject *object = GST_MINI_OBJECT_CAST(memory);
    gst_mini_object_set_qdata(object, bytes_quark(), buffer->bytes - buffer->offset_bytes, NULL);
    gst_mini_object_set_qdata(object, quark, owner, free_owner);
    return memory;
}
