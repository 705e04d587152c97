#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Branches of the protocol's parts that unit tests, stress, simulator and model runs take. Assertions
# count as one branch: the other one is a broken invariant. Lists each branch that nobody took.
set -eu
build=${1:-build-coverage}
parts="token|session_manager|control_item|resource_manager|scheduler|monitor|fusion_manager"
[ -f "$build/build.ninja" ] ||
    meson setup "$build" -Db_coverage=true -Dc_args=-fprofile-update=atomic -Doptimization=1 >/dev/null
ninja -C "$build" --quiet
find "$build" -name '*.gcda' -delete
SOFTISP_TRANSFERS=2000000 meson test -C "$build" --no-rebuild --timeout-multiplier 4 --suite engine \
    --suite stress --suite sim --suite model >"$build/coverage-tests.txt" 2>&1 || {
    tail -40 "$build/coverage-tests.txt"
    exit 1
}
gcovr -r . "$build" --branches --filter "src/engine/($parts)\.c" \
    --exclude-branches-by-pattern '.*sisp_assert.*' --exclude-unreachable-branches \
    --txt "$build/coverage.txt" --json "$build/coverage.json"
cat "$build/coverage.txt"
python3 - "$build/coverage.json" <<'P'
import json, sys
for file in json.load(open(sys.argv[1]))["files"]:
    text = open(file["file"]).read().split("\n")
    for line in file["lines"]:
        missing = [i for i, b in enumerate(line["branches"]) if b["count"] == 0]
        if missing and "sisp_assert" not in text[line["line_number"] - 1]:
            print(f"{file['file']}:{line['line_number']}: branch {missing} of "
                  f"{len(line['branches'])} never taken: {text[line['line_number'] - 1].strip()}")
P
