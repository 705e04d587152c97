/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The platform's table and the engine's allocator, on actors, made-up time and one heap. */
#include "platform/dmabuf.h"
#include "platform/process.h"
#include "sim/sim.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

/* ---- clock, waiting ------------------------------------------------------------------------ */

uint64_t plat_now_ns(void)
{
    return sim.now_ns;
}

void plat_sleep_ns(uint64_t duration_ns)
{
    sim_sleep(duration_ns);
}

void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    PLAT_POINT(wait);
    if (atomic_load_explicit(word, memory_order_relaxed) != expected || deadline_ns <= sim.now_ns ||
        PLAT_FAULT(wait_returns_early))
        return;
    if (deadline_ns != PLAT_FOREVER && PLAT_FAULT(timer_is_late))
        deadline_ns += sim_choose(SIM_FAULTS, 100) * SIM_MS;
    sim_block(word, deadline_ns);
}

void plat_wake(_Atomic uint32_t *word, uint32_t count)
{
    sim_wake(word, count);
    PLAT_POINT(woke);
}

/* ---- threads ------------------------------------------------------------------------------- */

static uint32_t worker_named(const char *name)
{
    static const char *const names[] = {"fast", "floor", "slow"};
    for (uint32_t w = 0; w < sizeof(names) / sizeof(names[0]); w++)
        if (strncmp(name, names[w], strlen(names[w])) == 0)
            return w;
    return SIM_NOBODY;
}

int plat_thread_create(struct plat_thread *thread)
{
    if (PLAT_FAULT(thread_create_fails))
        return -EAGAIN;
    struct sim_actor *actor = sim_spawn(thread->name, thread->run, thread->argument);
    if (!actor)
        return -EAGAIN;
    actor->is_thread = true;
    actor->worker = worker_named(thread->name);
    actor->holder = (uint16_t)(actor->worker + 1);
    sim_process_adopt(actor);
    thread->handle = actor->index + 1;
    PLAT_POINT(thread_created);
    return 0;
}

uint32_t plat_core(void)
{
    return sim_choose(SIM_SCENARIO, 3);
}

void plat_keep_off_core(const struct plat_thread *thread, uint32_t core)
{
    SIM_CHECK(thread->handle > 0 && core < 3);
}

void plat_thread_join(struct plat_thread *thread)
{
    SIM_CHECK(thread->handle > 0);
    struct sim_actor *actor = &sim.actors[thread->handle - 1];
    sim_join(actor);
    actor->is_reusable = true;
    thread->handle = 0;
}

/* ---- memory -------------------------------------------------------------------------------- */

/** How much of an allocation a run may have changed. */
enum dirt {
    DIRT_ALL,
    DIRT_PREFIX, /* rings and stacks, used from the start on: up to the first gap */
    DIRT_LINES,  /* of a pool's buffer, the commands here use the first bytes only */
};

struct allocation {
    uint8_t *bytes;
    size_t size_bytes;
    enum dirt dirt;
};

#define ALLOCATIONS_MAX 512
#define FD_MEMORY       1000
#define BIG_BYTES       ((size_t)32 << 10)
#define GAP_BYTES       (2 * SIM_PAGE_BYTES)
#define LINE_BYTES      128u

static alignas(4096) uint8_t heap[SIM_HEAP_BYTES];
static size_t heap_used;
static uint32_t allocations, failing;
static struct allocation list[ALLOCATIONS_MAX];
static uint32_t list_count;

static bool is_zero(const uint8_t *bytes, size_t size_bytes)
{
    uint64_t any = 0, words[8];
    size_t at = 0;
    for (; at + sizeof(words) <= size_bytes && !any; at += sizeof(words)) {
        memcpy(words, bytes + at, sizeof(words));
        for (uint32_t i = 0; i < 8; i++)
            any |= words[i];
    }
    for (; at < size_bytes && !any; at++)
        any |= bytes[at];
    return any == 0;
}

static void clear_prefix(const struct allocation *gone)
{
    size_t gap = 0;
    for (size_t at = 0; at < gone->size_bytes && gap < GAP_BYTES; at += SIM_PAGE_BYTES) {
        size_t left = gone->size_bytes - at, page = left < SIM_PAGE_BYTES ? left : SIM_PAGE_BYTES;
        gap = is_zero(gone->bytes + at, page) ? gap + page : 0;
        if (!gap)
            memset(gone->bytes + at, 0, page);
    }
}

