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
#include <sys/eventfd.h>
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

/**
 * Wait until the process has ended, or the deadline: false. Where it may, a note of it ends the
 * wait, too.
 */
static bool wait_until(const struct raw_child *child, bool is_note_enough)
{
    for (;;) {
        int64_t left_ms = child->deadline_ms - now_ms();
        struct pollfd events[2] = {
            {.fd = child->pidfd, .events = POLLIN}, {.fd = child->note_fd, .events = POLLIN}};
        int count = poll(events, is_note_enough ? 2 : 1, left_ms > 0 ? (int)left_ms : 0);
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void kill_child(const struct raw_child *child)
{
    if (child->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
    else if (child->pidfd_error != ESRCH)
        kill(child->pid, SIGKILL);
}

static int collect(struct raw_child *child)
{
    int wait_status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(child->pid, &wait_status, 0);
    } while (reaped < 0 && errno == EINTR);
    child->pid = 0;
    return wait_status;
}

/**
 * Reap the child, killing it at the deadline. Signals go through the pidfd, since an application
 * that reaps every child of its process could free the number.
 */
static int reap(struct raw_child *child, const struct raw_error *error)
{
    const int pidfd_error = child->pidfd_error;
    bool is_late = child->pidfd >= 0 && !wait_until(child, false);
    if (is_late || child->pidfd < 0)
        kill_child(child);
    int wait_status = collect(child);
    if (pidfd_error == ENOSYS)
        return raw_fail(error, -ENOSYS, "this kernel has no pidfd (Linux 5.3 has)");
    /* Where SIGCHLD is ignored, a child that has ended is gone; its result tells how it fared. */
    if (pidfd_error && pidfd_error != ESRCH)
        return raw_fail(
            error, -pidfd_error, "the decoder cannot be watched: %s", strerror(pidfd_error));
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

static int run(const char *program, struct raw_child *child, const struct raw_input *input,
    const struct raw_error *error)
{
    /* RAWDEC_INPUT_FD, RAWDEC_RESULT_FD, RAWDEC_NOTE_FD */
    const int fds[] = {input->fd, child->result_fd, child->note_fd};
    int status = base_program_start(&child->pid, program, environment, fds, BASE_COUNT(fds));
    if (status < 0)
        return raw_fail(error, status, "the decoder cannot be started: %s", strerror(-status));
    child->deadline_ms = now_ms() + RAWDEC_SECONDS_MAX * 1000;
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    child->pidfd_error = child->pidfd < 0 ? errno : 0;
    return 0;
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

/* What it says of the frame. */
static int check_head(struct rawdec_result *result, const struct raw_error *error)
{
    const char *why;
    clean_sentence(result->sentence, sizeof(result->sentence));
    if (result->magic != RAWDEC_MAGIC || result->size_bytes != sizeof(*result))
        return raw_fail(error, -EBADMSG, "the decoder is of another version than the library");
    if (result->status != 0)
        return raw_fail(error, known_status(result->status), "%s",
            result->sentence[0] ? result->sentence : "the decoder gave no reason");
    if (!raw_info_check(&result->info, &why))
        return raw_fail(error, -EBADMSG, "the file is corrupt: impossible %s", why);
    return 0;
}

static int read_head(
    int result_fd, struct sisp_raw_info *info, const struct raw_error *error, bool is_last)
{
    struct rawdec_result *result = malloc(sizeof(*result));
    if (!result)
        return raw_fail(error, -ENOMEM, "no memory");
    int status = -EBADMSG;
    if (pread(result_fd, result, sizeof(*result), 0) != (ssize_t)sizeof(*result))
        raw_fail(error, status, "the decoder left no result");
    else
        status = check_head(result, error);
    if (is_last && !result->is_confined && result->magic == RAWDEC_MAGIC)
        log_once_unconfined();
    if (is_last && status == 0 && result->sentence[0])
        base_log(SISP_LOG_WARNING, "raw file: %s", result->sentence);
    if (status == 0)
        *info = result->info;
    free(result);
    return status;
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

/** Take over what is in the memfd, once nobody can change it any more. What the child said first of
 * the frame holds. */
static int take_result(struct sisp_raw_file *file, const struct raw_error *error)
{
    const int result_fd = file->child.result_fd;
    struct stat facts;
    if (!seal(result_fd) || fstat(result_fd, &facts) < 0 || facts.st_size < RAWDEC_SAMPLES_OFFSET)
        return raw_fail(error, -EBADMSG, "the decoder left no result");
    struct sisp_raw_info last;
    int status = read_head(result_fd, file->child.has_info ? &last : &file->info, error, true);
    if (status < 0)
        return status;
    size_t size_bytes = (size_t)facts.st_size;
    if (size_bytes - RAWDEC_SAMPLES_OFFSET < sisp_raw_info_size_bytes(&file->info))
        return raw_fail(error, -EBADMSG, "the decoder delivered too few samples");
    void *mapping = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, result_fd, 0);
    if (mapping == MAP_FAILED)
        return raw_fail(error, -ENOMEM, "no memory to map %zu bytes of samples", size_bytes);
    file->mapping = mapping;
    file->mapping_bytes = size_bytes;
    file->samples = (uint8_t *)mapping + RAWDEC_SAMPLES_OFFSET;
    return 0;
}

int raw_child_finish(struct sisp_raw_file *file, const struct raw_error *error)
{
    int status = reap(&file->child, error);
    close_fd(&file->child.pidfd);
    close_fd(&file->child.note_fd);
    return status < 0 ? status : take_result(file, error);
}

void raw_child_forget(struct raw_child *child)
{
    if (child->pid) {
        kill_child(child);
        collect(child);
    }
    close_fd(&child->pidfd);
    close_fd(&child->note_fd);
    close_fd(&child->result_fd);
}

/* An answer that is no note is the end, and whether all is there. */
static int await_info(struct sisp_raw_file *file, const struct raw_error *error)
{
    struct raw_child *child = &file->child;
    uint64_t count;
    if (child->pidfd >= 0)
        wait_until(child, true);
    if (read(child->note_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
        return raw_child_finish(file, error);
    child->has_info = true;
    return read_head(child->result_fd, &file->info, error, false);
}

int raw_child_start(
    struct sisp_raw_file *file, const struct raw_input *input, const struct raw_error *error)
{
    char program[PATH_MAX];
    struct raw_child *child = &file->child;
    if (!base_program_find(program, sizeof(program), PROGRAM, "src/camera", SOFTISP_LIBEXECDIR))
        return raw_fail(error, -ENOTSUP,
            "the program " PROGRAM ", which decodes raw files, was not found; "
            "SOFTISP_LIBEXECDIR may name its folder");
    child->result_fd = memfd_create("softisp-raw", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (child->result_fd < 0)
        return raw_fail(error, -errno, "no memfd for the samples: %s", strerror(errno));
    child->note_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (child->note_fd < 0)
        return raw_fail(error, -errno, "no eventfd for the decoder: %s", strerror(errno));
    int status = run(program, child, input, error);
    return status < 0 ? status : await_info(file, error);
}
