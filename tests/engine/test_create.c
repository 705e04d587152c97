/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Create under want: each allocation, mapping and thread fails once, for every one of them; a
 * clear error comes back and nothing is left behind (AddressSanitizer looks). Linked with --wrap.
 */
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

static int countdown; /* the call that fails; 0: none */

static bool is_its_turn(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_plat_thread_create(struct plat_thread *thread);
int __real_plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes);
int __real_plat_memory_create_one_writer(
    struct plat_memory *memory, const char *name, size_t size_bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_plat_thread_create(struct plat_thread *thread);
int __wrap_plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes);
int __wrap_plat_memory_create_one_writer(
    struct plat_memory *memory, const char *name, size_t size_bytes);

void *__wrap_calloc(size_t count, size_t size)
{
    return is_its_turn() ? NULL : __real_calloc(count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return is_its_turn() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_plat_thread_create(struct plat_thread *thread)
{
    return is_its_turn() ? -EAGAIN : __real_plat_thread_create(thread);
}

int __wrap_plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return is_its_turn() ? -ENOMEM : __real_plat_memory_create(memory, name, size_bytes);
}

int __wrap_plat_memory_create_one_writer(
    struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return is_its_turn() ? -ENOMEM : __real_plat_memory_create_one_writer(memory, name, size_bytes);
}

TEST(every_failure_is_a_clean_error)
{
    static struct fixture fixture;
    int failures = 0, threads = 0;
    for (int n = 1; n < 200; n++) {
        fixture_init(&fixture, 2);
        countdown = n;
        int error = fixture_start(&fixture);
        if (error == 0)
            break;
        failures++;
        threads += error == -EAGAIN;
        CHECK(error == -ENOMEM || error == -EAGAIN);
        CHECK(fixture.runtime == NULL);
    }
    CHECK(fixture.runtime != NULL);
    countdown = 0;
    CHECK_EQ(fixture_submit(&fixture, ENG_LANE_FAST, 0), 0);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 1);
    /* Teams, who oversees the background; control, telemetry, fences. */
    CHECK_EQ(threads, 2 + 1 + 1 + 1 + 3);
    CHECK(failures > threads + POOL_COUNT);
}

int main(void)
{
    RUN(every_failure_is_a_clean_error);
    return test_report();
}
