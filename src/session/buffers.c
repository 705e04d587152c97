/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of inputs and pictures, and buffers of others. */
#include "session/session.h"

#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[SISP_MEMORY_COUNT] = {
    [SISP_MEMORY_MEMFD] = "memfd",
    [SISP_MEMORY_UDMABUF] = "udmabuf",
    [SISP_MEMORY_DMA_HEAP] = "dma-heap",
    [SISP_MEMORY_IMPORTED] = "imported",
    [SISP_MEMORY_PRIVATE] = "private",
};

/* Where the kernel makes it; NULL: anywhere. */
static const char *const devices[SISP_MEMORY_COUNT] = {
    [SISP_MEMORY_UDMABUF] = "/dev/udmabuf",
    [SISP_MEMORY_DMA_HEAP] = "/dev/dma_heap/system",
};

const char *sisp_memory_name(enum sisp_memory memory)
{
    return (unsigned)memory < SISP_MEMORY_COUNT ? names[memory] : NULL;
}

int sisp_memory_find(const char *name)
{
    for (int i = 0; name && i < SISP_MEMORY_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -EINVAL;
}

int sisp_memory_probe(enum sisp_memory memory, char *why, size_t why_size)
{
    char text[160];
    if ((unsigned)memory >= SISP_MEMORY_COUNT)
        return session_fail(why, why_size, -EINVAL, "no such memory");
    int error = eng_memory_probe((enum eng_memory)memory);
    if (!error)
        return 0;
    if (error == -ENOENT)
        snprintf(text, sizeof(text), "%s: this machine has no %s", names[memory], devices[memory]);
    else
        snprintf(text, sizeof(text), "%s: %s: %s", names[memory],
            devices[memory] ? devices[memory] : "memfd_create", strerror(-error));
    bool is_denied = error == -EACCES || error == -EPERM;
    return session_fail(why, why_size, is_denied ? -EACCES : -ENOTSUP, text);
}

int sisp_memory_measure(enum sisp_memory memory, double *ratio)
{
    if ((unsigned)memory >= SISP_MEMORY_COUNT || !ratio)
        return -EINVAL;
    return eng_memory_measure((enum eng_memory)memory, ratio);
}

static struct sisp_buffer buffer_of(const struct eng_location *location)
{
    return (struct sisp_buffer){
        .memory = (enum sisp_memory)location->memory,
        .fd = location->fd,
        .offset_bytes = location->offset_bytes,
        .size_bytes = location->span.size_bytes,
        .bytes = location->span.bytes,
    };
}

/* Of a part of it. */
static struct sisp_buffer part_of(
    const struct eng_location *location, const struct sisp_image *image)
{
    struct sisp_buffer buffer = buffer_of(location);
    unsigned last = sisp_pixel_plane_count(image->format) - 1;
    const uint8_t *end =
        image->planes[last] +
        image->stride_bytes[last] * sisp_pixel_plane_rows(image->format, last, image->height);
    buffer.offset_bytes += (size_t)(image->planes[0] - buffer.bytes);
    buffer.bytes = image->planes[0];
    buffer.size_bytes = (size_t)(end - buffer.bytes);
    return buffer;
}

void session_show_raw(const struct sisp_session *session, const struct eng_completion *completion,
    struct sisp_result *result)
{
    const struct sisp_raw_info *info = &session->engine->pipeline.info;
    const struct eng_span *span = &completion->delivered[ROLE_RAW];
    struct eng_location location;
    if (!span->bytes)
        return;
    result->raw = (struct sisp_raw_image){
        .fourcc = info->fourcc,
        .width = info->width,
        .height = info->height,
        .samples = span->bytes,
        .stride_bytes = info->stride_bytes,
    };
    uint32_t index = completion->handles[ROLE_RAW].index;
    if (eng_buffer_locate(session->engine->runtime, index, &location) == 0)
        result->raw_buffer = buffer_of(&location);
}

void session_show_fusion(const struct sisp_session *session,
    const struct eng_completion *completion, struct sisp_result *result)
{
    const struct pipeline *p = &session->engine->pipeline;
    const struct isp_geometry *still = &p->still;
    void *picture = completion->delivered[ROLE_PICTURE].bytes;
    result->fusion = pipeline_fusion(p, picture);
    result->motion = (struct sisp_motion){completion->delivered[ROLE_MOTION].bytes,
        isp_burst_blocks(still->crop.width), isp_burst_blocks(still->crop.height)};
    if (p->has_mosaic)
        result->raw = (struct sisp_raw_image){
            .fourcc = pipeline_merged_geometry(still).raw_fourcc,
            .width = still->crop.width,
            .height = still->crop.height,
            .samples = (uint8_t *)pipeline_mosaic(p, picture),
            .stride_bytes = (size_t)still->crop.width * 2,
        };
}

void session_locate(const struct sisp_session *session, const struct eng_completion *completion,
    struct sisp_result *result)
{
    struct eng_location location;
    uint32_t index = completion->handles[ROLE_PICTURE].index;
    if (eng_buffer_locate(session->engine->runtime, index, &location) != 0)
        return;
    result->image_buffer = part_of(&location, &result->image);
    if (result->second.planes[0])
        result->second_buffer = part_of(&location, &result->second);
}

/* ---- inputs -----------------------------------------------------------------------------------
 */

/* The engine's first pool is that of the inputs, so buffers count from there; imports follow. */
static uint32_t count_of(const struct sisp_session *session)
{
    return session->engine->input_count;
}

static uint32_t index_of(const struct sisp_session *session, uint32_t buffer)
{
    uint32_t first = eng_import_first(session->engine->runtime);
    return buffer < count_of(session) ? buffer : buffer - first + count_of(session);
}

/* ENG_NONE: there is no such input. */
static uint32_t buffer_at(const struct sisp_session *session, uint32_t index)
{
    uint32_t first = eng_import_first(session->engine->runtime), count = count_of(session);
    if (index < count)
        return index;
    if (first == ENG_NONE || index - count >= session->engine->import_count)
        return ENG_NONE;
    return first + index - count;
}

uint32_t sisp_session_input_count(const struct sisp_session *session)
{
    return session ? count_of(session) : 0;
}

int sisp_session_input_buffer(
    struct sisp_session *session, uint32_t index, struct sisp_buffer *buffer)
{
    struct eng_location location;
    if (!session || !buffer)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    int r = eng_buffer_locate(session->engine->runtime, buffer_at(session, index), &location);
    if (r == 0)
        *buffer = buffer_of(&location);
    return r;
}

/* ---- imports ----------------------------------------------------------------------------------
 */

static const char *import_sentence(int result)
{
    switch (result) {
    case -ENOTSUP:
        return "the session has no places for buffers of others (imports_max)";
    case -ENOSPC:
        return "all places for buffers of others are taken (imports_max)";
    case -EBUSY:
        return "the session still reads this buffer, or another thread imports one";
    case -EBADF:
        return "the buffer's descriptor is not open";
    case -EMEDIUMTYPE:
        return "the buffer is neither a dmabuf nor a memfd";
    case -EPERM:
        return "the buffer is a memfd that is not sealed against shrinking";
    case -ERANGE:
        return "the buffer is too short for a frame";
    case -EINVAL:
        return "the buffer's offset is not a multiple of 64";
    default:
        return strerror(-result);
    }
}

static bool is_usable(const struct sisp_session *session)
{
    return !session_is_inherited(session) && !atomic_load(&session->is_stopped);
}

static struct sisp_input input_of(
    const struct sisp_session *session, struct eng_handle handle, struct eng_span span)
{
    return (struct sisp_input){
        .samples = span.bytes,
        .size_bytes = span.size_bytes,
        .handle = session_handle_word(handle),
        .index = index_of(session, handle.index),
    };
}

int sisp_session_import(struct sisp_session *session, const struct sisp_buffer *buffer,
    struct sisp_input *input, char *error, size_t error_size)
{
    struct eng_handle handle;
    struct eng_span span;
    if (!session || !buffer || !input)
        return session_fail(error, error_size, -EINVAL, "no session, buffer or input was given");
    if (!is_usable(session))
        return session_fail(error, error_size, -ESHUTDOWN, "the session was stopped");
    int r = buffer->offset_bytes % 64 ? -EINVAL : 0;
    if (r == 0)
        r = eng_import(session->engine->runtime, session->number, buffer->fd, buffer->offset_bytes,
            &handle, &span);
    if (r)
        session_fail(error, error_size, r, import_sentence(r));
    else
        *input = input_of(session, handle, span);
    return r == -EMEDIUMTYPE || r == -EPERM || r == -ERANGE ? -EINVAL : r;
}

int sisp_session_acquire_imported(struct sisp_session *session, struct sisp_input *input)
{
    struct eng_handle handle;
    struct eng_span span;
    if (!session || !input)
        return -EINVAL;
    if (!is_usable(session))
        return -ESHUTDOWN;
    int r = eng_import_acquire(session->engine->runtime, session->number, &handle, &span);
    if (r == 0)
        *input = input_of(session, handle, span);
    return r;
}

int sisp_session_unimport(struct sisp_session *session, uint32_t index)
{
    if (!session)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    return eng_unimport(session->engine->runtime, session->number, buffer_at(session, index));
}
