#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""softisp doctor: what it says, and how it ends. Run: test_doctor.py SOFTISP"""
import json, os, subprocess, time

from harness import SOFTISP, SOURCE, expect, main, one_sentence, run, shared


def text_file(folder, text):
    path = os.path.join(folder, 't.json')
    open(path, 'w').write(text)
    return path


def nothing_known(folder):
    code, out, err = run('doctor')
    expect(code == 1 and not err, code, err)
    for word in (b'none was given', b'missing: lens shading', b'colour matrices        generic default'):
        expect(word in out, word, out)


def camera_speaks_for_itself(folder):
    code, out, _ = run('doctor', '--camera', 'sim')
    expect(code == 0 and b'lens shading           camera' in out, code, out)


def raw_file_and_tuning(folder):
    tuning = text_file(folder, '{"rpi.black_level": {"black_level": 4096},'
                               '"rpi.ccm": {"ccms": [{"ct": 3000, "ccm": [1,0,0, 0,1,0, 0,0,1]}]}}')
    code, out, _ = run('doctor', os.path.join(SOURCE, 'tests/camera/tiny.dng'), '--tuning', tuning)
    expect(b'black level            raw file' in out and b'colour matrices        tuning file' in out, out)
    expect(code == (1 if b'\nmissing' in out or b'\nwrong' in out else 0), code, out)


def scientific_lacks_shading(folder):
    code, out, _ = run('doctor', '--tuning', shared('libcamera_tuning/vc4/imx477_scientific.json'))
    expect(code == 1 and b'missing: lens shading: not in the file' in out, code, out)
    code, out, _ = run('doctor', '--tuning', shared('libcamera_tuning/vc4/imx219.json'))
    expect(code == 0 and b'missing' not in out, code, out)


def sensor_has_a_file(folder):
    mine, other = os.path.join(folder, 'a'), os.path.join(folder, '.config/softisp/tuning')
    os.makedirs(other)
    os.mkdir(mine)
    home = {'HOME': folder, 'XDG_CONFIG_HOME': '', 'SOFTISP_TUNING_PATH': f'{folder}/none:{mine}'}
    code, out, err = run('doctor', '--sensor', 'imx999', env=home)
    expect(code == 1 and f'  {mine}\n'.encode() in out and b'none (not there)' in out and not err, code, out, err)
    matrix = '{"rpi.ccm": {"ccms": [{"ct": 3000, "ccm": [1,0,0, 0,1,0, 0,0,1]}]}}'
    open(f'{other}/imx999.yaml', 'w').write(matrix)
    _, out, _ = run('doctor', '--sensor', 'imx999', env=home)
    expect(f'tuning file: {other}/imx999.yaml (found)'.encode() in out, out)
    open(f'{mine}/imx999.json', 'w').write(matrix)
    _, out, _ = run('doctor', '--sensor', 'imx999', env=home)
    expect(f'tuning file: {mine}/imx999.json (found)'.encode() in out and f'note: {other}'.encode() in out, out)
    _, out, _ = run('doctor', '--sensor', 'imx999', '--tuning', f'{other}/imx999.yaml', env=home)
    expect(f'{other}/imx999.yaml (given)'.encode() in out, out)
    csv, live = os.path.join(folder, 't.csv'), ['live', '--camera', 'sim', '--size', '128x96', '--frames', 2]
    for sensor, is_there in (('imx999', True), ('imx998', False)):
        code, _, err = run(*live, '--telemetry', csv, '--sensor', sensor, env=home)
        ccms = [json.loads(l)['ccm'] for l in open(csv + '.params.jsonl') if '"ccm"' in l]
        expect(code == 0 and is_there == (not err), code, err)
        expect((abs(ccms[0][0] - 1) < 1e-3) == is_there, ccms[0])
    one_sentence(err)
    for verb in (['doctor'], live):
        code, _, err = run(*verb, '--sensor', '../x', env=home)
        expect(code == 2 and 'is not a sensor' in err, code, err)
        one_sentence(err)


def camera_takes_options(folder):
    code, out, _ = run('doctor', '--camera', 'sim:sensor=canon-5d,dark-rows=16')
    expect(code in (0, 1) and b'black level            camera' in out, code, out)
    code, _, err = run('doctor', '--camera', 'sim:nothing=1')
    expect(code == 2 and 'nothing' in err, code, err)
    one_sentence(err)


