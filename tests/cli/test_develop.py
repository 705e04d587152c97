#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""softisp develop as its users call it. Run: test_develop.py SOFTISP"""
import json, lzma, os, signal, subprocess, time

import numpy as np
from PIL import Image

import harness
from harness import SANITIZED, SOFTISP, SOURCE, Skip, expect, main, one_sentence, run, shared

LINEAR = ['--color', 'camera', '--tone', 'linear', '--wb', '1,1']


def write_pgm(path, samples, maxval):
    with open(path, 'wb') as f:
        f.write(b'P5\n%d %d\n%d\n' % (samples.shape[1], samples.shape[0], maxval))
        f.write(samples.astype('>u2' if maxval > 255 else 'u1').tobytes())


def read_ppm(path):
    data = open(path, 'rb').read()
    magic, size, maxval, rest = data.split(b'\n', 3)
    w, h = map(int, size.split())
    expect(magic == b'P6', magic)
    return np.frombuffer(rest, '>u2' if int(maxval) > 255 else 'u1').reshape(h, w, 3).astype(int)


def mosaic(rgb):
    m = rgb[:, :, 1].copy()
    m[0::2, 0::2] = rgb[0::2, 0::2, 0]
    m[1::2, 1::2] = rgb[1::2, 1::2, 2]
    return m


def ramp(folder, name='ramp.pgm'):
    path = os.path.join(folder, name)
    y, x = np.mgrid[0:60, 0:80]
    write_pgm(path, (x * 700 + y * 90) % 60000, 65535)
    return path


def unpack(relative, folder):
    """A shared .xz file, unpacked."""
    path = shared(relative)
    if not path.endswith('.xz'):
        return path
    out = os.path.join(folder, os.path.basename(path)[:-3])
    with lzma.open(path) as f, open(out, 'wb') as o:
        o.write(f.read())
    return out


def flat_picture_is_exact(folder):
    path = os.path.join(folder, 'flat.pgm')
    rgb = np.empty((40, 60, 3), int)
    rgb[:] = 60000, 20000, 300
    write_pgm(path, mosaic(rgb), 65535)
    out = os.path.join(folder, 'o.ppm')
    code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB', '--depth', 16, *LINEAR)
    expect(code == 0, err)
    expect((abs(read_ppm(out) - rgb) <= 1).all(), read_ppm(out)[20, 20])


def all_depths_and_writers_agree(folder):
    path = ramp(folder)
    pictures = []
    for name in 'a.ppm', 'a.png', 'a.tiff':
        out = os.path.join(folder, name)
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB')
        expect(code == 0, err)
        pictures.append(np.asarray(Image.open(out).convert('RGB')))
    expect((pictures[0] == pictures[1]).all() and (pictures[0] == pictures[2]).all())
    out = os.path.join(folder, 'a.jpg')
    expect(run('develop', path, '-o', out, '--cfa', 'RGGB')[0] == 0)
    jpeg = Image.open(out)
    expect(jpeg.info.get('icc_profile'), 'no ICC profile in the JPEG')
    expect(np.mean((np.asarray(jpeg).astype(float) - pictures[0]) ** 2) < 60)


def cpsnr(folder, names, method='mhc'):
    if SANITIZED:
        raise Skip("a figure of the release build")
    figures = []
    for name in names:
        rgb = np.asarray(Image.open(shared(name)).convert('RGB')).astype(int)
        path, out = os.path.join(folder, 'm.pgm'), os.path.join(folder, 'm.ppm')
        write_pgm(path, mosaic(rgb), 255)
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB', '--demosaic', method, *LINEAR)
        expect(code == 0, err)
        d = (read_ppm(out) - rgb)[10:-10, 10:-10]
        figures.append(10 * np.log10(255 ** 2 / np.mean(d.astype(float) ** 2)))
    return float(np.mean(figures))


