/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/imports.h"

#include "base/base.h"
#include "engine/access.h"
#include "engine/runtime.h"
#include <errno.h>
#include <stdlib.h>

int eng_imports_init(struct eng_imports *imports, const struct eng_config *config)
{
    uint32_t first = 0;
    *imports = (struct eng_imports){0};
    for (uint32_t i = 0; i < config->pool_count; first += config->pools[i++].count) {
        if (config->pools[i].memory != ENG_MEMORY_IMPORTED)
            continue;
        imports->first = first;
        imports->count = config->pools[i].count;
        imports->size_bytes = config->pools[i].size_bytes;
    }
    if (!imports->count)
        return 0;
    imports->places = calloc(imports->count, sizeof(*imports->places));
    return imports->places ? 0 : -ENOMEM;
}

void eng_imports_finish(struct eng_imports *imports)
{
    free(imports->places);
    imports->places = NULL;
}

uint32_t eng_import_first(const struct eng_runtime *runtime)
{
    const struct eng_imports *imports = &runtime->core.imports;
    return imports->count ? imports->first : ENG_NONE;
}

int eng_buffer_locate(
    const struct eng_runtime *runtime, uint32_t index, struct eng_location *location)
{
    return eng_resource_locate(&runtime->core.resources, index, location);
}

/* ---- one place ----------------------------------------------------------------------------------
 */

static bool enter(struct eng_imports *imports)
{
    return !atomic_exchange_explicit(&imports->is_entered, 1, memory_order_acq_rel);
}

static void leave(struct eng_imports *imports)
{
    atomic_store_explicit(&imports->is_entered, 0, memory_order_release);
}

static bool is_filled(const struct eng_import_place *place)
{
    return atomic_load_explicit(&place->is_filled, memory_order_acquire);
}

static bool is_of(const struct eng_import_place *place, uint32_t session)
{
    return is_filled(place) &&
           atomic_load_explicit(&place->session, memory_order_relaxed) == session;
}

static int take(struct eng_core *core, uint32_t place, struct eng_handle *handle)
{
    return eng_lending_take(&core->lending, core->imports.first + place, ENG_BORROWER_SUPPLY,
        ENG_BORROWER_PRODUCER, handle);
}

/* No message is needed: the control thread has not missed it. */
static void put_back(struct eng_core *core, struct eng_handle handle)
{
    int error =
        eng_lending_pass(&core->lending, handle, ENG_BORROWER_PRODUCER, ENG_BORROWER_SUPPLY);
    sisp_assert(!error);
}

static int fill(struct eng_core *core, uint32_t index, uint32_t session,
    const struct plat_import *import, int fd)
{
    struct eng_import_place *place = &core->imports.places[index];
    struct eng_backing *backing = &core->resources.backings[core->imports.first + index];
    backing->import = *import;
    int error = plat_import_map(&backing->import, fd);
    if (error)
        return error;
    backing->dmabuf = import->is_dmabuf ? backing->import.fd : -1;
    core->resources.spans[core->imports.first + index] =
        (struct eng_span){.bytes = backing->import.bytes, .size_bytes = backing->import.size_bytes};
    place->device = import->device;
    place->inode = import->inode;
    place->offset_bytes = import->offset_bytes;
    atomic_store_explicit(&place->session, session, memory_order_relaxed);
    atomic_store_explicit(&place->is_filled, 1, memory_order_release);
    return 0;
}

static void empty(struct eng_core *core, uint32_t index)
{
    uint32_t buffer = core->imports.first + index;
    eng_access_end_read(&core->resources, buffer);
    atomic_store_explicit(&core->imports.places[index].is_filled, 0, memory_order_release);
    core->resources.spans[buffer] = (struct eng_span){0};
    core->resources.backings[buffer].dmabuf = -1;
    plat_import_unmap(&core->resources.backings[buffer].import);
}

/* ---- all ----------------------------------------------------------------------------------------
 */

