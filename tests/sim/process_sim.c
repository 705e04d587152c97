/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes: groups of actors that end together, at whatever point they stand. Each runs the true
 * foreign side of the engine on the same bytes; descriptors are numbers with a meaning.
 */
#include "sim/sim.h"

#include "engine/foreign.h"
#include "sim/invariants.h"
#include "sim/scenario.h"
#include <errno.h>
#include <string.h>

#define PROCESSES_MAX 128
#define FD_PIDFD      2000
#define FD_SOCKET     3000
#define FD_SIGNAL     4000
#define SIGNALS_MAX   4
#define FD_FENCE      5000
#define MESSAGE_BYTES sizeof(struct eng_hello)

struct message {
    bool is_there;
    size_t size_bytes;
    uint32_t fd_count;
    int fds[PLAT_DESCRIPTORS_MAX];
    uint8_t bytes[MESSAGE_BYTES];
};

struct process {
    bool is_running, is_hung_up;
    uint32_t worker;
    uint16_t holder;
    struct message to_child, to_parent;
};

static struct {
    uint32_t count, signal_count;
    uint32_t signals[SIGNALS_MAX];
    struct {
        bool is_signalled, has_failed;
        uint32_t duplicates; /* that the engine has */
    } fences[SIM_FENCES_MAX];
    _Atomic uint32_t bell; /* something became ready */
    struct process list[PROCESSES_MAX];
} table;

void sim_processes_init(void)
{
    table.count = table.signal_count = 0;
    memset(table.fences, 0, sizeof(table.fences));
}

static void ring(void)
{
    sim_wake(&table.bell, UINT32_MAX);
    PLAT_POINT(descriptor_ready);
}

/* ---- birth and death ------------------------------------------------------------------------ */

static struct process *current_process(void)
{
    return &table.list[sim.current->process - 1];
}

static int no_cage(void)
{
    return PLAT_FAULT(cage_fails) ? -EPERM : 0;
}

static void run_process(void *argument)
{
    struct process *process = current_process();
    struct eng_foreign *foreign = sim_calloc(1, sizeof(*foreign));
    if (foreign && !eng_foreign_open(foreign)) {
        process->worker = sim.current->worker = foreign->hello.worker;
        process->holder = sim.current->holder = (uint16_t)foreign->hello.incarnation;
        eng_foreign_run(foreign, &sim_scenario.config, no_cage);
    }
    sim_process_end(sim.current->process);
}

void sim_process_adopt(struct sim_actor *actor)
{
    actor->process = sim.current->process;
    if (!actor->process)
        return;
    actor->worker = current_process()->worker;
    actor->holder = current_process()->holder;
}

void sim_process_end(uint32_t number)
{
    struct process *process = &table.list[number - 1];
    if (!process->is_running)
        return;
    process->is_running = false;
    if (process->worker != SIM_NOBODY)
        sim_let_go(process->worker);
    sim_wake(&table.bell, UINT32_MAX);
    sim_end_process_actors(number);
}

int plat_process_spawn(struct plat_process *process, const char *program)
{
    *process = (struct plat_process){-1, -1, -1};
    if (table.count == PROCESSES_MAX || PLAT_FAULT(spawn_fails))
        return -EAGAIN;
    struct sim_actor *actor = sim_spawn("process", run_process, NULL);
    if (!actor)
        return -EAGAIN;
    struct process *made = &table.list[table.count++];
    made->is_running = true;
    made->is_hung_up = made->to_child.is_there = made->to_parent.is_there = false;
    made->worker = SIM_NOBODY;
    made->holder = 0;
    actor->process = table.count;
    int index = (int)table.count - 1;
    *process = (struct plat_process){index + 1, FD_PIDFD + index, FD_SOCKET + index};
    PLAT_POINT(process_spawned);
    return 0;
}

void plat_process_close(struct plat_process *process)
{
    *process = (struct plat_process){-1, -1, -1};
}

static void die_late(void *argument)
{
    sim_sleep(sim_choose(SIM_FAULTS, 30000) * 1000);
    sim_process_end((uint32_t)(uintptr_t)argument);
}

/* A process goes on until the signal has reached all its threads. */
void plat_process_kill(const struct plat_process *process)
{
    PLAT_POINT(process_killed);
    if (process->pid <= 0)
        return;
    uint32_t number = (uint32_t)process->pid;
    if (!PLAT_FAULT(kill_is_late) || !sim_spawn("death", die_late, (void *)(uintptr_t)number))
        sim_process_end(number);
}

