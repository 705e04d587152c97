/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp fuse: raw frames of one scene become one picture, or one raw. */
#include "fuse.h"

#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIKE 0.8F /* exposures that differ by less are one */
#define APART 100  /* times */

#define RESULT_WAIT_NS UINT64_C(600000000000)

static const char help[] =
    "usage: softisp fuse IN... -o OUT [OPTION...]\n"
    "\n"
    "IN are 2 to 16 raw frames of one scene, of one size, in the order in which they were\n"
    "taken: files as 'softisp develop' takes them. The first is the reference: the picture "
    "is\n"
    "of its moment, the others take its noise away. OUT is a picture (.jpg .png .tiff .ppm) or,\n"
    "merged and nothing else, a raw: .dng, which says its own noise, or .pgm in the scale of\n"
    "the reference. A report goes to stdout.\n"
    "\n"
    "  -o, --output OUT         where the picture goes\n"
    "      --noise A,B          of one frame: variance = A x + B, x from 0 (black) to 1 (white);\n"
    "                           else the files' own or, where they have none, estimated\n"
    "      --exposures T,T,...  times of a bracket in seconds, one for each input; else as the "
    "files\n"
    "                           say. Of a bracket the darkest frame is the reference\n"
    "      --spatial            of a raw: noise reduction behind the merge, as pictures have it, "
    "by\n"
    "                           the parameter denoise\n"
    "      --flow FILE          motion as CSV: frame,x,y,dx,dy at the middle of each 16x16 "
    "samples\n"
    "      --depth 8|16         bits a channel of a picture (8)\n"
    "      --preset natural|neutral|vivid  the look: natural lifts shadows, holds highlights and\n"
    "                           sharpens stills; neutral does not; vivid has more contrast and\n"
    "                           colour, too (natural)\n"
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
    {"exposures", required_argument, NULL, 0},
    {"spatial", no_argument, NULL, 0},
    {"flow", required_argument, NULL, 0},
    {"depth", required_argument, NULL, 0},
    {"preset", required_argument, NULL, 0},
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

static bool bad_value(const char *name, const char *value, const char *wants)
{
    cli_error("fuse", "'--%s %s': %s", name, value, wants);
    return false;
}

static bool parse_exposures(struct fuse *f, const char *value)
{
    f->exposure_count = cli_parse_list(value, SISP_BURST_MAX, f->exposures_s);
    bool ok = f->exposure_count > 1;
    for (unsigned i = 0; i < f->exposure_count; i++)
        ok = ok && f->exposures_s[i] >= 1e-6F && f->exposures_s[i] <= 3600;
    return ok || bad_value("exposures", value, "2 to 16 times in seconds such as 0.01,0.04");
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
    if (strcmp(name, "exposures") == 0)
        return parse_exposures(f, value);
    if (strcmp(name, "depth") == 0)
        return (cli_parse_u32(value, 8, 16, &f->depth) && f->depth % 8 == 0) ||
               bad_value(name, value, "it is 8 or 16");
    if (strcmp(name, "preset") == 0)
        return cli_set_preset("fuse", &f->params, value);
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
    else if (strcmp(name, "spatial") == 0)
        f->is_spatial = true;
    else
        f->json = true;
    return true;
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
    else if (f->exposure_count && f->exposure_count != f->count)
        cli_error("fuse", "'--exposures' has %u times for %u inputs", f->exposure_count, f->count);
    else if (!cli_check_raw("fuse", &f->raw) || is_an_input(f, f->output) ||
             (f->flow && is_an_input(f, f->flow)))
        return false;
    else if (f->flow && strcmp(f->flow, f->output) == 0)
        cli_error("fuse", "'%s' is both the output and --flow's file", f->flow);
    else {
        f->writer = sisp_writer_find(f->output);
        f->is_dng = cli_has_extension(f->output, ".dng");
        if (f->writer && !f->writer->available)
            cli_error("fuse", "'%s': this build has no %s writer", f->output, f->writer->name);
        else if (f->writer && f->depth == 16 && !f->writer->has_16_bit)
            cli_error("fuse", "'%s': %s has 8 bits only", f->output, f->writer->name);
        else if (f->is_dng && !sisp_writer_find(".tiff")->available)
            cli_error("fuse", "'%s': this build has no libtiff, which writes DNG", f->output);
        else if (f->writer || f->is_dng || cli_has_extension(f->output, ".pgm"))
            return true;
        else
            cli_error(
                "fuse", "'%s': the extension is none of .jpg .png .tiff .ppm .dng .pgm", f->output);
    }
    return false;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static int submit(struct fuse *f, unsigned i)
{
    const struct fuse_frame *frame = &f->frames[i];
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST,
        .cookie = i,
        .bytes_copied = frame->input.size_bytes,
        .exposure_us = frame->exposure_us,
        .analogue_gain = frame->gain};
    int r = sisp_session_submit(f->session, &frame->input, &submission);
    if (r == 0)
        r = sisp_session_next(f->session, &f->result, RESULT_WAIT_NS);
    if (r == 0)
        r = sisp_session_release(f->session, &f->result);
    if (r)
        cli_error("fuse", "%s: the engine did not take it: %s", f->inputs[i], strerror(-r));
    return r ? CLI_INTERNAL : CLI_DONE;
}

