/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telemetry as files: one CSV row a frame, and beside it one JSON line for each distinct set of
 * coefficients and one CSV row an event. Everything is allocated at open: the telemetry thread
 * writes, it never allocates.
 */
#include "session/telemetry.h"

#include "base/base.h"
#include "base/hash.h"
#include "session/lines.h"
#include "session/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEN_MAX (1u << 16) /* a power of two; past three quarters of it lines may repeat */

struct hash_set {
    struct sisp_hash entries[SEEN_MAX];
    uint32_t count;
};

struct sisp_telemetry {
    struct lines csv, params, events;
    struct hash_set *seen;
    uint64_t session, last_session; /* of the engine's session 0; the highest one yet */
    bool is_abandoned;
};

static const char header[] =
    "session,frame_id,sequence,lane,worker,outcome,reason,capture_ns,accepted_ns,started_ns,"
    "finished_ns,published_ns,deadline_ns,zero_copy,bytes_copied,fallback_used,fallback_from,"
    "fallback_to,fallback_reason,model_hash,seed,plan_token,input_hash,param_hash,"
    "params_generation,output_hash,version,isa,threads,width,height,fourcc,stage_ns\n";

static const char events_header[] =
    "at_ns,event,session,frame_id,slot,grant,worker,reason,number\n";

/* Whether the hash is new; adds it. */
static bool insert(struct hash_set *set, struct sisp_hash hash)
{
    if (set->count >= SEEN_MAX / 4 * 3)
        return true;
    uint32_t at = (uint32_t)hash.low & (SEEN_MAX - 1);
    while (set->entries[at].high || set->entries[at].low) {
        if (set->entries[at].high == hash.high && set->entries[at].low == hash.low)
            return false;
        at = (at + 1) & (SEEN_MAX - 1);
    }
    set->entries[at] = hash;
    set->count++;
    return true;
}

static int open_beside(const char *path, const char *suffix, struct lines *lines)
{
    char name[4096];
    int length = snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (length < 0 || (size_t)length >= sizeof(name))
        return -ENAMETOOLONG;
    return lines_open(lines, name);
}

int sisp_telemetry_open(struct sisp_telemetry **out, const char *path)
{
    *out = NULL;
    struct sisp_telemetry *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->seen = calloc(1, sizeof(*t->seen));
    int r = t->seen ? open_beside(path, "", &t->csv) : -ENOMEM;
    if (r == 0)
        r = open_beside(path, ".params.jsonl", &t->params);
    if (r == 0)
        r = open_beside(path, ".events.csv", &t->events);
    if (r) {
        sisp_telemetry_close(&t);
        return r;
    }
    lines_add(&t->csv, "%s", header);
    lines_end(&t->csv);
    lines_add(&t->events, "%s", events_header);
    lines_end(&t->events);
    *out = t;
    return 0;
}

int sisp_telemetry_close(struct sisp_telemetry **telemetry)
{
    struct sisp_telemetry *t = *telemetry;
    if (!t)
        return 0;
    *telemetry = NULL;
    if (t->is_abandoned)
        return -ETIMEDOUT;
    int csv = lines_close(&t->csv), params = lines_close(&t->params);
    int events = lines_close(&t->events);
    free(t->seen);
    free(t);
    return csv ? csv : params ? params : events;
}

void telemetry_abandon(struct sisp_telemetry *telemetry)
{
    telemetry->is_abandoned = true;
}

void telemetry_begin_session(struct sisp_telemetry *telemetry)
{
    telemetry->session = telemetry->last_session + 1;
    telemetry->last_session = telemetry->session;
}

/* Sessions of one engine and of those after it have numbers of their own in the file. */
static uint64_t number_session(struct sisp_telemetry *t, uint32_t session)
{
    uint64_t number = t->session + session;
    if (number > t->last_session)
        t->last_session = number;
    return number;
}

