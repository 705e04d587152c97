/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage: fault_single NAME SCENARIOS, or --list. Prints "NAME SCENARIO MILLISECONDS ok|FAILED" for
 * each scenario; what did not hold stands before. */
#include "single.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX    20u
#define PATIENCE_NS UINT64_C(60000000000)

static const struct single *const groups[] = {single_files, single_telemetry, single_process,
    single_consumers, single_control, single_numbers, single_workers, single_camera};

struct job {
    pid_t pid;
    unsigned number;
    int answer; /* the child writes its time into this pipe */
    uint64_t started_ns;
    char folder[40];
};

static atomic_bool has_failed, was_skipped;

bool single_ok(void)
{
    return !atomic_load(&has_failed);
}

bool single_check(bool holds, const char *file, int line, const char *condition)
{
    if (!holds)
        printf("%s:%d: does not hold: %s\n", file, line, condition);
    if (!holds)
        atomic_store(&has_failed, true);
    return holds;
}

bool single_check_eq(int64_t a, int64_t b, const char *file, int line, const char *condition)
{
    if (a != b)
        printf("%s:%d: %" PRId64 " and %" PRId64 "\n", file, line, a, b);
    return single_check(a == b, file, line, condition);
}

void single_skip(const char *why)
{
    if (!atomic_exchange(&was_skipped, true))
        printf("SKIPPED: %s\n", why);
}

uint64_t single_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void single_sleep_ms(unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

const char *single_path(const struct scenario *scenario, const char *name)
{
    static char paths[8][200];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", scenario->folder, name);
    return path;
}

int single_in_child(int (*run)(void *user), void *user)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(run(user));
    int status = 0;
    for (uint64_t end_ns = single_now_ns() + SINGLE_WAIT_NS; child > 0; single_sleep_ms(1)) {
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        if (single_now_ns() < end_ns)
            continue;
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return 1000;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static const struct single *find(const char *name)
{
    for (unsigned g = 0; g < sizeof(groups) / sizeof(*groups); g++)
        for (const struct single *single = groups[g]; single->name; single++)
            if (strcmp(single->name, name) == 0)
                return single;
    return NULL;
}

static int list(void)
{
    for (unsigned g = 0; g < sizeof(groups) / sizeof(*groups); g++)
        for (const struct single *single = groups[g]; single->name; single++)
            printf("%s\n", single->name);
    return 0;
}

static void be_quiet(void *user, enum sisp_log_level level, const char *sentence)
{
}

static _Noreturn void run_child(const struct single *single, const struct job *job, int answer)
{
    setvbuf(stdout, NULL, _IOLBF, 4096);
    sisp_log_set(SISP_LOG_ERROR, be_quiet, NULL);
    struct scenario scenario = {.number = job->number, .folder = job->folder};
    uint64_t start_ns = single_now_ns();
    single->run(&scenario);
    uint64_t taken_ns =
        scenario.end_ns ? scenario.end_ns - scenario.bad_ns : single_now_ns() - start_ns;
    fflush(stdout);
    if (write(answer, &taken_ns, sizeof(taken_ns)) < 0)
        _exit(4);
    /* exit(), so that a sanitizer looks for leaks. */
    exit(atomic_load(&was_skipped) ? 77 : single_ok() ? 0 : 1);
}

static void start(const struct single *single, struct job *job, unsigned number)
{
    int ends[2];
    *job = (struct job){.number = number, .started_ns = single_now_ns()};
    snprintf(job->folder, sizeof(job->folder), "/tmp/softisp-single-XXXXXX");
    if (!mkdtemp(job->folder) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        abort();
    fflush(stdout);
    job->pid = fork();
    if (job->pid == 0) {
        close(ends[0]);
        run_child(single, job, ends[1]);
    }
    close(ends[1]);
    job->answer = ends[0];
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    return remove(path);
}

/* Returns: whether it has ended. */
static bool finish(
    const struct single *single, struct job *job, unsigned *failed, unsigned *skipped)
{
    int status = 0;
    bool is_late = single_now_ns() > job->started_ns + PATIENCE_NS;
    if (is_late)
        kill(job->pid, SIGKILL);
    if (waitpid(job->pid, &status, is_late ? 0 : WNOHANG) != job->pid)
        return false;
    uint64_t taken_ns = 0;
    bool has_time = read(job->answer, &taken_ns, sizeof(taken_ns)) == sizeof(taken_ns);
    bool is_skipped = has_time && WIFEXITED(status) && WEXITSTATUS(status) == 77;
    bool is_ok = has_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_ok && !is_skipped)
        printf("%s scenario %u: wait status %#x%s\n", single->name, job->number, (unsigned)status,
            is_late ? ", it hangs" : "");
    printf("%s %u %.3f %s\n", single->name, job->number, (double)taken_ns / 1e6,
        is_skipped ? "skipped"
        : is_ok    ? "ok"
                   : "FAILED");
    *failed += !is_ok && !is_skipped;
    *skipped += is_skipped;
    close(job->answer);
    nftw(job->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    job->pid = 0;
    return true;
}

static int run_all(const struct single *single, unsigned first, unsigned count)
{
    struct job jobs[JOBS_MAX] = {{0}};
    unsigned started = 0, ended = 0, failed = 0, skipped = 0;
    while (ended < count) {
        bool is_idle = true;
        for (unsigned j = 0; j < single->jobs && j < JOBS_MAX; j++) {
            if (!jobs[j].pid && started < count)
                start(single, &jobs[j], first + started++);
            if (jobs[j].pid && finish(single, &jobs[j], &failed, &skipped)) {
                ended++;
                is_idle = false;
            }
        }
        if (is_idle)
            single_sleep_ms(1);
    }
    printf("%u passed, %u failed, %u skipped\n", count - failed - skipped, failed, skipped);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    close_range(STDERR_FILENO + 1, ~0u, 0); /* what a shell left open */
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    const struct single *single = argc >= 3 ? find(argv[1]) : NULL;
    if (!single) {
        fprintf(stderr, "usage: fault_single NAME SCENARIOS [FIRST] | --list\n");
        return 2;
    }
    unsigned first = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    return run_all(single, first, (unsigned)strtoul(argv[2], NULL, 10));
}
