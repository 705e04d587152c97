/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/config.h"

#include "base/log.h"
#include "engine/floor.h"
#include "engine/session_manager.h"
#include "engine/worker.h"
#include <errno.h>

#define CAPACITY_MAX 32u

/* Say what is wrong where a table breaks a rule. */
static bool holds(bool condition, const char *rule)
{
    if (!condition)
        base_log(SISP_LOG_ERROR, "engine configuration: %s", rule);
    return condition;
}

static bool resolve_knobs(struct eng_knobs *knobs)
{
    for (uint32_t i = 0; i < ENG_KNOB_COUNT; i++) {
        const struct eng_knob_row *row = &eng_knob_table[i];
        uint64_t *value = eng_knob_at(knobs, i);
        if (*value == 0)
            *value = row->value_default * row->scale;
        uint64_t rounded_up = *value / row->scale + (*value % row->scale != 0);
        if (rounded_up >= row->min && rounded_up <= row->max)
            continue;
        base_log(SISP_LOG_ERROR, "engine configuration: knob %s: %llu to %llu %s", row->name,
            (unsigned long long)row->min, (unsigned long long)row->max, row->unit);
        return false;
    }
    return holds(knobs->spare_slots + ENG_SLOTS_TO_GET_ON <= knobs->slots,
        "slots: three more than the spare ones");
}

static void resolve_capacities(struct eng_config *config)
{
    const struct eng_knobs *knobs = &config->knobs;
    struct eng_lane_config *fast = &config->lanes[ENG_LANE_FAST];
    struct eng_lane_config *background = &config->lanes[ENG_LANE_BACKGROUND];
    if (!fast->capacity)
        fast->capacity = (uint32_t)knobs->fast_lane_capacity;
    if (!background->capacity)
        background->capacity = (uint32_t)knobs->background_lane_capacity;
}

static void resolve_depths(struct eng_config *config)
{
    for (uint32_t w = 0; w < config->worker_count && w < ENG_WORKERS_MAX; w++)
        if (!config->workers[w].queue_depth)
            config->workers[w].queue_depth = 1;
}

static bool check_isolation(const struct eng_config *config)
{
    if (config->knobs.isolation == ENG_ISOLATION_THREAD)
        return true;
    for (uint32_t i = 0; i < config->pool_count && i < ENG_POOLS_MAX; i++)
        if (!holds(config->pools[i].memory == ENG_MEMORY_MEMFD, "processes share memfds only"))
            return false;
    return holds(config->worker_program, "processes need a worker_program");
}

uint32_t eng_config_inputs_kept(const struct eng_config *config)
{
    return config->history_count + (config->input_roles ? config->inputs_held_max : 0);
}

static bool check_pools(const struct eng_config *config)
{
    if (!holds(config->pool_count > 0 && config->pool_count <= ENG_POOLS_MAX, "pool_count") ||
        !holds(config->input_pool < config->pool_count, "input_pool") ||
        !holds(config->history_count <= ENG_INPUTS_MAX, "history_count: at most 16"))
        return false;
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (!holds(config->pools[i].name && config->pools[i].size_bytes && config->pools[i].count,
                "a pool needs a name, a size and a count") ||
            !holds((unsigned)config->pools[i].memory < ENG_MEMORY_COUNT, "a pool's memory"))
            return false;
    return holds(config->pools[config->input_pool].count > eng_config_inputs_kept(config),
        "the input pool must be larger than what the history and the consumer keep");
}

static bool check_commands(const struct eng_config *config)
{
    if (!holds(
            config->worker_count > 0 && config->worker_count <= ENG_WORKERS_MAX, "worker_count") ||
        !holds(config->command_count > 0 && config->command_count <= ENG_COMMANDS_MAX,
            "command_count"))
        return false;
    for (uint32_t i = 0; i < config->worker_count; i++) {
        const struct eng_worker_config *worker = &config->workers[i];
        if (!holds(worker->queue_depth <= ENG_QUEUE_MAX, "a worker's queue_depth: at most 8"))
            return false;
        if (!holds(worker->name && worker->threads > 0 && worker->threads <= ENG_TEAM_MAX,
                "a worker needs a name and 1 to 64 threads"))
            return false;
    }
    for (uint32_t i = 0; i < config->command_count; i++) {
        const struct eng_command_config *command = &config->commands[i];
        if (!holds(command->name && command->ops && command->ops->begin &&
                       command->ops->task_count && command->ops->run_task && command->ops->end,
                "a command needs a name and all four functions") ||
            !holds(command->worker < config->worker_count, "a command's worker") ||
            !holds(((command->reads | command->reads_committed | command->writes) >>
                       ENG_ROLES_MAX) == 0,
                "a command's roles"))
            return false;
    }
    return true;
}