def malvar_on_kodak(folder):
    figure = cpsnr(folder, [f'kodak/kodim{i:02}.png' for i in range(1, 13)])
    print(f'Malvar-He-Cutler, Kodak 01-12, border 10: {figure:.3f} dB')
    expect(abs(figure - 36.22) <= 0.05, figure)


def malvar_on_mcmaster(folder):
    figure = cpsnr(folder, [f'mcmaster/mcm{i:02}.png' for i in range(1, 18, 2)])
    print(f'Malvar-He-Cutler, McMaster odd, border 10: {figure:.3f} dB')
    expect(abs(figure - 34.05) <= 0.05, figure)


def bilinear_on_kodak(folder):
    figure = cpsnr(folder, [f'kodak/kodim{i:02}.png' for i in range(1, 13)], 'bilinear')
    expect(abs(figure - 30.60) <= 0.05, figure)


def best_on_kodak_and_mcmaster(folder):
    """Issue 6 asks for 40.0 and 35.8."""
    kodak = cpsnr(folder, [f'kodak/kodim{i:02}.png' for i in range(1, 13)], 'best')
    mcmaster = cpsnr(folder, [f'mcmaster/mcm{i:02}.png' for i in range(1, 18, 2)], 'best')
    print(f'best demosaic, border 10: Kodak 01-12 {kodak:.3f} dB, McMaster odd {mcmaster:.3f} dB')
    expect(kodak >= 41.0 and mcmaster >= 36.2, kodak, mcmaster)


