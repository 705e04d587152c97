/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"

#include "base/base.h"

#define KNOB(field, name, unit, scale, min, max, value_default, help)                              \
    _Static_assert((min) > 0 || (value_default) == 0, #name ": 0 takes the default");              \
    _Static_assert((value_default) >= (min) && (value_default) <= (max), #name);                   \
    _Static_assert((max) <= UINT64_MAX / (scale), #name);
#include "engine/knobs.def"
#undef KNOB

const struct eng_knob_row eng_knob_table[ENG_KNOB_COUNT] = {
#define KNOB(field, name, unit, scale, min, max, value_default, help)                              \
    {#name, unit, help, scale, min, max, value_default, offsetof(struct eng_knobs, field)},
#include "engine/knobs.def"
#undef KNOB
};

uint64_t *eng_knob_at(struct eng_knobs *knobs, uint32_t index)
{
    sisp_assert(index < ENG_KNOB_COUNT);
    return (uint64_t *)((char *)knobs + eng_knob_table[index].offset);
}