static bool check_stage(const struct eng_config *config, const struct eng_lane_config *lane,
    uint32_t stage, uint32_t *written)
{
    if (!holds(lane->stages[stage] < config->command_count, "a lane's stage is a command"))
        return false;
    const struct eng_command_config *command = &config->commands[lane->stages[stage]];
    if (!holds((command->reads & ~*written) == 0, "a stage reads what an earlier one wrote"))
        return false;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if ((command->writes >> r & 1) &&
            !holds(
                lane->role_pool[r] < config->pool_count && lane->role_pool[r] != config->input_pool,
                "a written role needs a pool that is not the input pool"))
            return false;
    *written |= command->writes;
    return true;
}

static bool check_lane(
    const struct eng_config *config, const struct eng_lane_config *lane, uint32_t *written)
{
    *written = 0;
    if (!holds(lane->stage_count <= ENG_STAGES_MAX, "a lane's stages: at most 4") ||
        !holds(lane->stage_count == 0 || lane->capacity <= CAPACITY_MAX, "a lane's capacity"))
        return false;
    for (uint32_t s = 0; s < lane->stage_count; s++)
        if (!check_stage(config, lane, s, written))
            return false;
    return true;
}

static bool uses_worker(
    const struct eng_config *config, const struct eng_lane_config *lane, uint32_t worker)
{
    for (uint32_t s = 0; s < lane->stage_count; s++)
        if (config->commands[lane->stages[s]].worker == worker)
            return true;
    return false;
}

/* The floor works while everything else is stuck, so it shares nothing that can be stuck. */
static bool check_floor(const struct eng_config *config, const uint32_t written[ENG_LANE_COUNT])
{
    const struct eng_lane_config *floor_lane = &config->lanes[ENG_LANE_FLOOR];
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!(written[ENG_LANE_FLOOR] & config->deliver_roles & 1u << r))
            continue;
        if (!holds(config->pools[floor_lane->role_pool[r]].count >= ENG_FLOOR_BUFFERS_MIN,
                "the floor needs two buffers of what it delivers"))
            return false;
        for (uint32_t l = 0; l < ENG_LANE_FLOOR; l++)
            if (!holds(!(written[l] >> r & 1) ||
                           config->lanes[l].role_pool[r] != floor_lane->role_pool[r],
                    "the floor's buffers are its own"))
                return false;
    }
    for (uint32_t w = 0; w < config->worker_count; w++)
        for (uint32_t l = 0; l < ENG_LANE_FLOOR; l++)
            if (!holds(!uses_worker(config, floor_lane, w) ||
                           !uses_worker(config, &config->lanes[l], w),
                    "the floor's worker is its own"))
                return false;
    return true;
}

static bool check_lanes(const struct eng_config *config)
{
    uint32_t written[ENG_LANE_COUNT];
    for (uint32_t l = 0; l < ENG_LANE_COUNT; l++)
        if (!check_lane(config, &config->lanes[l], &written[l]))
            return false;
    uint32_t all = written[ENG_LANE_FAST] | written[ENG_LANE_BACKGROUND] | written[ENG_LANE_FLOOR];
    uint32_t inputs = config->input_roles;
    if (!holds(!(inputs & (inputs - 1)) && !(inputs >> ENG_ROLES_MAX) &&
                   !(inputs & (all | config->deliver_roles)),
            "input_roles: one role that no stage writes"))
        return false;
    return holds(config->blob_role == ENG_NONE ||
                     (config->blob_role < ENG_ROLES_MAX && (all >> config->blob_role & 1)),
               "blob_role is a role that some lane writes") &&
           check_floor(config, written);
}

int eng_config_resolve(struct eng_config *resolved, const struct eng_config *config)
{
    *resolved = *config;
    if (!resolve_knobs(&resolved->knobs))
        return -EINVAL;
    resolve_capacities(resolved);
    resolve_depths(resolved);
    return check_isolation(resolved) && check_pools(resolved) && check_commands(resolved) &&
                   check_lanes(resolved)
               ? 0
               : -EINVAL;
}

enum plat_priority eng_config_priority(const struct eng_config *config)
{
    return config->lanes[ENG_LANE_FLOOR].stage_count ? PLAT_PRIORITY_URGENT : PLAT_PRIORITY_NORMAL;
}
