/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Memory on kernels that are not this one: with pages of 16 KiB, and with an allocation that any
 * signal ends. Linked with --wrap. */
#include "engine/resource_manager.h"
#include "harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE_BYTES 16384
#define FILE_BYTES       (4 * LARGE_PAGE_BYTES)

static bool was_blocked;

long __real_sysconf(int name);
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_posix_fallocate64(int fd, off_t offset, off_t size);
long __wrap_sysconf(int name);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size);

long __wrap_sysconf(int name)
{
    return name == _SC_PAGESIZE ? LARGE_PAGE_BYTES : __real_sysconf(name);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (offset % LARGE_PAGE_BYTES == 0)
        return __real_mmap64(at, size, protection, flags, fd, offset);
    errno = EINVAL;
    return MAP_FAILED;
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t size)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    was_blocked = sigismember(&blocked, SIGALRM);
    return __real_posix_fallocate64(fd, offset, size);
}

static int make_file(void)
{
    static uint16_t numbers[FILE_BYTES / sizeof(uint16_t)];
    for (size_t i = 0; i < FILE_BYTES / sizeof(uint16_t); i++)
        numbers[i] = (uint16_t)i;
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_EQ(write(fd, numbers, FILE_BYTES), FILE_BYTES);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    return fd;
}

TEST(what_others_give_may_begin_anywhere_in_a_page)
{
    static const uint32_t offsets[] = {0, 64, 4096, 3 * 4096 + 64, 16384, 2 * 16384 + 8192};
    int fd = make_file();
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct plat_import import;
        REQUIRE(plat_import_look(&import, fd, offsets[i], 4096) == 0);
        REQUIRE(plat_import_map(&import, fd) == 0);
        CHECK_EQ(((const uint16_t *)import.bytes)[0], (uint16_t)(offsets[i] / 2));
        CHECK_EQ(((const uint16_t *)import.bytes)[2047], (uint16_t)(offsets[i] / 2 + 2047));
        plat_import_unmap(&import);
    }
    close(fd);
}

/* A udmabuf is made of whole pages. */
TEST(buffers_lie_in_pages_of_their_own)
{
    CHECK_EQ(eng_pool_step_bytes(1), LARGE_PAGE_BYTES);
    CHECK_EQ(eng_pool_step_bytes(LARGE_PAGE_BYTES), LARGE_PAGE_BYTES);
    CHECK_EQ(eng_pool_step_bytes(LARGE_PAGE_BYTES + 1), 2 * LARGE_PAGE_BYTES);
}

TEST(no_signal_ends_an_allocation)
{
    struct plat_memory memory;
    sigset_t after;
    REQUIRE(plat_memory_create(&memory, "test", 100000) == 0);
    CHECK(was_blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CHECK(!sigismember(&after, SIGALRM)); /* the caller's again */
    plat_memory_destroy(&memory);
}

int main(void)
{
    RUN(what_others_give_may_begin_anywhere_in_a_page);
    RUN(buffers_lie_in_pages_of_their_own);
    RUN(no_signal_ends_an_allocation);
    return test_report();
}
