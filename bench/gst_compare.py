#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GStreamer element beside bayer2rgb ! videoconvert, in interleaved rounds.

Run: bench/gst_compare.py [--build DIR] [--rounds N] [--frames N]
Throughput: mosaics of 1920x1080 in 8 bits to NV12, wall and CPU time a frame, the least of all rounds, without
what starting and the source cost (the same pipeline with fewer frames, and one without the elements).
Live: CPU share at 30 frames a second, and latency of softispsrc. Quality: CPSNR over ../shared/data/kodak.
"""
import argparse, glob, json, os, resource, subprocess, sys, tempfile, time

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
PLAIN = 'softisp tone=1 color=1 wb-mode=2 auto-exposure=0'
NV12 = 'video/x-raw,format=NV12,colorimetry=bt709'
CHAINS = {
    'softisp': f'softisp ! {NV12}',
    'softisp threads=1': f'softisp threads=1 ! {NV12}',
    'bayer2rgb ! videoconvert': f'bayer2rgb ! videoconvert ! {NV12}',
    'bayer2rgb ! videoconvert n-threads=2': f'bayer2rgb ! videoconvert n-threads=2 ! {NV12}',
    'source alone': 'identity',
}


def launch(text, environment):
    """Wall and CPU seconds of a pipeline."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(['gst-launch-1.0', '-q', *text.split()], check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def frames_from(path, width, height, rate, count):
    return (f'multifilesrc location={path} loop=true num-buffers={count} '
            f'caps=video/x-bayer,format=rggb,width={width},height={height},framerate={rate}/1')


def throughput(path, args, environment):
    few, many = args.frames // 10, args.frames
    best = {name: {few: [9e9, 9e9], many: [9e9, 9e9]} for name in CHAINS}
    for _ in range(args.rounds):
        for name, chain in CHAINS.items():
            for count in few, many:
                times = launch(f'{frames_from(path, 1920, 1080, 30, count)} ! {chain} ! fakesink sync=false', environment)
                best[name][count] = [min(a, b) for a, b in zip(best[name][count], times)]
    ms = {name: [1e3 * (b[many][i] - b[few][i]) / (many - few) for i in (0, 1)] for name, b in best.items()}
    print(f'\n1920x1080, 8 bits to NV12: ms a frame, the least of {args.rounds} rounds of {many} frames')
    print(f'{"":40} {"wall":>7} {"CPU":>7}   without the source: {"wall":>7} {"CPU":>7}')
    for name, (wall, cpu) in ms.items():
        base = ms['source alone']
        print(f'{name:40} {wall:7.2f} {cpu:7.2f} {wall - base[0]:27.2f} {cpu - base[1]:7.2f}')
    base, ours, peer = (ms[n] for n in ('source alone', 'softisp', 'bayer2rgb ! videoconvert'))
    one = ms['softisp threads=1']
    print(f'throughput against bayer2rgb ! videoconvert: {peer[0] / ours[0]:.2f}x as pipelines, '
          f'{(peer[0] - base[0]) / (ours[0] - base[0]):.2f}x without the source; '
          f'one thread: {(peer[0] - base[0]) / (one[0] - base[0]):.2f}x')


def live(path, args, environment):
    print('\nlive 1920x1080 at 30 frames a second to NV12, previews only: share of a core without starting, least of rounds')
    names = 'softisp', 'softisp threads=1', 'bayer2rgb ! videoconvert', 'source alone'
    best = {name: {15: 9e9, 105: 9e9} for name in names}
    for _ in range(args.rounds):
        for name in names:
            for count in 15, 105:
                text = f'{frames_from(path, 1920, 1080, 30, count)} ! {CHAINS[name]} ! fakesink sync=true'
                best[name][count] = min(best[name][count], launch(text, environment)[1])
    for name in names:
        print(f'{name:40} {100 * (best[name][105] - best[name][15]) / 3:6.1f} %')


