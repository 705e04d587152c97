#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Run all tests, then those that sanitizers can judge in builds of their own (SOFTISP_QUICK=1: not
# these); print every failure whole, with its build; end with "N passed, N failed" over single checks.
set -u
build=${1:-build}
counts="$build/test-counts.txt"
: >"$counts"

# count BUILD LOG STATUS: a test program that died before its last line counts as one failure.
count() {
    python3 - "$@" >>"$counts" <<'P'
import json, re, sys
build, log, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
passed = failed = 0
for line in open(log):
    test = json.loads(line)
    counts = re.findall(r'(\d+) passed, (\d+) failed', test.get('stdout') or '')
    p, f = (sum(int(c[i]) for c in counts) for i in (0, 1))
    bad = test['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL')
    passed += p
    failed += max(f, 1) if bad else f
if status and not failed:
    failed = 1
print(passed, failed, build)
P
}

# run BUILD LOGBASE [arguments of meson test]
run() {
    dir=$1 log=$1/meson-logs/$2
    output="$dir/$2-output.txt"
    base=$2
    shift 2
    rm -f "$log.json"
    meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier 4 --logbase "$base" \
        "$@" >"$output" 2>&1
    status=$?
    grep -E '^ *[0-9]+/[0-9]+ ' "$output"
    if [ $status -ne 0 ]; then
        echo "FAILED in $dir:"
        grep -E 'FAILED|SKIPPED|does not hold|, but |WARNING: Thread|ERROR|error:|[1-9][0-9]* failed' \
            "$log.txt" | head -200
        sed -n '/=== /,$p' "$output" | tail -150
    fi
    grep -h SKIPPED "$log.txt" | sort | uniq
    if [ -s "$log.json" ]; then
        count "$dir" "$log.json" $status
    else
        cat "$output"
        echo "0 1 $dir" >>"$counts"
    fi
}

# make_build BUILD SANITIZERS
make_build() {
    echo "$1: the same tests with -fsanitize=$2"
    if ! { [ -f "$1/build.ninja" ] || meson setup "$1" -Db_sanitize="$2" -Db_lundef=false; } \
        >"$build/make-output.txt" 2>&1 || ! ninja -C "$1" >>"$build/make-output.txt" 2>&1; then
        tail -100 "$build/make-output.txt"
        echo "FAILED: $1 cannot be built"
        echo "0 1 $1" >>"$counts"
        return 1
    fi
}

run "$build" testlog
if [ "${SOFTISP_QUICK:-0}" != 1 ]; then
    if make_build "$build-tsan" thread; then
        run "$build-tsan" testlog --suite engine --suite stress
        run "$build-tsan" live test_live
    fi
    if make_build "$build-asan" address,undefined; then
        run "$build-asan" testlog --suite kernels --suite isp --suite engine --suite camera \
            --suite output --suite api --suite fault --suite cli
    fi
    echo "three mistakes of today in the protocol, which the tests must find:"
    tests/mutants/run.py --sample 3 >"$build/mutants-output.txt" 2>&1
    cat "$build/mutants-output.txt"
    sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2 mutants/p' "$build/mutants-output.txt" |
        grep . >>"$counts" || echo "0 1 mutants" >>"$counts"
fi
awk '{ passed += $1; failed += $2; by[$3] += $2 }
    END { for (b in by) if (by[b]) print by[b] " failed in " b
          print passed " passed, " failed " failed"; exit failed > 0 }' "$counts"
