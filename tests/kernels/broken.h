/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels that are wrong on purpose, so that checkkernels can show that it sees it. */
#ifndef TESTS_BROKEN_H
#define TESTS_BROKEN_H

#include "isp/fast/kernels.h"

enum broken {
    BROKEN_LAST,   /* the last result has its lowest bit wrong */
    BROKEN_BEFORE, /* something before the row is written */
    BROKEN_COUNT,
};

const struct fast_kernels *broken_kernels(enum broken fault);

#endif
