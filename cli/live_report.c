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
    if (s->figures.degraded)
        fputs("degraded: a worker hangs and keeps its slot\n", f);
    if (o->preview && strcmp(o->preview, "-") != 0)
        fprintf(f, "preview: %s\n", o->preview);
    if (s->stills)
        fprintf(f, "still: %s\n", s->still_path);
    if (o->raw_folder)
        fprintf(f, "raw frames: %s\n", o->raw_folder);
    if (o->telemetry_path)
        fprintf(f, "telemetry: %s, %s.params.jsonl\n", o->telemetry_path, o->telemetry_path);
}

static json_t *lane_json(const struct sisp_lane_figures *lane)
{
    json_t *reasons = json_object(), *outcomes = json_object();
    for (unsigned i = 1; i < SISP_REASON_COUNT && sisp_reason_name(i); i++) {
        if (lane->reasons[i])
            json_object_set_new(
                reasons, sisp_reason_name(i), json_integer((json_int_t)lane->reasons[i]));
    }
    for (int i = 0; i < SISP_OUTCOME_COUNT; i++)
        json_object_set_new(outcomes, sisp_outcome_name((enum sisp_outcome)i),
            json_integer((json_int_t)lane->outcomes[i]));
    return json_pack("{s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I}", "frames", (json_int_t)lane->accepted,
        "outcomes", outcomes, "reasons", reasons, "fallbacks", (json_int_t)lane->fallbacks,
        "zero_copies", (json_int_t)lane->zero_copies, "latency_p50_ns",
        (json_int_t)lane->latency_p50_ns, "latency_p99_ns", (json_int_t)lane->latency_p99_ns,
        "latency_max_ns", (json_int_t)lane->latency_max_ns);
}

static int report_json(const struct live_summary *s)
{
    json_t *lanes = json_object();
    for (int i = 0; i < SISP_LANE_COUNT; i++)
        json_object_set_new(
            lanes, sisp_lane_name((enum sisp_lane)i), lane_json(&s->figures.lanes[i]));
    const struct sisp_figures *f = &s->figures;
    return cli_json_print(
        "live", json_pack("{s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:b}", "captured",
                    (json_int_t)s->captured, "missed", (json_int_t)s->missed, "ns_total",
                    (json_int_t)s->seconds_ns, "stills", (json_int_t)s->stills, "lanes", lanes,
                    "used_bytes", (json_int_t)f->used_bytes, "reserved_bytes",
                    (json_int_t)f->reserved_bytes, "quota_bytes", (json_int_t)f->quota_bytes,
                    "telemetry_written", (json_int_t)f->telemetry_written, "telemetry_dropped",
                    (json_int_t)f->telemetry_dropped, "degraded", f->degraded));
}

int live_report(const struct live_options *options, const struct live_summary *summary)
{
    bool is_stdout_taken = options->preview && strcmp(options->preview, "-") == 0;
    if (options->json)
        return report_json(summary);
    report_text(options, summary, is_stdout_taken ? stderr : stdout);
    return is_stdout_taken ? CLI_DONE : cli_flush("live");
}
