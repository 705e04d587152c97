/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp develop: raw files become pictures. Options are checked before any file is touched. */
#include "develop.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: softisp develop IN... -o OUT [OPTION...]\n"
    "\n"
    "IN is a DNG or any raw file that LibRaw decodes, a binary PGM with a Bayer mosaic, or, with\n"
    "--raw-format, headerless samples. OUT is a file (.jpg .png .tiff .ppm; .dng: the raw frame,\n"
    "with what is known of it; with --lane fast also .y4m, one frame as the sensor saw it) or -\n"
    "(PPM on standard output); with several inputs a folder, or a name that holds %s for the\n"
    "input's stem.\n"
    "\n"
    "  -o, --output OUT         where the picture goes\n"
    "      --depth 8|10|16      bits a channel (8; .jpg has 8 only, .y4m 8 or 10, others 8 or 16)\n"
    "      --wb auto|camera|R,B|NK  white balance (auto); R,B are gains with green at 1, NK such "
    "as\n"
    "                           5000K the colour temperature of the light\n"
    "      --exposure EV        brighter or darker than automatic\n"
    "      --demosaic mhc|bilinear|best|smooth\n"
    "      --color srgb|camera  colours of the output (srgb)\n"
    "      --tone default|linear  linear: black is 0, white is full scale, exposure untouched\n"
    "      --lane background|fast  background makes stills, fast is the preview's path\n"
    "      --orientation NAME   rotate-0, -90, -180 or -270 (clockwise), mirror, flip, transpose "
    "or\n"
    "                           rotate-180-transpose: what the sensor saw, before the file's own\n"
    "                           orientation (rotate-0)\n"
    "      --no-orient          leave the picture as the sensor saw it\n"
    "      --preset natural|neutral|vivid  the look: natural lifts shadows, holds highlights and\n"
    "                           sharpens stills; neutral does not; vivid has more contrast and\n"
    "                           colour, too (natural)\n"
    "      --set NAME=VALUE     any parameter of the table below; may be repeated\n"
    "      --tuning FILE        of sensor and lens: Raspberry Pi's JSON, libcamera's YAML,\n"
    "                           a DCP or a DNG\n"
    "      --sensor NAME        the tuning file of that sensor, such as imx219; 'softisp doctor'\n"
    "                           says where it is looked for\n"
    "      --coefficients FILE:HASH  those of a telemetry's FILE.params.jsonl line\n"
    "      --raw-format NAME    headerless input, such as SRGGB10P; needs --size\n"
    "      --size WxH           of a headerless frame\n"
    "      --stride N           bytes from row to row of a headerless frame\n"
    "      --cfa ORDER          RGGB, GRBG, GBRG or BGGR, of a PGM\n"
    "      --black N[,N,N,N]    black level, or those of R, Gr, Gb, B; overrides the file's\n"
    "      --black optical      black level of the samples that the sensor keeps dark\n"
    "      --white N            white level; overrides the file's\n"
    "      --threads N          0: one for each CPU (0)\n"
    "      --isa NAME           auto, base, v2, v3, v4, neon; never changes the picture\n"
    "      --json               one line of JSON for each input on standard output\n"
    "      --telemetry FILE     CSV, one row for each frame\n"
    "      --config FILE        knobs of the engine, YAML; 'softisp info --knobs' lists them\n"
    "      --knob NAME=VALUE    one knob, such as lease=5s; wins over the file\n"
    "\n"
    "Exit: 0 done, 1 some input failed, 2 wrong use, 3 output not writable, 4 internal,\n"
    "130 interrupted.\n";

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"depth", required_argument, NULL, 0},
    {"wb", required_argument, NULL, 0},
    {"exposure", required_argument, NULL, 0},
    {"demosaic", required_argument, NULL, 0},
    {"color", required_argument, NULL, 0},
    {"tone", required_argument, NULL, 0},
    {"lane", required_argument, NULL, 0},
    {"orientation", required_argument, NULL, 0},
    {"no-orient", no_argument, NULL, 0},
    {"preset", required_argument, NULL, 0},
    {"set", required_argument, NULL, 0},
    {"coefficients", required_argument, NULL, 0},
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
    {"config", required_argument, NULL, 0},
    {"knob", required_argument, NULL, 0},
    {"telemetry", required_argument, NULL, 0},
    {0},
};

static bool bad_value(const char *name, const char *value, const char *wants)
{
    cli_error("develop", "'--%s %s': %s", name, value, wants);
    return false;
}

/* One of two words, then NULL, or of three. */
static bool choose(const char *name, const char *value, const char *const words[3], float *out)
{
    for (int i = 0; i < 3 && words[i]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = (float)i;
            return true;
        }
    }
    cli_error("develop", "'--%s %s': it is %s%s%s or %s", name, value, words[0],
        words[2] ? ", " : "", words[2] ? words[1] : "", words[2] ? words[2] : words[1]);
    return false;
}

