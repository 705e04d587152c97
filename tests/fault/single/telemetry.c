/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telemetry into files that fail: frames go on as without it, the error is said at the end, and
 * what is in the files are whole lines. */
#include "base/base.h"
#include "calls.h"
#include "life.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAMES    12u
#define CALLS_MAX 60u

/* Beside each other: rows, parameters, events. */
static const char *const suffixes[] = {"", ".params.jsonl", ".events.csv"};

struct rows {
    unsigned lines;
    bool has_part; /* the last line has no end */
};

/* ---- judging ----------------------------------------------------------------------------------
 */

static unsigned count_commas(const char *line)
{
    unsigned count = 0;
    for (; *line; line++)
        count += *line == ',';
    return count;
}

/* Each line but perhaps the last one is whole; a CSV's have the columns of the first. */
static struct rows check_lines(const char *path)
{
    static char line[1u << 20];
    struct rows rows = {0};
    unsigned commas = 0;
    bool is_csv = strstr(path, ".csv") && !strstr(path, ".jsonl");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        size_t length = strlen(line);
        CHECK(!rows.has_part);
        rows.has_part = line[length - 1] != '\n';
        if (rows.has_part)
            break;
        if (rows.lines++ == 0)
            commas = count_commas(line);
        if (is_csv)
            CHECK_EQ(count_commas(line), commas);
        else
            CHECK(line[0] == '{' && length > 2 && line[length - 2] == '}');
    }
    if (file)
        fclose(file);
    return rows;
}

static void check_all_lines(const char *path, bool may_have_part)
{
    for (unsigned i = 0; i < BASE_COUNT(suffixes); i++) {
        char name[256];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        struct rows rows = check_lines(name);
        if (!may_have_part)
            CHECK(!rows.has_part);
    }
}

static rlim_t file_bytes_max; /* 0: as it is */

/* ---- running ----------------------------------------------------------------------------------
 */

/* Returns: what closing the telemetry said. */
static int run_session(const struct scenario *scenario, const char *path, unsigned frames)
{
    struct life life;
    int r = -EIO;
    life_init(&life, scenario);
    if (sisp_telemetry_open(&life.params.telemetry, path))
        return -EBADF;
    life_open(&life);
    /* Not before: it holds for shared memory, too. */
    if (file_bytes_max)
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_bytes_max, file_bytes_max}), 0);
    if (single_ok()) {
        /* On a busy machine inputs come back late. */
        while (life.submitted < frames && life.refused < 100 * frames && single_ok())
            life_feed(&life, 1);
        life_close(&life);
        CHECK_EQ(life.submitted, frames);
    }
    r = sisp_telemetry_close(&life.params.telemetry);
    return r;
}

/* ---- faults -----------------------------------------------------------------------------------
 */

static void disk_full(struct scenario *scenario)
{
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "t.csv"));
    calls_arm(&(struct call_plan){.fault = CALL_FULL, .room_bytes = 300 + 150u * scenario->number});
    int r = run_session(scenario, path, FRAMES);
    calls_disarm();
    CHECK_EQ(r, -ENOSPC);
    check_all_lines(path, false);
}

static void file_limit(struct scenario *scenario)
{
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "t.csv"));
    signal(SIGXFSZ, SIG_IGN);
    file_bytes_max = 400 + 100 * scenario->number;
    int r = run_session(scenario, path, FRAMES);
    CHECK_EQ(r, -EFBIG);
    check_all_lines(path, false);
}

static int open_without_rights(void *user)
{
    struct sisp_telemetry *telemetry;
    if (geteuid() == 0 && setuid(65534) < 0)
        return 77;
    int r = sisp_telemetry_open(&telemetry, user);
    return r == -EACCES && !telemetry ? 0 : 1;
}

/* Of the three files, each in turn is there and may not be written. */
static void folder_is_read_only(struct scenario *scenario)
{
    char path[256], first[200];
    snprintf(first, sizeof(first), "%s", single_path(scenario, "t.csv"));
    for (unsigned i = 0; i <= scenario->number % BASE_COUNT(suffixes); i++) {
        snprintf(path, sizeof(path), "%s%s", first, suffixes[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        REQUIRE(fd >= 0 && fchmod(fd, i == scenario->number % 3 ? 0444 : 0666) == 0);
        close(fd);
    }
    REQUIRE(chmod(scenario->folder, 0555) == 0);
    CHECK_EQ(single_in_child(open_without_rights, first), 0);
    chmod(scenario->folder, 0755);
}

static void parts_of_writes(struct scenario *scenario, enum call_fault fault)
{
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "t.csv"));
    calls_arm(&(struct call_plan){.fault = fault, .seed = scenario->number});
    int r = run_session(scenario, path, FRAMES);
    CHECK(calls_disarm() > 4);
    CHECK_EQ(r, 0);
    check_all_lines(path, false);
    CHECK(check_lines(path).lines > FRAMES / 2);
}

