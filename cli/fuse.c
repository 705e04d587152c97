/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp fuse: raw frames of one scene become one picture, or one raw. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ERROR_BYTES    512
#define RESULT_WAIT_NS UINT64_C(600000000000)
#define TILE_BLOCKS    2 /* of --flow: 16 samples */

static const char help[] =
    "usage: softisp fuse IN... -o OUT [OPTION...]\n"
    "\n"
    "IN are 2 to 16 raw frames of one scene, of one size and exposure, in the order in which they\n"
    "were taken: files as 'softisp develop' takes them. The first is the reference: the picture "
    "is\n"
    "of its moment, the others take its noise away. OUT is a picture (.jpg .png .tiff .ppm) or,\n"
    "merged and nothing else, a raw: .dng, which says its own noise, or .pgm in the scale of the\n"
    "first. A report goes to stdout.\n"
    "\n"
    "  -o, --output OUT         where the picture goes\n"
    "      --noise A,B          of one frame: variance = A x + B, x from 0 (black) to 1 (white);\n"
    "                           else the files' own or, where they have none, estimated\n"
    "      --flow FILE          motion as CSV: frame,x,y,dx,dy at the middle of each 16x16 "
    "samples\n"
    "      --depth 8|16         bits a channel of a picture (8)\n"
    "      --set NAME=VALUE     any parameter of the table below; may be repeated\n"
    "      --tuning FILE, --sensor NAME  as for 'softisp develop'\n"
    "      --raw-format NAME, --size WxH, --stride N, --cfa ORDER, --black N[,N,N,N], --white N\n"
    "                           of the inputs, as for 'softisp develop'\n"
    "      --threads N          0: one for each CPU (0)\n"
    "      --isa NAME           auto, base, v2, v3, v4, neon; never changes the picture\n"
    "      --json               the report as one line of JSON\n"
    "\n"
    "Exit: 0 done, 1 some input failed, 2 wrong use, 3 output not writable, 4 internal,\n"
    "130 interrupted.\n";

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"noise", required_argument, NULL, 0},
    {"flow", required_argument, NULL, 0},
    {"depth", required_argument, NULL, 0},
    {"set", required_argument, NULL, 0},
    {"tuning", required_argument, NULL, 0},
    {"sensor", required_argument, NULL, 0},
    {"raw-format", required_argument, NULL, 0},
    {"size", required_argument, NULL, 0},
    {"stride", required_argument, NULL, 0},
    {"cfa", required_argument, NULL, 0},
    {"black", required_argument, NULL, 0},
    {"white", required_argument, NULL, 0},
    {"threads", required_argument, NULL, 0},
    {"isa", required_argument, NULL, 0},
    {"json", no_argument, NULL, 0},
    {0},
};

struct fuse {
    const char *output, *flow;
    struct cli_raw_options raw;
    struct cli_tuning tuning;
    struct sisp_params params;
    bool has_noise, is_dng, json;
    float noise[2];
    unsigned depth;
    uint32_t threads;
    const char *isa;
    const struct sisp_writer *writer; /* NULL: a mosaic */

    char **inputs;
    unsigned count;
    struct sisp_raw_info info; /* of the first */
    struct sisp_session *session;
    struct sisp_result result;
};

static bool bad_value(const char *name, const char *value, const char *wants)
{
    cli_error("fuse", "'--%s %s': %s", name, value, wants);
    return false;
}

