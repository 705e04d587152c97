#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every single fault, each with its stated end and bound, in 20 scenarios: other seeds, sizes, instants.

usage: singles.py FAULT_SINGLE SOFTISP_SIM [--only WORD] [--sanitized]   run; one line a row with the worst time
       singles.py FAULT_SINGLE --check                                   whether every fault there is has its row
       singles.py --list                                                 the table, for doc/reliability.md"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import time

SCENARIOS = 6 if "--sanitized" in sys.argv else 20  # that build is for memory, and slow
# A sanitizer's build takes several times as long; these rows say nothing there, or too slowly.
SLOWER = 5

Row = collections.namedtuple("Row", "group name done end bound_ms")

# The bound is of the time from the fault to its end, in the worst scenario. These run in a real process.
ROWS = [
    Row("files", "picture-disk-full", "the disk is full after n bytes, four times a scenario",
        "-ENOSPC; the file is what it was before", 2000),
    Row("files", "picture-file-limit", "RLIMIT_FSIZE at a 21st to all of the file",
        "-EFBIG; the file is what it was before", 2000),
    Row("files", "picture-folder-read-only", "no right to write in the folder",
        "-EACCES; nothing is made", 2000),
    Row("files", "picture-eintr", "EINTR at half of all writes, parts at the others",
        "the same bytes as without", 2000),
    Row("files", "picture-short-writes", "every write takes a part, from one byte on",
        "the same bytes as without", 2000),
    Row("files", "picture-descriptor-closed", "at each call the descriptor is closed or becomes another file",
        "an error and what was before, or whole", 2000),
    Row("files", "picture-killed-at-each-write", "SIGKILL before, in and after each write, fsync, rename",
        "JPEG, PNG, TIFF, PPM, Y4M: what was before, or whole", 10000),
    Row("files", "telemetry-disk-full", "the disk is full after n bytes",
        "frames go on; -ENOSPC at close; whole lines", 3000),
    Row("files", "telemetry-file-limit", "RLIMIT_FSIZE after n bytes",
        "frames go on; -EFBIG at close; whole lines", 3000),
    Row("files", "telemetry-read-only", "each of the three files, or the folder, may not be written",
        "-EACCES from open", 2000),
    Row("files", "telemetry-eintr", "EINTR at half of all writes, parts at the others",
        "no error; whole lines, none missing", 3000),
    Row("files", "telemetry-short-writes", "every write takes a part, from one byte on",
        "no error; whole lines, none missing", 3000),
    Row("files", "telemetry-descriptor-closed", "at call n a descriptor is closed or becomes another file",
        "frames go on; -EBADF at close if closed; whole lines", 3000),
    Row("files", "telemetry-killed-at-each-write", "SIGKILL before, in or after each write",
        "whole lines; in a write, one last line without its end", 10000),
    Row("files", "telemetry-reader-stalls", "the reader of a FIFO stalls for 0.4 to 10 s",
        "no frame waits: the worst one's time", 1000),
    Row("memory", "decoder-killed", "SIGKILL to the raw decoder, 40 times; once it is stopped for ever",
        "-EBADMSG, stopped -ETIMEDOUT, with a sentence; no child left", 12000),
    Row("process", "signal-storm", "10 kHz of signals on every thread, with SA_RESTART and without",
        "each frame ends once; no call fails, no row is lost", 3000),
    Row("process", "fork-in-host", "fork while frames are under way; the child calls everything, and leaves",
        "child: -ESHUTDOWN at once; parent: each frame ends once", 3000),
    Row("process", "exec-in-host", "a program started with all open, and at each write of a picture",
        "it inherits no descriptor", 3000),
    Row("process", "small-stacks", "default stacks of 16 to 320 KiB (ulimit -s)",
        "no thread needs more than it asked for", 3000),
    Row("process", "stop-and-continue", "SIGSTOP for 1 to 3 s, at any instant, then SIGCONT",
        "no quarantine, not degraded; three more pictures after SIGCONT", 1000),
    Row("worker", "worker-hangs", "one or two frames find a worker that sleeps past their deadline",
        "the floor's picture, or late; no quarantine; the frame's end", 500),
    Row("worker", "worker-killed", "SIGKILL to one of three worker processes, at any instant of a frame",
        "one end each; restarted; the fast lane's next picture; no process left", 1000),
    Row("worker", "worker-stopped", "SIGSTOP to one of three worker processes, hang_timeout 100 ms",
        "killed, restarted; the fast lane's next picture; no process left", 1000),
    Row("memory", "quota-too-small", "quota_bytes of 1 KiB to 32 MiB",
        "-EINVAL and a sentence, or it works", 3000),
    Row("time", "wall-clock-jumps", "every look at the wall clock says another one of 20 years",
        "nothing: nobody looks", 2000),
    Row("device", "camera-ends-anywhere", "a pipe that ends at any byte, in pieces from one byte on",
        "all whole frames, then -ENODATA or -EBADMSG, and again", 2000),
    Row("device", "camera-stalls", "a pipe that stalls for 20 to 780 ms inside a frame",
        "all frames", 2500),
    Row("device", "camera-closed", "the descriptor is closed, or its writer",
        "-EBADF or -ENODATA", 1000),
    Row("consumers", "consumer-stalls", "nobody reads for 0.1 to 0.7 s, frames come",
        "each accepted frame ends once; three more pictures", 1000),
    Row("consumers", "consumer-never-returns", "results are never given back",
        "stop and destroy within the bound", 1000),
    Row("consumers", "consumer-holds-64", "64 frames, none given back, consumer_pins_max 64",
        "others are dropped; after return three more pictures", 1000),
    Row("consumers", "consumer-returns-twice", "copies given back again, handles of no result",
        "-ESTALE; three more pictures", 1000),
    Row("consumers", "consumer-returns-after-stop", "given back after stop, some twice",
        "0, then -ESTALE", 2000),
    Row("consumers", "consumers-64-at-once", "64 threads read and give back, stop",
        "-EBUSY or a result, each once; all ended after stop", 1000),
    Row("control", "open-close-storm", "sessions join an engine and leave it while frames pass",
        "each opens; frames end once; one open and close", 500),
    Row("control", "flush-during-flush", "four threads flush all the time, a burst is under way",
        "0 or -EAGAIN within the bound; then pictures again", 500),
    Row("control", "stop-during-start", "four threads stop a session that was made this moment",
        "each frame ends once; -ESHUTDOWN afterwards; one stop", 1000),
    Row("control", "stop-during-join", "an engine's first session stops while others join",
        "0 or -ESHUTDOWN, -EAGAIN, -ENOSPC; one stop", 1000),
    Row("control", "control-contradictions", "flush, drain and cancel from four threads at random",
        "each frame ends once; one call", 1000),
    Row("numbers", "senseless-fields", "each float of each public struct is 0, -0, -1, NaN, infinite, huge, tiny",
        "refused with a sentence, or the same picture twice, with sound coefficients", 10000),
    Row("numbers", "extreme-frames", "all black, white, above white, stripes, one bright pixel; exposure 0",
        "flat stays flat, black and white stay", 2000),
    Row("numbers", "odd-sizes", "1x1 to 20x12", "-EINVAL with a sentence, or a picture, twice the same", 3000),
    Row("numbers", "senseless-times", "capture, deadline and interval of 0, 1, 2^31, 2^63, 2^64 - 1",
        "the frame ends once", 3000),
    Row("input files", "hostile-configuration", "NaN, infinities, huge numbers, wrong types, nested 20,000 times",
        "-EINVAL, a sentence that names the file, nothing changed", 1000),
]

