/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/scenario.h"

#include "sim/sim.h"
#include <errno.h>
#include <string.h>

struct sim_scenario sim_scenario;

enum { POOL_INPUT, POOL_COEFFICIENTS, POOL_PICTURE, POOL_FLOOR, POOL_STILL, POOL_COUNT };

#define BUFFER_BYTES   sizeof(struct sim_stamp)
#define DRAIN_NS       (100 * SIM_MS)
#define ESCALATION_NS  (300 * SIM_MS)
#define MARGIN_NS      (100 * SIM_MS)
#define ENCORE_MAX     300u
#define ALLOCATION_MAX 40u

/* ---- tables ---------------------------------------------------------------------------------- */

static void count_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes)
{
    if (PLAT_FAULT(telemetry_stalls))
        sim_sleep(sim_choose(SIM_FAULTS, 500) * SIM_MS);
    sim_scenario.rows++;
}

static void set_lane(struct eng_config *config, enum eng_lane index, const uint32_t *stages,
    uint32_t stage_count, uint32_t picture_pool)
{
    struct eng_lane_config *lane = &config->lanes[index];
    lane->stage_count = stage_count;
    memcpy(lane->stages, stages, stage_count * sizeof(*stages));
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        lane->role_pool[r] = ENG_NONE;
    lane->role_pool[SIM_ROLE_COEFFICIENTS] = POOL_COEFFICIENTS;
    lane->role_pool[SIM_ROLE_PICTURE] = picture_pool;
    lane->capacity = 4;
}

static void set_command(struct eng_config *config, uint32_t index, const char *name,
    const struct eng_command_ops *ops, uint32_t worker)
{
    config->commands[index] = (struct eng_command_config){.name = name,
        .ops = ops,
        .user = (void *)(uintptr_t)index,
        .worker = worker,
        .writes = 1u << SIM_ROLE_PICTURE};
}

static void set_pools(struct eng_config *config)
{
    config->pool_count = POOL_COUNT;
    config->pools[POOL_INPUT] =
        (struct eng_pool_config){"sim-input", BUFFER_BYTES, 16, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_COEFFICIENTS] =
        (struct eng_pool_config){"sim-coefficients", BUFFER_BYTES, 6, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_PICTURE] =
        (struct eng_pool_config){"sim-picture", BUFFER_BYTES, 6, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_FLOOR] =
        (struct eng_pool_config){"sim-floor", BUFFER_BYTES, 4, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_STILL] =
        (struct eng_pool_config){"sim-still", BUFFER_BYTES, 2, ENG_MEMORY_MEMFD, false};
    config->input_pool = POOL_INPUT;
    config->history_count = 4;
    config->inputs_left = sim_choose(SIM_SCENARIO, 7);
}

