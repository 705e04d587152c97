/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED    __attribute__((visibility("default")))
#define STACK_BYTES ((size_t)1 << 20)

#if TEST_IS_SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

extern void *REAL(malloc)(size_t size);
extern void *REAL(calloc)(size_t count, size_t size);
extern void *REAL(realloc)(void *old, size_t size);
extern void *REAL(memalign)(size_t alignment, size_t size);
extern void REAL(free)(void *old);

/* Calls until the one that fails; negative: none does. */
static _Atomic long countdown[FAULT_KIND_COUNT] = {-1, -1, -1, -1};
static _Atomic uint64_t allocations;
static _Atomic long live;
static bool was_armed[FAULT_KIND_COUNT];
static pthread_t armed_by;
static rlim_t descriptors_max;

/* A sanitizer allocates at the start of each thread, and ends the program where that fails. */
static bool is_spared(void)
{
    return TEST_IS_SANITIZED && !pthread_equal(pthread_self(), armed_by);
}

static bool must_fail(enum fault_kind kind)
{
    return atomic_load(&countdown[kind]) >= 0 && atomic_fetch_sub(&countdown[kind], 1) == 0;
}

static bool is_refused(void)
{
    allocations++;
    if (is_spared() || !must_fail(FAULT_ALLOCATION))
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *bytes)
{
    live += bytes != NULL;
    return bytes;
}

EXPORTED void *malloc(size_t size)
{
    return is_refused() ? NULL : counted(REAL(malloc)(size));
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : counted(REAL(calloc)(count, size));
}

EXPORTED void *realloc(void *old, size_t size)
{
    if (is_refused())
        return NULL;
    void *bytes = REAL(realloc)(old, size);
    live += (bytes && !old) - (old && !bytes && size == 0);
    return bytes;
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused() ? NULL : counted(REAL(memalign)(alignment, size));
}

EXPORTED int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (is_refused())
        return ENOMEM;
    *out = counted(REAL(memalign)(alignment, size));
    return *out ? 0 : ENOMEM;
}

EXPORTED void free(void *old)
{
    live -= old != NULL;
    REAL(free)(old);
}

typedef int pthread_create_fn(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *argument);
static pthread_create_fn *real_pthread_create;

EXPORTED int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    if (must_fail(FAULT_THREAD))
        return EAGAIN;
    return real_pthread_create(thread, attributes, run, argument);
}

EXPORTED int memfd_create(const char *name, unsigned flags)
{
    if (must_fail(FAULT_MEMFD)) {
        errno = ENFILE;
        return -1;
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}

void fault_init(void)
{
    real_pthread_create = (pthread_create_fn *)dlsym(RTLD_NEXT, "pthread_create");
    close_range(3, ~0u, 0);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    descriptors_max = limit.rlim_cur;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void fault_arm(enum fault_kind kind, long nth)
{
    armed_by = pthread_self();
    was_armed[kind] = kind != FAULT_DESCRIPTOR && nth >= 0;
    if (kind != FAULT_DESCRIPTOR)
        atomic_store(&countdown[kind], nth);
    else if (nth >= 0)
        limit_descriptors(3 + (rlim_t)nth);
}

bool fault_disarm(enum fault_kind kind)
{
    if (kind == FAULT_DESCRIPTOR)
        limit_descriptors(descriptors_max);
    long left = atomic_exchange(&countdown[kind], FAULT_NEVER);
    return was_armed[kind] && left < 0;
}

uint64_t fault_allocations(void)
{
    return allocations;
}

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

struct fault_census fault_census(void)
{
    return (struct fault_census){
        .live = TEST_IS_SANITIZED ? 0 : (long)live,
        .descriptors = count_entries("/proc/self/fd"),
        .threads = count_entries("/proc/self/task"),
    };
}
