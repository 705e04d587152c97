/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames that upstream has in dmabufs or memfds of its own. */
#include "core.h"

#include <gst/allocators/gstfdmemory.h>

#include <sys/stat.h>

static struct gst_softisp_import *place_of(struct gst_softisp_core *core, uint32_t index)
{
    uint32_t place = index - sisp_session_input_count(core->session);
    return place < GST_SOFTISP_IMPORTS ? &core->imports[place] : NULL;
}

static struct gst_softisp_import *find(
    struct gst_softisp_core *core, const struct stat *file, gsize offset_bytes)
{
    for (guint i = 0; i < GST_SOFTISP_IMPORTS; i++) {
        struct gst_softisp_import *import = &core->imports[i];
        if (import->is_used && import->device == file->st_dev && import->inode == file->st_ino &&
            import->offset_bytes == offset_bytes)
            return import;
    }
    return NULL;
}

/* A file that the session has not seen. */
static gboolean import_new(struct gst_softisp_core *core, const struct sisp_buffer *from,
    const struct stat *file, struct gst_softisp_import **found)
{
    struct sisp_input input;
    if (sisp_session_import(core->session, from, &input, NULL, 0) != 0)
        return FALSE;
    *found = place_of(core, input.index);
    if (!*found) {
        sisp_session_cancel(core->session, &input);
        return FALSE;
    }
    **found = (struct gst_softisp_import){
        .is_used = TRUE,
        .device = file->st_dev,
        .inode = file->st_ino,
        .offset_bytes = from->offset_bytes,
        .input = input,
    };
    return TRUE;
}

struct sisp_input *gst_softisp_core_import(struct gst_softisp_core *core, GstBuffer *buffer)
{
    gsize offset;
    struct stat file;
    if (gst_buffer_n_memory(buffer) != 1)
        return NULL;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
    if (!gst_is_fd_memory(memory) || fstat(gst_fd_memory_get_fd(memory), &file) != 0)
        return NULL;
    gsize size = gst_memory_get_sizes(memory, &offset, NULL);
    struct sisp_buffer from = {
        .memory = SISP_MEMORY_IMPORTED,
        .fd = gst_fd_memory_get_fd(memory),
        .offset_bytes = offset,
        .size_bytes = size,
    };
    struct gst_softisp_import *import = find(core, &file, offset);
    if (!import && !import_new(core, &from, &file, &import))
        return NULL;
    if (!import->input.samples)
        return NULL; /* the session still reads the frame that was in it before */
    gst_buffer_replace(&import->buffer, buffer);
    return &import->input;
}

void gst_softisp_core_reap(struct gst_softisp_core *core)
{
    struct sisp_input input;
    while (sisp_session_acquire_imported(core->session, &input) == 0) {
        struct gst_softisp_import *import = place_of(core, input.index);
        if (!import)
            return;
        import->input = input;
        gst_clear_buffer(&import->buffer);
    }
}