def lanes_agree_on_a_short_span(folder):
    """Few codes between black and white ask for large gains, which the integers of the fast lane must hold."""
    raw = os.path.join(folder, 'short.raw')
    y, x = np.mgrid[0:40, 0:120]
    for black, white in (0, 25), (230, 255), (0, 255):
        (black + x * (white - black) // 119).astype('u1').tofile(raw)
        pictures = []
        for lane in 'background', 'fast':
            out = os.path.join(folder, lane + '.ppm')
            code, _, err = run('develop', raw, '-o', out, '--raw-format', 'SRGGB8', '--size', '120x40', '--lane', lane,
                               '--black', black, '--white', white, '--color', 'camera', '--tone', 'linear', '--wb', '2,1.8', '--demosaic', 'mhc')
            expect(code == 0, err)
            pictures.append(read_ppm(out))
        expect(abs(pictures[0] - pictures[1]).max() <= 1, black, white, abs(pictures[0] - pictures[1]).max())
        expect(pictures[1].max() == 255)


def ipu3(rows):
    """25 samples of 10 bits in 32 bytes, the first in the lowest bits."""
    out = b''
    for row in rows:
        for x in range(0, len(row), 25):
            out += sum(int(v) << 10 * i for i, v in enumerate(row[x:x + 25])).to_bytes(32, 'little')
    return out


def ipu3_and_monochrome_are_read(folder):
    """One scene, odd in size: packed and unpacked give the same picture, and monochrome gives itself, in both lanes."""
    width, height = 77, 31
    y, x = np.mgrid[0:height, 0:width]
    grey = (x * 13 + y * 7 + 200 * ((x + y) % 2)) % 1024 & ~3
    words = grey.astype('<u2').tobytes()
    packed = ipu3(grey)
    pictures = {}
    for name, data in ('SGRBG10', words), ('IPU3_SGRBG10', packed), ('Y10', words), ('IPU3_Y10', packed):
        for lane in 'background', 'fast':
            raw, out = os.path.join(folder, name), os.path.join(folder, 'o.ppm')
            open(raw, 'wb').write(data)
            code, _, err = run('develop', raw, '-o', out, '--raw-format', name, '--size', f'{width}x{height}', '--lane', lane,
                               '--color', 'camera', '--tone', 'linear', '--wb', '1.7,1.3')
            expect(code == 0, err)
            pictures[name, lane] = read_ppm(out)
    for lane in 'background', 'fast':
        expect((pictures['SGRBG10', lane] == pictures['IPU3_SGRBG10', lane]).all(), lane)
        expect((pictures['Y10', lane] == pictures['IPU3_Y10', lane]).all(), lane)
        expect(abs(pictures['Y10', lane] - (grey * 255 / 1023)[:, :, None]).max() <= 0.75, lane)


def gopro_hero6(folder):
    dng = os.path.join(folder, 'hero6.dng')
    with lzma.open(os.path.join(SOURCE, 'data/hero6.dng.xz')) as f, open(dng, 'wb') as o:
        o.write(f.read())
    out = os.path.join(folder, 'hero6.jpg')
    code, text, err = run('develop', dng, '-o', out, '--json')
    expect(code == 0, err)
    j = json.loads(text)
    keys = ('input output ok error width height crop cfa cfa_warning black black_source optical_black white noise noise_source noise_confidence wb_gains wb_source wb_confidence cct ccm '
            'exposure_ev isa threads input_hash param_hash output_hash ns_total').split()
    expect(sorted(j) == sorted(keys), sorted(j))
    code, text, err = run('develop', '/dev/null', '-o', out, '--json')
    failed = json.loads(text)
    expect(code == 1 and sorted(failed) == sorted(keys), sorted(failed))
    expect(failed['ok'] is False and failed['error'] and failed['width'] is None, failed)
    expect((j['width'], j['height']) == (4000, 3000), j['width'], j['height'])
    picture = Image.open(out)
    expect(picture.getexif().get(271, '').startswith('GoPro'), dict(picture.getexif()))
    mean = np.asarray(picture).mean()
    expect(60 < mean < 180, 'brightness', mean)
    expect(max(j['wb_gains']) < 4 and 2000 < j['cct'] < 10000, j['wb_gains'], j['cct'])


def clipped_highlights_are_neutral(folder):
    path = os.path.join(folder, 'clip.pgm')
    write_pgm(path, np.full((40, 60), 65535), 65535)
    for extra in ['--wb', '2,1.7'], ['--wb', 'auto'], ['--wb', '0.6,1.4'], ['--lane', 'fast', '--wb', '2,1.7']:
        out = os.path.join(folder, 'clip.ppm')
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB', *extra)
        expect(code == 0, err)
        p = read_ppm(out)
        expect(np.ptp(p, axis=2).max() <= 1 and p.min() >= 250, extra, p[20, 20])


def real_raws(folder):
    """Every raw that is here, as (path, options)."""
    outdoor = ['--raw-format', 'SGRBG8', '--size', '2592x1536', '--black', '12']
    raws = [('canon550d_colorchecker/colorchart.dng', []), ('gopro/HERO6_GOPR0024.DNG.xz', []),
            ('pi_1920x1200/wheel_b.dng.xz', []), ('pi_1920x1200/dark_a.dng.xz', []),
            ('pi_imx296/static_a/frame_00.dng.xz', []), ('pi_imx296/handheld_motion/frame_00.dng.xz', []),
            ('pi_imx296/dark_frame_a.dng.xz', []), ('pi_imx296/overexposed_flat.dng.xz', []),
            ('realbsr_burst/000_0023/bayer_00.pgm', ['--cfa', 'RGGB']),
            ('nikon_d810_crop/DSC_1339_768x512_14bit_RGGB_u16le.raw',
             ['--raw-format', 'SRGGB14', '--size', '768x512', '--black', '600', '--white', '15520']),
            ('openisp_chart/test_1920x1080_10bit_RGGB_u16le.raw.xz',
             ['--raw-format', 'SRGGB10', '--size', '1920x1080']),
            ('infinite_isp/BlackImage_1920x1080_12bit_BGGR_u16le.raw.xz',
             ['--raw-format', 'SBGGR12', '--size', '1920x1080']),
            ('infinite_isp/Outdoor1_2592x1536_8bit_GRBG.raw.xz', outdoor),
            ('infinite_isp/Outdoor3_2592x1536_8bit_GRBG.raw.xz', outdoor)]
    return [(unpack(name, folder), options) for name, options in raws]


def noise_is_taken_where_it_is_brightened(folder):
    """Middle grey stands 40 sigmas above its noise, what becomes middle grey of a dark frame 14."""
    def spread(light, *options):
        path, out = os.path.join(folder, 'n.pgm'), os.path.join(folder, 'n.ppm')
        noise = np.random.default_rng(1).normal(0, np.sqrt(1e-4 * light + 1e-7), (256, 256))
        write_pgm(path, np.round(4096 + (light + noise) * 61439), 65535)
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB', '--black', 4096, '--depth', 16, '--wb', '1,1',
                           '--color', 'camera', '--set', 'auto_exposure=0', *options)
        expect(code == 0, err)
        return read_ppm(out)[16:-16, 16:-16, 1].std()

    off = ('--set', 'denoise=0')
    expect(spread(0.18) == spread(0.18, *off), 'a quiet frame was smoothed')
    dark, as_it_was = spread(0.02, '--exposure', 3), spread(0.02, '--exposure', 3, *off)
    expect(dark < 0.25 * as_it_was, (dark, as_it_was))
    expect(spread(0.02) == spread(0.02, *off), 'a frame that stays dark was smoothed')


