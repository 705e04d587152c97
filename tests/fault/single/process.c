/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rest of a process, or somebody outside, does to a session: signals, forks, programs
 * started, stops. */
#include "calls.h"
#include "life.h"
#include "output/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TINY_DNG SOURCE_ROOT "/tests/camera/tiny.dng"

static struct life life;

/* Calls act(number) for each entry of a folder of /proc. */
static void for_each_number(const char *path, void (*act)(int number, void *user), void *user)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            act(atoi(entry->d_name), user);
    if (folder)
        closedir(folder);
}

static int write_picture(const char *path)
{
    struct sisp_image image = image_make(SISP_PIXEL_RGB24, 40, 30, 1);
    int r = sisp_write_image(sisp_writer_find(path), path, &image, NULL, NULL, 0);
    image_finish(&image);
    return r;
}

/* ---- signals ----------------------------------------------------------------------------------
 */

struct threads {
    pid_t process;
    int tids[128];
    unsigned count;
};

static atomic_ulong handled;
static atomic_bool is_over;

static void on_signal(int number)
{
    handled++;
}

static void add_thread(int tid, void *user)
{
    struct threads *threads = user;
    if (threads->count < 128)
        threads->tids[threads->count++] = tid;
}

/* Another process, so that the storm is no thread of the host. */
static void storm(pid_t process)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    while (getppid() == process) {
        struct threads threads = {.process = process};
        for_each_number(path, add_thread, &threads);
        for (unsigned burst = 0; burst < 200; burst++) {
            for (unsigned i = 0; i < threads.count; i++)
                syscall(SYS_tgkill, process, threads.tids[i], SIGUSR1);
            usleep(100);
        }
    }
    _exit(0);
}

static void *be_a_host_thread(void *user)
{
    const struct scenario *scenario = user;
    struct sisp_raw_file *file;
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "a.png"));
    while (!atomic_load(&is_over)) {
        CHECK_EQ(write_picture(path), 0);
        CHECK_EQ(
            sisp_raw_file_open(&file, TINY_DNG, &(struct sisp_raw_open_params){0}, NULL, 0), 0);
        sisp_raw_file_destroy(&file);
    }
    return NULL;
}

static void signal_storm(struct scenario *scenario)
{
    pthread_t host;
    struct sigaction action = {
        .sa_handler = on_signal, .sa_flags = scenario->number % 2 ? SA_RESTART : 0};
    sigaction(SIGUSR1, &action, NULL);
    pid_t process = getpid(), sender = fork();
    if (sender == 0)
        storm(process);
    life_init(&life, scenario);
    CHECK_EQ(sisp_telemetry_open(&life.params.telemetry, single_path(scenario, "t.csv")), 0);
    life_open(&life);
    REQUIRE(pthread_create(&host, NULL, be_a_host_thread, scenario) == 0);
    life_feed(&life, 20);
    /* On a busy machine the sender comes late. */
    for (unsigned more = 0; more < 200 && atomic_load(&handled) <= 100; more++)
        life_feed(&life, 5);
    atomic_store(&is_over, true);
    pthread_join(host, NULL);
    life_close(&life);
    CHECK_EQ(sisp_telemetry_close(&life.params.telemetry), 0);
    kill(sender, SIGKILL);
    while (waitpid(sender, NULL, 0) < 0 && errno == EINTR)
        ;
    CHECK(atomic_load(&handled) > 100);
}

/* ---- fork --------------------------------------------------------------------------------------
 */

/* In the child the session is over: every call answers, none waits, none reaches the parent. */
static void call_all(struct sisp_telemetry **telemetry)
{
    struct sisp_input input = {0};
    struct sisp_result result = {0};
    struct sisp_figures figures;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    uint64_t token;
    CHECK_EQ(sisp_session_acquire(life.session, &input), -ESHUTDOWN);
    CHECK_EQ(sisp_session_submit(life.session, &input, &submission), -ESHUTDOWN);
    CHECK_EQ(sisp_session_press(life.session, &token), -ESHUTDOWN);
    CHECK_EQ(sisp_session_next(life.session, &result, SINGLE_WAIT_NS), -ESHUTDOWN);
    CHECK_EQ(sisp_session_cancel(life.session, &input), -ESHUTDOWN);
    CHECK_EQ(sisp_session_release(life.session, &result), -ESHUTDOWN);
    CHECK_EQ(sisp_session_flush(life.session), -ESHUTDOWN);
    CHECK_EQ(sisp_session_drain(life.session, SINGLE_WAIT_NS), -ESHUTDOWN);
    CHECK_EQ(sisp_session_cancel_frames(life.session, 1), -ESHUTDOWN);
    sisp_session_figures(life.session, &figures);
    sisp_session_stop(life.session);
    sisp_session_destroy(&life.session);
    CHECK(!life.session);
    sisp_telemetry_close(telemetry);
}

