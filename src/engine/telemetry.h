/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Telemetry: one row a frame and rare events to the telemetry thread, counters and latencies for
 * everybody. Emitting never waits: a full ring drops the row or event and counts it. For rows
 * emitted = written + dropped.
 * The control thread emits and counts; the telemetry thread drains; any thread reads figures.
 */
#ifndef ENGINE_TELEMETRY_H
#define ENGINE_TELEMETRY_H

#include "engine/engine.h"
#include "engine/ring.h"

#define ENG_LATENCY_BUCKETS 976 /* 16 a power of two: 6 % wide */

struct eng_lane_counts {
    _Atomic uint64_t accepted, outcomes[ENG_OUTCOME_COUNT], reasons[ENG_REASON_COUNT];
    _Atomic uint64_t drops[ENG_REASON_COUNT], depth;
    _Atomic uint64_t fallbacks, zero_copies, latency_max_ns;
    _Atomic uint64_t latencies[ENG_LATENCY_BUCKETS];
};

enum eng_telemetry_kind {
    ENG_TELEMETRY_ROW,
    ENG_TELEMETRY_EVENT,
};

/** One cell of the ring. */
struct eng_telemetry_entry {
    enum eng_telemetry_kind kind;
    struct eng_row row;
    struct eng_event event;
    size_t blob_bytes; /* of a row; 0: none */
};

struct eng_telemetry {
    struct eng_ring ring;
    struct eng_telemetry_entry *entries;
    uint8_t *blobs; /* blob_step_bytes for each entry */
    size_t blob_step_bytes;
    _Atomic uint32_t bell;
    _Atomic uint64_t emitted, written, dropped;
    _Atomic uint64_t events[ENG_EVENT_COUNT], events_dropped;
    uint64_t seen[ENG_EVENT_COUNT]; /* control thread: totals that eng_telemetry_total() knows */
    _Atomic uint64_t refused;       /* by submitting threads */
    /* Mirrors of what the control thread keeps, renewed after each step. */
    _Atomic uint64_t used_bytes, reserved_bytes, pins, waitingq_depth, quarantined;
    _Atomic bool is_degraded;
    struct eng_lane_counts lanes[ENG_LANE_COUNT];
};

/** blob_bytes: the largest blob; 0: none. Returns: 0, -ENOMEM. */
int eng_telemetry_init(struct eng_telemetry *telemetry, size_t blob_bytes);
void eng_telemetry_finish(struct eng_telemetry *telemetry);

void eng_telemetry_accept(struct eng_telemetry *telemetry, enum eng_lane lane);

/** Count a finished row and hand it, with a copy of the blob, to the telemetry thread. */
void eng_telemetry_emit(
    struct eng_telemetry *telemetry, const struct eng_row *row, struct eng_span blob);

/** An event about which nothing is known yet but its type and time. */
struct eng_event eng_event_at(enum eng_event_type type, uint64_t at_ns);

/** Control thread. Counts the event, and hands it to the telemetry thread where there is room;
 * that one also logs what a user should hear of, since the log may block. */
void eng_telemetry_event(struct eng_telemetry *telemetry, const struct eng_event *event);

/** Control thread. Workers cannot emit: they count. What was added to a count of theirs since the
 * last call becomes one event whose number is the increase. */
void eng_telemetry_total(
    struct eng_telemetry *telemetry, enum eng_event_type type, uint64_t total, uint64_t now_ns);

/** Telemetry thread: pass on all that is there. */
void eng_telemetry_drain(struct eng_telemetry *telemetry, const struct eng_config *config);

/** Whether every row and event so far was passed on or dropped. Any thread. */
bool eng_telemetry_is_drained(const struct eng_telemetry *telemetry);

/** The part of the figures that is kept here. Any thread. */
void eng_telemetry_figures(const struct eng_telemetry *telemetry, struct eng_figures *figures);

/** The bucket that a latency falls into, and the longest latency of a bucket. */
uint32_t eng_latency_bucket(uint64_t latency_ns);
uint64_t eng_latency_bucket_end(uint32_t bucket);

#endif
