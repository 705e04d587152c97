#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred wrong command lines: exit 2, one sentence, nothing touched. Run: test_bad_use.py SOFTISP"""
import os, random

from harness import SOURCE, expect, main, one_sentence, run

VALUES = ['', '-1', '0x10', '1e999', 'nan', '1,2,3,4,5', 'x', '99999999999999999999', '1x', 'x1', '0x0', '-', '%s',
          'SRGGB11', '1;2', '4294967296', '\x01', 'é' * 50, 'a' * 5000]
DEVELOP = {'depth': ['8', '16'], 'wb': ['auto', 'camera'], 'exposure': ['1'], 'demosaic': ['mhc'], 'color': ['srgb'],
           'tone': ['linear'], 'lane': ['fast'], 'set': [], 'raw-format': ['SRGGB10P'], 'size': ['64x64'],
           'stride': ['64'], 'cfa': ['RGGB'], 'black': ['64'], 'white': ['1023'], 'threads': ['1'], 'isa': ['base']}
GOOD_ANYWAY = {('exposure', '-1')}


def develop_options(folder):
    raw = os.path.join(folder, 'in.dng')
    open(raw, 'wb').write(b'never read')
    out = os.path.join(folder, 'out.jpg')
    chosen = random.Random(2)
    lines = [(o, v) for o in DEVELOP for v in VALUES if (o, v) not in GOOD_ANYWAY and v not in DEVELOP[o]]
    chosen.shuffle(lines)
    for option, value in lines[:150]:
        if option == 'stride' and value.isdigit():
            continue
        code, _, err = run('develop', raw, '-o', out, f'--{option}', value)
        expect(code == 2, option, repr(value), code, err)
        one_sentence(err)
    expect(os.listdir(folder) == ['in.dng'], os.listdir(folder))


