#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fusing real bursts gains where no truth is known, and crops at 100 % to look at.

  bench/real_bursts.py [--build build] [--out build/real-bursts]

Eight frames each of bursts in ../shared/data, with the noise that the program finds by itself. Their
makers state no licence: the crops stay there and are not published. Figures:
  noise   how far the noise of the merged mosaic is below the reference's, in dB, in its smoothest blocks;
  ghosts  share of 8x8 blocks of one colour where the merged mosaic differs from the reference by more
          than 4.5 sigmas of the reference's noise, in percent (noise alone: 0.0007 or less);
  truth   for a still scene: gain in raw PSNR against the mean of 50 frames.
"""
import argparse, glob, json, lzma, math, os, sys
import numpy as np
from PIL import Image, ImageDraw
import peers, raws

DATA = os.path.join(raws.SHARED, 'data')
PI = os.path.join(DATA, 'pi_imx296')
BLOCK, LIMIT, SMOOTH = 8, 4.5, 0.25
SIZE, TITLE = (480, 360), 18
BURSTS = {  # files, options, place of the crop, enlarged
    'pi-handheld': (os.path.join(PI, 'handheld_motion', 'frame_0[0-7].dng.xz'), [], (850, 200), 1),
    'pi-static': (os.path.join(PI, 'static_a', 'frame_0[0-7].dng.xz'), [], (850, 200), 1),
    'realbsr': (os.path.join(DATA, 'realbsr_burst', '000_0023', 'bayer_0[0-7].pgm'),
                ['--cfa', 'RGGB', '--black', '512', '--white', '16383'], (0, 40), 3)}
TRUTHS = {'pi-static': (os.path.join(PI, 'static_a', 'mean_of_50_frames_x64.pgm.xz'), 64)}


def unpacked(path, folder):
    """A file as it came from the camera: some are kept by xz."""
    if not path.endswith('.xz'):
        return path
    out = os.path.join(folder, os.path.basename(path)[:-3])
    with lzma.open(path) as packed, open(out, 'wb') as f:
        f.write(packed.read())
    return out


def light(path):
    """0 black to 1 white, one plane for each place of the 2x2 cell."""
    codes, black, white = raws.read_dng(path)
    codes = (codes - black) / (white - black)
    return np.stack([codes[y::2, x::2] for y in (0, 1) for x in (0, 1)])


def blocks(planes):
    """Planes cut into blocks: plane, row, column, and the samples of each."""
    count, height, width = planes.shape
    rows, cols = height // BLOCK, width // BLOCK
    cut = planes[:, :rows * BLOCK, :cols * BLOCK].reshape(count, rows, BLOCK, cols, BLOCK)
    return cut.transpose(0, 1, 3, 2, 4).reshape(count, rows, cols, BLOCK * BLOCK)


def noise(planes):
    """Variance within each block, of second differences: slopes of light do not count."""
    second = np.zeros_like(planes)
    second[..., 1:-1] = (planes[..., 2:] - 2 * planes[..., 1:-1] + planes[..., :-2]) / math.sqrt(6)
    return (blocks(second) ** 2).mean(-1)


def judge(reference, merged):
    """Noise removed, in dB, and the share of blocks with a ghost, in percent."""
    before, after = noise(reference), noise(merged)
    means = blocks(reference).mean(-1)
    slope = np.abs(np.gradient(means, axis=1)) + np.abs(np.gradient(means, axis=2))
    smooth = slope <= np.quantile(slope, SMOOTH)
    removed = 10 * math.log10(np.median(before[smooth]) / np.median(after[smooth]))
    # Variance over level, as this very burst has it: a line through its smooth blocks.
    line = np.polyfit(means[smooth], before[smooth], 1)
    sigma = np.sqrt(np.maximum(np.polyval(line, means), np.median(before[smooth]) / 16) / BLOCK ** 2)
    apart = np.abs(blocks(merged - reference).mean(-1)) / sigma
    return removed, 100 * (apart > LIMIT).mean()


def truth_gain(reference, merged, path, scale, folder):
    codes = raws.read_pgm(unpacked(path, folder)) / scale
    truth = np.stack([codes[y::2, x::2] for y in (0, 1) for x in (0, 1)])

    def error(planes):
        """The lamp flickers: each has its own brightness."""
        fit = np.polyfit(planes.ravel(), truth.ravel(), 1)
        return ((np.polyval(fit, planes) - truth) ** 2).mean() / fit[0] ** 2
    return 10 * math.log10(error(reference) / error(merged))


def sheet(pictures, place, enlarged, out):
    made = Image.new('RGB', ((SIZE[0] + 4) * len(pictures) - 4, TITLE + SIZE[1]), 'white')
    draw = ImageDraw.Draw(made)
    for col, (name, path) in enumerate(pictures.items()):
        whole = Image.open(path).convert('RGB')
        crop = whole.crop((*place, place[0] + SIZE[0] // enlarged, place[1] + SIZE[1] // enlarged))
        draw.text((col * (SIZE[0] + 4) + 2, 3), name, fill='black')
        made.paste(crop.resize(SIZE, Image.NEAREST), (col * (SIZE[0] + 4), TITLE))
    made.save(out)


def run(args, name):
    pattern, options, place, enlarged = BURSTS[name]
    frames = [unpacked(path, args.out) for path in sorted(glob.glob(pattern))]
    ends = 'merged.dng', 'fused.png', 'one.dng', 'one.png', 'crops.png'
    at = {end: os.path.join(args.out, f'{name}-{end}') for end in ends}
    softisp = peers.softisp(args.build)
    report = json.loads(peers.run([softisp, 'fuse', *frames, '-o', at['merged.dng'], '--json', *options], args.out))
    peers.run([softisp, 'fuse', *frames, '-o', at['fused.png'], *options], args.out)
    for end in ('one.dng', 'one.png'):
        peers.run([softisp, 'develop', frames[0], '-o', at[end], *options], args.out)
    pictures = {'one frame': at['one.png'], f'{len(frames)} frames fused': at['fused.png']}
    sheet(pictures, place, enlarged, at['crops.png'])
    reference, merged = light(at['one.dng']), light(at['merged.dng'])
    removed, ghosts = judge(reference, merged)
    used = sum(not frame['fate'].startswith('left out') for frame in report['frames'])
    truth = f'{truth_gain(reference, merged, *TRUTHS[name], args.out):.2f}' if name in TRUTHS else ''
    print(f'| {name} | {used} of {len(frames)} | {report["effective_frames"]:.1f} | {removed:.2f} | '
          f'{ghosts:.4f} | {truth} |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(raws.SOURCE, 'build'))
    parser.add_argument('--out', help='build/real-bursts, of --build')
    args = parser.parse_args()
    args.out = args.out or os.path.join(args.build, 'real-bursts')
    if not os.path.isdir(DATA):
        sys.exit(f'{DATA} is not there: real bursts are not part of this repository')
    os.makedirs(args.out, exist_ok=True)
    print('| burst | frames used | effective | noise, dB | ghosts, % | truth, dB |\n|---|---|---|---|---|---|')
    for name in BURSTS:
        run(args, name)


if __name__ == '__main__':
    main()
