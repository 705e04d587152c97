/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/fixture.h"

#include <errno.h>
#include <string.h>

/* ---- commands on bytes ----------------------------------------------------------------------- */

static int behave(struct fixture_command *command, const struct eng_job *job)
{
    atomic_fetch_add(&command->runs, 1);
    atomic_store(&command->seen_input, job->inputs[job->input_count - 1].bytes);
    uint64_t wait_ns = atomic_exchange(&command->wait_ns, 0);
    if (wait_ns)
        plat_sleep_ns(wait_ns);
    while (atomic_load(&command->hold))
        plat_sleep_ns(MS / 5);
    return atomic_exchange(&command->fail, 0);
}

static uint64_t first_word(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static int algo_begin(void *user, struct eng_job *job)
{
    int error = behave(user, job);
    if (error)
        return error;
    uint64_t *out = job->writes[ROLE_COEFFICIENTS].bytes;
    uint64_t *before = job->committed[ROLE_COEFFICIENTS].bytes;
    out[0] = first_word(job->inputs[0].bytes);
    out[1] = before ? before[1] + 1 : 1; /* state: how many committed versions came before */
    job->result->param = (struct eng_digest){out[0], out[1]};
    return 0;
}

static uint32_t no_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return 0;
}

static void no_task(void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
}

static int end_well(void *user, struct eng_job *job)
{
    return 0;
}

static int isp_begin(void *user, struct eng_job *job)
{
    struct fixture_command *command = user;
    int error = behave(command, job);
    atomic_store(&command->wrote_picture, job->writes[ROLE_PICTURE].bytes);
    return error ? error : 2;
}

static uint32_t isp_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return TASKS;
}

/* Phase 0 writes, phase 1 mixes what another task of phase 0 wrote: the barrier is needed. */
static void isp_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct fixture_command *command = user;
    atomic_fetch_add(&command->tasks, 1);
    uint64_t wait_ns = atomic_load(&command->task_wait_ns) * (task % 4);
    if (wait_ns)
        plat_sleep_ns(wait_ns);
    uint64_t *out = job->writes[ROLE_PICTURE].bytes;
    uint32_t band = PICTURE_WORDS / 2 / TASKS;
    uint64_t number = 0;
    for (uint32_t i = 0; i < job->input_count; i++)
        number += first_word(job->inputs[i].bytes);
    for (uint32_t i = task * band; i < (task + 1) * band; i++) {
        if (phase == 0)
            out[i] = number * 31 + i;
        else
            out[PICTURE_WORDS / 2 + i] = out[PICTURE_WORDS / 2 - 1 - i] ^ number;
    }
}

static const struct eng_command_ops algo_ops = {algo_begin, no_tasks, no_task, end_well};
static const struct eng_command_ops isp_ops = {isp_begin, isp_tasks, isp_task, end_well};

bool fixture_is_picture_of(const struct eng_completion *completion, uint64_t number)
{
    const uint64_t *out = completion->delivered[ROLE_PICTURE].bytes;
    if (!out)
        return false;
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++) {
        uint64_t mirrored = number * 31 + (PICTURE_WORDS / 2 - 1 - i);
        if (out[i] != number * 31 + i || out[PICTURE_WORDS / 2 + i] != (mirrored ^ number))
            return false;
    }
    return true;
}

/* ---- the session --------------------------------------------------------------------------------
 */

static void count_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes)
{
    struct fixture *fixture = user;
    while (atomic_load(&fixture->telemetry_hold))
        plat_sleep_ns(MS);
    atomic_fetch_add(&fixture->rows, 1);
    atomic_fetch_add(&fixture->row_ids, row->frame_id);
    if (blob && size_bytes >= sizeof(uint64_t) &&
        (row->fallback_used || first_word(blob) == row->sequence))
        atomic_fetch_add(&fixture->blobs, 1);
}

static void set_lane(struct eng_config *config, enum eng_lane index, const uint32_t *stages,
    uint32_t stage_count, uint32_t picture_pool)
{
    struct eng_lane_config *lane = &config->lanes[index];
    lane->stage_count = stage_count;
    memcpy(lane->stages, stages, stage_count * sizeof(*stages));
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        lane->role_pool[r] = ENG_NONE;
    lane->role_pool[ROLE_COEFFICIENTS] = POOL_COEFFICIENTS;
    lane->role_pool[ROLE_PICTURE] = picture_pool;
    lane->capacity = 4;
}

static void set_command(
    struct fixture *fixture, uint32_t index, const char *name, const struct eng_command_ops *ops)
{
    struct eng_command_config *command = &fixture->config.commands[index];
    command->name = name;
    command->ops = ops;
    command->user = &fixture->commands[index];
    command->worker = index == RAW_ISP    ? WORKER_FLOOR
                      : index == SLOW_ISP ? WORKER_SLOW
                                          : WORKER_FAST;
    command->writes = 1u << ROLE_PICTURE;
}

