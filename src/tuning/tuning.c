/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tuning file's frame: where sections stand, and which of them are read. */
#include "base/base.h"
#include "tuning/sections.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX    (1u << 20)
#define PROFILE_BYTES_MAX (256u << 20) /* a DNG has a picture in it */
#define HEAD_BYTES        8

/* Raspberry Pi's names, then libcamera's for other pipelines. */
static const struct section {
    const char *name;
    enum sisp_tuning_part part;
    section_reader *read;
} sections[] = {
    {"rpi.black_level", SISP_TUNING_BLACK, section_black},
    {"rpi.awb", SISP_TUNING_WHITE, section_white},
    {"rpi.alsc", SISP_TUNING_SHADING, section_shading},
    {"rpi.ccm", SISP_TUNING_COLOR, section_colors},
    {"rpi.noise", SISP_TUNING_NOISE, section_noise},
    {"rpi.contrast", SISP_TUNING_TONE, section_tone},
    {"rpi.lux", SISP_TUNING_LUX, section_lux},
    {"rpi.agc", SISP_TUNING_METERING, section_metering},
    {"BlackLevel", SISP_TUNING_BLACK, section_black},
    {"BlackLevelCorrection", SISP_TUNING_BLACK, section_black},
    {"Awb", SISP_TUNING_WHITE, section_white},
    {"LensShadingCorrection", SISP_TUNING_SHADING, section_shading_sets},
    {"Ccm", SISP_TUNING_COLOR, section_colors},
    {"Lux", SISP_TUNING_LUX, section_lux},
};

void note_unused(struct sisp_tuning *tuning, const char *name)
{
    char shown[TREE_SHOWN_BYTES];
    size_t end = strlen(tuning->unused);
    snprintf(tuning->unused + end, sizeof(tuning->unused) - end, "%s%s", end ? ", " : "",
        tree_shown(name, shown));
}

static int read_known(struct reader *reader, uint32_t node, const struct section *section)
{
    if (tree_is_empty(&reader->tree, node))
        return 0;
    if (reader->tree.nodes[node].kind != TREE_MAP)
        return tree_refuse(&reader->tree, node, &reader->error, "is a map");
    if (reader->read >> section->part & 1) /* it would be mixed with the first */
        return tree_refuse(&reader->tree, node, &reader->error, "is the second of its kind");
    reader->read |= 1u << section->part;
    return section->read(reader, node);
}

static int read_section(struct reader *reader, uint32_t node)
{
    const char *name = tree_key(&reader->tree, node);
    for (size_t i = 0; i < BASE_COUNT(sections); i++) {
        if (strcmp(sections[i].name, name) == 0)
            return read_known(reader, node, &sections[i]);
    }
    note_unused(reader->tuning, name);
    return 0;
}

/* Version 1: the sections are the file's own entries. */
static int read_entries(struct reader *reader, uint32_t map)
{
    const struct tree *tree = &reader->tree;
    for (uint32_t i = tree->nodes[map].first; i != TREE_NONE; i = tree->nodes[i].next) {
        bool is_about_file =
            map == 0 && tree->nodes[i].kind == TREE_SCALAR && !strchr(tree_key(tree, i), '.');
        int r = is_about_file ? 0 : read_section(reader, i);
        if (r)
            return r;
    }
    return 0;
}

/* Version 2: a list, so that the order of algorithms is the file's. */
static int read_algorithms(struct reader *reader, uint32_t list)
{
    const struct tree *tree = &reader->tree;
    if (tree->nodes[list].kind != TREE_LIST)
        return tree_refuse(tree, list, &reader->error, "is a list of sections");
    for (uint32_t i = tree->nodes[list].first; i != TREE_NONE; i = tree->nodes[i].next) {
        if (tree->nodes[i].kind != TREE_MAP)
            return tree_refuse(tree, i, &reader->error, "is a map with the section's name");
        int r = read_entries(reader, i);
        if (r)
            return r;
    }
    return 0;
}