# These strike the whole engine in the simulator, alone, in 20 schedules each, while it checks every invariant after
# every step. All have this end too: each accepted frame ends once, in order; no slot, pin or buffer is lost. The bound
# is of the stop that ends each schedule, in the simulator's time: twice the grace, escalation, and a margin.
STOP_BOUND_MS = 600
SIMULATED = [
    Row(group, name, done, end, STOP_BOUND_MS) for group, name, done, end in (
        ("worker", "command_begin_fails", "a command refuses its frame", "falls back, or fails with a reason"),
        ("worker", "command_end_fails", "a command fails at its end", "falls back, or fails with a reason"),
        ("worker", "command_hangs", "a command never comes back", "detached; floor; its slot in quarantine"),
        ("worker", "command_is_slow", "a command takes 2 to 100 times as long", "floor, or late; its result is not read"),
        ("worker", "task_hangs", "one thread of a team never comes back", "detached; floor; its slot in quarantine"),
        ("worker", "worker_hang_before_start", "it hangs between taking and starting", "claimed back, fast-forwarded"),
        ("worker", "worker_hang_before_finish", "it hangs with the result made", "stolen; quarantine"),
        ("worker", "worker_hangs_a_while", "it wakes after having been replaced", "acknowledges; slot back; nothing stale"),
        ("worker", "worker_finishes_twice", "it returns a result twice", "the second one is counted and dropped"),
        ("worker", "result_is_garbage", "its result is any bytes", "checked: failed, or harmless"),
        ("worker", "preempted", "it is not scheduled for a while, at any step", "as if nothing were"),
        ("worker", "process_dies", "SIGKILL of a worker process, at any step", "slots reaped; floor; restarted"),
        ("worker", "process_scribbles", "it writes anything into what it shares", "repaired and reported; killed"),
        ("worker", "kill_is_late", "a killed worker process is not dead yet", "its slots wait for the proof; floor"),
        ("worker", "spawn_fails", "a worker process cannot be started", "tried again; its lanes fall back"),
        ("worker", "cage_fails", "a worker process cannot confine itself", "it ends; tried again"),
        ("worker", "socket_breaks", "its socket ends", "taken for dead; restarted"),
        ("hardware", "hw_done_late", "FRAME_HW_DONE comes late", "reclaimed, or quarantine until then"),
        ("hardware", "hw_done_lost", "it never comes", "quarantine; reset, then back"),
        ("hardware", "hw_done_twice", "it comes twice", "the second one is counted"),
        ("hardware", "hw_done_other_slot", "it names another slot", "refused and counted"),
        ("hardware", "device_is_late", "the device answers late", "reclaimed, or quarantine until then"),
        ("hardware", "device_never_answers", "the device does not answer", "quarantine; reset, then back"),
        ("hardware", "device_answers_twice", "the device answers twice", "the second one is counted"),
        ("hardware", "fence_is_late", "the fence of an input signals after its frame's deadline",
         "late; the input comes back then"),
        ("hardware", "fence_never_signals", "it never does", "late; its input in quarantine, all else goes on"),
        ("hardware", "fence_fails", "it signals with an error", "failed, with that reason; nobody reads the input"),
        ("hardware", "reset_fails", "a reset fails", "tried again"),
        ("hardware", "reset_is_slow", "a reset takes long", "nobody waits for it"),
        ("memory", "allocation_fails", "the k-th allocation of create fails", "-ENOMEM, nothing left; then it works"),
        ("files", "telemetry_stalls", "the telemetry callback stalls", "rows are dropped and counted"),
        ("consumers", "consumer_keeps", "more is kept than may be", "others are dropped; leases are reported"),
        ("consumers", "consumer_stalls", "nobody reads for a while", "nobody waits for it"),
        ("consumers", "releases_twice", "a result is given back twice", "-ESTALE"),
        ("consumers", "submits_twice", "an input is submitted twice", "-ESTALE"),
        ("consumers", "producer_cancels", "an input is given back unused", "it comes home"),
        ("consumers", "producer_cancels_twice", "an input is given back twice", "-ESTALE"),
        ("time", "clock_jumps_1s", "the clock jumps by 1 s", "frames late, workers not given up for ever"),
        ("time", "suspended_60s", "the machine is suspended for 60 s", "frames late, workers not given up for ever"),
        ("time", "timer_is_late", "a timer is late by up to 100 ms", "as late as the timer"),
        ("time", "wait_returns_early", "a wait returns for no reason", "looked again"),
        ("time", "wake_is_late", "a wake-up is late", "as late as the wake-up"),
        ("time", "deadline_is_over", "a frame comes after its deadline", "late at once"),
        ("process", "thread_create_fails", "the k-th thread cannot be started", "-EAGAIN, nothing left; then it works"),
        ("control", "accept_reply_lost", "the answer to a batch of control items is lost", "sent again, applied once"),
    )
]
# What must strike first.
NEEDS = {"kill_is_late": "command_hangs", "producer_cancels_twice": "producer_cancels", "reset_fails": "device_never_answers",
         "reset_is_slow": "device_never_answers"}