static void fork_in_host(struct scenario *scenario)
{
    life_init(&life, scenario);
    REQUIRE(sisp_telemetry_open(&life.params.telemetry, single_path(scenario, "t.csv")) == 0);
    life_open(&life);
    life_feed(&life, 2 + scenario->number % 4);
    life_submit(&life); /* under way while it forks */
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (scenario->number % 3)
            call_all(&life.params.telemetry);
        fflush(stdout);
        /* A host's child may leave either way; what it inherited is no leak of ours. */
        if (scenario->number % 3 == 2 && !TEST_IS_SANITIZED)
            exit(single_ok() ? 0 : 1);
        _exit(single_ok() ? 0 : 1);
    }
    int status = -1;
    for (unsigned i = 0; i < 300 && waitpid(child, &status, WNOHANG) == 0; i++)
        life_feed(&life, 1);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    kill(child, SIGKILL);
    life_feed(&life, 5);
    life_close(&life);
    CHECK_EQ(sisp_telemetry_close(&life.params.telemetry), 0);
}

/* ---- exec --------------------------------------------------------------------------------------
 */

static void check_flag(int fd, void *user)
{
    int flags = fcntl(fd, F_GETFD);
    if (fd > STDERR_FILENO && flags >= 0 && !(flags & FD_CLOEXEC)) {
        printf("descriptor %d would be inherited\n", fd);
        CHECK(flags & FD_CLOEXEC);
    }
}

static void count_foreign(int fd, void *user)
{
    unsigned *count = user;
    *count += fd > STDERR_FILENO;
}