void sim_describe(struct eng_config *config)
{
    memset(config, 0, sizeof(*config));
    set_pools(config);
    config->worker_count = SIM_WORKERS;
    config->workers[SIM_FAST] =
        (struct eng_worker_config){.name = "fast", .threads = 1 + sim_choose(SIM_SCENARIO, 2)};
    config->workers[SIM_FLOOR] = (struct eng_worker_config){.name = "floor", .threads = 1};
    config->workers[SIM_SLOW] =
        (struct eng_worker_config){.name = "slow", .threads = 1, .is_background = true};
    for (uint32_t w = 0; w < SIM_WORKERS; w++)
        config->workers[w].queue_depth = 1 + sim_choose(SIM_SCENARIO, 3);
    config->command_count = SIM_COMMAND_COUNT;
    set_command(config, SIM_FAST_ALGO, "FastAlgo", &sim_algo_ops, SIM_FAST);
    set_command(config, SIM_FAST_ISP, "FastISP", &sim_isp_ops, SIM_FAST);
    set_command(config, SIM_RAW_ISP, "RawISP", &sim_isp_ops, SIM_FLOOR);
    set_command(config, SIM_SLOW_ISP, "SlowISP", &sim_isp_ops, SIM_SLOW);
    config->commands[SIM_FAST_ALGO].writes = 1u << SIM_ROLE_COEFFICIENTS;
    config->commands[SIM_FAST_ALGO].reads_committed = 1u << SIM_ROLE_COEFFICIENTS;
    config->commands[SIM_FAST_ISP].reads = 1u << SIM_ROLE_COEFFICIENTS;
    config->commands[SIM_RAW_ISP].reads_committed = 1u << SIM_ROLE_COEFFICIENTS;
    set_lane(config, ENG_LANE_FAST, (uint32_t[]){SIM_FAST_ALGO, SIM_FAST_ISP}, 2, POOL_PICTURE);
    set_lane(config, ENG_LANE_FLOOR, (uint32_t[]){SIM_RAW_ISP}, 1, POOL_FLOOR);
    set_lane(config, ENG_LANE_BACKGROUND, (uint32_t[]){SIM_SLOW_ISP}, 1, POOL_STILL);
    config->commit_roles = 1u << SIM_ROLE_COEFFICIENTS;
    config->deliver_roles = 1u << SIM_ROLE_PICTURE;
    config->blob_role = SIM_ROLE_COEFFICIENTS;
    config->telemetry = count_row;
    config->hw_reset = sim_one_in(SIM_SCENARIO, 4) ? NULL : sim_device_reset;
    config->knobs = (struct eng_knobs){.slots = 8 + sim_choose(SIM_SCENARIO, 3),
        .spare_slots = 2,
        .drain_grace_period_ns = DRAIN_NS,
        .escalation_timeout_ns = ESCALATION_NS,
        .plan_ttl_ns = 700 * SIM_MS,
        .lease_ns = 400 * SIM_MS,
        .hang_timeout_ns = sim_one_in(SIM_SCENARIO, 2) ? 0 : 10 * SIM_MS,
        .consumer_pins_max = 3};
}

static void use_processes(struct sim_scenario *scenario)
{
    scenario->has_device = false; /* their jobs use none */
    scenario->config.hw_reset = NULL;
    scenario->config.knobs.isolation = ENG_ISOLATION_PROCESS;
    scenario->config.knobs.restart_budget = 1 + sim_choose(SIM_SCENARIO, 4);
    scenario->config.knobs.restart_window_ns = 400 * SIM_MS;
    scenario->config.worker_program = "sim";
    scenario->config.worker_blob = "";
    scenario->config.worker_blob_bytes = 1;
}

/* What differs from run to run besides faults and order. */
static void draw_scenario(void)
{
    struct sim_scenario *scenario = &sim_scenario;
    static const uint32_t deadlines_ms[] = {25, 40, 66, 66, 66, 0};
    memset(scenario, 0, offsetof(struct sim_scenario, held));
    sim_describe(&scenario->config);
    scenario->producers = 1 + sim_choose(SIM_SCENARIO, 2);
    /* Plans and the guest add some. */
    scenario->frames = SIM_FRAMES_MIN - 5 + sim_choose(SIM_SCENARIO, 4);
    scenario->plans = sim_choose(SIM_SCENARIO, 4);
    scenario->visits = sim_one_in(SIM_SCENARIO, 2) ? 0 : 1 + sim_choose(SIM_SCENARIO, 3);
    scenario->hold = sim_choose(SIM_SCENARIO, 3);
    scenario->interval_ns = (10 + sim_choose(SIM_SCENARIO, 30)) * SIM_MS;
    scenario->deadline_ns = deadlines_ms[sim_choose(SIM_SCENARIO, 6)] * SIM_MS;
    scenario->has_device = sim_one_in(SIM_SCENARIO, 2);
    scenario->has_fences = sim_one_in(SIM_SCENARIO, 2);
    scenario->config.inputs_held_max = sim_choose(SIM_SCENARIO, 4);
    scenario->config.input_roles = scenario->config.inputs_held_max ? 1u << SIM_ROLE_RAW : 0;
    if (sim_one_in(SIM_SCENARIO, 3))
        use_processes(scenario);
    scenario->is_stopped_early = sim_one_in(SIM_SCENARIO, 2);
    scenario->patience_ns = sim_one_in(SIM_SCENARIO, 2) ? PLAT_FOREVER : 100 * SIM_MS;
    if (sim.options.frames)
        scenario->frames = sim.options.frames;
}

