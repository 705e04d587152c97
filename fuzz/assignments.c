/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any line is a value of --set or of --knob, or is refused; what is taken is in range. Sentences
 * go to stderr: run with -close_fd_mask=2. */
#include "fuzz/fuzz.h"

#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_params(const struct sisp_params *params)
{
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        const struct sisp_param_row *row = &sisp_param_table[i];
        require(params->value[i] >= row->min && params->value[i] <= row->max);
    }
}

static void check_knobs(const struct cli_knob_options *options)
{
    struct sisp_knobs knobs = cli_knobs(options);
    for (unsigned i = 0; sisp_knob_row(i); i++) {
        uint64_t value = knobs.value[i];
        require(!value || (value >= sisp_knob_row(i)->min && value <= sisp_knob_row(i)->max));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct sisp_params params = sisp_params_default();
    struct cli_knob_options knobs = {0};
    char *text = malloc(size_bytes + 1);
    require(text != NULL);
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        cli_set_param("fuzz", &params, line);
        cli_knob_option("fuzz", &knobs, "knob", line);
    }
    check_params(&params);
    check_knobs(&knobs);
    free(text);
    return 0;
}
