/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes are a tuning or one sentence with the file's name in it; all that is then said of a
 * tuning is finite. Built by -Dfuzz=true with clang; tests/tuning runs it on seeded mutations. */
#include "fuzz/fuzz.h"

#include "tuning/check.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct sisp_tuning tuning;
    char error[512] = "", text[1024];
    tuning.parts = 0;
    if (sisp_tuning_read(&tuning, "fuzz", bytes, size_bytes, error, sizeof(error)) != 0) {
        require(strncmp(error, "fuzz:", 5) == 0 && tuning.parts == 0);
        return 0;
    }
    require(tuning.parts != 0 && tuning_is_sound(&tuning));
    for (unsigned i = 0; sisp_tuning_finding(&tuning, i, text, sizeof(text)) >= 0; i++)
        require(*text != '\0');
    return 0;
}
