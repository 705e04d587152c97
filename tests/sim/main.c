/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * softisp-sim: runs the real engine under a scheduler of its own.
 *
 *     softisp-sim --seconds 60         as many schedules as fit in so much processor time
 *     softisp-sim --schedules 20000    so many
 *     softisp-sim --seed 17 [--trace]  one, with every event
 *     softisp-sim --shrink 17          the smallest run that fails as seed 17 does
 *     --only FAULT --schedules 20      so many in which it struck, and nothing else did; some need
 *                                      another: --only reset_fails,device_never_answers
 *     softisp-sim --edges N            N schedules' token edges, for the model's replay
 *     --first N                        the seed to begin with [1]
 *
 * How it works: the engine's sources are compiled a second time with PLAT_SIMULATE, and linked with
 * plat_sim.c instead of the platform. All threads of the runtime and of the application are
 * coroutines of one thread (coroutine.c); whoever comes to a PLAT_POINT may be made to wait while
 * another runs (schedule.c), as the seed says (choose.c); time is made up. Faults strike in three
 * quarters of the runs (faults.c), until the application stops the runtime: then everything that
 * was accepted must have ended within the bound (scenario.c). invariants.c looks after every step.
 *
 * To add: a point or a fault is PLAT_POINT(name) or PLAT_FAULT(name) wherever it can happen; a rare
 * state is a word in SIM_SOMETIMES_LIST and a call of sim_sometimes() where it is seen; a check is
 * SIM_CHECK. A run must depend on its seed alone: no addresses, no clock, no order of a hash.
 */
#include "sim/sim.h"

#include "sim/commit.h"
#include "sim/invariants.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEAT_EVERY 100  /* one run in so many is run twice */
#define ONLY_TRIES   500u /* seeds for each schedule in which the one fault shall strike */

struct totals {
    uint64_t schedules, steps, frames, with_faults, repeated, short_ones;
    uint32_t steps_min;
};

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void repeat(const struct sim_options *options)
{
    uint64_t hash = sim.hash;
    uint32_t steps = sim.steps;
    sim_run(options);
    if (sim.hash != hash || sim.steps != steps)
        sim_fail("the same seed gave another run");
}

static void run_one(uint64_t seed, struct totals *totals)
{
    struct sim_options options = {.seed = seed};
    sim_run(&options);
    totals->schedules++;
    totals->steps += sim.steps;
    totals->frames += sim_accepted();
    totals->with_faults += sim.strikes > 0;
    totals->short_ones += sim.steps < SIM_STEPS_MIN || sim_accepted() < SIM_FRAMES_MIN;
    if (sim.steps < totals->steps_min)
        totals->steps_min = sim.steps;
    if (seed % REPEAT_EVERY == 0) {
        repeat(&options);
        totals->repeated++;
    }
}

static void print_faults(void)
{
    uint32_t shown = 0;
    for (uint32_t i = 1; i <= sim_site_count(); i++)
        if (sim_site(i)->strikes)
            printf("%-26s %10llu%s", sim_site(i)->name, (unsigned long long)sim_site(i)->strikes,
                ++shown % 3 ? "   " : "\n");
    printf("%s", shown % 3 ? "\n" : "");
}

static int run_many(uint64_t first, uint64_t schedules, double seconds)
{
    struct totals totals = {.steps_min = UINT32_MAX};
    double start = cpu_seconds(), taken = 0;
    while (totals.schedules < schedules && (taken < seconds || totals.schedules == 0)) {
        run_one(first + totals.schedules, &totals);
        if (totals.schedules % 64 == 0)
            taken = cpu_seconds() - start;
    }
    taken = cpu_seconds() - start;
    double n = (double)totals.schedules;
    printf("faults that struck\n");
    print_faults();
    printf("sometimes\n");
    uint32_t never = sim_print_sometimes(totals.schedules);
    printf("commit %s: %llu schedules in %.1f s of one core, %.0f a second; steps %.0f (least %u), "
           "frames %.1f, with faults %.1f %%, %llu below %u steps or %u frames, %llu run twice "
           "with the same hash\n",
        SIM_COMMIT, (unsigned long long)totals.schedules, taken, n / taken,
        (double)totals.steps / n, totals.steps_min, (double)totals.frames / n,
        100 * (double)totals.with_faults / n, (unsigned long long)totals.short_ones, SIM_STEPS_MIN,
        SIM_FRAMES_MIN, (unsigned long long)totals.repeated);
    bool is_blind = never > 0;
    if (is_blind)
        printf("FAILED: %u rare states were never reached\n", never);
    printf("%d passed, %d failed\n", !is_blind, is_blind);
    return is_blind;
}

