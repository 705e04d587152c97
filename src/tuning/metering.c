/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights of the metering modes: Raspberry Pi Ltd, Raspberry Pi Camera Algorithm and Tuning Guide,
 * 2023. */
#include "tuning/sections.h"

#define CELLS (SISP_TUNING_METERING_SIDE * SISP_TUNING_METERING_SIDE)

static const char *const modes[SISP_TUNING_METERING_MODES] = {"centre-weighted", "spot", "matrix"};

static int read_weights(struct reader *reader, uint32_t node, float *out)
{
    double sum = 0;
    int r = value_list(reader, node, (struct range){0, 65535}, out, CELLS);
    for (int i = 0; r == 0 && i < CELLS; i++)
        sum += (double)out[i];
    if (r == 0 && !(sum > 0))
        r = tree_refuse(&reader->tree, node, &reader->error, "has no weight above 0");
    return r;
}

/* The list of weights of one mode, where it is one for the grid. */
static uint32_t find_weights(const struct tree *tree, uint32_t map, const char *mode)
{
    uint32_t at = tree_get(tree, map, mode);
    if (at != TREE_NONE && tree->nodes[at].kind == TREE_MAP)
        at = tree_get(tree, at, "weights");
    bool is_grid =
        at != TREE_NONE && tree->nodes[at].kind == TREE_LIST && tree->nodes[at].count == CELLS;
    return is_grid ? at : TREE_NONE;
}

/* The sections of several channels are for pictures put together from several exposures: the first
 * one is the usual one. */
static uint32_t first_channel(const struct tree *tree, uint32_t node)
{
    uint32_t channels = tree_get(tree, node, "channels");
    if (channels == TREE_NONE || tree->nodes[channels].kind != TREE_LIST)
        return node;
    uint32_t first = tree->nodes[channels].first;
    return first != TREE_NONE && tree->nodes[first].kind == TREE_MAP ? first : node;
}

/* VC4's 15 regions have places of their own that its tuning files do not say. */
int section_metering(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    const struct tree *tree = &reader->tree;
    uint32_t all = tree_get(tree, first_channel(tree, node), "metering_modes");
    bool has_grids = all != TREE_NONE && tree->nodes[all].kind == TREE_MAP;
    for (int i = 0; i < SISP_TUNING_METERING_MODES; i++)
        has_grids = has_grids && find_weights(tree, all, modes[i]) != TREE_NONE;
    if (!has_grids) {
        note_unused(t, "rpi.agc");
        return 0;
    }
    for (int i = 0; i < SISP_TUNING_METERING_MODES; i++) {
        int r = read_weights(reader, find_weights(tree, all, modes[i]), t->metering[i]);
        if (r)
            return r;
    }
    t->parts |= 1u << SISP_TUNING_METERING;
    note_unused(t, "rpi.agc but for metering_modes");
    return 0;
}
