/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shrinker: the same failure with fewer faults, then fewer frames, then fewer switches. Every
 * trial is a process of its own, since a failure ends it.
 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWITCHES_MAX ((size_t)1 << 20)
#define OUTPUT_MAX   8192

/** What a trial said: why it failed (empty: it did not), then the faults that struck. */
struct trial {
    char why[512];
    uint32_t switch_count, fault_count;
    char faults[SIM_SITES_MAX][48];
};

static void read_trial(struct trial *trial, char *output)
{
    memset(trial, 0, sizeof(*trial));
    char *rest = NULL, *line = strtok_r(output, "\n", &rest);
    if (!line)
        return;
    snprintf(trial->why, sizeof(trial->why), "%s", line);
    line = strtok_r(NULL, "\n", &rest);
    trial->switch_count = line ? (uint32_t)strtoul(line, NULL, 10) : 0;
    while ((line = strtok_r(NULL, "\n", &rest)) && trial->fault_count < SIM_SITES_MAX)
        snprintf(trial->faults[trial->fault_count++], sizeof(trial->faults[0]), "%s", line);
}

static void try_run(const struct sim_options *options, struct trial *trial)
{
    static char output[OUTPUT_MAX];
    int ends[2];
    fflush(stdout);
    if (pipe(ends) < 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        sim_report_to(ends[1]);
        sim_run(options);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], output + length, OUTPUT_MAX - 1 - length)) > 0;)
        length += (size_t)got;
    close(ends[0]);
    output[length] = 0;
    waitpid(child, NULL, 0);
    read_trial(trial, output);
}

static bool still_fails(const struct sim_options *options, const char *why)
{
    static struct trial trial;
    try_run(options, &trial);
    return strcmp(trial.why, why) == 0;
}

static void drop_faults(struct sim_options *options, const struct trial *first)
{
    for (uint32_t i = 0; i < first->fault_count; i++) {
        options->disabled[options->disabled_count++] = first->faults[i];
        if (!still_fails(options, first->why)) {
            options->disabled_count--;
            printf("needs the fault %s\n", first->faults[i]);
        }
    }
}

static void drop_frames(struct sim_options *options, const char *why)
{
    for (uint32_t frames = 1; frames < 24; frames++) {
        options->frames = frames;
        if (still_fails(options, why))
            return;
    }
    options->frames = 0;
}

/* Leave out ever smaller pieces of the list, as long as the failure stays. */
static void drop_switches(struct sim_options *options, const char *why)
{
    struct sim_switch *all = malloc(SWITCHES_MAX * sizeof(*all));
    if (!all)
        abort();
    for (uint32_t piece = options->switch_count / 2; piece > 0; piece /= 2) {
        for (uint32_t at = 0; at < options->switch_count;) {
            uint32_t count = options->switch_count;
            uint32_t cut = count - at < piece ? count - at : piece;
            memcpy(all, options->switches, count * sizeof(*all));
            memmove(&options->switches[at], &options->switches[at + cut],
                (count - at - cut) * sizeof(*all));
            options->switch_count = count - cut;
            if (still_fails(options, why))
                continue;
            memcpy(options->switches, all, count * sizeof(*all));
            options->switch_count = count;
            at += cut;
        }
    }
    free(all);
}

static bool record_switches(struct sim_options *options, const char *why)
{
    static struct trial trial;
    options->switches = mmap(NULL, SWITCHES_MAX * sizeof(*options->switches),
        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (options->switches == MAP_FAILED)
        abort();
    options->is_recording = true;
    try_run(options, &trial);
    options->is_recording = false;
    options->switch_count = trial.switch_count;
    options->is_replaying = true;
    return still_fails(options, why);
}

int sim_shrink(uint64_t seed, const char *only)
{
    static struct trial first;
    struct sim_options options = {.seed = seed, .only = only};
    try_run(&options, &first);
    if (!first.why[0]) {
        printf("seed %llu does not fail\n", (unsigned long long)seed);
        return 0;
    }
    printf("seed %llu: %s\n", (unsigned long long)seed, first.why);
    drop_faults(&options, &first);
    drop_frames(&options, first.why);
    printf("%u of %u faults left out, frames: %u (0: as the seed says)\n", options.disabled_count,
        first.fault_count, options.frames);
    if (record_switches(&options, first.why)) {
        uint32_t recorded = options.switch_count;
        drop_switches(&options, first.why);
        printf("%u of %u switches are needed\n", options.switch_count, recorded);
    } else {
        options.is_replaying = false;
    }
    sim_run(&options);
    return 1;
}