def whole_lines(folder):
    raw, out = os.path.join(folder, 'in.pgm'), os.path.join(folder, 'out.jpg')
    open(raw, 'wb').write(b'P5\n4 4\n255\n0123456789abcdef')
    lines = [
        [], ['nonsense'], ['--nonsense'], ['help', 'nonsense'], ['help', 'develop', 'x'], ['develop'], ['develop', raw],
        ['develop', '-o', out], ['develop', raw, '-o'], ['develop', raw, '-o', ''], ['develop', raw, '-o', 'x.gif'],
        ['develop', raw, '-o', 'x'], ['develop', raw, '-o', raw], ['develop', raw, raw, '-o', out],
        ['develop', raw, raw, '-o', folder], ['develop', raw, '-o', out, '--depth', '16'],
        ['develop', raw, '-o', out, '--unknown'], ['develop', raw, '-o', out, '-z'],
        ['develop', raw, '-o', out, '--knob', 'slots=2'], ['develop', raw, '-o', out, '--knob', 'slots'],
        ['develop', raw, '-o', out, '--knob', 'nonsense=1'], ['develop', raw, '-o', out, '--knob', 'lease=nan'],
        ['develop', raw, '-o', out, '--config', folder + '/none'], ['develop', raw, '-o', out, '--config', folder],
        ['develop', raw, '-o', out, '--config', raw], ['live', '--camera', 'sim', '--config', '/dev/zero'],
        ['live', '--camera', 'sim', '--knob', '=5'], ['info', '--json'], ['info', raw, '--knobs'],
        ['develop', raw, '-o', out, '--set', 'x'], ['develop', raw, '-o', out, '--set', 'nonsense=1'],
        ['develop', raw, '-o', out, '--set', 'saturation=99'], ['develop', raw, '-o', out, '--set', 'saturation=nan'],
        ['develop', raw, '-o', out, '--set', 'demosaic=0.5'], ['develop', raw, '-o', out, '--set', '=1'],
        ['develop', raw, '-o', out, '--size', '4x4'], ['develop', raw, '-o', out, '--stride', '8'],
        ['develop', raw, '-o', out, '--raw-format', 'SRGGB8'],
        ['develop', raw, '-o', out, '--raw-format', 'SRGGB8', '--size', '4x4', '--cfa', 'RGGB'],
        ['develop', raw, '-o', '-', '--json'], ['develop', raw, '-o', out, '--coefficients', 'none'],
        ['develop', raw, '-o', out, '--coefficients', 'none:1'], ['develop', raw, '-o', out, '--isa', 'neon'],
        ['live'], ['live', '--camera', 'x'], ['live', '--camera', 'sim:lamp=x'], ['live', '--camera', 'stdin'], ['live', '--camera', 'sim', 'x'],
        ['live', '--camera', 'sim', '--fps', '0'], ['live', '--camera', 'sim', '--fps', '1/0'],
        ['live', '--camera', 'sim', '--fps', '30/x'], ['live', '--camera', 'sim', '--frames', '0'],
        ['live', '--camera', 'sim', '--seconds', '-1'], ['live', '--camera', 'sim', '--seconds', 'inf'],
        ['live', '--camera', 'sim', '--frames', '1', '--seconds', '1'], ['live', '--camera', 'sim', '--size', '1x1'],
        ['live', '--camera', 'sim', '--size', '65535x65535'], ['live', '--camera', 'sim', '--preview', 'x.mp4'],
        ['live', '--camera', 'sim', '--preview', folder + '/none/'], ['live', '--camera', 'sim', '--preview-size', '4000x4000'],
        ['live', '--camera', 'sim', '--shutter', 'x'],
        ['live', '--camera', 'sim', '--frames', '5', '--shutter', '5'], ['live', '--camera', 'sim', '--burst', '1'],
        ['live', '--camera', 'sim', '--burst', '17'], ['live', '--camera', 'sim', '--still', 'x.gif'],
        ['live', '--camera', 'sim', '--overload', 'x'], ['live', '--camera', 'sim', '--overload', '1:0'],
        ['live', '--camera', 'sim', '--raw', folder + '/none'], ['live', '--camera', 'sim', '--black', '1'],
        ['live', '--camera', 'sim', '--json', '--preview', '-'], ['live', '--camera', 'sim', '--isa', 'v9'],
        ['live', '--camera', 'sim', '--threads', '65'], ['live', '--camera', 'sim', '--black', 'optical'], ['live', '--camera', 'sim', '--dark', 'top:2'],
        ['live', '--camera', 'v4l2:x', '--dark', 'up:2'], ['live', '--camera', 'v4l2:x', '--dark', 'top:3'],
        ['live', '--camera', 'stdin', '--raw-format', 'SRGGB8', '--size', '64x64', '--dark', 'left:34'], ['live', '--camera', 'sim', '--set', 'a=b'],
        ['live', '--camera', 'stdin', '--raw-format', 'SRGGB10', '--size', '64x64', '--stride', '10', '--frames', '1'],
        ['live', '--camera', 'v4l2:x,buffers=y'], ['live', '--camera', 'v4l2:x,memory=udmabuf'], ['live', '--camera', 'v4l2:x,'], ['live', '--camera', 'v4l2:'],
        ['live', '--camera', 'v4l2:x,buffers=dmabuf,memory=memfd'], ['live', '--camera', 'v4l2:x,buffers=userptr,memory=imported'],
        ['live', '--camera', 'v4l2:' + 'x' * 5000], ['live', '--camera', 'v4l2:x', '--stride', '8'],
        ['live', '--camera', 'v4l2:/dev/null', '--raw-format', 'SRGGB9'],
        ['info', 'a', 'b'], ['info', '--x'], ['info', raw, '--raw-format', 'SRGGB8'], ['info', raw, '--size', '4x4'],
        ['info', raw, '--raw-format', 'SRGGB8', '--size', '4x4', '--cfa', 'RGGB'], ['bench', 'x'], ['bench', '--threads', '0'],
        ['bench', '--isa', 'v9'], ['bench', '--filter', 'no-such-case'],
    ]
    for line in lines:
        code, _, err = run(*line, stdin=b'')
        expect(code == 2, line, code, err)
        one_sentence(err)
    expect(os.listdir(folder) == ['in.pgm'], os.listdir(folder))


