/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp: one command, a verb for each job. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct cli_verb *const verbs[] = {
    &cli_develop, &cli_fuse, &cli_live, &cli_info, &cli_doctor, &cli_bench};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    }
    return NULL;
}

static void print_params(void)
{
    puts("\nParameters for --set NAME=VALUE (unit, range, default):");
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        const struct sisp_param_row *row = &sisp_param_table[i];
        printf("  %-14s %-5s %g to %g, %g: %s\n", row->name, row->unit, (double)row->min,
            (double)row->max, (double)row->value_default, row->help);
    }
}

static void print_controls(void)
{
    unsigned count;
    const struct sisp_control_row *controls = sisp_control_table(&count);
    puts("\nThe same by libcamera's names, for --set NAME=VALUE[,VALUE] (range):");
    for (unsigned i = 0; i < count; i++)
        printf("  %-16s %g to %g: %s\n", controls[i].name, (double)controls[i].min,
            (double)controls[i].max, controls[i].help);
}

static void print_sim_options(void)
{
    uint32_t count;
    const struct sisp_camera_option *options = sisp_camera_sim_options(&count);
    puts("\nKeys for --camera sim:KEY=VALUE,... (values, default):");
    for (uint32_t i = 0; i < count; i++)
        printf("  %s=%s: %s\n", options[i].key, options[i].values, options[i].help);
}

static int print_help(const struct cli_verb *verb)
{
    if (verb) {
        printf("softisp %s: %s\n\n%s", verb->name, verb->summary, verb->help);
        if (verb == &cli_develop || verb == &cli_fuse || verb == &cli_live) {
            print_params();
            print_controls();
        }
        if (verb == &cli_live)
            print_sim_options();
    } else {
        puts("softisp: raw Bayer frames in, finished pictures out\n\nusage: softisp VERB "
             "[OPTION...]");
        for (size_t i = 0; i < VERB_COUNT; i++)
            printf("  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
        puts("  help     say more about a verb: softisp help VERB\n\n"
             "softisp --version prints the version. The manual page is softisp(1).");
    }
    return cli_flush(NULL);
}

static int run_help(int argc, char **argv)
{
    const struct cli_verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
    if (argc > 2 || (argc == 2 && !verb)) {
        cli_error("help", "there is no verb '%s'; 'softisp help' lists them", argv[argc - 1]);
        return CLI_WRONG_USE;
    }
    return print_help(verb);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error to report, not a death */
    if (argc < 2) {
        cli_error(NULL, "a verb is missing; 'softisp help' lists them");
        return CLI_WRONG_USE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("softisp %s\n", sisp_version());
        return cli_flush(NULL);
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return run_help(argc - 1, argv + 1);
    const struct cli_verb *verb = find_verb(argv[1]);
    if (!verb) {
        cli_error(NULL, "there is no verb '%s'; 'softisp help' lists them", argv[1]);
        return CLI_WRONG_USE;
    }
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_help(verb);
    }
    return verb->run(argc - 1, argv + 1);
}
