/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/invariants.h"

#include "engine/housekeeper.h"
#include "engine/main_loop.h"
#include "model/trace.h"
#include "sim/sim.h"
#include <string.h>

#define ACCESSES_MAX (ENG_INPUTS_MAX + 3 * ENG_ROLES_MAX)

struct access {
    uint32_t page;
    bool is_write;
};

/** What one worker's attempt, or a device for it, may touch. */
struct attempt {
    uint32_t slot; /* SIM_NOBODY: none */
    uint32_t count;
    struct access accesses[ACCESSES_MAX];
};

static struct {
    struct eng_core *core;
    const struct sim_actor *control; /* who steps the core */
    uint64_t edges, looked_at;       /* applied; what the core's parts were checked for last */
    uint64_t tokens[ENG_SLOTS_MAX];
    uint32_t fifo[ENG_SLOTS_MAX];
    uint32_t fifo_head, fifo_tail;
    struct attempt attempts[SIM_WORKERS];
    struct attempt devices[ENG_SLOTS_MAX]; /* by slot */
    uint16_t readers[SIM_PAGES_MAX];
    uint8_t writers[SIM_PAGES_MAX], device_writers[SIM_PAGES_MAX];
} shadow;

void sim_check_init(void)
{
    memset(&shadow, 0, sizeof(shadow));
    for (uint32_t w = 0; w < SIM_WORKERS; w++)
        shadow.attempts[w].slot = SIM_NOBODY;
    for (uint32_t slot = 0; slot < ENG_SLOTS_MAX; slot++)
        shadow.devices[slot].slot = SIM_NOBODY;
}

static FILE *edges_file;

void sim_write_edges(FILE *file)
{
    edges_file = file;
}

void sim_check_core(struct eng_core *core)
{
    if (shadow.core)
        sim_check_init(); /* the first one could not be created */
    shadow.core = core;
    if (edges_file)
        model_trace_begin(edges_file, sim.options.seed, false, MODEL_ACCEPTED);
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++)
        shadow.fifo[shadow.fifo_head++ % ENG_SLOTS_MAX] = slot;
}

const struct eng_core *sim_core(void)
{
    return shadow.core;
}

void sim_scribble(void)
{
    const struct eng_arena *arena = &shadow.core->arena;
    uint64_t anything =
        (uint64_t)sim_choose(SIM_FAULTS, UINT32_MAX) << 32 | sim_choose(SIM_FAULTS, UINT32_MAX);
    struct eng_worker_shared *worker = &arena->workers[sim_choose(SIM_FAULTS, SIM_WORKERS)];
    _Atomic uint64_t *token = &arena->items[sim_choose(SIM_FAULTS, arena->item_count)].token;
    sim_sometimes(SIM_SCRIBBLED);
    sim.is_distrusted = true;
    switch (sim_choose(SIM_FAULTS, 6)) {
    case 0:
        atomic_store(token, anything);
        break;
    case 1:
        atomic_fetch_xor(token, (uint64_t)1 << (anything & 63));
        break;
    case 2:
        atomic_store(&worker->ring.head, anything & 255);
        break;
    case 3:
        atomic_store(&worker->ring.tail, anything & 255);
        break;
    case 4:
        worker->hints[anything & 7] = (struct eng_hint){(uint32_t)anything, anything >> 40};
        break;
    default:
        atomic_store(arena->control_bell, (uint32_t)anything);
        break;
    }
}

void sim_check_step(void)
{
    if (!shadow.core || sim.is_distrusted)
        return;
    const struct eng_process_item *item = shadow.core->arena.items;
    uint64_t differ = 0;
    for (const uint64_t *token = shadow.tokens, *end = token + shadow.core->arena.item_count;
         token < end; token++, item++)
        differ |= *token ^ atomic_load_explicit(&item->token, memory_order_relaxed);
    SIM_CHECK(differ == 0); /* a token changed by its edges alone */
}

