# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that SoftISP is measured against: how each is asked for a neutral or a default picture."""
import os, shutil, struct, subprocess, sys
import numpy as np
import raws

PACKAGES = {'darktable-cli': 'darktable', 'rawtherapee-cli': 'rawtherapee', 'dcraw_emu': 'libraw-bin',
            'cjpeg': 'libjpeg-turbo-progs'}
THREADS = '2'
# darktable's own numbers (darktable 4.2): module versions and their parameters as packed structs.
DEMOSAICS = {'ppg': 0, 'amaze': 1, 'vng': 2, 'rcd': 5, 'lmmse': 6}
MODES = {'nlmeans': 0, 'wavelets': 1, 'nlmeans_auto': 3, 'wavelets_auto': 4}


def missing():
    """Words for what is not installed."""
    return [f'{name} ({package})' for name, package in PACKAGES.items() if not shutil.which(name)]


def run(command, folder):
    """What it said. Two processors, two threads, a home of its own so that no user's settings count."""
    env = dict(os.environ, HOME=folder, OMP_NUM_THREADS=THREADS, XDG_CONFIG_HOME=folder, XDG_CACHE_HOME=folder)
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f'{" ".join(command)}: {done.stdout[-500:]}')
    return done.stdout


def softisp(build):
    return os.path.join(build, 'cli', 'softisp')


# ---- neutral pictures: linear light, no tone mapping, no sharpening -------------------------------------------------

def ours(build, dng, folder, options=()):
    out = os.path.join(folder, 'ours.ppm')
    run([softisp(build), 'develop', dng, '-o', out, '--depth', '16', '--tone', 'linear', '--wb', 'camera', '--threads',
         THREADS, *options], folder)
    return raws.read_ppm(out)


def libraw(dng, folder, quality='3'):
    """-4: 16 bits, linear; -o 1: sRGB; -w: the camera's white balance."""
    out = os.path.join(folder, 'libraw.ppm')
    run(['dcraw_emu', '-q', quality, '-w', '-o', '1', '-4', '-Z', out, dng], folder)
    return raws.read_ppm(out)


def sections(settings):
    lines, last = [], None
    for (section, key), value in sorted(settings.items()):
        if section != last:
            lines.append(f'[{section}]')
        lines.append(f'{key}={value}')
        last = section
    return '\n'.join(lines) + '\n'


def rawtherapee(dng, folder, settings):
    """Its neutral profile, which is what a processing profile without a word means, and `settings`."""
    profile, out = os.path.join(folder, 'peer.pp3'), os.path.join(folder, 'rt.tif')
    base = {('RAW Bayer', 'Method'): 'amaze', ('Color Management', 'OutputProfile'): 'RTv4_sRGB',
            ('Color Management', 'ToneCurve'): 'false', ('HLRecovery', 'Enabled'): 'false'}
    with open(profile, 'w', encoding='utf-8') as f:
        f.write(sections({**base, **settings}))
    run(['rawtherapee-cli', '-Y', '-t', '-b16', '-q', '-p', profile, '-o', out, '-c', dng], folder)
    # Its demosaics leave out four samples at each edge.
    return np.pad(raws.read_tiff(out), ((4, 4), (4, 4), (0, 0)), 'edge')


def history(modules):
    items = ''.join(
        f'<rdf:li darktable:num="{i}" darktable:operation="{name}" darktable:enabled="{enabled}" '
        f'darktable:modversion="{version}" darktable:params="{params.hex()}" darktable:multi_name="" '
        f'darktable:multi_priority="0" darktable:blendop_version="11" '
        f'darktable:blendop_params="gz14eJxjYIAACQYYOOHEgAZY0QVwggZ7CB6pfNoAAE8gGQg="/>'
        for i, (name, enabled, version, params) in enumerate(modules))
    return ('<?xml version="1.0" encoding="UTF-8"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
            'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
            'xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="5" darktable:raw_params="0" '
            f'darktable:auto_presets_applied="1" darktable:history_end="{len(modules)}" darktable:iop_order_version="2">'
            f'<darktable:history><rdf:Seq>{items}</rdf:Seq></darktable:history></rdf:Description></rdf:RDF></x:xmpmeta>')


def denoise_params(mode, noise, strength, radius=1.0, shadows=1.0, bias=0.0, scattering=0.0, overshooting=1.0,
                   luma=0.5, chroma=0.5):
    """denoiseprofile, version 11. `noise`: the a and b of the samples; luma and chroma: the curves' heights."""
    a, b = noise
    curve_x = [band / 6 for band in range(7)] * 6
    curve_y = [0.5] * 28 + [luma] * 7 + [chroma] * 7
    return struct.pack('<8f3f3fi42f42f3ii', radius, 7.0, strength, shadows, bias, scattering, 0.1, overshooting,
                       a, a, a, b, b, b, MODES[mode], *curve_x, *curve_y, 1, 1, 1, 1)


def darktable(dng, folder, demosaic='rcd', denoise=None):
    """No base curve, no filmic, no sharpening: rawprepare to colorout and what is asked for."""
    sidecar, out = os.path.join(folder, 'peer.xmp'), os.path.join(folder, 'dt.tif')
    modules = [('demosaic', 1, 4, struct.pack('<ifiiif', 0, 0, 0, DEMOSAICS[demosaic], 1, 0.2)),
               ('highlights', 0, 4, bytes(48))]
    if denoise:
        modules.append(('denoiseprofile', 1, 11, denoise))
    with open(sidecar, 'w', encoding='utf-8') as f:
        f.write(history(modules))
    if os.path.exists(out):
        os.remove(out)
    conf = ['plugins/darkroom/workflow=none', 'plugins/imageio/format/tiff/bpp=16',
            'plugins/imageio/format/tiff/compress=0']
    run(['darktable-cli', dng, sidecar, out, '--icc-type', 'SRGB', '--core', '--disable-opencl', '-t', THREADS,
         '--configdir', os.path.join(folder, 'dt'), '--library', ':memory:', *[w for c in conf for w in ('--conf', c)]],
        folder)
    return raws.read_tiff(out)
