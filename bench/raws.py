# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic raw files with a known truth, and how far a developed picture is from it.

The camera of these files has the primaries of sRGB and a daylight white balance, so that a program
that does nothing but balance, demosaic and convert by the file's own matrix gives the truth back.
"""
import importlib.util, math, os, struct
import numpy as np
from PIL import Image

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
SHARED = os.path.join(SOURCE, '..', 'shared')
BURST_TOOL = os.path.join(SHARED, 'tools', 'make_burst.py')
BLACK, WHITE = 256, 4095
EXPOSURE = 0.8
NEUTRAL = np.array([1 / 2.0, 1.0, 1 / 1.6])
TILE_WIDTH, TILE_HEIGHT, BORDER = 768, 512, 16
PHONE_A, PHONE_B = 3.24e-4, 4.3e-6  # at ISO 100, as make_burst.py's camera 'phone'
XYZ_TO_SRGB = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560],
                        [0.0556434, -0.2040259, 1.0572252]])


def kodak_path(number):
    return os.path.join(SHARED, 'data', 'kodak', f'kodim{number:02d}.png')


def kodak(number):
    """sRGB codes 0 to 1; pictures that stand are laid down."""
    picture = np.asarray(Image.open(kodak_path(number)).convert('RGB'), np.float64) / 255
    return picture if picture.shape[1] == TILE_WIDTH else picture.transpose(1, 0, 2)


def linear(codes):
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def sheet(pictures):
    """Pictures of one size side by side, in as square a grid as they fill."""
    cols = max(c for c in range(1, math.isqrt(len(pictures)) + 1) if len(pictures) % c == 0)
    cols = len(pictures) // cols
    return np.concatenate([np.concatenate(pictures[i:i + cols], 1) for i in range(0, len(pictures), cols)], 0)


def tiles(picture):
    """The pictures of a sheet again."""
    return [picture[y:y + TILE_HEIGHT, x:x + TILE_WIDTH] for y in range(0, picture.shape[0], TILE_HEIGHT)
            for x in range(0, picture.shape[1], TILE_WIDTH)]


def mosaic(codes):
    """Noise-free RGGB samples, 0 black and 1 white."""
    light = linear(codes) * EXPOSURE * NEUTRAL
    raw = light[..., 1].copy()
    raw[0::2, 0::2] = light[0::2, 0::2, 0]
    raw[1::2, 1::2] = light[1::2, 1::2, 2]
    return raw


def noise_model(iso):
    """Variance a x + b of a sample x."""
    return PHONE_A * iso / 100, PHONE_B * (iso / 100) ** 2


def add_noise(raw, iso, seed=1):
    """By make_burst.py's own generator: Poisson and Gaussian, the same bits everywhere."""
    spec = importlib.util.spec_from_file_location('make_burst', BURST_TOOL)
    burst = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(burst)
    a, b = noise_model(iso)
    shot = a * burst.poisson(raw / a, seed, 10).reshape(raw.shape)
    return shot + math.sqrt(b) * burst.normal(seed, 12, raw.size).reshape(raw.shape)


def codes_of(raw):
    return np.clip(np.rint(BLACK + raw * (WHITE - BLACK)), 0, WHITE).astype('<u2')


# ---- DNG ------------------------------------------------------------------------------------------------------------

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8, 12: 8, 13: 4}


def rationals(values, signed=False):
    return b''.join(struct.pack('<ii' if signed else '<II', round(float(v) * 1000000), 1000000) for v in values)


