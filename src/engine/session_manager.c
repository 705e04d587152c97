/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session_manager.h"

#include "base/base.h"
#include "engine/belief.h"
#include <errno.h>

/* ---- FIFO and caches --------------------------------------------------------------------------
 */

static uint32_t fifo_count(const struct eng_session_manager *manager)
{
    sisp_assert(manager->fifo_head >= manager->fifo_tail);
    return (uint32_t)(manager->fifo_head - manager->fifo_tail);
}

uint32_t eng_session_free_count(const struct eng_session_manager *manager)
{
    return fifo_count(manager) + manager->cached;
}

static void append(struct eng_session_manager *manager, uint32_t slot)
{
    sisp_assert(fifo_count(manager) < manager->slot_count);
    manager->slots[slot].free_seq = ++manager->next_free_seq;
    manager->fifo[manager->fifo_head++ % ENG_SLOTS_MAX] = slot;
}

static uint32_t pop_fifo(struct eng_session_manager *manager)
{
    sisp_assert(fifo_count(manager) > 0);
    uint32_t slot = manager->fifo[manager->fifo_tail++ % ENG_SLOTS_MAX];
    uint64_t seq = manager->slots[slot].free_seq;
    sisp_assert(seq > manager->last_popped_seq);
    manager->last_popped_seq = seq;
    return slot;
}

static uint32_t pop_cache(struct eng_session_manager *manager, uint32_t cache)
{
    struct eng_core_cache *from = &manager->caches[cache];
    sisp_assert(from->count > 0 && manager->cached > 0);
    uint32_t slot = from->slots[--from->count];
    sisp_assert(manager->slots[slot].cache == cache);
    manager->slots[slot].cache = ENG_NONE;
    manager->cached--;
    return slot;
}

/* Whoever would be refused gets what the caches hold. */
static void recall(struct eng_session_manager *manager)
{
    manager->recalls++;
    for (uint32_t c = 0; manager->cached; c++)
        while (manager->caches[c].count)
            append(manager, pop_cache(manager, c));
}

static void put_free(struct eng_session_manager *manager, uint32_t slot)
{
    struct eng_slot_record *record = &manager->slots[slot];
    record->is_free = true;
    if (record->home != ENG_NONE && manager->caches[record->home].count < manager->cache_size) {
        struct eng_core_cache *cache = &manager->caches[record->home];
        cache->slots[cache->count++] = slot;
        record->cache = record->home;
        manager->cached++;
    } else {
        append(manager, slot);
    }
}

static uint32_t take_free(struct eng_session_manager *manager, uint32_t home)
{
    uint32_t slot;
    if (home != ENG_NONE && manager->caches[home].count) {
        slot = pop_cache(manager, home);
    } else {
        if (fifo_count(manager) == 0)
            recall(manager);
        slot = pop_fifo(manager);
    }
    sisp_assert(manager->slots[slot].is_free);
    manager->slots[slot].is_free = false;
    manager->slots[slot].home = home;
    return slot;
}

void eng_session_manager_init(
    struct eng_session_manager *manager, struct eng_arena *arena, const struct eng_knobs *knobs)
{
    sisp_assert(arena->item_count > 0 && arena->item_count <= ENG_SLOTS_MAX);
    sisp_assert(knobs->core_cache <= ENG_CORE_CACHE_MAX && knobs->spare_slots < arena->item_count);
    *manager = (struct eng_session_manager){
        .arena = arena,
        .slot_count = arena->item_count,
        .spare_count = (uint32_t)knobs->spare_slots,
        .cache_size = knobs->strict_fifo ? 0 : (uint32_t)knobs->core_cache,
    };
    for (uint32_t i = 0; i < manager->slot_count; i++) {
        manager->slots[i] =
            (struct eng_slot_record){.cache = ENG_NONE, .home = ENG_NONE, .owner = ENG_NONE};
        put_free(manager, i);
    }
}

/* ---- shares -------------------------------------------------------------------------------------
 */

