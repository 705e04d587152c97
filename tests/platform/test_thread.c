/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Threads run where they are allowed to. */
#include "harness/test.h"
#include "platform/platform.h"

#include <pthread.h>
#include <sched.h>

static void wait_for_it(void *argument)
{
    plat_wait(argument, 0, PLAT_FOREVER);
}

static cpu_set_t cores_of(uintptr_t handle)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CHECK_EQ(pthread_getaffinity_np((pthread_t)handle, sizeof(cores), &cores), 0);
    return cores;
}

static uint32_t first_of(const cpu_set_t *cores)
{
    uint32_t core = 0;
    while (core < CPU_SETSIZE - 1 && !CPU_ISSET(core, cores))
        core++;
    return core;
}

TEST(a_thread_keeps_off_one_core_of_its_callers)
{
    _Atomic uint32_t is_over = 0;
    struct plat_thread thread = {.name = "waiter", .run = wait_for_it, .argument = &is_over};
    REQUIRE(plat_thread_create(&thread) == 0);
    const cpu_set_t all = cores_of(pthread_self());
    const uint32_t core = first_of(&all);

    plat_keep_off_core(&thread, core);
    cpu_set_t expected = all, seen = cores_of(thread.handle);
    if (CPU_COUNT(&all) > 1)
        CPU_CLR(core, &expected);
    CHECK(CPU_EQUAL(&seen, &expected));

    plat_keep_off_core(&thread, UINT32_MAX);
    seen = cores_of(thread.handle);
    CHECK(CPU_EQUAL(&seen, &expected));

    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    REQUIRE(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
    plat_keep_off_core(&thread, core); /* no other: it stays as it is */
    seen = cores_of(thread.handle);
    CHECK(CPU_EQUAL(&seen, &expected));
    pthread_setaffinity_np(pthread_self(), sizeof(all), &all);

    atomic_store(&is_over, 1);
    plat_wake(&is_over, 1);
    plat_thread_join(&thread);
}

int main(void)
{
    RUN(a_thread_keeps_off_one_core_of_its_callers);
    return test_report();
}
