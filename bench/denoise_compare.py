#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise reduction of one frame, measured against RawTherapee and darktable at their best settings.

  bench/denoise_compare.py [--build build] [--pictures 4] [--sweep] [--ours OPTION...]

Kodak pictures become RGGB mosaics in linear light with the noise of a phone at ISO 400, 1600 and 6400
(../shared/tools/make_burst.py), as DNG with their true NoiseProfile and ISO. Every program develops
them without a tone curve or sharpening; each channel of its picture is brought to the clean one by the
best rising curve before CPSNR, on sRGB codes, so that nobody's rendering counts.

--sweep searches each peer's settings, one at a time from the best so far, on the first pictures; what was
found and its figures are kept in bench/denoise_peers.json, so that later runs need SoftISP alone.
"""
import argparse, itertools, json, os, sys, tempfile
import peers, raws

CACHE = os.path.join(raws.SOURCE, 'bench', 'denoise_peers.json')
ISOS = (400, 1600, 6400)
DENOISE = 'Directional Pyramid Denoising'
RT_FIXED = {'Enabled': 'true', 'Enhance': 'false', 'LMethod': 'SLI', 'CMethod': 'MAN', 'C2Method': 'MANU',
            'Redchro': 0, 'Bluechro': 0, 'Passes': 1, 'LCurve': '0;', 'CCCurve': '0;', 'MedMethod': 'soft',
            'MethodMed': 'Lpab'}
RT_CHOICES = {'demosaic': ['lmmse', 'amaze'], 'Luma': [0, 20, 40, 60, 75, 85, 92], 'Chroma': [0, 10, 20, 35, 55, 80],
              'Ldetail': [0, 20, 40, 60, 80], 'SMethod': ['shal', 'shalbi'], 'Gamma': [1.0, 1.7, 2.4], 'Method': ['Lab', 'RGB'],
              'Median': ['false', 'true']}
RT_START = {'demosaic': 'lmmse', 'Luma': 75, 'Chroma': 20, 'Ldetail': 40, 'SMethod': 'shal', 'Gamma': 1.7,
            'Method': 'Lab', 'Median': 'false'}
DT_CHOICES = {'strength': [0.35, 0.5, 0.7, 1.0, 1.4, 2.0], 'mode': ['wavelets', 'wavelets_auto', 'nlmeans', 'nlmeans_auto'],
              'demosaic': ['rcd', 'lmmse', 'amaze'], 'luma': [0.35, 0.5, 0.65], 'chroma': [0.35, 0.5, 0.65, 0.8],
              'shadows': [0.7, 1.0, 1.3], 'bias': [0.0, -2.0, -4.0], 'radius': [1.0, 2.0, 4.0], 'scattering': [0.0, 0.3, 1.0]}
DT_START = {'strength': 1.0, 'mode': 'wavelets', 'demosaic': 'rcd', 'luma': 0.5, 'chroma': 0.5, 'shadows': 1.0,
            'bias': 0.0, 'radius': 1.0, 'scattering': 0.0}


def rawtherapee(dng, folder, iso, s):
    settings = {(DENOISE, k): v for k, v in {**RT_FIXED, **s}.items() if k != 'demosaic'}
    return peers.rawtherapee(dng, folder, {**settings, ('RAW Bayer', 'Method'): s['demosaic']})


def darktable(dng, folder, iso, s):
    params = {k: v for k, v in s.items() if k not in ('demosaic', 'mode', 'strength')}
    denoise = peers.denoise_params(s['mode'], raws.noise_model(iso), s['strength'], **params)
    return peers.darktable(dng, folder, s['demosaic'], denoise)


PEERS = {'RawTherapee': (rawtherapee, RT_CHOICES, RT_START), 'darktable': (darktable, DT_CHOICES, DT_START)}


def search(develop, choices, best, known, measure):
    """One coordinate at a time until a whole pass finds nothing better. `known`: figures by settings."""
    def value(settings):
        key = json.dumps(settings, sort_keys=True)
        if key not in known:
            known[key] = measure(settings)
        return known[key]

    for _ in range(2):
        before = dict(best)
        for name, options in choices.items():
            best = max(({**best, name: o} for o in options), key=value)
        if best == before:
            break
    return best, value(best)


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.truth = raws.sheet([raws.kodak(n) for n in range(1, args.pictures + 1)])
        self.files = {}
        for iso in ISOS:
            self.files[iso] = os.path.join(folder, f'iso{iso}.dng')
            noisy = raws.add_noise(raws.mosaic(self.truth), iso)
            raws.write_dng(self.files[iso], raws.codes_of(noisy), iso)

    def score(self, picture):
        return raws.score(picture, self.truth)

    def sweep(self, name, iso, start, known):
        develop, choices, _ = PEERS[name]

        def measure(settings):
            found = self.score(develop(self.files[iso], self.folder, iso, settings))
            print(f'{name} ISO {iso}: {found:.2f} dB {settings}', file=sys.stderr, flush=True)
            return found
        return search(develop, choices, start, known, measure)


def load():
    if not os.path.exists(CACHE):
        return {}
    with open(CACHE, encoding='utf-8') as f:
        return json.load(f)


def save(cache):
    with open(CACHE, 'w', encoding='utf-8') as f:
        json.dump(cache, f, indent=1, sort_keys=True)
        f.write('\n')


def sweep_all(bench, cache):
    """Settings of the best by ISO, searched on this run's pictures; no figure without its pictures."""
    for name, (_, _, start) in PEERS.items():
        for iso in ISOS:
            known = {}
            best, found = bench.sweep(name, iso, start, known)
            cache.setdefault(name, {})[str(iso)] = {'settings': best, 'tried': len(known),
                                                    'searched_on': bench.args.pictures, 'figures': {}}
            cache[name][str(iso)]['figures'][str(bench.args.pictures)] = round(found, 3)
            start = best
            save(cache)


