/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the kernel answers to the library's writes to files and pipes: this program's write, fsync
 * and renameat stand before libc's, in the shared library too.
 */
#ifndef TESTS_FAULT_SINGLE_CALLS_H
#define TESTS_FAULT_SINGLE_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum call_fault {
    CALL_NO_FAULT,
    CALL_FULL,   /* after room_bytes the disk is full: a short write, then ENOSPC */
    CALL_EINTR,  /* every other call is interrupted, before or after a part */
    CALL_SHORT,  /* a part is written, as small as one byte */
    CALL_KILL,   /* SIGKILL at the nth call */
    CALL_CLOSED, /* at the nth call the descriptor is closed behind the library's back */
    CALL_OTHER,  /* at the nth call it becomes another file */
    CALL_ACT,    /* at the nth call `act` is called */
};

enum call_when {
    CALL_BEFORE,
    CALL_IN_THE_MIDDLE, /* of what is written */
    CALL_AFTER,
};

struct call_plan {
    enum call_fault fault;
    enum call_when when;
    unsigned nth; /* from 0 on */
    uint64_t seed;
    size_t room_bytes;
    const char *other; /* path */
    void (*act)(void);
};

void calls_arm(const struct call_plan *plan);

/** Returns: how many calls there were since calls_arm(). */
unsigned calls_disarm(void);

#endif
