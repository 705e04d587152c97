#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guest/kernel.sh captured is a picture of the depth it says. Run: kernel.py FOLDER BUILD"""
import sys

import numpy

for fourcc, kind, bits in (('RGGB', 'u1', 8), ('RG10', '<u2', 10), ('RG12', '<u2', 12), ('RG16', '<u2', 16)):
    samples = numpy.fromfile(f'{sys.argv[1]}/{fourcc}-mmap.raw', kind)
    good = samples.size == 320 * 180 and len(set(samples)) >= 16 and 2 ** (bits - 1) < samples.max() < 2 ** bits
    print('PASS' if good else 'FAIL', f'{fourcc}: a picture of {bits} bits: {samples.size} samples, '
          f'{len(set(samples))} values up to {samples.max()}')
