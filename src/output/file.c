/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/file.h"

#include "base/base.h"
#include "output/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct out_file {
    int fd;
    struct out_unfinished *part; /* NULL: written straight into its target */
    dev_t device;                /* of a part, and its inode: what fd must still be at the end */
    ino_t inode;
    char name[NAME_MAX + 1]; /* of the target, in its folder */
    int error;               /* the first one, which stays */
    size_t fill_bytes;
    uint8_t buffer[64 * 1024]; /* libraries write in small pieces */
};

int out_write_all(int fd, const void *bytes, size_t size_bytes)
{
    const uint8_t *at = bytes;
    while (size_bytes > 0) {
        ssize_t written = write(fd, at, size_bytes);
        if (written >= 0) {
            at += written;
            size_bytes -= (size_t)written;
        } else if (errno == EAGAIN) {
            /* stdout may have been made non-blocking by whoever shares it. */
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            if (poll(&writable, 1, -1) < 0 && errno != EINTR)
                return -errno;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int out_file_flush(struct out_file *file)
{
    if (!file->error)
        file->error = out_write_all(file->fd, file->buffer, file->fill_bytes);
    file->fill_bytes = 0;
    return file->error;
}

int out_file_write(struct out_file *file, const void *bytes, size_t size_bytes)
{
    if (size_bytes > sizeof(file->buffer) - file->fill_bytes)
        out_file_flush(file);
    if (file->error)
        return file->error;
    if (size_bytes > sizeof(file->buffer)) {
        file->error = out_write_all(file->fd, bytes, size_bytes);
    } else {
        memcpy(file->buffer + file->fill_bytes, bytes, size_bytes);
        file->fill_bytes += size_bytes;
    }
    return file->error;
}

int out_file_seekable_fd(const struct out_file *file)
{
    return file->part ? file->fd : -1;
}

/* ".NAME.XXXXXX.part", NAME shortened where the whole would be too long for a folder. */
static int part_name(char part[NAME_MAX + 1], const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[6];
    char tail[7] = {0};
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    for (size_t i = 0; i < sizeof(random); i++)
        tail[i] = letters[random[i] % 32];
    int room = NAME_MAX - (int)strlen("..XXXXXX.part");
    snprintf(part, NAME_MAX + 1, ".%.*s.%s.part", room, name, tail);
    return 0;
}

static int remember(struct out_file *file, int dir_fd, const char *part)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0) {
        int error = -errno;
        unlinkat(dir_fd, part, 0);
        close(file->fd);
        out_unfinished_remove(file->part);
        return error;
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

/* Another part of the program may have closed the descriptor, and its number may be another file
 * by now, that got what was meant for this one. */
static int check_descriptor(const struct out_file *file)
{
    struct stat status;
    if (!file->part)
        return 0;
    if (fstat(file->fd, &status) < 0)
        return -errno;
    return status.st_dev == file->device && status.st_ino == file->inode ? 0 : -EBADF;
}

/* Takes dir_fd over. The entry comes before the file, so that no signal finds a file unknown. */
static int open_part(struct out_file *file, int dir_fd)
{
    char part[NAME_MAX + 1];
    for (int attempt = 0;; attempt++) {
        int error = part_name(part, file->name);
        file->part = error ? NULL : out_unfinished_add(dir_fd, part);
        if (!file->part) {
            close(dir_fd);
            return error ? error : -EAGAIN;
        }
        file->fd = openat(dir_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
        if (file->fd >= 0)
            return remember(file, dir_fd, part);
        error = -errno;
        int again = error == -EEXIST && attempt < 100 ? fcntl(dir_fd, F_DUPFD_CLOEXEC, 3) : -1;
        out_unfinished_remove(file->part);
        if (again < 0)
            return error;
        dir_fd = again;
    }
}

static int open_beside(struct out_file *file, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!*name)
        return *path ? -EISDIR : -ENOENT;
    if (strlen(name) > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(file->name, name, strlen(name) + 1);

    char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!dir)
        return -ENOMEM;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = dir_fd < 0 ? -errno : 0;
    free(dir);
    return error ? error : open_part(file, dir_fd);
}

/* A name such as /dev/stdout must not be replaced itself: follow links to what they name. */
static int open_resolved(struct out_file *file, const char *path)
{
    struct stat status, link;
    if (stat(path, &status) < 0)
        return errno == ENOENT ? open_beside(file, path) : -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!S_ISREG(status.st_mode)) {
        file->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return file->fd < 0 ? -errno : 0;
    }
    if (lstat(path, &link) < 0 || !S_ISLNK(link.st_mode))
        return open_beside(file, path);
    char *target = realpath(path, NULL);
    if (!target)
        return -errno;
    int error = open_beside(file, target);
    free(target);
    return error;
}

int out_file_open(struct out_file **file, const char *path)
{
    *file = NULL;
    struct out_file *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->fd = STDOUT_FILENO;
    int error = strcmp(path, "-") == 0 ? 0 : open_resolved(made, path);
    if (error)
        free(made);
    else
        *file = made;
    return error;
}

static int close_fd(struct out_file *file)
{
    int error = check_descriptor(file);
    if (error || (file->fd == STDOUT_FILENO && !file->part))
        return error;
    return close(file->fd) < 0 ? -errno : 0;
}

static int put_in_place(struct out_file *file)
{
    int dir_fd = out_unfinished_dir_fd(file->part);
    if (renameat(dir_fd, out_unfinished_name(file->part), dir_fd, file->name) < 0)
        return -errno;
    /* Some file systems cannot sync a folder, and then have no need to. */
    if (fsync(dir_fd) < 0 && errno != EINVAL)
        return -errno;
    return 0;
}

int out_file_commit(struct out_file **file_at)
{
    struct out_file *file = *file_at;
    int error = out_file_flush(file);
    if (!error && file->part && fsync(file->fd) < 0)
        error = -errno;
    int close_error = close_fd(file);
    if (!error)
        error = close_error;
    if (file->part) {
        if (!error)
            error = put_in_place(file);
        if (error)
            unlinkat(out_unfinished_dir_fd(file->part), out_unfinished_name(file->part), 0);
        out_unfinished_remove(file->part);
    }
    free(file);
    *file_at = NULL;
    return error;
}

void out_file_discard(struct out_file **file_at)
{
    struct out_file *file = *file_at;
    if (!file)
        return;
    close_fd(file);
    if (file->part) {
        unlinkat(out_unfinished_dir_fd(file->part), out_unfinished_name(file->part), 0);
        out_unfinished_remove(file->part);
    }
    free(file);
    *file_at = NULL;
}
