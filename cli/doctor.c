/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp doctor: what is known of a camera, from where, and what is missing or wrong. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: softisp doctor [IN] [--camera sim[:KEY=VALUE,...]] [--tuning FILE] [OPTION...]\n"
    "\n"
    "Says which tuning file is used, what each correction is made from, what is missing and what\n"
    "is wrong, in plain words.\n"
    "\n"
    "      --tuning FILE        Raspberry Pi's JSON (versions 1, 2), libcamera's YAML,\n"
    "                           a DCP or a DNG\n"
    "      --sensor NAME        the tuning file that is used for that sensor, such as imx219\n"
    "      --camera sim[:...]   ask about the simulated camera, with options as for live\n"
    "  IN                       ask about a raw file; --raw-format, --size, --stride, --cfa,\n"
    "                           --black and --white as for develop\n"
    "\n"
    "Exit: 0 all is there, 1 something is missing or wrong, 2 wrong use.\n";

static const struct option long_options[] = {
    {"tuning", required_argument, NULL, 0},
    {"sensor", required_argument, NULL, 0},
    {"camera", required_argument, NULL, 0},
    {"raw-format", required_argument, NULL, 0},
    {"size", required_argument, NULL, 0},
    {"stride", required_argument, NULL, 0},
    {"cfa", required_argument, NULL, 0},
    {"black", required_argument, NULL, 0},
    {"white", required_argument, NULL, 0},
    {0},
};

struct doctor {
    const char *tuning_path, *sensor, *input;
    char found[4096]; /* for the sensor */
    bool is_sim;
    const char *sim_options; /* NULL: none */
    struct cli_raw_options raw;
    struct sisp_tuning tuning;
    struct sisp_raw_info info; /* fourcc 0: of no camera */
    struct sisp_cfa_check order;
};

static bool set_option(struct doctor *d, const char *name, const char *value)
{
    int r = cli_raw_option("doctor", &d->raw, name, value);
    if (r)
        return r > 0;
    if (strcmp(name, "tuning") == 0) {
        d->tuning_path = value;
        return true;
    }
    if (strcmp(name, "sensor") == 0) {
        d->sensor = value;
        return true;
    }
    d->is_sim = strcmp(value, "sim") == 0 || strncmp(value, "sim:", 4) == 0;
    d->sim_options = d->is_sim && value[3] ? value + 4 : NULL;
    if (!d->is_sim)
        cli_error("doctor",
            "'--camera %s': it is sim or sim:KEY=VALUE,...; for a real camera give one of its "
            "frames as IN",
            value);
    return d->is_sim;
}

static int parse(int argc, char **argv, struct doctor *d)
{
    int index, c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (c != 0)
            return cli_option_error("doctor", c, argv);
        if (!set_option(d, long_options[index].name, optarg))
            return CLI_WRONG_USE;
    }
    if (argc - optind > 1 || (argc > optind && d->is_sim)) {
        cli_error("doctor", "one camera or one file, please; see 'softisp help doctor'");
        return CLI_WRONG_USE;
    }
    d->input = argv[optind];
    return cli_check_raw("doctor", &d->raw) ? CLI_DONE : CLI_WRONG_USE;
}

static int ask_simulator(struct doctor *d)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = {
        .width = 640, .height = 480, .fps_num = 30, .fps_den = 1, .options = d->sim_options};
    char error[512];
    if (sisp_camera_sim_check(&params, error, sizeof(error)) != 0) {
        cli_error("doctor", "the camera: %s", error);
        return CLI_WRONG_USE;
    }
    int r = sisp_camera_open_sim(&camera, &params);
    if (r) {
        cli_error("doctor", "the camera: %s", strerror(-r));
        return CLI_INTERNAL;
    }
    d->info = *sisp_camera_info(camera);
    sisp_camera_destroy(&camera);
    return CLI_DONE;
}

static int ask_file(struct doctor *d)
{
    struct sisp_raw_file *file;
    char error[512];
    if (sisp_raw_file_open(&file, d->input, &d->raw.open, error, sizeof(error)) != 0) {
        cli_error("doctor", "%s: %s", d->input, error);
        return CLI_INPUT_FAILED;
    }
    d->info = *sisp_raw_file_info(file);
    sisp_cfa_check(&d->info, sisp_raw_file_samples(file), &d->order);
    sisp_raw_file_destroy(&file);
    return CLI_DONE;
}

/* The parts that the camera or the raw file says itself. */
static uint32_t parts_of_info(const struct sisp_raw_info *info)
{
    uint32_t parts = 0;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        parts |= info->black_level[i] > 0 ? 1u << SISP_TUNING_BLACK : 0;
    if (info->profile.count)
        parts |= 1u << SISP_TUNING_COLOR | 1u << SISP_TUNING_WHITE | 1u << SISP_TUNING_PROFILE;
    if (info->lsc.cols)
        parts |= 1u << SISP_TUNING_SHADING;
    if (info->noise_shot > 0 || info->noise_read > 0)
        parts |= 1u << SISP_TUNING_NOISE;
    return parts;
}

