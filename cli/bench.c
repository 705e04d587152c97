/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp bench: the fast path and each kernel, beside the bound that memory sets in the same run.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: softisp bench [OPTION...]\n"
    "\n"
    "      --filter GLOB   only the cases of that name, such as 'path-*' or 'copy'\n"
    "      --size WxH      of the raw frames (1920x1080)\n"
    "      --rounds N      in each of which all cases take turns (9)\n"
    "      --threads N     1 to 64 (1)\n"
    "      --isa NAME      auto, base, v2, v3, v4, neon (all that this CPU has)\n"
    "      --json          a JSON list\n"
    "\n"
    "path-a is the whole fast path: SRGGB10 to XRGB8888 with black level, lens shading mesh, "
    "white\n"
    "balance, Malvar-He-Cutler, colour matrix, tone curve and statistics, from memory to memory.\n"
    "Beside it: cycles by the clock of the same run (case clock: dependent additions), the time "
    "of\n"
    "a copy of the same bytes (bound), and the ratio to GStreamer's bayer2rgb, which only\n"
    "demosaics 8 bits, if that is installed. A picture that differs between levels is an error.\n"
    "still is the background lane's developing, kernel-best its demosaic alone. burst-* are the "
    "steps\n"
    "of fusing eight frames, on one thread, for a sample of each frame.\n";

static const struct option long_options[] = {
    {"filter", required_argument, NULL, 'f'},
    {"size", required_argument, NULL, 's'},
    {"rounds", required_argument, NULL, 'r'},
    {"threads", required_argument, NULL, 't'},
    {"isa", required_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'j'},
    {0},
};

static void print_row(void *user, const struct sisp_bench_result *r)
{
    printf("%-22s %-5s %7u %5ux%-5u %6u ", r->name, r->isa, r->threads, r->width, r->height,
        r->rounds);
    if (r->skipped) {
        printf("skipped: %s\n", r->skipped);
        return;
    }
    printf("%9.3f %9.3f %9.3f %8.2f ", r->ns_per_pixel_min, r->ns_per_pixel_median,
        r->bound_ns_per_pixel, r->cycles_per_pixel);
    if (r->ratio_to_peer > 0)
        printf("%8.2f", r->ratio_to_peer);
    printf("\n");
}

static void collect(void *user, const struct sisp_bench_result *r)
{
    char hash[17] = "";
    if (r->output_hash)
        snprintf(hash, sizeof(hash), "%016" PRIx64, r->output_hash);
    json_array_append_new(user,
        json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:s,s:s*}", "name", r->name, "isa",
            r->isa, "threads", (json_int_t)r->threads, "width", (json_int_t)r->width, "height",
            (json_int_t)r->height, "rounds", (json_int_t)r->rounds, "ns_per_pixel_min",
            r->ns_per_pixel_min, "ns_per_pixel_median", r->ns_per_pixel_median,
            "bound_ns_per_pixel", r->bound_ns_per_pixel, "cycles_per_pixel", r->cycles_per_pixel,
            "ratio_to_peer", r->ratio_to_peer, "output_hash", hash, "skipped", r->skipped));
}

static int parse(int argc, char **argv, struct sisp_bench_params *params, bool *json)
{
    int c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        int isa = 0;
        switch (c) {
        case 'f':
            params->filter = optarg;
            break;
        case 'j':
            *json = true;
            break;
        case 't':
            if (!cli_parse_u32(optarg, 1, 64, &params->threads)) {
                cli_error("bench", "'--threads %s': 1 to 64", optarg);
                return CLI_WRONG_USE;
            }
            break;
        case 's':
            if (!cli_parse_size(optarg, &params->width, &params->height)) {
                cli_error("bench", "'--size %s': such as 1920x1080, sides of 64 to 8192", optarg);
                return CLI_WRONG_USE;
            }
            break;
        case 'r':
            if (!cli_parse_u32(optarg, 1, 10000, &params->rounds)) {
                cli_error("bench", "'--rounds %s': 1 to 10000", optarg);
                return CLI_WRONG_USE;
            }
            break;
        case 'i':
            isa = sisp_isa_find(optarg);
            params->isa = optarg;
            if (isa < 0) {
                cli_error("bench", "'--isa %s': %s", optarg,
                    isa == -ENOTSUP ? "this machine or build does not have that level"
                                    : "it is auto, base, v2, v3, v4 or neon");
                return CLI_WRONG_USE;
            }
            break;
        default:
            return cli_option_error("bench", c, argv);
        }
    }
    if (optind < argc) {
        cli_error("bench", "'%s' is not an option; see 'softisp help bench'", argv[optind]);
        return CLI_WRONG_USE;
    }
    return CLI_DONE;
}

static const char *reason(int error)
{
    switch (error) {
    case -ENOENT:
        return "no case has that name";
    case -EINVAL:
        return "sides are 64 to 8192";
    case -EBADMSG:
        return "levels or rounds give different pictures";
    default:
        return strerror(-error);
    }
}

static int run(int argc, char **argv)
{
    struct sisp_bench_params params = {0};
    bool json = false;
    int code = parse(argc, argv, &params, &json);
    if (code)
        return code;
    json_t *list = json_array();
    if (!json)
        printf("%-22s %-5s %7s %11s %6s %9s %9s %9s %8s %8s\n", "ns per pixel", "isa", "threads",
            "size", "rounds", "min", "median", "bound", "cycles", "to peer");
    int r = sisp_bench_run(&params, json ? collect : print_row, list);
    if (r) {
        json_decref(list);
        cli_error("bench", "%s", reason(r));
        return r == -ENOENT || r == -EINVAL ? CLI_WRONG_USE : CLI_INTERNAL;
    }
    if (!json) {
        json_decref(list);
        return cli_flush("bench");
    }
    return cli_json_print("bench", list);
}

const struct cli_verb cli_bench = {"bench", "how fast, and how far from the bound", help, run};