static bool set_option(struct fuse *f, const char *name, const char *value)
{
    int r = value ? cli_raw_option("fuse", &f->raw, name, value) : 0;
    if (value && !r)
        r = cli_tuning_option("fuse", &f->tuning, name, value);
    if (r)
        return r > 0;
    if (strcmp(name, "noise") == 0) {
        f->has_noise = true;
        bool ok = cli_parse_list(value, 2, f->noise) == 2 && f->noise[0] >= 0 && f->noise[1] >= 0 &&
                  f->noise[0] <= 1 && f->noise[1] <= 1 && f->noise[0] + f->noise[1] > 0;
        return ok || bad_value(name, value, "two numbers from 0 to 1 such as 5e-3,1e-3");
    }
    if (strcmp(name, "depth") == 0)
        return (cli_parse_u32(value, 8, 16, &f->depth) && f->depth % 8 == 0) ||
               bad_value(name, value, "it is 8 or 16");
    if (strcmp(name, "set") == 0)
        return cli_set_param("fuse", &f->params, value);
    if (strcmp(name, "threads") == 0)
        return cli_parse_u32(value, 0, 64, &f->threads) || bad_value(name, value, "0 to 64");
    if (strcmp(name, "isa") == 0) {
        f->isa = value;
        return sisp_isa_find(value) >= 0 ||
               bad_value(name, value, "auto or a level that this machine has");
    }
    if (strcmp(name, "flow") == 0)
        f->flow = value;
    else
        f->json = true;
    return true;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), tail = strlen(end);
    return length > tail && strcmp(path + length - tail, end) == 0;
}

/* Whether writing `path` would destroy an input. */
static bool is_an_input(const struct fuse *f, const char *path)
{
    struct stat output, input;
    if (stat(path, &output) != 0 || !S_ISREG(output.st_mode))
        return false;
    for (unsigned i = 0; i < f->count; i++) {
        if (stat(f->inputs[i], &input) == 0 && input.st_ino == output.st_ino &&
            input.st_dev == output.st_dev) {
            cli_error("fuse", "'%s' would be overwritten, but it is an input", path);
            return true;
        }
    }
    return false;
}

