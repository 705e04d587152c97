/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers that make no sense, in every field that is a float, and frames at the ends of what there
 * is: refused with a sentence, or the same defined picture each time. The builds with sanitizers
 * see what is undefined. */
#include "single.h"

#include "base/base.h"
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <unistd.h>

struct field {
    const char *name;
    size_t offset;
    unsigned count;
};

/* All that a caller can set, in one place. */
struct wishes {
    struct sisp_session_params params;
    struct sisp_coefficients coefficients;
    struct sisp_submission submission;
    struct sisp_camera_params camera;
    struct sisp_camera_controls controls;
    struct sisp_raw_open_params open;
    struct sisp_exif exif;
};

#define FLOATS(member, total)                                                                      \
    {                                                                                              \
#member, offsetof(struct wishes, member), total                                            \
    }

static const struct field fields[] = {
    FLOATS(params.info.black_level, 4),
    FLOATS(params.info.white_level, 1),
    FLOATS(params.info.as_shot_gains, 3),
    FLOATS(params.info.baseline_exposure_ev, 1),
    FLOATS(params.info.exposure_us, 1),
    FLOATS(params.info.analogue_gain, 1),
    FLOATS(params.info.noise_shot, 1),
    FLOATS(params.info.noise_read, 1),
    FLOATS(params.info.profile.cct_kelvin, 2),
    FLOATS(params.info.profile.color_matrix, 9),
    FLOATS(params.info.profile.forward_matrix, 9),
    FLOATS(params.info.lsc.origin_x, 4),
    FLOATS(params.info.lsc.gain, 4),
    FLOATS(params.params.value, SISP_PARAM_COUNT),
    FLOATS(params.limits.exposure_us_min, 4),
    FLOATS(coefficients.black_level, 4),
    FLOATS(coefficients.white_level, 1),
    FLOATS(coefficients.wb_gains, 3),
    FLOATS(coefficients.clip_level, 1),
    FLOATS(coefficients.ccm, 9),
    FLOATS(coefficients.tone, 3),
    FLOATS(coefficients.lsc.origin_x, 4),
    FLOATS(coefficients.lsc.gain, 4),
    FLOATS(coefficients.noise_shot, 2),
    FLOATS(coefficients.defect_correction, 2),
    FLOATS(coefficients.exposure_ev, 3),
    FLOATS(submission.exposure_us, 2),
    FLOATS(camera.black_level, 4),
    FLOATS(camera.white_level, 1),
    FLOATS(controls.exposure_us, 2),
    FLOATS(open.black_level, 4),
    FLOATS(open.white_level, 1),
};

static const float values[] = {0.0f, -0.0f, -1.0f, NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-45f};

/* ---- one frame ---------------------------------------------------------------------------------
 */

static void describe(struct wishes *wishes, uint32_t width, uint32_t height)
{
    memset(wishes, 0, sizeof(*wishes));
    wishes->params = sisp_session_params_default();
    struct sisp_raw_info *info = &wishes->params.info;
    info->fourcc = sisp_raw_format_find("SRGGB10")->fourcc;
    info->width = width;
    info->height = height;
    info->stride_bytes = 2 * (size_t)width;
    info->crop = (struct sisp_rect){0, 0, width, height};
    info->orientation = 1;
    info->white_level = 1023;
    info->has_as_shot = 1;
    info->profile.count = 2;
    info->profile.has_forward = 1;
    info->lsc.cols = info->lsc.rows = 2;
    info->lsc.step_x = info->lsc.step_y = 1;
    for (unsigned i = 0; i < 3; i++)
        info->as_shot_gains[i] = 1;
    for (unsigned i = 0; i < 2; i++) {
        info->profile.cct_kelvin[i] = i ? 6500 : 2850;
        for (unsigned d = 0; d < 9; d += 4)
            info->profile.color_matrix[i][d] = info->profile.forward_matrix[i][d] = 1;
    }
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        for (unsigned i = 0; i < 4; i++)
            info->lsc.gain[s][i] = 1.25f;
    wishes->params.threads = 1;
    wishes->params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = width, .height = height};
    wishes->params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = width, .height = height};
    wishes->submission.capture_ns = 1;
}

