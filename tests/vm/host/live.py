#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guest/live.sh left: however a run ended, each accepted frame has its one record, and each raw that was
kept is a frame's. Run: live.py FOLDER BUILD"""
import csv, glob, json, os, sys

folder = sys.argv[1]
for path in sorted(glob.glob(f'{folder}/*.csv')):
    name = os.path.basename(path).removesuffix('.csv')
    if name.endswith('.events') or name.startswith('kill-'):  # a killed run wrote what it wrote
        continue
    rows = list(csv.DictReader(open(path)))
    raws = {int(os.path.basename(raw)[:-4]) for raw in glob.glob(f'{folder}/{name}/*.raw')}
    good = len(rows) == len({r['frame_id'] for r in rows}) and all(r['outcome'] for r in rows)
    text = open(f'{folder}/{name}.json').read()  # nothing where the camera was refused
    good &= raws <= {int(r['sequence']) for r in rows} and len(raws) == (json.loads(text)['raws'] if text else 0)
    copied = [r for r in rows if r['outcome'] == 'delivered' and r['zero_copy'] != 'true']
    print('PASS' if good and not copied else 'FAIL', f'{name}: {len(raws)} raws, {len(rows)} records, {len(copied)} copied')
damaged = json.load(open(f'{folder}/damaged.json'))['damaged']
print('PASS' if damaged == 1 else 'FAIL', f'{damaged} of a stream\'s frames was damaged')