/* The heap is zeros again, without touching the megabytes that the run left alone. */
void sim_memory_reset(void)
{
    for (uint32_t i = 0; i < list_count; i++) {
        const struct allocation *gone = &list[i];
        if (gone->dirt == DIRT_PREFIX)
            clear_prefix(gone);
        else if (gone->dirt == DIRT_ALL)
            memset(gone->bytes, 0, gone->size_bytes);
        else
            for (size_t at = 0; at < gone->size_bytes; at += SIM_PAGE_BYTES)
                memset(gone->bytes + at, 0, LINE_BYTES);
    }
    if (sim.run % 256 == 0 && !is_zero(heap, heap_used))
        sim_fail("the heap was not cleared");
    heap_used = 0;
    list_count = allocations = failing = 0;
}

uint32_t sim_page(const void *address)
{
    size_t offset = (size_t)((const uint8_t *)address - heap);
    SIM_CHECK(offset < SIM_HEAP_BYTES);
    return (uint32_t)(offset / SIM_PAGE_BYTES);
}

void sim_fail_allocation(uint32_t k)
{
    failing = k ? allocations + k : 0;
}

uint32_t sim_allocations(void)
{
    return allocations;
}

static void *take(size_t alignment, size_t size_bytes, enum dirt dirt)
{
    if (++allocations == failing)
        return NULL;
    size_t start = (heap_used + alignment - 1) & ~(alignment - 1);
    if (start + size_bytes > SIM_HEAP_BYTES || list_count == ALLOCATIONS_MAX)
        sim_fail("the simulator's heap is too small");
    heap_used = start + size_bytes;
    list[list_count++] =
        (struct allocation){.bytes = heap + start, .size_bytes = size_bytes, .dirt = dirt};
    return heap + start;
}

void *sim_malloc(size_t size_bytes)
{
    return take(64, size_bytes, DIRT_ALL);
}

void *sim_aligned_alloc(size_t alignment, size_t size_bytes)
{
    return take(alignment, size_bytes, DIRT_ALL);
}

void *sim_calloc(size_t count, size_t size_bytes)
{
    size_t bytes = count * size_bytes;
    return take(64, bytes, bytes < BIG_BYTES ? DIRT_ALL : DIRT_PREFIX);
}

void sim_free(void *bytes)
{
    /* The heap is reset as a whole. */
}

size_t plat_page_bytes(void)
{
    return SIM_PAGE_BYTES;
}

int plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    *memory = (struct plat_memory){.fd = -1};
    bool is_pool = strncmp(name, "sim-", 4) == 0;
    void *bytes = take(SIM_PAGE_BYTES, size_bytes, is_pool ? DIRT_LINES : DIRT_ALL);
    if (!bytes)
        return -ENOMEM;
    int fd = FD_MEMORY + (int)list_count - 1;
    *memory = (struct plat_memory){.bytes = bytes, .size_bytes = size_bytes, .fd = fd};
    return 0;
}

int plat_memory_map(struct plat_memory *memory, int fd, size_t size_bytes, bool is_writable)
{
    SIM_CHECK(fd >= FD_MEMORY && fd < FD_MEMORY + (int)list_count);
    const struct allocation *shared = &list[fd - FD_MEMORY];
    if (size_bytes > shared->size_bytes)
        return -EINVAL;
    *memory = (struct plat_memory){.bytes = shared->bytes, .size_bytes = size_bytes, .fd = fd};
    return 0;
}

int plat_memory_create_one_writer(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return plat_memory_create(memory, name, size_bytes);
}

int plat_memory_create_private(struct plat_memory *memory, size_t size_bytes)
{
    return plat_memory_create(memory, "private", size_bytes);
}

int plat_memory_reserve(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return plat_memory_create(memory, name, size_bytes);
}

/* Devices' memory and buffers of others are not simulated: fences stand for what they do. */
int plat_udmabuf_create(int memfd, size_t offset_bytes, size_t size_bytes)
{
    return -ENOENT;
}

int plat_dma_heap_create(struct plat_memory *memory, size_t size_bytes)
{
    return -ENOENT;
}

int plat_import_look(struct plat_import *import, int fd, uint64_t offset_bytes, size_t size_bytes)
{
    return -EMEDIUMTYPE;
}

int plat_import_map(struct plat_import *import, int fd)
{
    return -ENOMEM;
}

void plat_import_unmap(struct plat_import *import)
{
    *import = (struct plat_import){.fd = -1};
}

void plat_dmabuf_sync(int fd, enum plat_sync sync)
{
}

int plat_memory_inode(const struct plat_memory *memory, uint64_t *inode)
{
    *inode = (uint64_t)(uintptr_t)memory->bytes; /* as many files as mappings */
    return 0;
}

void plat_memory_destroy(struct plat_memory *memory)
{
    *memory = (struct plat_memory){.fd = -1};
}
