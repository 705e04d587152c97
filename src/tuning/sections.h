/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The sections of tuning files, each read into its part of struct sisp_tuning. */
#ifndef TUNING_SECTIONS_H
#define TUNING_SECTIONS_H

#include "tuning/tree.h"

#include <softisp/tuning.h>

struct reader {
    struct tree tree;
    struct tuning_error error;
    struct sisp_tuning *tuning;
    uint32_t read; /* sections so far: a bit for the part that each is of */
};

/** A section in `node`, a map. Each returns 0 or -EINVAL after a sentence. */
typedef int section_reader(struct reader *reader, uint32_t node);

section_reader section_black, section_white, section_shading, section_shading_sets, section_colors,
    section_noise, section_tone, section_lux, section_metering;

/** Names that stand in the file and are not used. */
void note_unused(struct sisp_tuning *tuning, const char *name);

/** Whether the bytes begin like a DNG or a DCP. */
bool profile_is_one(const void *bytes, size_t size_bytes);

/** What is used of it. Returns 0 or -EINVAL after a sentence. */
int profile_read(struct reader *reader, const void *bytes, size_t size_bytes);

/* A lens does not shade more. */
#define GAIN_MIN (1.0 / 16)
#define GAIN_MAX 16.0

/** Tables of cells become tables of knots. */
void shading_resample(struct sisp_tuning_shading *shading);

/* ---- values (values.c) ----------------------------------------------------------------------- */

/** The range a value must lie in. */
struct range {
    double min, max;
};

/** Decimal, whatever the locale. False where the text is anything else. */
bool value_parse(const char *text, double *out);

int value_number(struct reader *reader, uint32_t node, struct range range, float *out);

/** The number `key` of the map; left alone where there is none. */
int value_optional(
    struct reader *reader, uint32_t map, const char *key, struct range range, float *out);

/** The entry `key` of the map, of that kind and not empty, or TREE_NONE after a sentence. */
uint32_t value_entry(struct reader *reader, uint32_t map, const char *key, enum tree_kind kind);

/** A list of exactly `count` numbers. */
int value_list(
    struct reader *reader, uint32_t node, struct range range, float *out, uint32_t count);

/** Whether the list has `min` to `max` entries: 0, or -EINVAL after a sentence. */
int value_count(struct reader *reader, uint32_t node, uint32_t min, uint32_t max);

/** The name of a kelvin entry and its range. */
int value_kelvin(struct reader *reader, uint32_t map, float *out);

#endif
