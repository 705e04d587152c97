/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/params.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SISP_PARAM_NONE (-1)

static const struct sisp_control_row controls[] = {
#define CONTROL(name, first, second, min, max, help)                                               \
    {#name, help, {SISP_PARAM_##first, SISP_PARAM_##second}, min, max},
#include "isp/controls.def"
#undef CONTROL
};

#define CONTROL_COUNT (sizeof(controls) / sizeof(controls[0]))

const struct sisp_control_row *sisp_control_table(unsigned *count)
{
    *count = CONTROL_COUNT;
    return controls;
}

static const struct sisp_control_row *find(const char *name)
{
    for (size_t i = 0; i < CONTROL_COUNT; i++) {
        if (strcmp(controls[i].name, name) == 0)
            return &controls[i];
    }
    return NULL;
}

/* Middles of the ranges that libcamera's tuning files have for AwbMode; 0 is auto. */
static const float mode_kelvin[] = {0, 2750, 3250, 4350, 4000, 6000, 7800};

/* White balance is one mode of a few here; in libcamera the control that was set last counts. */
static bool set_white(
    struct sisp_params *params, const struct sisp_control_row *control, const float *values)
{
    float *mode = &params->value[SISP_PARAM_WB_MODE];
    switch (control->params[0]) {
    case SISP_PARAM_WB_LOCK:
        params->value[SISP_PARAM_WB_LOCK] = values[0] == 0;
        *mode = values[0] == 0 ? *mode : SISP_WB_AUTO;
        return true;
    case SISP_PARAM_WB_MODE:
        *mode = values[0] == 0 ? SISP_WB_AUTO : SISP_WB_KELVIN;
        if (values[0] != 0)
            params->value[SISP_PARAM_WB_KELVIN] = mode_kelvin[(int)values[0]];
        return true;
    case SISP_PARAM_WB_RED:
        *mode = SISP_WB_MANUAL;
        break;
    case SISP_PARAM_WB_KELVIN:
        *mode = SISP_WB_KELVIN;
        break;
    default:
        break;
    }
    return false;
}

int sisp_params_set_control(
    struct sisp_params *params, const char *name, const float *values, unsigned count)
{
    const struct sisp_control_row *control = find(name);
    struct sisp_params changed = *params;
    if (!control)
        return -ENOENT;
    if (count != (control->params[1] == SISP_PARAM_NONE ? 1 : 2))
        return -EINVAL;
    bool is_whole = sisp_param_table[control->params[0]].is_integer;
    for (unsigned i = 0; i < count; i++) {
        if (!(values[i] >= control->min && values[i] <= control->max) ||
            (is_whole && values[i] != (float)(int)values[i]))
            return -ERANGE;
    }
    bool is_done = set_white(&changed, control, values);
    for (unsigned i = 0; i < count && !is_done; i++) {
        const char *param = sisp_param_table[control->params[i]].name;
        int r = sisp_params_set(&changed, param, (double)values[i]);
        if (r)
            return r;
    }
    *params = changed;
    return 0;
}
