/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base.h"
#include "base/prng.h"
#include "camera/camera.h"
#include "camera/sim/control.h"
#include "camera/sim/lamp.h"
#include "camera/sim/lens.h"
#include "camera/sim/options.h"
#include "camera/sim/paint.h"
#include "camera/sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HOT_MAX         512
#define SAMPLES_A_HOT   40000
#define INTERVAL_US_MIN 100 /* 10000 fps */

struct sim_camera {
    struct sisp_camera camera;
    const struct sisp_raw_format *format;
    struct sim_view {
        struct scene scene;
        struct lens_filter filter;
        uint16_t *shading; /* sqrt of transmission of every sample */
    } views[2];            /* under the first light and, if it changes, the second */
    uint32_t fps_num, fps_den;
    struct control control;
    struct sim_options options;
    struct lamp lamp;
    int16_t *noise;
    uint16_t *scene_buffer, *codes; /* a row each */
    struct sim_hot_pixel hot[HOT_MAX];
    uint32_t hot_count;
};

/* ---- hot pixels -------------------------------------------------------------------------- */

static int compare_hot(const void *a, const void *b)
{
    const struct sim_hot_pixel *p = a, *q = b;
    return p->y != q->y ? (p->y > q->y) - (p->y < q->y) : (p->x > q->x) - (p->x < q->x);
}

static void place_hot_pixels(struct sim_camera *camera, struct base_prng *prng)
{
    const struct sisp_raw_info *info = &camera->camera.info;
    uint32_t count = info->width * info->height / SAMPLES_A_HOT + 4;
    camera->hot_count = count < HOT_MAX ? count : HOT_MAX;
    for (uint32_t i = 0; i < camera->hot_count; i++) {
        camera->hot[i] = (struct sim_hot_pixel){
            .x = (uint16_t)base_prng_below(prng, info->width),
            .y = (uint16_t)base_prng_below(prng, info->height),
            .level_per_ms = (float)(100 + base_prng_below(prng, 1500)),
        };
    }
    qsort(camera->hot, camera->hot_count, sizeof(camera->hot[0]), compare_hot);
}

/* Adds to the codes of row y; `hot` is the first pixel not yet done, and so is the result. */
static uint32_t apply_hot_pixels(struct sim_camera *camera, uint32_t y, uint32_t hot)
{
    const struct sisp_camera_controls *applied = &camera->camera.applied;
    unsigned depth = camera->format->bits < 15 ? camera->format->bits : 15;
    uint32_t white = (1u << depth) - 1;
    float ms = applied->exposure_us * applied->analogue_gain / 1000;
    for (; hot < camera->hot_count && camera->hot[hot].y == y; hot++) {
        uint16_t *code = &camera->codes[camera->hot[hot].x];
        uint32_t sum = *code + ((uint32_t)(camera->hot[hot].level_per_ms * ms) >> (15 - depth));
        *code = (uint16_t)(sum < white ? sum : white);
    }
    return hot;
}

/* ---- frames ------------------------------------------------------------------------------ */

static const struct sim_view *view_of(const struct sim_camera *camera, uint64_t frame)
{
    const struct sim_light *step = &camera->options.illuminant_step;
    return &camera->views[step->is_set && frame >= step->frame];
}

static const struct scene *scene_of(const struct sim_camera *camera, uint64_t frame)
{
    return &view_of(camera, frame)->scene;
}

static struct sisp_camera_frame frame_at(const struct sim_camera *camera, uint64_t sequence)
{
    unsigned __int128 ns = (unsigned __int128)(sequence + 1) * 1000000000 * camera->fps_den;
    return (struct sisp_camera_frame){
        .sequence = sequence, .start_ns = (uint64_t)(ns / camera->fps_num)};
}

static bool is_lost(const struct sim_camera *camera, uint64_t sequence)
{
    const struct sim_step *gap = &camera->options.gap;
    if (gap->is_set && sequence >= gap->frame && sequence - gap->frame < (uint64_t)gap->value)
        return true;
    struct base_prng prng = {camera->views[0].scene.seed ^ ~sequence * 0xa0761d6478bd642fu};
    return base_prng_below(&prng, 1000000) < (uint32_t)(camera->options.drop_percent * 10000);
}

/* Half of the way after drift-time, all of it in the end. */
static double black_drift(const struct sim_camera *camera, const struct sisp_camera_frame *frame)
{
    double time_s = (double)frame->start_ns / 1e9;
    return camera->options.black_drift * time_s / (time_s + camera->options.drift_time_s);
}