void sisp_hash_text(struct sisp_hash hash, char text[33])
{
    base_hash_text((struct base_hash){hash.high, hash.low}, text);
}

static void write_floats(struct lines *f, const char *name, const float *values, size_t count)
{
    lines_add(f, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        /* "-0" would be read as a whole number, and those have no negative zero. */
        bool is_minus_zero = values[i] == 0 && signbit(values[i]);
        lines_add(f, "%s%.9g%s", i ? "," : "", (double)values[i], is_minus_zero ? ".0" : "");
    }
    lines_add(f, "]");
}

/* A mesh has thousands of numbers and seldom changes: a line of its own, named by its hash. */
static struct sisp_hash write_mesh(struct sisp_telemetry *t, const struct sisp_lsc_mesh *mesh)
{
    struct base_hash base = base_hash_bytes(mesh, sizeof(*mesh));
    struct sisp_hash hash = {base.high, base.low};
    if (!insert(t->seen, hash))
        return hash;
    char text[33];
    sisp_hash_text(hash, text);
    lines_add(
        &t->params, "{\"lsc_hash\":\"%s\",\"cols\":%u,\"rows\":%u,", text, mesh->cols, mesh->rows);
    const float place[] = {mesh->origin_x, mesh->origin_y, mesh->step_x, mesh->step_y};
    write_floats(&t->params, "place", place, 4);
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++) {
        char name[8];
        snprintf(name, sizeof(name), "gain%u", s);
        lines_add(&t->params, ",");
        write_floats(&t->params, name, mesh->gain[s], (size_t)mesh->cols * mesh->rows);
    }
    lines_add(&t->params, "}\n");
    lines_end(&t->params);
    return hash;
}

static void write_sources(struct lines *f, const struct sisp_coefficients *c)
{
    lines_add(f,
        "\"sources\":{\"wb\":\"%s\",\"ccm\":\"%s\",\"lsc\":\"%s\",\"exposure\":\"%s\","
        "\"black\":\"%s\",\"noise\":\"%s\",\"flicker\":\"%s\"}",
        sisp_source_name(c->wb_source), sisp_source_name(c->ccm_source),
        sisp_source_name(c->lsc_source), sisp_source_name(c->exposure_source),
        sisp_source_name(c->black_source), sisp_source_name(c->noise_source),
        sisp_source_name(c->flicker_source));
}

static void write_bayer(struct lines *f, const struct sisp_coefficients *c)
{
    lines_add(f, "\"defect_correction\":%.9g,\"green_balance\":%.9g,\"defects\":[",
        (double)c->defect_correction, (double)c->green_balance);
    for (uint32_t i = 0; i < c->defect_count; i++)
        lines_add(f, i ? ",[%u,%u]" : "[%u,%u]", c->defects[i].x, c->defects[i].y);
    lines_add(f, "],");
}

static void write_look(struct lines *f, const struct sisp_coefficients *c)
{
    lines_add(f, "\"highlight_recovery\":%u,", c->highlight_recovery);
    lines_add(f, "\"local_tone\":%.9g,\"local_contrast\":%.9g,\"still_sharpness\":%.9g,",
        (double)c->local_tone, (double)c->local_contrast, (double)c->still_sharpness);
}

static void write_burst(struct lines *f, const struct isp_burst_transform *burst)
{
    lines_add(f,
        ",\"burst\":{\"reference\":%u,\"used\":%u,\"noise_shot\":%.9g,\"noise_read\":%.9g,"
        "\"shifts\":[",
        burst->reference, burst->used, (double)burst->noise_shot, (double)burst->noise_read);
    for (unsigned i = 0; i < ISP_BURST_MAX; i++)
        lines_add(f, i ? ",[%d,%d]" : "[%d,%d]", burst->dx[i], burst->dy[i]);
    lines_add(f, "],");
    write_floats(f, "gains", burst->gain, ISP_BURST_MAX);
    lines_add(f, ",");
    write_floats(f, "noises", burst->noise, ISP_BURST_MAX);
    lines_add(f, ",");
    write_floats(f, "residuals", burst->residual, ISP_BURST_MAX);
    lines_add(f, "}");
}

