/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/options.h"
#include "base/base.h"
#include "camera/sim/spectra.h"

#include <softisp/camera.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_WORD, KIND_NUMBER, KIND_WHOLE, KIND_STEP, KIND_LIGHT, KIND_LIGHT_STEP };

struct option {
    const char *key, *unit; /* of words: all of them, with | between; of lights: the default */
    enum kind kind;
    double min, max, value;
    size_t offset;
};

#define AT(field)                            offsetof(struct sim_options, field)
#define WORD(field, key, words, value, help) {#key, words, KIND_WORD, 0, 0, value, AT(field)},
#define NUMBER(field, key, unit, min, max, value, help)                                            \
    {#key, unit, KIND_NUMBER, min, max, value, AT(field)},
#define WHOLE(field, key, unit, min, max, value, help)                                             \
    {#key, unit, KIND_WHOLE, min, max, value, AT(field)},
#define STEP(field, key, unit, min, max, help) {#key, unit, KIND_STEP, min, max, 0, AT(field)},
#define LIGHT(field, key, names, value, help)  {#key, value, KIND_LIGHT, 0, 0, 0, AT(field)},
#define LIGHT_STEP(field, key, help)           {#key, "", KIND_LIGHT_STEP, 0, 0, 0, AT(field)},
/* clang-format off */
static const struct option table[] = {
#include "camera/sim/options.def"
};
/* clang-format on */
#undef WORD
#undef NUMBER
#undef WHOLE
#undef STEP
#undef LIGHT
#undef LIGHT_STEP

#define RANGE(min, max, unit)                #min " to " #max " " unit
#define WORD(field, key, words, value, help) {#key, words, help},
#define NUMBER(field, key, unit, min, max, value, help)                                            \
    {#key, RANGE(min, max, unit) " (" #value ")", help},
#define WHOLE(field, key, unit, min, max, value, help)                                             \
    NUMBER(field, key, unit, min, max, value, help)
#define STEP(field, key, unit, min, max, help) {#key, "FRAME:" RANGE(min, max, unit), help},
#define LIGHT(field, key, names, value, help)  {#key, names " (" value ")", help},
#define LIGHT_STEP(field, key, help)           {#key, "FRAME:LIGHT", help},
/* clang-format off */
static const struct sisp_camera_option described[] = {
#include "camera/sim/options.def"
};
/* clang-format on */

const struct sisp_camera_option *sisp_camera_sim_options(uint32_t *count)
{
    *count = BASE_COUNT(described);
    return described;
}

/* A piece of the text, not ended by a zero. */
struct piece {
    const char *text;
    size_t length;
};

static struct piece cut(const char **text, char separator)
{
    const char *end = strchr(*text, separator);
    struct piece piece = {*text, end ? (size_t)(end - *text) : strlen(*text)};
    *text += piece.length + (end != NULL);
    return piece;
}

static bool is_piece(struct piece piece, const char *word, size_t length)
{
    return piece.length == length && memcmp(piece.text, word, length) == 0;
}

/* Digits with at most one point: no locale, no exponent. */
static bool parse_number(struct piece piece, double *value)
{
    bool is_negative = piece.length > 0 && piece.text[0] == '-', has_point = false;
    uint64_t digits = 0, scale = 1;
    size_t first = is_negative, count = 0;
    for (size_t i = first; i < piece.length; i++) {
        char c = piece.text[i];
        if (c == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++count > 15)
            return false;
        digits = digits * 10 + (uint64_t)(c - '0');
        scale *= has_point ? 10 : 1;
    }
    *value = (is_negative ? -1.0 : 1.0) * (double)digits / (double)scale;
    return count > 0;
}

static bool parse_in_range(const struct option *option, struct piece piece, double *value)
{
    return parse_number(piece, value) && *value >= option->min && *value <= option->max;
}

static bool parse_word(const struct option *option, struct piece piece, unsigned *value)
{
    const char *words = option->unit;
    for (unsigned i = 0; *words; i++) {
        struct piece word = cut(&words, '|');
        if (is_piece(piece, word.text, word.length)) {
            *value = i;
            return true;
        }
    }
    return false;
}

/* What lies before the colon; *piece becomes what lies after it. */
static bool cut_frame(struct piece *piece, uint64_t *frame)
{
    const char *colon = memchr(piece->text, ':', piece->length);
    double number;
    if (!colon)
        return false;
    size_t length = (size_t)(colon - piece->text);
    if (!parse_number((struct piece){piece->text, length}, &number) || number < 0 ||
        number != (double)(uint64_t)number)
        return false;
    *frame = (uint64_t)number;
    *piece = (struct piece){colon + 1, piece->length - length - 1};
    return true;
}

static bool parse_step(const struct option *option, struct piece piece, struct sim_step *step)
{
    step->is_set = true;
    return cut_frame(&piece, &step->frame) && parse_in_range(option, piece, &step->value);
}

static bool parse_light(struct piece piece, struct sim_light *light)
{
    struct spectrum spectrum;
    if (piece.length >= sizeof(light->name))
        return false;
    memcpy(light->name, piece.text, piece.length);
    light->name[piece.length] = '\0';
    light->is_set = true;
    return spectra_light(light->name, &spectrum);
}

static bool set_option(struct sim_options *options, const struct option *option, struct piece piece)
{
    void *field = (char *)options + option->offset;
    double value;
    switch (option->kind) {
    case KIND_WORD:
        return parse_word(option, piece, field);
    case KIND_NUMBER:
        return parse_in_range(option, piece, field);
    case KIND_WHOLE:
        if (!parse_in_range(option, piece, &value) || value != (double)(unsigned)value)
            return false;
        *(unsigned *)field = (unsigned)value;
        return true;
    case KIND_STEP:
        return parse_step(option, piece, field);
    case KIND_LIGHT:
        return parse_light(piece, field);
    case KIND_LIGHT_STEP:
        return cut_frame(&piece, &((struct sim_light *)field)->frame) && parse_light(piece, field);
    }
    return false;
}

static void set_default(struct sim_options *options, const struct option *option)
{
    void *field = (char *)options + option->offset;
    if (option->kind == KIND_NUMBER)
        *(double *)field = option->value;
    else if (option->kind == KIND_WORD || option->kind == KIND_WHOLE)
        *(unsigned *)field = (unsigned)option->value;
    else if (option->kind == KIND_LIGHT)
        strcpy(((struct sim_light *)field)->name, option->unit);
}

static void say_wants(
    size_t index, struct piece key, struct piece value, char *error, size_t error_size)
{
    bool is_whole = table[index].kind == KIND_WHOLE;
    snprintf(error, error_size, "%.*s=%.*s: it is %s%s", (int)key.length, key.text,
        (int)value.length, value.text, is_whole ? "a whole number, " : "", described[index].values);
}

static bool parse_pair(
    struct sim_options *options, struct piece pair, char *error, size_t error_size)
{
    const char *equals = memchr(pair.text, '=', pair.length);
    struct piece key = {pair.text, equals ? (size_t)(equals - pair.text) : pair.length};
    for (size_t i = 0; i < BASE_COUNT(table); i++) {
        if (!is_piece(key, table[i].key, strlen(table[i].key)))
            continue;
        struct piece value = {equals ? equals + 1 : "", 0};
        value.length = equals ? pair.length - key.length - 1 : 0;
        if (equals && set_option(options, &table[i], value))
            return true;
        say_wants(i, key, value, error, error_size);
        return false;
    }
    snprintf(
        error, error_size, "the simulated camera has no option '%.*s'", (int)key.length, key.text);
    return false;
}

bool sim_options_parse(
    struct sim_options *options, const char *text, char *error, size_t error_size)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < BASE_COUNT(table); i++)
        set_default(options, &table[i]);
    while (text && *text) {
        struct piece pair = cut(&text, ',');
        if (!parse_pair(options, pair, error, error_size))
            return false;
    }
    return true;
}
