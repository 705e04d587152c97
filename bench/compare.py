#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast lane beside the peers that Debian packages, in interleaved rounds.

Run: bench/compare.py [--build DIR] [--size WxH] [--rounds N] [--write]
--write puts the table and the plot into doc/performance.md and doc/performance.svg.
Time is CPU time of one thread per pixel, the least of all rounds; frames rotate through 128 MiB and more.
Peers: scripts/setup.sh bench. One that is not installed is left out, with a word.
"""
import argparse, ctypes, ctypes.util, json, math, os, struct, subprocess, sys, time

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
WORKING_SET = 144 << 20
OURS = 'SoftISP'
LEVELS = {'base': 'SSE2', 'v2': 'SSE4.2', 'v3': 'AVX2', 'v4': 'AVX-512', 'neon': 'NEON'}
CASES = {
    'path-a': ('SRGGB10 → XRGB8888', 'black, LSC mesh, WB, MHC 5x5, CCM, tone, statistics', ''),
    'path-b': ('SRGGB10 → XRGB8888', 'path-a, defect correction, green balance, sharpening', ''),
    'path-c': ('SRGGB10P → NV12', 'path-b, luma and chroma noise reduction', ''),
}
BILINEAR = 'black, LSC, WB, CCM, tone, statistics'


class Missing(Exception):
    pass


class Peer:
    """A row: what it is, and run(i) for frame i of a rotating set."""

    def __init__(self, name, formats, does, lacks, run, frames):
        self.name, self.formats, self.does, self.lacks = name, formats, does, lacks
        self.run, self.frames, self.best = run, frames, math.inf


def frames_for(width, height, bytes_in, bytes_out):
    return 1 + WORKING_SET // (width * height * (bytes_in + bytes_out))


def scene(np, width, height):
    """Smooth structure, edges and noise in 10 bits, black at 64."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.35 + 0.25 * np.sin(x * 0.011) * np.cos(y * 0.017) + 0.35 * ((x // 97 + y // 61) % 5 == 0)
    noise = np.random.default_rng(1).standard_normal((height, width), dtype=np.float32)
    return np.clip(64 + 959 * (light + 0.03 * np.sqrt(light) * noise), 0, 1023).astype(np.uint16)


# ---- OpenCV ---------------------------------------------------------------------------------------------------------

def opencv_chain(cv2, np, raws, width, height):
    """The same work as far as OpenCV has it: five passes over the frame."""
    ccm = np.array([[1.6, -0.6, 0], [-0.3, 1.6, -0.3], [-0.2, -0.5, 1.7]], np.float32)
    curve = (255 * (np.arange(256) / 255) ** (1 / 2.2) + 0.5).astype(np.uint8)
    out = [np.zeros((height, width, 3), np.uint8) for _ in raws]

    def run(i):
        level = cv2.subtract(raws[i], 64)
        color = cv2.transform(cv2.cvtColor(level, cv2.COLOR_BayerBG2BGR), ccm)
        cv2.LUT(cv2.convertScaleAbs(color, alpha=255 / 959), curve, dst=out[i])
    return run


