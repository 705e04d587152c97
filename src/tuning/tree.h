/* SPDX-License-Identifier: GPL-3.0-or-later */
/** YAML 1.1 as far as tuning files need it, and the JSON that is inside it, as a tree. */
#ifndef TUNING_TREE_H
#define TUNING_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_NONE UINT32_MAX

enum tree_kind {
    TREE_SCALAR,
    TREE_LIST,
    TREE_MAP,
};

/** Other nodes by number; texts by their place in tree.texts. */
struct tree_node {
    enum tree_kind kind;
    uint32_t line;   /* from 1 on */
    uint32_t parent; /* TREE_NONE: the root */
    uint32_t key;    /* text, in a map */
    uint32_t text;   /* of a scalar */
    uint32_t first, last, next;
    uint32_t count, index; /* children; place among its parent's */
};

struct tree {
    struct tree_node *nodes;
    uint32_t count, room;
    char *texts;
    size_t texts_bytes, texts_room;
};

/** Where sentences about a file go. */
struct tuning_error {
    const char *name; /* of the file */
    char *text;
    size_t text_size;
};

/** Write the sentence where there is room for it. Returns: result. */
__attribute__((format(printf, 3, 4))) int tuning_refuse(
    const struct tuning_error *error, int result, const char *format, ...);

/** Returns: 0, -EINVAL, -ENOMEM; tree_free() in any case. The root is node 0. */
int tree_parse(
    struct tree *tree, const void *bytes, size_t size_bytes, const struct tuning_error *error);
void tree_free(struct tree *tree);

/** "NAME:LINE: 'key.list[2].key' WHAT". Returns: -EINVAL. */
int tree_refuse(
    const struct tree *tree, uint32_t node, const struct tuning_error *error, const char *what);

/** The map's entry of that name, or TREE_NONE. */
uint32_t tree_get(const struct tree *tree, uint32_t map, const char *key);

static inline const char *tree_text(const struct tree *tree, uint32_t node)
{
    return tree->texts + tree->nodes[node].text;
}

static inline const char *tree_key(const struct tree *tree, uint32_t node)
{
    return tree->texts + tree->nodes[node].key;
}

/** Whether nothing stands there. */
bool tree_is_empty(const struct tree *tree, uint32_t node);

/** What stands in a file may be anything: a printable beginning of it. */
#define TREE_SHOWN_BYTES 48
const char *tree_shown(const char *text, char shown[TREE_SHOWN_BYTES]);

#endif
