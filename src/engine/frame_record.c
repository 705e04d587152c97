/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/frame_record.h"

#include "base/base.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int eng_frame_table_init(struct eng_frame_table *table, uint32_t capacity)
{
    *table = (struct eng_frame_table){.capacity = capacity};
    table->frames = calloc(capacity, sizeof(*table->frames));
    table->active = calloc(capacity, sizeof(*table->active));
    table->unused = calloc(capacity, sizeof(*table->unused));
    if (!table->frames || !table->active || !table->unused) {
        eng_frame_table_finish(table);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < capacity; i++)
        table->unused[i] = capacity - 1 - i;
    return 0;
}

void eng_frame_table_finish(struct eng_frame_table *table)
{
    free(table->frames);
    free(table->active);
    free(table->unused);
    *table = (struct eng_frame_table){0};
}

struct eng_frame *eng_frame_take(struct eng_frame_table *table)
{
    sisp_assert(table->active_count < table->capacity);
    uint32_t index = table->unused[table->capacity - table->active_count - 1];
    table->active[table->active_count++] = index;
    struct eng_frame *frame = &table->frames[index];
    sisp_assert(frame->state == ENG_FRAME_UNUSED);
    /* The metas are as long as input_count says; clearing them costs more than the rest. */
    memset(frame, 0, offsetof(struct eng_frame, meta));
    frame->slot = frame->core = ENG_NONE;
    frame->order = ENG_ORDER_NONE;
    frame->row.frame_id = ++table->next_id;
    frame->row.worker = frame->row.fallback_from = frame->row.fallback_to = "";
    return frame;
}

void eng_frame_give(struct eng_frame_table *table, struct eng_frame *frame)
{
    sisp_assert(frame->state == ENG_FRAME_ENDED && frame->slot == ENG_NONE);
    uint32_t index = (uint32_t)(frame - table->frames), place = 0;
    while (place < table->active_count && table->active[place] != index)
        place++;
    sisp_assert(place < table->active_count);
    frame->state = ENG_FRAME_UNUSED;
    table->active_count--;
    memmove(&table->active[place], &table->active[place + 1],
        (table->active_count - place) * sizeof(*table->active));
    table->unused[table->capacity - table->active_count - 1] = index;
}

struct eng_frame *eng_frame_at(const struct eng_frame_table *table, uint32_t place)
{
    sisp_assert(place < table->active_count);
    return &table->frames[table->active[place]];
}

uint32_t eng_frame_depth(const struct eng_frame_table *table, uint32_t session, enum eng_lane path)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < table->active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(table, i);
        depth += eng_frame_is_open(frame) && frame->path == path && frame->row.session == session;
    }
    return depth;
}

void eng_frame_table_check(const struct eng_frame_table *table)
{
    for (uint32_t i = 0; i < table->active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(table, i);
        sisp_assert(frame->state != ENG_FRAME_UNUSED);
        sisp_assert(frame->state != ENG_FRAME_RUNNING || frame->slot != ENG_NONE);
        sisp_assert(frame->state != ENG_FRAME_PLANNED || frame->slot == ENG_NONE);
        sisp_assert(frame->input_count <= ENG_INPUTS_MAX);
    }
}