static bool check(struct fuse *f)
{
    if (!f->output || !*f->output)
        cli_error("fuse", "'-o OUT' is missing; see 'softisp help fuse'");
    else if (f->count < 2 || f->count > SISP_BURST_MAX)
        cli_error("fuse", "%u inputs: a burst takes 2 to 16 frames", f->count);
    else if (!cli_check_raw("fuse", &f->raw) || is_an_input(f, f->output) ||
             (f->flow && is_an_input(f, f->flow)))
        return false;
    else {
        f->writer = sisp_writer_find(f->output);
        f->is_dng = ends_with(f->output, ".dng");
        if (f->writer && !f->writer->available)
            cli_error("fuse", "'%s': this build has no %s writer", f->output, f->writer->name);
        else if (f->writer && f->depth == 16 && !f->writer->has_16_bit)
            cli_error("fuse", "'%s': %s has 8 bits only", f->output, f->writer->name);
        else if (f->is_dng && !sisp_writer_find(".tiff")->available)
            cli_error("fuse", "'%s': this build has no libtiff, which writes DNG", f->output);
        else if (f->writer || f->is_dng || ends_with(f->output, ".pgm"))
            return true;
        else
            cli_error(
                "fuse", "'%s': the extension is none of .jpg .png .tiff .ppm .dng .pgm", f->output);
    }
    return false;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static int open_session(struct fuse *f)
{
    char error[ERROR_BYTES];
    struct sisp_session_params params = sisp_session_params_default();
    const struct sisp_rect *crop = &f->info.crop;
    params.info = f->info;
    if (f->has_noise) {
        params.info.noise_shot = f->noise[0];
        params.info.noise_read = f->noise[1];
    }
    params.params = f->params;
    params.threads = f->threads;
    params.isa = f->isa;
    params.tuning = f->tuning.path ? &f->tuning.tuning : NULL;
    params.burst_frames = f->count;
    /* Nobody waits for a picture of files: a plan need not come to an end in time. */
    struct sisp_knobs knobs = {{0}};
    const int ttl = sisp_knob_find("plan_ttl");
    knobs.value[ttl] = sisp_knob_row((unsigned)ttl)->max;
    params.knobs = &knobs;
    params.is_mosaic_wanted = !f->writer;
    /* Frames enter by the fast lane: it makes thumbnails that nobody looks at. */
    params.preview = (struct sisp_picture_params){.format = SISP_PIXEL_NV12,
        .width = crop->width < 64 ? crop->width : 64,
        .height = crop->height < 64 ? crop->height : 64};
    params.still = (struct sisp_picture_params){
        .format = f->depth == 16 ? SISP_PIXEL_RGBA64 : SISP_PIXEL_RGB24,
        .width = crop->width,
        .height = crop->height};
    int r = sisp_session_create(&f->session, &params, error, sizeof(error));
    if (r)
        cli_error("fuse", "%s: %s", f->inputs[0], error);
    return r ? CLI_INPUT_FAILED : CLI_DONE;
}

static bool is_alike(const struct sisp_raw_info *a, const struct sisp_raw_info *b)
{
    return a->fourcc == b->fourcc && a->width == b->width && a->height == b->height &&
           a->stride_bytes == b->stride_bytes && a->crop.x == b->crop.x && a->crop.y == b->crop.y &&
           a->crop.width == b->crop.width && a->crop.height == b->crop.height;
}

/* Read a file; the first one tells what all are. */
static int open_input(struct fuse *f, unsigned i, struct sisp_raw_file **file)
{
    char error[ERROR_BYTES];
    int r = sisp_raw_file_open(file, f->inputs[i], &f->raw.open, error, sizeof(error));
    if (r) {
        cli_error("fuse", "%s: %s", f->inputs[i], error);
        return CLI_INPUT_FAILED;
    }
    const struct sisp_raw_info *info = sisp_raw_file_info(*file);
    if (!f->session)
        f->info = *info;
    if (is_alike(info, &f->info))
        return CLI_DONE;
    cli_error("fuse", "%s: %ux%u, unlike %s: %ux%u or another format", f->inputs[i],
        info->crop.width, info->crop.height, f->inputs[0], f->info.crop.width, f->info.crop.height);
    return CLI_INPUT_FAILED;
}

static int submit(struct fuse *f, unsigned i, const struct sisp_raw_file *file)
{
    struct sisp_input input;
    int r = sisp_session_acquire(f->session, &input);
    if (r == 0) {
        const struct sisp_submission submission = {
            .lane = SISP_LANE_FAST, .cookie = i, .bytes_copied = input.size_bytes};
        memcpy(input.samples, sisp_raw_file_samples(file), input.size_bytes);
        r = sisp_session_submit(f->session, &input, &submission);
    }
    if (r == 0)
        r = sisp_session_next(f->session, &f->result, RESULT_WAIT_NS);
    if (r == 0)
        r = sisp_session_release(f->session, &f->result);
    if (r)
        cli_error("fuse", "%s: the engine did not take it: %s", f->inputs[i], strerror(-r));
    return r ? CLI_INTERNAL : CLI_DONE;
}

/* The last to enter is the reference: the first file. */
static int submit_all(struct fuse *f)
{
    int code = CLI_DONE;
    for (unsigned i = f->count; i-- > 0 && code == CLI_DONE;) {
        struct sisp_raw_file *file = NULL;
        code = open_input(f, i, &file);
        if (code == CLI_DONE)
            code = submit(f, i, file);
        sisp_raw_file_destroy(&file);
    }
    return code;
}

static int start(struct fuse *f)
{
    struct sisp_raw_file *file = NULL;
    int code = open_input(f, 0, &file);
    if (code == CLI_DONE)
        code = open_session(f);
    sisp_raw_file_destroy(&file);
    return code;
}

static int press(struct fuse *f)
{
    uint64_t token;
    int r = sisp_session_press(f->session, &token);
    if (r == 0)
        r = sisp_session_next(f->session, &f->result, RESULT_WAIT_NS);
    if (r)
        cli_error("fuse", "the engine gave no picture: %s", strerror(-r));
    else if (!f->result.image.planes[0])
        cli_error("fuse", "the picture was %s (%s)", sisp_outcome_name(f->result.record.outcome),
            sisp_reason_name(f->result.record.reason));
    return r || !f->result.image.planes[0] ? CLI_INTERNAL : CLI_DONE;
}

/* ---- what is said and written ---------------------------------------------------------------- */

static int write_dng(const struct fuse *f, char error[ERROR_BYTES])
{
    static struct sisp_raw_info info; /* holds a whole lens shading mesh: not for the stack */
    const struct sisp_tuning *tuning = f->tuning.path ? &f->tuning.tuning : NULL;
    int r = sisp_result_raw_info(&f->result, &f->info, tuning, &info);
    if (r)
        snprintf(error, ERROR_BYTES, "%s", strerror(-r));
    else
        r = sisp_write_dng(
            f->output, &info, f->result.raw.samples, &f->result.image, error, ERROR_BYTES);
    return r;
}

static int write_output(const struct fuse *f)
{
    char error[ERROR_BYTES];
    int r;
    if (f->writer) {
        const struct sisp_write_params params = {.exif = &f->info.exif,
            .orientation = f->info.orientation,
            .threads = f->result.record.threads,
            .is_srgb = 1};
        r = sisp_write_image(f->writer, f->output, &f->result.image, &params, error, sizeof(error));
    } else if (f->is_dng) {
        r = write_dng(f, error);
    } else {
        const struct sisp_mosaic_scale scale = {
            f->info.black_level[SISP_SITE_GR], f->info.white_level};
        r = sisp_write_mosaic(f->output, &f->result.raw, &scale, error, sizeof(error));
    }
    if (r)
        cli_error("fuse", "%s: %s", f->output, error);
    return r ? CLI_OUTPUT_FAILED : CLI_DONE;
}

/* Mean of a tile's four blocks, in samples. */
static void tile_motion(
    const struct sisp_motion *m, uint32_t frame, const uint32_t at[2], double out[2])
{
    out[0] = out[1] = 0;
    for (unsigned k = 0; k < TILE_BLOCKS * TILE_BLOCKS; k++) {
        const uint32_t x = at[0] * TILE_BLOCKS + k % TILE_BLOCKS;
        const uint32_t y = at[1] * TILE_BLOCKS + k / TILE_BLOCKS;
        const int16_t *v = m->vectors + (((size_t)frame * m->rows + y) * m->columns + x) * 2;
        out[0] += v[0] / (double)(SISP_MOTION_UNIT * TILE_BLOCKS * TILE_BLOCKS);
        out[1] += v[1] / (double)(SISP_MOTION_UNIT * TILE_BLOCKS * TILE_BLOCKS);
    }
}

static int write_flow(const struct fuse *f)
{
    const struct sisp_motion *m = &f->result.motion;
    const double middle = (SISP_MOTION_BLOCK * TILE_BLOCKS - 1) / 2.0;
    FILE *file = fopen(f->flow, "we");
    for (unsigned i = 1; file && i < f->count; i++) {
        for (uint32_t y = 0; y < m->rows / TILE_BLOCKS; y++) {
            for (uint32_t x = 0; x < m->columns / TILE_BLOCKS; x++) {
                const uint32_t at[2] = {x, y};
                double v[2];
                tile_motion(m, f->count - 1 - i, at, v);
                fprintf(file, "%u,%.1f,%.1f,%.4f,%.4f\n", i,
                    x * SISP_MOTION_BLOCK * TILE_BLOCKS + middle,
                    y * SISP_MOTION_BLOCK * TILE_BLOCKS + middle, v[0], v[1]);
            }
        }
    }
    bool ok = file && !ferror(file);
    ok = file && fclose(file) == 0 && ok;
    if (!ok)
        cli_error("fuse", "%s: %s", f->flow, strerror(errno));
    return ok ? CLI_DONE : CLI_OUTPUT_FAILED;
}

static double effective_frames(const struct sisp_fusion *fusion)
{
    double sum = 0;
    for (unsigned i = 0; i < fusion->count; i++)
        sum += (double)fusion->share[i];
    return sum;
}

static const char *fate(const struct sisp_fusion *fusion, unsigned i)
{
    if (i == fusion->count - 1)
        return "reference";
    return fusion->used >> i & 1 ? "used" : "left out: it looks like another scene";
}

static int print_json(const struct fuse *f)
{
    const struct sisp_fusion *fusion = f->result.fusion;
    json_t *frames = json_array();
    for (unsigned n = 0; n < f->count; n++) {
        const unsigned i = f->count - 1 - n;
        json_array_append_new(
            frames, json_pack("{s:o,s:s,s:f,s:[f,f],s:f,s:f}", "input", cli_json_name(f->inputs[n]),
                        "fate", fate(fusion, i), "rejected", 1 - (double)fusion->share[i], "motion",
                        (double)fusion->dx[i], (double)fusion->dy[i], "residual",
                        (double)fusion->residual[i], "gain", (double)fusion->gain[i]));
    }
    return cli_json_print(
        "fuse", json_pack("{s:o,s:f,s:[f,f],s:o}", "output", cli_json_name(f->output),
                    "effective_frames", effective_frames(fusion), "noise",
                    (double)fusion->noise_shot, (double)fusion->noise_read, "frames", frames));
}

static int print_report(const struct fuse *f)
{
    const struct sisp_fusion *fusion = f->result.fusion;
    for (unsigned n = 0; n < f->count; n++) {
        const unsigned i = f->count - 1 - n;
        printf("%s: %s", f->inputs[n], fate(fusion, i));
        if (i != f->count - 1)
            printf(", %.1f %% rejected, moved by %.2f, %.2f, residual %.2f sigmas",
                100 * (1 - (double)fusion->share[i]), (double)fusion->dx[i], (double)fusion->dy[i],
                (double)fusion->residual[i]);
        printf("\n");
    }
    printf("%s: %.2f frames' worth of %u, noise %.3g x + %.3g each\n", f->output,
        effective_frames(fusion), f->count, (double)fusion->noise_shot, (double)fusion->noise_read);
    return cli_flush("fuse");
}

static void interrupted(int signal)
{
    sisp_writer_abandon_all();
    _exit(CLI_INTERRUPTED);
}

static int fuse_all(struct fuse *f)
{
    int code = start(f);
    if (code == CLI_DONE)
        code = submit_all(f);
    if (code == CLI_DONE)
        code = press(f);
    if (code == CLI_DONE)
        code = write_output(f);
    if (code == CLI_DONE && f->flow)
        code = write_flow(f);
    if (code == CLI_DONE)
        code = f->json ? print_json(f) : print_report(f);
    if (f->session)
        sisp_session_release(f->session, &f->result);
    sisp_session_destroy(&f->session);
    return code;
}

static int run(int argc, char **argv)
{
    static struct fuse f; /* holds a whole lens shading mesh: not for the stack */
    int index, c;
    f = (struct fuse){.params = sisp_params_default(), .depth = 8, .isa = "auto"};
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":o:", long_options, &index)) != -1) {
        if (c == 'o')
            f.output = optarg;
        else if (c != 0)
            return cli_option_error("fuse", c, argv);
        else if (!set_option(&f, long_options[index].name, optarg))
            return CLI_WRONG_USE;
    }
    f.inputs = argv + optind;
    f.count = (unsigned)(argc - optind);
    if (!check(&f))
        return CLI_WRONG_USE;
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    signal(SIGHUP, interrupted);
    return fuse_all(&f);
}

const struct cli_verb cli_fuse = {"fuse", "raw frames of one scene become one picture", help, run};