static void write_params(struct sisp_telemetry *t, struct sisp_hash hash, const struct payload *p)
{
    const struct sisp_coefficients *c = &p->coefficients;
    char text[33], mesh[33] = "";
    if (c->lsc.cols)
        sisp_hash_text(write_mesh(t, &c->lsc), mesh);
    sisp_hash_text(hash, text);
    struct lines *f = &t->params;
    lines_add(f,
        "{\"param_hash\":\"%s\",\"lane\":\"%s\",\"format\":\"%s\",\"width\":%u,\"height\":%u,"
        "\"orientation\":\"%s\",",
        text, eng_lane_name(p->path), sisp_pixel_format_name(p->geometry.format), p->geometry.width,
        p->geometry.height, sisp_orientation_name(p->geometry.orientation));
    write_floats(f, "black_level", c->black_level, 4);
    lines_add(f, ",\"white_level\":%.9g,", (double)c->white_level);
    write_floats(f, "wb_gains", c->wb_gains, 3);
    lines_add(f, ",\"clip_level\":%.9g,", (double)c->clip_level);
    write_floats(f, "ccm", c->ccm, 9);
    lines_add(f, ",");
    write_floats(f, "tone", c->tone, SISP_TONE_KNOTS);
    lines_add(f,
        ",\"lsc\":\"%s\",\"noise_shot\":%.9g,\"noise_read\":%.9g,\"demosaic\":\"%s\","
        "\"sharpness\":%.9g,\"denoise_luma\":%.9g,\"denoise_chroma\":%.9g,\"denoise\":%.9g,"
        "\"exposure_ev\":%.9g,"
        "\"color_temperature_"
        "kelvin\":%.9g,\"wb_"
        "confidence\":%.9g,\"black_confidence\":%.9g,\"noise_confidence\":%.9g,",
        mesh, (double)c->noise_shot, (double)c->noise_read, sisp_demosaic_name(c->demosaic),
        (double)c->sharpness, (double)c->denoise_luma, (double)c->denoise_chroma,
        (double)c->denoise, (double)c->exposure_ev, (double)c->color_temperature_kelvin,
        (double)c->wb_confidence, (double)c->black_confidence, (double)c->noise_confidence);
    write_bayer(f, c);
    write_look(f, c);
    lines_add(f, "\"flicker\":\"%s\",\"flicker_period_us\":%.9g,",
        sisp_flicker_name((enum sisp_flicker)c->flicker), (double)c->flicker_period_us);
    write_sources(f, c);
    if (p->transform.used)
        write_burst(f, &p->transform);
    lines_add(f, "}\n");
    lines_end(f);
}

static void write_row(struct sisp_telemetry *t, uint64_t session, const struct sisp_record *r,
    const struct payload *p)
{
    char input[33], param[33], output[33];
    sisp_hash_text(r->input, input);
    sisp_hash_text(r->param, param);
    sisp_hash_text(r->output, output);
    lines_add(&t->csv,
        "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64
        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,%" PRIu64 ",%s,%s,%s,%s,none,%" PRIu64 ",%" PRIu64
        ",%s,%s,%u,%s,%s,%s,%u,%u,%u,%s,",
        session, r->frame_id, r->sequence, sisp_lane_name(r->lane), r->worker,
        sisp_outcome_name(r->outcome), sisp_reason_name(r->reason), r->capture_ns, r->accepted_ns,
        r->started_ns, r->finished_ns, r->published_ns, r->deadline_ns,
        r->zero_copy ? "true" : "false", r->bytes_copied, r->fallback_used ? "true" : "false",
        r->fallback_from, r->fallback_to,
        r->fallback_used ? sisp_reason_name(r->fallback_reason) : "", r->seed, r->plan_token, input,
        param, p ? p->params_generation : 0, output, sisp_version(), r->isa, r->threads,
        p ? p->geometry.width : 0, p ? p->geometry.height : 0,
        p ? sisp_pixel_format_name(p->geometry.format) : "");
    for (unsigned i = 0; i < r->timing_count; i++)
        lines_add(
            &t->csv, i ? ";%s=%" PRIu64 : "%s=%" PRIu64, r->timings[i].name, r->timings[i].ns);
    lines_add(&t->csv, "\n");
    lines_end(&t->csv);
}