static struct eng_session_share *share_of(struct eng_session_manager *manager, uint32_t session)
{
    return &manager->shares[session % ENG_SESSIONS_MAX];
}

/* What must stay free whoever else asks: minima that are not met, and spares. */
static uint32_t promised(
    const struct eng_session_manager *manager, const struct eng_session_share *except)
{
    uint32_t used =
        manager->quarantined < manager->spare_count ? manager->quarantined : manager->spare_count;
    uint32_t count = manager->spare_count - used;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        const struct eng_session_share *share = &manager->shares[p];
        if (share != except && share->held < share->min)
            count += share->min - share->held;
    }
    return count;
}

/* Whether every session could have its minimum and get on while all others keep theirs. */
static bool fits(const struct eng_session_manager *manager)
{
    uint32_t minima = 0;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        minima += manager->shares[p].min;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        const struct eng_session_share *share = &manager->shares[p];
        uint32_t own = share->min > ENG_SLOTS_TO_GET_ON ? share->min : ENG_SLOTS_TO_GET_ON;
        if (share->is_open &&
            manager->spare_count + minima - share->min + own > manager->slot_count)
            return false;
    }
    return true;
}

int eng_session_admit(
    struct eng_session_manager *manager, uint32_t session, const struct eng_session_config *config)
{
    struct eng_session_share *share = share_of(manager, session);
    sisp_assert(!share->is_open);
    if (config->slots_max && config->slots_min > config->slots_max)
        return -EINVAL;
    if (config->slots_min > manager->slot_count)
        return -EAGAIN;
    *share = (struct eng_session_share){
        .is_open = true, .min = config->slots_min, .max = config->slots_max};
    /* Others may hold so much now that the new minimum is not there to be promised. */
    if (fits(manager) && promised(manager, NULL) <= eng_session_free_count(manager))
        return 0;
    *share = (struct eng_session_share){0};
    return -EAGAIN;
}

void eng_session_dismiss(struct eng_session_manager *manager, uint32_t session)
{
    sisp_assert(share_of(manager, session)->is_open);
    for (uint32_t i = 0; i < manager->slot_count; i++)
        if (manager->slots[i].owner == session % ENG_SESSIONS_MAX)
            manager->slots[i].owner = ENG_NONE;
    *share_of(manager, session) = (struct eng_session_share){0};
}

int eng_session_acquire(struct eng_session_manager *manager, uint32_t session, uint32_t keep,
    uint32_t core, uint32_t *slot)
{
    struct eng_session_share *share = share_of(manager, session);
    sisp_assert(share->is_open);
    if ((share->max && share->held >= share->max) ||
        eng_session_free_count(manager) <= keep + promised(manager, share))
        return -EAGAIN;
    bool has_home = manager->cache_size && core != ENG_NONE;
    uint32_t taken = take_free(manager, has_home ? core % ENG_CORES_MAX : ENG_NONE);
    struct eng_token_args none = {0};
    /* No other thread changes a FREE token, so a refusal is a broken invariant. */
    bool ok = eng_arena_apply(manager->arena, taken, ENG_EDGE_ACQUIRE, &none);
    sisp_assert(ok);
    manager->slots[taken].owner = session % ENG_SESSIONS_MAX;
    share->held++;
    *slot = taken;
    return 0;
}

/* Its session does not answer for the slot any more. */
static void disown(struct eng_session_manager *manager, struct eng_slot_record *record)
{
    if (record->owner == ENG_NONE)
        return;
    sisp_assert(manager->shares[record->owner].held > 0);
    manager->shares[record->owner].held--;
    record->owner = ENG_NONE;
}

void eng_session_return(struct eng_session_manager *manager, uint32_t slot)
{
    sisp_assert(slot < manager->slot_count && !manager->slots[slot].is_free);
    struct eng_token_args none = {0};
    bool ok = eng_arena_apply(manager->arena, slot, ENG_EDGE_RETURN, &none);
    sisp_assert(ok);
    struct eng_slot_record *record = &manager->slots[slot];
    manager->quarantined -= record->is_quarantined;
    record->is_quarantined = false;
    disown(manager, record);
    put_free(manager, slot);
}