/* ---- from create to destroy ---------------------------------------------------------------------
 */

static void create(void)
{
    struct sim_scenario *scenario = &sim_scenario;
    if (PLAT_FAULT(allocation_fails))
        sim_fail_allocation(1 + sim_choose(SIM_FAULTS, ALLOCATION_MAX));
    int error = eng_runtime_create(&scenario->runtime, &scenario->config);
    sim_fail_allocation(0);
    if (!error)
        return;
    SIM_CHECK(error == -ENOMEM || error == -EAGAIN || error == -ECHILD || error == -EPIPE ||
              error == -ETIMEDOUT);
    SIM_CHECK(!scenario->runtime && sim.has_faults);
    sim_sometimes(SIM_CREATE_FAILED);
    sim.is_striking = false;
    SIM_CHECK(eng_runtime_create(&scenario->runtime, &scenario->config) == 0);
    sim.is_striking = sim.has_faults;
}

static void spawn_all(struct sim_actor **consumer)
{
    struct sim_scenario *scenario = &sim_scenario;
    static const char *const names[] = {"producer/0", "producer/1"};
    *consumer = sim_spawn("consumer", sim_consume, NULL);
    SIM_CHECK(*consumer);
    struct sim_actor *made;
    for (uint32_t i = 0; i < scenario->producers; i++) {
        made = sim_spawn(names[i], sim_produce, (void *)(uintptr_t)i);
        SIM_CHECK(made);
        scenario->at_work++;
    }
    made = sim_spawn("operator", sim_operate, NULL);
    SIM_CHECK(made);
    scenario->at_work++;
    made = sim_spawn("guest", sim_visit, NULL);
    SIM_CHECK(made);
    scenario->at_work++;
    made = sim_spawn("device", sim_device_run, NULL);
    SIM_CHECK(made);
    made = sim_spawn("devices outside", sim_fencer_run, NULL);
    SIM_CHECK(made);
}

/* Where faults left too little of a run, it goes on. */
static void play_on(void)
{
    uint32_t number = sim_scenario.frames / sim_scenario.producers + 1;
    for (uint32_t i = 0; i < ENCORE_MAX && !sim.options.frames; i++) {
        if (sim_accepted() >= SIM_FRAMES_MIN && sim.steps >= SIM_STEPS_MIN)
            break;
        number += sim_try_frame(0, 0, number) == 0;
        sim_sleep(10 * SIM_MS);
    }
}

/* Until all is submitted, or, in half of the runs, while frames are in flight. */
static void wait_for_stop(void)
{
    uint32_t enough = sim.options.frames ? sim.options.frames : SIM_FRAMES_MIN;
    while (sim_scenario.at_work && !(sim_scenario.is_stopped_early && sim_accepted() >= enough &&
                                       sim.steps >= SIM_STEPS_MIN))
        sim_block(&sim_scenario.news, PLAT_FOREVER);
    if (!sim_scenario.at_work)
        play_on();
    sim_sleep(sim_choose(SIM_TIME, 60) * SIM_MS);
}

static void stop_too(void *argument)
{
    sim_sometimes(SIM_STOP_TWICE);
    eng_stop(sim_scenario.runtime);
}

/* Faults have ended: all that was accepted ends within the bound. */
static void stop(void)
{
    struct sim_actor *other = NULL;
    sim.is_striking = false;
    uint64_t start_ns = sim.now_ns;
    if (sim_one_in(SIM_SCENARIO, 4))
        other = sim_spawn("stop too", stop_too, NULL);
    eng_stop(sim_scenario.runtime);
    /* Twice the grace: for frames, and for rows that are not written yet. */
    sim.stop_taken_ns = sim.now_ns - start_ns;
    SIM_CHECK(sim.stop_taken_ns <= 2 * DRAIN_NS + ESCALATION_NS + MARGIN_NS);
    if (other)
        sim_join(other);
}