/* The flags here, and what a program started now really gets: itself one, for the folder. */
static void check_descriptors(void)
{
    static const char script[] = "for f in /proc/self/fd/*; do n=${f##*/}; "
                                 "[ -e $f ] && [ $n -gt 2 ] && exit $n; done; exit 0";
    for_each_number("/proc/self/fd", check_flag, NULL);
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(126);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static void exec_in_host(struct scenario *scenario)
{
    static const char *const names[] = {"a.jpg", "a.png", "a.tiff", "a.ppm"};
    struct sisp_video_writer *video;
    struct sisp_raw_file *file;
    unsigned open = 0;
    life_init(&life, scenario);
    REQUIRE(sisp_telemetry_open(&life.params.telemetry, single_path(scenario, "t.csv")) == 0);
    REQUIRE(sisp_video_writer_open(&video, single_path(scenario, "a.y4m"),
                &(struct sisp_video_params){SISP_PIXEL_NV12, 8, 8, 30, 1}, NULL, 0) == 0);
    life_open(&life);
    life_feed(&life, 1 + scenario->number % 5);
    for_each_number("/proc/self/fd", count_foreign, &open);
    CHECK(open > 4); /* there is something to inherit */
    check_descriptors();
    calls_arm(&(struct call_plan){.fault = CALL_ACT, .act = check_descriptors});
    CHECK_EQ(write_picture(single_path(scenario, names[scenario->number % 4])), 0);
    CHECK(calls_disarm() > 0);
    CHECK_EQ(sisp_raw_file_open(&file, TINY_DNG, &(struct sisp_raw_open_params){0}, NULL, 0), 0);
    check_descriptors();
    sisp_raw_file_destroy(&file);
    life_close(&life);
    CHECK_EQ(sisp_video_writer_close(&video), 0);
    CHECK_EQ(sisp_telemetry_close(&life.params.telemetry), 0);
}

/* ---- small stacks ------------------------------------------------------------------------------
 */

static void *live_a_life(void *user)
{
    const struct scenario *scenario = user;
    char path[200];
    struct sisp_raw_file *file;
    life_open(&life);
    if (!life.session)
        return NULL;
    life_feed(&life, 6);
    life_press(&life);
    snprintf(path, sizeof(path), "%s", single_path(scenario, "a.png"));
    CHECK_EQ(write_picture(path), 0);
    CHECK_EQ(sisp_raw_file_open(&file, TINY_DNG, &(struct sisp_raw_open_params){0}, NULL, 0), 0);
    sisp_raw_file_destroy(&file);
    return NULL;
}

/* What `ulimit -s` says becomes the stack of each thread that does not ask for one. The host's own
 * thread, which calls the library, has 192 KiB here. */
static void small_stacks(struct scenario *scenario)
{
    pthread_attr_t small, host;
    pthread_t thread;
    size_t step = TEST_IS_SANITIZED ? 128 : 16;
    pthread_attr_init(&small);
    REQUIRE(pthread_attr_setstacksize(&small, (1 + scenario->number) * (step << 10)) == 0);
    pthread_attr_init(&host);
    REQUIRE(pthread_attr_setstacksize(&host, (TEST_IS_SANITIZED ? 1024 : 192) << 10) == 0);
    REQUIRE(pthread_setattr_default_np(&small) == 0);
    life_init(&life, scenario);
    REQUIRE(pthread_create(&thread, &host, live_a_life, scenario) == 0);
    pthread_join(thread, NULL);
    life_close(&life);
}

/* ---- stop and continue -------------------------------------------------------------------------
 */

static void stop_and_continue(struct scenario *scenario)
{
    unsigned at_ms = 20 + 7 * scenario->number, stopped_ms = 1000 + 100 * scenario->number;
    life_init(&life, scenario);
    life_open(&life);
    life_feed(&life, 2);
    pid_t process = getpid(), other = fork();
    if (other == 0) {
        single_sleep_ms(at_ms);
        kill(process, SIGSTOP);
        single_sleep_ms(stopped_ms);
        kill(process, SIGCONT);
        _exit(0);
    }
    uint64_t end_ns = single_now_ns() + (at_ms + stopped_ms) * UINT64_C(1000000);
    while (single_now_ns() < end_ns && single_ok())
        life_feed(&life, 1);
    scenario->bad_ns = single_now_ns();
    unsigned before = life.delivered;
    while (life.delivered < before + 3 && single_ok() &&
           CHECK(single_now_ns() < end_ns + SINGLE_WAIT_NS))
        life_feed(&life, 1);
    scenario->end_ns = single_now_ns();
    waitpid(other, NULL, 0);
    struct sisp_figures figures;
    sisp_session_figures(life.session, &figures);
    CHECK_EQ(figures.quarantined, 0);
    CHECK_EQ(figures.degraded, 0);
    life_close(&life);
}

/* ---- helpers killed ----------------------------------------------------------------------------
 */

/* Not before it runs its program: until then it is a copy of this process, which waits for it. */
static void kill_decoder(int pid, int signal)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, sizeof(name), file) && strncmp(name, "softisp-rawdec", 14) == 0)
        kill(pid, signal);
    if (file)
        fclose(file);
}

static void *kill_decoders(void *user)
{
    const struct scenario *scenario = user;
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        usleep((scenario->number * 37 + i * 61) % 1500);
        FILE *children = fopen(path, "re");
        if (children && fgets(line, sizeof(line), children))
            kill_decoder(atoi(line), scenario->number ? SIGKILL : SIGSTOP);
        if (children)
            fclose(children);
    }
    return NULL;
}

/* The decoder of raw files, killed for want of memory: an error and its sentence, nobody hangs. */
static void decoder_killed(struct scenario *scenario)
{
    pthread_t killer;
    unsigned failures = 0;
    bool is_stopped = scenario->number == 0; /* takes the ten seconds that a decoder may take */
    REQUIRE(pthread_create(&killer, NULL, kill_decoders, scenario) == 0);
    for (unsigned i = 0; i < 40 && !(is_stopped && failures); i++) {
        struct sisp_raw_file *file;
        char error[200] = "";
        int r = sisp_raw_file_open(
            &file, TINY_DNG, &(struct sisp_raw_open_params){0}, error, sizeof(error));
        CHECK((r == 0) == (file != NULL) && (r == 0) == (error[0] == 0));
        CHECK(r == 0 || r == -EBADMSG || r == -ETIMEDOUT);
        failures += r != 0;
        sisp_raw_file_destroy(&file);
    }
    atomic_store(&is_over, true);
    pthread_join(killer, NULL);
    CHECK(failures > 0);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* none is left */
}

const struct single single_process[] = {
    {"signal-storm", signal_storm, 2},
    {"fork-in-host", fork_in_host, 4},
    {"exec-in-host", exec_in_host, 2},
    {"small-stacks", small_stacks, 4},
    {"stop-and-continue", stop_and_continue, 20},
    {"decoder-killed", decoder_killed, 4},
    {0},
};