def same_bits_with_any_threads_and_isa(folder):
    if SANITIZED:
        raise Skip("checkkernels runs every level with sanitizers")
    levels = run('info')[1].decode().split('levels:')[1].split('(')[0].split()
    ways = [('1', l) for l in levels] + [(t, levels[-1]) for t in ('2', '4')]
    for path, options in real_raws(folder):
        for lane in 'background', 'fast':
            seen = set()
            for threads, isa in ways:
                out = os.path.join(folder, 'bits.ppm')
                code, _, err = run('develop', path, '-o', out, '--threads', threads, '--isa', isa, '--lane', lane, *options)
                expect(code == 0, path, err)
                seen.add(open(out, 'rb').read())
            expect(len(seen) == 1, path, lane, 'differs between', ways)


def one_bad_file_does_not_stop_the_rest(folder):
    good, bad = ramp(folder, 'a.pgm'), os.path.join(folder, 'b.dng')
    open(bad, 'wb').write(b'II*\0 this is not a raw file')
    good2 = ramp(folder, 'c.pgm')
    out = os.path.join(folder, 'out')
    os.mkdir(out)
    code, _, err = run('develop', good, bad, good2, '-o', out, '--cfa', 'RGGB')
    expect(code == 1, code)
    one_sentence(err)
    expect('b.dng' in err, err)
    expect(sorted(os.listdir(out)) == ['a.jpg', 'c.jpg'], os.listdir(out))


def unwritable_outputs(folder):
    path = ramp(folder)
    plain = os.path.join(folder, 'plain')
    open(plain, 'w').close()
    for out in os.path.join(folder, 'none/x.jpg'), os.path.join(plain, 'x.png'):
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB')
        expect(code == 3, out, code)
        one_sentence(err)
    expect(sorted(os.listdir(folder)) == ['plain', 'ramp.pgm'], os.listdir(folder))


def full_disk(folder):
    path = ramp(folder)
    with open('/dev/full', 'wb') as full:
        r = subprocess.run([SOFTISP, 'develop', path, '-o', '-', '--cfa', 'RGGB'], stdout=full, stderr=subprocess.PIPE)
    expect(r.returncode == 3, r.returncode)
    one_sentence(r.stderr.decode())
    tiny = os.path.join(folder, 'tiny')
    os.mkdir(tiny)
    if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=16k', 'tiny', tiny]).returncode:
        raise Skip('no tmpfs can be mounted here')
    try:
        for name in 'x.png', 'x.jpg', 'x.tiff', 'x.ppm':
            big = os.path.join(folder, 'big.pgm')
            write_pgm(big, np.random.default_rng(1).integers(0, 65535, (400, 400)), 65535)
            code, _, err = run('develop', big, '-o', os.path.join(tiny, name), '--cfa', 'RGGB')
            expect(code == 3, name, code)
            one_sentence(err)
            expect(os.listdir(tiny) == [], os.listdir(tiny))
    finally:
        subprocess.run(['umount', tiny])


