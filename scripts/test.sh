#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Run all tests; print every failure whole; end with "N passed, N failed" over single checks.
set -u
build=${1:-build}
log="$build/meson-logs/testlog.txt"
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 4 >"$build/test-output.txt" 2>&1
status=$?
grep -E '^ *[0-9]+/[0-9]+ ' "$build/test-output.txt"
if [ $status -ne 0 ]; then
    grep -E 'FAILED|SKIPPED|does not hold|, but |ERROR|error:|[0-9]+ failed' "$log" | head -200
    sed -n '/=== /,$p' "$build/test-output.txt" | tail -150
fi
grep -h SKIPPED "$log" | sort | uniq
# A test program that died before its last line counts as one failure.
python3 - "$build" $status <<'P'
import json, re, sys
build, status = sys.argv[1], int(sys.argv[2])
passed = failed = 0
for line in open(build + '/meson-logs/testlog.json'):
    test = json.loads(line)
    counts = re.findall(r'(\d+) passed, (\d+) failed', test.get('stdout') or '')
    p, f = (sum(int(c[i]) for c in counts) for i in (0, 1))
    bad = test['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL')
    passed += p
    failed += f if f or not bad else 1
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed or status else 0)
P
