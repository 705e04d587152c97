/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"

#include "base/base.h"

const char *eng_lane_name(enum eng_lane lane)
{
    static const char *const names[] = {"fast", "background", "floor"};
    _Static_assert(BASE_COUNT(names) == ENG_LANE_COUNT, "a name for each lane");
    sisp_assert(lane < ENG_LANE_COUNT);
    return names[lane];
}

const char *eng_outcome_name(enum eng_outcome outcome)
{
    static const char *const names[] = {"delivered", "late", "dropped", "cancelled", "failed"};
    _Static_assert(BASE_COUNT(names) == ENG_OUTCOME_COUNT, "a name for each outcome");
    sisp_assert(outcome < ENG_OUTCOME_COUNT);
    return names[outcome];
}

const char *eng_reason_name(enum eng_reason reason)
{
    static const char *const names[] = {"none", "lane_full", "no_slot", "no_buffer", "deadline",
        "worker_hung", "worker_failed", "worker_died", "superseded", "consumer_full", "flushed",
        "plan_expired", "not_enough_frames", "cancelled", "fence_failed"};
    _Static_assert(BASE_COUNT(names) == ENG_REASON_COUNT, "a name for each reason");
    sisp_assert(reason < ENG_REASON_COUNT);
    return names[reason];
}

const char *eng_event_name(enum eng_event_type type)
{
    static const char *const names[] = {"HANDOFF_FAST_FORWARDED", "PACKET_MOVED_TO_MONITOR",
        "PROCESSITEM_CONVERTED_TO_CONTROL", "PACKET_RETURNED_TO_FIFO", "FRAME_RECLAIM_TRIGGERED",
        "FRAME_RECLAIMED", "TOKEN_TRANSFER_FAIL", "PACKET_EPOCH_MISMATCH",
        "LATE_COMPLETION_DROPPED", "FRAME_QUARANTINED", "WORKER_DETACHED", "WORKER_RESTARTED",
        "LEASE_EXPIRED", "DEGRADED"};
    _Static_assert(BASE_COUNT(names) == ENG_EVENT_COUNT, "a name for each event");
    sisp_assert(type < ENG_EVENT_COUNT);
    return names[type];
}