void plat_process_hang_up(const struct plat_process *process)
{
    if (process->pid <= 0)
        return;
    table.list[process->pid - 1].is_hung_up = true;
    ring();
}

bool plat_process_has_ended(const struct plat_process *process)
{
    return process->pid > 0 && !table.list[process->pid - 1].is_running;
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

/* The queue that one end of a socket reads, or writes. */
static struct message *queue(int socket, bool is_read, struct process **process)
{
    bool is_child = socket == PLAT_CHILD_SOCKET;
    *process = is_child ? current_process() : &table.list[socket - FD_SOCKET];
    return is_child == is_read ? &(*process)->to_child : &(*process)->to_parent;
}

int plat_socket_send(
    int socket, const void *bytes, size_t size_bytes, const int *fds, uint32_t fd_count)
{
    struct process *process;
    struct message *message = queue(socket, false, &process);
    if (!process->is_running || process->is_hung_up || PLAT_FAULT(socket_breaks))
        return -EPIPE;
    SIM_CHECK(!message->is_there && size_bytes <= MESSAGE_BYTES);
    memcpy(message->bytes, bytes, size_bytes);
    message->size_bytes = size_bytes;
    message->fd_count = fd_count;
    if (fd_count)
        memcpy(message->fds, fds, fd_count * sizeof(*fds));
    message->is_there = true;
    ring();
    return 0;
}

int plat_socket_receive(
    int socket, void *bytes, size_t size_bytes, int *fds, uint32_t fds_max, uint32_t *fd_count)
{
    struct process *process;
    struct message *message = queue(socket, true, &process);
    *fd_count = 0;
    PLAT_POINT(socket_receive);
    while (!message->is_there) {
        if (!process->is_running || process->is_hung_up)
            return 0;
        sim_block(&table.bell, PLAT_FOREVER);
    }
    message->is_there = false;
    SIM_CHECK(message->fd_count <= fds_max);
    size_t got = message->size_bytes < size_bytes ? message->size_bytes : size_bytes;
    memcpy(bytes, message->bytes, got);
    *fd_count = message->fd_count;
    for (uint32_t i = 0; i < message->fd_count; i++)
        fds[i] = message->fds[i];
    return (int)got;
}

static bool is_ready(int fd)
{
    if (fd >= FD_FENCE)
        return table.fences[fd - FD_FENCE].is_signalled;
    if (fd >= FD_SIGNAL)
        return table.signals[fd - FD_SIGNAL] > 0;
    if (fd >= FD_SOCKET)
        return table.list[fd - FD_SOCKET].to_parent.is_there ||
               !table.list[fd - FD_SOCKET].is_running;
    return fd >= FD_PIDFD && !table.list[fd - FD_PIDFD].is_running;
}

void plat_poll(struct plat_poll *polls, uint32_t count, uint64_t deadline_ns)
{
    PLAT_POINT(poll);
    for (bool is_any = false; !is_any;) {
        for (uint32_t i = 0; i < count; i++)
            is_any |= polls[i].is_ready = polls[i].fd >= 0 && is_ready(polls[i].fd);
        if (is_any || deadline_ns <= sim.now_ns)
            return;
        sim_block(&table.bell, deadline_ns);
    }
}

int plat_signal_create(void)
{
    SIM_CHECK(table.signal_count < SIGNALS_MAX);
    table.signals[table.signal_count] = 0;
    return FD_SIGNAL + (int)table.signal_count++;
}

void plat_signal_ring(int fd)
{
    table.signals[fd - FD_SIGNAL]++;
    ring();
}

void plat_signal_silence(int fd)
{
    table.signals[fd - FD_SIGNAL] = 0;
    PLAT_POINT(signal_silenced);
}

int sim_fence_descriptor(int fence)
{
    return FD_FENCE + fence;
}

bool sim_fence_renew(int fence)
{
    if (table.fences[fence].duplicates)
        return false;
    table.fences[fence].is_signalled = table.fences[fence].has_failed = false;
    return true;
}

void sim_fence_signal(int fence, bool has_failed)
{
    table.fences[fence].is_signalled = true;
    table.fences[fence].has_failed = has_failed;
    ring();
}

int plat_fence_duplicate(int fd)
{
    PLAT_POINT(fence_duplicated);
    table.fences[fd - FD_FENCE].duplicates++;
    return fd;
}

bool plat_fence_has_failed(int fd)
{
    PLAT_POINT(fence_looked_at);
    return table.fences[fd - FD_FENCE].has_failed;
}

void plat_close(int fd)
{
    if (fd >= FD_FENCE)
        table.fences[fd - FD_FENCE].duplicates--;
}
