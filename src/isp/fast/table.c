/* SPDX-License-Identifier: GPL-3.0-or-later */
/** All kernels of the level that this file is built for. */
#include "isp/fast/kernels.h"

extern const struct fast_unpack_kernels FAST_KERNELS(fast_unpack_kernels);
extern const struct fast_bayer_kernels FAST_KERNELS(fast_bayer_kernels);
extern const struct fast_demosaic_kernels FAST_KERNELS(fast_demosaic_kernels);
extern const struct fast_pack_kernels FAST_KERNELS(fast_pack_kernels);
extern const struct fast_sum_kernels FAST_KERNELS(fast_sum_kernels);
extern const struct fast_area_kernels FAST_KERNELS(fast_area_kernels);
extern const struct fast_color_kernels FAST_KERNELS(fast_color_kernels);
extern const struct fast_turn_kernels FAST_KERNELS(fast_turn_kernels);

extern const struct fast_kernels FAST_KERNELS(fast_kernels);
const struct fast_kernels FAST_KERNELS(fast_kernels) = {
    .unpack = &FAST_KERNELS(fast_unpack_kernels),
    .bayer = &FAST_KERNELS(fast_bayer_kernels),
    .demosaic = &FAST_KERNELS(fast_demosaic_kernels),
    .pack = &FAST_KERNELS(fast_pack_kernels),
    .sum = &FAST_KERNELS(fast_sum_kernels),
    .area = &FAST_KERNELS(fast_area_kernels),
    .color = &FAST_KERNELS(fast_color_kernels),
    .turn = &FAST_KERNELS(fast_turn_kernels),
};
