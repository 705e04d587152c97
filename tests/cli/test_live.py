#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""softisp live as its users call it. Run: test_live.py SOFTISP"""
import csv, json, os, signal, subprocess, time

from harness import SANITIZED, SOFTISP, Skip, expect, main, one_sentence, run

SIZE, HALF, FPS = ('96x64', '48x32', 15) if SANITIZED else ('640x480', '320x240', 30)
SMALL = ['--camera', 'sim', '--size', SIZE, '--fps', FPS]
# For what must be on time: a busy machine may take some 30 ms from anyone.
SLOW = ['--camera', 'sim', '--size', SIZE, '--fps', 10]


def seconds(n):
    """How long as many frames take as n seconds have at 30 frames a second."""
    return n * 30 // FPS


# Other programs read these columns by name and place.
HEADER = ('session,frame_id,sequence,lane,worker,outcome,reason,capture_ns,accepted_ns,started_ns,finished_ns,'
          'published_ns,deadline_ns,zero_copy,bytes_copied,fallback_used,fallback_from,fallback_to,fallback_reason,'
          'model_hash,seed,plan_token,input_hash,param_hash,params_generation,output_hash,version,isa,threads,width,height,fourcc,stage_ns')


def rows_of(path):
    return list(csv.DictReader(open(path)))