static void eintr_at_writes(struct scenario *scenario)
{
    parts_of_writes(scenario, CALL_EINTR);
}

static void short_writes(struct scenario *scenario)
{
    parts_of_writes(scenario, CALL_SHORT);
}

/* The session's own descriptors are closed, too: what is mapped stays mapped. */
static void descriptor_closed(struct scenario *scenario)
{
    char path[200], other[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "t.csv"));
    snprintf(other, sizeof(other), "%s", single_path(scenario, "other"));
    bool is_closed = scenario->number % 2;
    calls_arm(&(struct call_plan){.fault = is_closed ? CALL_CLOSED : CALL_OTHER,
        .nth = scenario->number / 2,
        .other = other});
    int r = run_session(scenario, path, FRAMES);
    bool was_called = calls_disarm() > scenario->number / 2;
    CHECK(was_called);
    if (is_closed)
        CHECK_EQ(r, -EBADF);
    check_all_lines(path, false);
}

struct killed {
    const struct scenario *scenario;
    const char *path;
};

static int run_and_die(void *user)
{
    const struct killed *killed = user;
    return run_session(killed->scenario, killed->path, 3) == 0 ? 0 : 1;
}

/* Between two calls lines are whole; a kill inside a call may leave a last line without its end. */
static void killed_at_each_write(struct scenario *scenario)
{
    static const enum call_when whens[] = {CALL_BEFORE, CALL_IN_THE_MIDDLE, CALL_AFTER};
    enum call_when when = whens[scenario->number % BASE_COUNT(whens)];
    char path[200];
    snprintf(path, sizeof(path), "%s", single_path(scenario, "t.csv"));
    struct killed killed = {scenario, path};
    int status = 128 + SIGKILL;
    unsigned kills = 0;
    for (unsigned nth = 0; status == 128 + SIGKILL && nth < CALLS_MAX && single_ok(); nth++) {
        calls_arm(&(struct call_plan){.fault = CALL_KILL, .when = when, .nth = nth});
        status = single_in_child(run_and_die, &killed);
        calls_disarm();
        CHECK(status == 0 || status == 128 + SIGKILL);
        check_all_lines(path, when == CALL_IN_THE_MIDDLE);
        kills += status != 0;
    }
    CHECK(kills >= 3);
}

/* ---- a reader that stalls ----------------------------------------------------------------------
 */

struct reader {
    char path[200];
    unsigned stall_ms;
    unsigned lines;
};

static void *read_late(void *user)
{
    struct reader *reader = user;
    char bytes[4096];
    ssize_t count;
    int fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    fcntl(fd, F_SETPIPE_SZ, 4096);
    single_sleep_ms(reader->stall_ms);
    while ((count = read(fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < count; i++)
            reader->lines += bytes[i] == '\n';
    close(fd);
    return NULL;
}

/* Frames must not wait for the reader; rows that do not fit are dropped and counted. */
static void reader_stalls(struct scenario *scenario)
{
    struct life life;
    pthread_t thread;
    struct reader reader = {
        .stall_ms = scenario->number == 0 ? 10000 : 400 + 50 * scenario->number};
    snprintf(reader.path, sizeof(reader.path), "%s", single_path(scenario, "t.csv"));
    REQUIRE(mkfifo(reader.path, 0600) == 0);
    REQUIRE(pthread_create(&thread, NULL, read_late, &reader) == 0);
    life_init(&life, scenario);
    REQUIRE(sisp_telemetry_open(&life.params.telemetry, reader.path) == 0);
    life_open(&life);
    if (!single_ok())
        return;
    uint64_t end_ns = single_now_ns() + reader.stall_ms * UINT64_C(900000);
    while (single_now_ns() < end_ns && life.sequence < LIFE_FRAMES_MAX && single_ok())
        life_feed(&life, 1);
    scenario->bad_ns = 1;
    scenario->end_ns = 1 + life.worst_ns;
    CHECK(life.delivered > 0);
    life_close(&life);
    CHECK_EQ(sisp_telemetry_close(&life.params.telemetry), 0);
    pthread_join(thread, NULL);
    CHECK(reader.lines <= life.submitted + 1);
}

const struct single single_telemetry[] = {
    {"telemetry-disk-full", disk_full, 4},
    {"telemetry-file-limit", file_limit, 4},
    {"telemetry-read-only", folder_is_read_only, 4},
    {"telemetry-eintr", eintr_at_writes, 4},
    {"telemetry-short-writes", short_writes, 4},
    {"telemetry-descriptor-closed", descriptor_closed, 4},
    {"telemetry-killed-at-each-write", killed_at_each_write, 4},
    {"telemetry-reader-stalls", reader_stalls, 20},
    {0},
};