void telemetry_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes)
{
    struct sisp_telemetry *t = user;
    struct sisp_record record;
    telemetry_record(&record, row);
    bool is_picture = row->outcome == ENG_DELIVERED && size_bytes >= sizeof(struct payload);
    const struct payload *payload = is_picture && payload_is_sound(blob) ? blob : NULL;
    if (payload && insert(t->seen, record.param))
        write_params(t, record.param, payload);
    write_row(t, number_session(t, row->session), &record, payload);
}

static void write_known(struct lines *f, uint32_t number)
{
    if (number != ENG_NONE)
        lines_add(f, "%u", number);
    lines_add(f, ",");
}

void telemetry_event(void *user, const struct eng_event *event)
{
    struct sisp_telemetry *t = user;
    lines_add(&t->events, "%" PRIu64 ",%s,", event->at_ns, eng_event_name(event->type));
    if (event->session != ENG_NONE)
        lines_add(&t->events, "%" PRIu64, number_session(t, event->session));
    lines_add(&t->events, ",");
    if (event->frame_id)
        lines_add(&t->events, "%" PRIu64, event->frame_id);
    lines_add(&t->events, ",");
    write_known(&t->events, event->slot);
    if (event->grant)
        lines_add(&t->events, "%" PRIu64, event->grant);
    lines_add(&t->events, ",%s,%s,%" PRIu64 "\n",
        event->worker < PIPELINE_WORKERS ? pipeline_worker_names[event->worker] : "",
        eng_reason_name(event->reason), event->number);
    lines_end(&t->events);
}

/* The engine's enumerations and the public ones are the same lists; these lines keep them so. */
_Static_assert((int)ENG_LANE_FLOOR == (int)SISP_LANE_FLOOR, "lanes");
_Static_assert((int)ENG_LANE_COUNT == (int)SISP_LANE_COUNT, "lanes");
_Static_assert((int)ENG_DELIVERED == (int)SISP_DELIVERED, "outcomes");
_Static_assert((int)ENG_FAILED == (int)SISP_FAILED, "outcomes");
_Static_assert((int)ENG_OUTCOME_COUNT == (int)SISP_OUTCOME_COUNT, "outcomes");
_Static_assert((int)ENG_REASON_COUNT <= SISP_REASON_COUNT, "reasons");
_Static_assert((int)ENG_EVENT_COUNT <= SISP_EVENT_COUNT, "events");
_Static_assert(ENG_TIMINGS_MAX == SISP_TIMINGS_MAX, "timings");
_Static_assert(
    ENG_TIMING_NAME_BYTES == sizeof(((struct sisp_timing *)0)->name), "names of timings");

const char *sisp_lane_name(enum sisp_lane lane)
{
    return eng_lane_name((enum eng_lane)lane);
}

const char *sisp_outcome_name(enum sisp_outcome outcome)
{
    return eng_outcome_name((enum eng_outcome)outcome);
}

const char *sisp_reason_name(unsigned reason)
{
    return reason < ENG_REASON_COUNT ? eng_reason_name((enum eng_reason)reason) : NULL;
}

const char *sisp_event_name(unsigned event)
{
    return event < ENG_EVENT_COUNT ? eng_event_name((enum eng_event_type)event) : NULL;
}

