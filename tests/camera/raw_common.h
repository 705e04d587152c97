/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the tests of raw files share: paths, temporary files, edits of a TIFF in memory. */
#ifndef TESTS_CAMERA_RAW_COMMON_H
#define TESTS_CAMERA_RAW_COMMON_H

#include "tests/harness/test.h"

#include <softisp/raw.h>

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define TINY_DNG SOURCE_ROOT "/tests/camera/tiny.dng"

/** Path of a shared data file; false if it is not there. */
static inline bool shared_path(char path[PATH_MAX], const char *name)
{
    const char *shared = getenv("SOFTISP_SHARED");
    if (shared)
        snprintf(path, PATH_MAX, "%s/data/%s", shared, name);
    else
        snprintf(path, PATH_MAX, "%s/../shared/data/%s", SOURCE_ROOT, name);
    return access(path, R_OK) == 0;
}

/** Read a whole file, at most `size` bytes; the number of bytes, 0 on failure. */
static inline size_t load_file(const char *path, uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return 0;
    size_t count = fread(bytes, 1, size, file);
    fclose(file);
    return count;
}

/** A shared file's bytes, unpacked if its name ends in .xz; 0 where it is absent. */
static inline size_t load_shared(const char *name, uint8_t *bytes, size_t size)
{
    char path[PATH_MAX], command[PATH_MAX + 16];
    if (!shared_path(path, name))
        return 0;
    if (!strstr(name, ".xz"))
        return load_file(path, bytes, size);
    snprintf(command, sizeof(command), "xz -dc '%s'", path);
    FILE *pipe = popen(command, "re");
    if (!pipe)
        return 0;
    size_t count = fread(bytes, 1, size, pipe);
    return pclose(pipe) == 0 ? count : 0;
}

/** Write the bytes to a new temporary file, whose name replaces `path`'s template. */
static inline bool save_temporary(char path[PATH_MAX], const void *bytes, size_t size_bytes)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, PATH_MAX, "%s/softisp-test-XXXXXX", folder ? folder : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0)
        return false;
    bool is_written = write(fd, bytes, size_bytes) == (ssize_t)size_bytes;
    close(fd);
    return is_written;
}

/** Save, open, remove. */
static inline int open_bytes(struct sisp_raw_file **file, const void *bytes, size_t size_bytes,
    const struct sisp_raw_open_params *params, char error[256])
{
    char path[PATH_MAX];
    error[0] = '\0';
    *file = NULL;
    if (!save_temporary(path, bytes, size_bytes))
        return -1;
    int status = sisp_raw_file_open(file, path, params, error, 256);
    unlink(path);
    return status;
}

static inline uint32_t load_le(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

/** The 12 bytes of a tag's entry in IFD 0 of a little endian TIFF, or NULL. */
static inline uint8_t *tiff_entry(uint8_t *bytes, size_t size_bytes, unsigned tag)
{
    size_t ifd = load_le(bytes + 4, 4);
    for (size_t at = ifd + 2; at + 12 <= size_bytes; at += 12) {
        if (load_le(bytes + at, 2) == tag)
            return bytes + at;
    }
    return NULL;
}

#endif
