/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/telemetry.h"

#include "base/base.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 256u

static void add(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

int eng_telemetry_init(struct eng_telemetry *telemetry, size_t blob_bytes)
{
    memset(telemetry, 0, sizeof(*telemetry));
    eng_ring_init(&telemetry->ring, ENTRIES);
    telemetry->blob_step_bytes = base_align(blob_bytes, 64);
    telemetry->entries = calloc(ENTRIES, sizeof(*telemetry->entries));
    telemetry->blobs = calloc(ENTRIES, base_max_size(telemetry->blob_step_bytes, 1));
    if (telemetry->entries && telemetry->blobs)
        return 0;
    eng_telemetry_finish(telemetry);
    return -ENOMEM;
}

void eng_telemetry_finish(struct eng_telemetry *telemetry)
{
    free(telemetry->entries);
    free(telemetry->blobs);
    telemetry->entries = NULL;
    telemetry->blobs = NULL;
}

uint32_t eng_latency_bucket(uint64_t latency_ns)
{
    if (latency_ns < 16)
        return (uint32_t)latency_ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(latency_ns);
    uint32_t bucket = (exponent - 3) * 16 + (uint32_t)(latency_ns >> (exponent - 4) & 15);
    sisp_assert(bucket < ENG_LATENCY_BUCKETS);
    return bucket;
}

uint64_t eng_latency_bucket_end(uint32_t bucket)
{
    if (bucket < 16)
        return bucket;
    uint32_t exponent = bucket / 16 + 3;
    uint64_t start = (uint64_t)(16 + bucket % 16) << (exponent - 4);
    return start + (((uint64_t)1 << (exponent - 4)) - 1);
}

void eng_telemetry_accept(struct eng_telemetry *telemetry, enum eng_lane lane)
{
    add(&telemetry->lanes[lane].accepted);
}

static void count(struct eng_telemetry *telemetry, const struct eng_row *row)
{
    struct eng_lane_counts *lane = &telemetry->lanes[row->lane];
    add(&lane->outcomes[row->outcome]);
    add(&lane->reasons[row->reason]);
    if (row->outcome == ENG_DROPPED)
        add(&lane->drops[row->reason]);
    if (row->fallback_used)
        add(&lane->fallbacks);
    if (row->outcome != ENG_DELIVERED)
        return;
    if (row->zero_copy)
        add(&lane->zero_copies);
    uint64_t latency_ns =
        row->published_ns > row->capture_ns ? row->published_ns - row->capture_ns : 0;
    add(&lane->latencies[eng_latency_bucket(latency_ns)]);
    if (latency_ns > get(&lane->latency_max_ns))
        atomic_store_explicit(&lane->latency_max_ns, latency_ns, memory_order_relaxed);
}

void eng_telemetry_emit(
    struct eng_telemetry *telemetry, const struct eng_row *row, struct eng_span blob)
{
    sisp_assert(!blob.bytes || blob.size_bytes <= telemetry->blob_step_bytes);
    count(telemetry, row);
    add(&telemetry->emitted);
    uint32_t cell;
    if (!eng_ring_reserve(&telemetry->ring, &cell)) {
        add(&telemetry->dropped);
        return;
    }
    struct eng_telemetry_entry *entry = &telemetry->entries[cell];
    entry->row = *row;
    entry->kind = ENG_TELEMETRY_ROW;
    entry->blob_bytes = blob.bytes ? blob.size_bytes : 0;
    if (entry->blob_bytes)
        memcpy(telemetry->blobs + cell * telemetry->blob_step_bytes, blob.bytes, entry->blob_bytes);
    eng_ring_push(&telemetry->ring);
}

struct eng_event eng_event_at(enum eng_event_type type, uint64_t at_ns)
{
    return (struct eng_event){
        .type = type, .at_ns = at_ns, .session = ENG_NONE, .slot = ENG_NONE, .worker = ENG_NONE};
}

static void pass_event(struct eng_telemetry *telemetry, const struct eng_event *event)
{
    uint32_t cell;
    if (!eng_ring_reserve(&telemetry->ring, &cell)) {
        add(&telemetry->events_dropped);
        return;
    }
    telemetry->entries[cell].kind = ENG_TELEMETRY_EVENT;
    telemetry->entries[cell].event = *event;
    eng_ring_push(&telemetry->ring);
}

void eng_telemetry_event(struct eng_telemetry *telemetry, const struct eng_event *event)
{
    sisp_assert(event->type < ENG_EVENT_COUNT);
    add(&telemetry->events[event->type]);
    pass_event(telemetry, event);
}

void eng_telemetry_total(
    struct eng_telemetry *telemetry, enum eng_event_type type, uint64_t total, uint64_t now_ns)
{
    uint64_t increase = total - telemetry->seen[type];
    if (total <= telemetry->seen[type])
        return; /* the usual case; a count that goes back is a broken worker's */
    telemetry->seen[type] = total;
    atomic_fetch_add_explicit(&telemetry->events[type], increase, memory_order_relaxed);
    struct eng_event event = eng_event_at(type, now_ns);
    event.number = increase;
    pass_event(telemetry, &event);
}

/* Sentences for those that a user should hear of. */
static const char *const sentences[ENG_EVENT_COUNT] = {
    [ENG_EVENT_FRAME_QUARANTINED] =
        "a worker or a device does not answer: what it holds is set apart until it does",
    [ENG_EVENT_WORKER_DETACHED] = "a worker is given no more work until it answers",
    [ENG_EVENT_WORKER_RESTARTED] = "a worker was started again",
    [ENG_EVENT_LEASE_EXPIRED] = "a consumer holds a completion past its lease",
    [ENG_EVENT_DEGRADED] = "no spare slots or workers are left",
};

static void log_event(const struct eng_event *event)
{
    if (sentences[event->type])
        base_log(SISP_LOG_WARNING, "%s: %s (worker %d, number %llu)", eng_event_name(event->type),
            sentences[event->type], event->worker == ENG_NONE ? -1 : (int)event->worker,
            (unsigned long long)event->number);
}

void eng_telemetry_drain(struct eng_telemetry *telemetry, const struct eng_config *config)
{
    uint32_t cell;
    while (eng_ring_peek(&telemetry->ring, &cell)) {
        const struct eng_telemetry_entry *entry = &telemetry->entries[cell];
        const void *blob =
            entry->blob_bytes ? telemetry->blobs + cell * telemetry->blob_step_bytes : NULL;
        if (entry->kind == ENG_TELEMETRY_EVENT) {
            log_event(&entry->event);
            if (config->event)
                config->event(config->telemetry_user, &entry->event);
        } else {
            if (config->telemetry)
                config->telemetry(config->telemetry_user, &entry->row, blob, entry->blob_bytes);
            add(&telemetry->written);
        }
        eng_ring_pop(&telemetry->ring);
    }
}

bool eng_telemetry_is_drained(const struct eng_telemetry *telemetry)
{
    return atomic_load_explicit(&telemetry->ring.head, memory_order_acquire) ==
           atomic_load_explicit(&telemetry->ring.tail, memory_order_acquire);
}

static uint64_t percentile(const struct eng_lane_counts *lane, uint64_t per_mille)
{
    uint64_t total = 0, below = 0;
    for (uint32_t i = 0; i < ENG_LATENCY_BUCKETS; i++)
        total += get(&lane->latencies[i]);
    if (total == 0)
        return 0;
    uint64_t rank = (total * per_mille + 999) / 1000, end_ns = 0;
    for (uint32_t i = 0; i < ENG_LATENCY_BUCKETS && below < rank; i++) {
        below += get(&lane->latencies[i]);
        end_ns = eng_latency_bucket_end(i);
    }
    /* A bucket may end behind the largest value in it. */
    uint64_t max_ns = get(&lane->latency_max_ns);
    return end_ns < max_ns ? end_ns : max_ns;
}

static void lane_figures(const struct eng_lane_counts *lane, struct eng_lane_figures *figures)
{
    figures->accepted = get(&lane->accepted);
    for (uint32_t i = 0; i < ENG_OUTCOME_COUNT; i++)
        figures->outcomes[i] = get(&lane->outcomes[i]);
    for (uint32_t i = 0; i < ENG_REASON_COUNT; i++) {
        figures->reasons[i] = get(&lane->reasons[i]);
        figures->drops[i] = get(&lane->drops[i]);
    }
    figures->depth = get(&lane->depth);
    figures->fallbacks = get(&lane->fallbacks);
    figures->zero_copies = get(&lane->zero_copies);
    figures->latency_max_ns = get(&lane->latency_max_ns);
    figures->latency_p50_ns = percentile(lane, 500);
    figures->latency_p99_ns = percentile(lane, 990);
}

void eng_telemetry_figures(const struct eng_telemetry *telemetry, struct eng_figures *figures)
{
    for (uint32_t i = 0; i < ENG_LANE_COUNT; i++)
        lane_figures(&telemetry->lanes[i], &figures->lanes[i]);
    figures->refused = get(&telemetry->refused);
    figures->used_bytes = get(&telemetry->used_bytes);
    figures->reserved_bytes = get(&telemetry->reserved_bytes);
    figures->pins = get(&telemetry->pins);
    figures->waitingq_depth = get(&telemetry->waitingq_depth);
    figures->quarantined = get(&telemetry->quarantined);
    figures->degraded = atomic_load_explicit(&telemetry->is_degraded, memory_order_relaxed);
    figures->telemetry_written = get(&telemetry->written);
    figures->telemetry_dropped = get(&telemetry->dropped);
    for (uint32_t i = 0; i < ENG_EVENT_COUNT; i++)
        figures->events[i] = get(&telemetry->events[i]);
    figures->events_dropped = get(&telemetry->events_dropped);
    figures->token_transfer_fail_count = figures->events[ENG_EVENT_TOKEN_TRANSFER_FAIL];
    figures->packet_epoch_mismatch = figures->events[ENG_EVENT_PACKET_EPOCH_MISMATCH];
    figures->late_completion_dropped = figures->events[ENG_EVENT_LATE_COMPLETION_DROPPED];
}
