/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp info: what this build and machine can do, or what a raw file says of itself. */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: softisp info [FILE|DEVICE] [OPTION...]\n"
    "       softisp info --knobs [--json]\n"
    "\n"
    "Without FILE: version, instruction set levels, raw formats, picture formats, memories.\n"
    "With FILE: what the raw file says of itself; --raw-format, --size, --stride, --cfa, --black\n"
    "and --white as for develop.\n"
    "With DEVICE, such as /dev/video0: what the V4L2 device is, and what --camera v4l2: can do "
    "with\n"
    "it; nothing is set.\n"
    "With --knobs: the engine's knobs for --config and --knob, their ranges and defaults.\n";

static const struct option long_options[] = {
    {"raw-format", required_argument, NULL, 0},
    {"size", required_argument, NULL, 0},
    {"stride", required_argument, NULL, 0},
    {"cfa", required_argument, NULL, 0},
    {"black", required_argument, NULL, 0},
    {"white", required_argument, NULL, 0},
    {"knobs", no_argument, NULL, 'k'},
    {"json", no_argument, NULL, 'j'},
    {0},
};

/* Without a cache each read goes to memory by itself. */
#define UNCACHED_BELOW 0.25

static void print_memories(void)
{
    char why[256];
    for (int m = 0; m < SISP_MEMORY_IMPORTED; m++) {
        enum sisp_memory memory = (enum sisp_memory)m;
        double ratio;
        if (sisp_memory_probe(memory, why, sizeof(why)) != 0)
            printf("memory: %s\n", why);
        else if (sisp_memory_measure(memory, &ratio) != 0)
            printf("memory: %s\n", sisp_memory_name(memory));
        else
            printf("memory: %s, %s (read at %.2f times the speed of ordinary memory)\n",
                sisp_memory_name(memory), ratio < UNCACHED_BELOW ? "uncached" : "cached", ratio);
    }
}

static void print_machine(void)
{
    printf("softisp %s\ncpus: %ld\ninstruction set levels:", sisp_version(),
        sysconf(_SC_NPROCESSORS_ONLN));
    for (unsigned i = 0; sisp_isa_name(i); i++) {
        if (sisp_isa_find(sisp_isa_name(i)) >= 0)
            printf(" %s", sisp_isa_name(i));
    }
    printf(" (auto is %s)\nwrites:", sisp_isa_name((unsigned)sisp_isa_find("auto")));
    for (const struct sisp_writer *w = sisp_writers; w->name; w++)
        printf(" %s%s", w->name, w->available ? "" : " (not in this build)");
    printf("\nraw formats:");
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++)
        printf("%s%s", (f - sisp_raw_formats) % 8 ? " " : "\n  ", f->name);
    printf("\nreads also: DNG and what LibRaw decodes, binary PGM\n");
    print_memories();
}

static void print_matrix(const char *name, const float *m)
{
    printf("%s:", name);
    for (int i = 0; i < 9; i++)
        printf(" %.4f", (double)m[i]);
    putchar('\n');
}

static void print_profile(const struct sisp_color_profile *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        printf("colour at %.0f K, ", (double)p->cct_kelvin[i]);
        print_matrix("XYZ to camera", p->color_matrix[i]);
        if (p->has_forward)
            print_matrix("  camera to XYZ D50", p->forward_matrix[i]);
    }
    if (!p->count)
        puts("colour: no matrix; a generic one will be used");
}