/* The worker waits for its bell and has no attempt. */
static void check_idle_worker(const struct eng_core *core, uint32_t worker)
{
    uint32_t cell;
    SIM_CHECK(!eng_ring_peek(&core->arena.workers[worker].ring, &cell)); /* a lost wake-up */
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++)       /* a lost hint */
        SIM_CHECK(eng_token_state(shadow.tokens[slot]) != ENG_TOKEN_QUEUED ||
                  eng_token_holder(shadow.tokens[slot]) != eng_workforce_holder(core, worker));
}

static void check_idle_actor(const struct eng_core *core, const _Atomic uint32_t *bell)
{
    uint32_t cell;
    for (uint32_t w = 0; w < core->arena.worker_count; w++)
        if (bell == &core->arena.workers[w].bell && !sim_is_working(w))
            check_idle_worker(core, w);
    if (bell == &core->telemetry.bell)
        SIM_CHECK(!eng_ring_peek(&core->telemetry.ring, &cell));
    size_t offset = (size_t)((const uint8_t *)bell - (const uint8_t *)core->places);
    size_t place = offset / sizeof(core->places[0]);
    if (place < ENG_SESSIONS_MAX && bell == &core->places[place].bell)
        SIM_CHECK(!eng_ring_peek(&core->places[place].ring, &cell));
}

static bool is_control_idle(const struct eng_core *core)
{
    for (uint32_t i = 0; i < sim.actor_count; i++)
        if (sim.words[i] == core->arena.control_bell)
            return true;
    return false;
}

void sim_check_idle(void)
{
    const struct eng_core *core = shadow.core;
    if (!core || sim.is_distrusted || !is_control_idle(core))
        return;
    uint64_t tail = atomic_load_explicit(&core->inbox.tail, memory_order_relaxed);
    SIM_CHECK(atomic_load_explicit(&core->inbox.turns[tail & (core->inbox.capacity - 1)],
                  memory_order_relaxed) != tail + 1);
    for (uint32_t i = 0; i < sim.actor_count; i++)
        if (sim.words[i])
            check_idle_actor(core, sim.words[i]);
}

/* ---- who touches which bytes ---------------------------------------------------------------- */

void sim_write_begin(const void *bytes)
{
    if (sim.is_distrusted)
        return;
    uint32_t page = sim_page(bytes);
    SIM_CHECK(shadow.writers[page] == 0 && shadow.readers[page] == 0);
    SIM_CHECK(shadow.device_writers[page] == 0);
    shadow.writers[page] = 1;
}

void sim_write_end(const void *bytes)
{
    if (sim.is_distrusted)
        return;
    uint32_t page = sim_page(bytes);
    SIM_CHECK(shadow.writers[page] == 1 && shadow.readers[page] == 0);
    shadow.writers[page] = 0;
}

void sim_read_begin(const void *bytes)
{
    if (sim.is_distrusted)
        return;
    uint32_t page = sim_page(bytes);
    SIM_CHECK(shadow.writers[page] == 0 && shadow.device_writers[page] == 0);
    shadow.readers[page]++;
}

void sim_read_end(const void *bytes)
{
    if (sim.is_distrusted)
        return;
    uint32_t page = sim_page(bytes);
    SIM_CHECK(shadow.writers[page] == 0 && shadow.readers[page] > 0);
    shadow.readers[page]--;
}

static void touch(struct eng_span span, bool is_write)
{
    if (!span.bytes || sim.is_distrusted)
        return;
    SIM_CHECK(sim.current->worker < SIM_WORKERS);
    struct attempt *attempt = &shadow.attempts[sim.current->worker];
    SIM_CHECK(attempt->slot != SIM_NOBODY && attempt->count < ACCESSES_MAX);
    if (is_write)
        sim_write_begin(span.bytes);
    else
        sim_read_begin(span.bytes);
    attempt->accesses[attempt->count].page = sim_page(span.bytes);
    attempt->accesses[attempt->count++].is_write = is_write;
}

void sim_attempt_writes(struct eng_span span)
{
    touch(span, true);
}

void sim_attempt_reads(struct eng_span span)
{
    touch(span, false);
}

