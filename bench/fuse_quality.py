#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fusing a burst gains, by ../shared/tools/make_burst.py's protocol and scorer.

  bench/fuse_quality.py FOLDER [--build build] [--seed 1] [--scenes 1 5 8] [--bias] [--ours OPTION...]

FOLDER keeps the bursts for the next run. Eight frames of Kodak scenes with a moving disc, phone noise;
gain: raw PSNR of the merged mosaic over that of the reference frame, in dB; ghost: the same where things
cover each other. --bias: the mean error over four draws of noise, in sigmas of a frame, instead.
--ours --spatial adds noise reduction after the merge.
"""
import argparse, json, os, subprocess, sys
import numpy as np
import peers, raws

CASES = {'ISO 400': ['--iso', '400'], 'ISO 1600': ['--iso', '1600'], 'ISO 6400': ['--iso', '6400'],
         'rotation': ['--iso', '1600', '--motion', 'rot'], 'large jumps': ['--iso', '1600', '--motion', 'large'],
         'two depths': ['--iso', '1600', '--motion', 'parallax'], 'N = 4': ['--iso', '1600', '--frames', '4'],
         'N = 16': ['--iso', '1600', '--frames', '16']}
DRAWS = 4


def made(args, case, scene, draw=None):
    where = os.path.join(args.folder, f'{case.replace(" ", "")}-{scene:02d}-{args.seed}' + (f'-{draw}' if draw else ''))
    if not os.path.exists(os.path.join(where, 'burst.json')):
        subprocess.run([sys.executable, raws.BURST_TOOL, 'make', where, '--scene', raws.kodak_path(scene), '--occluder',
                        '--frames', '8', '--seed', str(args.seed), *(['--noise-seed', str(draw)] if draw else []),
                        *CASES[case]], check=True, stdout=subprocess.DEVNULL)
    return where


def tool(*command):
    done = subprocess.run([sys.executable, raws.BURST_TOOL, *command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def fused(args, where):
    with open(os.path.join(where, 'burst.json'), encoding='utf-8') as f:
        meta = json.load(f)
    frames = [os.path.join(where, f'frame_{i:02d}.pgm') for i in range(meta['frames'])]
    merged, flow = os.path.join(where, 'merged.pgm'), os.path.join(where, 'flow.csv')
    peers.run([peers.softisp(args.build), 'fuse', *frames, '-o', merged, '--cfa', 'RGGB', '--black', str(meta['black']),
               '--white', str(meta['white']), '--noise', f'{meta["noise_a"]},{meta["noise_b"]}', '--flow', flow, *args.ours],
              where)
    return merged, flow


def score(args, where):
    merged, flow = fused(args, where)
    return tool('score', where, merged, '--flow', flow)


def print_gains(args):
    print('| case | gain | limit of averaging | gain, ghost zone | worst ghost zone |\n|---|---|---|---|---|')
    for case in args.cases:
        found = [score(args, made(args, case, scene)) for scene in args.scenes]
        print(f'| {case} | {np.mean([f["all"]["gain"] for f in found]):.2f} | '
              f'{np.mean([f["all"]["oracle_gain"] for f in found]):.2f} | '
              f'{np.mean([f["ghost"]["gain"] for f in found]):.2f} | {min(f["ghost"]["gain"] for f in found):.2f} |',
              flush=True)


def print_biases(args):
    print('| case | still bias, mean | each scene | ghost bias, mean | each scene |\n|---|---|---|---|---|')
    for case in args.cases:
        found = []
        for scene in args.scenes:
            folders = [made(args, case, scene, draw) for draw in range(1, DRAWS + 1)]
            found.append(tool('bias', *(path for where in folders for path in (where, fused(args, where)[0]))))
        still, ghost = ([f[zone]['bias_rms'] for f in found] for zone in ('still', 'ghost'))
        each = [' '.join(f'{b:.3f}' for b in zone) for zone in (still, ghost)]
        print(f'| {case} | {np.mean(still):.3f} | {each[0]} | {np.mean(ghost):.3f} | {each[1]} |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('--build', default=os.path.join(raws.SOURCE, 'build'))
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--scenes', type=int, nargs='+', default=[1, 5, 8])
    parser.add_argument('--cases', nargs='+', default=list(CASES), choices=list(CASES))
    parser.add_argument('--bias', action='store_true', help='errors that more frames do not take away')
    parser.add_argument('--ours', nargs=argparse.REMAINDER, default=[], help='options for softisp fuse; last')
    args = parser.parse_args()
    (print_biases if args.bias else print_gains)(args)


if __name__ == '__main__':
    main()
