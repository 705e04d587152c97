/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever the child does, the library refuses the file and goes on; and the real child cannot do
 * much. */
#include "tests/camera/raw_common.h"
#include "tests/harness/descriptors.h"

#include "base/base.h"
#include "camera/rawdec/rawdec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static int open_word(const char *word, struct sisp_raw_file **file, char error[256])
{
    const struct sisp_raw_open_params params = {0};
    char bytes[32];
    snprintf(bytes, sizeof(bytes), "%-16s", word);
    return open_bytes(file, bytes, 16, &params, error);
}

static int open_early(const char *word, struct sisp_raw_file **file, char error[256])
{
    const struct sisp_raw_open_params params = {.is_early = 1};
    char bytes[32];
    snprintf(bytes, sizeof(bytes), "%-16s", word);
    return open_bytes(file, bytes, 16, &params, error);
}

static const struct {
    const char *word, *sentence;
    int status;
} lies[] = {
    {"crash", "the decoder crashed on this file (signal 6)", -EBADMSG},
    {"give-up", "the decoder gave up on this file (exit status 3)", -EBADMSG},
    {"silent", "the decoder left no result", -EBADMSG},
    {"magic", "the decoder is of another version than the library", -EBADMSG},
    {"layout", "the decoder is of another version than the library", -EBADMSG},
    {"short", "the decoder delivered too few samples", -EBADMSG},
    {"fourcc", "the file is corrupt: impossible sizes", -EBADMSG},
    {"width", "the file is corrupt: impossible sizes", -EBADMSG},
    {"stride", "the file is corrupt: impossible sizes", -EBADMSG},
    {"crop", "the file is corrupt: impossible sizes", -EBADMSG},
    {"black", "the file is corrupt: impossible black, white or noise levels", -EBADMSG},
    {"white", "the file is corrupt: impossible black, white or noise levels", -EBADMSG},
    {"gains", "the file is corrupt: impossible colour data", -EBADMSG},
    {"matrix", "the file is corrupt: impossible colour data", -EBADMSG},
    {"mesh", "the file is corrupt: impossible gain map", -EBADMSG},
    {"text", "the file is corrupt: impossible EXIF data", -EBADMSG},
    {"status", "the decoder gave no reason", -EBADMSG},
    {"writer", "the decoder left no result", -EBADMSG},
    {"descriptors", "012345", -ENOTSUP},
};

TEST(lies_are_refused)
{
    unsigned before = count_descriptors();
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct sisp_raw_file *file;
        char error[256];
        CHECK_EQ(open_word(lies[i].word, &file, error), lies[i].status);
        CHECK_STR(error, lies[i].sentence);
        CHECK(file == NULL);
    }
    CHECK_EQ(count_descriptors(), before);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(honest_result_is_taken)
{
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_word("honest", &file, error) == 0);
    CHECK_EQ(sisp_raw_file_info(file)->width, 8);
    CHECK_EQ(sisp_raw_file_samples(file)[63], 0);
    sisp_raw_file_destroy(&file);
}

/* What was read first of the frame holds, whatever the child says later. */
TEST(early_info_holds)
{
    struct sisp_raw_file *file;
    struct sisp_buffer buffer;
    char error[256];
    REQUIRE(open_early("early-other", &file, error) == 0);
    const uint32_t height = sisp_raw_file_info(file)->height;
    CHECK(sisp_raw_file_samples(file) == NULL);
    CHECK_EQ(sisp_raw_file_buffer(file, &buffer), -ENOENT);
    REQUIRE(sisp_raw_file_wait(file, error, sizeof(error)) == 0);
    CHECK_EQ(sisp_raw_file_wait(file, error, sizeof(error)), 0);
    CHECK_EQ(sisp_raw_file_info(file)->height, height);
    CHECK_EQ(sisp_raw_file_samples(file)[16 * height - 1], 0);
    REQUIRE(sisp_raw_file_buffer(file, &buffer) == 0);
    CHECK_EQ(buffer.size_bytes, 16 * height);
    CHECK(buffer.bytes == sisp_raw_file_samples(file));
    sisp_raw_file_destroy(&file);
}

