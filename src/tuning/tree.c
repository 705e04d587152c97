/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Built from the parser's events, which are refused at the first that a tuning file does not need:
 * without aliases a text cannot grow, and without depth nothing can recurse. */
#include "tuning/tree.h"

#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX    16
#define MAP_KEYS_MAX 128 /* each is compared with all others */

struct builder {
    struct tree *tree;
    const struct tuning_error *error;
    yaml_parser_t parser;
    uint32_t at;    /* the list or map that is open; TREE_NONE: none */
    uint32_t depth; /* of `at` */
    uint32_t key;   /* text of the key whose value comes next; TREE_NONE: a key comes next */
    bool has_root;
};

int tuning_refuse(const struct tuning_error *error, int result, const char *format, ...)
{
    if (!error->text || !error->text_size)
        return result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, error->text_size, format, arguments);
    va_end(arguments);
    return result;
}

const char *tree_shown(const char *text, char shown[TREE_SHOWN_BYTES])
{
    size_t length = strlen(text), end = base_min_size(length, TREE_SHOWN_BYTES - 4);
    for (size_t i = 0; i < end; i++)
        shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    strcpy(shown + end, end < length ? "..." : "");
    return shown;
}

bool tree_is_empty(const struct tree *tree, uint32_t node)
{
    return tree->nodes[node].kind == TREE_SCALAR &&
           (!*tree_text(tree, node) || strcmp(tree_text(tree, node), "null") == 0 ||
               strcmp(tree_text(tree, node), "~") == 0);
}

uint32_t tree_get(const struct tree *tree, uint32_t map, const char *key)
{
    if (tree->nodes[map].kind != TREE_MAP)
        return TREE_NONE;
    for (uint32_t i = tree->nodes[map].first; i != TREE_NONE; i = tree->nodes[i].next) {
        if (strcmp(tree_key(tree, i), key) == 0)
            return i;
    }
    return TREE_NONE;
}

/* ---- sentences ----------------------------------------------------------------------------- */

/* "algorithms[3].rpi.ccm.ccms[2].ct", from the root on. */
static void write_path(const struct tree *tree, uint32_t node, char *path, size_t path_size)
{
    uint32_t above[DEPTH_MAX + 1], count = 0;
    for (uint32_t i = node; i != 0 && i != TREE_NONE; i = tree->nodes[i].parent)
        above[count++] = i;
    size_t end = 0;
    *path = '\0';
    while (count--) {
        const struct tree_node *n = &tree->nodes[above[count]];
        char shown[TREE_SHOWN_BYTES];
        if (tree->nodes[n->parent].kind == TREE_LIST)
            snprintf(path + end, path_size - end, "[%u]", n->index);
        else
            snprintf(path + end, path_size - end, "%s%s", end ? "." : "",
                tree_shown(tree->texts + n->key, shown));
        end += strlen(path + end);
    }
}

int tree_refuse(
    const struct tree *tree, uint32_t node, const struct tuning_error *error, const char *what)
{
    char path[256];
    write_path(tree, node, path, sizeof(path));
    return tuning_refuse(error, -EINVAL, "%s:%u: '%s' %s", error->name, tree->nodes[node].line,
        *path ? path : "the file", what);
}

/* What is open is named; `line` from 0 on. */
static int refuse_line(const struct builder *builder, size_t line, const char *sentence)
{
    char path[256] = "";
    if (builder->at != TREE_NONE)
        write_path(builder->tree, builder->at, path, sizeof(path));
    return tuning_refuse(builder->error, -EINVAL, "%s:%zu: %s%s%s%s", builder->error->name,
        line + 1, *path ? "in '" : "", path, *path ? "' " : "", sentence);
}

static int refuse_event(
    const struct builder *builder, const yaml_event_t *event, const char *sentence)
{
    return refuse_line(builder, event->start_mark.line, sentence);
}

static int no_memory(const struct builder *builder)
{
    return tuning_refuse(builder->error, -ENOMEM, "%s: not enough memory", builder->error->name);
}

/* ---- building ------------------------------------------------------------------------------ */

static int add_text(struct builder *builder, const yaml_event_t *event, uint32_t *out)
{
    struct tree *tree = builder->tree;
    const char *text = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length + 1;
    if (strlen(text) + 1 != bytes)
        return refuse_event(builder, event, "there is a NUL character");
    if (tree->texts_room - tree->texts_bytes < bytes) {
        size_t room = 2 * tree->texts_room + bytes + 256;
        char *texts = realloc(tree->texts, room);
        if (!texts)
            return no_memory(builder);
        tree->texts = texts;
        tree->texts_room = room;
    }
    *out = (uint32_t)tree->texts_bytes;
    memcpy(tree->texts + tree->texts_bytes, text, bytes);
    tree->texts_bytes += bytes;
    return 0;
}

