/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workers/pipeline.h"

const char *const pipeline_worker_names[PIPELINE_WORKERS] = {"fast", "background", "floor"};

void pipeline_describe(struct eng_config *config, struct pipeline *p)
{
    const uint32_t payload = 1u << ROLE_PAYLOAD, state = 1u << ROLE_STATE;
    const uint32_t stats = 1u << ROLE_STATS, picture = 1u << ROLE_PICTURE;
    const uint32_t motion = p->burst_frames ? 1u << ROLE_MOTION : 0;
    enum { FAST = PIPELINE_FAST, SLOW = PIPELINE_SLOW, FLOOR = PIPELINE_FLOOR };
    config->worker_count = PIPELINE_WORKERS;
    config->workers[FAST] = (struct eng_worker_config){.threads = p->threads};
    config->workers[SLOW] =
        (struct eng_worker_config){.threads = p->threads, .is_background = p->is_live};
    config->workers[FLOOR] = (struct eng_worker_config){.threads = 1};
    for (uint32_t i = 0; i < PIPELINE_WORKERS; i++)
        config->workers[i].name = pipeline_worker_names[i];
    config->command_count = COMMAND_COUNT;
    config->commands[COMMAND_FAST_ALGO] = (struct eng_command_config){
        "FastAlgo", &fast_algo_ops, p, FAST, 0, state | stats, payload | state};
    config->commands[COMMAND_FAST_ISP] =
        (struct eng_command_config){"FastISP", &fast_isp_ops, p, FAST, payload, 0, picture | stats};
    config->commands[COMMAND_SLOW_ALGO] = (struct eng_command_config){
        "SlowAlgo", &slow_algo_ops, p, SLOW, 0, payload, payload | motion};
    config->commands[COMMAND_SLOW_ISP] = (struct eng_command_config){
        "SlowISP", &slow_isp_ops, p, SLOW, payload | motion, 0, picture};
    config->commands[COMMAND_RAW_ALGO] =
        (struct eng_command_config){"RawAlgo", &raw_algo_ops, p, FLOOR, 0, payload, payload};
    config->commands[COMMAND_RAW_ISP] =
        (struct eng_command_config){"RawISP", &raw_isp_ops, p, FLOOR, payload, 0, picture};
}
