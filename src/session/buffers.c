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

uint32_t sisp_session_input_count(const struct sisp_session *session)
{
    return 0;
}

int sisp_session_input_buffer(
    struct sisp_session *session, uint32_t index, struct sisp_buffer *buffer)
{
    return -ENOTSUP;
}

int sisp_session_import(struct sisp_session *session, const struct sisp_buffer *buffer,
    struct sisp_input *input, char *error, size_t error_size)
{
    return -ENOTSUP;
}

int sisp_session_acquire_imported(struct sisp_session *session, struct sisp_input *input)
{
    return -ENOTSUP;
}

int sisp_session_unimport(struct sisp_session *session, uint32_t index)
{
    return -ENOTSUP;
}

int sisp_session_release_fenced(
    struct sisp_session *session, struct sisp_result *result, int fence_fd)
{
    return -ENOTSUP;
}
