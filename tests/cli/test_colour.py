#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour of real ColorCheckers. Run: test_colour.py SOFTISP"""
import os, sys

from harness import SHARED, SOFTISP, SOURCE, expect, main, shared

sys.path.append(os.path.join(SOURCE, 'scripts'))
import measure_colour


def check(what, figures, limit):
    error, floor = figures
    print(f'{what}: mean dE00 {error:.2f}, floor {floor:.2f}, {error / floor:.3f} times the floor')
    expect(error <= limit * floor, what, error / floor)


def canon_with_black_from_its_masked_columns(folder):
    shared(measure_colour.CANON)
    check('Canon 550D', measure_colour.canon(SOFTISP, SHARED, folder), 1.3)


def a_matrix_fitted_on_one_picture_serves_another(folder):
    shared('infinite_isp')
    for fitted, tried in (1, 3), (3, 1):
        check(f'Outdoor{fitted} for {tried}', measure_colour.crosswise(SOFTISP, SHARED, folder, fitted, tried), 1.15)


def white_is_no_worse_than_grey_world(folder):
    shared(measure_colour.CANON)
    figures = measure_colour.white_angles(SOFTISP, SHARED, folder)
    for what, found, grey_world in figures:
        print(f'{what}: white balance {found:.2f} degrees from patch 21, grey world {grey_world:.2f}')
        expect(found <= grey_world, what, found, grey_world)
    expect(sum(f[1] for f in figures) < 0.9 * sum(f[2] for f in figures), figures)


main([canon_with_black_from_its_masked_columns, a_matrix_fitted_on_one_picture_serves_another,
      white_is_no_worse_than_grey_world])
