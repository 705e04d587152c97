/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/unfinished.h"

#include "base/base.h"
#include <softisp/writer.h>

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* A handler may run in one thread while another one ends the same entry. Only who moves LIVE on
 * may touch the rest of the entry, and neither waits for the other: whoever comes last frees. */
enum {
    FREE,
    FILLING,    /* its writer sets it up */
    LIVE,       /* a file is or will be there */
    ABANDONING, /* a handler is unlinking it */
    ABANDONED,  /* a handler has unlinked it; its writer does not know yet */
    LEFT,       /* its writer has gone while a handler was unlinking */
};

struct out_unfinished {
    atomic_int state;
    pid_t owner; /* a forked child inherits the list, but not the files */
    int dir_fd;
    char name[NAME_MAX + 1];
};

static struct out_unfinished entries[64];

static bool entry_move(struct out_unfinished *entry, int from, int to)
{
    return atomic_compare_exchange_strong(&entry->state, &from, to);
}

static void entry_free(struct out_unfinished *entry)
{
    close(entry->dir_fd);
    atomic_store(&entry->state, FREE);
}

struct out_unfinished *out_unfinished_add(int dir_fd, const char *name)
{
    size_t size = strlen(name) + 1;
    sisp_assert(size <= sizeof(entries[0].name));
    for (size_t i = 0; i < BASE_COUNT(entries); i++) {
        struct out_unfinished *entry = &entries[i];
        if (!entry_move(entry, FREE, FILLING))
            continue;
        entry->owner = getpid();
        entry->dir_fd = dir_fd;
        memcpy(entry->name, name, size);
        atomic_store(&entry->state, LIVE);
        return entry;
    }
    return NULL;
}

int out_unfinished_dir_fd(const struct out_unfinished *entry)
{
    return entry->dir_fd;
}

const char *out_unfinished_name(const struct out_unfinished *entry)
{
    return entry->name;
}

void out_unfinished_remove(struct out_unfinished *entry)
{
    while (!entry_move(entry, LIVE, FILLING) && !entry_move(entry, ABANDONED, FILLING)) {
        if (entry_move(entry, ABANDONING, LEFT))
            return;
    }
    entry_free(entry);
}

void sisp_writer_abandon_all(void)
{
    int saved_errno = errno;
    for (size_t i = 0; i < BASE_COUNT(entries); i++) {
        struct out_unfinished *entry = &entries[i];
        if (!entry_move(entry, LIVE, ABANDONING))
            continue;
        if (entry->owner == getpid())
            unlinkat(entry->dir_fd, entry->name, 0);
        if (!entry_move(entry, ABANDONING, ABANDONED))
            entry_free(entry);
    }
    errno = saved_errno;
}
