/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Workers that hang, are killed or are stopped, in a real process; memory that is not to be had; a
 * wall clock that jumps. */
#include "life.h"

#include "base/prng.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 33u
#define WORKERS     3

static struct life life;

static void set_interval(void)
{
    life.interval_ms = INTERVAL_MS;
    life.params.frame_interval_ns = INTERVAL_MS * UINT64_C(1000000);
}

/* ---- hangs ------------------------------------------------------------------------------------
 */

/* The bound is for that frame's one end. */
static void hangs(struct scenario *scenario)
{
    life_init(&life, scenario);
    set_interval();
    life.params.overload_first = 2 + scenario->number % 3;
    life.params.overload_count = 1 + scenario->number % 2;
    life_open(&life);
    life_feed(&life, 8);
    struct sisp_figures figures;
    sisp_session_figures(life.session, &figures);
    CHECK(figures.lanes[SISP_LANE_FAST].fallbacks +
              figures.lanes[SISP_LANE_FAST].outcomes[SISP_LATE] >
          0);
    CHECK_EQ(figures.quarantined, 0);
    scenario->bad_ns = 1;
    scenario->end_ns = 1 + life.worst_ns;
    life_close(&life);
}

/* ---- processes ---------------------------------------------------------------------------------
 */

static unsigned add_children(const char *task, pid_t *pids, unsigned count)
{
    char path[300], name[32];
    int pid;
    snprintf(path, sizeof(path), "/proc/self/task/%s/children", task);
    FILE *children = fopen(path, "re");
    while (children && count < WORKERS && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "re");
        if (comm && fgets(name, sizeof(name), comm) && strncmp(name, "softisp-worker", 14) == 0)
            pids[count++] = pid;
        if (comm)
            fclose(comm);
    }
    if (children)
        fclose(children);
    return count;
}

/* A child belongs to the thread that made it. */
static unsigned find_workers(pid_t *pids)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            count = add_children(entry->d_name, pids, count);
    if (folder)
        closedir(folder);
    return count;
}

/* The bound is for the next picture of the fast lane's own worker. */
static void signal_worker(struct scenario *scenario, int signal)
{
    pid_t pids[WORKERS];
    life_init(&life, scenario);
    set_interval();
    CHECK_EQ(sisp_knobs_set(&life.knobs, "isolation", "process"), 0);
    CHECK_EQ(sisp_knobs_set(&life.knobs, "hang_timeout", "100"), 0);
    life_open(&life);
    REQUIRE(life.session);
    life_feed(&life, 3);
    REQUIRE(CHECK_EQ(find_workers(pids), WORKERS));
    life_submit(&life);
    usleep(scenario->number * 487 % 9000);
    kill(pids[scenario->number % WORKERS], signal);
    scenario->bad_ns = single_now_ns();
    /* What it had in hand ends first. */
    life_collect(&life, INTERVAL_MS * UINT64_C(1000000));
    unsigned before = life.by_fast_lane;
    while (life.by_fast_lane == before && single_ok() &&
           CHECK(single_now_ns() < scenario->bad_ns + SINGLE_WAIT_NS))
        life_feed(&life, 1);
    scenario->end_ns = single_now_ns();
    life_close(&life);
    CHECK_EQ(find_workers(pids), 0);
}

static void killed(struct scenario *scenario)
{
    signal_worker(scenario, SIGKILL);
}

static void stopped(struct scenario *scenario)
{
    signal_worker(scenario, SIGSTOP);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void quota(struct scenario *scenario)
{
    unsigned refusals = 0;
    for (unsigned bits = 10; bits < 26 && single_ok(); bits++) {
        char text[32], error[200] = "";
        life_init(&life, scenario);
        snprintf(text, sizeof(text), "%llu", (1ull << bits) + scenario->number);
        CHECK_EQ(sisp_knobs_set(&life.knobs, "quota_bytes", text), 0);
        int r = sisp_session_create(&life.session, &life.params, error, sizeof(error));
        CHECK(r == -EINVAL ? strstr(error, "quota") != NULL && !life.session : r == 0);
        refusals += r != 0;
        if (r)
            continue;
        life_feed(&life, 2);
        life_close(&life);
    }
    CHECK(refusals > 5 && refusals < 16);
}

/* ---- wall clock --------------------------------------------------------------------------------
 */

#define EXPORTED __attribute__((visibility("default")))
#define YEAR_S   31557600

static atomic_bool is_jumping;

/* Anything within ten years, at each call. */
static time_t jump(time_t seconds)
{
    static atomic_uint calls;
    struct base_prng prng = {atomic_fetch_add(&calls, 1)};
    return atomic_load(&is_jumping)
               ? seconds - 10 * YEAR_S + (time_t)base_prng_below(&prng, 20u * YEAR_S)
               : seconds;
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = (int)syscall(SYS_clock_gettime, clock, now);
    if (r == 0 && clock == CLOCK_REALTIME)
        now->tv_sec = jump(now->tv_sec);
    return r;
}

EXPORTED time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

EXPORTED int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

static void wall_clock(struct scenario *scenario)
{
    life_init(&life, scenario);
    REQUIRE(sisp_telemetry_open(&life.params.telemetry, single_path(scenario, "t.csv")) == 0);
    atomic_store(&is_jumping, true);
    CHECK(time(NULL) != time(NULL)); /* it does */
    life_open(&life);
    life_feed(&life, 12);
    CHECK(life.delivered > 0);
    life_close(&life);
    CHECK_EQ(sisp_telemetry_close(&life.params.telemetry), 0);
}

const struct single single_workers[] = {
    {"worker-hangs", hangs, 4},
    {"worker-killed", killed, 2},
    {"worker-stopped", stopped, 4},
    {"quota-too-small", quota, 2},
    {"wall-clock-jumps", wall_clock, 4},
    {0},
};