static int add_node(
    struct builder *builder, const yaml_event_t *event, enum tree_kind kind, uint32_t text)
{
    struct tree *tree = builder->tree;
    if (tree->count == tree->room) {
        uint32_t room = 2 * tree->room + 64;
        struct tree_node *nodes = realloc(tree->nodes, room * sizeof(*nodes));
        if (!nodes)
            return no_memory(builder);
        tree->nodes = nodes;
        tree->room = room;
    }
    uint32_t index = tree->count++;
    struct tree_node *node = &tree->nodes[index];
    *node = (struct tree_node){
        .kind = kind,
        .line = (uint32_t)event->start_mark.line + 1,
        .parent = builder->at,
        .key = builder->key,
        .text = text,
        .first = TREE_NONE,
        .last = TREE_NONE,
        .next = TREE_NONE,
    };
    builder->key = TREE_NONE;
    builder->has_root = true;
    if (builder->at != TREE_NONE) {
        struct tree_node *parent = &tree->nodes[builder->at];
        node->index = parent->count++;
        *(parent->last == TREE_NONE ? &parent->first : &tree->nodes[parent->last].next) = index;
        parent->last = index;
    }
    if (kind != TREE_SCALAR) {
        builder->at = index;
        builder->depth++;
    }
    return 0;
}

static int take_key(struct builder *builder, const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT)
        return refuse_event(builder, event, "a key was expected");
    char sentence[TREE_SHOWN_BYTES + 32], shown[TREE_SHOWN_BYTES];
    const char *key = (const char *)event->data.scalar.value;
    if (tree_get(builder->tree, builder->at, key) != TREE_NONE) {
        snprintf(sentence, sizeof(sentence), "'%s' is there twice", tree_shown(key, shown));
        return refuse_event(builder, event, sentence);
    }
    if (builder->tree->nodes[builder->at].count == MAP_KEYS_MAX)
        return refuse_event(builder, event, "there are too many keys");
    return add_text(builder, event, &builder->key);
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static void leave(struct builder *builder)
{
    builder->at = builder->tree->nodes[builder->at].parent;
    builder->depth--;
}

static int take_value(struct builder *builder, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    if (event->type == YAML_SCALAR_EVENT) {
        uint32_t text = 0;
        int r = add_text(builder, event, &text);
        return r ? r : add_node(builder, event, TREE_SCALAR, text);
    }
    if (builder->depth == DEPTH_MAX)
        return refuse_event(builder, event, "it is nested too deeply");
    return add_node(builder, event, is_map ? TREE_MAP : TREE_LIST, 0);
}

static int take(struct builder *builder, const yaml_event_t *event)
{
    bool is_in_map = builder->at != TREE_NONE && builder->tree->nodes[builder->at].kind == TREE_MAP;
    if (has_anchor_or_tag(event))
        return refuse_event(builder, event, "anchors, aliases and tags are not for this file");
    switch (event->type) {
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        leave(builder);
        return 0;
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (is_in_map && builder->key == TREE_NONE)
            return take_key(builder, event);
        return take_value(builder, event);
    case YAML_DOCUMENT_START_EVENT:
        if (builder->has_root)
            return refuse_event(builder, event, "there is a second document");
        return 0;
    default:
        return 0;
    }
}

static int next(struct builder *builder, yaml_event_t *event)
{
    yaml_parser_t *parser = &builder->parser;
    if (yaml_parser_parse(parser, event))
        return 0;
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(builder);
    size_t line =
        parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return refuse_line(
        builder, line, parser->problem ? parser->problem : "this is neither YAML nor JSON");
}

static int build(struct builder *builder)
{
    for (;;) {
        yaml_event_t event;
        int r = next(builder, &event);
        if (r)
            return r;
        yaml_event_type_t type = event.type;
        r = take(builder, &event);
        yaml_event_delete(&event);
        if (r || type == YAML_STREAM_END_EVENT)
            return r;
    }
}

int tree_parse(
    struct tree *tree, const void *bytes, size_t size_bytes, const struct tuning_error *error)
{
    struct builder builder = {.tree = tree, .error = error, .at = TREE_NONE, .key = TREE_NONE};
    *tree = (struct tree){0};
    if (!yaml_parser_initialize(&builder.parser))
        return no_memory(&builder);
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, bytes, size_bytes);
    int r = build(&builder);
    yaml_parser_delete(&builder.parser);
    if (r == 0 && !builder.has_root)
        r = tuning_refuse(error, -EINVAL, "%s:1: the file is empty", error->name);
    return r;
}

void tree_free(struct tree *tree)
{
    free(tree->nodes);
    free(tree->texts);
    *tree = (struct tree){0};
}