static double row_light(
    const struct sim_camera *camera, const struct sisp_camera_frame *frame, uint32_t y, float us)
{
    const struct sim_step *step = &camera->options.light_step;
    if (y < camera->options.dark_rows)
        return 0;
    bool is_stepped = step->is_set && frame->sequence >= step->frame;
    double steady = lamp_exp2(is_stepped ? step->value : camera->options.light_ev);
    uint64_t exposure_ns = (uint64_t)((double)us * 1000 + 0.5);
    uint64_t end_ns = frame->start_ns + (uint64_t)y * camera->control.line_ns;
    uint64_t start_ns = end_ns > exposure_ns ? end_ns - exposure_ns : 0;
    return steady * lamp_mean(&camera->lamp, start_ns, exposure_ns);
}

static struct sensor_exposure row_exposure(const struct sim_camera *camera, uint32_t y)
{
    const struct sisp_camera *base = &camera->camera;
    double light = row_light(camera, &base->frame, y, base->applied.exposure_us);
    return sensor_exposure(
        &base->applied, light, black_drift(camera, &base->frame), camera->format->bits);
}

/* Lost frames take their time and their requests with them. */
static void next_frame(struct sim_camera *camera)
{
    struct sisp_camera *base = &camera->camera;
    do {
        base->frame = frame_at(camera, base->next++);
        base->applied = control_frame(&camera->control, base->frame.sequence);
    } while (is_lost(camera, base->frame.sequence));
}

static int read_frame(struct sisp_camera *base, uint8_t *samples)
{
    struct sim_camera *camera = (struct sim_camera *)base;
    const struct sisp_raw_info *info = &base->info;
    next_frame(camera);
    uint64_t sequence = base->frame.sequence;
    const struct sim_view *view = view_of(camera, sequence);
    struct scene_place place = scene_place(&view->scene, sequence);
    struct base_prng prng = {view->scene.seed ^ (sequence + 1) * 0xd1342543de82ef95u};
    uint32_t hot = 0;
    struct sensor_exposure exposure = row_exposure(camera, 0);
    for (uint32_t y = 0; y < info->height; y++) {
        if (camera->lamp.mains_mhz || y == camera->options.dark_rows)
            exposure = row_exposure(camera, y);
        struct sensor_row row = {
            .roots = scene_row(&view->scene, &place, y, camera->scene_buffer),
            .shading = view->shading + (size_t)y * info->width,
            .noise_shot = camera->noise + base_prng_below(&prng, NOISE_COUNT),
            .noise_read = camera->noise + base_prng_below(&prng, NOISE_COUNT),
        };
        sensor_expose(&exposure, &row, camera->codes, info->width);
        hot = apply_hot_pixels(camera, y, hot);
        sensor_pack(camera->format, camera->codes, info->width, samples + y * info->stride_bytes);
    }
    return 0;
}

static void set_controls(struct sisp_camera *base, const struct sisp_camera_controls *controls)
{
    control_request(&((struct sim_camera *)base)->control, controls);
}

static void destroy(struct sisp_camera *base)
{
    struct sim_camera *camera = (struct sim_camera *)base;
    for (unsigned i = 0; i < 2; i++) {
        scene_finish(&camera->views[i].scene);
        free(camera->views[i].shading);
    }
    free(camera->noise);
    free(camera->scene_buffer);
    free(camera->codes);
    free(camera);
}

static const struct camera_ops sim_ops = {
    .read = read_frame, .set_controls = set_controls, .destroy = destroy};

/* ---- open -------------------------------------------------------------------------------- */

/* As DNG has it: two lights for a sensor that is not linear in XYZ. */
static void fill_profile(struct sisp_color_profile *profile, unsigned sensor)
{
    static const char *const lights[2] = {"A", "D65"};
    static const float cct_kelvin[2] = {2856, 6504};
    struct spectra_curves curves = spectra_curves(sensor);
    struct spectrum light;
    profile->count = sensor ? 2 : 1;
    for (unsigned i = 0, k = sensor ? 0 : 1; k < 2; i++, k++) {
        if (!spectra_light(lights[k], &light))
            abort();
        profile->cct_kelvin[i] = cct_kelvin[k];
        spectra_color_matrix(&curves, &light, profile->color_matrix[i]);
    }
}

