/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file: YAML as far as a mapping of names and values goes. It is read event by
 * event and refused at the first thing that is not that, so that nothing hostile in it can grow. */
#include "base/base.h"

#include <softisp/knobs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define FILE_BYTES_MAX (64u << 10)
#define SHOWN_BYTES    40 /* of a name or value from the file, in a sentence */

struct reader {
    const char *path;
    char *error;
    size_t error_size;
    yaml_parser_t parser;
    struct sisp_knobs *knobs;
    bool is_set[SISP_KNOBS_MAX], has_engine;
};

__attribute__((format(printf, 3, 4))) static int refuse(
    struct reader *reader, int result, const char *format, ...)
{
    if (!reader->error || !reader->error_size)
        return result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error, reader->error_size, format, arguments);
    va_end(arguments);
    return result;
}

static int refuse_at(struct reader *reader, const yaml_event_t *event, const char *what)
{
    return refuse(reader, -EINVAL, "%s:%zu: %s", reader->path, event->start_mark.line + 1, what);
}

/* What the file holds may be anything: a sentence shows a printable beginning of it. */
static const char *shown(const yaml_event_t *event, char text[SHOWN_BYTES + 4])
{
    size_t length = event->data.scalar.length, end = base_min_size(length, SHOWN_BYTES);
    for (size_t i = 0; i < end; i++) {
        char c = (char)event->data.scalar.value[i];
        text[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    strcpy(text + end, end < length ? "..." : "");
    return text;
}

/* The next event, or what the YAML library has to say. The event is the caller's to delete. */
static int next(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return refuse(reader, -ENOMEM, "%s: not enough memory", reader->path);
    size_t line =
        parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return refuse(reader, -EINVAL, "%s:%zu: %s", reader->path, line + 1,
        parser->problem ? parser->problem : "this is not YAML");
}

/* A scalar without anchor, tag or NUL; everything else is more than this file needs. */
static int check_scalar(struct reader *reader, const yaml_event_t *event, const char *wants)
{
    if (event->type == YAML_ALIAS_EVENT)
        return refuse_at(reader, event, "aliases are not for this file");
    if (event->type != YAML_SCALAR_EVENT)
        return refuse_at(reader, event, wants);
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return refuse_at(reader, event, "anchors and tags are not for this file");
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return refuse_at(reader, event, "there is a NUL character");
    return 0;
}

static int set_knob(struct reader *reader, const yaml_event_t *key, const yaml_event_t *value)
{
    char name[SHOWN_BYTES + 4], text[SHOWN_BYTES + 4], range[128];
    size_t line = key->start_mark.line + 1;
    int index = sisp_knob_find((const char *)key->data.scalar.value);
    shown(key, name);
    if (index < 0)
        return refuse(reader, -EINVAL, "%s:%zu: there is no knob '%s'", reader->path, line, name);
    if (reader->is_set[index])
        return refuse(reader, -EINVAL, "%s:%zu: '%s' is there twice", reader->path, line, name);
    reader->is_set[index] = true;
    char wants[SHOWN_BYTES + 64];
    snprintf(wants, sizeof(wants), "'%s' takes one value", name);
    int r = check_scalar(reader, value, wants);
    if (r)
        return r;
    if (sisp_knobs_set(reader->knobs, name, (const char *)value->data.scalar.value) == 0)
        return 0;
    sisp_knob_describe((unsigned)index, range, sizeof(range));
    return refuse(reader, -EINVAL, "%s:%zu: '%s' takes %s, not '%s'", reader->path, line, name,
        range, shown(value, text));
}

static int read_knob(struct reader *reader, const yaml_event_t *key)
{
    yaml_event_t value;
    int r = check_scalar(reader, key, "a knob's name was expected");
    if (r == 0)
        r = next(reader, &value);
    if (r)
        return r;
    r = set_knob(reader, key, &value);
    yaml_event_delete(&value);
    return r;
}

/* Call `read_entry` for each key up to the end of a mapping that has begun. */
static int read_mapping(
    struct reader *reader, int (*read_entry)(struct reader *reader, const yaml_event_t *key))
{
    for (;;) {
        yaml_event_t key;
        int r = next(reader, &key);
        if (r)
            return r;
        bool is_end = key.type == YAML_MAPPING_END_EVENT;
        if (!is_end)
            r = read_entry(reader, &key);
        yaml_event_delete(&key);
        if (r || is_end)
            return r;
    }
}

static bool is_empty(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.anchor &&
           !event->data.scalar.tag;
}

static bool is_plain_mapping(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_START_EVENT && !event->data.mapping_start.anchor &&
           !event->data.mapping_start.tag;
}

static int read_section(struct reader *reader, const yaml_event_t *key)
{
    char name[SHOWN_BYTES + 4];
    yaml_event_t value;
    int r = check_scalar(reader, key, "the name of a section was expected");
    if (r)
        return r;
    if (strcmp((const char *)key->data.scalar.value, "engine") != 0)
        return refuse(reader, -EINVAL, "%s:%zu: there is no section '%s', only 'engine'",
            reader->path, key->start_mark.line + 1, shown(key, name));
    if (reader->has_engine)
        return refuse_at(reader, key, "'engine' is there twice");
    reader->has_engine = true;
    r = next(reader, &value);
    if (r)
        return r;
    if (is_plain_mapping(&value))
        r = read_mapping(reader, read_knob);
    else if (!is_empty(&value))
        r = refuse_at(reader, &value, "'engine' takes a mapping of knobs and values");
    yaml_event_delete(&value);
    return r;
}

/* One document with a mapping, or nothing at all. */
static int read_stream(struct reader *reader)
{
    int documents = 0;
    for (;;) {
        yaml_event_t event;
        int r = next(reader, &event);
        if (r)
            return r;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && documents++)
            r = refuse_at(reader, &event, "there is a second document");
        else if (is_plain_mapping(&event))
            r = read_mapping(reader, read_section);
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                 type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT &&
                 !is_empty(&event))
            r = refuse_at(reader, &event, "a mapping 'engine:' was expected");
        yaml_event_delete(&event);
        if (r || type == YAML_STREAM_END_EVENT)
            return r;
    }
}

