#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models, checked by spin; figures are printed. Run in a folder that may be filled:
  run.py --size WxSxF[xE] [--full]  token.pml: workers, slots, frames, extra dispatches; full keeps what is
                                    dropped because it cannot matter (stale hints and reports, quarantine)
  run.py --ends WxSxF[xE]           token.pml has no cycle: every run comes to rest
  run.py --leases | --batches       consumers' leases; ControlItems over a bad line
  run.py --mutants [--short]        deliberate mistakes; each must be noticed, with states and seconds
  run.py --replay N --protocol P [--engine E]
                                    N traces by the program P, N/50 of the whole engine by E, accepted by the model
  run.py --nightly --protocol P     all of it, larger"""
import argparse, os, re, shutil, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))
passed = failed = 0

ANY = 'assertion|block'  # block: the next edge's guard refuses, which the code asserts
TAKES, ITEMS = 'TAKES=6', ['ITEMS=4', 'RESTARTS=1']
# name: (model, switches, size, text that the counterexample must name)
mutants = {
    'reuse before acknowledgement': ('token', ['M_REUSE'], '2x2x2x1', 'assertion'),
    'convert while the CPU writes': ('token', ['M_CONVERT_BUSY'], '2x2x2x1', ANY),
    'return without asking hardware': ('token', ['M_NO_HW_ASK'], '2x2x2x1', ANY),
    'finish without the hardware guard': ('token', ['M_FINISH_HW'], '2x2x2x1', 'assertion'),
    'free_seq outside the lock': ('token', ['M_FREE_SEQ'], '2x2x4x1', 'free_seq'),
    'claim oldest first': ('token', ['M_CLAIM_OLDEST'], '2x2x2x1', 'assertion'),
    'item skipped when a claim fails': ('token', ['M_SKIP'], '2x2x2x1', 'completions'),
    'grant not raised': ('token', ['M_GRANT', 'FULL'], '2x2x3x1', 'assertion'),
    'hardware done of any grant': ('token', ['M_HW_DONE_ANY_GRANT', 'FULL'], '2x2x3x1', 'assertion'),
    'epoch checked by another': ('token', ['M_EPOCH'], '2x2x2x1', 'is_stale'),
    'returned under a pin': ('token', ['M_RETURN_PINNED'], '2x2x2x1', ANY),
    'reset while the CPU may submit': ('token', ['M_REAP_HW_EARLY'], '2x2x2x1', 'assertion'),
    'second hardware job in one attempt': ('token', ['M_TWO_JOBS', 'FULL'], '2x2x2x1', 'assertion'),
    'unpinned when the lease runs out': ('leases', ['M_LEASE', TAKES], None, 'lent'),
    'lease ends and no longer counts': ('leases', ['M_CAP', TAKES], None, 'assertion'),
    'return by a stale handle': ('leases', ['M_STALE_HANDLE', TAKES], None, 'lent'),
    'consumer buried on suspicion': ('leases', ['M_SUSPECT', TAKES], None, 'lent'),
    'no idempotence check': ('batches', ['M_NO_IDEMPOTENCE', *ITEMS], None, 'assertion'),
    'window counted, not spanned': ('batches', ['M_WINDOW_BY_COUNT', *ITEMS], None, 'returned'),
    'incarnation not compared': ('batches', ['M_NO_INCARNATION', *ITEMS], None, 'returned'),
    'item for another grant': ('batches', ['M_NO_GRANT', *ITEMS], None, 'is_pending'),
}
short = ['reuse before acknowledgement', 'free_seq outside the lock', 'epoch checked by another',
         'unpinned when the lease runs out', 'no idempotence check']


def build(model, defines, folder, options=('-DSAFETY',)):
    flags = ['-D' + d for d in defines]
    out = subprocess.run(['spin', *flags, '-a', os.path.join(here, model + '.pml')], cwd=folder, capture_output=True, text=True)
    if out.returncode or not os.path.exists(os.path.join(folder, 'pan.c')):
        sys.exit(out.stdout + out.stderr)
    subprocess.run(['gcc', '-O1', '-w', *flags, '-DNOFAIR', '-DNOREDUCE', '-DNOBOUNDCHECK', '-DMEMLIM=8000', *options,
                    '-I', here, '-o', 'pan', 'pan.c'], cwd=folder, check=True)


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0.0


def explore(name, model, defines, options=('-DSAFETY',), hash_bits=22, search=()):
    """Build and search; returns (first error or None, figures)."""
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        build(model, defines, folder, options)
        out = subprocess.run(['./pan', '-m1000000', f'-w{hash_bits}', *search], cwd=folder, capture_output=True, text=True).stdout
    error = re.search(r'^pan:1: (.*)', out, re.M)
    whole = 'errors: ' in out and 'Search not completed' not in out and 'out of memory' not in out
    figures = '%.0f states, %.1f s, %.2f GB' % (number(r'(\d+) states, stored', out), time.time() - start,
                                                number(r'([\d.]+)\s+total actual memory', out) / 1024)
    if not error and not whole:
        sys.exit(f'{name}: {out}')
    unused = re.findall(r'^\s+\S+:(\d+), state \d+, (?!"-end-")', out, re.M)
    if not error and unused:  # a model that cannot take a step proves nothing about it
        return 'never taken: lines ' + ', '.join(sorted(set(unused))), figures
    return error and error.group(1), figures


def report(name, good, text):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(('' if good else 'FAILED ') + f'{name}: {text}', flush=True)


def sizes(size):
    parts = [int(p) for p in size.split('x')]
    return ['WORKERS=%d' % parts[0], 'SLOTS=%d' % parts[1], 'FRAMES=%d' % parts[2], 'EXTRA=%d' % (parts[3] if len(parts) > 3 else 1)]


def holds(name, model, defines, **more):
    error, figures = explore(name, model, defines, **more)
    report(name, not error, f'holds, {figures}' if not error else f'{error}, {figures}')


def check_token(size, full=False, **more):
    holds(f'token {size}' + (' full' if full else ''), 'token', sizes(size) + ['FULL'] * full, **more)


def check_end(size, **more):
    """No run goes on for ever: from every state everything comes to rest, whoever moves."""
    holds(f'token {size} has no cycle', 'token', sizes(size), options=['-DNP'], search=['-l'], **more)


def check_mutants(names):
    for name in names:
        model, switches, size, expected = mutants[name]
        error, figures = explore(name, model, switches + (sizes(size) if size else []))
        report(f'mistake "{name}"', error and re.search(expected, error), f'noticed, {figures}' if error else f'NOT noticed, {figures}')


def replay(name, command, count, least_refused=0.0):
    """Traces of the code through the model. Which of the corrupted ones must be refused stands in them."""
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        build('replay', [], folder)
        code = subprocess.Popen(command, stdout=subprocess.PIPE)
        out = subprocess.run(['./pan', f'-m{count * 2 + 1000}', '-w20'], cwd=folder, stdin=code.stdout, capture_output=True, text=True).stdout
        code.stdout.close()
        code.wait()
    found = re.search(r'(\d+) traces, (\d+) refused', out)
    taken, refused = (int(n) for n in found.groups()) if found else (0, 0)
    good = taken >= count and code.returncode == 0 and 'errors: 0' in out and refused >= taken * least_refused
    report('replay of ' + name, good and (least_refused or not refused), f'{taken} traces, {refused} refused, {time.time() - start:.1f} s')
    if not good:
        print(out)


def replay_all(a, count, seed=1):
    replay('schedules', [a.protocol, '--traces', str(count), '--seed', str(seed)], count)
    replay('corrupted schedules', [a.protocol, '--corrupted', str(count // 10), '--seed', str(seed)], count // 10, 0.6)
    if a.engine:
        replay('whole-engine schedules', [a.engine, '--edges', str(count // 50), '--first', str(seed)], count // 50)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--size')
    p.add_argument('--full', action='store_true')
    p.add_argument('--ends', metavar='SIZE')
    p.add_argument('--leases', action='store_true')
    p.add_argument('--batches', action='store_true')
    p.add_argument('--mutants', action='store_true')
    p.add_argument('--short', action='store_true')
    p.add_argument('--replay', type=int, default=0)
    p.add_argument('--protocol')
    p.add_argument('--engine')
    p.add_argument('--nightly', action='store_true')
    a = p.parse_args()
    if not shutil.which('spin'):
        print('SKIPPED models: spin is not installed')
        return 0
    if a.size:
        check_token(a.size, a.full)
    if a.ends:
        check_end(a.ends)
    if a.leases or a.nightly:
        holds('leases', 'leases', [TAKES if not a.nightly else 'TAKES=9'])
    if a.batches or a.nightly:
        holds('batches', 'batches', ITEMS if not a.nightly else ['ITEMS=6', 'RESTARTS=2'])
    if a.mutants:
        check_mutants(short if a.short else mutants)
    if a.replay:
        replay_all(a, a.replay)
    if a.nightly:
        check_token('2x2x3', True)
        check_token('2x3x4x2', hash_bits=26)
        check_token('3x3x4', options=['-DSAFETY', '-DHC4', '-UMEMLIM', '-DMEMLIM=12000'], hash_bits=26)
        check_mutants(mutants)
        for part in range(10):
            replay_all(a, 1000000, seed=1 + part * 1000000)
    print(f'{passed} passed, {failed} failed')
    return failed > 0


sys.exit(main())
