/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw decoders have a long history of memory errors, so they run in a child that owns nothing but
 * the file and a memfd for the result. It may crash, hang or lie: all it can do is make us refuse
 * the file. */
#include "camera/raw_internal.h"

#include "base/base.h"
#include "base/log.h"
#include "base/program.h"
#include "camera/rawdec/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "softisp-rawdec"

/* LibRaw's OpenMP must not start threads, and mktime() must not look for a zone file: both would
 * violate the child's confinement. */
static const char *const environment[] = {"OMP_NUM_THREADS=1", "TZ=UTC0", NULL};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Wait until the process has ended, or the deadline: false. */
static bool wait_until(int pidfd, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - now_ms();
        struct pollfd event = {.fd = pidfd, .events = POLLIN};
        int count = poll(&event, 1, left_ms > 0 ? (int)left_ms : 0);
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

/**
 * Reap the child, killing it at the deadline. Signals go through the pidfd, since an application
 * that reaps every child of its process could free the number.
 */
static int reap(pid_t pid, const struct raw_error *error)
{
    bool is_late = false;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* Where SIGCHLD is ignored, a child that has ended is gone; its result tells how it fared. */
    int pidfd_error = pidfd < 0 ? errno : 0;
    bool is_gone = pidfd_error == ESRCH;
    if (pidfd < 0 && !is_gone) {
        kill(pid, SIGKILL);
    } else if (pidfd >= 0) {
        is_late = !wait_until(pidfd, now_ms() + RAWDEC_SECONDS_MAX * 1000);
        if (is_late)
            syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    }
    int wait_status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(pid, &wait_status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (pidfd_error == ENOSYS)
        return raw_fail(error, -ENOSYS, "this kernel has no pidfd (Linux 5.3 has)");
    if (pidfd_error && !is_gone)
        return raw_fail(
            error, -pidfd_error, "the decoder cannot be watched: %s", strerror(pidfd_error));
    if (pidfd >= 0)
        close(pidfd);
    if (is_late || (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGXCPU))
        return raw_fail(error, -ETIMEDOUT, "decoding took longer than %d s", RAWDEC_SECONDS_MAX);
    if (WIFSIGNALED(wait_status))
        return raw_fail(
            error, -EBADMSG, "the decoder crashed on this file (signal %d)", WTERMSIG(wait_status));
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0)
        return raw_fail(error, -EBADMSG, "the decoder gave up on this file (exit status %d)",
            WEXITSTATUS(wait_status));
    return 0;
}

static int run(const char *program, const struct raw_input *input, int result_fd,
    const struct raw_error *error)
{
    int32_t pid;
    const int fds[] = {input->fd, result_fd}; /* RAWDEC_INPUT_FD, RAWDEC_RESULT_FD */
    int status = base_program_start(&pid, program, environment, fds, BASE_COUNT(fds));
    if (status < 0)
        return raw_fail(error, status, "the decoder cannot be started: %s", strerror(-status));
    return reap(pid, error);
}

static void clean_sentence(char *sentence, size_t size)
{
    sentence[size - 1] = '\0';
    for (char *c = sentence; *c; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
    }
}

static void log_once_unconfined(void)
{
    static atomic_flag was_said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&was_said))
        base_log(
            SISP_LOG_WARNING, "raw files are decoded without seccomp, which is not available here");
}

/* Known errors pass; what else a child may say is not an errno of this library's contract. */
static int known_status(int status)
{
    const int known[] = {-EBADMSG, -ENOTSUP, -EFBIG, -ENOMEM};
    for (size_t i = 0; i < BASE_COUNT(known); i++) {
        if (status == known[i])
            return status;
    }
    return -EBADMSG;
}

static int check_result(
    struct rawdec_result *result, size_t size_bytes, const struct raw_error *error)
{
    const char *why;
    clean_sentence(result->sentence, sizeof(result->sentence));
    if (result->magic != RAWDEC_MAGIC || result->size_bytes != sizeof(*result))
        return raw_fail(error, -EBADMSG, "the decoder is of another version than the library");
    if (!result->is_confined)
        log_once_unconfined();
    if (result->status != 0)
        return raw_fail(error, known_status(result->status), "%s",
            result->sentence[0] ? result->sentence : "the decoder gave no reason");
    if (!raw_info_check(&result->info, &why))
        return raw_fail(error, -EBADMSG, "the file is corrupt: impossible %s", why);
    if (size_bytes - RAWDEC_SAMPLES_OFFSET < sisp_raw_info_size_bytes(&result->info))
        return raw_fail(error, -EBADMSG, "the decoder delivered too few samples");
    if (result->sentence[0])
        base_log(SISP_LOG_WARNING, "raw file: %s", result->sentence);
    return 0;
}

/**
 * Seal the memfd. Sealing against writing fails while a writable mapping of it lives anywhere; who
 * looks at a dying process in /proc keeps its mappings for a moment, hence some patience.
 */
static bool seal(int result_fd)
{
    const struct timespec pause = {0, 1000000};
    for (unsigned tries = 0; tries < 100; tries++) {
        if (fcntl(result_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        nanosleep(&pause, NULL);
    }
    return false;
}

/** Take over what is in the memfd, once nobody can change it any more. */
static int take_result(struct sisp_raw_file *file, int result_fd, const struct raw_error *error)
{
    struct stat facts;
    if (!seal(result_fd) || fstat(result_fd, &facts) < 0 || facts.st_size < RAWDEC_SAMPLES_OFFSET)
        return raw_fail(error, -EBADMSG, "the decoder left no result");
    size_t size_bytes = (size_t)facts.st_size;
    void *mapping = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, result_fd, 0);
    if (mapping == MAP_FAILED)
        return raw_fail(error, -ENOMEM, "no memory to map %zu bytes of samples", size_bytes);
    struct rawdec_result *result = malloc(sizeof(*result));
    int status;
    if (!result) {
        status = raw_fail(error, -ENOMEM, "no memory");
    } else {
        memcpy(result, mapping, sizeof(*result));
        status = check_result(result, size_bytes, error);
        file->info = result->info;
        free(result);
    }
    if (status < 0) {
        munmap(mapping, size_bytes);
        return status;
    }
    file->mapping = mapping;
    file->mapping_bytes = size_bytes;
    file->samples = (uint8_t *)mapping + RAWDEC_SAMPLES_OFFSET;
    return 0;
}

int raw_read_child(
    struct sisp_raw_file *file, const struct raw_input *input, const struct raw_error *error)
{
    char program[PATH_MAX];
    if (!base_program_find(program, sizeof(program), PROGRAM, "src/camera", SOFTISP_LIBEXECDIR))
        return raw_fail(error, -ENOTSUP,
            "the program " PROGRAM ", which decodes raw files, was not found; "
            "SOFTISP_LIBEXECDIR may name its folder");
    int result_fd = memfd_create("softisp-raw", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (result_fd < 0)
        return raw_fail(error, -errno, "no memfd for the samples: %s", strerror(errno));
    int status = run(program, input, result_fd, error);
    if (status == 0)
        status = take_result(file, result_fd, error);
    close(result_fd);
    return status;
}
