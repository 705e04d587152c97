#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break the protocol on purpose, one mistake at a time, and say which rung of the tests kills it.

    run.py                 all mutants, each against the rungs in order until one kills it
    run.py --sample 5      five of them, another five each day
    run.py NAME...         these
    run.py --every-rung    do not stop at the first rung that kills

The mistakes are in mutants.py. They are made in a copy of the tree; the copy is built once, then
only what a mistake touches. Ends with "N passed, N failed": passed is a mutant that was killed.
"""
import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from mutants import MUTANTS

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

# Rung: build it runs in, programs (by pattern under tests/), arguments, seconds that it may take.
RUNGS = [
    ("unit", "release", r"engine/test_engine_(?!speed)\w+", [], 60),
    ("protocol", "release", r"model/protocol", ["--schedules", "100000"], 120),
    ("simulator", "release", r"sim/softisp-sim", ["--schedules", "20000"], 300),
    ("stress", "release", r"stress/test_stress_\w+", [], 120),
    ("tsan", "tsan", r"stress/test_stress_\w+", [], 300),
]
# Rungs that run threads on purpose shall not take minutes for a mutant that they kill in seconds.
ENVIRONMENT = {"SOFTISP_TRANSFERS": "3000000", "TSAN_OPTIONS": "halt_on_error=1"}
BUILDS = {"release": [], "tsan": ["-Db_sanitize=thread", "-Db_lundef=false"]}


class Tree:
    """A copy of the tracked files, with one build folder for each kind of build."""

    def __init__(self, folder):
        self.folder = folder
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                               capture_output=True).stdout.decode().split("\0")
        for name in filter(None, names):
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.exists(os.path.join(ROOT, name)):
                shutil.copy2(os.path.join(ROOT, name), path)

    def build(self, kind):
        """Build the test programs of the engine. Returns: the compiler's words if it failed."""
        where = os.path.join(self.folder, kind)
        if not os.path.exists(os.path.join(where, "build.ninja")):
            done = subprocess.run(["meson", "setup", where, *BUILDS[kind]], cwd=self.folder,
                                  capture_output=True, text=True)
            if done.returncode:
                return done.stdout + done.stderr
        targets = self.targets(kind, self.linked(kind))
        done = subprocess.run(["ninja", "-C", where, *targets], capture_output=True, text=True)
        return done.stdout[-3000:] if done.returncode else None

    def linked(self, kind):
        where = os.path.join(self.folder, kind)
        listed = subprocess.run(["ninja", "-C", where, "-t", "targets", "all"], check=True,
                                capture_output=True, text=True).stdout
        return re.findall(r"^(tests/[^\s:]+): c_LINKER", listed, re.M)

    def targets(self, kind, linked):
        """What the rungs run in this build, and the worker programs that those start."""
        wanted = [pattern for _, k, pattern, _, _ in RUNGS if k == kind] + [r"engine/\w+_worker"]
        return [t for t in linked if any(re.fullmatch("tests/" + p, t) for p in wanted)]

    def mutate(self, mutant):
        path = os.path.join(self.folder, mutant["file"])
        text = open(path).read()
        if text.count(mutant["old"]) != mutant["times"]:
            return f"{mutant['file']} has the text to change {text.count(mutant['old'])} times"
        with open(path, "w") as file:
            file.write(text.replace(mutant["old"], mutant["new"]))
        return None

    def restore(self, mutant):
        shutil.copy(os.path.join(ROOT, mutant["file"]), os.path.join(self.folder, mutant["file"]))

    def run_program(self, rung, target):
        """Returns: how it failed, or None."""
        _, kind, _, arguments, seconds = rung
        where = os.path.join(self.folder, kind)
        try:
            done = subprocess.run([os.path.join(where, target), *arguments], timeout=seconds,
                                  text=True, capture_output=True, errors="replace", cwd=where,
                                  env={**os.environ, **ENVIRONMENT})
        except subprocess.TimeoutExpired:
            return f"{os.path.basename(target)}: hangs"
        if done.returncode == 0:
            return None
        said = re.search(r".*(?:does not hold|, but |WARNING: ThreadSanitizer|assert|violat|seed).*",
                         done.stdout + done.stderr)
        return f"{os.path.basename(target)}: {said[0].strip() if said else done.returncode}"

    def run_rung(self, rung):
        """Returns: how the first program that failed twice says it, or None. Once may be a busy
        machine: that kills nobody."""
        for target in self.linked(rung[1]):
            if re.fullmatch("tests/" + rung[2], target):
                said = self.run_program(rung, target) and self.run_program(rung, target)
                if said:
                    return said
        return None


def judge(tree, mutant, every_rung):
    """Returns: (rungs that killed it, what the first of them said)."""
    killers, words = [], None
    problem = tree.mutate(mutant)
    if problem:
        return [], "cannot be made: " + problem
    for rung in RUNGS:
        if killers and not every_rung:
            break
        if mutant["only"] and rung[0] != mutant["only"]:
            continue
        problem = tree.build(rung[1])
        if problem:
            words = "does not build: " + problem
            break
        said = tree.run_rung(rung)
        if said:
            killers.append(rung[0])
            words = words or said
    tree.restore(mutant)
    return killers, words


def choose(arguments):
    if arguments.names:
        known = {m["name"] for m in MUTANTS}
        unknown = [n for n in arguments.names if n not in known]
        if unknown:
            sys.exit(f"there is no mutant '{unknown[0]}'; there are: {' '.join(sorted(known))}")
        return [m for m in MUTANTS if m["name"] in arguments.names]
    if arguments.sample:
        first = datetime.date.today().toordinal() * arguments.sample
        return [MUTANTS[(first + i) % len(MUTANTS)] for i in range(arguments.sample)]
    return MUTANTS


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--every-rung", action="store_true")
    arguments = parser.parse_args()
    chosen = choose(arguments)
    passed = 0
    with tempfile.TemporaryDirectory(prefix="softisp-mutants-") as folder:
        tree = Tree(folder)
        for kind in BUILDS:
            problem = None if arguments.sample else tree.build(kind)
            if problem:
                sys.exit("the tree itself does not build:\n" + problem)
        # A sample comes after make test, which has run the same rungs.
        for rung in RUNGS if not arguments.sample else ():
            said = tree.run_rung(rung)
            if said:
                sys.exit(f"the tree itself fails: {said}")
        for mutant in chosen:
            start = time.monotonic()
            killers, words = judge(tree, mutant, arguments.every_rung)
            passed += bool(killers)
            print(f"{'killed by ' + ' '.join(killers) if killers else 'SURVIVED':24} "
                  f"{mutant['name']:34} {time.monotonic() - start:5.1f} s  {words or ''}"[:200],
                  flush=True)
    print(f"{passed} passed, {len(chosen) - passed} failed")
    return passed != len(chosen)


if __name__ == "__main__":
    sys.exit(main())