def latency(args, environment):
    runs = [json.loads(subprocess.run([os.path.join(args.build, 'bench', 'gst_latency'), '150'], env=environment,
                                      check=True, capture_output=True, text=True).stdout) for _ in range(args.rounds)]
    print(f'\nlatency of softispsrc to a sink, 1080p30 as NV12, {runs[0]["pictures"]} pictures a run, ms; run with the least p99')
    for key, what in ('due_to_sink_ms', 'from when the frame was due, with the simulated camera\'s work'), (
            'session_ms', 'from the frame handed in to the picture'):
        run = min((r[key] for r in runs), key=lambda f: f['p99'])
        print(f'{what:64} p50 {run["p50"]:.1f}, p99 {run["p99"]:.1f}, most {run["max"]:.1f}')


def cpsnr(np, a, b):
    error = np.mean((a[8:-8, 8:-8].astype(float) - b[8:-8, 8:-8]) ** 2)
    return 10 * np.log10(255 ** 2 / error)


def rgb_of_nv12(np, data, width, height):
    luma = data[:width * height].reshape(height, width).astype(float)
    chroma = data[width * height:].reshape(height // 2, width // 2, 2).astype(float)
    cb, cr = (np.repeat(np.repeat(chroma[..., i], 2, 0), 2, 1) - 128 for i in (0, 1))
    y = (luma - 16) * 255 / 219
    cb, cr = cb * 255 / 224, cr * 255 / 224
    rgb = np.stack([y + 1.5748 * cr, y - 0.187324 * cb - 0.468124 * cr, y + 1.8556 * cb], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def quality(folder, environment):
    import numpy as np
    from PIL import Image
    images = sorted(glob.glob(os.path.join(SOURCE, '../shared/data/kodak/*.png')))
    if not images:
        print('\nSKIPPED quality: ../shared/data/kodak is not there')
        return
    chains = {'softisp': PLAIN, 'bayer2rgb ! videoconvert': 'bayer2rgb ! videoconvert'}
    scores = {(name, form): [] for name in chains for form in ('RGB', 'NV12')}
    raw, out = os.path.join(folder, 'mosaic.raw'), os.path.join(folder, 'out.raw')
    for path in images:
        truth = np.asarray(Image.open(path).convert('RGB'))
        height, width = truth.shape[:2]
        mosaic = truth[..., 1].copy()
        mosaic[::2, ::2], mosaic[1::2, 1::2] = truth[::2, ::2, 0], truth[1::2, 1::2, 2]
        mosaic.tofile(raw)
        for name, chain in chains.items():
            for form in 'RGB', 'NV12':
                caps = NV12 if form == 'NV12' else 'video/x-raw,format=RGB'
                launch(f'{frames_from(raw, width, height, 30, 1)} ! {chain} ! {caps} ! filesink location={out}', environment)
                data = np.fromfile(out, np.uint8)
                picture = data.reshape(height, width, 3) if form == 'RGB' else rgb_of_nv12(np, data, width, height)
                scores[name, form].append(cpsnr(np, picture, truth))
    print(f'\nCPSNR over {len(images)} Kodak pictures, dB: mean (least), linear tone, no matrix, so that all does the same')
    for name in chains:
        cells = ', '.join(f'{form} {np.mean(s):.2f} ({min(s):.2f})' for (n, form), s in scores.items() if n == name)
        print(f'{name:40} {cells}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(SOURCE, 'build'))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--frames', type=int, default=200)
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    with tempfile.TemporaryDirectory(dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        environment = {**os.environ, 'GST_PLUGIN_PATH': os.path.join(args.build, 'gst'),
                       'GST_REGISTRY': os.path.join(folder, 'registry.bin')}
        if subprocess.run(['gst-inspect-1.0', 'bayer2rgb'], env=environment, capture_output=True).returncode:
            sys.exit('bayer2rgb is not installed (gstreamer1.0-plugins-bad)')
        path = os.path.join(folder, 'frame.raw')
        with open(path, 'wb') as file:
            file.write(bytes((x * 7 + y * 13 + (x * y >> 6)) % 223 for y in range(1080) for x in range(1920)))
        quality(folder, environment)
        throughput(path, args, environment)
        live(path, args, environment)
        latency(args, environment)


main()