static void print_sources(const struct doctor *d, uint32_t own)
{
    const char *unknown[SISP_TUNING_PART_COUNT] = {"0, which may be unstated", "none",
        "generic default", "none", "generic default", "none", "generic default", "none", "none",
        "generic default"};
    uint32_t tuned = d->tuning.parts;
    if (tuned >> SISP_TUNING_PROFILE & 1)
        tuned |= 1u << SISP_TUNING_COLOR | 1u << SISP_TUNING_WHITE;
    for (unsigned part = 0; sisp_tuning_part_name(part); part++) {
        bool is_tuned = tuned >> part & 1, is_own = own >> part & 1;
        /* What a frame says of its own black level is true of that very frame. */
        bool is_own_better = part == SISP_TUNING_BLACK;
        const char *from = unknown[part];
        if (is_own && (!is_tuned || is_own_better))
            from = d->is_sim ? "camera" : "raw file";
        else if (is_tuned)
            from = "tuning file";
        printf("%-22s %s\n", sisp_tuning_part_name(part), from);
    }
}

/* Returns whether all is well. */
static bool print_findings(const struct doctor *d, uint32_t own)
{
    static const char *const kinds[] = {"note", "missing", "wrong"};
    static struct sisp_tuning known;
    char text[1024];
    int kind;
    bool is_well = !sisp_cfa_check_text(&d->order, text, sizeof(text));
    if (!is_well)
        printf("wrong: %s\n", text);
    known = d->tuning;
    known.parts |= own;
    for (unsigned i = 0; (kind = sisp_tuning_finding(&known, i, text, sizeof(text))) >= 0; i++) {
        printf("%s: %s\n", kinds[kind], text);
        is_well &= kind == SISP_FINDING_NOTE;
    }
    return is_well;
}

/* The next file from candidate *index on that is there; false past the last. */
static bool next_file(const char *sensor, unsigned *index, char *path, size_t path_size)
{
    for (;;) {
        int r = sisp_tuning_candidate(sensor, (*index)++, path, path_size);
        if (r == -ENOENT || r == -EINVAL)
            return false;
        if (r == 0 && access(path, F_OK) == 0)
            return true;
    }
}

static int find_tuning(struct doctor *d)
{
    unsigned index = 0;
    if (sisp_tuning_candidate(d->sensor, 0, d->found, sizeof(d->found)) == -EINVAL) {
        cli_error("doctor", "'--sensor %s' is not a sensor's name, such as imx219", d->sensor);
        return CLI_WRONG_USE;
    }
    if (!d->tuning_path && next_file(d->sensor, &index, d->found, sizeof(d->found)))
        d->tuning_path = d->found;
    return CLI_DONE;
}

/* Files of lower rank are easily taken for the one in force. */
static void print_passed_over(const struct doctor *d)
{
    char path[4096];
    for (unsigned index = 0; next_file(d->sensor, &index, path, sizeof(path));) {
        if (strcmp(path, d->tuning_path) != 0)
            printf("note: %s is for %s too, but the one above comes first\n", path, d->sensor);
    }
}

static void print_folders(const char *sensor)
{
    char path[4096];
    printf("tuning file: there is none for %s. %s.yaml, %s.json and %s.dcp are looked for in\n",
        sensor, sensor, sensor, sensor);
    for (unsigned i = 0; sisp_tuning_folder(i, path, sizeof(path)) != -ENOENT; i++)
        printf("  %s%s\n", path, access(path, F_OK) == 0 ? "" : " (not there)");
}

/* Which file, and why that one. */
static void print_tuning(const struct doctor *d)
{
    const char *target = d->tuning.target, *why = d->tuning_path == d->found ? "found" : "given";
    if (d->tuning_path)
        printf("tuning file: %s%s%s%s%s%s\n", d->tuning_path, target[0] ? ", for " : "", target,
            d->sensor ? " (" : "", d->sensor ? why : "", d->sensor ? ")" : "");
    else if (d->sensor)
        print_folders(d->sensor);
    else
        puts("tuning file: none was given (--tuning FILE, or --sensor NAME to look for one)");
    if (d->tuning_path && d->sensor)
        print_passed_over(d);
}

static int run(int argc, char **argv)
{
    static struct doctor d; /* holds whole tables: not for the stack */
    char error[512];
    int code = parse(argc, argv, &d);
    if (code == CLI_DONE && d.sensor)
        code = find_tuning(&d);
    if (code == CLI_DONE && d.is_sim)
        code = ask_simulator(&d);
    if (code == CLI_DONE && d.input)
        code = ask_file(&d);
    if (code)
        return code;
    if (d.tuning_path && sisp_tuning_load(&d.tuning, d.tuning_path, error, sizeof(error)) != 0) {
        cli_error("doctor", "%s", error);
        return CLI_INPUT_FAILED;
    }
    print_tuning(&d);
    uint32_t own = parts_of_info(&d.info);
    print_sources(&d, own);
    bool is_well = print_findings(&d, own);
    puts(is_well ? "all that a good picture needs is there" : "something is missing or wrong");
    code = cli_flush("doctor");
    return code ? code : is_well ? CLI_DONE : CLI_INPUT_FAILED;
}

const struct cli_verb cli_doctor = {
    "doctor", "what is known of a camera, what is missing, what is wrong", help, run};
