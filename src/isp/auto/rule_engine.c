/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"

/* The share grows from rule->share near the target to 1 at rule->fast, without a step between: a
 * threshold would be one more thing to oscillate around. */
double isp_rule_step(const struct isp_rule *rule, double previous, double measured)
{
    double error = measured - previous;
    double size = error < 0 ? -error : error;
    double share = rule->share + (1 - rule->share) * isp_clamp(size / rule->fast, 0, 1);
    double step = isp_clamp(error * share, -rule->step_max, rule->step_max);
    return isp_clamp(previous + step, rule->min, rule->max);
}