static uint64_t hash_picture(const struct sisp_image *image)
{
    uint64_t hash = 1469598103934665603u;
    for (uint32_t y = 0; y < image->height; y++)
        for (uint32_t i = 0; i < 3 * image->width; i++)
            hash = (hash ^ image->planes[0][y * image->stride_bytes[0] + i]) * 1099511628211u;
    return hash;
}

struct developed {
    int result; /* of create, or the frame's outcome as a positive number */
    uint64_t hash;
    uint8_t darkest, brightest;
    bool has_coefficients;
    struct sisp_coefficients coefficients;
};

static void look(struct developed *out, const struct sisp_result *result)
{
    const struct sisp_image *image = &result->image;
    out->result = (int)result->record.outcome;
    if (!image->planes[0])
        return;
    out->hash = hash_picture(image);
    out->has_coefficients = result->coefficients != NULL;
    if (result->coefficients)
        out->coefficients = *result->coefficients;
    for (uint32_t y = 0; y < image->height; y++)
        for (uint32_t i = 0; i < 3 * image->width; i++) {
            uint8_t value = image->planes[0][y * image->stride_bytes[0] + i];
            out->darkest = value < out->darkest ? value : out->darkest;
            out->brightest = value > out->brightest ? value : out->brightest;
        }
}

/* kind: 0 and 1 flat black and white; others a pattern. */
static void fill(struct sisp_input *input, unsigned kind)
{
    for (size_t i = 0; i + 1 < input->size_bytes; i += 2) {
        unsigned value = (unsigned)(i * 37 + i / 90 * 11) & 1023;
        switch (kind) {
        case 0:
            value = 0;
            break;
        case 1:
            value = 1023;
            break;
        case 2:
            value = 65535; /* above what ten bits hold */
            break;
        case 3:
            value = i / 2 % 2 ? 1023 : 0;
            break;
        case 4:
            value = i == input->size_bytes / 4 * 2 ? 1023 : 0;
            break;
        default:
            break;
        }
        input->samples[i] = (uint8_t)value;
        input->samples[i + 1] = (uint8_t)(value >> 8);
    }
}

static struct developed develop(const struct wishes *wishes, enum sisp_lane lane, unsigned kind)
{
    struct developed out = {.darkest = 255};
    struct sisp_session *session;
    struct sisp_input input;
    struct sisp_result result;
    struct sisp_submission submission = wishes->submission;
    char error[200] = "";
    submission.lane = lane;
    out.result = sisp_session_create(&session, &wishes->params, error, sizeof(error));
    CHECK((out.result < 0) == (error[0] != 0));
    if (out.result)
        return out;
    bool ok = CHECK_EQ(sisp_session_acquire(session, &input), 0);
    if (ok) {
        fill(&input, kind);
        ok = CHECK_EQ(sisp_session_submit(session, &input, &submission), 0);
    }
    if (ok && CHECK_EQ(sisp_session_next(session, &result, SINGLE_WAIT_NS), 0)) {
        look(&out, &result);
        sisp_session_release(session, &result);
    }
    sisp_session_destroy(&session);
    return out;
}

/* ---- fields ------------------------------------------------------------------------------------
 */

static float *field_at(struct wishes *wishes, unsigned number, const struct field **field)
{
    for (unsigned f = 0; f < BASE_COUNT(fields); f++) {
        if (number < fields[f].count) {
            *field = &fields[f];
            return (float *)(void *)((char *)wishes + fields[f].offset) + number;
        }
        number -= fields[f].count;
    }
    return NULL;
}

