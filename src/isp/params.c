/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/params.h>

#include <errno.h>
#include <string.h>

#define TYPE_IS_INTEGER_float 0
#define TYPE_IS_INTEGER_int   1

const struct sisp_param_row sisp_param_table[SISP_PARAM_COUNT] = {
#define PARAM(name, type, unit, min, max, value_default, help)                                     \
    {#name, unit, help, min, max, value_default, TYPE_IS_INTEGER_##type},
#include "isp/params.def"
#undef PARAM
};

struct sisp_params sisp_params_default(void)
{
    struct sisp_params params;
    for (int i = 0; i < SISP_PARAM_COUNT; i++)
        params.value[i] = sisp_param_table[i].value_default;
    return params;
}

int sisp_param_find(const char *name)
{
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        if (strcmp(sisp_param_table[i].name, name) == 0)
            return i;
    }
    return -ENOENT;
}

int sisp_params_set(struct sisp_params *params, const char *name, double value)
{
    int index = sisp_param_find(name);
    if (index < 0)
        return index;
    const struct sisp_param_row *row = &sisp_param_table[index];
    if (!(value >= (double)row->min && value <= (double)row->max))
        return -ERANGE;
    if (row->is_integer && value != (double)(int)value)
        return -ERANGE;
    params->value[index] = (float)value;
    return 0;
}