/* Such as 5000K. False where it is anything else. */
static bool parse_kelvin(const char *value, double *kelvin)
{
    char number[16];
    size_t length = strlen(value);
    if (length < 2 || length > sizeof(number) || value[length - 1] != 'K')
        return false;
    memcpy(number, value, length - 1);
    number[length - 1] = '\0';
    return cli_parse_number(number, kelvin);
}

static bool set_wb(struct develop_options *o, const char *value)
{
    float *values = o->params.value;
    float gains[2];
    double kelvin;
    if (strcmp(value, "auto") == 0) {
        values[SISP_PARAM_WB_MODE] = SISP_WB_AUTO;
    } else if (strcmp(value, "camera") == 0) {
        values[SISP_PARAM_WB_MODE] = SISP_WB_CAMERA;
    } else if (parse_kelvin(value, &kelvin)) {
        if (sisp_params_set(&o->params, "wb_kelvin", kelvin) != 0)
            return bad_value("wb", value, "colour temperatures lie between 2000K and 10000K");
        values[SISP_PARAM_WB_MODE] = SISP_WB_KELVIN;
    } else {
        const struct sisp_param_row *row = &sisp_param_table[SISP_PARAM_WB_RED];
        if (cli_parse_list(value, 2, gains) != 2)
            return bad_value("wb", value, "it is auto, camera, two gains such as 1.9,1.5 or 5000K");
        if (gains[0] < row->min || gains[0] > row->max || gains[1] < row->min ||
            gains[1] > row->max)
            return bad_value("wb", value, "gains lie between 0.0625 and 15.9");
        values[SISP_PARAM_WB_MODE] = SISP_WB_MANUAL;
        values[SISP_PARAM_WB_RED] = gains[0];
        values[SISP_PARAM_WB_BLUE] = gains[1];
    }
    return true;
}

static bool set_isa(struct develop_options *o, const char *value)
{
    int r = sisp_isa_find(value);
    if (r == -ENOTSUP)
        return bad_value("isa", value, "this machine or build does not have that level");
    if (r < 0)
        return bad_value("isa", value, "it is auto, base, v2, v3, v4 or neon");
    o->isa = value;
    return true;
}

static bool choose_demosaic(const char *value, float *out)
{
    const int found = sisp_demosaic_find(value);
    *out = (float)found;
    return found >= 0 || bad_value("demosaic", value, "it is mhc, bilinear, best or smooth");
}

/* How the picture should look. */
static bool set_wish(struct develop_options *o, const char *name, const char *value)
{
    static const char *const colors[3] = {"srgb", "camera"};
    static const char *const tones[3] = {"default", "linear"};
    float *values = o->params.value;
    double ev;
    o->has_wishes = true;
    if (strcmp(name, "color") == 0)
        return choose(name, value, colors, &values[SISP_PARAM_COLOR]);
    if (strcmp(name, "tone") == 0)
        return choose(name, value, tones, &values[SISP_PARAM_TONE]);
    if (strcmp(name, "demosaic") == 0)
        return choose_demosaic(value, &values[SISP_PARAM_DEMOSAIC]);
    if (strcmp(name, "wb") == 0)
        return set_wb(o, value);
    if (strcmp(name, "preset") == 0)
        return cli_set_preset("develop", &o->params, value);
    if (strcmp(name, "set") == 0)
        return cli_set_param("develop", &o->params, value);
    return (cli_parse_number(value, &ev) && sisp_params_set(&o->params, "exposure_ev", ev) == 0) ||
           bad_value(name, value, "a number of stops from -8 to 8");
}

static bool set_option(struct develop_options *o, const char *name, const char *value)
{
    static const char *const lanes[3] = {"background", "fast"};
    float choice = 0;
    int r = value ? cli_raw_option("develop", &o->raw, name, value) : 0;
    if (value && !r)
        r = cli_knob_option("develop", &o->knobs, name, value);
    if (r)
        return r > 0;
    r = value ? cli_tuning_option("develop", &o->tuning, name, value) : 0;
    o->has_wishes |= r != 0;
    if (r)
        return r > 0;
    if (strcmp(name, "depth") == 0) {
        bool ok = cli_parse_u32(value, 8, 16, &o->depth);
        return (ok && (o->depth == 8 || o->depth == 10 || o->depth == 16)) ||
               bad_value(name, value, "it is 8, 10 or 16");
    }
    if (strcmp(name, "lane") == 0) {
        bool ok = choose(name, value, lanes, &choice);
        o->is_fast = choice != 0;
        return ok;
    }
    if (strcmp(name, "orientation") == 0) {
        o->has_wishes = true;
        return cli_parse_orientation("develop", value, &o->orientation);
    }
    if (strcmp(name, "isa") == 0)
        return set_isa(o, value);
    if (strcmp(name, "threads") == 0)
        return cli_parse_u32(value, 0, 64, &o->threads) || bad_value(name, value, "0 to 64");
    if (strcmp(name, "json") == 0)
        o->json = true;
    else if (strcmp(name, "no-orient") == 0)
        o->no_orient = true;
    else if (strcmp(name, "telemetry") == 0)
        o->telemetry_path = value;
    else if (strcmp(name, "coefficients") == 0)
        o->coefficients = value;
    else
        return set_wish(o, name, value);
    return true;
}