TEST(late_failures_are_told)
{
    static const struct {
        const char *word, *sentence;
        int status;
    } late[] = {
        {"early-crash", "the decoder crashed on this file (signal 6)", -EBADMSG},
        {"early-short", "the decoder delivered too few samples", -EBADMSG},
        {"early-refuse", "the decoder gave no reason", -ENOMEM},
    };
    unsigned before = count_descriptors();
    for (size_t i = 0; i < BASE_COUNT(late); i++) {
        struct sisp_raw_file *file;
        char error[256];
        int status = open_early(late[i].word, &file, error); /* it may be as quick as this */
        if (status == 0) {
            status = sisp_raw_file_wait(file, error, sizeof(error));
            CHECK(sisp_raw_file_samples(file) == NULL);
        }
        CHECK_EQ(status, late[i].status);
        CHECK_STR(error, late[i].sentence);
        sisp_raw_file_destroy(&file);
    }
    CHECK_EQ(count_descriptors(), before);
}

/* Nobody has to wait. */
TEST(unwanted_decoder_is_killed)
{
    struct sisp_raw_file *file;
    char error[256];
    unsigned before = count_descriptors();
    REQUIRE(open_early("early-hang", &file, error) == 0);
    sisp_raw_file_destroy(&file);
    CHECK_EQ(count_descriptors(), before);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

/* An application may leave its children to the kernel. */
TEST(ignored_sigchld_does_no_harm)
{
    struct sisp_raw_file *file;
    char error[256];
    signal(SIGCHLD, SIG_IGN);
    CHECK_EQ(open_word("honest", &file, error), 0);
    signal(SIGCHLD, SIG_DFL);
    sisp_raw_file_destroy(&file);
}

TEST(hanging_decoder_is_killed)
{
    struct sisp_raw_file *file;
    struct timespec begin, end;
    char error[256];
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK_EQ(open_word("hang", &file, error), -ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK_NEAR((double)(end.tv_sec - begin.tv_sec), 10, 2);
    CHECK_STR(error, "decoding took longer than 10 s");
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

#ifndef BASE_SANITIZED
static void try_open(void)
{
    _exit(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1);
}

static void try_socket(void)
{
    socket(AF_UNIX, SOCK_STREAM, 0);
}

static void try_fork(void)
{
    fork();
}

static void try_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void try_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_write_input(void)
{
    _exit(write(RAWDEC_INPUT_FD, "x", 1) < 0 ? 0 : 1);
}

static void try_kill_parent(void)
{
    kill(getppid(), SIGTERM);
}

static void try_memory(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, (size_t)4 << 30, PROT_READ | PROT_WRITE, flags, -1, 0);
    _exit(memory == MAP_FAILED ? 0 : 1);
}

static int status_of(void (*attempt)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (!rawdec_confine())
            _exit(99);
        attempt();
        _exit(98);
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

TEST(confinement_holds)
{
    void (*const deadly[])(void) = {
        try_socket, try_fork, try_exec, try_code, try_write_input, try_kill_parent};
    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
        int status = status_of(deadly[i]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
            SKIP("this kernel has no seccomp filter");
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGSYS);
    }
    CHECK_EQ(status_of(try_open), 0);
    CHECK_EQ(status_of(try_memory), 0);
}
#endif

int main(void)
{
    setenv("SOFTISP_LIBEXECDIR", HOSTILE_FOLDER, 1);
    RUN(lies_are_refused);
    RUN(honest_result_is_taken);
    RUN(early_info_holds);
    RUN(late_failures_are_told);
    RUN(unwanted_decoder_is_killed);
    RUN(ignored_sigchld_does_no_harm);
    RUN(hanging_decoder_is_killed);
#ifndef BASE_SANITIZED
    RUN(confinement_holds);
#endif
    return test_report();
}
