/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/tables.h"

#include "base/base.h"
#include "session/knobs.h"
#include "session/telemetry.h"

/* Inputs that may be in flight beside those that the ring of a burst keeps: one being filled, two
 * in the fast lane, one on the floor, one whose worker has not acknowledged yet, and one spare. */
#define INPUTS_IN_FLIGHT 6

/* Of them, these are left while bursts are fused: the ring may then have two frames of its own. */
#define INPUTS_LEFT 4

/* A burst that is being fused has its inputs, the ring the next one's; where frames are imported,
 * their owner says how many there are. */
static uint32_t bursts_kept(const struct sisp_session_params *params)
{
    return params->is_live && !params->imports_max ? 2 : 1;
}

/* Writing a large file takes its time, and nobody waits for the picture's buffer. */
#define FILE_LEASE_NS UINT64_C(3600000000000)

/* A large frame on a slow machine is no hang. */
#define FILE_HANG_NS UINT64_C(60000000000)

/* Pictures of a lane: two being made, four with the consumer, one whose worker hangs. */
#define PICTURES 7

static uint32_t add_pool_of(struct eng_config *config, enum sisp_memory memory, const char *name,
    size_t size_bytes, uint32_t count)
{
    config->pools[config->pool_count] =
        (struct eng_pool_config){name, size_bytes, count, (enum eng_memory)memory, false};
    return config->pool_count++;
}

static uint32_t add_pool(
    struct eng_config *config, const char *name, size_t size_bytes, uint32_t count)
{
    return add_pool_of(config, SISP_MEMORY_MEMFD, name, size_bytes, count);
}

static void add_lane(struct eng_config *config, enum eng_lane lane,
    const enum pipeline_command commands[2], uint32_t picture_pool)
{
    struct eng_lane_config *l = &config->lanes[lane];
    l->stage_count = 2;
    l->stages[0] = commands[0];
    l->stages[1] = commands[1];
    for (unsigned i = 0; i < ENG_ROLES_MAX; i++)
        l->role_pool[i] = ENG_NONE;
    l->role_pool[ROLE_PICTURE] = picture_pool;
}

static void describe_lanes(
    struct eng_config *config, const struct pipeline *p, const struct sisp_session_params *params)
{
    static const enum pipeline_command fast[] = {COMMAND_FAST_ALGO, COMMAND_FAST_ISP};
    static const enum pipeline_command slow[] = {COMMAND_SLOW_ALGO, COMMAND_SLOW_ISP};
    static const enum pipeline_command floor[] = {COMMAND_RAW_ALGO, COMMAND_RAW_ISP};
    uint32_t lanes = 0;
    if (p->preview.width) {
        size_t bytes = pipeline_pictures_bytes(p, ENG_LANE_FAST);
        uint32_t pictures = params->is_live ? PICTURES : 1;
        add_lane(config, ENG_LANE_FAST, fast,
            add_pool_of(config, params->output_memory, "preview", bytes, pictures));
        if (params->is_live) /* a file has no deadline to miss */
            add_lane(config, ENG_LANE_FLOOR, floor,
                add_pool_of(config, params->output_memory, "floor", bytes, PICTURES));
        lanes++;
    }
    if (p->still.width) {
        size_t bytes = pipeline_pictures_bytes(p, ENG_LANE_BACKGROUND);
        const uint32_t stills = params->is_live ? 2 : 1; /* one is looked at, one is made */
        add_lane(config, ENG_LANE_BACKGROUND, slow,
            add_pool_of(config, params->output_memory, "still", bytes, stills));
        if (p->burst_frames)
            config->lanes[ENG_LANE_BACKGROUND].role_pool[ROLE_MOTION] = add_pool(
                config, "motion", isp_burst_field_size(&p->still, p->burst_frames), stills);
        lanes++;
    }
    /* Payloads and states are small: enough for every frame in flight and what is committed. The
     * floor has payloads of its own, so that no other lane can starve it. */
    uint32_t small = lanes * PICTURES + 4;
    uint32_t payloads = add_pool(config, "payload", sizeof(struct payload), small);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_PAYLOAD] = payloads;
    config->lanes[ENG_LANE_BACKGROUND].role_pool[ROLE_PAYLOAD] = payloads;
    if (!p->preview.width)
        return;
    if (params->is_live)
        config->lanes[ENG_LANE_FLOOR].role_pool[ROLE_PAYLOAD] =
            add_pool(config, "floor payload", sizeof(struct payload), PICTURES);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_STATE] =
        add_pool(config, "state", sizeof(struct isp_auto_state), small);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_STATS] =
        add_pool(config, "stats", sizeof(struct frame_stats), small);
}

/* As much of it as the knob's range allows; 0: the engine's default. */
static uint64_t floor_budget_ns(uint64_t interval_ns)
{
    const struct eng_knob_row *row = &eng_knob_table[ENG_KNOB_floor_budget_ns];
    uint64_t budget_us = interval_ns / 8 * 9 / row->scale;
    return base_min_size(budget_us, row->max) * row->scale;
}

void tables_describe(
    struct eng_config *config, struct pipeline *p, const struct sisp_session_params *params)
{
    uint32_t inputs = params->is_live ? INPUTS_IN_FLIGHT : 1;
    inputs += bursts_kept(params) * params->burst_frames;
    size_t input_bytes = sisp_raw_info_size_bytes(&params->info);
    inputs += params->raws_max;
    config->inputs_left = (params->is_live ? INPUTS_LEFT : 1) + params->raws_max;
    config->inputs_left *= base_max_size(params->sessions_max, 1);
    config->input_pool = add_pool_of(config, params->input_memory, "input", input_bytes, inputs);
    config->pools[config->input_pool].is_lazy = !params->is_live;
    if (params->imports_max)
        add_pool_of(config, SISP_MEMORY_IMPORTED, "import", input_bytes, params->imports_max);
    config->history_count = params->burst_frames;
    if (!params->is_live) {
        config->knobs.lease_ns = FILE_LEASE_NS;
        config->knobs.hang_timeout_ns = FILE_HANG_NS;
    }
    config->knobs.floor_budget_ns = floor_budget_ns(params->frame_interval_ns);
    if (params->knobs)
        knobs_apply(&config->knobs, params->knobs);
    pipeline_describe(config, p);
    describe_lanes(config, p, params);
    for (uint32_t i = 0; i < config->pool_count; i++)
        config->pools[i].count *= base_max_size(params->sessions_max, 1);
    config->commit_roles = 1u << ROLE_PAYLOAD | 1u << ROLE_STATE | 1u << ROLE_STATS;
    config->deliver_roles = 1u << ROLE_PAYLOAD | 1u << ROLE_PICTURE | 1u << ROLE_MOTION;
    config->input_roles = params->raws_max ? 1u << ROLE_RAW : 0;
    config->inputs_held_max = params->raws_max;
    config->blob_role = ROLE_PAYLOAD;
}