static struct sisp_hash hash_of(struct eng_digest digest)
{
    return (struct sisp_hash){digest.high, digest.low};
}

void telemetry_record(struct sisp_record *out, const struct eng_row *row)
{
    /* A worker's number: only the names that exist are shown. */
    const char *isa = row->outcome == ENG_DELIVERED ? sisp_isa_name(row->isa) : NULL;
    *out = (struct sisp_record){
        .session = row->session,
        .frame_id = row->frame_id,
        .sequence = row->sequence,
        .lane = (enum sisp_lane)row->lane,
        .worker = row->worker,
        .outcome = (enum sisp_outcome)row->outcome,
        .reason = row->reason,
        .capture_ns = row->capture_ns,
        .accepted_ns = row->accepted_ns,
        .started_ns = row->started_ns,
        .finished_ns = row->finished_ns,
        .published_ns = row->published_ns,
        .deadline_ns = row->deadline_ns,
        .zero_copy = row->zero_copy,
        .bytes_copied = row->bytes_copied,
        .fallback_used = row->fallback_used,
        .fallback_from = row->fallback_from,
        .fallback_to = row->fallback_to,
        .fallback_reason = row->fallback_reason,
        .seed = row->seed,
        .plan_token = row->plan_token,
        .input = hash_of(row->input),
        .param = hash_of(row->param),
        .output = hash_of(row->output),
        .isa = isa ? isa : "",
        .threads = row->threads,
        .timing_count = row->timing_count,
    };
    for (unsigned i = 0; i < row->timing_count && i < SISP_TIMINGS_MAX; i++) {
        memcpy(out->timings[i].name, row->timings[i].name, ENG_TIMING_NAME_BYTES);
        out->timings[i].ns = row->timings[i].ns;
    }
}

void telemetry_show_event(struct sisp_event *out, const struct eng_event *event)
{
    *out = (struct sisp_event){
        .type = event->type,
        .reason = event->reason,
        .at_ns = event->at_ns,
        .frame_id = event->frame_id,
        .grant = event->grant,
        .number = event->number,
        .session = event->session,
        .slot = event->slot,
        .worker = event->worker < PIPELINE_WORKERS ? pipeline_worker_names[event->worker] : "",
    };
}

void telemetry_figures(struct sisp_figures *out, const struct eng_figures *in)
{
    *out = (struct sisp_figures){
        .refused = in->refused,
        .used_bytes = in->used_bytes,
        .reserved_bytes = in->reserved_bytes,
        .quota_bytes = in->quota_bytes,
        .token_transfer_fail_count = in->token_transfer_fail_count,
        .packet_epoch_mismatch = in->packet_epoch_mismatch,
        .late_completion_dropped = in->late_completion_dropped,
        .waitingq_depth = in->waitingq_depth,
        .quarantined = in->quarantined,
        .pins = in->pins,
        .telemetry_written = in->telemetry_written,
        .telemetry_dropped = in->telemetry_dropped,
        .events_dropped = in->events_dropped,
        .degraded = in->degraded,
    };
    memcpy(out->events, in->events, sizeof(in->events));
    for (unsigned i = 0; i < SISP_LANE_COUNT; i++) {
        struct sisp_lane_figures *lane = &out->lanes[i];
        const struct eng_lane_figures *from = &in->lanes[i];
        lane->accepted = from->accepted;
        memcpy(lane->outcomes, from->outcomes, sizeof(from->outcomes));
        memcpy(lane->reasons, from->reasons, sizeof(from->reasons));
        memcpy(lane->drops, from->drops, sizeof(from->drops));
        lane->depth = from->depth;
        lane->fallbacks = from->fallbacks;
        lane->zero_copies = from->zero_copies;
        lane->latency_p50_ns = from->latency_p50_ns;
        lane->latency_p99_ns = from->latency_p99_ns;
        lane->latency_max_ns = from->latency_max_ns;
    }
}