# Tests of their own, for the table.
ELSEWHERE = [
    ("memory", "each allocation fails once, in each call that sets something up", "-ENOMEM or success; nothing left",
     "fault_failing_alloc"),
    ("process", "each descriptor, thread and memfd is missing once", "-EMFILE, -EAGAIN, -ENFILE; nothing left",
     "fault_resources"),
    ("process", "each system call of a session's life fails once", "it ends well, or one sentence; nothing left",
     "fault_syscalls_thread, fault_syscalls_process"),
    ("worker", "kill -9 of a random worker process during a live run", "one completion each, nothing lost, preview again",
     "live camera under kills"),
    ("input files", "corrupt, truncated, huge, cyclic raws", "-EBADMSG and the like, bounded time and memory",
     "raw_hostile, raw_mutate"),
]


def run_simulated(sim, row):
    """As run()."""
    faults = row.name + ("," + NEEDS[row.name] if row.name in NEEDS else "")
    done = subprocess.run([sim, "--only", faults, "--schedules", str(SCENARIOS)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=200)
    found = re.search(rf"^{row.name} struck \d+ times in (\d+) .* slowest stop ([\d.]+) ms$", done.stdout, re.M)
    passed, worst_ms = (int(found[1]), float(found[2])) if found and done.returncode == 0 else (0, 0.0)
    if worst_ms > row.bound_ms:
        passed = 0
    return passed, SCENARIOS - passed, 0, worst_ms, done.stdout


def marked_faults():
    """The names of all PLAT_FAULT() in the source: what a simulator can make strike."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    names = set()
    for folder in ("src/engine", "src/platform", "tests/sim"):
        for name in os.listdir(os.path.join(root, folder)):
            if name.endswith(".c"):
                with open(os.path.join(root, folder, name), encoding="utf-8") as file:
                    names.update(re.findall(r"PLAT_FAULT\((\w+)\)", file.read()))
    return names - {"name"}  # main.c's help


def stretch():
    """Returns: how many times as long as its processor time a piece of work takes just now, at least 1."""
    start, start_cpu = time.monotonic(), time.thread_time()
    while time.thread_time() - start_cpu < 0.02:
        pass
    return max(1, (time.monotonic() - start) / (time.thread_time() - start_cpu))


def run(single, row, is_sanitized):
    """Returns: (passed, failed, skipped, worst time in ms, what it printed)."""
    command = [single, row.name, str(SCENARIOS)]
    before = stretch()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=200)
    # A bound is one of the code: other programs' load is not its fault.
    bound_ms = row.bound_ms * (SLOWER if is_sanitized else 1) * max(before, stretch())
    passed = failed = skipped = 0
    worst_ms = 0.0
    for number, ms, end in re.findall(rf"^{row.name} (\d+) ([\d.]+) (ok|FAILED|skipped)$", done.stdout, re.M):
        is_late = float(ms) > bound_ms
        passed += end == "ok" and not is_late
        failed += end == "FAILED" or is_late
        skipped += end == "skipped"
        worst_ms = max(worst_ms, float(ms))
    failed += max(0, SCENARIOS - passed - failed - skipped)
    return passed, failed, skipped, worst_ms, done.stdout


def run_in_time(single, row, is_sanitized):
    """As run(), the best of three: load comes and goes. What fails after its bound may have failed by that: a worker
    that takes longer than escalation leaves its slot in quarantine."""
    for _ in range(3):
        outcome = run(single, row, is_sanitized)
        failed = re.findall(rf"^{row.name} \d+ ([\d.]+) FAILED$", outcome[4], re.M)
        if outcome[1] == 0 or any(float(ms) <= row.bound_ms for ms in failed):
            break
    return outcome


def print_table():
    print("| group | fault | what is done | stated end | bound | scenarios |\n|---|---|---|---|---|---|")
    for row in sorted(ROWS + SIMULATED, key=lambda row: row.group):
        print(f"| {row.group} | {row.name} | {row.done} | {row.end} | {row.bound_ms} ms | {SCENARIOS} |")
    for group, done, end, test in ELSEWHERE:
        print(f"| {group} | test {test} | {done} | {end} | its own | its own |")


def check_names(single):
    """Returns: how many faults stand in the table or in the programs only."""
    known = subprocess.run([single, "--list"], capture_output=True, text=True).stdout.split()
    astray = sorted((set(known) | marked_faults()) ^ {row.name for row in ROWS + SIMULATED})
    for name in astray:
        print(f"FAILED {name}: a row of singles.py without its fault, or a fault without a row")
    return len(astray)


def main(arguments):
    if arguments == ["--list"]:
        print_table()
        return 0
    if len(arguments) < 2:
        print(__doc__)
        return 2
    if arguments[1] == "--check":
        astray = check_names(arguments[0])
        print(f"{len(ROWS + SIMULATED)} passed, {astray} failed")
        return 1 if astray else 0
    single, sim, is_sanitized = arguments[0], arguments[1], "--sanitized" in arguments
    only = arguments[arguments.index("--only") + 1] if "--only" in arguments else ""
    sums = [0, check_names(single), 0]
    start, opened = time.monotonic(), 0
    # Two at a time: some sleep most of the time.
    pool = concurrent.futures.ThreadPoolExecutor(2)
    jobs = [] if is_sanitized else [
        (row, pool.submit(run_simulated, sim, row)) for row in SIMULATED if only in row.name]
    jobs += [(row, pool.submit(run_in_time, single, row, is_sanitized)) for row in ROWS if only in row.name]
    for row, job in jobs:
        *counts, worst_ms, said = job.result()
        sums = [a + b for a, b in zip(sums, counts)]
        opened += sum(map(int, re.findall(r"^(\d+) sessions opened and closed$", said, re.M)))
        result = "FAILED" if counts[1] else "SKIPPED" if counts[2] else "ok"
        print(f"{row.group:<11} {row.name:<32} {counts[0]:>3} of {SCENARIOS}  worst {worst_ms:9.1f} ms "
              f"of {row.bound_ms:>6}  {result}: {row.end}", flush=True)
        if counts[1] or counts[2]:
            print(said[-3000:])
    print(f"{len(jobs)} faults in {time.monotonic() - start:.0f} s; {opened} sessions opened and closed")
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