def frames_of_y4m(path):
    data = open(path, 'rb').read()
    head, rest = data.split(b'\n', 1)
    words = head.split()
    size = {w[:1]: w[1:] for w in words[1:]}
    w, h = int(size[b'W']), int(size[b'H'])
    step = 6 + w * h + 2 * ((w + 1) // 2) * ((h + 1) // 2)
    expect(len(rest) % step == 0, 'the stream is not whole', len(rest), step)
    expect(all(rest[i:i + 6] == b'FRAME\n' for i in range(0, len(rest), step)))
    expect(b'XCOLORRANGE=LIMITED' in words, head)
    return len(rest) // step


def every_frame_has_one_row(folder):
    t, y = os.path.join(folder, 't.csv'), os.path.join(folder, 'p.y4m')
    code, out, err = run('live', *SMALL, '--seconds', seconds(3), '--preview', y, '--preview-size', HALF,
                         '--telemetry', t, '--json')
    expect(code == 0, err)
    rows, figures = rows_of(t), json.loads(out)
    expect(open(t).readline().strip() == HEADER, open(t).readline())
    expect(figures['captured'] == 90, figures['captured'])
    expect(len(rows) == 90 - figures['missed'], len(rows))
    expect(len(rows) == figures['telemetry_written'] and figures['telemetry_dropped'] == 0, figures)
    expect(len({r['frame_id'] for r in rows}) == len(rows), 'a frame has two rows')
    delivered = [r for r in rows if r['outcome'] == 'delivered']
    expect(len(delivered) >= 45, len(delivered))  # all of them, where nothing else runs
    expect(frames_of_y4m(y) == len(delivered), frames_of_y4m(y), len(delivered))
    expect(all(r['zero_copy'] == 'true' and r['bytes_copied'] == '0' for r in delivered))
    expect(all(r['input_hash'] and r['param_hash'] and r['output_hash'] for r in delivered))
    expect(all(int(r['capture_ns']) <= int(r['accepted_ns']) <= int(r['published_ns']) for r in delivered))
    lines = [json.loads(line) for line in open(t + '.params.jsonl')]
    known = {line['param_hash'] for line in lines if 'param_hash' in line}
    expect(known == {r['param_hash'] for r in delivered}, 'parameter sets and rows differ')


def held_up(folder):
    """Rows of a run whose fast worker is held up at frame 8, for two intervals."""
    t = os.path.join(folder, 't.csv')
    code, out, err = run('live', *SLOW, '--frames', 24, '--overload', '8:2', '--telemetry', t)
    expect(code == 0, err)
    rows = {int(r['sequence']): r for r in rows_of(t)}
    hit = rows[8]
    expect(hit['fallback_used'] == 'true' and hit['fallback_from'] == 'FastISP' and hit['fallback_to'] == 'RawISP', hit)
    expect(hit['fallback_reason'] == 'worker_hung', hit['fallback_reason'])
    return rows


def overload_falls_back(folder):
    for _ in range(3):  # other programs may take the floor's time as well
        rows = held_up(folder)
        if rows[8]['outcome'] == 'delivered':
            break
    hit = rows[8]
    expect(hit['outcome'] == 'delivered' and hit['worker'] == 'RawISP', hit)
    expect(int(hit['published_ns']) <= int(hit['deadline_ns']), 'the fallback came late')
    after = [rows[k] for k in range(12, 24) if k in rows]
    expect(any(r['worker'] == 'FastISP' and r['fallback_used'] == 'false' for r in after), after)


def events_have_a_file_and_counters(folder):
    t, config = os.path.join(folder, 't.csv'), os.path.join(folder, 'c.yaml')
    open(config, 'w').write('engine:\n  slots: 8\n  lease: 3 s\n')
    code, out, err = run('live', *SLOW, '--frames', 24, '--overload', '8:1', '--telemetry', t, '--json',
                         '--config', config, '--knob', 'slots=12')
    expect(code == 0, err)
    figures = json.loads(out)
    rows = rows_of(t + '.events.csv')
    header = 'at_ns,event,session,frame_id,slot,grant,worker,reason,number'
    expect(open(t + '.events.csv').readline().strip() == header)
    hit = next(r for r in rows_of(t) if r['sequence'] == '8')
    moved = {r['frame_id']: r for r in rows if r['event'] == 'PACKET_MOVED_TO_MONITOR'}
    expect(hit['frame_id'] in moved, rows)  # on a busy machine others are too slow as well
    expect(all(r['worker'] == 'fast' and int(r['slot']) < 12 for r in moved.values()), rows)
    expect(moved[hit['frame_id']]['session'] == hit['session'] == '1', moved, hit)
    late = [r for r in rows if r['event'] == 'LATE_COMPLETION_DROPPED']
    expect(sum(int(r['number']) for r in late) == figures['events']['LATE_COMPLETION_DROPPED'], late, figures['events'])
    expect(figures['events']['PACKET_MOVED_TO_MONITOR'] == len(moved) and figures['events_dropped'] == 0, figures)
    expect(figures['lanes']['fast']['depth'] == 0 and figures['waitingq_depth'] == 0, figures)


def shutter_makes_a_still(folder):
    t, still = os.path.join(folder, 't.csv'), os.path.join(folder, 'still-%s.png')
    code, out, err = run('live', *SMALL, '--seconds', seconds(2), '--shutter', 30, '--still', still, '--telemetry', t,
                         '--json')
    expect(code == 0, err)
    expect(os.path.exists(os.path.join(folder, 'still-000030.png')), os.listdir(folder))
    burst = json.loads(out)['burst']
    expect(burst['count'] == 4 and 1 < burst['effective_frames'] <= 4 and burst['press_ns'] > 0, burst)
    expect([f['fate'] for f in burst['frames']] == ['used'] * 3 + ['reference'], burst)
    expect(all(abs(v) < 100 for f in burst['frames'] for v in f['motion']) and burst['frames'][0]['residual'] > 0, burst)
    still_lane = json.loads(out)['lanes']['background']
    expect(0 < still_lane['latency_p50_ns'] <= still_lane['latency_p99_ns'] <= still_lane['latency_max_ns'], still_lane)
    rows = [r for r in rows_of(t) if r['lane'] == 'background']
    expect(len(rows) == 1, len(rows))
    expect(rows[0]['worker'] == 'SlowISP' and rows[0]['plan_token'] != '0', rows[0])
    lines = [json.loads(line) for line in open(t + '.params.jsonl')]
    expect(any(line.get('burst') for line in lines), 'no burst in the parameters')


def an_early_press_fuses_what_there_is(folder):
    code, out, err = run('live', *SMALL, '--frames', 9, '--shutter', 1, '--still', os.path.join(folder, 's.png'))
    expect(code == 0, err)
    expect(b'burst frame 2: reference\n' in out and b' of 2 (4 wanted), ' in out, out)


# On a busy machine the worker may be said not to answer, too.
def a_still_that_comes_too_late_is_said(folder):
    start = time.monotonic()
    code, _, err = run('live', '--camera', 'sim', '--size', '1280x720', '--fps', 5, '--frames', 9, '--shutter', 8,
                       '--burst', 8, '--knob', 'plan_ttl=1ms', '--still', os.path.join(folder, 's.png'))
    expect(code == 1 and 'the still was dropped (plan_expired)' in err, code, err)
    # Under a sanitizer each of the nine frames takes about a second.
    expect(SANITIZED or time.monotonic() - start < 5, 'waited for a still that cannot come')
    expect(os.listdir(folder) == [], os.listdir(folder))


def a_still_that_cannot_come_is_said(folder):
    still = ['--still', os.path.join(folder, 's.png')]
    code, _, err = run('live', '--camera', 'stdin', '--raw-format', 'SRGGB8', '--size', '64x64', '--shutter', 9, *still,
                       stdin=bytes(64 * 64 * 2))
    expect(code == 1 and 'frame 9' in err, code, err)
    one_sentence(err)
    expect(os.listdir(folder) == [], os.listdir(folder))


def a_row_and_its_raw_remake_the_picture(folder):
    t, raws = os.path.join(folder, 't.csv'), os.path.join(folder, 'raw')
    os.mkdir(raws)
    code, text, err = run('live', *SMALL, '--frames', 12, '--raw', raws, '--telemetry', t, '--json')
    expect(code == 0, err)
    files = os.listdir(raws)
    expect(json.loads(text)['raws'] == len(files) and set(files) <= {f'{n:06}.raw' for n in range(12)}, text, files)
    row = next(r for r in rows_of(t) if r['worker'] == 'FastISP' and int(r['sequence']) >= 6)
    raw = os.path.join(raws, f'{int(row["sequence"]):06}.raw')
    out = os.path.join(folder, 'again.csv')
    code, _, err = run('develop', raw, '-o', os.path.join(folder, 'x.y4m'), '--raw-format', 'SRGGB10', '--size', '640x480',
                       '--coefficients', f'{t}.params.jsonl:{row["param_hash"]}', '--wb', '1,1')
    expect(code == 2 and 'coefficients' in err, code, err)
    code, text, err = run('develop', raw, '-o', os.path.join(folder, 'x.y4m'), '--raw-format', 'SRGGB10', '--size',
                          SIZE, '--coefficients', f'{t}.params.jsonl:{row["param_hash"]}', '--json',
                          '--telemetry', out)
    expect(code == 0, err)
    again = rows_of(out)[0]
    expect(again['input_hash'] == row['input_hash'], 'the raw is another one')
    expect(again['param_hash'] == row['param_hash'], again['param_hash'], row['param_hash'])
    expect(again['output_hash'] == row['output_hash'], again['output_hash'], row['output_hash'])


def headerless_frames_on_stdin(folder):
    y = os.path.join(folder, 'p.y4m')
    frame = b''.join((64 + (x * 7 + r) % 800).to_bytes(2, 'little') for r in range(64) for x in range(96))
    args = ['live', '--camera', 'stdin', '--raw-format', 'SGRBG10', '--size', '96x64', '--fps', 30, '--preview', y]
    code, _, err = run(*args, stdin=frame * 5)
    expect(code == 0, err)
    expect(1 <= frames_of_y4m(y) <= 5, frames_of_y4m(y))
    code, _, err = run(*args, stdin=frame * 2 + frame[:100])
    expect(code == 1, code)
    one_sentence(err)
    code, out, err = run(*args, '--json', stdin=b'')
    expect(code == 0 and json.loads(out)['captured'] == 0, out, err)


def black_is_measured_at_a_dark_edge(folder):
    t, y = os.path.join(folder, 't.csv'), os.path.join(folder, 'p.y4m')
    frame = bytes(20 + r % 2 if x < 8 else 120 for r in range(64) for x in range(72))
    args = ['live', '--camera', 'stdin', '--raw-format', 'SRGGB8', '--size', '72x64', '--black', 'optical']
    code, _, err = run(*args, '--dark', 'left:8', '--preview', y, '--telemetry', t, stdin=frame * 3)
    expect(code == 0, err)
    expect(b' W64 H64 ' in open(y, 'rb').readline())
    lines = [json.loads(line) for line in open(t + '.params.jsonl')]
    for line in lines:
        expect(line['black_level'] == [20, 20, 21, 21] and line['black_confidence'] == 1, line)
        expect(line['sources']['black'] == 'auto', line['sources'])
    code, _, err = run(*args, stdin=frame)
    expect(code == 2 and '--dark' in err, code, err)
    one_sentence(err)


def a_recording_on_stdin_keeps_its_rate(folder):
    raw = os.path.join(folder, 'frames.raw')
    open(raw, 'wb').write(bytes(64 * 64) * 30)
    with open(raw, 'rb') as f:
        r = subprocess.run([SOFTISP, 'live', '--camera', 'stdin', '--raw-format', 'SRGGB8', '--size', '64x64', '--fps',
                            '30', '--json'], stdin=f, capture_output=True)
    expect(r.returncode == 0, r.stderr)
    figures = json.loads(r.stdout)
    expect(figures['captured'] == 30 and figures['ns_total'] > 0.9e9, figures)


def wide_words_on_stdin_are_developed_alike(folder):
    """12 bits in 16-bit words: live, and develop of what live kept, make the same bits."""
    t, raws = os.path.join(folder, 't.csv'), os.path.join(folder, 'raw')
    os.mkdir(raws)
    frame = b''.join((200 + (x * 31 + r * 17) % 4400).to_bytes(2, 'little') for r in range(64) for x in range(96))
    form = ['--raw-format', 'SRGGB16', '--size', '96x64', '--white', 4095]
    code, _, err = run('live', '--camera', 'stdin', *form, '--fps', 2, '--raw', raws, '--telemetry', t, stdin=frame)
    expect(code == 0, err)
    row = rows_of(t)[0]
    again = os.path.join(folder, 'again.csv')
    code, _, err = run('develop', os.path.join(raws, '000000.raw'), '-o', os.path.join(folder, 'x.y4m'), *form,
                       '--coefficients', f'{t}.params.jsonl:{row["param_hash"]}', '--telemetry', again)
    expect(code == 0, err)
    for key in 'input_hash', 'param_hash', 'output_hash':
        expect(rows_of(again)[0][key] == row[key], key)


def y4m_on_stdout(folder):
    path = os.path.join(folder, 'o.y4m')
    for option in '--preview', '--full':
        code, out, err = run('live', *SLOW, '--frames', 10, option, '-')
        expect(code == 0 and 'frames in' in err, err)
        open(path, 'wb').write(out)
        expect(frames_of_y4m(path) >= 8)


def remade(folder, t, raws, out):
    """develop makes a live picture again, bit by bit; the raw file it was made from."""
    row, again = next(r for r in rows_of(t) if r['worker'] == 'FastISP'), os.path.join(folder, 'again.csv')
    raw = os.path.join(raws, f'{int(row["sequence"]):06}.raw')
    code, _, err = run('develop', raw, '-o', out, '--raw-format', 'SRGGB10', '--size', SIZE, '--telemetry', again,
                       '--coefficients', f'{t}.params.jsonl:{row["param_hash"]}')
    expect(code == 0, err)
    expect(rows_of(again)[0]['output_hash'] == row['output_hash'], row)
    return raw


def video_formats(folder):
    """The stream says its format, its frames have that size, and develop makes the same bits again."""
    t, y, raws = (os.path.join(folder, n) for n in ('t.csv', 'p.y4m', 'raw'))
    os.mkdir(raws)
    for name, space, bytes_of in (('yuyv', b'C422', lambda w, h: 2 * w * h), ('P010', b'C420p10', lambda w, h: 3 * w * h)):
        code, _, err = run('live', *SMALL, '--frames', 8, '--preview', y, '--preview-size', HALF, '--preview-format', name,
                           '--raw', raws, '--telemetry', t)
        expect(code == 0, err)
        head, rest = open(y, 'rb').read().split(b'\n', 1)
        w, h = map(int, HALF.split('x'))
        expect(space in head.split() and rest and len(rest) % (6 + bytes_of(w, h)) == 0, head, len(rest))
        remade(folder, t, raws, y)
        os.unlink(y)
    for args in (['--preview-format', 'RGB24'], ['--preview-format', 'NV12', '--preview', folder]):
        code, _, err = run('live', *SMALL, '--frames', 1, *args)
        expect(code == 2 and '--preview-format' in err, args, code, err)
        one_sentence(err)


def turned_previews_and_stills(folder):
    """What live turns, develop makes again bit by bit; and develop's own pictures are turned."""
    t, raws, full = (os.path.join(folder, n) for n in ('t.csv', 'raw', 'full.y4m'))
    os.mkdir(raws)
    form = ['--raw-format', 'SRGGB10', '--size', SIZE]
    for orientation, w, h in ('rotate-180', *SIZE.split('x')), ('rotate-90', *SIZE.split('x')[::-1]):
        code, _, err = run('live', *SMALL, '--frames', 8, '--orientation', orientation, '--raw', raws, '--telemetry', t,
                           '--full', full)
        expect(code == 0, err)
        expect(f' W{w} H{h} '.encode() in open(full, 'rb').readline(), orientation)
        raw = remade(folder, t, raws, os.path.join(folder, 'x.y4m'))
    too_wide = f'{int(SIZE.split("x")[1]) + 2}x64'
    code, _, err = run('live', *SMALL, '--frames', 1, '--orientation', 'transpose', '--preview-size', too_wide)
    expect(code == 2 and '64x' in err and SIZE in err, code, err)

    def picture(name, *args):
        out = os.path.join(folder, 'o.ppm')
        code, _, err = run('develop', raw, '-o', out, *form, *args)
        expect(code == 0, name, err)
        data = open(out, 'rb').read()
        w, h = map(int, data.split(maxsplit=3)[1:3])
        rows = [data[-3 * w * h:][3 * w * y:3 * w * (y + 1)] for y in range(h)]
        return [[row[3 * x:3 * x + 3] for x in range(w)] for row in rows]

    for args in [], ['--lane', 'fast', '--demosaic', 'bilinear', '--wb', '1,1', '--set', 'auto_exposure=0']:
        straight = picture('rotate-0', *args)
        mirrored = picture('mirror', *args, '--orientation', 'mirror')
        expect(mirrored == [row[::-1] for row in straight] and mirrored != straight, args)
        expect(picture('flip', *args, '--orientation', 'flip') == straight[::-1], args)
        turned = picture('rotate-90', *args, '--orientation', 'rotate-90')
        expect(turned == [list(column) for column in zip(*straight[::-1])], args)
    code, _, err = run('live', *SMALL, '--frames', 1, '--orientation', 'left')
    expect(code == 2 and 'rotate-180' in err, code, err)
    one_sentence(err)


def full_pictures_beside_previews(folder):
    """Of every frame one of each, the floor's included."""
    p, f = (os.path.join(folder, n) for n in ('p.y4m', 'f.y4m'))
    code, _, err = run('live', *SMALL, '--frames', 40, '--preview', p, '--preview-size', HALF, '--full', f, '--overload',
                       '20:2')
    expect(code == 0, err)
    size = 'W%s H%s' % tuple(SIZE.split('x'))
    expect(size.encode() in open(f, 'rb').readline(), size)
    expect(frames_of_y4m(f) == frames_of_y4m(p) > 30, frames_of_y4m(f), frames_of_y4m(p))
    for args in (['--full', 'f.mp4'], ['--full', '-', '--json'], ['--full', p, '--preview', p]):
        code, _, err = run('live', *SMALL, '--frames', 1, *args)
        expect(code == 2 and '--full' in err, args, code, err)
        one_sentence(err)


def pngs_in_a_folder(folder):
    code, _, err = run('live', *SLOW, '--frames', 5, '--preview', folder, '--preview-size', HALF)
    expect(code == 0, err)
    names = [n for n in os.listdir(folder) if n.endswith('.png')]
    expect(4 <= len(names) <= 5, names)


def interrupt_keeps_what_was_recorded(folder):
    y = os.path.join(folder, 'p.y4m')
    p = subprocess.Popen([SOFTISP, 'live', '--camera', 'sim', '--size', SIZE, '--preview', y],
                         stdout=subprocess.DEVNULL)
    time.sleep(seconds(2))
    p.send_signal(signal.SIGINT)
    expect(p.wait(10) == 130, p.returncode)
    expect(os.listdir(folder) == ['p.y4m'], os.listdir(folder))
    expect(frames_of_y4m(y) > 5)


def closed_preview_pipe(folder):
    p = subprocess.Popen([SOFTISP, 'live', *map(str, SMALL), '--preview', '-'], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.stdout.read(1000)
    p.stdout.close()
    err = p.stderr.read().decode()
    expect(p.wait(10) == 3, p.returncode)
    one_sentence(err)


def telemetry_on_a_full_disk(folder):
    code, _, err = run('live', *SMALL, '--frames', 5, '--telemetry', '/dev/full')
    expect(code == 3, code)
    one_sentence(err)


def devices_that_are_none(folder):
    for device, why in (('/dev/null', 'is not a V4L2 device'), ('/nowhere', 'No such file'), (folder, 'is not a device')):
        code, _, err = run('live', '--camera', f'v4l2:{device}', '--frames', 1)
        expect(code == 1 and why in err and device in err, device, code, err)
        one_sentence(err)
    code, _, err = run('info', '/dev/null')
    expect(code == 1 and 'is not a V4L2 device' in err, code, err)


main([every_frame_has_one_row, overload_falls_back, events_have_a_file_and_counters, shutter_makes_a_still,
      an_early_press_fuses_what_there_is, a_still_that_comes_too_late_is_said, a_still_that_cannot_come_is_said, a_row_and_its_raw_remake_the_picture, headerless_frames_on_stdin, black_is_measured_at_a_dark_edge, a_recording_on_stdin_keeps_its_rate,
      wide_words_on_stdin_are_developed_alike, y4m_on_stdout, video_formats, turned_previews_and_stills, full_pictures_beside_previews, pngs_in_a_folder, interrupt_keeps_what_was_recorded,
      closed_preview_pipe, telemetry_on_a_full_disk,
      devices_that_are_none])