static void let_go(struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->count; i++) {
        uint32_t page = attempt->accesses[i].page;
        if (attempt->accesses[i].is_write)
            shadow.writers[page]--;
        else
            shadow.readers[page]--;
    }
    attempt->count = 0;
    attempt->slot = SIM_NOBODY;
}

void sim_let_go(uint32_t worker)
{
    if (shadow.attempts[worker].slot != SIM_NOBODY)
        sim_sometimes(SIM_KILLED_AT_WORK);
    let_go(&shadow.attempts[worker]);
}

void sim_device_begin(uint32_t slot)
{
    struct attempt *device = &shadow.devices[slot];
    const struct attempt *attempt = &shadow.attempts[sim.current->worker];
    SIM_CHECK(device->slot == SIM_NOBODY && attempt->slot == slot);
    *device = *attempt;
    for (uint32_t i = 0; i < device->count; i++) {
        if (device->accesses[i].is_write)
            shadow.device_writers[device->accesses[i].page]++;
        else
            shadow.readers[device->accesses[i].page]++;
    }
}

void sim_device_end(uint32_t slot)
{
    struct attempt *device = &shadow.devices[slot];
    SIM_CHECK(device->slot == slot);
    for (uint32_t i = 0; i < device->count; i++) {
        if (device->accesses[i].is_write)
            shadow.device_writers[device->accesses[i].page]--;
        else
            shadow.readers[device->accesses[i].page]--;
    }
    device->slot = SIM_NOBODY;
}

bool sim_is_working(uint32_t worker)
{
    return shadow.attempts[worker].slot != SIM_NOBODY;
}

/* ---- edges --------------------------------------------------------------------------------------
 */

#define EDGE(name) (1u << ENG_EDGE_##name)
#define OF_WORKERS (EDGE(START) | EDGE(START_HW) | EDGE(FINISH) | EDGE(ABANDON) | EDGE(ACKNOWLEDGE))

static void check_worker_edge(uint32_t slot, unsigned edge, uint64_t before)
{
    uint32_t worker = sim.current->worker;
    SIM_CHECK(worker < SIM_WORKERS && eng_token_holder(before) == sim.current->holder);
    struct attempt *attempt = &shadow.attempts[worker];
    if (edge == ENG_EDGE_START) {
        SIM_CHECK(attempt->slot == SIM_NOBODY);
        attempt->slot = slot;
        return;
    }
    SIM_CHECK(attempt->slot == slot);
    if (edge != ENG_EDGE_START_HW)
        let_go(attempt);
}

static void check_pins_dropped(uint32_t slot)
{
    const struct eng_envelope *envelope = &shadow.core->arena.envelopes[slot];
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < envelope->input_count; i++)
        pinned |= envelope->inputs[i].generation;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        pinned |= envelope->reads[r].generation | envelope->committed[r].generation |
                  envelope->writes[r].generation;
    SIM_CHECK(pinned == 0);
}

static void check_control_edge(uint32_t slot, unsigned edge, uint64_t before, uint64_t after)
{
    SIM_CHECK(sim.current == shadow.control);
    bool is_worked_on = shadow.devices[slot].slot != SIM_NOBODY;
    for (uint32_t w = 0; w < SIM_WORKERS; w++)
        is_worked_on |= shadow.attempts[w].slot == slot;
    switch (edge) {
    case ENG_EDGE_ACQUIRE:
        SIM_CHECK(shadow.fifo_head != shadow.fifo_tail);
        SIM_CHECK(shadow.fifo[shadow.fifo_tail++ % ENG_SLOTS_MAX] == slot);
        SIM_CHECK(!is_worked_on);
        break;
    case ENG_EDGE_DISPATCH:
        SIM_CHECK(eng_token_grant(after) == eng_token_grant(before) + 1);
        SIM_CHECK(!is_worked_on);
        break;
    case ENG_EDGE_REAP_CPU:
    case ENG_EDGE_CONVERT:
    case ENG_EDGE_ADVANCE:
    case ENG_EDGE_PUBLISH:
    case ENG_EDGE_CLAIM:
        SIM_CHECK(!is_worked_on);
        break;
    case ENG_EDGE_RETURN:
        SIM_CHECK(!is_worked_on && !(after & ~ENG_TOKEN_HOLDER_MASK & ~ENG_TOKEN_GRANT_MASK));
        check_pins_dropped(slot);
        shadow.fifo[shadow.fifo_head++ % ENG_SLOTS_MAX] = slot;
        break;
    default:
        break;
    }
}

