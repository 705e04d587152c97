/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes are a configuration file or one sentence with the file's name in it, and then nothing
 * has changed; what is read is in range. */
#include "fuzz/fuzz.h"

#include <softisp/knobs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_values(const struct sisp_knobs *knobs)
{
    for (unsigned i = 0; sisp_knob_row(i); i++) {
        uint64_t value = knobs->value[i];
        require(!value || (value >= sisp_knob_row(i)->min && value <= sisp_knob_row(i)->max));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static int fd = -1;
    struct sisp_knobs knobs = {0};
    char path[32], error[512] = "";
    if (fd < 0)
        fd = memfd_create("knobs", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0);
    require(pwrite(fd, bytes, size_bytes, 0) == (ssize_t)size_bytes);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (sisp_knobs_load(&knobs, path, error, sizeof(error)) != 0) {
        const struct sisp_knobs untouched = {0};
        require(strncmp(error, path, strlen(path)) == 0);
        require(memcmp(&knobs, &untouched, sizeof(knobs)) == 0);
    }
    check_values(&knobs);
    return 0;
}
