/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the statistics ask of the exposure. */
#ifndef ISP_AUTO_METER_H
#define ISP_AUTO_METER_H

#include "isp/auto/auto.h"

struct isp_metered {
    bool is_valid;
    bool is_black;                           /* nothing was there to measure */
    double mean_ev, highlight_ev, shadow_ev; /* change of exposure that each asks for */
};

struct isp_metered isp_meter(const struct isp_auto_input *input, const float wb_gains[3]);

#endif
