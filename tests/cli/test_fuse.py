#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""softisp fuse as its users call it. Run: test_fuse.py SOFTISP"""
import glob, json, os, shutil, struct, subprocess

import numpy as np

from harness import Skip, expect, main, one_sentence, run

WIDTH, HEIGHT, BLACK, WHITE = 208, 144, 256, 4095
NOISE = (2e-3, 1e-4)
# The reference is in the middle of what it sees; the last frame is of something else.
MOTION = [(0, 0), (1.3, -0.6), (-2.4, 3.1), (5.7, 2.2), (-3.5, -6.25)]


def scene(x, y, seed):
    rng = np.random.default_rng(seed)
    v = np.full(x.shape, 0.3)
    for _ in range(24):
        period, angle, phase = rng.uniform(6, 60), rng.uniform(0, 6.3), rng.uniform(0, 6.3)
        v += 0.03 * np.sin(6.2831853 / period * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return np.clip(v, 0.02, 0.9)


def mosaic(dx, dy, seed=1):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    tint = np.array([[0.5, 1.0], [1.0, 0.7]])
    return scene(x - dx, y - dy, seed) * np.tile(tint, (HEIGHT // 2, WIDTH // 2))


def write(path, linear, shift=0, noise=NOISE):
    """With one draw of noise for each name, in 12 bits, or in those shifted up."""
    rng = np.random.default_rng(sum(os.path.basename(path).encode()))
    noisy = linear + rng.standard_normal(linear.shape) * np.sqrt(noise[0] * linear + noise[1])
    codes = np.clip(np.rint(BLACK + noisy * (WHITE - BLACK)), 0, WHITE).astype(int) << shift
    with open(path, 'wb') as f:
        f.write(b'P5\n%d %d\n65535\n' % (WIDTH, HEIGHT) + codes.astype('>u2').tobytes())
    return path


def read(path, black=BLACK, white=WHITE):
    magic, size, maxval, rest = open(path, 'rb').read().split(b'\n', 3)
    expect(magic == b'P5' and maxval == b'65535', (magic, maxval))
    w, h = map(int, size.split())
    return (np.frombuffer(rest, '>u2').reshape(h, w).astype(float) - black) / (white - black)


def burst(folder, shift=0):
    return [write(os.path.join(folder, 'f%d.pgm' % i), mosaic(*m), shift)
            for i, m in enumerate(MOTION)]


def options(shift=0, noise=NOISE):
    return ['--cfa', 'RGGB', '--black', BLACK << shift, '--white', WHITE << shift,
            '--noise', '%g,%g' % noise]


def fuse(frames, out, *more, shift=0, noise=NOISE):
    code, text, err = run('fuse', *frames, '-o', out, *options(shift, noise), *more)
    expect(code == 0, err)
    return text.decode()


def error(path, truth):
    inner = np.s_[16:-16, 16:-16]
    return float(((read(path) - truth)[inner] ** 2).mean())


def noise_is_taken_away(folder):
    frames, out = burst(folder), os.path.join(folder, 'out.pgm')
    flow = os.path.join(folder, 'flow.csv')
    report = json.loads(fuse(frames, out, '--flow', flow, '--json'))
    gain = 10 * np.log10(error(frames[0], mosaic(0, 0)) / error(out, mosaic(0, 0)))
    expect(gain > 6, 'only %.2f dB of %.2f' % (gain, 10 * np.log10(len(frames))))
    for frame, motion in zip(report['frames'], MOTION):
        expect(np.hypot(*(np.array(frame['motion']) - motion)) < 0.2, (frame, motion))
        expect(frame['fate'] == ('used' if any(motion) else 'reference'), frame)
    expect(4 < report['effective_frames'] <= 5.01, report)
    rows = np.loadtxt(flow, delimiter=',')
    expect(len(rows) == 4 * (WIDTH // 16) * (HEIGHT // 16), len(rows))
    off = [np.hypot(dx - MOTION[int(k)][0], dy - MOTION[int(k)][1]) for k, _, _, dx, dy in rows]
    expect(np.median(off) < 0.1 and np.percentile(off, 90) < 0.4, np.percentile(off, [50, 90]))


def unknown_noise_is_estimated(folder):
    frames, out = burst(folder), os.path.join(folder, 'out.dng')
    stated = json.loads(fuse(frames, out, '--json'))
    expect(stated['noise_error'] == 0 and stated['noise_confidence'] == 1, stated)
    code, text, err = run('fuse', *frames, '-o', out, *options()[:-2], '--json')
    expect(code == 0, err)
    j = json.loads(text)
    for level in 0.1, 0.3:
        ratio = (j['noise'][0] * level + j['noise'][1]) / (NOISE[0] * level + NOISE[1])
        expect(0.8 < ratio < 1.2, (level, ratio))
    expect(0 < j['noise_error'] < 0.2 and 0.5 < j['noise_confidence'] <= 1, j)
    told = read_dng(out)[1][51041]
    expect(0 < told[0] < j['noise'][0] / 2, (told, j['noise']))
    ramp = write(os.path.join(folder, 'ramp.pgm'), np.tile(np.linspace(0.02, 0.85, WIDTH), (HEIGHT, 1)))
    code, text, err = run('develop', ramp, '-o', os.path.join(folder, 'o.ppm'), *options()[:-2], '--json')
    expect(code == 0, err)
    j = json.loads(text)
    ratio = (j['noise'][0] * 0.3 + j['noise'][1]) / (NOISE[0] * 0.3 + NOISE[1])
    expect(0.8 < ratio < 1.2 and j['noise_source'] == 'auto' and 0 < j['noise_confidence'] <= 1, (ratio, j))


def the_spatial_stage_takes_more(folder):
    frames, out = burst(folder), os.path.join(folder, 'out.pgm')
    errors = []
    for more in [], ['--spatial'], ['--spatial', '--set', 'denoise=0']:
        fuse(frames, out, *more)
        errors.append(error(out, mosaic(0, 0)))
    expect(errors[1] < errors[0] / 1.25, errors)
    expect(errors[2] == errors[0], errors)
    dng = os.path.join(folder, 'out.dng')
    fuse(frames, dng, '--spatial')
    expect(51041 not in read_dng(dng)[1], 'states a noise that nobody knows')


def shadows_are_true_where_noise_is_cut_off(folder):
    """Black lies half a sigma above code 0: means of samples are too bright."""
    noise, out, light = (2e-2, 1.77e-2), os.path.join(folder, 'out.pgm'), 0.02
    frames = [write(os.path.join(folder, 'd%d.pgm' % i), np.full((HEIGHT, WIDTH), light), noise=noise) for i in range(5)]
    sigma = np.sqrt(noise[0] * light + noise[1])
    off = [(read(frames[0]).mean() - light) / sigma]
    for more in [], ['--spatial']:
        fuse(frames, out, *more, noise=noise)
        off.append((read(out).mean() - light) / sigma)
    expect(off[0] > 0.1 and max(np.abs(off[1:])) < 0.05, off)


def the_same_bits(folder):
    frames = burst(folder)
    made = set()
    for i, more in enumerate((['--threads', 1], ['--threads', 2], ['--isa', 'base'])):
        out = os.path.join(folder, 'same%d.pgm' % i)
        fuse(frames, out, *more)
        made.add(open(out, 'rb').read())
    expect(len(made) == 1, 'threads or levels change the picture')


def depth_of_the_file_changes_nothing(folder):
    a, b = os.path.join(folder, 'a.pgm'), os.path.join(folder, 'b.pgm')
    fuse(burst(folder), a)
    fuse(burst(folder, 4), b, shift=4)
    worst = np.abs(read(a) - read(b, BLACK << 4, WHITE << 4)).max() * (WHITE - BLACK)
    expect(worst <= 0.6, 'codes of 12 bits differ by %.2f' % worst)


def another_scene_is_left_out(folder):
    frames, out = burst(folder), os.path.join(folder, 'out.pgm')
    frames.insert(2, write(os.path.join(folder, 'other.pgm'), mosaic(0, 0, 9)))
    text = fuse(frames, out)
    expect('other.pgm: left out: it looks like another scene' in text, text)
    gain = 10 * np.log10(error(frames[0], mosaic(0, 0)) / error(out, mosaic(0, 0)))
    expect(gain > 6, '%.2f dB' % gain)


def copies_tell_nothing(folder):
    frames, out, again = burst(folder), os.path.join(folder, 'out.pgm'), os.path.join(folder, 'again.pgm')
    last = fuse(frames, out).splitlines()[-1].replace('out.pgm', '')
    text = fuse(frames[:2] + frames[1:4] + frames[3:], again).splitlines()
    expect([line.endswith('left out: its samples are those of another frame') for line in text].count(True) == 2, text)
    expect(text[-1].replace('again.pgm', '') == last.replace(f'of {len(frames)},', f'of {len(frames) + 2},'), (text[-1], last))
    expect(open(out, 'rb').read() == open(again, 'rb').read(), 'copies change the picture')


def write_dng(path, pgm, exposure_s, margin=3, black=BLACK, down=0):
    """The PGM's frame with noise around it, and all that is told as options of a PGM; codes and levels lower by so many."""
    codes = np.frombuffer(open(pgm, 'rb').read()[-WIDTH * HEIGHT * 2:], '>u2').reshape(HEIGHT, WIDTH)
    w, h = WIDTH + 2 * margin, HEIGHT + 2 * margin
    whole = np.random.default_rng(3).integers(0, WHITE, (h, w)).astype('<u2')
    whole[margin:margin + HEIGHT, margin:margin + WIDTH] = codes - np.minimum(codes, down)
    tags = ((254, 'I', 0), (256, 'I', w), (257, 'I', h), (258, 'H', 16), (259, 'H', 1), (262, 'H', 32803),
            (273, 'I', 8), (277, 'H', 1), (278, 'I', h), (279, 'I', w * h * 2), (33421, 'HH', 2, 2),
            (33422, 'BBBB', 0, 1, 1, 2), (33434, 'II', int(exposure_s * 1000000), 1000000), (50706, 'BBBB', 1, 4, 0, 0),
            (50714, 'H', black - down), (50717, 'I', WHITE - down), (50829, 'IIII', margin, margin, h - margin, w - margin),
            (51041, 'dd', *NOISE))
    numbers = {'I': 4, 'H': 3, 'HH': 3, 'BBBB': 1, 'II': 5, 'IIII': 4, 'dd': 12}
    body = b'II*\0' + struct.pack('<I', 8 + w * h * 2) + whole.tobytes()
    ifd, tail = struct.pack('<H', len(tags)), b''
    for tag, kind, *values in tags:
        packed = struct.pack('<' + kind, *values)
        if len(packed) > 4:
            where = len(body) + 2 + 12 * len(tags) + 4 + len(tail)
            tail, packed = tail + packed, struct.pack('<I', where)
        count = 1 if kind == 'II' else len(values)
        ifd += struct.pack('<HHI', tag, numbers[kind], count) + packed.ljust(4, b'\0')
    with open(path, 'wb') as f:
        f.write(body + ifd + b'\0\0\0\0' + tail)
    return path


def read_dng(path):
    """Tags of its pictures and its samples; the little endian subset that is written."""
    b = open(path, 'rb').read()
    kinds = {1: 'B', 2: 's', 3: 'H', 4: 'I', 5: 'II', 7: 'B', 10: 'ii', 12: 'd', 13: 'I'}

    def value(entry):
        tag, kind, count, word = struct.unpack_from('<HHII', b, entry)
        size = struct.calcsize('<' + kinds[kind]) * count
        at = word if size > 4 else entry + 8
        got = struct.unpack_from('<' + kinds[kind] * count, b, at)
        return tag, [p / q for p, q in zip(got[::2], got[1::2])] if kind in (5, 10) else list(got)

    def directory(at):
        return dict(value(at + 2 + 12 * i) for i in range(struct.unpack_from('<H', b, at)[0]))

    main_tags = directory(struct.unpack_from('<I', b, 4)[0])
    raw = directory(main_tags[330][0])
    w, h = raw[256][0], raw[257][0]
    codes = np.frombuffer(b, '<u2', w * h, raw[273][0]).reshape(h, w)
    return main_tags, raw, (codes.astype(float) - raw[50714][0]) / (raw[50717][0] - raw[50714][0])


def a_dng_holds_the_same_samples_and_their_noise(folder):
    frames = burst(folder)
    dng, pgm = os.path.join(folder, 'out.dng'), os.path.join(folder, 'out.pgm')
    fuse(frames, pgm)
    fuse(frames, dng)
    tags, raw, linear = read_dng(dng)
    expect(np.abs(linear - read(pgm)).max() * (WHITE - BLACK) < 0.51, 'unlike the PGM')
    expect(raw[33422] == [0, 1, 1, 2] and raw[51041][0] < NOISE[0], raw)
    expect(all(t in tags for t in (50706, 50708, 50721, 50728, 50778)), sorted(tags))
    code, text, err = run('info', dng)
    expect(code == 0 and b'RGGB' in text and b'4096' in text, text, err)


def a_dng_tells_the_noise_that_is_there(folder):
    ramp = np.tile(np.linspace(0.02, 0.85, WIDTH), (HEIGHT, 1))
    frames = [write(os.path.join(folder, 'r%d.pgm' % i), ramp) for i in range(6)]
    out = os.path.join(folder, 'ramp.dng')
    fuse(frames, out)
    _, raw, linear = read_dng(out)
    for part in (np.s_[16:-16, 16:WIDTH // 2], np.s_[16:-16, WIDTH // 2:-16]):
        found = ((linear - ramp)[part] ** 2).mean()
        told = raw[51041][0] * ramp[part].mean() + raw[51041][1]
        expect(0.85 < found / told < 1.15, found, told)


def others_read_the_dng(folder):
    if not shutil.which('dcraw'):
        raise Skip('no dcraw')
    out = os.path.join(folder, 'out.dng')
    fuse(burst(folder), out)
    theirs = subprocess.run(['dcraw', '-D', '-4', '-c', out], capture_output=True, check=True).stdout
    codes = np.frombuffer(theirs[-WIDTH * HEIGHT * 2:], '>u2').reshape(HEIGHT, WIDTH)
    expect(np.abs((codes - 4096.0) / 61439 - read_dng(out)[2]).max() < 1e-9, 'dcraw reads other samples')


def a_dng_developed_is_the_burst_developed(folder):
    # Bursts are always denoised, quiet single frames are not: that is not what is compared here.
    frames, looks = burst(folder), ['--set', 'wb_mode=2', '--set', 'wb_red=2', '--set', 'wb_blue=1.5', '--set', 'denoise=0']
    dng, direct, again = (os.path.join(folder, n) for n in ('out.dng', 'direct.ppm', 'again.ppm'))
    fuse(frames, dng, *looks)
    fuse(frames, direct, *looks)
    code, _, err = run('develop', dng, '-o', again, *looks)
    expect(code == 0, err)
    a, b = (np.frombuffer(open(p, 'rb').read()[-WIDTH * HEIGHT * 3:], np.uint8).astype(int) for p in (direct, again))
    expect(np.abs(a - b).mean() < 1 and np.abs(a - b).max() < 8, np.abs(a - b).mean(), np.abs(a - b).max())


def a_single_raw_becomes_a_dng(folder):
    frame, out = write(os.path.join(folder, 'f.pgm'), mosaic(0, 0)), os.path.join(folder, 'f.dng')
    told = ['--cfa', 'RGGB', '--black', BLACK, '--white', WHITE]
    look = ['--set', 'wb_mode=2', '--set', 'wb_red=2', '--set', 'wb_blue=1.5', '--set', 'color=1']
    code, _, err = run('develop', frame, '-o', out, *told, '--orientation', 'rotate-180')
    expect(code == 0, err)
    tags, _, linear = read_dng(out)
    expect(np.abs(linear - read(frame)).max() < 1e-9 and tags[274] == [3], 'other samples', tags[274])
    pictures = [run('develop', *at, '-o', '-', *look) for at in ([frame, *told, '--orientation', 'rotate-180'], [out])]
    expect(pictures[0][1] == pictures[1][1] and len(pictures[0][1]) > WIDTH * HEIGHT * 3, 'developed, it looks otherwise')
    code, _, err = run('develop', frame, '-o', os.path.join(folder, 'x.dng'), '--lane', 'fast', *told)
    expect(code == 2, code)
    one_sentence(err)


def dng_inputs_are_what_they_say(folder):
    """Levels, noise and an odd crop of the files themselves."""
    frames = burst(folder)[:3]
    dngs = [write_dng(f[:-4] + '.dng', f, 0.01) for f in frames]
    a, b = os.path.join(folder, 'a.pgm'), os.path.join(folder, 'b.pgm')
    fuse(frames, a)
    code, _, err = run('fuse', *dngs, '-o', b)
    expect(code == 0, err)
    expect(open(a, 'rb').read() == open(b, 'rb').read(), 'a DNG makes another raw than its PGM')
    write_dng(dngs[1], frames[1], 0.01, down=37)
    code, _, err = run('fuse', *dngs, '-o', b)
    expect(code == 0, err)
    expect(open(a, 'rb').read() == open(b, 'rb').read(), 'levels of a frame are not its own')


TIMES = [1, 0.25, 4, 1]


def bracket(folder):
    """Five stops across, and brighter than the first and the third can show at the right."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)

    def light(dx, dy):
        return mosaic(dx, dy) * np.exp2(5 * np.clip((x - dx) / WIDTH, 0, 1) - 2)

    frames = [write(os.path.join(folder, 'x%d.pgm' % i), light(*m) * t)
              for i, (m, t) in enumerate(zip(MOTION, TIMES))]
    return frames, light(*MOTION[1]) * TIMES[1]


def a_bracket_has_highlights_and_clear_shadows(folder):
    frames, truth = bracket(folder)
    out, again = os.path.join(folder, 'out.dng'), os.path.join(folder, 'again.dng')
    report = json.loads(fuse(frames, out, '--exposures', ','.join('%g' % (t / 50) for t in TIMES), '--json'))
    expect([f['fate'] for f in report['frames']] == ['used', 'reference', 'used', 'used'], report)
    for frame, time in zip(report['frames'], TIMES):
        expect(abs(frame['gain'] * time / 0.25 - 1) < 0.05, frame)
    tags, _, linear = read_dng(out)
    expect(abs(tags[50730][0] - 2) < 1e-3, tags[50730])
    inner = np.zeros(truth.shape, bool)
    inner[16:-16, 16:-16] = True
    dark, bright = inner & (truth < 0.02), inner & (truth > 0.28)
    expect(dark.sum() > 2000 and bright.sum() > 1500, dark.sum(), bright.sum())
    gain = 10 * np.log10((read(frames[1]) - truth)[dark].var() / (linear - truth)[dark].var())
    expect(gain > 15, 'only %.1f dB in the shadows' % gain)
    for row, column in ((0, 0), (0, 1), (1, 1)):
        site = np.zeros(truth.shape, bool)
        site[row::2, column::2] = True
        for part in (bright & site, inner & site & (truth > 0.18) & (truth <= 0.28)):
            ratio = linear[part].mean() / truth[part].mean()
            expect(abs(ratio - 1) < 0.02, row, column, ratio)
    dngs = [write_dng(f[:-4] + '.dng', f, t / 50) for f, t in zip(frames, TIMES)]
    code, _, err = run('fuse', *dngs, '-o', again)
    expect(code == 0 and (read_dng(again)[2] == linear).all(), 'exposures of files are not theirs', err)


def a_bracket_tells_black(folder):
    frames, truth = bracket(folder)
    out, pgm = os.path.join(folder, 'out.dng'), os.path.join(folder, 'out.pgm')
    dngs = [write_dng(f[:-4] + '.dng', f, t / 50, black=BLACK - 40) for f, t in zip(frames, TIMES)]
    code, text, err = run('fuse', *dngs, '-o', out, '--json')
    expect(code == 0, err)
    found = json.loads(text)['black']
    expect(found['used'] and abs(found['value'] - 40) < 3 * found['error'] < 15, found)
    dark = np.zeros(truth.shape, bool)
    dark[16:-16, 16:-16] = truth[16:-16, 16:-16] < 0.02
    off = (read_dng(out)[2] - truth)[dark].mean() * (WHITE - BLACK)
    expect(abs(off) < 5, off)
    code, _, err = run('fuse', *dngs, '-o', pgm) # in the input's scale, whatever its black is
    expect(code == 0, err)
    off = (read(pgm) - truth)[dark].mean() * (WHITE - BLACK)
    expect(abs(off) < 5, off)
    report = json.loads(fuse(frames[:1] + frames[3:], out, '--json')) # alike: nothing is known
    expect(report['black'] is None, report)


def pictures_are_written(folder):
    frames = burst(folder)
    for name, magic in (('o.jpg', b'\xff\xd8'), ('o.png', b'\x89PNG'), ('o.ppm', b'P6'), ('o.DNG', b'II*')):
        out = os.path.join(folder, name)
        fuse(frames, out)
        expect(open(out, 'rb').read(len(magic)) == magic, name)
    for look, has_profile in ([], True), (['--set', 'color=1'], False), (['--set', 'tone=1'], False):
        fuse(frames, out := os.path.join(folder, 'p.png'), *look)
        expect((b'iCCP' in open(out, 'rb').read()) == has_profile, look)


def wrong_use_is_one_sentence(folder):
    frames, out = burst(folder), os.path.join(folder, 'never.pgm')
    small = os.path.join(folder, 'small.pgm')
    with open(small, 'wb') as f:
        f.write(b'P5\n64 48\n65535\n' + bytes(64 * 48 * 2))
    broken = os.path.join(folder, 'broken.pgm')
    with open(broken, 'wb') as f:
        f.write(open(frames[1], 'rb').read()[:5000])
    for inputs, more, wanted in (
            (frames[:1], ['-o', out], 2), (frames * 4, ['-o', out], 2), (frames, [], 2),
            (frames, ['-o', os.path.join(folder, 'never.gif')], 2),
            (frames, ['-o', out, '--noise', '1'], 2), (frames, ['-o', out, '--noise', '-1,0'], 2),
            (frames, ['-o', os.path.join(folder, 'never.jpg'), '--depth', 16], 2),
            (frames, ['-o', frames[2]], 2), (frames, ['-o', out, '--flow', frames[0]], 2),
            (frames, ['-o', out, '--isa', 'z80'], 2), (frames, ['-o', out, '--exposures', '1,2'], 2),
            (frames, ['-o', out, '--flow', out], 2), (frames, ['-o', out, '--exposures', '1,1,1,1,200'], 2),
            (frames, ['-o', out, '--exposures', '1,1,1,1,0'], 2), (frames, ['-o', out, '--exposures', 'x'], 2), ([frames[0], small], ['-o', out], 1),
            ([frames[0], broken], ['-o', out], 1), ([frames[0], '/nonexistent'], ['-o', out], 1),
            (frames, ['-o', '/nonexistent/x.pgm'], 3), (frames, ['-o', '/nonexistent/x.dng'], 3), (frames, ['-o', out, '--flow', '/'], 3),
            (frames, ['-o', out, '--flow', '/dev/full'], 3)):
        code, _, err = run('fuse', *inputs, *more, '--cfa', 'RGGB', '--black', BLACK, '--white', WHITE)
        expect(code == wanted, (more, code, err))
        one_sentence(err)
        if wanted != 3:
            expect(not glob.glob(os.path.join(folder, '*never*')), os.listdir(folder))


main([noise_is_taken_away, the_spatial_stage_takes_more, shadows_are_true_where_noise_is_cut_off, unknown_noise_is_estimated, the_same_bits, depth_of_the_file_changes_nothing,
      another_scene_is_left_out, copies_tell_nothing, a_dng_holds_the_same_samples_and_their_noise,
      a_dng_tells_the_noise_that_is_there, others_read_the_dng, a_dng_developed_is_the_burst_developed,
      a_single_raw_becomes_a_dng, dng_inputs_are_what_they_say, a_bracket_has_highlights_and_clear_shadows, a_bracket_tells_black, pictures_are_written, wrong_use_is_one_sentence])