static void print_file(const char *path, const struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    printf("%s: %ux%u, %s, rows of %zu bytes\n", path, info->width, info->height, format->name,
        info->stride_bytes);
    printf("crop: %ux%u at %u,%u; orientation %u\n", info->crop.width, info->crop.height,
        info->crop.x, info->crop.y, info->orientation);
    printf("black: %g %g %g %g (R Gr Gb B); white: %g\n", (double)info->black_level[0],
        (double)info->black_level[1], (double)info->black_level[2], (double)info->black_level[3],
        (double)info->white_level);
    if (info->has_optical_black)
        printf("optical black: %g %g %g %g\n", (double)info->optical_black[0],
            (double)info->optical_black[1], (double)info->optical_black[2],
            (double)info->optical_black[3]);
    if (info->has_as_shot)
        printf("as shot: R %.4f, B %.4f\n", (double)info->as_shot_gains[0],
            (double)info->as_shot_gains[2]);
    print_profile(&info->profile);
    printf("lens shading: %s", info->lsc.cols ? "" : "none\n");
    if (info->lsc.cols)
        printf("%ux%u knots\n", info->lsc.cols, info->lsc.rows);
    printf("noise: variance = %g x + %g; baseline exposure %+.2f EV\n", (double)info->noise_shot,
        (double)info->noise_read, (double)info->baseline_exposure_ev);
    const struct sisp_exif *exif = &info->exif;
    if (exif->make[0] || exif->model[0])
        printf("camera: %s %s\n", exif->make, exif->model);
    if (exif->exposure_us > 0)
        printf("exposure: %.6g s, ISO %.0f, f/%.1f, %.1f mm\n", exif->exposure_us / 1e6, exif->iso,
            exif->f_number, exif->focal_length_mm);
}

static void print_order(const struct sisp_raw_file *file)
{
    struct sisp_cfa_check check;
    char text[256];
    sisp_cfa_check(sisp_raw_file_info(file), sisp_raw_file_samples(file), &check);
    if (sisp_cfa_check_text(&check, text, sizeof(text)))
        printf("wrong: %s\n", text);
    else
        printf("CFA order: %s\n", check.verdict == SISP_CFA_PLAUSIBLE
                                      ? "agrees with the picture"
                                      : "the picture does not tell whether it is right");
}

static bool is_device(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISCHR(status.st_mode);
}

static int print_device(const char *path)
{
    char text[16384], error[512];
    if (sisp_v4l2_describe(path, text, sizeof(text), error, sizeof(error)) != 0) {
        cli_error("info", "%s", error);
        return CLI_INPUT_FAILED;
    }
    fputs(text, stdout);
    return cli_flush("info");
}

static int run(int argc, char **argv)
{
    struct cli_raw_options raw = {0};
    bool has_knobs = false, has_json = false;
    int index, c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (c == 'k' || c == 'j') {
            has_knobs |= c == 'k';
            has_json |= c == 'j';
            continue;
        }
        if (c != 0)
            return cli_option_error("info", c, argv);
        if (cli_raw_option("info", &raw, long_options[index].name, optarg) < 0)
            return CLI_WRONG_USE;
    }
    if (has_knobs && argc - optind == 0)
        return cli_print_knobs("info", has_json);
    if (has_knobs || has_json) {
        cli_error("info", "--json goes with --knobs, and --knobs with no file");
        return CLI_WRONG_USE;
    }
    if (argc - optind > 1 || (argc == optind && argc > 1)) {
        cli_error("info", "one file, please; see 'softisp help info'");
        return CLI_WRONG_USE;
    }
    if (!cli_check_raw("info", &raw))
        return CLI_WRONG_USE;
    if (argc == optind) {
        print_machine();
    } else if (is_device(argv[optind])) {
        return print_device(argv[optind]);
    } else {
        struct sisp_raw_file *file;
        char error[512];
        if (sisp_raw_file_open(&file, argv[optind], &raw.open, error, sizeof(error)) != 0) {
            cli_error("info", "%s: %s", argv[optind], error);
            return CLI_INPUT_FAILED;
        }
        print_file(argv[optind], sisp_raw_file_info(file));
        print_order(file);
        sisp_raw_file_destroy(&file);
    }
    return cli_flush("info");
}

const struct cli_verb cli_info = {
    "info", "what this build can do, or what a raw file says", help, run};
