#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A raw file to a JPEG by the whole process, against darktable-cli, rawtherapee-cli and dcraw_emu.

  bench/develop_compare.py [--build build] [--rounds 5] [--fastest] [--pictures 12] [--no-speed] [--no-quality]

Speed: data/hero6.dng and a synthetic DNG of 4000x3000 (Kodak pictures, tiled), all with their defaults
and two threads, in rounds that interleave the programs: least and median seconds of wall clock.
dcraw_emu -q 3 writes no JPEG: its PPM goes through a pipe into cjpeg at SoftISP's quality.
Quality: CPSNR of noise-free Kodak mosaics, each program in linear light without sharpening, with the
demosaic that it has by default and with its best one; each channel is fitted by a rising curve.
"""
import argparse, lzma, math, os, statistics, sys, tempfile, time
import numpy as np
import peers, raws

HERO = os.path.join(raws.SOURCE, 'data', 'hero6.dng.xz')
QUIET_ISO = 1  # what a noise-free file says of its noise: next to nothing


def tiled(count, width, height):
    """A sheet of Kodak pictures repeated to that size, as a noise-free mosaic."""
    picture = raws.sheet([raws.kodak(n) for n in range(1, count + 1)])
    times = math.ceil(height / picture.shape[0]), math.ceil(width / picture.shape[1]), 1
    return raws.mosaic(np.tile(picture, times)[:height, :width])


def inputs(folder):
    hero, kodak = os.path.join(folder, 'hero6.dng'), os.path.join(folder, 'kodak12mp.dng')
    with lzma.open(HERO) as f, open(hero, 'wb') as out:
        out.write(f.read())
    raws.write_dng(kodak, raws.codes_of(tiled(12, 4000, 3000)), 100)
    return [hero, kodak]


def commands(build, dng, folder):
    out = os.path.join(folder, 'out.jpg')
    darktable = ['darktable-cli', dng, out, '--core', '--disable-opencl', '-t', peers.THREADS, '--configdir',
                 os.path.join(folder, 'dt'), '--library', ':memory:']
    return {
        'SoftISP': [peers.softisp(build), 'develop', dng, '-o', out, '--threads', peers.THREADS],
        'dcraw_emu -q 3 \\| cjpeg': ['sh', '-c', f'dcraw_emu -q 3 -w -Z - {dng} | cjpeg -quality 92 -sample 1x1 > {out}'],
        'rawtherapee-cli': ['rawtherapee-cli', '-Y', '-q', '-d', '-j92', '-js3', '-o', out, '-c', dng],
        'darktable-cli': darktable,
    }


def timed(command, folder):
    out = os.path.join(folder, 'out.jpg')
    if os.path.exists(out):
        os.remove(out)
    begin = time.perf_counter()
    peers.run(command, folder)
    took = time.perf_counter() - begin
    if not os.path.exists(out) or os.path.getsize(out) < 100000:
        sys.exit(f'{command[0]} wrote no picture')
    return took


def speed(args, folder):
    print('| raw | program | least s | median s | times SoftISP |\n|---|---|---|---|---|')
    for dng in inputs(folder):
        programs = dict(list(commands(args.build, dng, folder).items())[:2 if args.fastest else None])
        seconds = {name: [] for name in programs}
        for _ in range(args.rounds):
            for name, command in programs.items():
                seconds[name].append(timed(command, folder))
        own = min(seconds['SoftISP'])
        for name, took in seconds.items():
            print(f'| {os.path.basename(dng)} | {name} | {min(took):.3f} | {statistics.median(took):.3f} | '
                  f'{min(took) / own:.1f} |', flush=True)


def quality(args, folder):
    truth = raws.sheet([raws.kodak(n) for n in range(1, args.pictures + 1)])
    dng = os.path.join(folder, 'clean.dng')
    raws.write_dng(dng, raws.codes_of(raws.mosaic(truth)), QUIET_ISO)
    rows = {
        'SoftISP, default': lambda: peers.ours(args.build, dng, folder),
        'SoftISP, --demosaic smooth': lambda: peers.ours(args.build, dng, folder, ('--demosaic', 'smooth')),
        'LibRaw, AHD (-q 3)': lambda: peers.libraw(dng, folder),
        'LibRaw, DHT (-q 11)': lambda: peers.libraw(dng, folder, '11'),
        'RawTherapee, AMaZE (default)': lambda: peers.rawtherapee(dng, folder, {}),
        'RawTherapee, LMMSE': lambda: peers.rawtherapee(dng, folder, {('RAW Bayer', 'Method'): 'lmmse'}),
        'RawTherapee, RCD': lambda: peers.rawtherapee(dng, folder, {('RAW Bayer', 'Method'): 'rcd'}),
        'darktable, RCD (default)': lambda: peers.darktable(dng, folder),
        'darktable, AMaZE': lambda: peers.darktable(dng, folder, 'amaze'),
        'darktable, LMMSE': lambda: peers.darktable(dng, folder, 'lmmse'),
    }
    print(f'| program | CPSNR, Kodak 1 to {args.pictures}, dB |\n|---|---|')
    for name, develop in rows.items():
        print(f'| {name} | {raws.score(develop(), truth):.2f} |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(raws.SOURCE, 'build'))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--pictures', type=int, default=12, help='Kodak 1 to this (12)')
    parser.add_argument('--fastest', action='store_true', help='SoftISP and the fastest of the others alone')
    parser.add_argument('--no-speed', action='store_true')
    parser.add_argument('--no-quality', action='store_true')
    args = parser.parse_args()
    if peers.missing():
        sys.exit('not installed: ' + ', '.join(peers.missing()))
    with tempfile.TemporaryDirectory() as folder:
        if not args.no_speed:
            speed(args, folder)
        if not args.no_quality:
            quality(args, folder)


if __name__ == '__main__':
    main()