static bool is_gone(struct eng_core *core, uint32_t session)
{
    return atomic_load_explicit(&eng_core_session(core, session)->gate, memory_order_seq_cst) !=
           eng_session_word(session, ENG_SESSION_OPEN);
}

static void sweep(struct eng_core *core)
{
    struct eng_imports *imports = &core->imports;
    struct eng_handle handle;
    for (uint32_t i = 0; i < imports->count; i++) {
        struct eng_import_place *place = &imports->places[i];
        if (!is_filled(place) || !is_gone(core, place->session) || take(core, i, &handle))
            continue;
        empty(core, i);
        put_back(core, handle);
    }
}

void eng_imports_sweep(struct eng_core *core)
{
    if (!core->imports.count || !enter(&core->imports))
        return; /* who is inside comes to it when it needs a place */
    sweep(core);
    leave(&core->imports);
}

/* Returns: its place, or `count`. */
static uint32_t find(
    const struct eng_imports *imports, uint32_t session, const struct plat_import *import)
{
    uint32_t i = 0;
    for (; i < imports->count; i++) {
        const struct eng_import_place *place = &imports->places[i];
        if (is_of(place, session) && place->device == import->device &&
            place->inode == import->inode && place->offset_bytes == import->offset_bytes)
            break;
    }
    return i;
}

static uint32_t find_empty(struct eng_core *core, struct eng_handle *handle)
{
    struct eng_imports *imports = &core->imports;
    sweep(core);
    for (uint32_t i = 0; i < imports->count; i++)
        if (!is_filled(&imports->places[i]) && !take(core, i, handle))
            return i;
    return imports->count;
}

static int import_entered(struct eng_core *core, uint32_t session, int fd,
    struct plat_import *import, struct eng_handle *handle)
{
    struct eng_imports *imports = &core->imports;
    uint32_t place = find(imports, session, import);
    if (place < imports->count)
        return take(core, place, handle);
    place = find_empty(core, handle);
    if (place == imports->count)
        return -ENOSPC;
    int error = fill(core, place, session, import, fd);
    if (error)
        put_back(core, *handle);
    return error;
}

static void hand(struct eng_core *core, const struct eng_handle *handle, struct eng_span *span)
{
    eng_access_end_read(&core->resources, handle->index);
    *span = core->resources.spans[handle->index];
}

int eng_import(struct eng_runtime *runtime, uint32_t session, int fd, uint64_t offset_bytes,
    struct eng_handle *handle, struct eng_span *span)
{
    struct eng_core *core = &runtime->core;
    struct plat_import import;
    if (!core->imports.count)
        return -ENOTSUP;
    int error = plat_import_look(&import, fd, offset_bytes, core->imports.size_bytes);
    if (error)
        return error;
    if (!enter(&core->imports))
        return -EBUSY;
    error = import_entered(core, session, fd, &import, handle);
    leave(&core->imports);
    if (!error)
        hand(core, handle, span);
    return error;
}

int eng_import_acquire(
    struct eng_runtime *runtime, uint32_t session, struct eng_handle *handle, struct eng_span *span)
{
    struct eng_core *core = &runtime->core;
    for (uint32_t i = 0; i < core->imports.count; i++) {
        const struct eng_import_place *place = &core->imports.places[i];
        if (!is_of(place, session) || take(core, i, handle))
            continue;
        if (is_of(place, session)) {
            hand(core, handle, span);
            return 0;
        }
        put_back(core, *handle); /* another thread was faster to empty it */
    }
    return -EAGAIN;
}

int eng_unimport(struct eng_runtime *runtime, uint32_t session, uint32_t index)
{
    struct eng_core *core = &runtime->core;
    struct eng_imports *imports = &core->imports;
    struct eng_handle handle;
    if (index < imports->first || index - imports->first >= imports->count)
        return -ENOENT;
    if (!enter(imports))
        return -EBUSY;
    uint32_t place = index - imports->first;
    int error = is_of(&imports->places[place], session) ? take(core, place, &handle) : -ENOENT;
    if (!error) {
        empty(core, place);
        put_back(core, handle);
    }
    leave(imports);
    return error;
}
