/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Platform: the only place that knows threads, clocks, waiting and mappings. Every other part of
 * the engine is stepped with a time that it is given, so that a simulator can replace this table.
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- clock ------------------------------------------------------------------------------- */

/** CLOCK_MONOTONIC: a jump of the wall clock must not make a frame late. */
uint64_t plat_now_ns(void);

void plat_sleep_ns(uint64_t duration_ns);

/* ---- threads ------------------------------------------------------------------------------ */

/** What a thread asks for; a refusal costs only priority. */
enum plat_priority {
    PLAT_PRIORITY_NORMAL,
    PLAT_PRIORITY_BACKGROUND, /* runs where nobody else wants to, and never keeps one waiting */
    /* Yields, but is never starved: a process that is killed and cannot run to its end holds the
     * kernel's locks of the mappings that it shares, and others cannot end or start. */
    PLAT_PRIORITY_LOW,
    PLAT_PRIORITY_URGENT, /* somebody waits for its frame: before other programs */
};

/** Lives in the caller's memory from create to join. */
struct plat_thread {
    uintptr_t handle;
    char name[16];
    void (*run)(void *argument);
    void *argument;
    enum plat_priority priority;
};

/** Start thread->run on a new thread that has all signals blocked. Returns: 0, -EAGAIN. */
int plat_thread_create(struct plat_thread *thread);
void plat_thread_join(struct plat_thread *thread);

/** The core that this thread runs on just now; UINT32_MAX: unknown. */
uint32_t plat_core(void);

/** Let a thread run on every core that the caller may use, except this one. Where there is no
 * other, nothing changes. */
void plat_keep_off_core(const struct plat_thread *thread, uint32_t core);

/* ---- waiting ------------------------------------------------------------------------------- */

#define PLAT_FOREVER UINT64_MAX

/** Wait while *word is `expected`, until plat_wake() or the deadline; may return early. */
void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);

/** Wake up to `count` waiters. Never waits. */
void plat_wake(_Atomic uint32_t *word, uint32_t count);

/* ---- memory --------------------------------------------------------------------------------- */

/** What mappings count in: 4 KiB, on AArch64 up to 64. */
size_t plat_page_bytes(void);

/** A shared mapping that can be handed to another process: a memfd whose size is sealed. Or a
 * private one. */
struct plat_memory {
    void *bytes;
    size_t size_bytes;
    int fd; /* -1: private */
};

/** Map and touch every page, so that none is missing later. Returns: 0, -ENOMEM, errno. */
int plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes);

/** The same, but nobody else can ever map it to write, whatever descriptor they have. */
int plat_memory_create_one_writer(struct plat_memory *memory, const char *name, size_t size_bytes);

/** The same of one writer, but pages are not touched: each comes when it is first written to. */
int plat_memory_reserve(struct plat_memory *memory, const char *name, size_t size_bytes);

/** Touched, too, but of this process alone. Huge pages, which shared memory rarely has, come and go
 * ten times as fast as small ones. */
int plat_memory_create_private(struct plat_memory *memory, size_t size_bytes);

/** The file behind the mapping: two mappings show the same bytes where it and the offset agree.
 * Returns: 0, errno. */
int plat_memory_inode(const struct plat_memory *memory, uint64_t *inode);

/** Zero bytes are allowed: what create did not make is left alone. */
void plat_memory_destroy(struct plat_memory *memory);

#endif
