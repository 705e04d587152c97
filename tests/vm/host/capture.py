#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guest/capture.sh left: the raws are those of another program, nothing was copied, and each picture is
what this machine develops from the file of its raw. Run: capture.py FOLDER BUILD"""
import csv, glob, os, subprocess, sys, tempfile

folder, build = sys.argv[1:]
SOFTISP = os.path.join(build, 'cli', 'softisp')


def rows_of(path):
    return list(csv.DictReader(open(path)))


def developed(row, raw, name, records):
    """The record of the same frame, developed here from its file."""
    with tempfile.TemporaryDirectory() as scratch:
        again = os.path.join(scratch, 'again.csv')
        subprocess.run([SOFTISP, 'develop', raw, '-o', os.path.join(scratch, 'x.y4m'), '--raw-format', name,
                        '--size', '320x180', '--telemetry', again,
                        '--coefficients', f'{records}.params.jsonl:{row["param_hash"]}'], check=True)
        return rows_of(again)[0]


def check(run):
    """None, or what is wrong."""
    name = os.path.basename(run).split('-')[0]
    if open(f'{run}/code').read().strip() != '0':
        return open(f'{run}/stderr.txt').read().strip()
    truth = open(f'{folder}/{name}.raw', 'rb').read()
    raws = sorted(glob.glob(f'{run}/raw/*.raw'))
    rows = rows_of(f'{run}/t.csv')
    delivered = [r for r in rows if r['outcome'] == 'delivered']
    fast = [r for r in delivered if r['worker'] == 'FastISP']  # develop does not make the floor's pictures
    if not fast:
        return f'{len(rows)} rows, {len(delivered)} of them delivered; none but by the floor'
    kept = {int(os.path.basename(raw)[:-4]) for raw in raws}
    if not {int(r['sequence']) for r in delivered} <= kept <= {int(r['sequence']) for r in rows}:
        return f'raws {sorted(kept)} of {len(rows)} rows, {len(delivered)} of them delivered'
    if any(open(raw, 'rb').read() != truth for raw in raws):
        return 'a raw is not what another program captured'
    if any(r['zero_copy'] != 'true' or r['bytes_copied'] != '0' for r in delivered):
        return 'something was copied'
    if any(int(r['capture_ns']) > int(r['accepted_ns']) for r in rows):
        return 'a frame was captured after it was handed in'
    row = fast[-1]
    again = developed(row, f'{run}/raw/{int(row["sequence"]):06}.raw', name, f'{run}/t.csv')
    differ = [key for key in ('input_hash', 'param_hash', 'output_hash') if again[key] != row[key] or not row[key]]
    return f'developed from the file it is another picture: {differ}' if differ else None


runs = sorted(os.path.dirname(code) for code in glob.glob(f'{folder}/*/code'))
for run in runs:
    why = check(run)
    print('FAIL' if why else 'PASS', os.path.basename(run), why or '')
# The driver's stamps are in microseconds; what it stamps with a time to come has the time of handing it in.
stamps = sum(int(row['capture_ns']) % 1000 == 0 for run in runs for row in rows_of(f'{run}/t.csv'))
print('PASS' if stamps > 1 else 'FAIL', f'capture times by the driver: {stamps}')
# On the stock kernel: no dmabufs.
print('PASS' if len(runs) >= 9 else 'FAIL', f'{len(runs)} runs')