static void set_pools(struct eng_config *config)
{
    size_t picture_bytes = PICTURE_WORDS * sizeof(uint64_t);
    config->pool_count = POOL_COUNT;
    config->pools[POOL_INPUT] =
        (struct eng_pool_config){"input", INPUT_BYTES, 16, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_COEFFICIENTS] =
        (struct eng_pool_config){"coefficients", 64, 8, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_PICTURE] =
        (struct eng_pool_config){"picture", picture_bytes, 8, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_FLOOR] =
        (struct eng_pool_config){"floor", picture_bytes, 4, ENG_MEMORY_MEMFD, false};
    config->pools[POOL_STILL] =
        (struct eng_pool_config){"still", picture_bytes, 3, ENG_MEMORY_MEMFD, false};
    config->input_pool = POOL_INPUT;
    config->history_count = 4;
}

void fixture_init(struct fixture *fixture, uint32_t threads)
{
    memset(fixture, 0, sizeof(*fixture));
    struct eng_config *config = &fixture->config;
    set_pools(config);
    config->worker_count = WORKER_COUNT;
    config->workers[WORKER_FAST] =
        (struct eng_worker_config){.name = "fast", .threads = threads, .is_background = false};
    config->workers[WORKER_FLOOR] =
        (struct eng_worker_config){.name = "floor", .threads = 1, .is_background = false};
    config->workers[WORKER_SLOW] =
        (struct eng_worker_config){.name = "slow", .threads = 1, .is_background = true};
    config->command_count = COMMAND_COUNT;
    set_command(fixture, FAST_ALGO, "FastAlgo", &algo_ops);
    set_command(fixture, FAST_ISP, "FastISP", &isp_ops);
    set_command(fixture, RAW_ISP, "RawISP", &isp_ops);
    set_command(fixture, SLOW_ISP, "SlowISP", &isp_ops);
    config->commands[FAST_ALGO].writes = 1u << ROLE_COEFFICIENTS;
    config->commands[FAST_ALGO].reads_committed = 1u << ROLE_COEFFICIENTS;
    config->commands[FAST_ISP].reads = 1u << ROLE_COEFFICIENTS;
    config->commands[RAW_ISP].reads_committed = 1u << ROLE_COEFFICIENTS;
    set_lane(config, ENG_LANE_FAST, (uint32_t[]){FAST_ALGO, FAST_ISP}, 2, POOL_PICTURE);
    set_lane(config, ENG_LANE_FLOOR, (uint32_t[]){RAW_ISP}, 1, POOL_FLOOR);
    set_lane(config, ENG_LANE_BACKGROUND, (uint32_t[]){SLOW_ISP}, 1, POOL_STILL);
    config->commit_roles = 1u << ROLE_COEFFICIENTS;
    config->deliver_roles = 1u << ROLE_PICTURE;
    config->blob_role = ROLE_COEFFICIENTS;
    config->telemetry = count_row;
    config->telemetry_user = fixture;
}

int fixture_start(struct fixture *fixture)
{
    return eng_runtime_create(&fixture->runtime, &fixture->config);
}

void fixture_finish(struct fixture *fixture)
{
    eng_runtime_destroy(&fixture->runtime);
}

bool fixture_until_runs(struct fixture *fixture, uint32_t command, uint64_t runs)
{
    for (int i = 0; i < 5000 && atomic_load(&fixture->commands[command].runs) < runs; i++)
        plat_sleep_ns(MS);
    return atomic_load(&fixture->commands[command].runs) >= runs;
}

int fixture_submit(struct fixture *fixture, enum eng_lane lane, uint64_t deadline_ns)
{
    struct eng_handle input;
    struct eng_span span;
    int error = eng_input_acquire(fixture->runtime, &input, &span);
    if (error)
        return error;
    memset(span.bytes, 0, span.size_bytes);
    memcpy(span.bytes, &fixture->next_sequence, sizeof(fixture->next_sequence));
    struct eng_submission submission = {
        .session = fixture->session,
        .input = input,
        .lane = lane,
        .sequence = fixture->next_sequence,
        .capture_ns = eng_now_ns(),
        .deadline_ns = deadline_ns,
        .seed = 7,
        .cookie = fixture->next_sequence + 1000,
        .meta = fixture->meta,
    };
    error = eng_submit(fixture->runtime, &submission);
    if (error)
        eng_input_cancel(fixture->runtime, input);
    else
        fixture->next_sequence++;
    return error;
}

int fixture_next(struct fixture *fixture, struct eng_completion *completion)
{
    return eng_next(fixture->runtime, fixture->session, completion, 5000 * MS);
}