static void note_edge(unsigned edge, uint64_t before)
{
    static const uint8_t counters[ENG_EDGE_COUNT] = {
        [ENG_EDGE_CLAIM] = SIM_CLAIM + 1,
        [ENG_EDGE_CANCEL] = SIM_CANCEL + 1,
        [ENG_EDGE_STEAL] = SIM_STEAL + 1,
        [ENG_EDGE_ESCALATE] = SIM_QUARANTINE + 1,
        [ENG_EDGE_ACKNOWLEDGE] = SIM_LATE_RESULT + 1,
        [ENG_EDGE_HW_DONE] = SIM_HW_DONE + 1,
        [ENG_EDGE_ABANDON] = SIM_ABANDON + 1,
        [ENG_EDGE_REAP_CPU] = SIM_REAP_CPU + 1,
        [ENG_EDGE_REAP_HW] = SIM_REAP_HW + 1,
    };
    if (counters[edge])
        sim_sometimes(counters[edge] - 1);
    if (edge == ENG_EDGE_CONVERT && eng_token_state(before) == ENG_TOKEN_QUARANTINE)
        sim_sometimes(SIM_LEFT_QUARANTINE);
}

void plat_trace_token(
    const _Atomic uint64_t *token, unsigned edge, const void *args, uint64_t before, uint64_t after)
{
    SIM_CHECK(shadow.core);
    size_t offset = (size_t)((const uint8_t *)token - (const uint8_t *)shadow.core->arena.items);
    uint32_t slot = (uint32_t)(offset / sizeof(struct eng_process_item));
    SIM_CHECK(slot < shadow.core->arena.item_count);
    if (sim.is_distrusted)
        return;
    SIM_CHECK(shadow.tokens[slot] == before && eng_token_is_valid(after));
    if (OF_WORKERS >> edge & 1)
        check_worker_edge(slot, edge, before);
    else
        check_control_edge(slot, edge, before, after);
    shadow.tokens[slot] = after;
    shadow.edges++;
    if (edges_file)
        model_trace_edge(edges_file, &(struct model_trace_line){slot, edge,
                                         *(const struct eng_token_args *)args, before, after});
    note_edge(edge, before);
    sim_record((uint16_t)(SIM_SITES_MAX + 1 + edge), slot, after);
    sim_hash(after ^ (uint64_t)edge << 50 ^ (uint64_t)slot << 30);
}

/* ---- the control thread's steps ---------------------------------------------------------------
 */

static void note_stop(const struct eng_core *core)
{
    uint32_t waiting = 0, running = 0;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        waiting += eng_frame_at(&core->frames, i)->state == ENG_FRAME_WAITING;
        running += eng_frame_at(&core->frames, i)->state == ENG_FRAME_RUNNING;
    }
    uint32_t cell;
    if (waiting && running && core->monitor.count && eng_ring_peek(&core->places[0].ring, &cell))
        sim_sometimes(SIM_STOP_WITH_ALL_QUEUES);
}

static void note_core(const struct eng_core *core)
{
    if (core->monitor.is_degraded)
        sim_sometimes_in_run(SIM_DEGRADED);
    if (atomic_load_explicit(&core->arena.counts->stale_hints, memory_order_relaxed))
        sim_sometimes_in_run(SIM_STALE_HINT);
    const struct eng_token_counts *counts = &core->arena.belief->counts;
    if (atomic_load_explicit(&counts->failed[ENG_EDGE_STEAL], memory_order_relaxed))
        sim_sometimes_in_run(SIM_STEAL_OF_FINISHED);
    if (atomic_load_explicit(&counts->failed[ENG_EDGE_CLAIM], memory_order_relaxed))
        sim_sometimes_in_run(SIM_CLAIM_OF_STARTED);
    if (atomic_load_explicit(&core->hardware.late, memory_order_relaxed))
        sim_sometimes_in_run(SIM_HW_ANSWER_REFUSED);
    for (uint32_t i = 0; i < core->monitor.count; i++)
        if (core->monitor.stolen[i].has_hw && !core->monitor.stolen[i].has_cpu)
            sim_sometimes_in_run(SIM_RECLAIM);
    for (uint32_t i = 0; i < core->dispatcher.handout_count; i++)
        if (core->dispatcher.handouts[i].is_reported)
            sim_sometimes_in_run(SIM_LEASE_EXPIRED);
}

