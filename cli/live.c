/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp live: a camera's frames become previews, a press of the shutter becomes a still. */
#include "live.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: softisp live --camera sim[:KEY=VALUE,...]|stdin|v4l2:DEVICE[,OPTION...] [OPTION...]\n"
    "\n"
    "      --camera sim         the simulated camera, such as sim:lamp=50,depth=0.4; keys are "
    "below\n"
    "      --camera stdin       headerless frames on standard input:\n"
    "                           v4l2-ctl --stream-mmap --stream-to=- | softisp live --camera "
    "stdin\n"
    "                           --raw-format SRGGB10P --size 1920x1080\n"
    "                           (a recording, given by <, is read at the frame rate)\n"
    "      --camera v4l2:/dev/video0  a V4L2 device; formats are set from its sensor on. Options:\n"
    "                           buffers=mmap (the driver's own), userptr or dmabuf (the "
    "session's)\n"
    "                           memory=memfd, udmabuf or dma-heap, of the session's\n"
    "      --size WxH           of the raw frames (1920x1080; a device's: as it is set)\n"
    "      --fps N[/D]          frame rate (30)\n"
    "      --frames N           stop after N frames\n"
    "      --seconds S          stop after S seconds of frames\n"
    "      --preview PATH       FILE.y4m, a folder (PNG files), or - (Y4M on standard output)\n"
    "      --preview-size WxH   (640x360, or the frame's own size if smaller)\n"
    "      --preview-format NAME  of Y4M: NV12, YUYV (4:2:2) or P010 (10 bits) (NV12)\n"
    "      --full FILE.y4m      the same frames at their full size, from the same pass\n"
    "      --orientation NAME   rotate-0, -90, -180 or -270 (clockwise), mirror, flip, transpose "
    "or\n"
    "                           rotate-180-transpose, of previews and stills (rotate-0)\n"
    "      --shutter FRAME      press the shutter at this frame: a burst becomes a still\n"
    "      --burst N            frames fused at a press, 2 to 16 (4); fewer while there are fewer\n"
    "      --still PATH         where the still goes; %s is the frame (still-%s.jpg)\n"
    "      --overload FRAME[:COUNT]  rehearse trouble: the fast worker sleeps past its deadline\n"
    "      --raw DIR            keep raw frames in DIR, as the camera gave them\n"
    "      --telemetry FILE     CSV, a row a frame; FILE.params.jsonl, FILE.events.csv\n"
    "      --raw-format NAME    of the frames (SRGGB10; a device's: as it is set); --stride "
    "--black --white as for develop\n"
    "      --black optical      black level as measured in samples that no light reaches\n"
    "      --black learned      black level as learned from pictures\n"
    "      --dark EDGE:N        no light reaches N rows or columns at this edge of each frame\n"
    "                           (top, bottom, left, right); they are no part of pictures\n"
    "      --tuning FILE        as for develop; a changed file is taken over while the camera "
    "runs\n"
    "      --sensor NAME        as for develop\n"
    "      --seed N             of the simulated camera: same seed, same frames (1)\n"
    "      --preset natural|neutral|vivid  the look: natural lifts shadows, holds highlights and\n"
    "                           sharpens stills; neutral does not; vivid has more contrast and\n"
    "                           colour, too (natural)\n"
    "      --set NAME=VALUE     any parameter of the table below; may be repeated\n"
    "      --threads N          0: one for each CPU (0)\n"
    "      --isa NAME           auto, base, v2, v3, v4, neon; never changes the picture\n"
    "      --json               figures as one line of JSON on standard output\n"
    "      --config FILE        knobs of the engine, YAML; 'softisp info --knobs' lists them\n"
    "      --knob NAME=VALUE    one knob, such as lease=5s; wins over the file\n"
    "\n"
    "Exit: as for develop. Ctrl-C ends the run cleanly; what was recorded stays.\n";

static const struct option long_options[] = {
    {"camera", required_argument, NULL, 0},
    {"size", required_argument, NULL, 0},
    {"fps", required_argument, NULL, 0},
    {"frames", required_argument, NULL, 0},
    {"seconds", required_argument, NULL, 0},
    {"preview", required_argument, NULL, 0},
    {"preview-size", required_argument, NULL, 0},
    {"preview-format", required_argument, NULL, 0},
    {"full", required_argument, NULL, 0},
    {"orientation", required_argument, NULL, 0},
    {"shutter", required_argument, NULL, 0},
    {"burst", required_argument, NULL, 0},
    {"still", required_argument, NULL, 0},
    {"overload", required_argument, NULL, 0},
    {"raw", required_argument, NULL, 0},
    {"telemetry", required_argument, NULL, 0},
    {"tuning", required_argument, NULL, 0},
    {"sensor", required_argument, NULL, 0},
    {"raw-format", required_argument, NULL, 0},
    {"stride", required_argument, NULL, 0},
    {"black", required_argument, NULL, 0},
    {"white", required_argument, NULL, 0},
    {"dark", required_argument, NULL, 0},
    {"seed", required_argument, NULL, 0},
    {"preset", required_argument, NULL, 0},
    {"set", required_argument, NULL, 0},
    {"threads", required_argument, NULL, 0},
    {"isa", required_argument, NULL, 0},
    {"json", no_argument, NULL, 0},
    {"config", required_argument, NULL, 0},
    {"knob", required_argument, NULL, 0},
    {0},
};

