/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/resource_manager.h"

#include "base/base.h"
#include "platform/process.h"
#include <errno.h>
#include <stdlib.h>

size_t eng_pool_step_bytes(size_t size_bytes)
{
    return base_align(size_bytes, plat_page_bytes());
}

/* ---- memory -----------------------------------------------------------------------------------
 */

/* A dmabuf of a memfd needs that it can be written to. */
static int allocate_pool(struct eng_pool *pool, const struct eng_pool_config *config, bool is_input)
{
    size_t bytes;
    if (pool->kind == ENG_MEMORY_DMA_HEAP || pool->kind == ENG_MEMORY_IMPORTED)
        return 0;
    if (!base_mul_size(eng_pool_step_bytes(config->size_bytes), config->count, &bytes))
        return -ENOMEM;
    if (pool->kind == ENG_MEMORY_PRIVATE)
        return plat_memory_create_private(&pool->memory, bytes);
    bool is_one_writer = is_input && pool->kind == ENG_MEMORY_MEMFD;
    if (is_one_writer && config->is_lazy)
        return plat_memory_reserve(&pool->memory, config->name, bytes);
    return (is_one_writer ? plat_memory_create_one_writer : plat_memory_create)(
        &pool->memory, config->name, bytes);
}

static int allocate_buffer(struct eng_resource_manager *manager, const struct eng_pool *pool,
    uint32_t index, size_t size_bytes)
{
    struct eng_backing *backing = &manager->backings[index];
    size_t step_bytes = eng_pool_step_bytes(size_bytes);
    size_t offset_bytes = (index - pool->first) * step_bytes;
    void *bytes = NULL;
    if (pool->memory.bytes)
        bytes = (uint8_t *)pool->memory.bytes + offset_bytes;
    if (pool->kind == ENG_MEMORY_UDMABUF) {
        backing->dmabuf = plat_udmabuf_create(pool->memory.fd, offset_bytes, step_bytes);
        if (backing->dmabuf < 0)
            return backing->dmabuf;
    } else if (pool->kind == ENG_MEMORY_DMA_HEAP) {
        int error = plat_dma_heap_create(&backing->memory, step_bytes);
        if (error)
            return error;
        backing->dmabuf = backing->memory.fd;
        bytes = backing->memory.bytes;
    }
    if (bytes)
        manager->spans[index] = (struct eng_span){.bytes = bytes, .size_bytes = size_bytes};
    return 0;
}

static int fill_pool(struct eng_resource_manager *manager, uint32_t index,
    const struct eng_pool_config *config, bool is_input)
{
    struct eng_pool *pool = &manager->pools[index];
    int error = allocate_pool(pool, config, is_input);
    pool->free_head = pool->first;
    pool->free_count = pool->count;
    for (uint32_t i = 0; i < pool->count && !error; i++) {
        uint32_t buffer = pool->first + i;
        error = allocate_buffer(manager, pool, buffer, config->size_bytes);
        manager->buffers[buffer] = (struct eng_buffer){
            .pool = index,
            .next_free = i + 1 < pool->count ? buffer + 1 : ENG_NONE,
        };
    }
    return error;
}

static uint64_t describe_pools(
    struct eng_resource_manager *manager, const struct eng_pool_config *pools, uint32_t pool_count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pool_count; i++) {
        struct eng_pool *pool = &manager->pools[i];
        pool->kind = pools[i].memory;
        pool->size_bytes = pool->kind == ENG_MEMORY_IMPORTED ? 0 : pools[i].size_bytes;
        pool->first = manager->buffer_count;
        pool->count = pools[i].count;
        manager->buffer_count += pools[i].count;
        sum += (uint64_t)pool->size_bytes * pool->count;
    }
    return sum;
}

int eng_resource_manager_init(struct eng_resource_manager *manager,
    const struct eng_pool_config *pools, uint32_t pool_count, uint32_t input_pool,
    uint64_t quota_bytes)
{
    sisp_assert(pool_count > 0 && pool_count <= ENG_POOLS_MAX);
    *manager = (struct eng_resource_manager){.pool_count = pool_count};
    uint64_t sum = describe_pools(manager, pools, pool_count);
    manager->quota_bytes = quota_bytes ? quota_bytes : sum;
    manager->buffers = calloc(manager->buffer_count, sizeof(*manager->buffers));
    manager->spans = calloc(manager->buffer_count, sizeof(*manager->spans));
    manager->backings = calloc(manager->buffer_count, sizeof(*manager->backings));
    for (uint32_t i = 0; manager->backings && i < manager->buffer_count; i++)
        manager->backings[i].dmabuf = -1;
    int error = manager->buffers && manager->spans && manager->backings ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < pool_count && !error; i++)
        error = fill_pool(manager, i, &pools[i], i == input_pool);
    if (error)
        eng_resource_manager_finish(manager);
    return error;
}

