/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session's buffers as GstMemory with their descriptors, so that devices and other programs can
 * have them too. */
#ifndef GST_SOFTISP_MEMORY_H
#define GST_SOFTISP_MEMORY_H

#include <gst/gst.h>
#include <softisp/softisp.h>

/* For buffers of that memory. */
GstAllocator *gst_softisp_allocator_new(enum sisp_memory memory);

/* `owner` is under `quark` in the memory's data and freed with it; until then the buffer stays. */
GstMemory *gst_softisp_memory_new(GstAllocator *allocator, const struct sisp_buffer *buffer,
    GQuark quark, gpointer owner, GDestroyNotify free_owner);

#endif
