#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install into a folder, then build the examples as a user does: pkg-config and cc. Run: install.py SOURCE BUILD"""
import os, shutil, subprocess, sys, tempfile

source, build = sys.argv[1], sys.argv[2]
passed = failed = 0
root = tempfile.mkdtemp(prefix='softisp-install-')


def check(name, condition, *why):
    global passed, failed
    passed += bool(condition)
    failed += not condition
    if not condition:
        print(f'FAILED {name}:', *why)


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


try:
    r = run('meson', 'install', '-C', build, '--no-rebuild', '--destdir', root)
    check('installs', r.returncode == 0, r.stderr)
    found = {f: os.path.join(d, f) for d, _, fs in os.walk(root) for f in fs}
    for name in 'softisp', 'softisp.pc', 'softisp.h', 'softisp.1', 'softisp-rawdec', 'softisp-worker', 'libsoftisp.so':
        check(f'{name}_is_installed', name in found)
    pc = os.path.dirname(found['softisp.pc'])
    lib = os.path.dirname(found['libsoftisp.so'])
    flags = run('pkg-config', '--cflags', '--libs', 'softisp', PKG_CONFIG_PATH=pc, PKG_CONFIG_SYSROOT_DIR=root)
    check('pkg_config_knows_it', flags.returncode == 0, flags.stderr)
    for name in 'develop', 'preview', 'two_cameras':
        program = os.path.join(root, name)
        text = os.path.join(source, 'examples', name + '.c')
        check(f'{name}_is_under_100_lines', open(text).read().count('\n') < 100)
        r = run('cc', text, '-o', program, *flags.stdout.split())
        check(f'{name}_builds', r.returncode == 0, r.stderr)
        r = run(program, LD_LIBRARY_PATH=lib)
        check(f'{name}_runs', r.returncode == 0 and r.stdout, r.stderr)
    programs = {'LD_LIBRARY_PATH': lib, 'SOFTISP_LIBEXECDIR': os.path.dirname(found['softisp-rawdec'])}
    r = run(found['softisp'], 'develop', os.path.join(source, 'tests/camera/tiny.dng'), '-o', os.path.join(root, 'tiny.png'),
            **programs)
    check('installed_command_develops', r.returncode == 0, r.stderr)
    r = run(found['softisp'], 'live', '--camera', 'sim', '--size', '320x240', '--frames', '5', '--knob', 'isolation=process',
            **programs)
    check('installed_command_has_its_workers', r.returncode == 0, r.stderr)
finally:
    shutil.rmtree(root)
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
