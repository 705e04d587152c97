/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A worker process with the fixture's commands, which does harm where a frame's meta orders it. */
#include "engine/foreign.h"
#include "engine/order.h"

#include "base/prng.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct eng_foreign foreign;
static struct fixture fixture;
static const struct eng_command_ops *inner[COMMAND_COUNT];
static const uint32_t numbers[COMMAND_COUNT] = {0, 1, 2, 3};

/* ---- where its bytes are -----------------------------------------------------------------------
 */

/* The kernel's table of this process, read before the cage closes. */
static struct map {
    uint64_t first, end, offset, inode;
} maps[64];
static uint32_t map_count;

static void read_maps(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[512];
    while (file && fgets(line, sizeof(line), file)) {
        struct map *map = &maps[map_count];
        if (strstr(line, "memfd:") && map_count + 1 < sizeof(maps) / sizeof(maps[0]) &&
            sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64, &map->first,
                &map->end, &map->offset, &map->inode) == 4)
            map_count++;
    }
    if (file)
        fclose(file);
}

static struct eng_digest origin(const void *bytes)
{
    uint64_t at = (uint64_t)(uintptr_t)bytes;
    for (uint32_t i = 0; i < map_count; i++)
        if (at >= maps[i].first && at < maps[i].end)
            return (struct eng_digest){maps[i].inode, maps[i].offset + (at - maps[i].first)};
    return (struct eng_digest){0};
}

static void report(struct eng_job *job)
{
    job->result->input = origin(job->inputs[job->input_count - 1].bytes);
    job->result->output = origin(job->writes[ROLE_PICTURE].bytes);
}

/* ---- harm --------------------------------------------------------------------------------------
 */

static void write_words(void *bytes, size_t size_bytes, struct base_prng *prng)
{
    _Atomic uint64_t *words = bytes;
    for (size_t i = 0; i < size_bytes / sizeof(*words); i++)
        atomic_store_explicit(&words[i], base_prng_next(prng), memory_order_relaxed);
}

static void scribble(struct base_prng *prng)
{
    write_words(foreign.shared.bytes, foreign.shared.size_bytes, prng);
    for (uint32_t p = 0; p < foreign.hello.pool_count; p++)
        if (p != foreign.hello.input_pool)
            write_words(foreign.pools[p].bytes, foreign.pools[p].size_bytes, prng);
}

static void flip_tokens(struct base_prng *prng)
{
    for (uint32_t slot = 0; slot < foreign.arena.item_count; slot++)
        atomic_fetch_xor(
            &foreign.arena.items[slot].token, (uint64_t)1 << base_prng_below(prng, 64));
}

static void break_rings(struct base_prng *prng)
{
    for (uint32_t w = 0; w < foreign.arena.worker_count; w++) {
        struct eng_ring *ring = &foreign.arena.workers[w].ring;
        atomic_store(&ring->head, base_prng_next(prng));
        atomic_store(&ring->tail, base_prng_next(prng));
        ring->capacity = (uint32_t)base_prng_next(prng);
        atomic_store(&foreign.arena.workers[w].bell, 1); /* without waking anybody */
        atomic_store(&foreign.arena.workers[w].heartbeat, base_prng_next(prng));
    }
    atomic_store(foreign.arena.control_bell, 1);
}

static void steal_tokens(void)
{
    static const enum eng_edge edges[] = {ENG_EDGE_START, ENG_EDGE_FINISH, ENG_EDGE_ACKNOWLEDGE};
    for (uint32_t slot = 0; slot < foreign.arena.item_count; slot++) {
        _Atomic uint64_t *token = &foreign.arena.items[slot].token;
        struct eng_token_args args = {.holder = eng_token_holder(atomic_load(token)),
            .grant = eng_token_grant(atomic_load(token))};
        for (uint32_t i = 0; i < 3; i++)
            eng_token_apply(token, edges[i], &args, &foreign.arena.counts->token);
    }
}

static void write_read_only(void *bytes)
{
    memset(bytes, 1, 64);
}

static void do_harm(const struct order *order, struct eng_job *job)
{
    struct base_prng prng = {.state = job->sequence};
    switch (order->act) {
    case ORDER_DIE:
        kill(getpid(), SIGKILL); /* which the cage forbids: it dies of that, then */
        return;
    case ORDER_REPORT:
        report(job);
        return;
    case ORDER_LIE:
        memset(job->result, 0xff, sizeof(*job->result));
        return;
    case ORDER_WRITE_ENVELOPE:
        write_read_only(foreign.arena.envelopes);
        return;
    case ORDER_WRITE_INPUT:
        write_read_only(job->inputs[0].bytes);
        return;
    case ORDER_OPEN_FILE:
        open("/dev/null", O_RDONLY);
        _exit(4); /* sanitized builds have no cage */
    default:
        break;
    }
    for (uint32_t round = 0;; round++) { /* until somebody ends it */
        if (order->act == ORDER_SCRIBBLE)
            scribble(&prng);
        else if (order->act == ORDER_FLIP_TOKENS)
            flip_tokens(&prng);
        else if (order->act == ORDER_BREAK_RINGS)
            break_rings(&prng);
        else if (order->act == ORDER_STEAL_TOKENS)
            steal_tokens();
        plat_sleep_ns(round % 16 ? 1 : MS);
    }
}

/* ---- commands ---------------------------------------------------------------------------------
 */

static void obey(const void *user, struct eng_job *job, enum order_place place)
{
    struct order order;
    memcpy(&order, job->input_meta[job->input_count - 1], sizeof(order));
    if (order.act != ORDER_WORK && order.place == place && order.command == *(const uint32_t *)user)
        do_harm(&order, job);
}

static void *user_of(const void *user)
{
    return &fixture.commands[*(const uint32_t *)user];
}

static int begin(void *user, struct eng_job *job)
{
    obey(user, job, ORDER_IN_BEGIN);
    return inner[*(uint32_t *)user]->begin(user_of(user), job);
}

static uint32_t task_count(void *user, const struct eng_job *job, uint32_t phase)
{
    return inner[*(uint32_t *)user]->task_count(user_of(user), job, phase);
}

static void run_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    if (phase == 1 && task == TASKS / 2)
        obey(user, job, ORDER_IN_TASK);
    inner[*(uint32_t *)user]->run_task(user_of(user), job, phase, task, thread);
}

static int end(void *user, struct eng_job *job)
{
    int status = inner[*(uint32_t *)user]->end(user_of(user), job);
    obey(user, job, ORDER_IN_END);
    return status;
}

static const struct eng_command_ops wrapped = {begin, task_count, run_task, end};

int main(void)
{
    plat_die_with_parent();
    if (eng_foreign_open(&foreign))
        return 1;
    read_maps();
    const struct order_setup *setup = foreign.blob.bytes;
    if (setup->fails_at_once)
        return 1;
    fixture_init(&fixture, setup->threads);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        inner[i] = fixture.config.commands[i].ops;
        fixture.config.commands[i].ops = &wrapped;
        fixture.config.commands[i].user = (void *)(uintptr_t)&numbers[i];
    }
    _exit(eng_foreign_run(&foreign, &fixture.config, plat_confine) ? 1 : 0);
}
