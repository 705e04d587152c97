/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Children: what they inherit, what they are handed, how they end. */
#include "base/base.h"
#include "harness/test.h"
#include "platform/process.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define MS ((uint64_t)1000000)

static struct plat_process child;

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void order(char letter, int fd)
{
    CHECK_EQ(plat_socket_send(child.socket, &letter, 1, &fd, fd >= 0), 0);
}

static char answer(void)
{
    char letter = 0;
    uint32_t count;
    struct plat_poll poll = {.fd = child.socket};
    plat_poll(&poll, 1, plat_now_ns() + 5000 * MS);
    if (poll.is_ready)
        plat_socket_receive(child.socket, &letter, 1, NULL, 0, &count);
    return letter;
}

static char ask(char letter, int fd)
{
    order(letter, fd);
    return answer();
}

static bool ends_soon(void)
{
    struct plat_poll poll = {.fd = child.pidfd};
    plat_poll(&poll, 1, plat_now_ns() + 5000 * MS);
    return plat_process_has_ended(&child);
}

TEST(it_inherits_nothing)
{
    int before = descriptors();
    int leak = dup(1); /* not close-on-exec */
    REQUIRE(plat_process_spawn(&child, CHILD) == 0);
    CHECK_EQ(ask('d', -1), '4'); /* 0, 1, 2 and the socket */
#ifndef BASE_SANITIZED
    CHECK_EQ(ask('e', -1), 'n');
#endif
    CHECK(!plat_process_has_ended(&child));
    plat_process_hang_up(&child);
    CHECK(ends_soon());
    plat_process_close(&child);
    close(leak);
    CHECK_EQ(descriptors(), before);
}

TEST(it_gets_descriptors_to_read_or_to_write)
{
    struct plat_memory both, ours;
    REQUIRE(plat_memory_create(&both, "both", 4096) == 0);
    REQUIRE(plat_memory_create_one_writer(&ours, "ours", 4096) == 0);
    REQUIRE(plat_process_spawn(&child, CHILD) == 0);
    memset(ours.bytes, 7, 4096);
    CHECK_EQ(ask('w', both.fd), 'y');
    CHECK_EQ(((char *)both.bytes)[4095], 7);
    CHECK_EQ(ask('r', ours.fd), 'y');
    CHECK_EQ(ask('w', ours.fd), 'n');
    plat_process_kill(&child);
    CHECK(ends_soon());
    plat_process_kill(&child); /* nobody else is hit */
    plat_process_close(&child);
    plat_memory_destroy(&both);
    plat_memory_destroy(&ours);
}

TEST(it_is_killed_wherever_it_is)
{
    static const char orders[] = {'h', 'a', 0};
    for (unsigned i = 0; i < sizeof(orders); i++) {
        REQUIRE(plat_process_spawn(&child, CHILD) == 0);
        if (orders[i])
            order(orders[i], -1);
        if (orders[i] != 'a')
            plat_process_kill(&child);
        CHECK(ends_soon());
        char letter = 'x';
        CHECK(plat_socket_send(child.socket, &letter, 1, NULL, 0) < 0);
        plat_process_close(&child);
    }
}

TEST(confined_it_computes_and_nothing_else)
{
#ifdef BASE_SANITIZED
    SKIP("sanitizers need their system calls");
#endif
    REQUIRE(plat_process_spawn(&child, CHILD) == 0);
    CHECK_EQ(ask('c', -1), 'y');
    CHECK(!plat_process_has_ended(&child));
    order('o', -1);
    CHECK(ends_soon());
    plat_process_close(&child);
    /* It still leaves when it is told to. */
    REQUIRE(plat_process_spawn(&child, CHILD) == 0);
    CHECK_EQ(ask('c', -1), 'y');
    plat_process_hang_up(&child);
    CHECK(ends_soon());
    plat_process_close(&child);
}

TEST(what_cannot_be_started_leaves_nothing)
{
    int before = descriptors();
    CHECK_EQ(plat_process_spawn(&child, "/nonexistent/program"), -ENOENT);
    CHECK_EQ(plat_process_spawn(&child, "/dev/null"), -EACCES);
    CHECK_EQ(descriptors(), before);
    struct rlimit limit, low;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    int failures = 0;
    for (low = limit, low.rlim_cur = 3; failures < 20; low.rlim_cur++, failures++) {
        REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
        int error = plat_process_spawn(&child, CHILD);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        if (error == 0)
            break;
        CHECK_EQ(error, -EMFILE);
    }
    CHECK(failures > 0 && failures < 20);
    CHECK_EQ(ask('d', -1), '4');
    plat_process_kill(&child);
    CHECK(ends_soon());
    plat_process_close(&child);
    CHECK_EQ(descriptors(), before);
}

TEST(a_signal_wakes_a_poll)
{
    int fd = plat_signal_create();
    REQUIRE(fd >= 0);
    struct plat_poll polls[] = {{.fd = -1}, {.fd = fd}};
    uint64_t start_ns = plat_now_ns();
    plat_poll(polls, 2, start_ns + 20 * MS);
    CHECK(!polls[1].is_ready && plat_now_ns() - start_ns >= 20 * MS);
    plat_signal_ring(fd);
    plat_signal_ring(fd);
    plat_poll(polls, 2, PLAT_FOREVER);
    CHECK(polls[1].is_ready && !polls[0].is_ready);
    plat_signal_silence(fd);
    plat_poll(polls, 2, 0);
    CHECK(!polls[1].is_ready);
    plat_close(fd);
}

int main(void)
{
    RUN(it_inherits_nothing);
    RUN(it_gets_descriptors_to_read_or_to_write);
    RUN(it_is_killed_wherever_it_is);
    RUN(confined_it_computes_and_nothing_else);
    RUN(what_cannot_be_started_leaves_nothing);
    RUN(a_signal_wakes_a_poll);
    return test_report();
}
