#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes src/camera/sim/spectra_data.c from a folder of measured spectra (5 nm):
   spectra.py FOLDER > src/camera/sim/spectra_data.c && clang-format -i src/camera/sim/spectra_data.c
FOLDER/camera and training_190_patches.json are those of AcademySoftwareFoundation/rawtoaces-data, the
CSV files export the tables of colour-science/colour."""
import csv, json, sys

folder = sys.argv[1]
bands = range(400, 701, 10)
cameras = [('canon-5d', 'Canon_EOS_5D'), ('nikon-d5100', 'Nikon_D5100'), ('sony-a7iii', 'Sony_ILCE-7M3')]
lamps = ['FL2', 'FL4', 'FL7', 'FL11', 'FL12', 'HP1', 'LED-B1', 'LED-B3', 'LED-B5', 'LED-RGB1', 'LED-V1']


def table(name):
    with open(f'{folder}/{name}') as f:
        rows = list(csv.reader(f))
    return {key: {int(row[0]): float(row[i]) for row in rows[1:]} for i, key in enumerate(rows[0]) if i}


def json_table(path):
    with open(f'{folder}/{path}') as f:
        data = json.load(f)['spectral_data']
    main = data['index']['main']
    return [{int(nm): values[i] for nm, values in data['data']['main'].items()} for i in range(len(main))]


def sampled(curve):
    return [curve[nm] for nm in bands]


def binned(curve):
    """Narrow lines keep their light: what lies between two bands goes half to each."""
    return [(curve[nm - 5] + 2 * curve[nm] + curve[nm + 5]) / 4 for nm in bands]


def scaled(rows):
    peak = max(max(row) for row in rows)
    return [[value / peak for value in row] for row in rows]


def solve(a, b):
    n = len(b)
    rows = [list(a[i]) + [b[i]] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                k = rows[r][i] / rows[i][i]
                rows[r] = [x - k * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def daylight_weights(kelvin):
    """CIE 15, M1 and M2 rounded as there."""
    t = 1000 / kelvin
    x = (0.244063 + t * (0.09911 + t * (2.9678 - t * 4.6070)) if kelvin <= 7000 else
         0.237040 + t * (0.24748 + t * (1.9018 - t * 2.0064)))
    y = -3.0 * x * x + 2.870 * x - 0.275
    m = 0.0241 + 0.2562 * x - 0.7341 * y
    return [1, round((-1.3515 - 1.7703 * x + 5.9114 * y) / m, 3), round((0.0300 - 31.4424 * x + 30.0717 * y) / m, 3)]


def daylight(lights):
    """S0, S1, S2 from the four tabulated phases of daylight, by least squares."""
    known = [('D50', 5000), ('D55', 5500), ('D65', 6500), ('D75', 7500)]
    a = [daylight_weights(k * 1.4388 / 1.4380) for _, k in known]
    square = [[sum(r[i] * r[j] for r in a) for j in range(3)] for i in range(3)]
    columns = []
    for band in range(len(bands)):
        b = [sampled(lights[name])[band] for name, _ in known]
        columns.append(solve(square, [sum(a[k][i] * b[k] for k in range(4)) for i in range(3)]))
    return [[column[i] for column in columns] for i in range(3)]


def basis(patches):
    """Two directions in which the reflectances of real surfaces differ most, once each is divided
    by its mean: power iteration on the covariance."""
    rows = []
    for patch in patches:
        mean = sum(patch) / len(patch)
        rows.append([value / mean - 1 for value in patch])
    n, found = len(bands), []
    covariance = [[sum(row[i] * row[j] for row in rows) for j in range(n)] for i in range(n)]
    for start in range(2):
        v = [1.0 if i >= n * (start + 1) // 3 else -0.5 for i in range(n)]
        for _ in range(500):
            v = [sum(covariance[i][j] * v[j] for j in range(n)) for i in range(n)]
            for other in found:
                dot = sum(x * y for x, y in zip(v, other))
                v = [x - dot * y for x, y in zip(v, other)]
            length = sum(x * x for x in v) ** 0.5
            v = [x / length for x in v]
        found.append(v)
    return found


def white_kept(cmf, d65):
    """Scaled such that D65 has the white of IEC 61966-2-1 in spite of the coarse steps."""
    rows = [sampled(cmf[c]) for c in 'xyz']
    sums = [sum(a * b for a, b in zip(row, d65)) for row in rows]
    return [[value * sums[1] / sums[i] * white for value in rows[i]]
            for i, white in enumerate((0.95047, 1, 1.08883))]


def c_number(value):
    text = f'{value:.5g}' if abs(value) > 1e-9 else '0'
    return text + 'f' if '.' in text or 'e' in text else text


def c_row(values):
    return '{' + ', '.join(c_number(value) for value in values) + '},'


def c_array(declaration, rows):
    print(f'{declaration} = {{')
    for row in rows:
        print(c_row(row))
    print('};\n')


lights = table('illuminants_380_780_5.csv')
patches = table('colorchecker24_babelcolor_average_reflectance.csv')
cmf = table('cie1931_2deg_cmf_380_780_5.csv')
training = [sampled(p) for p in json_table('training_190_patches.json')]

print('''/* SPDX-License-Identifier: GPL-3.0-or-later AND Apache-2.0 AND BSD-3-Clause */
/* Written by scripts/spectra.py: 400 to 700 nm, every 10 nm.
 * Sensitivities of cameras, and the directions of surfaces' colours (from 190 training patches):
 * AcademySoftwareFoundation/rawtoaces-data, Apache-2.0 (LICENSES/Apache-2.0.txt); resampled.
 * Illuminants (CIE 15), colour-matching functions (CIE 1931, 2 degrees) and the reflectances of the
 * 24 ColorChecker patches (BabelColor's average): colour-science/colour 0.4.6, Copyright 2013
 * Colour Developers, BSD-3-Clause (LICENSES/BSD-3-Clause-colour.txt); resampled, X and Z
 * scaled by some per mille such that D65 keeps its white. */
#include "camera/sim/spectra.h"
''')
c_array('const float spectra_xyz[3][SPECTRA_BANDS]', white_kept(cmf, sampled(lights['D65'])))
c_array('const float spectra_patches[24][SPECTRA_BANDS]', [sampled(p) for p in patches.values()])
c_array('const float spectra_surfaces[2][SPECTRA_BANDS]', basis(training))
c_array('const float spectra_daylight[3][SPECTRA_BANDS]', daylight(lights))
print('/* clang-format off */\nconst struct spectra_sensor spectra_sensors[SPECTRA_SENSORS] = {')
for name, file in cameras:
    rows = scaled([sampled(c) for c in json_table(f'camera/{file}_380_780_5.json')])
    print(f'    {{"{name}", {{')
    for row in rows:
        values = c_row(row).split(', ')
        for i in range(0, len(values), 7):
            print('        ' + ', '.join(values[i:i + 7]) + (',' if i + 7 < len(values) else ''))
    print('    }},')
print('};\n\nconst struct spectra_lamp spectra_lamps[SPECTRA_LAMPS] = {')
for name in lamps:
    values = c_row(scaled([binned(lights[name])])[0]).split(', ')
    print(f'    {{"{name}",')
    for i in range(0, len(values), 7):
        print('        ' + ', '.join(values[i:i + 7]) + (',' if i + 7 < len(values) else ''))
    print('    },')
print('};\n/* clang-format on */')
