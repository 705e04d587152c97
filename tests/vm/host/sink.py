#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guest/sink.sh saw behind v4l2sink are pictures that were sent. Run: sink.py FOLDER BUILD"""
import os, sys

FRAME = 320 * 180 * 2


def frames(name):
    path = os.path.join(sys.argv[1], name)
    data = open(path, 'rb').read() if os.path.exists(path) else b''
    return [data[i:i + FRAME] for i in range(0, len(data), FRAME)]


if 'SKIP' not in open(os.path.join(sys.argv[1], 'log.txt')).read():
    sent, seen = frames('sent.yuyv'), frames('seen.yuyv')
    print('PASS' if len(sent) == 20 and all(len(f) == FRAME for f in sent) else 'FAIL', f'{len(sent)} of 20 pictures sent')
    good = len(seen) == 3 and all(f in sent and len(set(f)) > 16 for f in seen)
    print('PASS' if good else 'FAIL', f'{sum(f in sent for f in seen)} of 3 pictures behind v4l2sink are those that were sent')
