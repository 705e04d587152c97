#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Branches of the protocol's parts that unit tests and seeded schedules of the simulator take: fails
# if one of them is taken by nobody. Assertions count as one branch: the other one is a broken
# invariant. What no test could reach is not kept in these parts, so there is no list of exceptions.
set -eu
build=${1:-build-coverage}
parts="attempt|belief|control_item|fusion_manager|handoff|monitor|resource_manager|scheduler"
parts="$parts|session_manager|token|workforce"
log="$build/coverage-tests.txt"
scripts/setup.sh coverage
[ -f "$build/build.ninja" ] ||
    meson setup "$build" -Db_coverage=true -Dc_args=-fprofile-update=atomic -Doptimization=1 >/dev/null
ninja -C "$build" --quiet
find "$build" -name '*.gcda' -delete
meson test -C "$build" --no-rebuild --timeout-multiplier 4 --suite engine >"$log" 2>&1 &&
    meson test -C "$build" --no-rebuild stress_fifo_fidelity >>"$log" 2>&1 &&
    "$build/tests/sim/softisp-sim" --schedules 6000 >>"$log" 2>&1 || {
    tail -40 "$log"
    exit 1
}
gcovr -r . "$build" --branches --filter "src/engine/($parts)\.c" \
    --exclude-branches-by-pattern '.*sisp_assert.*' --exclude-unreachable-branches \
    --txt "$build/coverage.txt" --json "$build/coverage.json"
cat "$build/coverage.txt"
python3 - "$build/coverage.json" <<'P'
import json, sys

missing = 0
for file in json.load(open(sys.argv[1]))["files"]:
    text = open(file["file"]).read().split("\n")
    for line in file["lines"]:
        code = text[line["line_number"] - 1].strip()
        never = [i for i, b in enumerate(line["branches"]) if b["count"] == 0]
        if never and "sisp_assert" not in code:
            missing += len(never)
            print(f"{file['file']}:{line['line_number']}: branch {never} of "
                  f"{len(line['branches'])} never taken: {code}")
print(f"{missing} branches never taken")
sys.exit(1 if missing else 0)
P
