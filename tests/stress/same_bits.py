#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers as threads and as processes make the same bits: a real raw file, and a live session's previews.
Run: same_bits.py SOFTISP SOURCE."""
import csv, lzma, os, shutil, subprocess, sys, tempfile

SOFTISP, SOURCE = sys.argv[1], sys.argv[2]
problems = []


def run(*args):
    done = subprocess.run([SOFTISP, *map(str, args)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(done.stderr)


def hashes(table):
    rows = list(csv.DictReader(open(table)))
    return {r['sequence']: r['output_hash'] for r in rows if r['outcome'] == 'delivered'}, \
        any(r['fallback_used'] == 'true' for r in rows)


def develop(folder, raw, isolation):
    out = f'{folder}/{isolation}'
    run('develop', raw, '-o', out + '.ppm', '--knob', f'isolation={isolation}', '--telemetry', out + '.csv')
    return open(out + '.ppm', 'rb').read(), hashes(out + '.csv')[0]


def live(folder, isolation):
    table = f'{folder}/live-{isolation}.csv'
    run('live', '--camera', 'sim', '--size', '640x480', '--fps', 5, '--frames', 12, '--knob', f'isolation={isolation}',
        '--telemetry', table)
    return hashes(table)


folder = tempfile.mkdtemp(prefix='softisp-same-')
try:
    raw = f'{folder}/hero6.dng'
    with lzma.open(f'{SOURCE}/data/hero6.dng.xz') as packed, open(raw, 'wb') as file:
        shutil.copyfileobj(packed, file)
    for path in raw, f'{SOURCE}/tests/camera/tiny.dng':
        if develop(folder, path, 'thread') != develop(folder, path, 'process'):
            problems.append(f'{os.path.basename(path)}: other bits')
    (by_thread, fell), (by_process, fell_too) = live(folder, 'thread'), live(folder, 'process')
    if fell or fell_too:
        print('SKIPPED live previews: this machine was late for 5 frames a second')
    elif by_thread != by_process or len(by_thread) != 12:
        problems.append(f'live previews: {by_thread} and {by_process}')
finally:
    shutil.rmtree(folder, ignore_errors=True)
for p in problems:
    print('FAILED', p)
print(f'{0 if problems else 1} passed, {1 if problems else 0} failed')
sys.exit(1 if problems else 0)