/* Changes with whatever a step may have done. */
static uint64_t signature(const struct eng_core *core)
{
    uint64_t messages = atomic_load_explicit(&core->inbox.tail, memory_order_relaxed);
    uint64_t lent = atomic_load_explicit(&core->supply.head, memory_order_relaxed);
    return sim_mix(shadow.edges << 32 | core->resources.pins,
        sim_mix(messages << 32 | lent, core->dispatcher.completed << 32 | core->monitor.count));
}

uint64_t sim_main_loop_step(struct eng_core *core, uint64_t now_ns);

/* The engine's own records need to agree with each other only between two steps. */
uint64_t sim_main_loop_step(struct eng_core *core, uint64_t now_ns)
{
    if (core != shadow.core)
        sim_check_core(core);
    shadow.control = sim.current;
    if (core->stop_ns && !core->is_flushed)
        note_stop(core);
    uint64_t tick_ns = core->tick_ns, timer_ns = eng_main_loop_step(core, now_ns);
    uint64_t seen = signature(core);
    if (seen != shadow.looked_at) {
        if (core->tick_ns == tick_ns) /* else the Housekeeper has just looked, last of all */
            eng_housekeeper_check(core);
        note_core(core);
    }
    shadow.looked_at = seen;
    return timer_ns;
}

/* ---- the end ------------------------------------------------------------------------------------
 */

void sim_check_slots(void)
{
    const struct eng_core *core = shadow.core;
    SIM_CHECK(core->frames.active_count == 0);
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++) {
        enum eng_token_state state = eng_token_state(core->arena.belief->words[slot]);
        SIM_CHECK(state == ENG_TOKEN_FREE || state == ENG_TOKEN_QUARANTINE);
        /* A slot is lost only to a worker that is still inside its attempt, or to a device. */
        if (state == ENG_TOKEN_QUARANTINE &&
            (core->arena.belief->words[slot] & ENG_TOKEN_CPU_BUSY)) {
            bool is_worked_on = false;
            for (uint32_t w = 0; w < SIM_WORKERS; w++)
                is_worked_on |= shadow.attempts[w].slot == slot;
            SIM_CHECK(is_worked_on || sim.is_distrusted);
        } else if (state == ENG_TOKEN_QUARANTINE) {
            SIM_CHECK(core->arena.belief->words[slot] & ENG_TOKEN_HW_BUSY);
        }
    }
}

void sim_check_pins(void)
{
    const struct eng_resource_manager *resources = &shadow.core->resources;
    for (uint32_t i = 0; i < resources->buffer_count; i++) {
        const uint16_t *pins = resources->buffers[i].pins;
        SIM_CHECK(pins[ENG_HOLDER_FRAME] == 0 && pins[ENG_HOLDER_PLAN] == 0);
        SIM_CHECK(pins[ENG_HOLDER_HISTORY] == 0);
        SIM_CHECK(pins[ENG_HOLDER_COMMITTED] == 0 && pins[ENG_HOLDER_CONSUMER] == 0);
        SIM_CHECK(pins[ENG_HOLDER_ATTEMPT] == 0 || shadow.core->monitor.count > 0);
    }
    SIM_CHECK(eng_fences_waiting(shadow.core, ENG_NONE) == 0);
    if (shadow.core->fences.quarantined)
        sim_sometimes(SIM_FENCE_QUARANTINED);
    SIM_CHECK(resources->reserved_bytes == 0 && shadow.core->dispatcher.handout_count == 0);
}