static int read_all(struct reader *reader, int fd, uint8_t *bytes, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return refuse(reader, -errno, "%s: %s", reader->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(reader, -EINVAL, "%s: this is not a file", reader->path);
    while (*size <= FILE_BYTES_MAX) {
        ssize_t got = read(fd, bytes + *size, FILE_BYTES_MAX + 1 - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse(reader, -errno, "%s: %s", reader->path, strerror(errno));
        if (got == 0)
            return 0;
        *size += (size_t)got;
    }
    return refuse(reader, -EINVAL, "%s: larger than 64 KiB", reader->path);
}

static int read_bytes(struct reader *reader, const uint8_t *bytes, size_t size)
{
    if (!yaml_parser_initialize(&reader->parser))
        return refuse(reader, -ENOMEM, "%s: not enough memory", reader->path);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, bytes, size);
    int r = read_stream(reader);
    yaml_parser_delete(&reader->parser);
    return r;
}

int sisp_knobs_load(struct sisp_knobs *knobs, const char *path, char *error, size_t error_size)
{
    struct sisp_knobs loaded = *knobs;
    struct reader reader = {
        .path = path, .error = error, .error_size = error_size, .knobs = &loaded};
    /* Not blocking: a FIFO is refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(&reader, -errno, "%s: %s", path, strerror(errno));
    uint8_t *bytes = malloc(FILE_BYTES_MAX + 1);
    size_t size = 0;
    int r = bytes ? read_all(&reader, fd, bytes, &size)
                  : refuse(&reader, -ENOMEM, "%s: not enough memory", path);
    close(fd);
    if (r == 0)
        r = read_bytes(&reader, bytes, size);
    free(bytes);
    if (r == 0)
        *knobs = loaded;
    return r;
}