static int read_file(struct reader *reader)
{
    const struct tree *tree = &reader->tree;
    float version = 1;
    if (tree->nodes[0].kind != TREE_MAP)
        return tree_refuse(tree, 0, &reader->error, "is a map with sections");
    int r = value_optional(reader, 0, "version", (struct range){1, 2}, &version);
    if (r)
        return r;
    uint32_t target = tree_get(tree, 0, "target"), algorithms = tree_get(tree, 0, "algorithms");
    if (target != TREE_NONE && tree->nodes[target].kind == TREE_SCALAR) {
        char shown[TREE_SHOWN_BYTES];
        snprintf(reader->tuning->target, sizeof(reader->tuning->target), "%.31s",
            tree_shown(tree_text(tree, target), shown));
    }
    r = algorithms != TREE_NONE ? read_algorithms(reader, algorithms) : read_entries(reader, 0);
    if (r == 0 && !reader->tuning->parts)
        r = tree_refuse(tree, 0, &reader->error,
            "holds nothing that is used: neither Raspberry Pi's sections nor libcamera's");
    return r;
}

static int read_text(struct reader *reader, const void *bytes, size_t size_bytes)
{
    int r = tree_parse(&reader->tree, bytes, size_bytes, &reader->error);
    if (r == 0)
        r = read_file(reader);
    tree_free(&reader->tree);
    return r;
}

static size_t bytes_max(const void *bytes, size_t size_bytes)
{
    return profile_is_one(bytes, size_bytes) ? PROFILE_BYTES_MAX : FILE_BYTES_MAX;
}

int sisp_tuning_read(struct sisp_tuning *tuning, const char *name, const void *bytes,
    size_t size_bytes, char *error, size_t error_size)
{
    struct reader reader = {.error = {name, error, error_size}};
    if (!tuning || !bytes)
        return -EINVAL;
    size_t most = bytes_max(bytes, size_bytes);
    if (size_bytes > most)
        return tuning_refuse(&reader.error, -EINVAL, "%s: larger than %zu MiB", name, most >> 20);
    reader.tuning = calloc(1, sizeof(*reader.tuning));
    if (!reader.tuning)
        return tuning_refuse(&reader.error, -ENOMEM, "%s: not enough memory", name);
    int r = profile_is_one(bytes, size_bytes) ? profile_read(&reader, bytes, size_bytes)
                                              : read_text(&reader, bytes, size_bytes);
    if (r == 0)
        *tuning = *reader.tuning;
    free(reader.tuning);
    return r;
}

static int fail_errno(const struct tuning_error *error)
{
    return tuning_refuse(error, -errno, "%s: %s", error->name, strerror(errno));
}

/* Up to `size_bytes`; how many there were. */
static int read_bytes(
    const struct tuning_error *error, int fd, uint8_t *bytes, size_t size_bytes, size_t *done)
{
    for (*done = 0; *done < size_bytes;) {
        ssize_t got = read(fd, bytes + *done, size_bytes - *done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error);
        if (got == 0)
            return 0;
        *done += (size_t)got;
    }
    return 0;
}

/* The whole file, or one byte more than may be: sisp_tuning_read() refuses what is too large. */
static int read_whole(const struct tuning_error *error, int fd, uint8_t **bytes, size_t *size_bytes)
{
    struct stat status;
    uint8_t head[HEAD_BYTES] = {0};
    size_t rest;
    if (fstat(fd, &status) != 0)
        return fail_errno(error);
    if (!S_ISREG(status.st_mode))
        return tuning_refuse(error, -EINVAL, "%s: this is not a file", error->name);
    int r = read_bytes(error, fd, head, sizeof(head), size_bytes);
    if (r)
        return r;
    size_t room = base_min_size((size_t)status.st_size, bytes_max(head, sizeof(head))) + 1;
    room = base_max_size(room, sizeof(head));
    *bytes = malloc(room);
    if (!*bytes)
        return tuning_refuse(error, -ENOMEM, "%s: not enough memory", error->name);
    memcpy(*bytes, head, *size_bytes);
    r = read_bytes(error, fd, *bytes + *size_bytes, room - *size_bytes, &rest);
    *size_bytes += rest;
    return r;
}

int sisp_tuning_load(struct sisp_tuning *tuning, const char *path, char *error, size_t error_size)
{
    const struct tuning_error sentence = {path, error, error_size};
    if (!tuning || !path)
        return -EINVAL;
    /* Not blocking: a FIFO is refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return tuning_refuse(&sentence, -errno, "%s: %s", path, strerror(errno));
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    int r = read_whole(&sentence, fd, &bytes, &size_bytes);
    close(fd);
    if (r == 0)
        r = sisp_tuning_read(tuning, path, bytes, size_bytes, error, error_size);
    free(bytes);
    return r;
}
