/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures and videos on a file system that fails: the file is whole, or it is what was there
 * before. */
#include "single.h"

#include "base/base.h"
#include "calls.h"
#include "output/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX (1u << 20)
#define CALLS_MAX 200u

struct output {
    char name[16], path[200];
    bool is_replaced; /* a file of that name is there before */
    unsigned seed;
    uint8_t *whole; /* what a run without a fault writes */
    size_t whole_bytes;
};

static const char old_text[] = "what was there before";

/* ---- making -----------------------------------------------------------------------------------
 */

static int make_video(const struct output *output)
{
    static uint8_t luma[40 * 30], chroma[40 * 16];
    struct sisp_video_writer *writer;
    struct sisp_image image = {
        SISP_PIXEL_NV12, 39, 29, {luma, chroma}, {sizeof(luma) / 30, sizeof(chroma) / 16}};
    int r = sisp_video_writer_open(&writer, output->path,
        &(struct sisp_video_params){SISP_PIXEL_NV12, 39, 29, 30, 1}, NULL, 0);
    for (unsigned i = 0; i < 4 && r == 0; i++) {
        memset(luma, (int)(output->seed + i), sizeof(luma));
        r = sisp_video_writer_write(writer, &image);
    }
    int closed = sisp_video_writer_close(&writer);
    return r ? r : closed;
}

static int make(const struct output *output)
{
    if (strcmp(output->name, "a.y4m") == 0)
        return make_video(output);
    /* Noise does not compress: some calls of write for each. */
    struct sisp_image image =
        image_make(SISP_PIXEL_RGB24, 150 + output->seed % 7, 140, output->seed + 1);
    const struct sisp_write_params params = {.is_srgb = 1};
    int r =
        sisp_write_image(sisp_writer_find(output->name), output->path, &image, &params, NULL, 0);
    image_finish(&image);
    return r;
}

static size_t slurp(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, BYTES_MAX, file) : 0;
    if (file)
        fclose(file);
    return size;
}

static void put_old(const struct output *output)
{
    unlink(output->path);
    if (!output->is_replaced)
        return;
    FILE *file = fopen(output->path, "w");
    REQUIRE(file);
    fputs(old_text, file);
    fclose(file);
}

static void init(struct output *output, const struct scenario *scenario)
{
    static const char *const names[] = {"a.jpg", "a.png", "a.tiff", "a.ppm", "a.y4m"};
    const char *name = names[scenario->number % 5];
    *output = (struct output){.is_replaced = scenario->number / 5 % 2, .seed = scenario->number};
    snprintf(output->name, sizeof(output->name), "%s", name);
    snprintf(output->path, sizeof(output->path), "%s", single_path(scenario, name));
    output->whole = malloc(2 * BYTES_MAX);
    REQUIRE(output->whole && make(output) == 0);
    output->whole_bytes = slurp(output->path, output->whole);
    REQUIRE(output->whole_bytes > 1000 && output->whole_bytes < BYTES_MAX);
    put_old(output);
}

/* ---- judging ----------------------------------------------------------------------------------
 */

static bool is_whole(const struct output *output)
{
    uint8_t *bytes = output->whole + BYTES_MAX;
    size_t size = slurp(output->path, bytes);
    return size == output->whole_bytes && memcmp(bytes, output->whole, size) == 0;
}

static bool is_as_before(const struct output *output)
{
    uint8_t *bytes = output->whole + BYTES_MAX;
    if (!output->is_replaced)
        return access(output->path, F_OK) < 0;
    size_t size = slurp(output->path, bytes);
    return size == strlen(old_text) && memcmp(bytes, old_text, size) == 0;
}

/* Success means whole; failure means that nothing has changed. */
static void judge(const struct output *output, int result)
{
    CHECK(result == 0 ? is_whole(output) : is_as_before(output));
}

static void count_parts(const struct scenario *scenario, const struct output *output)
{
    char command[256];
    snprintf(command, sizeof(command), "%s/.%s.XXXXXX.part", scenario->folder, output->name);
    CHECK_EQ(access(command, F_OK), -1);
}

/* ---- faults -----------------------------------------------------------------------------------
 */

