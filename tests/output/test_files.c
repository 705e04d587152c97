/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file is there whole or not at all, whatever stops its writing. */
#include "folder.h"

#include <softisp/writer.h>

#include "harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[] = {"a.jpg", "a.png", "a.tif", "a.ppm"};
static struct sisp_image noise; /* 300x200: at least 50 kB in every format */

static int write_to(const char *path, const char *kind)
{
    char error[200] = "";
    int code = sisp_write_image(sisp_writer_find(kind), path, &noise, NULL, error, sizeof(error));
    /* Every refusal has one sentence. */
    if ((code == 0) != (error[0] == 0) || strchr(error, '\n'))
        printf("%s: %d, \"%s\"\n", path, code, error);
    return (code == 0) == (error[0] == 0) ? code : -1000;
}

static bool is_available(const char *name)
{
    return sisp_writer_find(name)->available;
}

static void put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static bool has_text(const char *path, const char *text)
{
    char got[100] = "";
    FILE *file = fopen(path, "r");
    bool same = file && fgets(got, sizeof(got), file) && strcmp(got, text) == 0;
    if (file)
        fclose(file);
    return same;
}

/* What `run` returns, as a child: it may give up rights and limits for good. */
static int in_child(int (*run)(const char *name), const char *name)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = run(name);
        fflush(stdout);
        _exit(-code & 255);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

TEST(what_was_there_is_replaced_with_the_usual_rights)
{
    folder_clear();
    const char *path = folder_path("a.ppm");
    put_text(path, "old");
    mode_t mask = umask(027);
    CHECK_EQ(write_to(path, "a.ppm"), 0);
    umask(mask);
    struct stat status;
    REQUIRE(stat(path, &status) == 0);
    CHECK_EQ(status.st_mode & 0777, 0640);
    CHECK_EQ(status.st_size, 15 + 300 * 200 * 3);
    CHECK_EQ(folder_count(), 1);
}

TEST(a_link_is_followed_not_replaced)
{
    folder_clear();
    const char *path = folder_path("a.ppm"), *link = folder_path("link.ppm");
    put_text(path, "old");
    REQUIRE(symlink("a.ppm", link) == 0);
    CHECK_EQ(write_to(link, "a.ppm"), 0);
    struct stat status;
    CHECK(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(lstat(path, &status) == 0 && status.st_size > 1000);
    CHECK_EQ(folder_count(), 2);
}

TEST(a_device_is_written_straight_into)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!is_available(names[i]))
            continue;
        CHECK_EQ(write_to("/dev/null", names[i]), 0);
        CHECK_EQ(write_to("/dev/full", names[i]), -ENOSPC);
    }
    struct stat status;
    CHECK(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
}

TEST(a_path_that_cannot_be_is_refused)
{
    folder_clear();
    char name[NAME_MAX + 10];
    memset(name, 'n', sizeof(name));
    name[NAME_MAX + 1] = 0;
    CHECK_EQ(write_to(folder_path(name), "a.ppm"), -ENAMETOOLONG);
    CHECK_EQ(write_to(folder_path("."), "a.ppm"), -EISDIR);
    CHECK_EQ(write_to(folder_path("none/a.ppm"), "a.ppm"), -ENOENT);
    CHECK_EQ(write_to(folder_path("none/"), "a.ppm"), -EISDIR);
    CHECK_EQ(write_to("", "a.ppm"), -ENOENT);
    CHECK_EQ(folder_count(), 0);
    name[NAME_MAX] = 0;
    CHECK_EQ(write_to(folder_path(name), "a.ppm"), 0);
    CHECK_EQ(write_to(folder_path("x"), "a.ppm"), 0);
    CHECK_EQ(write_to(folder_path("x/a.ppm"), "a.ppm"), -ENOTDIR);
    CHECK_EQ(folder_count(), 2);
}

static int write_without_rights(const char *name)
{
    if (geteuid() == 0 && setuid(65534) < 0)
        return -1;
    return write_to(folder_path("locked/a.ppm"), name);
}