def directory(entries, offset):
    """One IFD at `offset`: (tag, type, bytes) each; what does not fit four bytes follows it."""
    entries = sorted(entries)
    extra, extra_at, out = b'', offset + 2 + 12 * len(entries) + 4, struct.pack('<H', len(entries))
    for tag, kind, value in entries:
        out += struct.pack('<HHI', tag, kind, len(value) // SIZES[kind])
        if len(value) > 4:
            out += struct.pack('<I', extra_at + len(extra))
            extra += value + b'\0' * (len(value) % 2)
        else:
            out += value.ljust(4, b'\0')
    return out + struct.pack('<I', 0) + extra


def write_dng(path, codes, iso):
    """Uncompressed, 16 bits a sample, with NoiseProfile and ISO."""
    height, width = codes.shape
    short, long = (lambda *v: struct.pack(f'<{len(v)}H', *v)), (lambda v: struct.pack('<I', v))
    matrix = rationals((NEUTRAL[:, None] * XYZ_TO_SRGB).ravel(), True)
    name = b'SoftISP bench\0'
    main = [(254, 4, long(0)), (256, 4, long(width)), (257, 4, long(height)), (258, 3, short(16)), (259, 3, short(1)),
            (262, 3, short(32803)), (271, 2, b'SoftISP\0'), (272, 2, b'bench\0'), (274, 3, short(1)), (277, 3, short(1)),
            (278, 4, long(height)), (279, 4, long(2 * width * height)), (284, 3, short(1)), (33421, 3, short(2, 2)),
            (33422, 1, bytes([0, 1, 1, 2])), (50706, 1, bytes([1, 4, 0, 0])), (50707, 1, bytes([1, 1, 0, 0])),
            (50708, 2, name), (50711, 3, short(1)), (50714, 3, short(BLACK)), (50717, 4, long(WHITE)), (50721, 10, matrix),
            (50728, 5, rationals(NEUTRAL)), (50778, 3, short(21)),
            (51041, 12, struct.pack('<dd', *noise_model(iso)))]
    exif = [(33434, 5, rationals([0.01])), (34855, 3, short(iso))]
    placed = [(273, 4, long(0)), (34665, 4, long(0))]
    exif_at = 8 + len(directory(main + placed, 8))
    samples_at = exif_at + len(directory(exif, exif_at))
    placed = [(273, 4, long(samples_at)), (34665, 4, long(exif_at))]
    with open(path, 'wb') as f:
        f.write(b'II*\0' + long(8) + directory(main + placed, 8) + directory(exif, exif_at) + codes.astype('<u2').tobytes())


# ---- pictures back --------------------------------------------------------------------------------------------------

def fields_of(data, order, at):
    """Of the directory at `at`, what is whole numbers or fractions of them."""
    fields = {}
    for i in range(struct.unpack(order + 'H', data[at:at + 2])[0]):
        tag, kind, count = struct.unpack(order + 'HHI', data[at + 2 + 12 * i:at + 10 + 12 * i])
        if kind in (3, 4, 5, 13):
            size = count * SIZES[kind]
            value = data[at + 10 + 12 * i:at + 14 + 12 * i]
            if size > 4:
                place = struct.unpack(order + 'I', value)[0]
                value = data[place:place + size]
            numbers = struct.unpack(f'{order}{count * (2 if kind == 5 else 1)}{"H" if kind == 3 else "I"}', value[:size])
            fields[tag] = tuple(n / d for n, d in zip(numbers[::2], numbers[1::2])) if kind == 5 else numbers
    return fields


def strips(path, data, order, fields):
    """Uncompressed samples of 8 or 16 bits, row by row."""
    if fields.get(259, (1,))[0] != 1:
        raise ValueError(f'{path}: compressed')
    pixels = b''.join(data[o:o + n] for o, n in zip(fields[273], fields[279]))
    kind = order + ('u2' if fields[258][0] == 16 else 'u1')
    return np.frombuffer(pixels, kind, fields[256][0] * fields[257][0] * fields[277][0])


def read_tiff(path):
    """RGB, 8 or 16 bits, uncompressed, in strips: values 0 to 1."""
    with open(path, 'rb') as f:
        data = f.read()
    order = '<' if data[:2] == b'II' else '>'
    fields = fields_of(data, order, struct.unpack(order + 'I', data[4:8])[0])
    values = strips(path, data, order, fields)
    return values.reshape(fields[257][0], fields[256][0], 3) / (2.0 ** fields[258][0] - 1)


def read_dng(path):
    """The mosaic of a DNG that softisp wrote: codes, black, white."""
    with open(path, 'rb') as f:
        data = f.read()
    fields = fields_of(data, '<', struct.unpack('<I', data[4:8])[0])
    fields = fields_of(data, '<', fields[330][0])
    codes = strips(path, data, '<', fields).reshape(fields[257][0], fields[256][0])
    return codes.astype(np.float64), fields[50714][0], fields[50717][0]


def read_netpbm(path):
    with open(path, 'rb') as f:
        kind, width, height, top = f.readline(), *map(int, f.readline().split()), int(f.readline())
        values = np.frombuffer(f.read(), '>u2' if top > 255 else 'u1')
    return values.reshape((height, width, 3) if kind == b'P6\n' else (height, width)), top


def read_ppm(path):
    values, top = read_netpbm(path)
    return values / top


def read_pgm(path):
    return read_netpbm(path)[0]


# ---- score ----------------------------------------------------------------------------------------------------------

def monotone(values, weights):
    """The rising sequence nearest to `values`: pool adjacent violators."""
    blocks = []
    for value, weight in zip(values, weights):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            last, weight_last, count = blocks.pop()
            value, weight, before = blocks[-1]
            blocks[-1] = [(value * weight + last * weight_last) / (weight + weight_last), weight + weight_last,
                          before + count]
    return np.concatenate([np.full(count, value) for value, _, count in blocks])


def fit(picture, truth, bins=1024):
    """`picture` under the rising curve that brings it nearest to `truth`, one channel."""
    codes = np.rint(np.clip(picture, 0, 1) * 65535).astype(np.int64)
    counts = np.bincount(codes, minlength=65536)
    sums = np.bincount(codes, weights=truth, minlength=65536)
    # Bins of about as many samples each, so that the curve follows neither noise nor only the bright half.
    part = np.minimum((np.cumsum(counts) - counts) * bins // len(codes), bins - 1)
    weight = np.bincount(part, weights=counts)
    used = weight > 0
    x = (np.bincount(part, weights=counts * np.arange(65536.0))[used]) / weight[used]
    y = monotone(np.bincount(part, weights=sums)[used] / weight[used], weight[used])
    return np.interp(codes, x, y)


def cpsnr(picture, truth, border=BORDER):
    """All three channels, each after its own fit."""
    inside = np.s_[border:-border, border:-border]
    error = 0
    for c in range(3):
        clean = truth[inside][..., c].ravel()
        error += ((fit(picture[inside][..., c].ravel(), clean) - clean) ** 2).mean() / 3
    return -10 * math.log10(error)


def score(picture, truth):
    """Mean CPSNR over the pictures of a sheet, on sRGB codes."""
    return float(np.mean([cpsnr(p, t) for p, t in zip(tiles(picture), tiles(truth))]))
