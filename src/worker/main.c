/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One worker of a session in a process of its own: the session's tables are made again from its
 * blob, all memory is taken, then this process gives up everything else and works. */
#include "engine/foreign.h"
#include "workers/pipeline.h"

#include <string.h>
#include <unistd.h>

static struct eng_foreign foreign;
static struct eng_config config;
static struct pipeline pipeline;

static bool take_blob(void)
{
    if (foreign.hello.blob_bytes != PIPELINE_FIXED_BYTES ||
        foreign.hello.worker_count != PIPELINE_WORKERS)
        return false;
    /* The board is read where it is: the session may be writing it. */
    memcpy(&pipeline, foreign.blob.bytes, offsetof(struct pipeline, own_board));
    const char *board = (const char *)foreign.blob.bytes + offsetof(struct pipeline, own_board);
    pipeline.board = (const struct pipeline_board *)(const void *)board;
    return memcmp(pipeline.version, SISP_VERSION, sizeof(SISP_VERSION)) == 0;
}

int main(void)
{
    plat_die_with_parent();
    if (eng_foreign_open(&foreign) || !take_blob() ||
        pipeline_init(&pipeline, 1u << foreign.hello.worker))
        return 1;
    pipeline_describe(&config, &pipeline);
    /* Threads are still there: only the kernel can end them all. */
    _exit(eng_foreign_run(&foreign, &config, plat_confine) ? 1 : 0);
}
