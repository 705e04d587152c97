/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's knobs as the public API shows them. */
#include "session/knobs.h"

#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 64 /* of a value; longer ones are none */

_Static_assert(ENG_KNOB_COUNT <= SISP_KNOBS_MAX, "knobs have room");

const struct sisp_knob_row *sisp_knob_row(unsigned index)
{
    static const struct sisp_knob_row rows[] = {
#define KNOB(field, name, unit, scale, min, max, value_default, help)                              \
    {#name, unit, help, min, max, value_default},
#include "engine/knobs.def"
#undef KNOB
    };
    return index < BASE_COUNT(rows) ? &rows[index] : NULL;
}

int sisp_knob_find(const char *name)
{
    for (unsigned i = 0; sisp_knob_row(i); i++)
        if (strcmp(sisp_knob_row(i)->name, name) == 0)
            return (int)i;
    return -ENOENT;
}

/* Units that a value may name, by kind. */
static const struct unit {
    const char *name;
    char kind;
    uint64_t scale;
} units[] = {
    {"us", 't', 1},
    {"ms", 't', 1000},
    {"s", 't', 1000000},
    {"bytes", 'b', 1},
    {"KiB", 'b', UINT64_C(1) << 10},
    {"MiB", 'b', UINT64_C(1) << 20},
    {"GiB", 'b', UINT64_C(1) << 30},
};

static const struct unit *find_unit(const char *name)
{
    for (unsigned i = 0; i < BASE_COUNT(units); i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

static bool convert(uint64_t number, const char *from_name, const char *to_name, uint64_t *value)
{
    const struct unit *from = find_unit(from_name), *to = find_unit(to_name);
    if (!from || !to || from->kind != to->kind)
        return false;
    if (number > UINT64_MAX / from->scale || number * from->scale % to->scale)
        return false;
    *value = number * from->scale / to->scale;
    return true;
}

static bool parse_number(const char *text, const char *unit, uint64_t *value)
{
    uint64_t number = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (c == text)
        return false;
    *value = number;
    if (*c == '\0')
        return true;
    c += *c == ' ';
    return convert(number, c, unit, value);
}

/* The place of a word in "a|b|c". */
static bool parse_word(const char *text, const char *words, uint64_t *value)
{
    size_t length = strlen(text);
    *value = 0;
    for (const char *word = words;; word++, (*value)++) {
        const char *end = strchr(word, '|');
        size_t word_length = end ? (size_t)(end - word) : strlen(word);
        if (word_length == length && memcmp(word, text, length) == 0)
            return true;
        if (!end)
            return false;
        word = end;
    }
}

int sisp_knobs_set(struct sisp_knobs *knobs, const char *name, const char *text)
{
    int index = sisp_knob_find(name);
    if (index < 0)
        return index;
    const struct sisp_knob_row *row = sisp_knob_row((unsigned)index);
    uint64_t value;
    if (strlen(text) >= TEXT_BYTES)
        return -EINVAL;
    bool ok = strchr(row->unit, '|') ? parse_word(text, row->unit, &value)
                                     : parse_number(text, row->unit, &value);
    if (!ok)
        return -EINVAL;
    if (value < row->min || value > row->max)
        return -ERANGE;
    knobs->value[index] = value;
    return 0;
}

void sisp_knob_describe(unsigned index, char *text, size_t text_size)
{
    const struct sisp_knob_row *row = sisp_knob_row(index);
    if (!row || strchr(row->unit, '|'))
        snprintf(text, text_size, "one of %s", row ? row->unit : "none");
    else
        snprintf(text, text_size, "a whole number from %llu to %llu%s%s",
            (unsigned long long)row->min, (unsigned long long)row->max, *row->unit ? " " : "",
            row->unit);
}

bool knobs_are_valid(const struct sisp_knobs *knobs)
{
    for (unsigned i = 0; i < SISP_KNOBS_MAX; i++) {
        const struct sisp_knob_row *row = sisp_knob_row(i);
        uint64_t value = knobs->value[i];
        if (value && (!row || value < row->min || value > row->max))
            return false;
    }
    return true;
}

void knobs_apply(struct eng_knobs *engine, const struct sisp_knobs *knobs)
{
    for (unsigned i = 0; i < ENG_KNOB_COUNT; i++)
        if (knobs->value[i])
            *eng_knob_at(engine, i) = knobs->value[i] * eng_knob_table[i].scale;
}