/* Other structs than the session's: their call answers, and that is all. */
static void try_others(const struct wishes *wishes, const char *path)
{
    static uint8_t samples[64 * 64 * 2];
    struct sisp_camera *camera;
    struct sisp_raw_file *file;
    if (sisp_raw_file_open(&file, path, &wishes->open, NULL, 0) == 0)
        sisp_raw_file_destroy(&file);
    if (sisp_camera_open_fd(&camera, &wishes->camera) == 0)
        sisp_camera_destroy(&camera);
    if (!CHECK_EQ(sisp_camera_open_sim(&camera, &wishes->camera), 0))
        return;
    sisp_camera_set_controls(camera, &wishes->controls);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(sisp_camera_read(camera, samples, sizeof(samples)), 0);
    struct sisp_camera_controls applied = sisp_camera_applied(camera);
    CHECK(isfinite(applied.exposure_us) && isfinite(applied.analogue_gain));
    sisp_camera_destroy(&camera);
}

static void check_twice(const struct wishes *wishes, const struct field *field, float value)
{
    enum sisp_lane lane = value < 0 ? SISP_LANE_BACKGROUND : SISP_LANE_FAST;
    struct developed first = develop(wishes, lane, 5), second = develop(wishes, lane, 5);
    bool is_defined = first.result == second.result && first.hash == second.hash;
    if (!is_defined)
        printf("%s = %g: %d and %d, %016" PRIx64 " and %016" PRIx64 "\n", field->name,
            (double)value, first.result, second.result, first.hash, second.hash);
    CHECK(is_defined);
    if (first.result != SISP_DELIVERED)
        return;
    const struct sisp_coefficients *c = &first.coefficients;
    bool is_sound = first.has_coefficients && c->white_level > c->black_level[0];
    for (unsigned i = 0; i < 9; i++)
        is_sound &= isfinite(c->ccm[i]) && (i > 2 || (c->wb_gains[i] > 0 && c->wb_gains[i] < 16));
    if (!is_sound)
        printf("%s = %g gives coefficients that make no sense\n", field->name, (double)value);
    CHECK(is_sound);
}

/* Every 20th of the fields, with every value. */
static void senseless_fields(struct scenario *scenario)
{
    static struct wishes wishes;
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "a.raw"));
    FILE *raw = fopen(path, "w");
    REQUIRE(raw && ftruncate(fileno(raw), 64 * 64 * 2) == 0 && fclose(raw) == 0);
    unsigned tried = 0;
    for (unsigned number = scenario->number;; number += 20) {
        const struct field *field;
        describe(&wishes, 20, 16);
        if (!field_at(&wishes, number, &field))
            break;
        for (unsigned v = 0; v < BASE_COUNT(values) && single_ok(); v++) {
            describe(&wishes, 20, 16);
            wishes.coefficients = develop(&wishes, SISP_LANE_FAST, 5).coefficients;
            wishes.camera =
                (struct sisp_camera_params){.width = 64, .height = 64, .black_count = 4};
            wishes.open = (struct sisp_raw_open_params){
                .raw_format = "SRGGB10", .width = 64, .height = 64, .black_count = 4};
            wishes.controls = (struct sisp_camera_controls){10000, 2};
            *field_at(&wishes, number, &field) = values[v];
            if (strncmp(field->name, "coefficients", 12) == 0)
                wishes.params.coefficients = &wishes.coefficients;
            if (strncmp(field->name, "camera", 6) == 0 || strncmp(field->name, "co", 2) == 0 ||
                strncmp(field->name, "open", 4) == 0)
                try_others(&wishes, path);
            check_twice(&wishes, field, values[v]);
            tried++;
        }
    }
    CHECK(tried > 20);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static void extreme_frames(struct scenario *scenario)
{
    static struct wishes wishes;
    unsigned kind = scenario->number % 5;
    enum sisp_lane lane = scenario->number / 5 % 2 ? SISP_LANE_BACKGROUND : SISP_LANE_FAST;
    describe(&wishes, 48, 40);
    wishes.params.info.lsc = (struct sisp_lsc_mesh){0};
    /* Exposure and gain that were never known, or 0: nothing may be divided by them. */
    wishes.params.is_live = scenario->number >= 10;
    struct developed first = develop(&wishes, lane, kind), second = develop(&wishes, lane, kind);
    CHECK_EQ(first.result, SISP_DELIVERED);
    CHECK(first.hash == second.hash);
    if (kind <= 2)
        CHECK(first.brightest - first.darkest <= 2);
    if (kind == 0)
        CHECK(first.brightest <= 2);
    if (kind == 1 || kind == 2)
        CHECK(first.darkest >= 250);
}

