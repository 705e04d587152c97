/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One raw file through a session to one picture file. */
#include "develop.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ERROR_BYTES    512
#define RESULT_WAIT_NS UINT64_C(60000000000)

/* Everything one input needs until it is done. */
struct one {
    const struct develop_options *options;
    const char *input;
    const struct develop_target *target;
    struct sisp_raw_file *file;
    struct sisp_session *session;
    bool has_imports; /* it can read buffers of others */
    struct sisp_result result;
    char error[ERROR_BYTES];
    uint64_t start_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_input(struct one *one)
{
    struct sisp_raw_open_params params = one->options->raw.open;
    params.is_early = 1; /* the session is made meanwhile */
    int r = sisp_raw_file_open(&one->file, one->input, &params, one->error, sizeof(one->error));
    return r ? CLI_INPUT_FAILED : CLI_DONE;
}

/* A video's picture is remade in the format that it had. */
static enum sisp_pixel_format find_format(const struct one *one)
{
    const struct develop_options *o = one->options;
    if (one->target->writer)
        return o->depth == 16 ? SISP_PIXEL_RGBA64 : SISP_PIXEL_RGB24;
    if (o->coefficients && o->remake.format == SISP_PIXEL_YUYV)
        return SISP_PIXEL_YUYV;
    const bool is_deep = o->coefficients ? o->remake.format == SISP_PIXEL_P010 : o->depth == 10;
    return is_deep ? SISP_PIXEL_P010 : SISP_PIXEL_NV12;
}

/* Workers that are processes read what is the session's own. */
static bool has_imports(const struct sisp_knobs *knobs)
{
    const int isolation = sisp_knob_find("isolation");
    return isolation >= 0 && knobs->value[isolation] == 0;
}

static int open_session(struct one *one)
{
    const struct develop_options *o = one->options;
    struct sisp_session_params params = sisp_session_params_default();
    params.info = *sisp_raw_file_info(one->file);
    params.params = o->params;
    params.threads = o->threads;
    params.isa = o->isa;
    params.telemetry = o->telemetry;
    struct sisp_knobs knobs = cli_knobs(&o->knobs);
    params.knobs = &knobs;
    params.raws_max = one->target->is_dng;
    one->has_imports = has_imports(&knobs);
    params.imports_max = one->has_imports;
    params.output_memory = one->has_imports ? SISP_MEMORY_PRIVATE : SISP_MEMORY_MEMFD;
    params.tuning = o->tuning.path ? &o->tuning.tuning : NULL;
    struct sisp_picture_params picture = {
        .format = find_format(one),
        .width = params.info.crop.width,
        .height = params.info.crop.height,
    };
    if (o->coefficients) {
        params.coefficients = &o->remake.coefficients;
        if (o->is_fast) {
            picture.width = o->remake.width;
            picture.height = o->remake.height;
        }
    }
    if (o->is_fast)
        picture.orientation = o->coefficients ? o->remake.orientation : o->orientation;
    if (!o->coefficients && picture.orientation & SISP_ORIENTATION_TRANSPOSE) {
        picture.width = params.info.crop.height;
        picture.height = params.info.crop.width;
    }
    *(o->is_fast ? &params.preview : &params.still) = picture;
    int r = sisp_session_create(&one->session, &params, one->error, sizeof(one->error));
    return r ? CLI_INPUT_FAILED : CLI_DONE;
}

/* Read where the decoder left it, or copied. */
static int take_input(struct one *one, struct sisp_input *input, uint64_t *bytes_copied)
{
    struct sisp_buffer buffer;
    *bytes_copied = 0;
    if (one->has_imports && sisp_raw_file_buffer(one->file, &buffer) == 0)
        return sisp_session_import(one->session, &buffer, input, NULL, 0);
    int r = sisp_session_acquire(one->session, input);
    if (r)
        return r;
    memcpy(input->samples, sisp_raw_file_samples(one->file), input->size_bytes);
    *bytes_copied = input->size_bytes;
    return 0;
}

static int develop(struct one *one)
{
    const struct sisp_raw_info *info = sisp_raw_file_info(one->file);
    struct sisp_input input;
    uint64_t bytes_copied;
    if (sisp_raw_file_wait(one->file, one->error, sizeof(one->error)) != 0)
        return CLI_INPUT_FAILED;
    int r = take_input(one, &input, &bytes_copied);
    if (r == 0) {
        struct sisp_submission submission = {
            .lane = one->options->is_fast ? SISP_LANE_FAST : SISP_LANE_BACKGROUND,
            .bytes_copied = bytes_copied,
            .exposure_us = info->exposure_us,
            .analogue_gain = info->analogue_gain,
        };
        r = sisp_session_submit(one->session, &input, &submission);
    }
    if (r == 0)
        r = sisp_session_next(one->session, &one->result, RESULT_WAIT_NS);
    if (r) {
        snprintf(one->error, sizeof(one->error), "the engine gave no picture: %s", strerror(-r));
        return CLI_INTERNAL;
    }
    const struct sisp_record *record = &one->result.record;
    if (!one->result.image.planes[0]) {
        snprintf(one->error, sizeof(one->error), "the picture was %s (%s)",
            sisp_outcome_name(record->outcome), sisp_reason_name(record->reason));
        return CLI_INPUT_FAILED;
    }
    return CLI_DONE;
}

static int write_y4m(struct one *one)
{
    struct sisp_video_writer *writer;
    const struct sisp_image *image = &one->result.image;
    const struct sisp_video_params params = {image->format, image->width, image->height, 1, 1};
    int r =
        sisp_video_writer_open(&writer, one->target->path, &params, one->error, sizeof(one->error));
    if (r)
        return r;
    r = sisp_video_writer_write(writer, image);
    int closed = sisp_video_writer_close(&writer);
    r = r ? r : closed;
    if (r)
        snprintf(one->error, sizeof(one->error), "%s", strerror(-r));
    return r;
}

/* What is left to the writer: the file's own orientation, and all of a still. */
static uint32_t find_orientation(const struct one *one)
{
    const struct develop_options *o = one->options;
    const uint32_t own = o->no_orient ? 1 : sisp_raw_file_info(one->file)->orientation;
    return sisp_orientation_exif(o->is_fast ? SISP_ORIENTATION_ROTATE_0 : o->orientation, own);
}

/* The frame as it came, with what is known of it, and the picture as a thumbnail. */
static int write_dng(struct one *one)
{
    static struct sisp_raw_info info; /* holds a whole lens shading mesh: not for the stack */
    const struct develop_options *o = one->options;
    const struct sisp_tuning *tuning = o->tuning.path ? &o->tuning.tuning : NULL;
    int r = sisp_result_raw_info(&one->result, sisp_raw_file_info(one->file), tuning, &info);
    if (r) {
        snprintf(one->error, sizeof(one->error), "%s", strerror(-r));
        return r;
    }
    info.orientation = find_orientation(one);
    return sisp_write_dng(one->target->path, &info, one->result.raw.samples, &one->result.image,
        one->error, sizeof(one->error));
}

static int write_output(struct one *one)
{
    if (!one->target->writer)
        return write_y4m(one) ? CLI_OUTPUT_FAILED : CLI_DONE;
    if (one->target->is_dng)
        return write_dng(one) ? CLI_OUTPUT_FAILED : CLI_DONE;

    const struct sisp_raw_info *info = sisp_raw_file_info(one->file);
    const float *values = one->options->params.value;
    struct sisp_write_params params = {
        .exif = &info->exif,
        .orientation = find_orientation(one),
        .threads = one->result.record.threads,
        /* Linear or camera colours are not sRGB: a profile would lie. */
        .is_srgb = values[SISP_PARAM_COLOR] == 0 && values[SISP_PARAM_TONE] == 0,
    };
    int r = sisp_write_image(one->target->writer, one->target->path, &one->result.image, &params,
        one->error, sizeof(one->error));
    return r ? CLI_OUTPUT_FAILED : CLI_DONE;
}

static void add_hash(json_t *object, const char *key, struct sisp_hash hash)
{
    char text[33];
    sisp_hash_text(hash, text);
    json_object_set_new(object, key, json_string(text));
}

static void describe_info(json_t *object, const struct one *one)
{
    const struct sisp_raw_info *info = sisp_raw_file_info(one->file);
    const struct sisp_image *image = &one->result.image;
    bool is_turned = one->target->writer && find_orientation(one) >= 5;
    json_object_set_new(object, "width", json_integer(is_turned ? image->height : image->width));
    json_object_set_new(object, "height", json_integer(is_turned ? image->width : image->height));
    json_object_set_new(object, "crop",
        json_pack("[I,I,I,I]", (json_int_t)info->crop.x, (json_int_t)info->crop.y,
            (json_int_t)info->crop.width, (json_int_t)info->crop.height));
    json_object_set_new(object, "cfa", json_string(sisp_cfa_name(sisp_raw_info_format(info)->cfa)));
    struct sisp_cfa_check check;
    char text[256];
    sisp_cfa_check(info, sisp_raw_file_samples(one->file), &check);
    bool is_wrong = sisp_cfa_check_text(&check, text, sizeof(text)) != NULL;
    json_object_set_new(object, "cfa_warning", is_wrong ? json_string(text) : json_null());
    if (info->has_optical_black)
        json_object_set_new(
            object, "optical_black", cli_json_floats(info->optical_black, SISP_SITE_COUNT));
}

static void describe_coefficients(json_t *object, const struct sisp_coefficients *c)
{
    json_object_set_new(object, "black", cli_json_floats(c->black_level, SISP_SITE_COUNT));
    json_object_set_new(object, "black_source", json_string(sisp_source_name(c->black_source)));
    json_object_set_new(object, "white", json_real((double)c->white_level));
    json_object_set_new(
        object, "noise", json_pack("[f,f]", (double)c->noise_shot, (double)c->noise_read));
    json_object_set_new(object, "noise_source", json_string(sisp_source_name(c->noise_source)));
    json_object_set_new(object, "noise_confidence", json_real((double)c->noise_confidence));
    json_object_set_new(object, "wb_gains", cli_json_floats(c->wb_gains, 3));
    json_object_set_new(object, "wb_source", json_string(sisp_source_name(c->wb_source)));
    json_object_set_new(object, "wb_confidence", json_real((double)c->wb_confidence));
    json_object_set_new(object, "cct", json_real((double)c->color_temperature_kelvin));
    json_object_set_new(object, "ccm", cli_json_floats(c->ccm, 9));
    json_object_set_new(object, "exposure_ev", json_real((double)c->exposure_ev));
}

static int print_json(const struct one *one, int code)
{
    const struct sisp_record *record = &one->result.record;
    json_t *object = json_object();
    json_object_set_new(object, "input", cli_json_name(one->input));
    json_object_set_new(object, "output", cli_json_name(one->target->path));
    json_object_set_new(object, "ok", json_boolean(code == CLI_DONE));
    json_object_set_new(object, "error", code ? cli_json_name(one->error) : json_null());
    static const char *const known_with_a_picture[] = {"width", "height", "crop", "cfa",
        "cfa_warning", "black", "black_source", "optical_black", "white", "noise", "noise_source",
        "noise_confidence", "wb_gains", "wb_source", "wb_confidence", "cct", "ccm", "exposure_ev",
        "isa", "threads", "input_hash", "param_hash", "output_hash"};
    for (size_t i = 0; i < sizeof(known_with_a_picture) / sizeof(known_with_a_picture[0]); i++)
        json_object_set_new(object, known_with_a_picture[i], json_null());
    if (one->result.image.planes[0]) {
        describe_info(object, one);
        describe_coefficients(object, one->result.coefficients);
        json_object_set_new(object, "isa", json_string(record->isa));
        json_object_set_new(object, "threads", json_integer(record->threads));
        add_hash(object, "input_hash", record->input);
        add_hash(object, "param_hash", record->param);
        add_hash(object, "output_hash", record->output);
    }
    json_object_set_new(object, "ns_total", json_integer((json_int_t)(now_ns() - one->start_ns)));
    return cli_json_print("develop", object);
}

int develop_one(
    const struct develop_options *options, const char *input, const struct develop_target *target)
{
    struct one one = {.options = options, .input = input, .target = target, .start_ns = now_ns()};
    int code = open_input(&one);
    if (code == CLI_DONE)
        code = open_session(&one);
    if (code == CLI_DONE)
        code = develop(&one);
    if (code == CLI_DONE)
        code = write_output(&one);
    if (code)
        cli_error("develop", "%s: %s", code == CLI_OUTPUT_FAILED ? target->path : input, one.error);
    int printed = options->json ? print_json(&one, code) : CLI_DONE;
    code = code ? code : printed;
    if (one.session)
        sisp_session_release(one.session, &one.result);
    sisp_session_destroy(&one.session);
    sisp_raw_file_destroy(&one.file);
    return code;
}
