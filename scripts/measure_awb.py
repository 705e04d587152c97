#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""White balance on ColorChecker REC by the command itself, as angular errors:
   measure_awb.py SOFTISP SHARED TUNING
Each thumbnail becomes a 128x128 PGM, a pixel one RGGB quad, and goes through develop --wb auto.
First with the tuning given, then with curves and priors fitted in three folds inside each camera."""
import csv, json, math, os, subprocess, sys, tempfile
import numpy as np

SIDE = 64
PRIOR_WIDTH = 0.12  # stops, of the kernel around each light of the folds
PRIOR_FLOOR = 0.02  # of the likelihood: lights that the folds do not hold
PRIOR_SCALES = 1, 2, 4, 8  # of its logarithm; what errs least on the pictures it is fitted on


def load(shared):
    folder = os.path.join(shared, 'data/awb_colorchecker_rec')
    with open(f'{folder}/groundtruth.csv') as f:
        rows = list(csv.DictReader(f))
    pixels = np.fromfile(f'{folder}/images_64x64x3_u16le.bin', '<u2').reshape(-1, SIDE, SIDE, 3)
    truths = np.array([[float(row[k]) for k in ('gt_r', 'gt_g', 'gt_b')] for row in rows])
    return np.array(['IMG' in row['name'] for row in rows]), truths, pixels


def write_pgms(folder, pixels):
    paths = []
    for i, picture in enumerate(pixels):
        mosaic = np.repeat(np.repeat(picture[..., 1], 2, 0), 2, 1)
        mosaic[0::2, 0::2], mosaic[1::2, 1::2] = picture[..., 0], picture[..., 2]
        paths.append(f'{folder}/{i:03}.pgm')
        with open(paths[-1], 'wb') as f:
            f.write(b'P5\n%d %d\n65535\n' % mosaic.shape[::-1] + mosaic.astype('>u2').tobytes())
    return paths


def balanced(softisp, tuning, paths, folder):
    """The light of each picture as develop sees it."""
    run = subprocess.run([softisp, 'develop', *paths, '-o', f'{folder}/%s.ppm', '--wb', 'auto', '--json', '--cfa',
                          'RGGB', '--tuning', tuning], stdout=subprocess.PIPE, check=True)
    return np.array([[1 / gain for gain in json.loads(line)['wb_gains']] for line in run.stdout.splitlines()])


def angles(found, truths):
    cosines = (found * truths).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(truths, axis=1)
    return np.degrees(np.arccos(np.minimum(1, cosines)))


def fit(truths):
    """A parabola through the lights in stops of R / G and B / G, and how often they lie where along it."""
    stops = np.log2(truths[:, [0, 2]] / truths[:, 1:2])
    middle = stops.mean(0)
    along = np.linalg.eigh(np.cov((stops - middle).T))[1][:, 1]
    along *= np.sign(along[1])  # towards cold
    across = np.array([-along[1], along[0]])
    u, v = (stops - middle) @ along, (stops - middle) @ across
    bend = np.polyfit(u, v, 2)
    at = np.linspace(u.min() - 0.1, u.max() + 0.1, 24)
    points = 2 ** (middle + at[:, None] * along + np.polyval(bend, at)[:, None] * across)
    likely = np.exp(-((at[:, None] - u) / PRIOR_WIDTH) ** 2 / 2).mean(1) + PRIOR_FLOOR
    return points, np.log(likely)


def write_tuning(path, points, likely):
    kelvins = 1e6 / np.linspace(420, 100, len(points))  # names of the points, no more
    curve = [x for k, (r, b) in zip(kelvins, points) for x in (round(k), round(r, 4), round(b, 4))]
    prior = [x for k, value in zip(kelvins, likely) for x in (round(k), round(value, 3))]
    with open(path, 'w') as f:
        json.dump({'version': 2.0, 'algorithms': [{'rpi.awb': {
            'ct_curve': [float(x) for x in curve], 'priors': [{'lux': 0, 'prior': [float(x) for x in prior]}]}}]}, f)


def folded(softisp, is_5d, truths, paths, folder, scales=PRIOR_SCALES):
    found = np.zeros_like(truths)
    for camera in (False, True):
        members = np.flatnonzero(is_5d == camera)
        for fold in range(3):
            tried = members[fold::3]
            fitted = np.setdiff1d(members, tried)
            points, likely = fit(truths[fitted])
            scores = []
            for scale in scales:
                tuning = f'{folder}/fold{scale}.json'
                write_tuning(tuning, points, scale * likely)
                errors = 0
                if len(scales) > 1:
                    errors = angles(balanced(softisp, tuning, [paths[i] for i in fitted], folder), truths[fitted])
                scores.append((np.mean(errors), tuning))
            found[tried] = balanced(softisp, min(scores)[1], [paths[i] for i in tried], folder)
    return found


def report(what, errors):
    worst = np.sort(errors)[-len(errors) // 4:]
    print(f'{what}: {len(errors)} pictures, mean {errors.mean():.2f} median {np.median(errors):.2f} '
          f'worst quarter {worst.mean():.2f} degrees')


def main(softisp, shared, tuning):
    is_5d, truths, pixels = load(shared)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pgms(folder, pixels)
        for what, found in (('tuning', balanced(softisp, tuning, paths, folder)),
                            ('three folds', folded(softisp, is_5d, truths, paths, folder))):
            errors = angles(found, truths)
            report(what, errors)
            report(what + ', EOS 5D', errors[is_5d])
            report(what + ', EOS 1D', errors[~is_5d])


if __name__ == '__main__':
    main(*sys.argv[1:])