void eng_session_quarantine(struct eng_session_manager *manager, uint32_t slot)
{
    struct eng_slot_record *record = &manager->slots[slot];
    sisp_assert(slot < manager->slot_count && !record->is_free && !record->is_quarantined);
    record->is_quarantined = true;
    manager->quarantined++;
    disown(manager, record);
}

/* ---- control items ------------------------------------------------------------------------------
 */

static int accept_item(struct eng_session_manager *manager, const struct eng_control_item *item)
{
    if (item->type >= ENG_CONTROL_TYPE_COUNT || item->origin >= ENG_ORIGIN_COUNT ||
        item->slot >= manager->slot_count || item->sequence == 0)
        return -EINVAL;
    struct eng_control_window *window = &manager->windows[item->origin];
    if (eng_control_is_applied(window, item)) {
        manager->items_repeated++;
        return 0;
    }
    uint64_t word = eng_arena_token(manager->arena, item->slot);
    if (eng_token_state(word) != ENG_TOKEN_SESSION || eng_token_grant(word) != item->grant)
        return -ESTALE;
    eng_control_mark(window, item);
    manager->items_applied++;
    eng_session_return(manager, item->slot);
    return 0;
}

int eng_session_accept_batch(
    struct eng_session_manager *manager, struct eng_control_item *items, uint32_t count)
{
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++)
        error = accept_item(manager, &items[i]);
    return error;
}

/* ---- check --------------------------------------------------------------------------------------
 */

static void check_fifo(const struct eng_session_manager *manager)
{
    uint64_t seq = manager->last_popped_seq;
    for (uint64_t i = manager->fifo_tail; i < manager->fifo_head; i++) {
        uint32_t slot = manager->fifo[i % ENG_SLOTS_MAX];
        sisp_assert(slot < manager->slot_count && manager->slots[slot].is_free);
        sisp_assert(manager->slots[slot].cache == ENG_NONE && manager->slots[slot].free_seq > seq);
        seq = manager->slots[slot].free_seq;
    }
}

static void check_caches(const struct eng_session_manager *manager)
{
    uint32_t cached = 0;
    for (uint32_t c = 0; c < ENG_CORES_MAX && manager->cache_size; c++) {
        const struct eng_core_cache *cache = &manager->caches[c];
        sisp_assert(cache->count <= manager->cache_size);
        for (uint32_t i = 0; i < cache->count; i++) {
            const struct eng_slot_record *record = &manager->slots[cache->slots[i]];
            sisp_assert(record->is_free && record->cache == c);
        }
        cached += cache->count;
    }
    sisp_assert(cached == manager->cached);
}

static void check_shares(const struct eng_session_manager *manager)
{
    uint32_t held[ENG_SESSIONS_MAX] = {0}, quarantined = 0;
    for (uint32_t i = 0; i < manager->slot_count; i++) {
        const struct eng_slot_record *record = &manager->slots[i];
        quarantined += record->is_quarantined;
        sisp_assert(!record->is_free || record->owner == ENG_NONE);
        if (record->owner != ENG_NONE)
            held[record->owner]++;
    }
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        sisp_assert(held[p] == manager->shares[p].held);
    sisp_assert(quarantined == manager->quarantined);
}

void eng_session_manager_check(const struct eng_session_manager *manager)
{
    const uint64_t *words = manager->arena->belief->words;
    uint32_t free_count = 0;
    check_fifo(manager);
    check_caches(manager);
    check_shares(manager);
    for (uint32_t i = 0; i < manager->slot_count; i++) {
        sisp_assert(manager->slots[i].is_free == (eng_token_state(words[i]) == ENG_TOKEN_FREE));
        free_count += manager->slots[i].is_free;
    }
    sisp_assert(free_count == eng_session_free_count(manager));
    uint32_t uncovered = manager->quarantined > manager->spare_count
                             ? manager->quarantined - manager->spare_count
                             : 0;
    sisp_assert(promised(manager, NULL) <= free_count + uncovered);
}