static void finish_backing(struct eng_backing *backing)
{
    if (backing->import.bytes)
        plat_import_unmap(&backing->import);
    else if (backing->memory.bytes)
        plat_memory_destroy(&backing->memory);
    else
        plat_close(backing->dmabuf);
}

void eng_resource_manager_finish(struct eng_resource_manager *manager)
{
    for (uint32_t i = 0; manager->backings && i < manager->buffer_count; i++)
        finish_backing(&manager->backings[i]);
    for (uint32_t i = 0; i < manager->pool_count; i++)
        plat_memory_destroy(&manager->pools[i].memory);
    free(manager->buffers);
    free(manager->spans);
    free(manager->backings);
    manager->buffers = NULL;
    manager->spans = NULL;
    manager->backings = NULL;
}

int eng_resource_locate(
    const struct eng_resource_manager *manager, uint32_t index, struct eng_location *location)
{
    if (index >= manager->buffer_count)
        return -EINVAL;
    const struct eng_pool *pool = &manager->pools[manager->buffers[index].pool];
    const struct eng_backing *backing = &manager->backings[index];
    struct eng_span span = manager->spans[index];
    if (!span.bytes)
        return -ENOENT;
    *location = (struct eng_location){
        .memory = pool->kind, .fd = pool->memory.bytes ? pool->memory.fd : -1, .span = span};
    if (pool->memory.bytes)
        location->offset_bytes =
            (uint64_t)((const uint8_t *)span.bytes - (const uint8_t *)pool->memory.bytes);
    if (pool->kind == ENG_MEMORY_IMPORTED) {
        location->fd = backing->import.fd;
        location->offset_bytes = backing->import.offset_bytes;
    } else if (backing->dmabuf >= 0) {
        location->fd = backing->dmabuf;
        location->offset_bytes = 0;
    }
    return 0;
}

/* ---- pins and reservations ------------------------------------------------------------------- */

static uint32_t pin_count(const struct eng_buffer *buffer)
{
    uint32_t pins = 0;
    for (uint32_t i = 0; i < ENG_HOLDER_COUNT; i++)
        pins += buffer->pins[i];
    return pins;
}

static bool has_pins(const struct eng_buffer *buffer)
{
    return pin_count(buffer) > 0;
}

static struct eng_buffer *find(const struct eng_resource_manager *manager, struct eng_handle handle)
{
    if (handle.generation == 0 || handle.index >= manager->buffer_count)
        return NULL;
    struct eng_buffer *buffer = &manager->buffers[handle.index];
    return buffer->generation == handle.generation && has_pins(buffer) ? buffer : NULL;
}

static struct eng_handle take(
    struct eng_resource_manager *manager, struct eng_pool *pool, enum eng_holder holder)
{
    sisp_assert(pool->free_count > 0 && pool->free_head != ENG_NONE);
    uint32_t index = pool->free_head;
    struct eng_buffer *buffer = &manager->buffers[index];
    sisp_assert(!has_pins(buffer));
    pool->free_head = buffer->next_free;
    pool->free_count--;
    buffer->next_free = ENG_NONE;
    if (++buffer->generation == 0)
        buffer->generation = 1;
    buffer->pins[holder] = 1;
    manager->pins++;
    manager->used_bytes += pool->size_bytes;
    sisp_assert(manager->used_bytes + manager->reserved_bytes <= manager->quota_bytes);
    return (struct eng_handle){.index = index, .generation = buffer->generation};
}

static bool has_room(
    const struct eng_resource_manager *manager, const struct eng_pool *pool, uint32_t count)
{
    sisp_assert(pool->reserved <= pool->free_count);
    sisp_assert(manager->used_bytes + manager->reserved_bytes <= manager->quota_bytes);
    if (pool->free_count - pool->reserved < count)
        return false;
    uint64_t room = manager->quota_bytes - manager->used_bytes - manager->reserved_bytes;
    return !pool->size_bytes || room / pool->size_bytes >= count;
}