def names_that_are_not_utf8(folder):
    path = os.fsencode(folder) + b'/caf\xe9 %s \n.pgm'
    os.rename(ramp(folder), path)
    bad = os.path.join(os.fsencode(folder), b'\xff.dng')
    open(bad, 'wb').write(b'no raw file at all')
    r = subprocess.run([SOFTISP, 'develop', path, bad, '-o', folder, '--cfa', 'RGGB', '--json'], capture_output=True)
    expect(r.returncode == 1, r.returncode, r.stderr)
    lines = [json.loads(line) for line in r.stdout.splitlines()]
    expect([l['ok'] for l in lines] == [True, False], lines)
    expect(lines[0]['input'].endswith('caf\u00e9 %s \n.pgm'), lines[0]['input'])
    expect(os.path.exists(os.fsencode(folder) + b'/caf\xe9 %s \n.jpg'), os.listdir(folder))


def figures_on_a_full_disk(folder):
    path = ramp(folder)
    for line in (['develop', path, '-o', path + '.png', '--cfa', 'RGGB', '--json'], ['info'], ['--version'], ['help'],
                 ['live', '--camera', 'sim', '--size', '64x64', '--frames', '1'],
                 ['live', '--camera', 'sim', '--size', '64x64', '--frames', '1', '--json']):
        with open('/dev/full', 'wb') as full:
            r = subprocess.run([SOFTISP, *line], stdout=full, stderr=subprocess.PIPE)
        expect(r.returncode == 3, line, r.returncode)
        one_sentence(r.stderr.decode())


def a_y4m_is_not_turned(folder):
    """It is the lane's own frame; what the JSON says of its size is true."""
    dng = bytearray(open(os.path.join(SOURCE, 'tests/camera/tiny.dng'), 'rb').read())
    tag = dng.index(b'\x12\x01\x03\x00\x01\x00\x00\x00')
    dng[tag + 8] = 6
    path = os.path.join(folder, 'turned.dng')
    open(path, 'wb').write(dng)
    sizes = []
    for name in 'o.ppm', 'o.y4m':
        out = os.path.join(folder, name)
        code, text, err = run('develop', path, '-o', out, '--lane', 'fast', '--json')
        expect(code == 0, err)
        sizes.append((json.loads(text)['width'], json.loads(text)['height']))
    expect(read_ppm(os.path.join(folder, 'o.ppm')).shape[1::-1] == sizes[0], sizes)
    expect(open(out, 'rb').readline().split()[1:3] == [b'W%d' % sizes[1][0], b'H%d' % sizes[1][1]], sizes)
    expect(sizes[0] == sizes[1][::-1], sizes)


def a_y4m_of_10_bits(folder):
    """It is that of 8 bits with two more; other files have no 10 bits."""
    path, samples = ramp(folder), []
    for depth in 8, 10:
        out = os.path.join(folder, f'{depth}.y4m')
        code, _, err = run('develop', path, '-o', out, '--cfa', 'RGGB', '--lane', 'fast', '--depth', depth)
        expect(code == 0, err)
        frame = open(out, 'rb').read().split(b'FRAME\n', 1)[1]
        samples.append(np.frombuffer(frame, 'u1' if depth == 8 else '<u2').astype(int))
    expect(samples[0].size == samples[1].size and np.abs(samples[1] - 4 * samples[0]).max() <= 3, samples)
    expect(np.any(samples[1] % 4), 'the low bits are empty')
    for out, depth in ('x.png', 10), ('x.y4m', 16), ('x.y4m', 9):
        code, _, err = run('develop', path, '-o', os.path.join(folder, out), '--cfa', 'RGGB', '--lane', 'fast', '--depth',
                           depth)
        expect(code == 2, out, code)
        one_sentence(err)