static void disk_full(struct scenario *scenario)
{
    struct output output;
    init(&output, scenario);
    for (unsigned i = 0; i < 4 && single_ok(); i++) {
        put_old(&output);
        calls_arm(&(struct call_plan){
            .fault = CALL_FULL, .room_bytes = output.whole_bytes * i / 4 + scenario->number});
        int r = make(&output);
        calls_disarm();
        CHECK_EQ(r, -ENOSPC);
        judge(&output, r);
    }
    count_parts(scenario, &output);
    free(output.whole);
}

static void file_limit(struct scenario *scenario)
{
    struct output output;
    init(&output, scenario);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = output.whole_bytes * (scenario->number + 1) / 21;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    int r = make(&output);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_EQ(r, -EFBIG);
    judge(&output, r);
    free(output.whole);
}

static int make_without_rights(void *user)
{
    if (geteuid() == 0 && setuid(65534) < 0)
        return 77;
    int r = make(user);
    return r == -EACCES || r == -EROFS ? 0 : 1;
}

static void folder_is_read_only(struct scenario *scenario)
{
    struct output output;
    init(&output, scenario);
    REQUIRE(chmod(scenario->folder, 0555) == 0);
    CHECK_EQ(single_in_child(make_without_rights, &output), 0);
    judge(&output, -EACCES);
    chmod(scenario->folder, 0755);
    free(output.whole);
}

static void parts_of_writes(struct scenario *scenario, enum call_fault fault)
{
    struct output output;
    init(&output, scenario);
    calls_arm(&(struct call_plan){.fault = fault, .seed = scenario->number});
    int r = make(&output);
    CHECK(calls_disarm() > 4);
    CHECK_EQ(r, 0);
    judge(&output, r);
    free(output.whole);
}

static void eintr_at_writes(struct scenario *scenario)
{
    parts_of_writes(scenario, CALL_EINTR);
}

static void short_writes(struct scenario *scenario)
{
    parts_of_writes(scenario, CALL_SHORT);
}

/* Every call, before and after it: an error or a whole file, and never a file of another's bytes.
 */
static void descriptor_closed(struct scenario *scenario)
{
    struct output output;
    init(&output, scenario);
    unsigned failures = 0, calls = CALLS_MAX;
    for (unsigned nth = 0; nth < calls && single_ok(); nth++) {
        put_old(&output);
        calls_arm(&(struct call_plan){.fault = scenario->number / 5 % 2 ? CALL_CLOSED : CALL_OTHER,
            .when = scenario->number / 10 % 2 ? CALL_BEFORE : CALL_AFTER,
            .nth = nth,
            .other = single_path(scenario, "other")});
        int r = make(&output);
        calls = calls_disarm();
        judge(&output, r);
        failures += r != 0;
    }
    CHECK(failures > 0);
    free(output.whole);
}

static int make_and_die(void *user)
{
    return make(user) == 0 ? 0 : 1;
}

/* kill -9 at every call, before, inside and after it. Parts may stay, hidden and named as such. */
static void killed_at_each_write(struct scenario *scenario)
{
    static const enum call_when whens[] = {CALL_BEFORE, CALL_IN_THE_MIDDLE, CALL_AFTER};
    struct output output;
    unsigned kills = 0;
    init(&output, scenario);
    for (unsigned w = 0; w < BASE_COUNT(whens); w++) {
        int status = 128 + SIGKILL;
        for (unsigned nth = 0; status == 128 + SIGKILL && nth < CALLS_MAX && single_ok(); nth++) {
            put_old(&output);
            calls_arm(&(struct call_plan){.fault = CALL_KILL, .when = whens[w], .nth = nth});
            status = single_in_child(make_and_die, &output);
            calls_disarm();
            CHECK(status == 0 || status == 128 + SIGKILL);
            CHECK(is_whole(&output) || (status && is_as_before(&output)));
            kills += status != 0;
        }
    }
    CHECK(kills >= 6);
    free(output.whole);
}

const struct single single_files[] = {
    {"picture-disk-full", disk_full, 1},
    {"picture-file-limit", file_limit, 1},
    {"picture-folder-read-only", folder_is_read_only, 1},
    {"picture-eintr", eintr_at_writes, 1},
    {"picture-short-writes", short_writes, 1},
    {"picture-descriptor-closed", descriptor_closed, 1},
    {"picture-killed-at-each-write", killed_at_each_write, 1},
    {0},
};