TEST(a_folder_without_the_right_to_write_is_refused)
{
    folder_clear();
    REQUIRE(mkdir(folder_path("locked"), 0555) == 0);
    char *top = strdup(folder_path("x"));
    REQUIRE(top);
    *strrchr(top, '/') = 0;
    CHECK_EQ(chmod(top, 0755), 0);
    free(top);
    CHECK_EQ(in_child(write_without_rights, "a.ppm"), -EACCES);
}

static int write_with_limit(const char *name)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {30000, 30000};
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return -1;
    return write_to(folder_path(name), name);
}

TEST(a_file_that_may_not_grow_leaves_what_was_there)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!is_available(names[i]))
            continue;
        folder_clear();
        put_text(folder_path(names[i]), "old");
        CHECK_EQ(in_child(write_with_limit, names[i]), -EFBIG);
        CHECK_EQ(folder_count(), 1);
        CHECK(has_text(folder_path(names[i]), "old"));
    }
}

/* 254: this system does not let us mount. 253: something was left in the folder. */
static int write_to_tiny_disk(const char *name)
{
    char *top = strdup(folder_path("x"));
    *strrchr(top, '/') = 0;
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", top, "tmpfs", 0, "size=32k") < 0)
        return -254;
    int code = write_to(folder_path(name), name);
    return folder_count() ? -253 : code;
}

TEST(a_full_disk_leaves_nothing)
{
    folder_clear();
    for (unsigned i = 0; i < 4; i++) {
        if (!is_available(names[i]))
            continue;
        int code = in_child(write_to_tiny_disk, names[i]);
        if (code == -254)
            SKIP("no right to mount a tmpfs");
        CHECK_EQ(code, -ENOSPC);
    }
}

static int write_to_stdout(const char *name)
{
    int fd = open(folder_path("stdout"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "before", 6) != 6 || dup2(fd, STDOUT_FILENO) < 0)
        return -1;
    return write_to("-", name);
}

static int write_to_closed_pipe(const char *name)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    if (pipe(ends) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
        return -1;
    close(ends[0]);
    close(ends[1]);
    return write_to("-", name);
}

static size_t slurp(const char *path, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, room, file) : 0;
    if (file)
        fclose(file);
    return size;
}

TEST(stdout_gets_the_same_bytes_as_a_file)
{
    static uint8_t file[400000], out[400000];
    folder_clear();
    for (unsigned i = 0; i < 4; i++) {
        if (!is_available(names[i]))
            continue;
        CHECK_EQ(write_to(folder_path(names[i]), names[i]), 0);
        CHECK_EQ(in_child(write_to_stdout, names[i]), 0);
        size_t size = slurp(folder_path(names[i]), file, sizeof(file));
        CHECK(size > 40000 && size < sizeof(file) - 6);
        CHECK_EQ(slurp(folder_path("stdout"), out, sizeof(out)), size + 6);
        CHECK(memcmp(out, "before", 6) == 0 && memcmp(out + 6, file, size) == 0);
        CHECK_EQ(in_child(write_to_closed_pipe, names[i]), -EPIPE);
    }
}

TEST(sixty_four_files_may_be_unfinished_and_all_are_abandoned)
{
    struct sisp_video_writer *writers[65];
    folder_clear();
    for (unsigned i = 0; i < 65; i++) {
        char name[20];
        snprintf(name, sizeof(name), "%u.y4m", i);
        int code = sisp_video_writer_open(&writers[i], folder_path(name),
            &(struct sisp_video_params){SISP_PIXEL_NV12, 2, 2, 30, 1}, NULL, 0);
        CHECK_EQ(code, i < 64 ? 0 : -EAGAIN);
    }
    CHECK_EQ(folder_count(), 64);
    sisp_writer_abandon_all();
    CHECK_EQ(folder_count(), 0);
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(sisp_video_writer_close(&writers[i]), -ENOENT);
    /* Their places are free again. */
    CHECK_EQ(write_to(folder_path("a.ppm"), "a.ppm"), 0);
    CHECK_EQ(folder_count(), 1);
}

