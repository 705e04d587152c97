#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter in GStreamer 1.26, which has mosaics of 10 to 16 bits: Debian 13 in a folder, this build's plugin in it,
and rgb2bayer's mosaics through softisp (bilinear) and through bayer2rgb: equal within one code.
Run: trixie.py BUILD FOLDER (as root, mmdebstrap installed; FOLDER keeps the system, about 0.6 GiB, for the next time)."""
import os, shutil, subprocess, sys

import numpy as np

build, folder = (os.path.abspath(p) for p in sys.argv[1:])
WIDTH, HEIGHT = 320, 240
FORMATS = ['rggb', 'rggb10le', 'bggr12le', 'gbrg14le', 'grbg16le']
PACKAGES = ['gstreamer1.0-tools', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-bad', 'libjansson4', 'libyaml-0-2', 'libxxhash0',
            'libtiff6', 'libjpeg62-turbo', 'libpng16-16t64', 'liblcms2-2', 'libexif12']
SCRIPT = f'''export GST_PLUGIN_PATH=/opt/softisp LD_LIBRARY_PATH=/opt/softisp GST_REGISTRY=/tmp/registry.bin
for f in {' '.join(FORMATS)}; do
    gst-launch-1.0 -q videotestsrc num-buffers=1 ! video/x-raw,width={WIDTH},height={HEIGHT} ! videoconvert ! rgb2bayer ! \\
        video/x-bayer,format=$f ! tee name=t t. ! queue ! bayer2rgb ! videoconvert ! video/x-raw,format=RGB ! \\
        filesink location=/tmp/peer-$f t. ! queue ! softisp tone=1 color=1 wb-mode=2 auto-exposure=0 demosaic=1 ! \\
        video/x-raw,format=RGB ! filesink location=/tmp/ours-$f
done'''


def make(root):
    uri = subprocess.run(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Origin: Debian', 'Codename: bookworm'],
                         capture_output=True, text=True, check=True).stdout.split('\n')[0]
    source = f'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uri} trixie main'
    made = subprocess.run(['mmdebstrap', '--variant=essential', '--include=' + ','.join(PACKAGES), 'trixie', root + '.part', source],
                          capture_output=True, text=True)
    if made.returncode:
        sys.exit('Debian 13 cannot be installed: ' + made.stderr[-500:])
    os.rename(root + '.part', root)


def picture(root, name):
    path = os.path.join(root, 'tmp', name)
    data = np.fromfile(path, np.uint8) if os.path.exists(path) else np.empty(0, np.uint8)
    return data.reshape(HEIGHT, WIDTH, 3).astype(int) if data.size == HEIGHT * WIDTH * 3 else None


root = os.path.join(folder, 'trixie')
if os.geteuid() or not (os.path.isdir(root) or shutil.which('mmdebstrap')):
    print('SKIPPED trixie: it takes root and mmdebstrap')
    sys.exit(0)
if not os.path.isdir(root):
    os.makedirs(folder, exist_ok=True)
    make(root)
os.makedirs(os.path.join(root, 'opt/softisp'), exist_ok=True)
for path in 'gst/libgstsoftisp.so', 'src/session/libsoftisp.so.0':
    shutil.copy(os.path.join(build, path), os.path.join(root, 'opt/softisp'))
for name in FORMATS:
    for who in 'ours-', 'peer-':
        if os.path.exists(os.path.join(root, 'tmp', who + name)):
            os.unlink(os.path.join(root, 'tmp', who + name))
run = subprocess.run(['chroot', root, 'sh', '-c', SCRIPT], capture_output=True, text=True)
passed = failed = 0
for name in FORMATS:
    ours, peer = (picture(root, who + name) for who in ('ours-', 'peer-'))
    # Above the noise, and without borders, which each treats in its own way.
    worst = abs(ours - peer)[4:HEIGHT * 5 // 8, 4:-4].max() if ours is not None and peer is not None else None
    colours = peer is not None and len({tuple(peer[60, 22 + 45 * i]) for i in range(7)}) == 7
    ok = worst is not None and worst <= 1 and colours
    passed += ok
    failed += not ok
    if not ok:
        print(f'FAILED {name}: worst difference {worst}, {run.stderr[-500:]}')
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