static void fill_info(struct sisp_raw_info *info, unsigned bits, unsigned sensor)
{
    float black = (float)(1u << bits) * SENSOR_BLACK / 32768;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        info->black_level[i] = black;
    /* At gain 1; shot noise grows with the gain, read noise with its square. Rounding to codes
     * adds 1/12 code^2. */
    float full = (info->white_level - black) * 32768 / (float)(1u << bits);
    float unit = SENSOR_FULL / (float)SENSOR_FULL_WELL_ELECTRONS;
    float read = (float)SENSOR_READ_NOISE_ELECTRONS * unit, code = 32768 / (float)(1u << bits);
    info->noise_shot = unit / full;
    info->noise_read = (read * read + code * code / 12) / (full * full);
    fill_profile(&info->profile, sensor);
    snprintf(info->exif.make, sizeof(info->exif.make), "SoftISP");
    snprintf(info->exif.model, sizeof(info->exif.model), "simulated camera");
    lens_fill_mesh(info);
}

static int refuse(char *error, size_t error_size, const char *why)
{
    snprintf(error, error_size, "%s", why);
    return -EINVAL;
}

/* All that the parameters say but the pixels. */
static int configure(struct sim_camera *camera, const struct sisp_camera_params *params,
    char *error, size_t error_size)
{
    bool is_default = params->fps_num == 0 && params->fps_den == 0;
    double num = camera->fps_num = is_default ? 30 : params->fps_num;
    double den = camera->fps_den = is_default ? 1 : params->fps_den;
    struct sim_options *options = &camera->options;
    camera->format = camera_info_init(&camera->camera.info, params);
    if (!camera->format)
        return refuse(error, error_size, "sides are even, 64 to 8192, the format one of V4L2's");
    if (camera->format->is_mono)
        return refuse(error, error_size, "the simulated camera has a colour filter array");
    if (num == 0 || den == 0 || den / num * 1e6 < INTERVAL_US_MIN)
        return refuse(error, error_size, "the frame rate is at most 10000 fps");
    if (!sim_options_parse(options, params->options, error, error_size))
        return -EINVAL;
    if (options->dark_rows % 2)
        return refuse(error, error_size, "dark-rows: it is an even number");
    camera->camera.info.height += options->dark_rows;
    camera->camera.info.crop.y = options->dark_rows;
    if (options->dark_rows)
        camera->camera.info.dark =
            (struct sisp_rect){0, 0, camera->camera.info.width, options->dark_rows};
    uint32_t height = camera->camera.info.height;
    if (!control_init(&camera->control, options, height, den / num * 1e6)) {
        snprintf(error, error_size, "line: %u rows at this pace take longer than a frame", height);
        return -EINVAL;
    }
    camera->lamp = (struct lamp){
        (uint32_t)(options->lamp_hz * 1000 + 0.5), (enum lamp_wave)options->wave, options->depth};
    camera->camera.limits = control_limits(&camera->control);
    return 0;
}

int sisp_camera_sim_check(const struct sisp_camera_params *params, char *error, size_t error_size)
{
    struct sim_camera camera = {0};
    return configure(&camera, params, error, error_size);
}

static int paint_view(struct sim_camera *camera, struct sim_view *view)
{
    const struct sisp_raw_info *info = &camera->camera.info;
    view->shading = malloc((size_t)info->width * info->height * sizeof(*view->shading));
    if (!view->shading)
        return -ENOMEM;
    lens_fill(info, camera->format->cfa, &view->filter, view->shading);
    return scene_init(&view->scene);
}

static int allocate(struct sim_camera *camera)
{
    const struct sisp_raw_info *info = &camera->camera.info;
    size_t row = base_align(info->width + 24, 4); /* packed formats hold whole groups, up to 25 */
    camera->noise = malloc((NOISE_COUNT + NOISE_PAD) * sizeof(*camera->noise));
    camera->scene_buffer = malloc(row * sizeof(*camera->scene_buffer));
    camera->codes = calloc(row, sizeof(*camera->codes));
    if (!camera->noise || !camera->scene_buffer || !camera->codes)
        return -ENOMEM;
    int error = paint_view(camera, &camera->views[0]);
    if (!error && camera->options.illuminant_step.is_set)
        error = paint_view(camera, &camera->views[1]);
    return error;
}