/* Options as given, before they are put together. */
struct given {
    const char *camera, *preview_format;
    double seconds;
    struct live_options live;
};

static bool bad_value(const char *name, const char *value, const char *wants)
{
    cli_error("live", "'--%s %s': %s", name, value, wants);
    return false;
}

static bool set_fps(struct live_options *o, const char *value)
{
    char copy[32];
    if (strlen(value) >= sizeof(copy))
        return false;
    strcpy(copy, value);
    char *slash = strchr(copy, '/');
    o->fps_den = 1;
    if (slash) {
        *slash = '\0';
        if (!cli_parse_u32(slash + 1, 1, 100000, &o->fps_den))
            return false;
    }
    if (!cli_parse_u32(copy, 1, 1000000, &o->fps_num))
        return false;
    double fps = (double)o->fps_num / o->fps_den;
    return fps >= 0.1 && fps <= 1000;
}

static bool set_overload(struct live_options *o, const char *value)
{
    char copy[64];
    if (strlen(value) >= sizeof(copy))
        return false;
    strcpy(copy, value);
    char *colon = strchr(copy, ':');
    o->overload_count = 1;
    if (colon) {
        *colon = '\0';
        if (!cli_parse_u32(colon + 1, 1, 1000000, &o->overload_count))
            return false;
    }
    return cli_parse_u64(copy, &o->overload_first);
}

static bool is_y4m(const char *value)
{
    return strcmp(value, "-") == 0 || cli_has_extension(value, ".y4m");
}

static bool set_full(struct live_options *o, const char *value)
{
    o->full = value;
    return is_y4m(value) || bad_value("full", value, "it is FILE.y4m or -");
}

static bool set_preview(struct live_options *o, const char *value)
{
    struct stat status;
    o->preview = value;
    if (is_y4m(value))
        o->preview_kind = PREVIEW_Y4M;
    else if (stat(value, &status) == 0 && S_ISDIR(status.st_mode))
        o->preview_kind = PREVIEW_PNGS;
    else
        return bad_value("preview", value, "it is FILE.y4m, a folder that exists, or -");
    return true;
}

static bool set_preview_format(struct given *g, const char *value)
{
    const int format = sisp_pixel_format_find(value);
    if (format != SISP_PIXEL_NV12 && format != SISP_PIXEL_YUYV && format != SISP_PIXEL_P010)
        return bad_value("preview-format", value, "it is NV12, YUYV or P010");
    g->preview_format = value;
    g->live.preview_format = (enum sisp_pixel_format)format;
    return true;
}

static bool set_still(struct live_options *o, const char *value)
{
    const struct sisp_writer *writer = sisp_writer_find(value);
    if (!writer || !writer->available)
        return bad_value("still", value, "the extension is none of .jpg .png .tiff .ppm");
    o->still = value;
    return true;
}

static bool set_isa(struct live_options *o, const char *value)
{
    o->isa = value;
    int r = sisp_isa_find(value);
    if (r == -ENOTSUP)
        return bad_value("isa", value, "this machine or build does not have that level");
    return r >= 0 || bad_value("isa", value, "it is auto, base, v2, v3, v4 or neon");
}

static bool set_number_option(struct given *g, const char *name, const char *value)
{
    struct live_options *o = &g->live;
    if (strcmp(name, "fps") == 0)
        return set_fps(o, value) || bad_value(name, value, "frames a second, 0.1 to 1000, or N/D");
    if (strcmp(name, "frames") == 0)
        return (cli_parse_u64(value, &o->frames) && o->frames > 0) ||
               bad_value(name, value, "a whole number from 1 on");
    if (strcmp(name, "seconds") == 0)
        return (cli_parse_number(value, &g->seconds) && g->seconds > 0 && g->seconds < 1e7) ||
               bad_value(name, value, "a positive number");
    if (strcmp(name, "preview-size") == 0)
        return cli_parse_size(value, &o->preview_width, &o->preview_height) ||
               bad_value(name, value, "a size is WIDTHxHEIGHT");
    if (strcmp(name, "shutter") == 0) {
        o->has_shutter = true;
        return cli_parse_u64(value, &o->shutter) || bad_value(name, value, "a frame's number");
    }
    if (strcmp(name, "burst") == 0)
        return cli_parse_u32(value, 2, 16, &o->burst_frames) || bad_value(name, value, "2 to 16");
    if (strcmp(name, "overload") == 0)
        return set_overload(o, value) || bad_value(name, value, "it is FRAME or FRAME:COUNT");
    if (strcmp(name, "seed") == 0)
        return cli_parse_u64(value, &o->seed) || bad_value(name, value, "a whole number");
    return cli_parse_u32(value, 0, 64, &o->threads) || bad_value(name, value, "0 to 64");
}

