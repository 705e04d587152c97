/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sim.h"

#include "base/base.h"
#include "base/log.h"
#include "engine/token.h"
#include "sim/commit.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define SHOWN_EVENTS 50u
#define WATCHDOG_S   5
/* Schedules after which what never happened is a failure. */
#define SOMETIMES_FROM 5000
#define RARE_FROM      200000

static uint64_t counts[SIM_SOMETIMES_COUNT], last_runs[SIM_SOMETIMES_COUNT];
static int failure_fd = -1;

static const char *const edge_names[ENG_EDGE_COUNT] = {"acquire", "dispatch", "start", "start_hw",
    "hw_done", "finish", "abandon", "acknowledge", "cancel", "claim", "steal", "escalate",
    "reap_cpu", "reap_hw", "convert", "advance", "publish", "return"};
static const char *const state_names[ENG_TOKEN_STATE_COUNT] = {
    "FREE", "SESSION", "QUEUED", "WORKER", "DONE", "MONITOR", "QUARANTINE", "CONSUMER"};

/* ---- sometimes ------------------------------------------------------------------------------ */

void sim_sometimes(enum sim_sometimes what)
{
    counts[what]++;
}

void sim_sometimes_in_run(enum sim_sometimes what)
{
    counts[what] += last_runs[what] != sim.run;
    last_runs[what] = sim.run;
}

/* Races of a few instructions. */
static bool is_rare(uint32_t what)
{
    return what == SIM_ABANDON || what == SIM_PLAN_SHORT || what == SIM_FLUSH_TIMED_OUT;
}

uint32_t sim_print_sometimes(uint64_t schedules)
{
    static const char *const names[] = {
#define X(name) #name,
        SIM_SOMETIMES_LIST(X)
#undef X
    };
    uint32_t never = 0;
    for (uint32_t i = 0; i < SIM_SOMETIMES_COUNT; i++) {
        printf("%-26s %10llu%s", names[i], (unsigned long long)counts[i],
            i % 3 == 2 || i + 1 == SIM_SOMETIMES_COUNT ? "\n" : "   ");
        never += counts[i] == 0 && schedules >= (is_rare(i) ? RARE_FROM : SOMETIMES_FROM);
    }
    return never;
}

/* ---- events --------------------------------------------------------------------------------- */

static void print_event(FILE *out, const struct sim_event *event)
{
    fprintf(out, "%7u %12.3f ms  %-12s ", event->step, (double)event->now_ns / 1e6,
        sim.actors[event->actor].name);
    if (event->slot != SIM_NOBODY) {
        enum eng_token_state state = eng_token_state(event->word);
        fprintf(out, "slot %u %s -> %s%s%s%s holder %u grant %llu\n", event->slot,
            edge_names[event->site - SIM_SITES_MAX - 1], state_names[state],
            event->word & ENG_TOKEN_CPU_BUSY ? " cpu" : "",
            event->word & ENG_TOKEN_HW_BUSY ? " hw" : "",
            event->word & ENG_TOKEN_CANCEL ? " cancel" : "", eng_token_holder(event->word),
            (unsigned long long)eng_token_grant(event->word));
    } else {
        fprintf(out, "%s%s\n", event->word ? "FAULT " : "", sim_site(event->site)->name);
    }
}

void sim_print_event(const struct sim_event *event)
{
    print_event(stdout, event);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

static void print_actors(FILE *out)
{
    static const char *const states[] = {"unused", "ready", "waiting", "ended"};
    for (uint32_t i = 0; i < sim.actor_count; i++) {
        const struct sim_actor *actor = &sim.actors[i];
        fprintf(out, "%s %-12s %s%s\n", actor == sim.current ? "  >" : "   ", actor->name,
            states[actor->state], actor->is_hung ? ", hung by a fault" : "");
    }
}

static void print_faults(FILE *out)
{
    fprintf(out, "faults that struck in this process:");
    for (uint32_t i = 1; i <= sim_site_count(); i++)
        if (sim_site(i)->strikes)
            fprintf(out, " %s x%llu", sim_site(i)->name, (unsigned long long)sim_site(i)->strikes);
    fprintf(out, "\n");
}

/* The shrinker's lines: why, how many switches were recorded, the faults that struck. */
static _Noreturn void tell_parent(const char *why)
{
    dprintf(failure_fd, "%s\n%u\n", why, sim.options.switch_count);
    for (uint32_t i = 1; i <= sim_site_count(); i++)
        if (sim_site(i)->strikes)
            dprintf(failure_fd, "%s\n", sim_site(i)->name);
    _exit(1);
}

static _Noreturn void report(const char *why)
{
    if (failure_fd >= 0)
        tell_parent(why);
    fflush(stdout);
    fprintf(stderr, "\nFAILED: %s\nseed %llu, step %u, %.3f ms, commit %s\n", why,
        (unsigned long long)sim.options.seed, sim.steps, (double)sim.now_ns / 1e6, SIM_COMMIT);
    uint32_t first = sim.event_count > SHOWN_EVENTS ? sim.event_count - SHOWN_EVENTS : 0;
    for (uint32_t i = first; i < sim.event_count; i++)
        print_event(stderr, &sim.events[i % SIM_EVENTS]);
    print_actors(stderr);
    print_faults(stderr);
    const char *option = sim.options.only ? " --only " : "";
    const char *only = sim.options.only ? sim.options.only : "";
    fprintf(stderr,
        "repeat: softisp-sim%s%s --seed %llu --trace\nshrink: softisp-sim%s%s --shrink %llu\n",
        option, only, (unsigned long long)sim.options.seed, option, only,
        (unsigned long long)sim.options.seed);
    _exit(1);
}

_Noreturn void sim_fail(const char *format, ...)
{
    /* Who shares memory with a process that scribbles may stumble, if it is a process, too. */
    if (sim.is_distrusted && sim.current->process)
        sim_process_end(sim.current->process);
    static char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    report(why);
}

static void assertion_failed(const char *condition, const char *file, int line)
{
    sim_fail("%s:%d: assertion failed: %s", file, line, condition);
}

static void crashed(int number)
{
    sim_fail("signal %d", number);
}

/* Somebody loops without ever coming to a point. */
static void look_for_progress(int number)
{
    static uint64_t run;
    static uint32_t steps;
    if (run == sim.run && steps == sim.steps)
        sim_fail("no point for %d seconds", WATCHDOG_S);
    run = sim.run;
    steps = sim.steps;
}

/* A leaked worker's warning is expected here, once in so many schedules. */
static void be_silent(void *user, enum sisp_log_level level, const char *sentence)
{
}

void sim_report_init(void)
{
    static uint8_t stack[64 << 10];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (uint32_t i = 0; i < BASE_COUNT(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    struct sigaction watchdog = {.sa_handler = look_for_progress, .sa_flags = SA_ONSTACK};
    sigaction(SIGVTALRM, &watchdog, NULL);
    struct itimerval period = {{WATCHDOG_S, 0}, {WATCHDOG_S, 0}};
    setitimer(ITIMER_VIRTUAL, &period, NULL);
    base_assert_handler(assertion_failed);
    sisp_log_set(SISP_LOG_ERROR, be_silent, NULL);
}

void sim_report_to(int fd)
{
    failure_fd = fd;
}
