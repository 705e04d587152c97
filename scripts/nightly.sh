#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The long rungs, about two and a half hours on two cores: what make test does in short, plus all mutants,
# the large models, a thousand kills, the soak and fuzzing. Prints each rung's own last lines and how long it took;
# ends with "N passed, N failed" over rungs. SOFTISP_RUNGS="model mutants" runs only those.
set -u
build=${1:-build}
passed=0
failed=0
rungs=${SOFTISP_RUNGS:-transfers transfers-tsan simulator protocol model replay mutants kills soak fuzz trixie coverage}

# rung NAME COMMAND...
rung() {
    name=$1
    shift
    case " $rungs " in *" $name "*) ;; *) return ;; esac
    start=$(date +%s)
    log="$build/nightly-$name.txt"
    if "$@" >"$log" 2>&1; then verdict=passed; else verdict=FAILED; fi
    echo "== $name: $verdict in $(($(date +%s) - start)) s: $*"
    if [ $verdict = passed ]; then
        passed=$((passed + 1))
        tail -4 "$log"
    else
        failed=$((failed + 1))
        tail -60 "$log"
    fi
}

tsan=$build-tsan
[ -f "$tsan/build.ninja" ] || meson setup "$tsan" -Db_sanitize=thread -Db_lundef=false >/dev/null
ninja -C "$tsan" --quiet
rung transfers env SOFTISP_TRANSFERS=1000000000 "$build/tests/stress/test_stress_token_transfer"
rung transfers-tsan env SOFTISP_TRANSFERS=100000000 "$tsan/tests/stress/test_stress_token_transfer"
rung simulator "$build/tests/sim/softisp-sim" --seconds 600
rung protocol "$build/tests/model/protocol" --schedules 20000000
rung model tests/model/run.py --nightly --protocol "$build/tests/model/protocol"
rung replay tests/model/run.py --replay 1000000 --protocol "$build/tests/model/protocol" \
    --engine "$build/tests/sim/softisp-sim"
rung mutants tests/mutants/run.py
rung kills env SOFTISP_KILLS=1000 python3 tests/stress/kill_workers.py "$build/cli/softisp"
rung soak "$build/tests/stress/soak" --seconds 600
# Ten minutes for each kind of text that comes from outside; the corpora stay for the next night.
fuzz=$build-fuzz
fuzz_all() {
    [ -f "$fuzz/build.ninja" ] ||
        CC=clang meson setup "$fuzz" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
    ninja -C "$fuzz" --quiet fuzz/fuzz_tuning fuzz/fuzz_knobs fuzz/fuzz_assignments || return 1
    for name in tuning knobs assignments; do
        mkdir -p "$fuzz/corpus-$name"
        "$fuzz/fuzz/fuzz_$name" -max_total_time=600 -max_len=8192 -close_fd_mask=3 \
            -artifact_prefix="$fuzz/$name-" "$fuzz/corpus-$name" fuzz/seeds || return 1
    done
}
rung fuzz fuzz_all
# GStreamer of Debian 13: as root.
trixie() {
    scripts/setup.sh trixie && tests/gst/trixie.py "$build" build-trixie
}
rung trixie trixie
rung coverage scripts/coverage.sh "$build-coverage"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