/* Frames from 1x1 on: a sentence, or a picture of that size that can be written. */
static void odd_sizes(struct scenario *scenario)
{
    static struct wishes wishes;
    unsigned delivered = 0;
    for (unsigned i = 0; i < 10 && single_ok(); i++) {
        uint32_t width = 1 + scenario->number, height = 1 + i + scenario->number % 3;
        describe(&wishes, width, height);
        for (unsigned lane = 0; lane < 2; lane++) {
            struct developed first = develop(&wishes, (enum sisp_lane)lane, 5);
            struct developed second = develop(&wishes, (enum sisp_lane)lane, 5);
            CHECK(first.result == second.result && first.hash == second.hash);
            CHECK(first.result == SISP_DELIVERED || first.result == -EINVAL);
            delivered += first.result == SISP_DELIVERED;
        }
    }
    CHECK(delivered > 0 || scenario->number < 2);
}

/* Instants that make no sense: the frame ends once, whatever it says. */
static void senseless_times(struct scenario *scenario)
{
    static const uint64_t times[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, 1u << 31};
    static struct wishes wishes;
    for (unsigned i = 0; i < BASE_COUNT(times); i++) {
        describe(&wishes, 16 + scenario->number, 16);
        wishes.params.is_live = scenario->number % 2;
        wishes.params.frame_interval_ns = times[scenario->number / 2 % BASE_COUNT(times)];
        wishes.submission.capture_ns = times[scenario->number % BASE_COUNT(times)];
        wishes.submission.deadline_ns = times[i];
        wishes.submission.sequence = times[i];
        struct developed out = develop(&wishes, SISP_LANE_FAST, 5);
        CHECK(out.result < SISP_OUTCOME_COUNT && out.result >= -EINVAL);
    }
}

/* ---- configuration -----------------------------------------------------------------------------
 */

static const char *const hostile[] = {"engine: {lease: .nan}", "engine: {lease: .inf}",
    "engine: {lease: -1}", "engine: {lease: 1e9}", "engine: {slots: 99999999999999999999}",
    "engine: {slots: 0x10}", "engine: {slots: [1, 2]}", "engine: {slots: {a: 1}}", "engine: [1]",
    "engine: 5", "engine: {nothing: 1}", "engine: {slots: 8, slots: 9}", "other: {}", "[[[[[[",
    "a: &a [*a, *a]", "\t", "engine: {slots: !!binary AA}", "%YAML 9.9\n---\nengine: {slots: 8}",
    "--- 1\n--- 2", "\xff\xfe\x00"};

/* Each also a million times over, nested or in a row. */
static void configuration(struct scenario *scenario)
{
    const char *text = hostile[scenario->number % BASE_COUNT(hostile)];
    for (unsigned round = 0; round < 4; round++) {
        const char *path = single_path(scenario, "c.yaml");
        FILE *file = fopen(path, "w");
        REQUIRE(file);
        fputs(round == 2 ? "engine: " : "", file);
        for (unsigned i = 0; i < (round ? 20000u : 0u); i++)
            fputs(round == 1 ? "x: 1\n" : round == 2 ? "{a: " : "[", file);
        fputs(text, file);
        REQUIRE(fclose(file) == 0);
        struct sisp_knobs knobs = {0}, before = {0};
        char error[300] = "";
        int r = sisp_knobs_load(&knobs, path, error, sizeof(error));
        CHECK_EQ(r, -EINVAL);
        CHECK(strstr(error, "c.yaml"));
        CHECK(memcmp(&knobs, &before, sizeof(knobs)) == 0);
    }
}

const struct single single_numbers[] = {
    {"senseless-fields", senseless_fields, 2},
    {"extreme-frames", extreme_frames, 4},
    {"odd-sizes", odd_sizes, 2},
    {"senseless-times", senseless_times, 2},
    {"hostile-configuration", configuration, 2},
    {0},
};