def a_dng_is_its_own_tuning(folder):
    """Its colour through --tuning makes the picture that it makes by itself."""
    dng, out = os.path.join(SOURCE, 'tests/camera/tiny.dng'), os.path.join(folder, 'x.png')
    lines = []
    for tuning in ([], ['--tuning', dng]):
        code, line, err = run('develop', dng, '-o', out, '--wb', 'auto', '--json', *tuning)
        expect(code == 0, err)
        lines.append(json.loads(line))
    expect(lines[0]['output_hash'] == lines[1]['output_hash'], lines)
    code, text, _ = run('doctor', '--tuning', dng)
    expect(b', for SoftISP Tiny' in text and b'colour matrices        tuning file' in text, text)


def wrong_order_is_said(folder):
    """A driver that flips the picture and keeps the order's name."""
    raws = os.path.join(folder, 'raw')
    os.mkdir(raws)
    code, _, err = run('live', '--camera', 'sim', '--size', '128x96', '--frames', 4, '--raw', raws)
    expect(code == 0 and not err, err)
    frames = b''.join(open(os.path.join(raws, n), 'rb').read() for n in sorted(os.listdir(raws)))
    path = os.path.join(raws, '000003.raw')
    for name, is_right in (('SRGGB10', True), ('SGBRG10', False)):
        size = ['--raw-format', name, '--size', '128x96', '--black', '64']
        _, out, err = run('live', '--camera', 'stdin', *size, '--json', stdin=frames)
        expect(is_right == (not err) == (json.loads(out)['cfa_warning'] is None), out, err)
        code, out, _ = run('info', path, *size)
        expect(code == 0 and (b'CFA order: agrees' in out) == is_right, out)
        code, doctor, _ = run('doctor', path, *size)
        _, out, _ = run('develop', path, *size, '-o', os.path.join(folder, 'x.png'), '--json')
        warning = json.loads(out)['cfa_warning']
        if is_right:
            expect(warning is None and b'probably' not in doctor, warning, doctor)
            continue
        one_sentence(err)
        for text in (err, doctor.decode(), warning):
            expect('RGGB or BGGR' in text, text)
        expect(code == 1, code)


def wrong_file_is_one_sentence(folder):
    path = text_file(folder, '{\n"rpi.awb": {\n"ct_curve": [3000, 0.5]}}')
    code, _, err = run('doctor', '--tuning', path)
    expect(code == 1 and f"{path}:3: 'rpi.awb.ct_curve' " in err, code, err)
    one_sentence(err)


def wrong_use(folder):
    for line in (['--camera', 'x'], ['--tuning'], ['a', 'b'], ['a', '--camera', 'sim'], ['--raw-format', 'SRGGB10', 'a'],
                 ['--stride', '8', 'a'], ['--raw-format', 'SRGGB10', '--size', '8x8', '--cfa', 'RGGB', 'a']):
        code, _, err = run('doctor', *line)
        expect(code == 2, line, code, err)
        one_sentence(err)


def changed_file_is_in_force(folder):
    """Workers as threads and as processes; a broken file in between leaves the last one."""
    def write(path, text):
        open(path + '.new', 'w').write(text)
        os.rename(path + '.new', path)

    matrix = '{"rpi.ccm": {"ccms": [{"ct": 3000, "ccm": [%s, 0,1,0, 0,0,1]}]}}'
    runs = []
    for isolation in ('thread', 'process'):
        path, csv = (os.path.join(folder, isolation + end) for end in ('.json', '.csv'))
        write(path, matrix % '1,0,0')
        runs.append((path, csv, subprocess.Popen(
            [SOFTISP, 'live', '--camera', 'sim', '--size', '128x96', '--fps', '20', '--frames', '60', '--tuning', path,
             '--telemetry', csv, '--knob', f'isolation={isolation}'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if k != 'SOFTISP_LIBEXECDIR'})))
    time.sleep(0.7)
    for path, _, _ in runs:
        write(path, '[]')
    time.sleep(0.8)
    for path, _, _ in runs:
        write(path, matrix % '1.5,-0.5,0')
    for path, csv, process in runs:
        err = process.communicate(timeout=60)[1].decode()
        rows = [json.loads(l) for l in open(csv + '.params.jsonl')]
        first = [r['ccm'][0] for r in rows if 'ccm' in r]
        expect(process.returncode == 0 and 'the last tuning stays' in err and 'is in force' in err, err)
        expect(abs(first[0] - 1) < 1e-3 and abs(first[-1] - 1.5) < 1e-3, first[0], first[-1])


main([nothing_known, camera_speaks_for_itself, raw_file_and_tuning, scientific_lacks_shading, sensor_has_a_file,
      camera_takes_options, a_dng_is_its_own_tuning, wrong_order_is_said,
      wrong_file_is_one_sentence, wrong_use, changed_file_is_in_force])