def opencv(np, raw, width, height):
    try:
        import cv2
    except ImportError:
        raise Missing('OpenCV (python3-opencv)')
    cv2.setNumThreads(1)
    rows = []
    for name, code, depth, channels, does in [
            ('OpenCV bilinear', cv2.COLOR_BayerBG2BGRA, 8, 4, 'bilinear demosaic'),
            ('OpenCV edge-aware', cv2.COLOR_BayerBG2BGR_EA, 8, 3, 'edge-aware demosaic of green'),
            ('OpenCV bilinear', cv2.COLOR_BayerBG2BGR, 16, 3, 'bilinear demosaic'),
            ('OpenCV edge-aware', cv2.COLOR_BayerBG2BGR_EA, 16, 3, 'edge-aware demosaic of green')]:
        dtype = np.uint8 if depth == 8 else np.uint16
        count = frames_for(width, height, depth // 8, channels * depth // 8)
        frame = (raw >> 2).astype(np.uint8) if depth == 8 else raw
        raws = [frame.copy() for _ in range(count)]
        outs = [np.zeros((height, width, channels), dtype) for _ in range(count)]
        rows.append(Peer(f'{name}, {depth} bits', f'Bayer {depth} → {"BGRA" if channels == 4 else "BGR"}{depth}', does,
                         BILINEAR, lambda i, r=raws, o=outs, c=code: cv2.cvtColor(r[i], c, dst=o[i]), count))
    count = frames_for(width, height, 2, 3)
    raws = [raw.copy() for _ in range(count)]
    rows.append(Peer('OpenCV, five calls', 'Bayer 16 → BGR8', 'black, bilinear demosaic, CCM, tone table',
                     'LSC, WB, statistics', opencv_chain(cv2, np, raws, width, height), count))
    return rows


# ---- swscale --------------------------------------------------------------------------------------------------------

def library(name, package):
    path = ctypes.util.find_library(name)
    if not path:
        raise Missing(f'{name} ({package})')
    return ctypes.CDLL(path)


def swscale(np, raw, width, height):
    util, scale = library('avutil', 'ffmpeg'), library('swscale', 'ffmpeg')
    util.av_get_pix_fmt.argtypes = [ctypes.c_char_p]
    scale.sws_getContext.restype = ctypes.c_void_p
    scale.sws_scale.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int,
                                ctypes.c_void_p, ctypes.c_void_p]
    rows = []
    for source, target, bytes_in, bytes_out in [('bayer_rggb8', 'rgb24', 1, 3), ('bayer_rggb8', 'bgra', 1, 4),
                                                ('bayer_rggb16le', 'rgb24', 2, 3), ('bayer_rggb8', 'nv12', 1, 1.5)]:
        formats = [util.av_get_pix_fmt(f.encode()) for f in (source, target)]
        context = scale.sws_getContext(width, height, formats[0], width, height, formats[1], 2, None, None, None)
        if min(formats) < 0 or not context:
            raise Missing(f'swscale\'s {source}')
        count = int(frames_for(width, height, bytes_in, bytes_out))
        frame = (raw >> 2).astype(np.uint8) if bytes_in == 1 else raw << 6
        raws = [frame.copy() for _ in range(count)]
        outs = [np.zeros(int(width * height * bytes_out), np.uint8) for _ in range(count)]

        def run(i, context=context, raws=raws, outs=outs, bytes_in=bytes_in, bytes_out=bytes_out):
            at, row = outs[i].ctypes.data, width if bytes_out == 1.5 else int(width * bytes_out)
            scale.sws_scale(context, (ctypes.c_void_p * 4)(raws[i].ctypes.data), (ctypes.c_int * 4)(width * bytes_in), 0,
                            height, (ctypes.c_void_p * 4)(at, at + width * height), (ctypes.c_int * 4)(row, width))
        rows.append(Peer(f'swscale, {8 * bytes_in} bits → {target}', f'{source} → {target}',
                         'bilinear demosaic' + (' in two steps' if target in ('bgra', 'nv12') else ''), BILINEAR, run,
                         count))
    return rows


# ---- LibRaw ---------------------------------------------------------------------------------------------------------