def a_large_jpeg_takes_little_memory(folder):
    if SANITIZED:
        raise Skip('a sanitizer takes memory of its own')
    raw = os.path.join(folder, 'large.raw')
    with open(raw, 'wb') as f:
        f.truncate(9000 * 9000)
    p = subprocess.Popen([SOFTISP, 'develop', raw, '-o', raw + '.jpg', '--raw-format', 'SRGGB8', '--size', '9000x9000'])
    _, status, usage = os.wait4(p.pid, 0)
    expect(status == 0, status)
    expect(usage.ru_maxrss < 700 * 1024, usage.ru_maxrss)  # 400 MB of them are input and picture


def a_wide_container_is_no_other_picture(folder):
    """12-bit samples in 16-bit words, with junk above white."""
    samples = np.random.default_rng(4).integers(0, 4096, (40, 60))
    samples[10:20, 10:20] = 65535
    path = os.path.join(folder, 'wide.raw')
    open(path, 'wb').write(samples.astype('<u2').tobytes())
    open(path + '12', 'wb').write(np.minimum(samples, 4095).astype('<u2').tobytes())
    for lane in 'fast', 'background':
        pictures = []
        for name, bits in (path, 16), (path + '12', 12):
            out = os.path.join(folder, 'o.ppm')
            code, _, err = run('develop', name, '-o', out, '--raw-format', f'SRGGB{bits}', '--size', '60x40', '--white',
                               4095, '--wb', '2,1.8', '--lane', lane)
            expect(code == 0, err)
            pictures.append(read_ppm(out))
        expect((pictures[0] == pictures[1]).all(), lane, abs(pictures[0] - pictures[1]).max())


def closed_pipe(folder):
    path = ramp(folder)
    read, write = os.pipe()
    os.close(read)
    r = subprocess.run([SOFTISP, 'develop', path, '-o', '-', '--cfa', 'RGGB'], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    expect(r.returncode == 3, r.returncode)
    one_sentence(r.stderr.decode())


def interrupt_leaves_nothing(folder):
    dng = unpack('gopro/HERO6_GOPR0024.DNG.xz', folder)
    out = os.path.join(folder, 'out')
    os.mkdir(out)
    for delay in 0.05, 0.2, 0.4, 0.6, 0.8, 1.0:
        p = subprocess.Popen([SOFTISP, 'develop', dng, '-o', os.path.join(out, 'x.png'), '--depth', '16'])
        time.sleep(delay)
        p.send_signal(signal.SIGINT)
        code = p.wait(20)
        whole = os.listdir(out) == ['x.png']
        expect(code in (130, -2) or (code == 0 and whole), delay, code)
        expect(os.listdir(out) in ([], ['x.png']), os.listdir(out))
        if whole:
            Image.open(os.path.join(out, 'x.png')).load()
            os.unlink(os.path.join(out, 'x.png'))


main([flat_picture_is_exact, all_depths_and_writers_agree, malvar_on_kodak, malvar_on_mcmaster, bilinear_on_kodak, best_on_kodak_and_mcmaster,
      lanes_agree_on_a_short_span, ipu3_and_monochrome_are_read, gopro_hero6, clipped_highlights_are_neutral,
      noise_is_taken_where_it_is_brightened, same_bits_with_any_threads_and_isa,
      one_bad_file_does_not_stop_the_rest, unwritable_outputs, full_disk, names_that_are_not_utf8,
      figures_on_a_full_disk, a_y4m_is_not_turned, a_y4m_of_10_bits, a_large_jpeg_takes_little_memory,
      a_wide_container_is_no_other_picture, closed_pipe, interrupt_leaves_nothing])
