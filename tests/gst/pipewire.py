#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""softispsrc as a camera of PipeWire: a daemon of the test's own, a publisher, and a reader that gets its pictures.
Run: pipewire.py, with GST_PLUGIN_PATH of the build."""
import os, shutil, signal, subprocess, sys, tempfile, time

WIDTH, HEIGHT, FRAMES, TRIES = 320, 240, 5, 5
passed = failed = 0
running = []


def check(name, condition, *why):
    global passed, failed
    passed += bool(condition)
    failed += not condition
    if not condition:
        print(f'FAILED {name}:', *why)


def skip(why):
    print(f'SKIPPED pipewire: {why}')
    sys.exit(77)


def start(name, *command):
    log = open(os.path.join(folder, name + '.txt'), 'w+')
    running.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environment))
    return running[-1]


def wait_for(what, seconds=20):
    """What takes long is the machine's business; what never comes is a failure."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def nodes():
    return subprocess.run(['pw-cli', 'ls', 'Node'], capture_output=True, text=True, env=environment).stdout


for program in 'pipewire', 'wireplumber', 'dbus-run-session', 'pw-cli', 'gst-launch-1.0':
    if not shutil.which(program):
        skip(f'{program} is not installed')
if subprocess.run(['gst-inspect-1.0', 'pipewiresink'], capture_output=True).returncode:
    skip('pipewiresink is not installed (gstreamer1.0-pipewire)')


def read():
    # The manager may not have come to linking yet, and a camera that crashes leaves its reader waiting.
    log = open(os.path.join(folder, 'reader.txt'), 'w')
    try:
        subprocess.run(READER.split(), env=environment, timeout=4, stdout=log, stderr=log)
    except subprocess.TimeoutExpired:
        return False
    return os.path.exists(out) and os.path.getsize(out) > 0


folder = tempfile.mkdtemp(prefix='softisp-pipewire-')
os.chmod(folder, 0o700)
environment = {**os.environ, 'XDG_RUNTIME_DIR': folder, 'PIPEWIRE_RUNTIME_DIR': folder}
environment.pop('DBUS_SESSION_BUS_ADDRESS', None)
environment.pop('G_DEBUG', None)  # PipeWire's own element warns
out = os.path.join(folder, 'out.raw')
CAMERA = (f'gst-launch-1.0 --no-fault softispsrc raw-width={WIDTH} raw-height={HEIGHT} ! video/x-raw,format=BGRx ! '
          'pipewiresink mode=provide stream-properties=p,media.class=Video/Source,node.name=softisp-camera')
READER = f'gst-launch-1.0 -q pipewiresrc target-object=softisp-camera num-buffers={FRAMES} ! video/x-raw ! filesink location={out}'
try:
    start('daemon', 'pipewire')
    check('daemon_is_up', wait_for(lambda: os.path.exists(os.path.join(folder, 'pipewire-0'))))
    start('manager', 'dbus-run-session', '--', 'wireplumber')
    for _ in range(TRIES):
        camera = start('camera', *CAMERA.split())
        if not wait_for(lambda: 'softisp-camera' in nodes() or camera.poll() is not None):
            break
        if wait_for(lambda: camera.poll() is not None or read()) and camera.poll() is None:
            break
    else:
        skip(f'pipewiresink crashed {TRIES} times, as it does with any frames that are not in its own buffers')
    data = open(out, 'rb').read() if os.path.exists(out) else b''
    check('all_of_them', len(data) == FRAMES * WIDTH * HEIGHT * 4, len(data))
    last = data[-WIDTH * HEIGHT * 4:]
    check('they_are_pictures', len(set(last[0::4])) > 50 and len(set(last[2::4])) > 50, len(set(last[0::4])))
finally:
    for process in reversed(running):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in running:
        process.wait(10)
    if failed:
        for name in sorted(os.listdir(folder)):
            if name.endswith('.txt'):
                print(f'--- {name}\n{open(os.path.join(folder, name)).read()[-1500:]}')
    shutil.rmtree(folder, ignore_errors=True)
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
