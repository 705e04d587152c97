#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crops at 100 % for doc/quality.md, side by side.

  bench/quality_pictures.py [--build build] [--out doc]

quality-hero6.jpg: data/hero6.dng by SoftISP, LibRaw (dcraw_emu), darktable and RawTherapee with their
defaults. quality-burst.jpg: eight frames of that scene, made smaller, with hand motion, a moving disc and
phone noise at ISO 1600 (../shared/tools/make_burst.py); one frame by each program, and SoftISP's fused.
"""
import argparse, json, lzma, os, struct, subprocess, sys, tempfile
from PIL import Image, ImageDraw
import peers, raws

HERO = os.path.join(raws.SOURCE, 'data', 'hero6.dng.xz')
CROPS = [(1620, 1020), (1030, 1500)]
WIDTH, HEIGHT, TITLE = 240, 180, 18
BURST_CROPS = [(300, 150), (130, 40)]
ISO = 1600
# Orientation: rawtherapee-cli would not mirror the picture as the others do.
MIRRORED, UPRIGHT = struct.pack('<HHIHH', 274, 3, 1, 2, 0), struct.pack('<HHIHH', 274, 3, 1, 1, 0)


def picture(path):
    return Image.open(path).convert('RGB')


def sheet(pictures, places, out):
    """One column a program, one row a place."""
    made = Image.new('RGB', ((WIDTH + 4) * len(pictures) - 4, TITLE + (HEIGHT + 4) * len(places) - 4), 'white')
    draw = ImageDraw.Draw(made)
    for col, (name, whole) in enumerate(pictures.items()):
        draw.text((col * (WIDTH + 4) + 2, 3), name, fill='black')
        for row, (x, y) in enumerate(places):
            made.paste(whole.crop((x, y, x + WIDTH, y + HEIGHT)), (col * (WIDTH + 4), TITLE + row * (HEIGHT + 4)))
    made.save(out, quality=72)
    print(f'{out}: {os.path.getsize(out) // 1024} KB')


def developed(build, dng, folder, size):
    """Each program's own picture, defaults."""
    def at(name):
        return os.path.join(folder, name)
    peers.run([peers.softisp(build), 'develop', dng, '-o', at('softisp.png')], folder)
    peers.run(['dcraw_emu', '-q', '3', '-w', '-Z', at('libraw.ppm'), dng], folder)
    for name in ('dt.png', 'rt.png'):
        if os.path.exists(at(name)):
            os.remove(at(name))
    peers.run(['darktable-cli', dng, at('dt.png'), '--core', '--disable-opencl', '--configdir', at('dt'), '--library',
               ':memory:'], folder)
    peers.run(['rawtherapee-cli', '-Y', '-q', '-d', '-n', '-b8', '-o', at('rt.png'), '-c', dng], folder)
    rt = picture(at('rt.png'))
    whole = Image.new('RGB', size)
    whole.paste(rt, ((size[0] - rt.width) // 2, (size[1] - rt.height) // 2))
    return {'SoftISP': picture(at('softisp.png')), 'LibRaw (dcraw_emu -q 3)': picture(at('libraw.ppm')),
            'darktable-cli': picture(at('dt.png')), 'rawtherapee-cli': whole}


def hero(args, folder):
    dng = os.path.join(folder, 'hero6.dng')
    with lzma.open(HERO) as f, open(dng, 'wb') as out:
        out.write(f.read().replace(MIRRORED, UPRIGHT, 1))
    made = developed(args.build, dng, folder, (4000, 3000))
    sheet(made, CROPS, os.path.join(args.out, 'quality-hero6.jpg'))
    return made['SoftISP']


def burst(args, folder, scene):
    """Scene: a third of the size, so that it has no noise of its own left."""
    small, where = os.path.join(folder, 'scene.png'), os.path.join(folder, 'burst')
    scene.resize((1000, 750), Image.BOX).crop((40, 60, 808, 572)).save(small)
    subprocess.run([sys.executable, raws.BURST_TOOL, 'make', where, '--scene', small, '--occluder', '--frames', '8', '--iso', str(ISO)],
                   check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(where, 'burst.json'), encoding='utf-8') as f:
        meta = json.load(f)
    frames = []
    for i in range(meta['frames']):
        frames.append(os.path.join(folder, f'frame{i}.dng'))
        raws.write_dng(frames[-1], raws.read_pgm(os.path.join(where, f'frame_{i:02d}.pgm')), ISO)
    made = developed(args.build, frames[0], folder, (meta['width'], meta['height']))
    fused = os.path.join(folder, 'fused.png')
    peers.run([peers.softisp(args.build), 'fuse', *frames, '-o', fused], folder)
    made = {f'{name}, one frame': p for name, p in made.items()}
    sheet({'SoftISP, 8 frames fused': picture(fused), **made}, BURST_CROPS, os.path.join(args.out, 'quality-burst.jpg'))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(raws.SOURCE, 'build'))
    parser.add_argument('--out', default=os.path.join(raws.SOURCE, 'doc'))
    args = parser.parse_args()
    if peers.missing():
        sys.exit('not installed: ' + ', '.join(peers.missing()))
    with tempfile.TemporaryDirectory() as folder:
        burst(args, folder, hero(args, folder))


if __name__ == '__main__':
    main()