def dng(raw, width, height):
    """An uncompressed DNG of 10 bits in 16, for LibRaw reads files only."""
    def entry(tag, kind, count, value):
        return struct.pack('<HHI', tag, kind, count) + value.ljust(4, b'\0')

    def long(value):
        return struct.pack('<I', value)
    matrix = b''.join(struct.pack('<ii', round(v * 10000), 10000) for v in (.7, -.2, -.1, -.4, 1.2, .2, -.1, .2, .6))
    neutral = b''.join(struct.pack('<II', *v) for v in ((10, 19), (1, 1), (10, 16)))
    name, entries = b'SoftISP bench\0', 17
    extra = 8 + 2 + 12 * entries + 4
    pixels = extra + len(matrix) + len(neutral) + len(name)
    ifd = [(254, 4, 1, long(0)), (256, 4, 1, long(width)), (257, 4, 1, long(height)), (258, 3, 1, long(16)),
           (259, 3, 1, long(1)), (262, 3, 1, long(32803)), (273, 4, 1, long(pixels)), (277, 3, 1, long(1)),
           (278, 4, 1, long(height)), (279, 4, 1, long(2 * width * height)), (33421, 3, 2, struct.pack('<HH', 2, 2)),
           (33422, 1, 4, bytes([0, 1, 1, 2])), (50706, 1, 4, bytes([1, 4, 0, 0])),
           (50708, 2, len(name), long(extra + len(matrix) + len(neutral))), (50714, 3, 1, long(64)),
           (50717, 4, 1, long(1023)), (50721, 10, 9, long(extra))]
    return (b'II*\0' + long(8) + struct.pack('<H', entries) + b''.join(entry(*e) for e in ifd) + long(0) + matrix +
            neutral + name + raw.astype('<u2').tobytes())


def libraw(np, raw, width, height):
    lib = library('raw', 'libraw-dev')
    lib.libraw_init.restype = ctypes.c_void_p
    for name in ('libraw_unpack', 'libraw_dcraw_process', 'libraw_close'):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    lib.libraw_open_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    lib.libraw_set_demosaic.argtypes = [ctypes.c_void_p, ctypes.c_int]
    data = dng(raw, width, height)

    def develop(quality):
        handle = lib.libraw_init(0)
        lib.libraw_set_demosaic(handle, quality)
        error = (lib.libraw_open_buffer(handle, data, len(data)) or lib.libraw_unpack(handle) or
                 lib.libraw_dcraw_process(handle))
        lib.libraw_close(handle)
        if error:
            raise Missing(f'LibRaw says {error}')
    develop(0)
    does = 'unpacking, black, WB, {}, colour matrix'
    return [Peer('LibRaw bilinear', 'Bayer 16 → RGB16', does.format('bilinear'), 'LSC, tone, statistics',
                 lambda i: develop(0), 1),
            Peer('LibRaw PPG', 'Bayer 16 → RGB16', does.format('PPG'), 'LSC, tone, statistics', lambda i: develop(2), 1)]


# ---- rounds ---------------------------------------------------------------------------------------------------------

def softisp_round(build, size, ours):
    out = subprocess.run([os.path.join(build, 'cli', 'softisp'), 'bench', '--json', '--rounds', '1', '--size', size,
                          '--filter', '[cp]*'], capture_output=True, check=True).stdout
    for row in json.loads(out):
        key = row['name'], row['isa']
        if 'skipped' in row:
            continue
        if key not in ours or row['ns_per_pixel_min'] < ours[key]['ns_per_pixel_min']:
            ours[key] = row


def peer_round(peers, pixels):
    for peer in peers:
        for i in range(peer.frames):
            begin = time.process_time_ns()
            peer.run(i)
            peer.best = min(peer.best, (time.process_time_ns() - begin) / pixels)


def gather(args):
    width, height = map(int, args.size.split('x'))
    import numpy as np
    raw, peers, ours = scene(np, width, height), [], {}
    for find in (opencv, swscale, libraw):
        try:
            peers += find(np, raw, width, height)
        except Missing as what:
            print(f'left out: {what}', file=sys.stderr)
    for k in range(args.rounds):
        softisp_round(args.build, args.size, ours)
        peer_round(peers, width * height)
        print(f'round {k + 1} of {args.rounds}', file=sys.stderr)
    return rows_of(peers, ours)


