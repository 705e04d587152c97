/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <softisp/format.h>

/** The raw format of that fourcc, or NULL. */
const struct sisp_raw_format *base_raw_format(uint32_t fourcc);

#endif