/* All but its pixels. */
static void prepare_view(struct sim_camera *camera, unsigned index, uint64_t seed)
{
    const struct sim_options *options = &camera->options;
    const struct sisp_raw_info *info = &camera->camera.info;
    const struct sim_light *name = index ? &options->illuminant_step : &options->illuminant;
    struct spectra_curves curves = spectra_curves(options->sensor);
    struct spectrum light;
    if (!spectra_light(name->name, &light))
        return; /* the light never changes */
    spectra_tint(&light, options->tint);
    camera->views[index] = (struct sim_view){
        .scene = {.kind = (enum scene_kind)options->scene,
            .is_still = options->motion == 1,
            .width = info->width,
            .height = info->height,
            .seed = seed,
            .cfa = camera->format->cfa,
            .view = spectra_view(&curves, &light)},
        .filter = lens_filter(&curves, &light, options->ir_shift_nm),
    };
}

int sisp_camera_open_sim(struct sisp_camera **out, const struct sisp_camera_params *params)
{
    *out = NULL;
    struct sim_camera *camera = calloc(1, sizeof(*camera));
    if (!camera)
        return -ENOMEM;
    struct sisp_camera *base = &camera->camera;
    base->ops = &sim_ops;
    char why[128]; /* sisp_camera_sim_check() tells it */
    int error = configure(camera, params, why, sizeof(why));
    if (!error) {
        fill_info(&base->info, camera->format->bits, camera->options.sensor);
        prepare_view(camera, 0, params->seed);
        prepare_view(camera, 1, params->seed);
        error = allocate(camera);
    }
    if (error) {
        sisp_camera_destroy(&base);
        return error;
    }
    struct base_prng prng = {params->seed};
    sensor_noise_fill(camera->noise, base_prng_next(&prng));
    place_hot_pixels(camera, &prng);
    *out = base;
    return 0;
}

/* ---- truth ------------------------------------------------------------------------------- */

void sim_truth_origin(const struct sisp_camera *base, uint64_t frame, int32_t *x, int32_t *y)
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    struct scene_place place = scene_place(scene_of(camera, frame), frame);
    *x = (int32_t)place.back_x;
    *y = (int32_t)place.back_y;
}

void sim_truth_scene(const struct sisp_camera *base, uint64_t frame, uint16_t *radiance)
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    struct scene_place place = scene_place(scene_of(camera, frame), frame);
    uint32_t width = base->info.width;
    for (uint32_t y = 0; y < base->info.height; y++, radiance += width) {
        const uint16_t *roots = scene_row(scene_of(camera, frame), &place, y, camera->scene_buffer);
        for (uint32_t x = 0; x < width; x++)
            radiance[x] = (uint16_t)((uint32_t)roots[x] * roots[x] >> 16);
    }
}

bool sim_truth_patch(const struct sisp_camera *base, uint64_t frame, unsigned index,
    struct sisp_rect *rect, float color[3])
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    struct scene_place place = scene_place(scene_of(camera, frame), frame);
    float srgb[24][3];
    spectra_patch_srgb(srgb);
    for (unsigned c = 0; c < 3; c++)
        color[c] = srgb[index][c] * SCENE_DIFFUSE_WHITE;
    return scene_patch(scene_of(camera, frame), &place, index, rect);
}

const struct sim_hot_pixel *sim_truth_hot_pixels(const struct sisp_camera *base, uint32_t *count)
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    *count = camera->hot_count;
    return camera->hot;
}

uint64_t sim_truth_start_ns(const struct sisp_camera *base, uint64_t frame)
{
    return frame_at((const struct sim_camera *)base, frame).start_ns;
}

double sim_truth_light(
    const struct sisp_camera *base, uint64_t frame, uint32_t y, float exposure_us)
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    struct sisp_camera_frame of_frame = frame_at(camera, frame);
    return row_light(camera, &of_frame, y, exposure_us);
}

double sim_truth_black_drift(const struct sisp_camera *base, uint64_t frame)
{
    const struct sim_camera *camera = (const struct sim_camera *)base;
    struct sisp_camera_frame of_frame = frame_at(camera, frame);
    return black_drift(camera, &of_frame) / 1024;
}

void sim_truth_corner(const struct sisp_camera *base, uint64_t frame, float transmission[3])
{
    lens_corner(&view_of((const struct sim_camera *)base, frame)->filter, transmission);
}

const struct spectra_view *sim_truth_view(const struct sisp_camera *base, uint64_t frame)
{
    return &scene_of((const struct sim_camera *)base, frame)->view;
}
