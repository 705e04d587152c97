/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/config.h"

#include "base/log.h"
#include "engine/session_manager.h"
#include "engine/worker.h"
#include <errno.h>

#define MS ((uint64_t)1000000)

#define SLOTS_MIN    4u
#define CAPACITY_MAX 32u
#define HANDOUTS_MAX 64u

/* Say what is wrong where a table breaks a rule. */
static bool holds(bool condition, const char *rule)
{
    if (!condition)
        base_log(SISP_LOG_ERROR, "engine configuration: %s", rule);
    return condition;
}

static void default_u32(uint32_t *knob, uint32_t value)
{
    *knob = *knob ? *knob : value;
}

static void default_u64(uint64_t *knob, uint64_t value)
{
    *knob = *knob ? *knob : value;
}

static void resolve_knobs(struct eng_knobs *knobs)
{
    default_u32(&knobs->slots, 16);
    default_u32(&knobs->spare_slots, 2);
    default_u32(&knobs->max_cmds_before_frame, 4);
    default_u64(&knobs->drain_grace_period_ns, 100 * MS);
    default_u32(&knobs->cancel_retry_count, 5);
    default_u32(&knobs->drop_threshold, 8);
    default_u64(&knobs->escalation_timeout_ns, 1000 * MS);
    default_u64(&knobs->plan_ttl_ns, 10000 * MS);
    default_u64(&knobs->lease_ns, 2000 * MS);
    default_u64(&knobs->floor_budget_ns, 6 * MS);
    default_u32(&knobs->consumer_pins_max, 4);
}

static bool check_knobs(const struct eng_knobs *knobs)
{
    return holds(knobs->slots >= SLOTS_MIN && knobs->slots <= ENG_SLOTS_MAX, "slots: 4 to 64") &&
           holds(knobs->spare_slots < knobs->slots, "fewer spare slots than slots") &&
           holds(knobs->consumer_pins_max <= HANDOUTS_MAX, "consumer_pins_max: at most 64");
}

static bool check_pools(const struct eng_config *config)
{
    if (!holds(config->pool_count > 0 && config->pool_count <= ENG_POOLS_MAX, "pool_count") ||
        !holds(config->input_pool < config->pool_count, "input_pool") ||
        !holds(config->history_count <= ENG_INPUTS_MAX, "history_count: at most 16"))
        return false;
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (!holds(config->pools[i].name && config->pools[i].size_bytes && config->pools[i].count,
                "a pool needs a name, a size and a count"))
            return false;
    return holds(config->pools[config->input_pool].count > config->history_count,
        "the input pool must be larger than the history");
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
    return holds(config->blob_role == ENG_NONE ||
                     (config->blob_role < ENG_ROLES_MAX && (all >> config->blob_role & 1)),
               "blob_role is a role that some lane writes") &&
           check_floor(config, written);
}

int eng_config_resolve(struct eng_config *resolved, const struct eng_config *config)
{
    *resolved = *config;
    resolve_knobs(&resolved->knobs);
    for (uint32_t l = 0; l < ENG_LANE_COUNT; l++)
        default_u32(&resolved->lanes[l].capacity, 1);
    return check_knobs(&resolved->knobs) && check_pools(resolved) && check_commands(resolved) &&
                   check_lanes(resolved)
               ? 0
               : -EINVAL;
}

enum plat_priority eng_config_priority(const struct eng_config *config)
{
    return config->lanes[ENG_LANE_FLOOR].stage_count ? PLAT_PRIORITY_URGENT : PLAT_PRIORITY_NORMAL;
}
