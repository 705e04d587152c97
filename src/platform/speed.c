/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/dmabuf.h"

#include "platform/process.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MEASURED_BYTES ((size_t)1 << 20)
#define ROUNDS         8

static uint64_t read_ns(const uint64_t *words, size_t count, volatile uint64_t *sink)
{
    uint64_t sum = 0, start_ns = plat_now_ns();
    for (size_t i = 0; i < count; i++)
        sum += words[i];
    *sink = sum;
    return plat_now_ns() - start_ns;
}

/* The fastest of rounds that take turns: whoever disturbs them slows both. */
static double ratio_of(const void *measured, const void *ordinary, size_t size_bytes)
{
    uint64_t measured_ns = UINT64_MAX, ordinary_ns = UINT64_MAX, ns;
    volatile uint64_t sink;
    for (int i = 0; i < ROUNDS; i++) {
        ns = read_ns(measured, size_bytes / sizeof(uint64_t), &sink);
        measured_ns = ns < measured_ns ? ns : measured_ns;
        ns = read_ns(ordinary, size_bytes / sizeof(uint64_t), &sink);
        ordinary_ns = ns < ordinary_ns ? ns : ordinary_ns;
    }
    return (double)ordinary_ns / (double)(measured_ns ? measured_ns : 1);
}

static int create(struct plat_memory *memory, int *dmabuf, enum plat_memory_kind kind)
{
    *dmabuf = -1;
    if (kind == PLAT_MEMORY_DMA_HEAP) {
        int error = plat_dma_heap_create(memory, MEASURED_BYTES);
        *dmabuf = memory->fd;
        return error;
    }
    int error = plat_memory_create(memory, "softisp-speed", MEASURED_BYTES);
    if (error || kind == PLAT_MEMORY_MEMFD)
        return error;
    *dmabuf = plat_udmabuf_create(memory->fd, 0, MEASURED_BYTES);
    if (*dmabuf < 0)
        plat_memory_destroy(memory);
    return *dmabuf < 0 ? *dmabuf : 0;
}

int plat_memory_measure(enum plat_memory_kind kind, double *ratio)
{
    struct plat_memory memory;
    int dmabuf;
    void *ordinary = malloc(MEASURED_BYTES);
    int error = ordinary ? create(&memory, &dmabuf, kind) : -ENOMEM;
    if (!error) {
        memset(ordinary, 1, MEASURED_BYTES);
        plat_dmabuf_sync(dmabuf, PLAT_SYNC_BEGIN_READ);
        *ratio = ratio_of(memory.bytes, ordinary, MEASURED_BYTES);
        plat_dmabuf_sync(dmabuf, PLAT_SYNC_END_READ);
        if (kind == PLAT_MEMORY_UDMABUF)
            plat_close(dmabuf);
        plat_memory_destroy(&memory);
    }
    free(ordinary);
    return error;
}