static bool set_dark(struct live_options *o, const char *value)
{
    static const char *const edges[] = {"top", "bottom", "left", "right"};
    const char *colon = strchr(value, ':');
    const size_t length = colon ? (size_t)(colon - value) : 0;
    for (unsigned i = 0; colon && i < sizeof(edges) / sizeof(*edges); i++) {
        if (strlen(edges[i]) != length || strncmp(value, edges[i], length) != 0)
            continue;
        o->dark.edge = (enum sisp_edge)i;
        if (cli_parse_u32(colon + 1, 2, 4096, &o->dark.lines) && o->dark.lines % 2 == 0)
            return true;
    }
    return bad_value(
        "dark", value, "it is top, bottom, left or right, ':', and an even number from 2 on");
}

/* The last one given holds, be it a level or a way to find it. */
static int set_black(struct live_options *o, const char *value)
{
    float *mode = &o->params.value[SISP_PARAM_BLACK_MODE];
    struct sisp_raw_open_params *open = &o->raw.open;
    if (strcmp(value, "learned") == 0) {
        *mode = SISP_BLACK_LEARNED;
        open->black_count = 0;
        return 1;
    }
    int r = cli_raw_option("live", &o->raw, "black", value);
    *mode = open->use_optical_black ? SISP_BLACK_OPTICAL : SISP_BLACK_STATED;
    return r;
}

static bool set_option(struct given *g, const char *name, const char *value)
{
    struct live_options *o = &g->live;
    int r = 0;
    if (strcmp(name, "black") == 0)
        r = set_black(o, value);
    else if (value)
        r = cli_raw_option("live", &o->raw, name, value);
    if (value && !r)
        r = cli_knob_option("live", &o->knobs, name, value);
    if (value && !r)
        r = cli_tuning_option("live", &o->tuning, name, value);
    if (r)
        return r > 0;
    if (strcmp(name, "camera") == 0)
        g->camera = value;
    else if (strcmp(name, "preview") == 0)
        return set_preview(o, value);
    else if (strcmp(name, "full") == 0)
        return set_full(o, value);
    else if (strcmp(name, "preview-format") == 0)
        return set_preview_format(g, value);
    else if (strcmp(name, "orientation") == 0)
        return cli_parse_orientation("live", value, &o->orientation);
    else if (strcmp(name, "still") == 0)
        return set_still(o, value);
    else if (strcmp(name, "raw") == 0)
        o->raw_folder = value;
    else if (strcmp(name, "telemetry") == 0)
        o->telemetry_path = value;
    else if (strcmp(name, "preset") == 0)
        return cli_set_preset("live", &o->params, value);
    else if (strcmp(name, "set") == 0)
        return cli_set_param("live", &o->params, value);
    else if (strcmp(name, "isa") == 0)
        return set_isa(o, value);
    else if (strcmp(name, "json") == 0)
        o->json = true;
    else if (strcmp(name, "dark") == 0)
        return set_dark(o, value);
    else
        return set_number_option(g, name, value);
    return true;
}

static int parse(int argc, char **argv, struct given *g)
{
    int index, c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (c != 0)
            return cli_option_error("live", c, argv);
        if (!set_option(g, long_options[index].name, optarg))
            return CLI_WRONG_USE;
    }
    if (optind < argc) {
        cli_error("live", "'%s' is not an option; see 'softisp help live'", argv[optind]);
        return CLI_WRONG_USE;
    }
    return CLI_DONE;
}

static bool check_source(struct given *g)
{
    struct live_options *o = &g->live;
    if (!g->camera) {
        cli_error("live", "'--camera sim', 'stdin' or 'v4l2:DEVICE' is missing");
        return false;
    }
    o->is_stdin = strcmp(g->camera, "stdin") == 0;
    if (strncmp(g->camera, "v4l2:", 5) == 0)
        return live_device_options(o, g->camera + 5);
    if (strncmp(g->camera, "sim:", 4) == 0)
        o->sim_options = g->camera + 4;
    else if (!o->is_stdin && strcmp(g->camera, "sim") != 0)
        return bad_value("camera", g->camera, "it is sim, sim:KEY=VALUE,..., stdin or v4l2:DEVICE");
    return true;
}

