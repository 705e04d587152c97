/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What happened to every frame: fates, provenance, figures, and the CSV file that keeps them. */
#ifndef SOFTISP_TELEMETRY_H
#define SOFTISP_TELEMETRY_H

#include <softisp/coefficients.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sisp_lane {
    SISP_LANE_FAST,       /* never waits: previews */
    SISP_LANE_BACKGROUND, /* stills and bursts, lowest priority */
    SISP_LANE_FLOOR,      /* the fast lane's fallback */
    SISP_LANE_COUNT,
};

SISP_API const char *sisp_lane_name(enum sisp_lane lane);

/** Every accepted frame ends in exactly one of these. */
enum sisp_outcome {
    SISP_DELIVERED,
    SISP_LATE,
    SISP_DROPPED,
    SISP_CANCELLED,
    SISP_FAILED,
    SISP_OUTCOME_COUNT,
};

SISP_API const char *sisp_outcome_name(enum sisp_outcome outcome);

#define SISP_REASON_COUNT 16

/** Such as "worker_hung"; NULL from the first unused number on. */
SISP_API const char *sisp_reason_name(unsigned reason);

#define SISP_EVENT_COUNT 24

/** What the engine did beside moving frames on, such as "FRAME_QUARANTINED"; NULL from the first
 * unused number on. */
SISP_API const char *sisp_event_name(unsigned event);

struct sisp_hash {
    uint64_t high, low; /* XXH3, 128 bits; both 0: not taken */
};

/** 32 hexadecimal digits and a NUL; empty if not taken. */
SISP_API void sisp_hash_text(struct sisp_hash hash, char text[33]);

/** One of those. UINT32_MAX: session or slot unknown; 0: frame or grant unknown. */
struct sisp_event {
    unsigned type, reason; /* sisp_event_name(), sisp_reason_name() */
    uint64_t at_ns, frame_id, grant;
    uint64_t number;        /* how many or how much of it */
    uint32_t session, slot; /* sisp_session_number() */
    const char *worker;     /* static; "" if none */
};

#define SISP_TIMINGS_MAX 12

struct sisp_timing {
    char name[20];
    uint64_t ns;
};

/** Fate and provenance of one frame. Times are CLOCK_MONOTONIC. Strings are static. */
struct sisp_record {
    uint32_t session; /* sisp_session_number() */
    uint64_t frame_id, sequence;
    enum sisp_lane lane; /* that accepted it */
    const char *worker;  /* that made the picture, such as "FastISP"; "" if none */
    enum sisp_outcome outcome;
    unsigned reason;
    uint64_t capture_ns, accepted_ns, started_ns, finished_ns, published_ns, deadline_ns;
    int zero_copy; /* whether no whole frame was copied on its way */
    uint64_t bytes_copied;
    int fallback_used;
    const char *fallback_from, *fallback_to;
    unsigned fallback_reason;
    uint64_t seed, plan_token;
    struct sisp_hash input, param, output;
    const char *isa;
    uint32_t threads;
    unsigned timing_count;
    struct sisp_timing timings[SISP_TIMINGS_MAX];
};

struct sisp_lane_figures {
    uint64_t accepted, outcomes[SISP_OUTCOME_COUNT], reasons[SISP_REASON_COUNT];
    uint64_t drops[SISP_REASON_COUNT]; /* reasons of what was dropped */
    uint64_t depth;                    /* frames waiting or running on this path now */
    uint64_t fallbacks, zero_copies;
    uint64_t latency_p50_ns, latency_p99_ns, latency_max_ns; /* published - capture */
};

/** Counters and gauges of an engine, with all sessions that share it. */
struct sisp_figures {
    struct sisp_lane_figures lanes[SISP_LANE_COUNT];
    uint64_t refused; /* frames that were not accepted for want of room */
    uint64_t used_bytes, reserved_bytes, quota_bytes;
    uint64_t token_transfer_fail_count, packet_epoch_mismatch, late_completion_dropped;
    uint64_t waitingq_depth, quarantined, pins;
    uint64_t telemetry_written, telemetry_dropped;     /* rows */
    uint64_t events[SISP_EVENT_COUNT], events_dropped; /* dropped ones are counted in both */
    int degraded;
};

/** A telemetry file, CSV with a header line, and beside it FILE.params.jsonl with each distinct
 * parameter set in full and FILE.events.csv with what the engine did beside moving frames on. One
 * may serve several sessions, one after the other. */
struct sisp_telemetry;

/**
 * Create the three files (existing ones are replaced).
 * Returns: 0, errno of open. Threads: any. Real-time: may block.
 */
SISP_API SISP_MUST_CHECK int sisp_telemetry_open(
    struct sisp_telemetry **telemetry, const char *path);

/** Flush and close. *telemetry may be NULL and becomes NULL. Returns: 0, or the first errno that
 * any write met; -ETIMEDOUT: a write never came back, so the files and their memory are left
 * behind. */
SISP_API int sisp_telemetry_close(struct sisp_telemetry **telemetry);

/** What a FILE.params.jsonl line holds: enough, with the raw, to make the picture again. */
struct sisp_remake {
    struct sisp_coefficients coefficients;
    enum sisp_lane lane; /* whose worker made the picture */
    enum sisp_pixel_format format;
    uint32_t width, height;
    enum sisp_orientation orientation;
};

/** Read the line whose param_hash begins with `hash`. Returns: 0, -ENOENT, -EBADMSG, -ENOMEM, errno
 * of open or read. */
SISP_API SISP_MUST_CHECK int sisp_remake_load(
    struct sisp_remake *remake, const char *params_path, const char *hash);

#ifdef __cplusplus
}
#endif
#endif