static int parse(int argc, char **argv, struct develop_options *o)
{
    int index, c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":o:", long_options, &index)) != -1) {
        if (c == 'o')
            o->output = optarg;
        else if (c != 0)
            return cli_option_error("develop", c, argv);
        else if (!set_option(o, long_options[index].name, optarg))
            return CLI_WRONG_USE;
    }
    return CLI_DONE;
}

static bool load_coefficients(struct develop_options *o)
{
    char path[4096];
    const char *colon = strrchr(o->coefficients, ':');
    if (!colon || (size_t)(colon - o->coefficients) >= sizeof(path))
        return bad_value("coefficients", o->coefficients, "it is FILE.params.jsonl:HASH");
    memcpy(path, o->coefficients, (size_t)(colon - o->coefficients));
    path[colon - o->coefficients] = '\0';
    int r = sisp_remake_load(&o->remake, path, colon + 1);
    if (r == -ENOENT)
        return bad_value("coefficients", o->coefficients, "no such file, or no such hash in it");
    if (r)
        return bad_value("coefficients", o->coefficients,
            r == -EBADMSG ? "the line is not whole" : strerror(-r));
    if (o->remake.lane == SISP_LANE_FLOOR)
        return bad_value(
            "coefficients", o->coefficients, "the floor made that picture, not a lane");
    o->is_fast = o->remake.lane == SISP_LANE_FAST;
    return true;
}

static bool check(struct develop_options *o, unsigned input_count)
{
    float *values = o->params.value;
    if (input_count == 0)
        cli_error("develop", "an input is missing; see 'softisp help develop'");
    else if (!o->output || !*o->output)
        cli_error("develop", "'-o OUT' is missing; see 'softisp help develop'");
    else if (!cli_check_raw("develop", &o->raw) || (o->coefficients && !load_coefficients(o)))
        return false;
    else if (o->coefficients && o->has_wishes)
        cli_error("develop",
            "--coefficients says all; --wb, --exposure, --demosaic, --color, --tone, --preset, "
            "--tuning, --sensor, --orientation and --set do not go with it");
    else {
        /* Linear camera RGB is for measuring: nothing but black, white and demosaic. */
        if (values[SISP_PARAM_COLOR] != 0 && values[SISP_PARAM_TONE] != 0)
            values[SISP_PARAM_LENS_SHADING] = 0;
        return true;
    }
    return false;
}

static void interrupted(int signal)
{
    sisp_writer_abandon_all();
    _exit(CLI_INTERRUPTED);
}

static void progress(unsigned done, unsigned count, const char *input)
{
    if (count > 1 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K[%u/%u] %s%s", done, count, input, done == count ? "\n" : "");
}

static int run_inputs(
    const struct develop_options *o, char **inputs, unsigned count, struct develop_target *targets)
{
    int code = CLI_DONE;
    for (unsigned i = 0; i < count; i++) {
        int one = develop_one(o, inputs[i], &targets[i]);
        if (one > code) /* 3 (output) and 4 (internal) outweigh 1 (input) */
            code = one;
        progress(i + 1, count, inputs[i]);
    }
    return code;
}

static int run(int argc, char **argv)
{
    static struct develop_options o; /* holds a whole lens shading mesh: not for the stack */
    o = (struct develop_options){.params = sisp_params_default(), .depth = 8, .isa = "auto"};
    int code = parse(argc, argv, &o);
    if (code)
        return code;
    unsigned count = (unsigned)(argc - optind);
    if (!check(&o, count))
        return CLI_WRONG_USE;
    struct develop_target *targets = calloc(count, sizeof(*targets));
    if (!targets) {
        cli_error("develop", "not enough memory for %u inputs", count);
        return CLI_INTERNAL;
    }
    if (!develop_name_targets(&o, argv + optind, count, targets)) {
        free(targets);
        return CLI_WRONG_USE;
    }
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    signal(SIGHUP, interrupted);
    int r = o.telemetry_path ? sisp_telemetry_open(&o.telemetry, o.telemetry_path) : 0;
    if (r == 0)
        code = run_inputs(&o, argv + optind, count, targets);
    int closed = sisp_telemetry_close(&o.telemetry);
    if (r || closed) {
        cli_error("develop", "%s: %s", o.telemetry_path, strerror(r ? -r : -closed));
        code = CLI_OUTPUT_FAILED;
    }
    free(targets);
    return code;
}

const struct cli_verb cli_develop = {"develop", "raw files become pictures", help, run};
