/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What buffers lie in, and buffers of others: a part of engine.h. */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eng_runtime;

/** Names a buffer; a stale generation is refused, never dereferenced. generation 0: none. */
struct eng_handle {
    uint32_t index, generation;
};

struct eng_span {
    void *bytes; /* NULL: none */
    size_t size_bytes;
};

/** What a buffer's bytes lie in. */
enum eng_memory {
    ENG_MEMORY_MEMFD,
    ENG_MEMORY_UDMABUF,
    ENG_MEMORY_DMA_HEAP,
    ENG_MEMORY_IMPORTED, /* somebody else's */
    ENG_MEMORY_PRIVATE,  /* this process's alone: no descriptor */
    ENG_MEMORY_COUNT,
};

/** Whether the machine has that memory. Returns: 0, errno (-ENOENT: no such device). */
int eng_memory_probe(enum eng_memory memory);

/** How fast the CPU reads it beside ordinary memory. Returns: 0, -EINVAL (imported: it depends),
 * errno. */
int eng_memory_measure(enum eng_memory memory, double *ratio);

/** Buffers of one size, allocated at create, and touched unless they are lazy. */
struct eng_pool_config {
    const char *name;
    size_t size_bytes;
    uint32_t count;
    /* IMPORTED: no bytes, but places for so many buffers of others, of at least this size each. */
    enum eng_memory memory;
    /* Inputs of a memfd: their pages come with the first frame, for who has no deadline. */
    bool is_lazy;
};

/** Where a buffer's bytes are. */
struct eng_location {
    enum eng_memory memory;
    int fd; /* memfd or dmabuf, the engine's */
    uint64_t offset_bytes;
    struct eng_span span;
};

/* ---- buffers of others, in the places of the pool with memory IMPORTED --------------------------
 */

/** Take the buffer behind a descriptor, which stays the caller's, as an input of that session. The
 * same one again is in the same place. Any thread, one at a time; may block in mmap.
 * Returns: 0, -ENOTSUP (no such pool), -ENOSPC (no place), -EBUSY (it is still read, or another
 * thread is inside), -EBADF, -EMEDIUMTYPE (neither dmabuf nor memfd), -EPERM (not sealed), -ERANGE
 * (too short), errno. */
int eng_import(struct eng_runtime *runtime, uint32_t session, int fd, uint64_t offset_bytes,
    struct eng_handle *handle, struct eng_span *span);

/** Take one of the session's that is no longer read. Any thread; never waits. Returns: 0,
 * -EAGAIN. */
int eng_import_acquire(struct eng_runtime *runtime, uint32_t session, struct eng_handle *handle,
    struct eng_span *span);

/** Forget the session's import in the buffer with that index. Any thread, one at a time. Returns:
 * 0, -ENOENT, -EBUSY (as above, or it is with the caller). */
int eng_unimport(struct eng_runtime *runtime, uint32_t session, uint32_t index);

/** Index of the first buffer of that pool; ENG_NONE: there is none. */
uint32_t eng_import_first(const struct eng_runtime *runtime);

/** Where the buffer with that index lies, for its owner of the moment. Any thread. Returns: 0,
 * -EINVAL (no such index), -ENOENT (a place with no import). */
int eng_buffer_locate(
    const struct eng_runtime *runtime, uint32_t index, struct eng_location *location);

#endif