def rows_of(peers, ours):
    """(whose, name, formats, does, lacks, ns), slowest last."""
    rows = [('peer', p.name, p.formats, p.does, p.lacks, p.best) for p in peers]
    for (name, isa), row in ours.items():
        ns = row['ns_per_pixel_min']
        if name in CASES:
            rows.append((OURS, f'{OURS} {name}, {LEVELS[isa]}', *CASES[name], ns))
        elif name == 'peer-bayer2rgb':
            rows.append(('peer', 'GStreamer bayer2rgb', 'Bayer 8 → BGRx', 'bilinear demosaic', BILINEAR, ns))
    if ('peer-bayer2rgb', '-') not in ours:
        print('left out: GStreamer\'s bayer2rgb (gstreamer1.0-plugins-bad)', file=sys.stderr)
    copies = [ours[k]['ns_per_pixel_min'] for k in (('copy', '-'), ('copy-nt', '-'))]
    rows.append(('bound', 'copy', '16 bits → 32 bits', 'moves the bytes of path-a', 'everything', min(copies)))
    return sorted(rows, key=lambda r: r[5])


# ---- what is written ------------------------------------------------------------------------------------------------

def table(rows, args):
    gst = [r[5] for r in rows if r[1].startswith('GStreamer')]
    lines = [f'`bench/compare.py --size {args.size} --rounds {args.rounds}`, {cpu()}: least CPU time of one thread in '
             f'{args.rounds} interleaved rounds.', '',
             '| what | formats | does | does not | ns/pixel | to bayer2rgb |', '|---|---|---|---|---|---|']
    for whose, name, formats, does, lacks, ns in rows:
        mark = '**' if whose == OURS else ''
        ratio = f'{ns / gst[0]:.2f}' if gst else ''
        lines.append(f'| {mark}{name}{mark} | {formats} | {does} | {lacks} | {mark}{ns:.2f}{mark} | {ratio} |')
    return '\n'.join(lines)


def cpu():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    return names[0] if names else os.uname().machine


def plot(rows, args):
    """Bars on a logarithmic axis, one a row."""
    step, left, right, top = 22, 250, 640, 52
    low, high = -1, math.ceil(math.log10(rows[-1][5]))
    height = top + step * len(rows) + 24
    colors = {OURS: '#1f6f5c', 'peer': '#8c8c8c', 'bound': '#c9c9c9'}

    def at(ns):
        return left + (right - left) * (max(math.log10(ns), low) - low) / (high - low)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="720" height="{height}" fill="#fff"/>',
           f'<text x="12" y="20" font-size="15">CPU time of one thread, ns per pixel, {args.size} (shorter is better)</text>',
           '<text x="12" y="38" fill="#555">Peers in grey only demosaic, unless the table says more; '
           'the axis is logarithmic.</text>']
    for power in range(low, high + 1):
        x = at(10 ** power)
        out.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{height - 20}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle" fill="#555">{10.0 ** power:g}</text>')
    for i, (whose, name, _, _, _, ns) in enumerate(rows):
        y = top + i * step
        out.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{name.replace("→", "to")}</text>')
        out.append(f'<rect x="{left}" y="{y + 3}" width="{max(at(ns) - left, 1):.1f}" height="{step - 6}" '
                   f'fill="{colors[whose]}"/>')
        out.append(f'<text x="{at(ns) + 5:.1f}" y="{y + 15}">{ns:.2f}</text>')
    return '\n'.join(out + ['</svg>', ''])


def write(rows, args):
    path = os.path.join(SOURCE, 'doc', 'performance.md')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    begin, end = '<!-- bench/compare.py writes this -->\n', '<!-- to here -->\n'
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f'{before}{begin}{table(rows, args)}\n{end}{after}')
    with open(os.path.join(SOURCE, 'doc', 'performance.svg'), 'w', encoding='utf-8') as f:
        f.write(plot(rows, args))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(SOURCE, 'build'))
    parser.add_argument('--size', default='1920x1080')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--write', action='store_true')
    args = parser.parse_args()
    rows = gather(args)
    print(table(rows, args))
    if args.write:
        write(rows, args)


if __name__ == '__main__':
    main()
