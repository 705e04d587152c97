/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double megabytes(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void print_reasons(FILE *f, const struct sisp_lane_figures *lane)
{
    bool any = false;
    for (unsigned i = 1; i < SISP_REASON_COUNT && sisp_reason_name(i); i++) {
        if (!lane->reasons[i])
            continue;
        fprintf(f, "%s%s %" PRIu64, any ? ", " : "", sisp_reason_name(i), lane->reasons[i]);
        any = true;
    }
    fputs(any ? "\n" : "-\n", f);
}

static void print_table(FILE *f, const struct live_summary *s)
{
    fprintf(f, "%-11s %7s %9s %5s %7s %9s %9s %9s %9s %9s  %s\n", "lane", "frames", "delivered",
        "late", "dropped", "p50 ms", "p99 ms", "max ms", "fallbacks", "zero-copy", "reasons");
    for (int i = 0; i < SISP_LANE_COUNT; i++) {
        const struct sisp_lane_figures *lane = &s->figures.lanes[i];
        if (!lane->accepted)
            continue;
        uint64_t delivered = lane->outcomes[SISP_DELIVERED];
        fprintf(f,
            "%-11s %7" PRIu64 " %9" PRIu64 " %5" PRIu64 " %7" PRIu64 " %9.2f %9.2f %9.2f %9" PRIu64
            " %8.1f%%  ",
            sisp_lane_name((enum sisp_lane)i), lane->accepted, delivered, lane->outcomes[SISP_LATE],
            lane->outcomes[SISP_DROPPED] + lane->outcomes[SISP_FAILED] +
                lane->outcomes[SISP_CANCELLED],
            milliseconds(lane->latency_p50_ns), milliseconds(lane->latency_p99_ns),
            milliseconds(lane->latency_max_ns), lane->fallbacks,
            delivered ? 100.0 * (double)lane->zero_copies / (double)delivered : 0.0);
        print_reasons(f, lane);
    }
}

static void print_events(FILE *f, const struct sisp_figures *figures)
{
    bool any = false;
    for (unsigned i = 0; i < SISP_EVENT_COUNT && sisp_event_name(i); i++) {
        if (!figures->events[i])
            continue;
        fprintf(
            f, "%s%s %" PRIu64, any ? ", " : "events: ", sisp_event_name(i), figures->events[i]);
        any = true;
    }
    if (any)
        fputc('\n', f);
}

/* Oldest first, as they came; the reference, of which the picture is, is the last. */
static void print_fusion(FILE *f, const struct live_options *o, const struct live_summary *s)
{
    const struct sisp_fusion *fusion = &s->fusion;
    for (unsigned i = 0; i < fusion->count; i++) {
        fprintf(f, "burst frame %u: ", i + 1);
        cli_fusion_print_frame(f, fusion, i);
    }
    fprintf(f,
        "burst: %.2f frames' worth of %u (%u wanted), %.0f ms from press to picture, noise %.3g x "
        "+ %.3g each\n",
        cli_fusion_frames(fusion), fusion->count, o->burst_frames, milliseconds(s->press_ns),
        (double)fusion->noise_shot, (double)fusion->noise_read);
}

static void report_text(const struct live_options *o, const struct live_summary *s, FILE *f)
{
    double seconds = (double)s->seconds_ns / 1e9;
    fprintf(f, "%" PRIu64 " frames in %.2f s (%.2f a second)\n", s->captured, seconds,
        seconds > 0 ? (double)s->captured / seconds : 0.0);
    print_table(f, s);
    fprintf(f,
        "memory: %.1f MiB used, %.1f MiB reserved, of %.1f MiB; frames without a free input: "
        "%" PRIu64 "\n",
        megabytes(s->figures.used_bytes), megabytes(s->figures.reserved_bytes),
        megabytes(s->figures.quota_bytes), s->missed);
    if (s->lost || s->damaged)
        fprintf(f, "frames that the camera lost: %" PRIu64 ", damaged: %" PRIu64 "\n", s->lost,
            s->damaged);
    print_events(f, &s->figures);
    if (s->figures.degraded)
        fputs("degraded: a worker hangs and keeps its slot\n", f);
    if (o->preview && strcmp(o->preview, "-") != 0)
        fprintf(f, "preview: %s\n", o->preview);
    if (s->stills)
        fprintf(f, "still: %s\n", s->still_path);
    if (s->fusion.count)
        print_fusion(f, o, s);
    if (o->raw_folder)
        fprintf(f, "raw frames: %s (%" PRIu64 ")\n", o->raw_folder, s->raws);
    if (o->telemetry_path)
        fprintf(f, "telemetry: %s, %s.params.jsonl, %s.events.csv\n", o->telemetry_path,
            o->telemetry_path, o->telemetry_path);
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Only what happened. */
static json_t *reasons_json(const uint64_t counts[SISP_REASON_COUNT])
{
    json_t *reasons = json_object();
    for (unsigned i = 1; i < SISP_REASON_COUNT && sisp_reason_name(i); i++)
        if (counts[i])
            set_count(reasons, sisp_reason_name(i), counts[i]);
    return reasons;
}

static json_t *lane_json(const struct sisp_lane_figures *lane)
{
    json_t *object = json_object(), *outcomes = json_object();
    for (int i = 0; i < SISP_OUTCOME_COUNT; i++)
        set_count(outcomes, sisp_outcome_name((enum sisp_outcome)i), lane->outcomes[i]);
    set_count(object, "frames", lane->accepted);
    json_object_set_new(object, "outcomes", outcomes);
    json_object_set_new(object, "reasons", reasons_json(lane->reasons));
    json_object_set_new(object, "drops", reasons_json(lane->drops));
    set_count(object, "depth", lane->depth);
    set_count(object, "fallbacks", lane->fallbacks);
    set_count(object, "zero_copies", lane->zero_copies);
    set_count(object, "latency_p50_ns", lane->latency_p50_ns);
    set_count(object, "latency_p99_ns", lane->latency_p99_ns);
    set_count(object, "latency_max_ns", lane->latency_max_ns);
    return object;
}

static void set_figures(json_t *object, const struct sisp_figures *f)
{
    json_t *events = json_object();
    for (unsigned i = 0; i < SISP_EVENT_COUNT && sisp_event_name(i); i++)
        set_count(events, sisp_event_name(i), f->events[i]);
    set_count(object, "used_bytes", f->used_bytes);
    set_count(object, "reserved_bytes", f->reserved_bytes);
    set_count(object, "quota_bytes", f->quota_bytes);
    set_count(object, "pins", f->pins);
    set_count(object, "waitingq_depth", f->waitingq_depth);
    set_count(object, "quarantined", f->quarantined);
    set_count(object, "token_transfer_fail_count", f->token_transfer_fail_count);
    set_count(object, "refused", f->refused);
    set_count(object, "telemetry_written", f->telemetry_written);
    set_count(object, "telemetry_dropped", f->telemetry_dropped);
    json_object_set_new(object, "events", events);
    set_count(object, "events_dropped", f->events_dropped);
    json_object_set_new(object, "degraded", json_boolean(f->degraded));
}

static json_t *fusion_json(const struct live_summary *s)
{
    const struct sisp_fusion *fusion = &s->fusion;
    if (!fusion->count)
        return json_null();
    json_t *frames = json_array();
    for (unsigned i = 0; i < fusion->count; i++)
        json_array_append_new(frames, cli_fusion_frame(fusion, i));
    return json_pack("{s:I,s:f,s:[f,f],s:f,s:I,s:o}", "count", (json_int_t)fusion->count,
        "effective_frames", cli_fusion_frames(fusion), "noise", (double)fusion->noise_shot,
        (double)fusion->noise_read, "noise_left", (double)fusion->noise_left, "press_ns",
        (json_int_t)s->press_ns, "frames", frames);
}

static int report_json(const struct live_summary *s)
{
    json_t *object = json_object(), *lanes = json_object();
    for (int i = 0; i < SISP_LANE_COUNT; i++)
        json_object_set_new(
            lanes, sisp_lane_name((enum sisp_lane)i), lane_json(&s->figures.lanes[i]));
    set_count(object, "captured", s->captured);
    set_count(object, "missed", s->missed);
    set_count(object, "lost", s->lost);
    set_count(object, "damaged", s->damaged);
    set_count(object, "ns_total", s->seconds_ns);
    set_count(object, "stills", s->stills);
    set_count(object, "raws", s->raws);
    json_object_set_new(object, "burst", fusion_json(s));
    json_object_set_new(object, "lanes", lanes);
    json_object_set_new(
        object, "cfa_warning", *s->cfa_warning ? json_string(s->cfa_warning) : json_null());
    set_figures(object, &s->figures);
    return cli_json_print("live", object);
}

int live_report(const struct live_options *options, const struct live_summary *summary)
{
    bool is_stdout_taken = (options->preview && strcmp(options->preview, "-") == 0) ||
                           (options->full && strcmp(options->full, "-") == 0);
    if (options->json)
        return report_json(summary);
    report_text(options, summary, is_stdout_taken ? stderr : stdout);
    return is_stdout_taken ? CLI_DONE : cli_flush("live");
}
