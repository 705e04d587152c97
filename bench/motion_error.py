#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the motion that softisp fuse found is from the truth of synthetic bursts.

    softisp fuse BURST/frame_*.pgm -o OUT.pgm --cfa RGGB --black B --white W --noise A,B --flow FLOW
    bench/motion_error.py BURST FLOW [BURST FLOW ...]

BURST is a folder with burst.json (size, noise, motion of the frames), clean.npy (what the reference
shows without noise) and ghost.pgm (what is hidden in some frame, left out here). Prints median and
95th percentile, in samples, over all tiles and over the textured ones: those for which the bound on
any estimate from two frames (Cramer-Rao, of the grey tile) is below half a sample. The motion is
that of the burst's first layer: two depths need two runs.
"""
import json, math, os, sys

import numpy as np

TEXTURED = 0.5   # samples
TILE = 16        # samples along a side
BORDER = 16      # samples of a frame within which a tile's target is not counted


def read_pgm(path):
    data = open(path, 'rb').read()
    _, width, height, most = data.split(None, 4)[:4]
    width, height = int(width), int(height)
    kind = '>u2' if int(most) > 255 else 'u1'
    return np.frombuffer(data[-width * height * np.dtype(kind).itemsize:], kind).reshape(height, width)


def bounds(clean, noise):
    """Of each tile: sqrt(2 s^2 trace(J^-1)) of its grey cells of 2x2 samples, in samples."""
    grey = (clean[0::2, 0::2] + clean[1::2, 0::2] + clean[0::2, 1::2] + clean[1::2, 1::2]) / 4
    gy, gx = np.gradient(grey)

    def per_tile(v):
        n = TILE // 2
        h, w = v.shape[0] // n, v.shape[1] // n
        return v[:h * n, :w * n].reshape(h, n, w, n).sum((1, 3))
    variance = per_tile((noise[0] * grey + noise[1]) / 4) / (TILE // 2) ** 2
    xx, xy, yy = per_tile(gx * gx), per_tile(gx * gy), per_tile(gy * gy)
    determinant = np.maximum(xx * yy - xy * xy, 1e-30)
    return 2 * np.sqrt(2 * variance * (xx + yy) / determinant)


def errors(folder, flow):
    """Of the tiles whose place in the frame is inside it: error, and whether they are textured."""
    meta = json.load(open(os.path.join(folder, 'burst.json')))
    clean = np.load(os.path.join(folder, 'clean.npy')).astype(float)
    ghost = read_pgm(os.path.join(folder, 'ghost.pgm')) > 0
    bound = bounds(clean, (meta['noise_a'], meta['noise_b']))
    height, width = clean.shape
    out = []
    for frame, x, y, dx, dy in np.loadtxt(flow, delimiter=',', ndmin=2):
        row, column = int(y) // TILE, int(x) // TILE
        if row >= bound.shape[0] or column >= bound.shape[1] or ghost[int(y), int(x)]:
            continue
        tx, ty, angle = meta['layers'][0][int(frame)]
        cx, cy = meta['centre']
        s, c = math.sin(angle), math.cos(angle)
        to_x = c * (x - cx) - s * (y - cy) + cx + tx
        to_y = s * (x - cx) + c * (y - cy) + cy + ty
        if BORDER <= to_x < width - BORDER and BORDER <= to_y < height - BORDER:
            out.append((math.hypot(to_x - x - dx, to_y - y - dy), bound[row, column] < TEXTURED))
    return np.array(out)


def said(name, e):
    if not len(e):
        return '%s none' % name
    return '%s %.3f / %.3f (%d)' % (name, np.median(e), np.percentile(e, 95), len(e))


def main(arguments):
    if not arguments or len(arguments) % 2:
        sys.exit(__doc__)
    every = []
    for folder, flow in zip(arguments[::2], arguments[1::2]):
        e = errors(folder, flow)
        every.append(e)
        print(os.path.basename(os.path.normpath(folder)), said('all', e[:, 0]),
              said('textured', e[e[:, 1] > 0, 0]))
    if len(every) > 1:
        e = np.concatenate(every)
        print('together', said('all', e[:, 0]), said('textured', e[e[:, 1] > 0, 0]))


main(sys.argv[1:])
