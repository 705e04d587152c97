/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The entry of a fuzz target, as libFuzzer calls it. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

#endif