int eng_resource_acquire(struct eng_resource_manager *manager, uint32_t pool,
    enum eng_holder holder, struct eng_handle *handle)
{
    sisp_assert(pool < manager->pool_count && holder < ENG_HOLDER_COUNT);
    if (!has_room(manager, &manager->pools[pool], 1))
        return -EAGAIN;
    *handle = take(manager, &manager->pools[pool], holder);
    return 0;
}

int eng_resource_reserve(struct eng_resource_manager *manager, uint32_t pool, uint32_t count)
{
    sisp_assert(pool < manager->pool_count);
    struct eng_pool *from = &manager->pools[pool];
    if (!has_room(manager, from, count))
        return -EAGAIN;
    from->reserved += count;
    manager->reserved_bytes += (uint64_t)count * from->size_bytes;
    sisp_assert(from->reserved <= from->free_count);
    return 0;
}

void eng_resource_unreserve(struct eng_resource_manager *manager, uint32_t pool, uint32_t count)
{
    sisp_assert(pool < manager->pool_count);
    struct eng_pool *from = &manager->pools[pool];
    sisp_assert(from->reserved >= count);
    from->reserved -= count;
    manager->reserved_bytes -= (uint64_t)count * from->size_bytes;
}

struct eng_handle eng_resource_allocate(
    struct eng_resource_manager *manager, uint32_t pool, enum eng_holder holder)
{
    eng_resource_unreserve(manager, pool, 1);
    return take(manager, &manager->pools[pool], holder);
}

int eng_resource_pin(
    struct eng_resource_manager *manager, struct eng_handle handle, enum eng_holder holder)
{
    sisp_assert(holder < ENG_HOLDER_COUNT);
    struct eng_buffer *buffer = find(manager, handle);
    if (!buffer) {
        manager->stale++;
        return -ESTALE;
    }
    sisp_assert(buffer->pins[holder] < UINT16_MAX);
    buffer->pins[holder]++;
    manager->pins++;
    return 0;
}

int eng_resource_unpin(
    struct eng_resource_manager *manager, struct eng_handle handle, enum eng_holder holder)
{
    sisp_assert(holder < ENG_HOLDER_COUNT);
    struct eng_buffer *buffer = find(manager, handle);
    if (!buffer || buffer->pins[holder] == 0) {
        manager->stale++;
        return -ESTALE;
    }
    buffer->pins[holder]--;
    sisp_assert(manager->pins > 0);
    manager->pins--;
    if (has_pins(buffer))
        return 0;
    struct eng_pool *pool = &manager->pools[buffer->pool];
    buffer->next_free = pool->free_head;
    pool->free_head = handle.index;
    pool->free_count++;
    sisp_assert(pool->free_count <= pool->count && manager->used_bytes >= pool->size_bytes);
    manager->used_bytes -= pool->size_bytes;
    return 0;
}

struct eng_span eng_resource_span(
    const struct eng_resource_manager *manager, struct eng_handle handle)
{
    if (!find(manager, handle))
        return (struct eng_span){0};
    return manager->spans[handle.index];
}

/* Returns: the pins of all its buffers. */
static uint64_t check_pool(const struct eng_resource_manager *manager, const struct eng_pool *pool)
{
    uint64_t pins = 0;
    uint32_t unpinned = 0, listed = 0;
    for (uint32_t i = pool->first; i < pool->first + pool->count; i++) {
        uint32_t count = pin_count(&manager->buffers[i]);
        pins += count;
        unpinned += count == 0;
    }
    for (uint32_t i = pool->free_head; i != ENG_NONE; i = manager->buffers[i].next_free) {
        sisp_assert(!has_pins(&manager->buffers[i]));
        listed++;
        sisp_assert(listed <= pool->count);
    }
    sisp_assert(unpinned == pool->free_count && listed == pool->free_count);
    sisp_assert(pool->reserved <= pool->free_count);
    return pins;
}

void eng_resource_manager_check(const struct eng_resource_manager *manager)
{
    uint64_t pins = 0, used = 0, reserved = 0;
    for (uint32_t i = 0; i < manager->pool_count; i++) {
        const struct eng_pool *pool = &manager->pools[i];
        pins += check_pool(manager, pool);
        used += (uint64_t)(pool->count - pool->free_count) * pool->size_bytes;
        reserved += (uint64_t)pool->reserved * pool->size_bytes;
    }
    sisp_assert(pins == manager->pins);
    sisp_assert(used == manager->used_bytes && reserved == manager->reserved_bytes);
    sisp_assert(used + reserved <= manager->quota_bytes);
}
