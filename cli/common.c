/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void cli_error(const char *verb, const char *format, ...)
{
    char sentence[4096 + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    fprintf(stderr, "softisp%s%s: %s\n", verb ? " " : "", verb ? verb : "", sentence);
}

int cli_option_error(const char *verb, int option, char **argv)
{
    const char *text = argv[optind - 1];
    if (option == ':')
        cli_error(verb, "option '%s' needs a value; see 'softisp help %s'", text, verb);
    else if (optopt && text[0] == '-' && text[1] != '-')
        cli_error(verb, "unknown option '-%c'; see 'softisp help %s'", optopt, verb);
    else
        cli_error(verb, "unknown or incomplete option '%s'; see 'softisp help %s'", text, verb);
    return CLI_WRONG_USE;
}

bool cli_parse_u64(const char *text, uint64_t *out)
{
    if (*text < '0' || *text > '9')
        return false; /* strtoull takes signs and blanks */
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

bool cli_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!cli_parse_u64(text, &value) || value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool cli_parse_number(const char *text, double *out)
{
    char *end;
    if (text[strspn(text, "+-.0123456789eE")])
        return false; /* strtod also takes blanks, hexadecimal, names */
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool cli_parse_orientation(const char *verb, const char *text, enum sisp_orientation *orientation)
{
    const int found = sisp_orientation_find(text);
    if (found < 0)
        cli_error(verb,
            "'--orientation %s': it is rotate-0, rotate-90, rotate-180, rotate-270, mirror, flip, "
            "transpose or rotate-180-transpose",
            text);
    else
        *orientation = (enum sisp_orientation)found;
    return found >= 0;
}

bool cli_parse_size(const char *text, uint32_t *width, uint32_t *height)
{
    char copy[32];
    if (strlen(text) >= sizeof(copy))
        return false;
    strcpy(copy, text);
    char *x = strpbrk(copy, "xX");
    if (!x)
        return false;
    *x = '\0';
    uint32_t w, h;
    if (!cli_parse_u32(copy, 1, 65535, &w) || !cli_parse_u32(x + 1, 1, 65535, &h))
        return false;
    *width = w;
    *height = h;
    return true;
}

bool cli_has_extension(const char *path, const char *extension)
{
    const size_t length = strlen(path), end = strlen(extension);
    return length > end && strcasecmp(path + length - end, extension) == 0;
}

unsigned cli_parse_list(const char *text, unsigned max, float *out)
{
    char copy[256];
    if (strlen(text) >= sizeof(copy))
        return 0;
    strcpy(copy, text);
    unsigned count = 0;
    for (char *item = copy, *comma; item; item = comma) {
        comma = strchr(item, ',');
        if (comma)
            *comma++ = '\0';
        double value;
        if (count == max || !cli_parse_number(item, &value))
            return 0;
        out[count++] = (float)value;
    }
    return count;
}

/* NAME=VALUE[,VALUE] by libcamera's name; -ENOENT: it has no such control. */
static int set_control(
    const char *verb, struct sisp_params *params, const char *name, const char *text)
{
    float values[2];
    unsigned count = cli_parse_list(text, 2, values), controls;
    int r = sisp_params_set_control(params, name, values, count);
    const struct sisp_control_row *row = sisp_control_table(&controls);
    for (unsigned i = 0; r && r != -ENOENT && i < controls; i++) {
        if (strcmp(row[i].name, name) == 0)
            cli_error(verb, "control '%s' takes %s from %g to %g, not '%s'", name,
                row[i].params[1] < 0 ? "a number" : "two numbers", (double)row[i].min,
                (double)row[i].max, text);
    }
    return r;
}

bool cli_set_preset(const char *verb, struct sisp_params *params, const char *name)
{
    static const char *const names[] = {"natural", "neutral", "vivid"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            params->value[SISP_PARAM_PRESET] = (float)i;
            return true;
        }
    }
    cli_error(verb, "'--preset %s': it is natural, neutral or vivid", name);
    return false;
}

bool cli_set_param(const char *verb, struct sisp_params *params, const char *assignment)
{
    char name[64];
    const char *equals = strchr(assignment, '=');
    double value;
    float list[2];
    if (!equals || (size_t)(equals - assignment) >= sizeof(name) ||
        cli_parse_list(equals + 1, 2, list) == 0) {
        cli_error(verb, "'--set %s' is not NAME=NUMBER", assignment);
        return false;
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    int r = set_control(verb, params, name, equals + 1);
    if (r != -ENOENT)
        return r == 0;
    r = sisp_param_find(name);
    if (r >= 0)
        r = cli_parse_number(equals + 1, &value) ? sisp_params_set(params, name, value) : -ERANGE;
    if (r == -ENOENT) {
        cli_error(verb, "there is no parameter '%s'; 'softisp help %s' lists them", name, verb);
    } else if (r) {
        const struct sisp_param_row *row = &sisp_param_table[sisp_param_find(name)];
        cli_error(verb, "parameter '%s' takes %s from %g to %g, not '%s'", name,
            row->is_integer ? "a whole number" : "a number", (double)row->min, (double)row->max,
            equals + 1);
    }
    return r == 0;
}

static int raw_option_error(
    const char *verb, const char *name, const char *value, const char *wants)
{
    cli_error(verb, "'--%s %s': %s", name, value, wants);
    return -1;
}

static int raw_format_option(const char *verb, struct sisp_raw_open_params *open, const char *value)
{
    if (!sisp_raw_format_find(value))
        return raw_option_error(
            verb, "raw-format", value, "not a raw format; 'softisp info' lists them");
    open->raw_format = value;
    return 1;
}

static int black_option(const char *verb, struct sisp_raw_open_params *open, const char *value)
{
    open->black_count = 0;
    open->use_optical_black = strcmp(value, "optical") == 0;
    if (open->use_optical_black)
        return 1;
    open->black_count = cli_parse_list(value, SISP_SITE_COUNT, open->black_level);
    bool ok = open->black_count == 1 || open->black_count == 4;
    for (unsigned i = 0; i < open->black_count; i++)
        ok &= open->black_level[i] >= 0 && open->black_level[i] <= 65534;
    return ok ? 1
              : raw_option_error(verb, "black", value,
                    strcmp(verb, "live") == 0
                        ? "one or four levels from 0 to 65534, optical or learned"
                        : "one or four levels from 0 to 65534, or optical");
}

int cli_raw_option(
    const char *verb, struct cli_raw_options *raw, const char *name, const char *value)
{
    struct sisp_raw_open_params *open = &raw->open;
    if (strcmp(name, "raw-format") == 0)
        return raw_format_option(verb, open, value);
    if (strcmp(name, "black") == 0)
        return black_option(verb, open, value);
    if (strcmp(name, "size") == 0)
        return cli_parse_size(value, &open->width, &open->height)
                   ? 1
                   : raw_option_error(
                         verb, name, value, "a size is WIDTHxHEIGHT, at most 65535 each");
    if (strcmp(name, "stride") == 0) {
        uint32_t stride;
        if (!cli_parse_u32(value, 1, 1u << 20, &stride))
            return raw_option_error(
                verb, name, value, "bytes from one row to the next, to 1048576");
        open->stride_bytes = stride;
        return 1;
    }
    if (strcmp(name, "white") == 0) {
        double white;
        if (!cli_parse_number(value, &white) || white < 1 || white > 65535)
            return raw_option_error(verb, name, value, "a level from 1 to 65535");
        open->white_level = (float)white;
        return 1;
    }
    if (strcmp(name, "cfa") == 0) {
        int cfa = sisp_cfa_find(value);
        if (cfa < 0)
            return raw_option_error(verb, name, value, "RGGB, GRBG, GBRG or BGGR");
        open->has_cfa = 1;
        open->cfa = (enum sisp_cfa)cfa;
        return 1;
    }
    return 0;
}

bool cli_check_raw(const char *verb, const struct cli_raw_options *raw)
{
    const struct sisp_raw_open_params *open = &raw->open;
    if (open->raw_format && !open->width)
        cli_error(verb, "--raw-format needs --size WIDTHxHEIGHT");
    else if (!open->raw_format && (open->width || open->stride_bytes))
        cli_error(verb, "--size and --stride go with --raw-format");
    else if (open->raw_format && open->has_cfa)
        cli_error(verb, "--raw-format already says the CFA order; --cfa is for PGM");
    else
        return true;
    return false;
}

json_t *cli_json_floats(const float *values, unsigned count)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(array, json_real((double)values[i]));
    return array;
}

json_t *cli_json_name(const char *name)
{
    json_t *text = json_string(name);
    if (text)
        return text;
    size_t length = strlen(name), end = 0;
    char *latin = malloc(2 * length + 1);
    if (!latin)
        return json_null();
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x80) {
            latin[end++] = name[i];
        } else {
            latin[end++] = (char)(0xc0 | byte >> 6);
            latin[end++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    text = json_stringn_nocheck(latin, end);
    free(latin);
    return text;
}

int cli_flush(const char *verb)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_DONE;
    cli_error(verb, "the standard output cannot be written");
    return CLI_OUTPUT_FAILED;
}

int cli_json_print(const char *verb, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(value);
    if (text)
        puts(text);
    free(text);
    return cli_flush(verb);
}