def fill(bench, cache):
    """The peers' figures on this many pictures, where the cache has none."""
    for name, iso in itertools.product(PEERS, ISOS):
        row = cache.get(name, {}).get(str(iso))
        if not row:
            sys.exit(f'{CACHE} knows no settings of {name} at ISO {iso}: run --sweep first')
        if str(bench.args.pictures) not in row['figures']:
            picture = PEERS[name][0](bench.files[iso], bench.folder, iso, row['settings'])
            row['figures'][str(bench.args.pictures)] = round(bench.score(picture), 3)
            save(cache)


def table(bench, cache):
    count = str(bench.args.pictures)
    print(f'CPSNR in dB, Kodak 1 to {count}, one frame, phone noise; each channel fitted by a rising curve.\n')
    print('| ISO | RawTherapee | darktable | SoftISP | ahead by |\n|---|---|---|---|---|')
    for iso in ISOS:
        rivals = [cache[name][str(iso)]['figures'][count] for name in PEERS]
        own = bench.score(peers.ours(bench.args.build, bench.files[iso], bench.folder, bench.args.ours))
        print(f'| {iso} | {rivals[0]:.2f} | {rivals[1]:.2f} | **{own:.2f}** | {own - max(rivals):+.2f} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(raws.SOURCE, 'build'))
    parser.add_argument('--pictures', type=int, default=4, help='Kodak 1 to this (4)')
    parser.add_argument('--sweep', action='store_true', help='search the peers\' best settings again')
    parser.add_argument('--ours', nargs=argparse.REMAINDER, default=[], help='options for softisp develop; last')
    args = parser.parse_args()
    cache = load()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, folder)
        needs_peers = args.sweep or any(str(args.pictures) not in cache.get(n, {}).get(str(i), {}).get('figures', {})
                                        for n in PEERS for i in ISOS)
        if needs_peers and peers.missing():
            sys.exit('not installed: ' + ', '.join(peers.missing()))
        if args.sweep:
            sweep_all(bench, cache)
        fill(bench, cache)
        table(bench, cache)


if __name__ == '__main__':
    main()