static int abandon(const char *name)
{
    sisp_writer_abandon_all();
    return 0;
}

TEST(a_forked_child_does_not_abandon_its_parents_files)
{
    struct sisp_video_writer *writer;
    folder_clear();
    REQUIRE(sisp_video_writer_open(&writer, folder_path("a.y4m"),
                &(struct sisp_video_params){SISP_PIXEL_NV12, 2, 2, 30, 1}, NULL, 0) == 0);
    CHECK_EQ(in_child(abandon, ""), 0);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
    CHECK_EQ(access(folder_path("a.y4m"), F_OK), 0);
}

static void on_signal(int number)
{
    sisp_writer_abandon_all();
    _exit(7);
}

static int write_until_killed(const char *name)
{
    signal(SIGALRM, on_signal);
    ualarm(30000, 0);
    int code = 0;
    while (code == 0)
        code = write_to(folder_path(name), name);
    return code;
}

TEST(a_signal_in_the_middle_leaves_no_part)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!is_available(names[i]))
            continue;
        folder_clear();
        CHECK_EQ(in_child(write_until_killed, names[i]), -7);
        /* The last whole one may be there, and nothing else. */
        CHECK(folder_count() == (access(folder_path(names[i]), F_OK) == 0));
    }
}

static atomic_bool is_over;

static void *write_many(void *user)
{
    char path[400];
    snprintf(path, sizeof(path), "%s", (const char *)user);
    struct sisp_image small = noise;
    small.width = 8;
    small.height = 8;
    unsigned strange = 0;
    while (!atomic_load(&is_over)) {
        int code = sisp_write_image(sisp_writer_find(".ppm"), path, &small, NULL, NULL, 0);
        strange += code != 0 && code != -ENOENT;
    }
    return (void *)(uintptr_t)strange;
}

TEST(abandoning_while_others_write_leaves_no_part)
{
    static char paths[3][400];
    pthread_t threads[3];
    folder_clear();
    atomic_store(&is_over, false);
    for (unsigned i = 0; i < 3; i++) {
        char name[10];
        snprintf(name, sizeof(name), "%u.ppm", i);
        snprintf(paths[i], sizeof(paths[i]), "%s", folder_path(name));
        REQUIRE(pthread_create(&threads[i], NULL, write_many, paths[i]) == 0);
    }
    for (unsigned i = 0; i < 20000; i++) {
        sisp_writer_abandon_all();
        if (i % 64 == 0)
            usleep(1000);
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < 3; i++) {
        void *strange;
        pthread_join(threads[i], &strange);
        CHECK_EQ((uintptr_t)strange, 0);
    }
    /* A file that was not there yet when its entry was abandoned is put in place whole. */
    unsigned whole = 0;
    for (unsigned i = 0; i < 3; i++)
        whole += access(paths[i], F_OK) == 0;
    CHECK_EQ(folder_count(), whole);
}

int main(void)
{
    noise = image_make(SISP_PIXEL_RGB24, 300, 200, 5);
    RUN(what_was_there_is_replaced_with_the_usual_rights);
    RUN(a_link_is_followed_not_replaced);
    RUN(a_device_is_written_straight_into);
    RUN(a_path_that_cannot_be_is_refused);
    RUN(a_folder_without_the_right_to_write_is_refused);
    RUN(a_file_that_may_not_grow_leaves_what_was_there);
    RUN(a_full_disk_leaves_nothing);
    RUN(stdout_gets_the_same_bytes_as_a_file);
    RUN(sixty_four_files_may_be_unfinished_and_all_are_abandoned);
    RUN(a_forked_child_does_not_abandon_its_parents_files);
    RUN(a_signal_in_the_middle_leaves_no_part);
    RUN(abandoning_while_others_write_leaves_no_part);
    image_finish(&noise);
    folder_remove();
    return test_report();
}
