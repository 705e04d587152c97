/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a burst, by all who fuse one. */
#include "cli.h"

#include <float.h>
#include <jansson.h>

double cli_fusion_frames(const struct sisp_fusion *fusion)
{
    double sum = 0;
    for (unsigned i = 0; i < fusion->count; i++)
        sum += (double)fusion->share[i];
    return sum;
}

const char *cli_fusion_fate(const struct sisp_fusion *fusion, unsigned i)
{
    if (i == fusion->count - 1)
        return "reference";
    if (fusion->used >> i & 1)
        return "used";
    if (fusion->copies >> i & 1)
        return "left out: its samples are those of another frame";
    return fusion->residual[i] < FLT_MAX
               ? "left out: it looks like another scene, or moved out of reach"
               : "left out: nothing in it can be compared with the reference";
}

json_t *cli_fusion_frame(const struct sisp_fusion *fusion, unsigned i)
{
    return json_pack("{s:s,s:f,s:[f,f],s:f,s:f}", "fate", cli_fusion_fate(fusion, i), "rejected",
        1 - (double)fusion->share[i], "motion", (double)fusion->dx[i], (double)fusion->dy[i],
        "residual", (double)fusion->residual[i], "gain", (double)fusion->gain[i]);
}

void cli_fusion_print_frame(FILE *file, const struct sisp_fusion *fusion, unsigned i)
{
    fputs(cli_fusion_fate(fusion, i), file);
    if (i != fusion->count - 1 && fusion->used >> i & 1)
        fprintf(file, ", %.1f %% rejected, moved by %.2f, %.2f, residual %.2f sigmas",
            100 * (1 - (double)fusion->share[i]), (double)fusion->dx[i], (double)fusion->dy[i],
            (double)fusion->residual[i]);
    fputc('\n', file);
}