def inputs_are_never_overwritten(folder):
    a, b, c = (os.path.join(folder, name) for name in ('a.pgm', 'b.png', 'c.pgm'))
    raw = b'P5\n4 4\n255\n0123456789abcdef'
    for path in a, b:
        open(path, 'wb').write(raw)
    os.symlink('a.pgm', c)
    pattern, out = os.path.join(folder, '%s.png'), os.path.join(folder, 'out.png')
    for line in ([a, '-o', out, '--telemetry', a], [a, '-o', out, '--telemetry', c], [a, '-o', out, '--telemetry', out],
                 [a, b, '-o', pattern], [os.path.join(folder, 'x/b.pgm'), b, '-o', pattern]):
        code, _, err = run('develop', *line, '--cfa', 'RGGB')
        expect(code == 2, line, code, err)
        one_sentence(err)
        expect(open(a, 'rb').read() == raw and open(b, 'rb').read() == raw, line)
    expect(sorted(os.listdir(folder)) == ['a.pgm', 'b.png', 'c.pgm'], os.listdir(folder))


def hostile_inputs(folder):
    """Not wrong use, but inputs that cannot be: exit 1 and one sentence."""
    out = os.path.join(folder, 'out.jpg')
    short = os.path.join(folder, 'short.raw')
    open(short, 'wb').write(b'x' * 100)
    pgms = {'head': b'P5\n', 'zero': b'P5\n0 0\n255\n', 'huge': b'P5\n999999 999999\n255\n', 'short': b'P5\n64 64\n255\nx',
            'max': b'P5\n4 4\n0\n' + b'x' * 16, 'ascii': b'P2\n4 4\n255\n1 2 3', 'empty': b''}
    cases = [[os.path.join(folder, 'none.dng')], [folder], ['/dev/null'],
             [short, '--raw-format', 'SRGGB10P', '--size', '64x64'],
             [short, '--raw-format', 'SRGGB10P', '--size', '65535x65535'],
             [short, '--raw-format', 'SRGGB16', '--size', '4x4', '--stride', '3'],
             [short, '--raw-format', 'SRGGB8', '--size', '1x1'],
             [short, '--raw-format', 'SRGGB8', '--size', '8x8', '--black', '300', '--white', '200']]
    for name, data in pgms.items():
        path = os.path.join(folder, name + '.pgm')
        open(path, 'wb').write(data)
        cases.append([path, '--cfa', 'RGGB'])
    for case in cases:
        code, _, err = run('develop', *case, '-o', out)
        expect(code == 1, case, code, err)
        one_sentence(err)
        expect(not os.path.exists(out), case)


def stages_that_stills_lack(folder):
    raw, out = os.path.join(folder, 'in.pgm'), os.path.join(folder, 'out.png')
    open(raw, 'wb').write(b'P5\n64 64\n255\n' + bytes(range(64)) * 64)
    for asked in 'denoise_luma=1', 'denoise_chroma=1', 'defect_correction=1', 'green_balance=0.05':
        code, _, err = run('develop', raw, '-o', out, '--cfa', 'RGGB', '--set', asked)
        expect(code == 1 and 'stills have no' in err and not os.path.exists(out), asked, code, err)
        one_sentence(err)
        code, _, err = run('develop', raw, '-o', out, '--cfa', 'RGGB', '--set', asked, '--lane', 'fast')
        expect(code == 0, asked, err)
        os.unlink(out)


main([develop_options, whole_lines, inputs_are_never_overwritten, hostile_inputs, stages_that_stills_lack])
