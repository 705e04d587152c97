#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour by the command itself, on raws that show a ColorChecker:
   measure_colour.py SOFTISP SHARED
Mean CIEDE2000 of the 24 patches beside its floor, the 3x3 matrix fitted to the very picture; a matrix fitted to
another picture of the same camera; and automatic white balance as an angle to patch 21, a grey."""
import csv, json, lzma, os, subprocess, sys, tempfile
import numpy as np

GREY = 20  # patch 21, whose light the balance is for
CANON = 'canon550d_colorchecker/colorchart.dng'
CANON_GAINS = '1.48,2.20'  # for the light on the chart
OUTDOOR = ['--raw-format', 'SGRBG8', '--size', '2592x1536', '--black', '12.5']
# Bradford-adapted: linear sRGB to XYZ under D50.
TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
                   [0.0139322, 0.0971045, 0.7141733]])
WHITE = TO_XYZ.sum(1)


def lab(xyz):
    t = xyz / WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def unlab(values):
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], -1)
    return np.where(f > 6 / 29, f ** 3, (116 * f - 16) * 27 / 24389) * WHITE


def differences(a, b):
    """Vectors as long as CIEDE2000 (Sharma, Wu, Dalal 2005), its mixed term split between two."""
    c1, c2 = np.hypot(a[:, 1], a[:, 2]), np.hypot(b[:, 1], b[:, 2])
    cm7 = ((c1 + c2) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(cm7 / (cm7 + 25.0 ** 7)))
    a1, a2 = a[:, 1] * (1 + g), b[:, 1] * (1 + g)
    c1, c2 = np.hypot(a1, a[:, 2]), np.hypot(a2, b[:, 2])
    h1, h2 = np.degrees(np.arctan2(a[:, 2], a1)) % 360, np.degrees(np.arctan2(b[:, 2], a2)) % 360
    dh = (h2 - h1 + 180) % 360 - 180
    dl, dc, dhh = b[:, 0] - a[:, 0], c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    lm, cm = (a[:, 0] + b[:, 0]) / 2, (c1 + c2) / 2
    hm = np.where(abs(h1 - h2) > 180, (h1 + h2 + 360) / 2 % 360, (h1 + h2) / 2)
    t = (1 - 0.17 * np.cos(np.radians(hm - 30)) + 0.24 * np.cos(np.radians(2 * hm)) +
         0.32 * np.cos(np.radians(3 * hm + 6)) - 0.2 * np.cos(np.radians(4 * hm - 63)))
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = (-2 * np.sqrt(cm ** 7 / (cm ** 7 + 25.0 ** 7)) *
          np.sin(np.radians(60 * np.exp(-((hm - 275) / 25) ** 2))))
    chroma, hue = dc / sc, dhh / sh
    return np.stack([dl / sl, chroma + rt / 2 * hue, np.sqrt(1 - rt * rt / 4) * hue], -1)


def delta_e(rgb, reference):
    return np.linalg.norm(differences(lab(rgb @ TO_XYZ.T), reference), axis=1)


def scaled_error(rgb, reference):
    """The mean, with one scale for all patches: exposure is free."""
    middle = unlab(reference)[GREY, 1] / (rgb[GREY] @ TO_XYZ[1])
    return min(delta_e(rgb * scale, reference).mean() for scale in middle * np.geomspace(0.7, 1.4, 1000))


def fit(rgb, reference, is_mean, is_white_kept=False):
    """The matrix of least mean (by reweighting) or mean square CIEDE2000: Levenberg and Marquardt's steps."""
    linear = unlab(reference) @ np.linalg.inv(TO_XYZ).T
    matrix = np.linalg.lstsq(rgb, linear, rcond=None)[0].T
    if is_white_kept:
        matrix *= (matrix.sum() / 3 / matrix.sum(1))[:, None]
    moves = [np.outer(np.eye(3)[i], np.eye(3)[j]) for i in range(3) for j in range(3)]
    if is_white_kept:  # the rows' sums stay equal
        moves = [np.outer(np.eye(3)[i], np.eye(3)[j] - np.eye(3)[2]) for i in range(3) for j in range(2)] + [np.eye(3)]

    def score(m):
        lengths = delta_e(rgb @ m.T, reference)
        return lengths.mean() if is_mean else (lengths ** 2).mean()

    def errors(m):
        return differences(lab(rgb @ m.T @ TO_XYZ.T), reference)

    best, damping = score(matrix), 1e-3
    for _ in range(300):
        now = errors(matrix)
        weight = 1 / np.maximum(np.linalg.norm(now, axis=1), 0.05) if is_mean else np.ones(len(now))
        root = np.sqrt(weight)[:, None]
        slopes = np.stack([((errors(matrix + 1e-6 * m) - now) / 1e-6 * root).ravel() for m in moves], -1)
        square = slopes.T @ slopes
        step = np.linalg.solve(square + damping * np.diag(np.diag(square)), -slopes.T @ (now * root).ravel())
        tried = matrix + sum(s * m for s, m in zip(step, moves))
        if score(tried) < best:
            matrix, best, damping = tried, score(tried), damping / 3
        else:
            damping *= 4
        if damping > 1e9:
            break
    return matrix


def reference_lab(shared):
    with open(f'{shared}/data/spectral/colorchecker24_xyY_Lab.csv') as f:
        rows = [row for row in csv.DictReader(f) if 'BabelColor' in row['edition']]
    return np.array([[float(row[k]) for k in ('L_D50', 'a_D50', 'b_D50')] for row in rows])