static float light(const struct fuse_frame *frame)
{
    return frame->exposure_us * (frame->gain > 0 ? frame->gain : 1);
}

/* The first, but of an exposure bracket the first of the darkest: there nothing else is clipped. */
static void choose_reference(struct fuse *f)
{
    float least = light(&f->frames[0]);
    for (unsigned i = 1; i < f->count; i++)
        least = light(&f->frames[i]) < least ? light(&f->frames[i]) : least;
    if (!(least < ALIKE * light(&f->frames[0])))
        return;
    while (light(&f->frames[f->reference]) * ALIKE > least)
        f->reference++;
    f->info.exif.exposure_us = (double)f->frames[f->reference].exposure_us;
    f->info.exif.iso = (double)f->frames[f->reference].gain * 100;
}

static bool is_apart(float a, float b)
{
    return a > 0 && b > 0 && (a > APART * b || b > APART * a);
}

/* Frames that are further apart the engine would take to be exposed alike. */
static int check_exposures(const struct fuse *f)
{
    const struct fuse_frame *r = &f->frames[f->reference];
    for (unsigned i = 0; i < f->count; i++) {
        const struct fuse_frame *frame = &f->frames[i];
        if (!is_apart(frame->exposure_us, r->exposure_us) && !is_apart(frame->gain, r->gain))
            continue;
        cli_error("fuse", "%s and %s: their exposures are more than %d times apart%s",
            f->inputs[f->reference], f->inputs[i], APART,
            f->exposure_count ? "" : "; '--exposures' says other times");
        return f->exposure_count ? CLI_WRONG_USE : CLI_INPUT_FAILED;
    }
    return CLI_DONE;
}

/* The last to enter is the reference; before it the others, the nearest to it last. */
static void set_order(struct fuse *f)
{
    const unsigned r = f->reference;
    unsigned n = 0;
    for (unsigned away = f->count; away-- > 0;) {
        if (away > 0 && away <= r)
            f->order[n++] = r - away;
        if (r + away < f->count)
            f->order[n++] = r + away;
    }
}

/* The picture is to be as bright as the first frame would be. */
static int keep_brightness(struct fuse *f)
{
    const float ratio = light(&f->frames[0]) / light(&f->frames[f->reference]);
    if (f->reference == 0)
        return CLI_DONE;
    f->info.baseline_exposure_ev += log2f(ratio);
    if (f->params.value[SISP_PARAM_AUTO_EXPOSURE] > 0)
        return CLI_DONE;
    f->params.value[SISP_PARAM_EXPOSURE_EV] += log2f(ratio);
    int r = sisp_session_set_params(f->session, &f->params);
    if (r)
        cli_error("fuse", "exposures too far apart: %s", strerror(-r));
    return r ? CLI_INPUT_FAILED : CLI_DONE;
}

static int submit_all(struct fuse *f)
{
    int code = CLI_DONE;
    for (unsigned i = 0; i < f->count && code == CLI_DONE; i++)
        code = fuse_load(f, i);
    if (code != CLI_DONE)
        return code;
    choose_reference(f);
    set_order(f);
    code = check_exposures(f);
    if (code == CLI_DONE)
        code = keep_brightness(f);
    for (unsigned i = 0; i < f->count && code == CLI_DONE; i++)
        code = submit(f, f->order[i]);
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

static void interrupted(int signal)
{
    sisp_writer_abandon_all();
    _exit(CLI_INTERRUPTED);
}

static int fuse_all(struct fuse *f)
{
    int code = submit_all(f);
    if (code == CLI_DONE)
        code = press(f);
    if (code == CLI_DONE)
        code = fuse_write(f);
    if (code == CLI_DONE)
        code = fuse_report(f);
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