static void check_figures(void)
{
    struct eng_figures figures;
    eng_figures(sim_scenario.runtime, &figures);
    SIM_CHECK(figures.used_bytes + figures.reserved_bytes <= figures.quota_bytes);
    if (figures.events[ENG_EVENT_PACKET_EPOCH_MISMATCH])
        sim_sometimes(SIM_EPOCH_MISMATCH);
    if (figures.events[ENG_EVENT_WORKER_RESTARTED])
        sim_sometimes(SIM_WORKER_RESTARTED);
    if (eng_workforce_is_short(sim_core()))
        sim_sometimes(SIM_WORKER_GONE);
    uint64_t accepted = 0, ended = 0;
    for (uint32_t l = 0; l < ENG_LANE_COUNT; l++) {
        accepted += figures.lanes[l].accepted;
        for (uint32_t o = 0; o < ENG_OUTCOME_COUNT; o++)
            ended += figures.lanes[l].outcomes[o];
    }
    SIM_CHECK(accepted == sim_accepted() && ended == sim_accepted());
    SIM_CHECK(figures.telemetry_written == sim_scenario.rows);
}

static void destroy(void)
{
    bool is_working = false;
    bool is_whole = eng_runtime_destroy(&sim_scenario.runtime) == 0;
    for (uint32_t i = 0; i < sim.actor_count; i++)
        is_working |= sim.actors[i].is_thread && sim.actors[i].state != SIM_ENDED;
    SIM_CHECK(!(is_whole && is_working) && (is_whole || sim.has_faults) && !sim_scenario.runtime);
    if (!is_whole)
        sim_sometimes(SIM_WORKER_LEFT_BEHIND);
}

/* Until everybody but this actor waits of its own will: the control thread has seen all and is
 * between steps. Who is preempted within a push keeps what was pushed behind it from being seen.
 * What was submitted while the stop came may wait for its fence's grace. */
static void settle(void)
{
    do {
        sim_sleep(SIM_SETTLED_NS);
    } while (sim.ready_count > 1 || sim.preempted || eng_fences_waiting(sim_core(), ENG_NONE));
}

static void run_scenario(void *argument)
{
    struct sim_actor *consumer;
    create();
    spawn_all(&consumer);
    wait_for_stop();
    stop();
    sim_join(consumer);
    while (sim_scenario.at_work)
        sim_block(&sim_scenario.news, PLAT_FOREVER);
    SIM_CHECK(sim_completed() == sim_accepted());
    sim_fencer_stop();
    settle();
    sim_check_slots();
    sim_check_pins();
    SIM_CHECK(sim_core()->fences.quarantined == sim_fences_left()); /* no signal was lost */
    if (sim_one_in(SIM_SCENARIO, 4))
        check_figures();
    sim_device_stop();
    destroy();
}

void sim_run(const struct sim_options *options)
{
    static uint64_t runs;
    sim.options = *options;
    sim.run = ++runs;
    sim.now_ns = 1000 * SIM_MS;
    sim.hash = sim.steps = sim.decisions = sim.next_switch = sim.strikes = sim.event_count = 0;
    sim.actor_count = sim.ready_count = 0;
    sim.ready = sim.preempted = 0;
    sim_choose_init();
    sim.has_faults = sim_choose(SIM_FAULTS, 4) != 0 || options->only;
    sim.is_striking = sim.has_faults;
    sim.is_distrusted = false;
    sim_memory_reset();
    sim_check_init();
    sim_frames_init();
    sim_processes_init();
    sim_device_init();
    sim_fencer_init();
    draw_scenario();
    sim_schedule(run_scenario);
}
