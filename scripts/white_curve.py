#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a tuning file with the white balance curve of a camera whose spectral sensitivities are known:
   white_curve.py FOLDER CAMERA > FILE.yaml
FOLDER/camera is that of AcademySoftwareFoundation/rawtoaces-data, FOLDER/illuminants_380_780_5.csv exports the
table of colour-science/colour. Light is Planck's below 4000 K, CIE daylight above 5000 K, a mixture between."""
import csv, json, math, sys

folder, name = sys.argv[1:]


def planck(kelvin, nm):
    return (560 / nm) ** 5 * math.expm1(1.4387769e7 / (560 * kelvin)) / math.expm1(1.4387769e7 / (nm * kelvin))


def daylight_weights(kelvin):
    """CIE 15: of the second and third component of daylight."""
    t = 1000 / kelvin
    x = (0.244063 + t * (0.09911 + t * (2.9678 - t * 4.6070)) if kelvin <= 7000 else
         0.237040 + t * (0.24748 + t * (1.9018 - t * 2.0064)))
    y = -3 * x * x + 2.870 * x - 0.275
    m = 0.0241 + 0.2562 * x - 0.7341 * y
    return (-1.3515 - 1.7703 * x + 5.9114 * y) / m, (0.0300 - 31.4424 * x + 30.0717 * y) / m


def mixture(kelvin):
    """The weights of D50, D55 and D75 that make daylight of that temperature; they sum to 1."""
    corners = [daylight_weights(k * 1.4388 / 1.4380) for k in (5000, 5500, 7500)]
    (ax, ay), (bx, by), (cx, cy) = corners
    x, y = daylight_weights(kelvin)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
    c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
    return 1 - b - c, b, c


def light(kelvin, nm):
    day = min(1, max(0, (kelvin - 4000) / 1000))
    value = (1 - day) * planck(kelvin, nm)
    if day:
        weights = mixture(max(kelvin, 4000))
        value += day * sum(w * daylights[key][nm] for w, key in zip(weights, ('D50', 'D55', 'D75'))) / 100
    return value


with open(f'{folder}/illuminants_380_780_5.csv') as f:
    rows = list(csv.DictReader(f))
daylights = {key: {int(row['nm']): float(row[key]) for row in rows} for key in ('D50', 'D55', 'D75')}
with open(f'{folder}/camera/{name}_380_780_5.json') as f:
    camera = json.load(f)['spectral_data']['data']['main']

print('%YAML 1.1')
print(f'# The white balance curve of {name}, by scripts/white_curve.py from its measured spectral sensitivities')
print('# (AcademySoftwareFoundation/rawtoaces-data, Apache-2.0) and CIE daylight (colour-science/colour, BSD-3-Clause).')
print('---\nversion: 1\nalgorithms:\n  - Awb:\n      ct_curve: [')
for mired in range(420, 99, -20):
    kelvin = 1e6 / mired
    red, green, blue = (sum(light(kelvin, int(nm)) * s[c] for nm, s in camera.items()) for c in range(3))
    print(f'        {kelvin:.0f}, {red / green:.4f}, {blue / green:.4f}' + (',' if mired > 100 else ']'))
