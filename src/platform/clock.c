/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/platform.h"

#include <time.h>

uint64_t plat_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void plat_sleep_ns(uint64_t duration_ns)
{
    struct timespec time = {
        .tv_sec = (time_t)(duration_ns / 1000000000u),
        .tv_nsec = (long)(duration_ns % 1000000000u),
    };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