def patch_table(shared, name):
    """Raw means of the patches, and their boxes."""
    with open(f'{shared}/data/{name}_patches.csv') as f:
        rows = list(csv.DictReader(f))
    means = np.array([[float(row['raw_mean_' + c]) for c in 'RGB'] for row in rows])
    return means, [[int(row[k]) for k in ('x0', 'y0', 'x1_excl', 'y1_excl')] for row in rows]


def developed(softisp, raw, folder, *options):
    """What develop says of the picture, and the picture in linear sRGB."""
    out = f'{folder}/colour.ppm'
    run = subprocess.run([softisp, 'develop', raw, '-o', out, '--tone', 'linear', '--depth', '16', '--json', *options],
                         stdout=subprocess.PIPE, check=True)
    with open(out, 'rb') as f:
        _, size, _, samples = f.read().split(b'\n', 3)
    width, height = map(int, size.split())
    return json.loads(run.stdout), np.frombuffer(samples, '>u2').reshape(height, width, 3) / 65535


def patches_of(said, picture, boxes):
    left, top = said['crop'][:2]
    return np.array([picture[y0 - top:y1 - top, x0 - left:x1 - left].mean((0, 1)) for x0, y0, x1, y1 in boxes])


def balance(means, reference):
    """Gains that give patch 21 its own colour, which is not quite neutral."""
    grey = (unlab(reference) @ np.linalg.inv(TO_XYZ).T)[GREY]
    gains = grey / means[GREY]
    return gains / gains[1]


def canon(softisp, shared, folder):
    """The error with the file's matrix and the black of the optical-black columns, and the floor."""
    reference, raw = reference_lab(shared), f'{shared}/data/{CANON}'
    means, boxes = patch_table(shared, CANON[:-4])
    said, picture = developed(softisp, raw, folder, '--black', 'optical', '--wb', CANON_GAINS)
    black = said['black']
    means = means - [black[0], (black[1] + black[2]) / 2, black[3]]
    floor = means @ fit(means, reference, True).T
    return scaled_error(patches_of(said, picture, boxes), reference), delta_e(floor, reference).mean()


def unpacked(shared, number, folder):
    path = f'{folder}/outdoor{number}.raw'
    with lzma.open(f'{shared}/data/infinite_isp/Outdoor{number}_2592x1536_8bit_GRBG.raw.xz') as f:
        with open(path, 'wb') as out:
            out.write(f.read())
    return path


def crosswise(softisp, shared, folder, fitted, tried):
    """The error of one picture with the matrix that fits the other, in a tuning file, and the floor."""
    reference = reference_lab(shared)
    black = float(OUTDOOR[-1])
    first = patch_table(shared, f'infinite_isp/Outdoor{fitted}')[0] - black
    matrix = fit(first * balance(first, reference), reference, False, is_white_kept=True)
    tuning = f'{folder}/fitted.json'
    with open(tuning, 'w') as f:
        ccm = [round(value, 6) for value in (matrix / matrix[0].sum()).ravel()]
        json.dump({'version': 2.0, 'algorithms': [{'rpi.ccm': {'ccms': [{'ct': 5000, 'ccm': ccm}]}}]}, f)
    means, boxes = patch_table(shared, f'infinite_isp/Outdoor{tried}')
    means = means - black
    gains = balance(means, reference)
    said, picture = developed(softisp, unpacked(shared, tried, folder), folder, *OUTDOOR, '--wb',
                              f'{gains[0]:.5f},{gains[2]:.5f}', '--tuning', tuning)
    floor = means * gains @ fit(means * gains, reference, True).T
    return scaled_error(patches_of(said, picture, boxes), reference), delta_e(floor, reference).mean()


def angle(light, grey):
    cosine = light @ grey / np.linalg.norm(light) / np.linalg.norm(grey)
    return np.degrees(np.arccos(min(1, cosine)))


def white_angles(softisp, shared, folder):
    """Of each raw: its name, how far automatic white balance is from patch 21, and how far grey world is."""
    raws = [('Canon 550D', CANON[:-4], f'{shared}/data/{CANON}', ['--black', 'optical'])]
    raws += [(f'Outdoor{n}', f'infinite_isp/Outdoor{n}', unpacked(shared, n, folder), OUTDOOR) for n in (1, 3)]
    figures = []
    for what, table, raw, options in raws:
        said, picture = developed(softisp, raw, folder, *options, '--color', 'camera', '--wb', '1,1')
        black = said['black']
        grey = patch_table(shared, table)[0][GREY] - [black[0], (black[1] + black[2]) / 2, black[3]]
        found = developed(softisp, raw, folder, *options, '--wb', 'auto')[0]['wb_gains']
        figures.append((what, angle(1 / np.array(found), grey), angle(picture.mean((0, 1)), grey)))
    return figures


def main(softisp, shared):
    with tempfile.TemporaryDirectory() as folder:
        for what, (error, floor) in (('Canon 550D, optical black', canon(softisp, shared, folder)),
                                     ('Outdoor1 by the matrix of Outdoor3', crosswise(softisp, shared, folder, 3, 1)),
                                     ('Outdoor3 by the matrix of Outdoor1', crosswise(softisp, shared, folder, 1, 3))):
            print(f'{what}: mean dE00 {error:.2f}, floor {floor:.2f}, {error / floor:.3f} times the floor')
        for what, found, grey_world in white_angles(softisp, shared, folder):
            print(f'{what}: white balance {found:.1f} degrees from patch 21, grey world {grey_world:.1f}')


if __name__ == '__main__':
    main(*sys.argv[1:])