static int run_only(const char *faults, uint64_t first, uint64_t wanted)
{
    char fault[64];
    uint64_t struck = 0, tried = 0, strikes = 0, slowest_ns = 0;
    snprintf(fault, sizeof(fault), "%.*s", (int)strcspn(faults, ","), faults);
    while (struck < wanted && tried < ONLY_TRIES * wanted) {
        struct sim_options options = {.seed = first + tried++, .only = faults};
        sim_run(&options);
        bool has_struck = sim_strikes_of(fault) > strikes;
        strikes = sim_strikes_of(fault);
        struck += has_struck;
        if (has_struck && sim.stop_taken_ns > slowest_ns)
            slowest_ns = sim.stop_taken_ns;
    }
    printf("%s struck %llu times in %llu of %llu schedules; slowest stop %.3f ms\n", fault,
        (unsigned long long)strikes, (unsigned long long)struck, (unsigned long long)tried,
        (double)slowest_ns / 1e6);
    printf("%llu passed, %llu failed\n", (unsigned long long)struck,
        (unsigned long long)(wanted - struck));
    return struck < wanted;
}

static int run_seed(uint64_t seed, const char *only, bool is_traced)
{
    struct sim_options options = {.seed = seed, .only = only, .is_traced = is_traced};
    sim_run(&options);
    printf("seed %llu: %u steps, %u frames, %u faults, hash %016llx\n", (unsigned long long)seed,
        sim.steps, sim_accepted(), sim.strikes, (unsigned long long)sim.hash);
    return 0;
}

static int write_edges(uint64_t first, uint64_t schedules)
{
    sim_write_edges(stdout);
    for (uint64_t i = 0; i < schedules; i++) {
        struct sim_options options = {.seed = first + i};
        sim_run(&options);
    }
    return 0;
}

static int usage(void)
{
    fprintf(stderr,
        "usage: softisp-sim [--first N] [--only FAULT[,FAULT...]] --seconds S | --schedules N | "
        "--seed N [--trace] | --shrink N | --edges N\n");
    return 2;
}

int main(int count, char **arguments)
{
    uint64_t first = 1, schedules = UINT64_MAX, seed = 0, shrink = 0, edges = 0;
    const char *only = NULL;
    double seconds = 1e9;
    bool is_traced = false;
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--trace") == 0) {
            is_traced = true;
            continue;
        }
        if (!value)
            return usage();
        if (strcmp(arguments[i], "--first") == 0)
            first = strtoull(value, NULL, 10);
        else if (strcmp(arguments[i], "--only") == 0)
            only = value;
        else if (strcmp(arguments[i], "--seconds") == 0)
            seconds = strtod(value, NULL);
        else if (strcmp(arguments[i], "--schedules") == 0)
            schedules = strtoull(value, NULL, 10);
        else if (strcmp(arguments[i], "--seed") == 0)
            seed = strtoull(value, NULL, 10);
        else if (strcmp(arguments[i], "--edges") == 0)
            edges = strtoull(value, NULL, 10);
        else if (strcmp(arguments[i], "--shrink") == 0)
            shrink = strtoull(value, NULL, 10);
        else
            return usage();
        i++;
    }
    sim_report_init();
    if (shrink)
        return sim_shrink(shrink, only);
    if (edges)
        return write_edges(first, edges);
    if (seed)
        return run_seed(seed, only, is_traced);
    if (schedules == UINT64_MAX && seconds >= 1e9)
        return usage();
    if (only)
        return schedules == UINT64_MAX ? usage() : run_only(only, first, schedules);
    return run_many(first, schedules, seconds);
}