static bool check_camera(struct given *g)
{
    struct live_options *o = &g->live;
    struct sisp_raw_open_params *open = &o->raw.open;
    if (!check_source(g))
        return false;
    if (o->is_stdin && (!open->raw_format || !open->width)) {
        cli_error("live", "--camera stdin needs --raw-format and --size");
        return false;
    }
    bool has_levels = open->black_count || open->white_level > 0;
    if (!o->is_stdin && (open->stride_bytes || (has_levels && !o->device))) {
        cli_error("live", "--stride, --black and --white go with --camera stdin");
        return false;
    }
    if (o->dark.lines && !o->is_stdin && !o->device) {
        cli_error("live", "--dark: the simulated camera has dark rows by sim:dark-rows=N");
        return false;
    }
    if (!open->width && !o->device) {
        open->width = 1920;
        open->height = 1080;
    }
    return true;
}

/* PNG files are made from RGB, and a video from YUV. */
static bool check_preview_format(struct given *g)
{
    struct live_options *o = &g->live;
    if (o->preview_kind == PREVIEW_PNGS && g->preview_format)
        return bad_value("preview-format", g->preview_format, "a folder of PNG files has no YUV");
    if (!g->preview_format)
        o->preview_format = o->preview_kind == PREVIEW_PNGS ? SISP_PIXEL_RGB24 : SISP_PIXEL_NV12;
    return true;
}

static bool check_standard_output(const struct live_options *o)
{
    const bool has_preview = o->preview && strcmp(o->preview, "-") == 0;
    const bool has_full = o->full && strcmp(o->full, "-") == 0;
    if (o->preview && o->full && strcmp(o->preview, o->full) == 0)
        cli_error("live", "--preview and --full both write '%s'", o->full);
    else if (o->json && (has_preview || has_full))
        cli_error("live", "--json and '--%s -' both need the standard output",
            has_preview ? "preview" : "full");
    else
        return true;
    return false;
}

bool live_fit_preview(struct live_options *o)
{
    const struct sisp_dark_edge *dark = &o->dark;
    uint32_t size[2] = {o->raw.open.width, o->raw.open.height}; /* of what light reaches */
    uint32_t *across = &size[dark->edge == SISP_EDGE_TOP || dark->edge == SISP_EDGE_BOTTOM];
    if (dark->lines > *across / 2) {
        cli_error(
            "live", "--dark: no more than half of the frame (%ux%u) is dark", size[0], size[1]);
        return false;
    }
    *across -= dark->lines;
    if (!o->preview_width) {
        bool is_small = size[0] < 640 || size[1] < 360;
        o->preview_width = is_small ? size[0] : 640;
        o->preview_height = is_small ? size[1] : 360;
    }
    if (o->preview_width > size[0] || o->preview_height > size[1]) {
        cli_error("live", "the preview (%ux%u) is larger than the frame (%ux%u)", o->preview_width,
            o->preview_height, size[0], size[1]);
        return false;
    }
    return true;
}

static bool check(struct given *g)
{
    struct live_options *o = &g->live;
    struct stat status;
    if (!check_camera(g) || !check_preview_format(g))
        return false;
    if (o->frames && g->seconds > 0) {
        cli_error("live", "--frames and --seconds both say when to stop");
        return false;
    }
    if (g->seconds > 0)
        o->frames = (uint64_t)(g->seconds * o->fps_num / o->fps_den + 0.5);
    if (g->seconds > 0 && !o->frames)
        o->frames = 1;
    if (o->has_shutter && o->frames && o->shutter >= o->frames) {
        cli_error("live", "the shutter is pressed at frame %llu, but the last one is %llu",
            (unsigned long long)o->shutter, (unsigned long long)o->frames - 1);
        return false;
    }
    if (!o->device && !live_fit_turned(o))
        return false;
    if (o->raw_folder && !(stat(o->raw_folder, &status) == 0 && S_ISDIR(status.st_mode)))
        return bad_value("raw", o->raw_folder, "it is not a folder");
    return check_standard_output(o);
}

static int run(int argc, char **argv)
{
    struct given g = {.live = {.params = sisp_params_default(),
                          .fps_num = 30,
                          .fps_den = 1,
                          .seed = 1,
                          .burst_frames = 4,
                          .still = "still-%s.jpg",
                          .isa = "auto"}};
    int code = parse(argc, argv, &g);
    if (code)
        return code;
    if (!check(&g))
        return CLI_WRONG_USE;
    struct live_summary summary = {0};
    code = live_run(&g.live, &summary);
    if (code == CLI_OUTPUT_FAILED || (code && !summary.captured))
        return code;
    int reported = live_report(&g.live, &summary);
    return code ? code : reported;
}

const struct cli_verb cli_live = {
    "live", "a camera's frames become previews and stills", help, run};
