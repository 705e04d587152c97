#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL of a random worker process at random instants of a live 1080p30 session. Run:
kill_workers.py SOFTISP. SOFTISP_KILLS: how often (30); SOFTISP_STRICT=1: not one recovery may be
late by more than a hypervisor took from this machine meanwhile (the kernel counts that as steal), for a machine that
has nothing else to do. Else one in ten may, and where other work keeps the fast lane from its deadlines without any
kill, the times are only printed."""
import bisect, csv, os, random, shutil, signal, subprocess, sys, tempfile, threading, time

SOFTISP = sys.argv[1]
KILLS = int(os.environ.get('SOFTISP_KILLS', '30'))
STRICT = os.environ.get('SOFTISP_STRICT') == '1'
FPS = 30
INTERVALS = 4
problems = []


def check(condition, *what):
    if not condition:
        problems.append(' '.join(map(str, what)))


class StealLog(threading.Thread):
    """Processor time that this machine was denied: /proc/stat, all processors together."""

    def __init__(self):
        super().__init__(daemon=True)
        self.times, self.steal_ms = [], []
        self.stopped = threading.Event()
        self.tick_ms = 1000 / os.sysconf('SC_CLK_TCK')

    def run(self):
        while not self.stopped.wait(0.01):
            steal = int(open('/proc/stat').readline().split()[8])
            self.times.append(time.monotonic_ns())
            self.steal_ms.append(steal * self.tick_ms)

    def between_ms(self, start_ns, end_ns):
        first = max(bisect.bisect(self.times, start_ns) - 1, 0)
        last = min(bisect.bisect(self.times, end_ns), len(self.times) - 1)
        return self.steal_ms[last] - self.steal_ms[first]


def children(pid):
    """Worker processes by name: their threads bear it."""
    found = {}
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            for child in open(f'/proc/{pid}/task/{task}/children').read().split():
                for thread in os.listdir(f'/proc/{child}/task'):
                    name = open(f'/proc/{child}/task/{thread}/comm').read().strip()
                    if name in ('fast', 'background', 'floor'):
                        found[name] = int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it died meanwhile
    return found


def footprint(pid):
    """Descriptors and shared mappings."""
    shared = [line for line in open(f'/proc/{pid}/maps') if 'memfd:' in line]
    return len(os.listdir(f'/proc/{pid}/fd')), len(shared)


def settled(pid):
    """All three workers there, and what the process has then."""
    for _ in range(1000):
        if len(children(pid)) == 3:
            return footprint(pid)
        time.sleep(0.01)
    check(False, 'the workers are not there')
    return footprint(pid)


def kill_at_random(process, rng):
    kills = []
    while len(kills) < KILLS and process.poll() is None:
        time.sleep(rng.uniform(0.12, 0.3))
        name, pid = rng.choice(sorted(children(process.pid).items()) or [(None, 0)])
        if not name:
            continue
        os.kill(pid, signal.SIGKILL)
        kills.append((time.monotonic_ns(), name, pid))
    return kills


def run(folder):
    rng = random.Random(7)
    table = f'{folder}/t.csv'
    process = subprocess.Popen(
        [SOFTISP, 'live', '--camera', 'sim', '--size', '1920x1080', '--fps', str(FPS), '--seconds', '100000',
         '--preview', '-', '--knob', 'isolation=process', '--knob', 'restart_budget=1000000',
         '--telemetry', table], stdout=subprocess.DEVNULL, stderr=open(f'{folder}/err', 'w'))
    time.sleep(1)
    if process.poll() is not None:
        sys.exit(open(f'{folder}/err').read())
    before = settled(process.pid)
    steal = StealLog()
    steal.start()
    kills = kill_at_random(process, rng)
    time.sleep(0.5)
    after = settled(process.pid)
    steal.stopped.set()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    out = open(f'{folder}/err').read()
    check(process.returncode == 130, 'exit status', process.returncode)
    check(before == after, 'descriptors and shared mappings were', before, 'and are', after)
    return kills, steal, list(csv.DictReader(open(table))), list(csv.DictReader(open(table + '.events.csv'))), out


def check_frames(rows, out):
    ids = sorted(int(r['frame_id']) for r in rows)
    check(ids == list(range(1, len(ids) + 1)), 'not one completion for each frame')
    check(f'{len(ids)} ' in out, 'the report counts other frames:', out)
    bad = [r for r in rows if r['outcome'] in ('failed', 'cancelled')]
    check(len(bad) <= KILLS + 3, len(bad), 'frames failed')


def check_slots(kills, events):
    count = {}
    for e in events:
        count[e['event']] = count.get(e['event'], 0) + 1
    print('  '.join(f'{k} {v}' for k, v in sorted(count.items())))
    check(count.get('PACKET_MOVED_TO_MONITOR', 0) == count.get('PACKET_RETURNED_TO_FIFO', 0), 'a slot is lost')
    killed = len({pid for _, _, pid in kills})  # one can be hit again while it is ending
    deaths = sum(e['event'] == 'WORKER_DETACHED' and e['reason'] == 'worker_died' for e in events)
    check(deaths >= killed, deaths, 'deaths seen of', killed)
    asked, took = {}, []
    for e in events:
        if e['event'] == 'WORKER_DETACHED' and e['reason'] == 'worker_died':
            asked[e['worker']] = int(e['at_ns'])
        elif e['event'] == 'WORKER_RESTARTED' and e['worker'] in asked:
            took.append((int(e['at_ns']) - asked[e['worker']]) / 1e6)
    took.sort()
    print(f'from death to readiness {took[len(took) // 2]:.1f} ms (median), {took[-1]:.1f} ms (worst)')


def check_recovery(kills, steal, rows):
    """From each kill to the first preview of FastISP that was begun after it."""
    good = sorted((int(r['started_ns']), int(r['published_ns'])) for r in rows
                  if r['worker'] == 'FastISP' and r['outcome'] == 'delivered' and r['fallback_used'] == 'false')
    floor = sum(r['worker'] == 'RawISP' and r['outcome'] == 'delivered' for r in rows)
    limit_ms = INTERVALS * 1000 / FPS
    worst = {}
    late, excused = 0, []
    for at, name, _ in kills:
        times = [(published - at) / 1e6 for started, published in good if started > at]
        took_ms = min(times, default=1e9)
        worst.setdefault(name, []).append(took_ms)
        stolen_ms = steal.between_ms(at, at + int(min(took_ms, 1e4) * 1e6))
        late += took_ms > limit_ms + stolen_ms
        if limit_ms < took_ms <= limit_ms + stolen_ms:
            excused.append(f'{took_ms:.0f} ms, {stolen_ms:.0f} ms of them taken')
    for name, times in sorted(worst.items()):
        times.sort()
        print(f'{name}: {len(times)} kills, next FastISP preview after {times[len(times) // 2]:.0f} ms (median), '
              f'{times[-1]:.0f} ms (worst)')
    print(f'{len(rows)} frames, {floor} by the floor, {late} recoveries later than {limit_ms:.0f} ms and what a '
          f'hypervisor took ({steal.between_ms(kills[0][0], kills[-1][0]) / 1e3:.1f} s in all); within that: {excused}')
    slow = sum(r['fallback_reason'] in ('worker_hung', 'deadline') for r in rows)
    if slow * 20 > len(rows) and not STRICT:
        print(f'SKIPPED recovery times: {slow} of {len(rows)} previews missed their time without being killed')
    else:
        check(late <= (0 if STRICT else KILLS // 10), late, 'recoveries were late')
    # A worker that dies between two frames may be back before the next one.
    fell = sum(r['fallback_reason'] == 'worker_died' for r in rows)
    check(floor > 0 or fell == 0, 'the floor made no picture of', fell, 'whose worker died')


folder = tempfile.mkdtemp(prefix='softisp-kill-')
try:
    kills, steal, rows, events, out = run(folder)
    check_frames(rows, out)
    check_slots(kills, events)
    check_recovery(kills, steal, rows)
finally:
    shutil.rmtree(folder, ignore_errors=True)
for p in problems:
    print('FAILED', p)
print(f'{0 if problems else 1} passed, {1 if problems else 0} failed')
sys.exit(1 if problems else 0)
