/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tuning/sections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX   18 /* fit a 64-bit integer, and are more than a float holds */
#define EXPONENT_MAX 60

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point; their count after the point is taken off the exponent. */
static const char *read_digits(const char *text, double *mantissa, int *exponent)
{
    uint64_t value = 0;
    int digits = 0, significant = 0;
    bool has_point = false;
    for (;; text++) {
        if (*text == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (!is_digit(*text))
            break;
        digits++;
        if (significant == DIGITS_MAX) {
            *exponent += !has_point;
            continue;
        }
        value = 10 * value + (uint64_t)(*text - '0');
        significant += value != 0;
        *exponent -= has_point;
    }
    *mantissa = (double)value;
    return digits ? text : NULL;
}

bool value_parse(const char *text, double *out)
{
    bool is_negative = *text == '-', is_down;
    double value;
    int exponent = 0, written = 0;
    text = read_digits(text + (*text == '-' || *text == '+'), &value, &exponent);
    if (!text)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        is_down = *text == '-';
        text += *text == '-' || *text == '+';
        if (!is_digit(*text))
            return false;
        for (; is_digit(*text); text++)
            written = written < 1000 ? 10 * written + (*text - '0') : written;
        exponent += is_down ? -written : written;
    }
    if (*text || exponent > EXPONENT_MAX)
        return false;
    for (; exponent > 0; exponent--)
        value *= 10;
    for (; exponent < 0 && value > 0; exponent++)
        value /= 10;
    *out = is_negative ? -value : value;
    return true;
}

int value_number(struct reader *reader, uint32_t node, struct range range, float *out)
{
    const struct tree *tree = &reader->tree;
    double value;
    if (tree->nodes[node].kind == TREE_SCALAR && value_parse(tree_text(tree, node), &value) &&
        value >= range.min && value <= range.max) {
        *out = (float)value;
        return 0;
    }
    char what[128], shown[TREE_SHOWN_BYTES];
    static const char *const kinds[] = {"", "a list", "a map"};
    bool is_scalar = tree->nodes[node].kind == TREE_SCALAR;
    snprintf(what, sizeof(what), "is a number from %g to %g, not %s%s%s", range.min, range.max,
        is_scalar ? "'" : kinds[tree->nodes[node].kind],
        is_scalar ? tree_shown(tree_text(tree, node), shown) : "", is_scalar ? "'" : "");
    return tree_refuse(tree, node, &reader->error, what);
}

int value_optional(
    struct reader *reader, uint32_t map, const char *key, struct range range, float *out)
{
    uint32_t node = tree_get(&reader->tree, map, key);
    if (node == TREE_NONE || tree_is_empty(&reader->tree, node))
        return 0;
    return value_number(reader, node, range, out);
}

uint32_t value_entry(struct reader *reader, uint32_t map, const char *key, enum tree_kind kind)
{
    static const char *const kinds[] = {"one value", "a list", "a map"};
    char what[128];
    uint32_t node = tree_get(&reader->tree, map, key);
    if (node == TREE_NONE) {
        snprintf(what, sizeof(what), "lacks '%s'", key);
        tree_refuse(&reader->tree, map, &reader->error, what);
        return TREE_NONE;
    }
    if (reader->tree.nodes[node].kind != kind || tree_is_empty(&reader->tree, node)) {
        snprintf(what, sizeof(what), "is %s", kinds[kind]);
        tree_refuse(&reader->tree, node, &reader->error, what);
        return TREE_NONE;
    }
    return node;
}

int value_list(struct reader *reader, uint32_t node, struct range range, float *out, uint32_t count)
{
    const struct tree *tree = &reader->tree;
    if (tree->nodes[node].kind != TREE_LIST || tree->nodes[node].count != count) {
        char what[96];
        snprintf(what, sizeof(what), "is a list of %u numbers, not of %u", count,
            tree->nodes[node].count);
        return tree_refuse(tree, node, &reader->error, what);
    }
    uint32_t i = 0;
    for (uint32_t n = tree->nodes[node].first; n != TREE_NONE; n = tree->nodes[n].next) {
        int r = value_number(reader, n, range, &out[i++]);
        if (r)
            return r;
    }
    return 0;
}

int value_count(struct reader *reader, uint32_t node, uint32_t min, uint32_t max)
{
    char what[96];
    uint32_t count = reader->tree.nodes[node].count;
    if (count >= min && count <= max)
        return 0;
    snprintf(what, sizeof(what), "has %u entries, not %u to %u", count, min, max);
    return tree_refuse(&reader->tree, node, &reader->error, what);
}

int value_kelvin(struct reader *reader, uint32_t map, float *out)
{
    uint32_t node = value_entry(reader, map, "ct", TREE_SCALAR);
    if (node == TREE_NONE)
        return -EINVAL;
    return value_number(reader, node, (struct range){500, 50000}, out);
}
