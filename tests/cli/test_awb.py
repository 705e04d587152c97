#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""White balance against measured light: ColorChecker RECommended (Hemrit et al. 2018). Run: test_awb.py SOFTISP"""
import os, sys

import numpy as np

import harness
from harness import SANITIZED, SHARED, SOFTISP, SOURCE, expect, main, shared

sys.path.append(os.path.join(SOURCE, 'scripts'))
import measure_awb


def check(what, errors, mean, median):
    measure_awb.report(what, errors)
    expect(errors.mean() <= mean and np.median(errors) <= median, what, 'errs by more than', mean, median)


def pictures(folder):
    shared('awb_colorchecker_rec')
    is_5d, truths, pixels = measure_awb.load(SHARED)
    step = 20 if SANITIZED else 1  # then for memory and arithmetic, not for the figures
    return is_5d[::step], truths[::step], measure_awb.write_pgms(folder, pixels[::step])


def unfitted_curve_of_the_5d(folder):
    is_5d, truths, paths = pictures(folder)
    tuning = os.path.join(SOURCE, 'tests/isp/auto/canon_eos_5d.yaml')
    errors = measure_awb.angles(measure_awb.balanced(SOFTISP, tuning, paths, folder), truths)
    expect(len(errors) == len(paths))
    check('unfitted', errors, *((9, 9) if SANITIZED else (3.4, 2.3)))


def curve_and_prior_of_two_folds_on_the_third(folder):
    if SANITIZED:
        raise harness.Skip('too few pictures to fit')
    is_5d, truths, paths = pictures(folder)
    found = measure_awb.folded(SOFTISP, is_5d, truths, paths, folder, scales=(4,))
    check('three folds', measure_awb.angles(found, truths), 3.0, 2.0)


main([unfitted_curve_of_the_5d, curve_and_prior_of_two_folds_on_the_third])
