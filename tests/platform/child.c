/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Does what the first letter of a message says, then answers with a letter. */
#include "platform/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the folder itself */
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return (char)('0' + count);
}

static void *spin(void *argument)
{
    for (;;)
        plat_sleep_ns(1000000);
    return argument;
}

static void run(void *argument)
{
    spin(argument);
}

/* Confined, with a second thread, as a worker is. */
static char confine(void)
{
    static struct plat_thread thread = {.name = "second", .run = run};
    if (plat_thread_create(&thread))
        return 'n';
    plat_sleep_ns(20000000); /* it has begun: starting needs calls that are gone afterwards */
    if (plat_confine())
        return 'n';
    plat_sleep_ns(1000000);
    return 'y';
}

static char map(int fd, char order)
{
    struct plat_memory memory;
    if (plat_memory_map(&memory, fd, 4096, order == 'w'))
        return 'n';
    if (order == 'w')
        memset(memory.bytes, 7, 4096);
    return ((char *)memory.bytes)[0] == 7 ? 'y' : 'n';
}

int main(void)
{
    char order, answer = 0;
    int fd = -1;
    uint32_t fd_count;
    plat_die_with_parent();
    while (plat_socket_receive(PLAT_CHILD_SOCKET, &order, 1, &fd, 1, &fd_count) > 0) {
        if (order == 'd')
            answer = count_descriptors();
        else if (order == 'e')
            answer = environ && environ[0] ? 'y' : 'n';
        else if (order == 'r' || order == 'w')
            answer = map(fd, order);
        else if (order == 'a')
            abort();
        else if (order == 'o')
            answer = open("/dev/null", O_RDONLY) < 0 ? 'n' : 'y';
        else if (order == 'h')
            spin(NULL);
        else if (order == 'c')
            answer = confine();
        plat_socket_send(PLAT_CHILD_SOCKET, &answer, 1, NULL, 0);
    }
    return 0;
}
