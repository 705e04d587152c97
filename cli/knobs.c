/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --config, --knob and the list of knobs. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int set_knob(const char *verb, struct cli_knob_options *options, const char *assignment)
{
    char name[64] = "", range[128];
    const char *equals = strchr(assignment, '=');
    if (!equals || (size_t)(equals - assignment) >= sizeof(name)) {
        cli_error(verb, "'--knob %s' is not NAME=VALUE", assignment);
        return -1;
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    int index = sisp_knob_find(name);
    if (index < 0) {
        cli_error(verb, "there is no knob '%s'; 'softisp info --knobs' lists them", name);
        return -1;
    }
    if (sisp_knobs_set(&options->line, name, equals + 1) != 0) {
        sisp_knob_describe((unsigned)index, range, sizeof(range));
        cli_error(verb, "knob '%s' takes %s, not '%s'", name, range, equals + 1);
        return -1;
    }
    options->is_set[index] = true;
    return 1;
}

int cli_knob_option(
    const char *verb, struct cli_knob_options *options, const char *name, const char *value)
{
    char error[512];
    if (strcmp(name, "knob") == 0)
        return set_knob(verb, options, value);
    if (strcmp(name, "config") != 0)
        return 0;
    if (sisp_knobs_load(&options->file, value, error, sizeof(error)) == 0)
        return 1;
    cli_error(verb, "%s", error);
    return -1;
}

struct sisp_knobs cli_knobs(const struct cli_knob_options *options)
{
    struct sisp_knobs knobs = options->file;
    for (unsigned i = 0; i < SISP_KNOBS_MAX; i++)
        if (options->is_set[i])
            knobs.value[i] = options->line.value[i];
    return knobs;
}

/* The name of a value in "a|b|c". */
static void print_word(const char *words, uint64_t value)
{
    for (; value && strchr(words, '|'); value--)
        words = strchr(words, '|') + 1;
    printf("%.*s", (int)strcspn(words, "|"), words);
}

static void print_text(const struct sisp_knob_row *row)
{
    printf("%-24s ", row->name);
    if (strchr(row->unit, '|')) {
        printf("%s, default ", row->unit);
        print_word(row->unit, row->value_default);
    } else {
        printf("%" PRIu64 " to %" PRIu64 "%s%s, default %" PRIu64, row->min, row->max,
            *row->unit ? " " : "", row->unit, row->value_default);
    }
    printf(": %s\n", row->help);
}

int cli_print_knobs(const char *verb, bool json)
{
    json_t *rows = json ? json_array() : NULL;
    const struct sisp_knob_row *row;
    for (unsigned i = 0; (row = sisp_knob_row(i)); i++) {
        if (json)
            json_array_append_new(
                rows, json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "name", row->name, "unit", row->unit,
                          "min", (json_int_t)row->min, "max", (json_int_t)row->max, "default",
                          (json_int_t)row->value_default, "help", row->help));
        else
            print_text(row);
    }
    return json ? cli_json_print(verb, rows) : cli_flush(verb);
}
