#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that matter are tests: layers, names, sizes, formatting. Run: style.py SOURCE BUILD"""
import os, re, subprocess, sys

source, build = sys.argv[1], sys.argv[2]
os.chdir(source)
passed = failed = 0


def check(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print(f'FAILED {name}')
        for p in problems[:20]:
            print('  ', p)
    else:
        passed += 1


def skip(name, why):
    print(f'SKIPPED {name}: {why}')


def tracked(*suffixes):
    out = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], capture_output=True, text=True)
    if out.returncode == 0:
        names = out.stdout.split('\n')
    else:  # a source archive
        names = [os.path.relpath(os.path.join(d, f), '.') for d, _, fs in os.walk('.') for f in fs]
    return [n for n in names if n.endswith(suffixes) and os.path.exists(n) and not n.startswith('build')]


code = tracked('.c', '.h')
text = {n: open(n, encoding='utf-8').read() for n in code}

# Which folders of src a layer may include besides itself (doc/architecture.md has the picture).
layers = {
    'base': set(),
    'isp': {'base'},
    'platform': {'base'},
    'engine': {'base', 'platform'},
    'workers': {'base', 'isp', 'engine'},
    'camera': {'base'},
    'output': {'base', 'platform'},
    'tuning': {'base'},
    'bench': {'base', 'isp'},
    'session': {'base', 'isp', 'engine', 'workers', 'camera', 'output', 'tuning', 'bench'},
    'worker': {'engine', 'workers'},
}
bad = []
for name, body in text.items():
    parts = name.split('/')
    quoted = re.findall(r'^#include "([^"]+)"', body, re.M)
    if parts[0] == 'src':
        for inc in quoted:
            top = inc.split('/')[0]
            if '/' in inc and top in layers and top != parts[1] and top not in layers[parts[1]]:
                bad.append(f'{name} includes {inc}')
    elif parts[0] in ('cli', 'examples', 'gst'):
        bad += [f'{name} includes {i}' for i in quoted if i.split('/')[0] in layers]
    elif parts[0] == 'include':
        bad += [f'{name} includes {i}' for i in quoted]
check('layers_include_only_downwards', bad)

engine_public = re.compile(r'#include <softisp/(?!telemetry|log)')
check('engine_knows_no_public_header_but_telemetry_and_log',
      [n for n, b in text.items() if n.startswith('src/engine/') and engine_public.search(b)])


def undefined(layer):
    path = os.path.join(build, 'src', layer, f'lib{layer}.a')
    out = subprocess.run(['nm', '-u', path], check=True, capture_output=True, text=True).stdout
    return {s.split('@')[0] for s in re.findall(r'\bU (\S+)', out)}


def sanitized(symbols):
    return any(s.startswith(('__asan', '__tsan', '__ubsan')) for s in symbols)


isp = undefined('isp')
forbidden = re.compile(r'^(pthread_|sem_|clock_|time$|nanosleep|malloc|calloc|realloc|free$|posix_memalign|aligned_alloc|'
                       r'printf|fprintf|puts|fopen|open|read|write|mmap|getenv|'
                       r'(pow|exp|exp2|log|log2|log10|sin|cos|tan|cbrt|atan|hypot)f?$)')
check('isp_has_no_thread_clock_heap_file_or_libm', sorted(s for s in isp if forbidden.match(s)))
check('isp_and_engine_never_meet', sorted(s for s in isp if s.startswith(('eng_', 'plat_'))) +
      sorted(s for s in undefined('engine') if s.startswith('isp_')))
engine = undefined('engine')
check('engine_calls_threads_and_clock_through_platform_only',
      sorted(s for s in engine if re.match(r'^(pthread_|sem_|clock_|nanosleep|mmap|futex|syscall)', s)))

words = re.compile(r'\b\w*(pixel|bayer|plane|demosaic|width)\w*\b', re.I)
check('engine_has_no_image_word',
      [f'{n}: {m.group(0)}' for n, b in text.items() if n.startswith(('src/engine/', 'src/platform/'))
       for m in [words.search(b)] if m])

shared = os.path.join(build, 'src', 'session', 'libsoftisp.so')
if os.path.exists(shared):
    out = subprocess.run(['nm', '-D', '--defined-only', shared], capture_output=True, text=True).stdout
    symbols = [line.split()[-1].split('@')[0] for line in out.splitlines()]
    check('library_exports_sisp_only', [s for s in symbols if not s.startswith('sisp_') and sanitized(isp) is False])
else:
    skip('library_exports_sisp_only', 'the build has no shared library')

check('spdx_line_in_each_file',
      [n for n in tracked('.c', '.h', '.def', '.py', '.sh', '.build', '.awk') if 'SPDX-License-Identifier: GPL-3.0' not in
       open(n, encoding='utf-8').read(400)])
check('lines_of_at_most_100_columns', [f'{n}:{i + 1}' for n, b in text.items()
                                        for i, line in enumerate(b.split('\n')) if len(line) > 100])
check('files_of_at_most_500_lines', [n for n, b in text.items() if b.count('\n') > 500])

long = []
for name, body in text.items():
    start = None
    for i, line in enumerate(body.split('\n')):
        if line == '{':
            start = i
        elif line == '}' and start is not None:
            if i - start - 1 > 70:
                long.append(f'{name}:{start}: {i - start - 1} lines')
            start = None
check('functions_of_at_most_70_lines', long)
check('no_open_ends', [n for n, b in text.items() if re.search(r'\b(TODO|FIXME|XXX)\b', b)])

total = sum(b.count('\n') for n, b in text.items() if n.startswith('src/'))
workers = sum(b.count('\n') for n, b in text.items() if n.startswith('src/workers/'))
check('workers_are_thin', [] if workers * 10 <= total else [f'{workers} of {total} lines'])

try:
    out = subprocess.run(['clang-format', '--dry-run', *code], capture_output=True, text=True).stderr
    check('clang_format', sorted(set(re.findall(r'^(\S+?):\d+:\d+: warning', out, re.M))))
except FileNotFoundError:
    skip('clang_format', 'clang-format is not installed')

print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
