#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every system call of a session's life fails once, for each kind and each k: the program ends well
or says in one sentence why not, and leaves nothing behind. strace puts the failures in.

usage: test_syscalls.py PROGRAM [MODE...]"""
import collections
import os
import re
import subprocess
import sys
import tempfile

# What the kernel may answer. close, munmap and exits are left out: when they are not carried out
# it is the tracer that leaks. futex is left out: a wake cannot fail, and strace cannot tell it from
# a wait; interrupted waits are test_signals' ground.
ERRORS = {"memfd_create": "EMFILE", "ftruncate": "ENOSPC", "fallocate": "ENOSPC", "fcntl": "EPERM",
          "mmap": "ENOMEM", "mprotect": "ENOMEM", "madvise": "ENOMEM", "clone3": "EAGAIN",
          "clone": "EAGAIN", "vfork": "EAGAIN", "openat": "EMFILE", "write": "ENOSPC",
          "writev": "ENOSPC", "setpriority": "EPERM", "prctl": "EINVAL", "poll": "EINTR", "ppoll": "EINTR",
          "epoll_wait": "EINTR", "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM", "eventfd2": "EMFILE",
          "read": "EINTR", "recvmsg": "EINTR", "sendmsg": "ENOBUFS", "socketpair": "EMFILE",
          "pidfd_open": "EMFILE", "pipe2": "EMFILE", "clock_nanosleep": "EINTR", "gettid": None,
          "sched_setscheduler": "EPERM", "sched_getaffinity": "EINVAL", "prlimit64": "EPERM",
          "sysinfo": "EFAULT", "newfstatat": "ENOMEM", "fstat": "ENOMEM", "getdents64": "ENOMEM"}
SECONDS = 30


def trace(program, arguments, inject, folder):
    """Returns: (status, standard error, calls by name of the first thread, all calls by name)."""
    log = os.path.join(folder, "trace")
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    command = ["strace", "-ff", "-qq", "-o", log, *inject, program, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        status, said = done.returncode, done.stderr
    except subprocess.TimeoutExpired:
        return "hangs", "", {}
    most = collections.Counter()
    for name in os.listdir(folder):
        if not name.startswith("trace."):
            continue
        calls = collections.Counter(re.findall(r"^(\w+)\(", open(os.path.join(folder, name),
                                                                 errors="replace").read(), re.M))
        for call, count in calls.items():
            most[call] = max(most[call], count)
    return status, said, most


def main():
    program, modes = sys.argv[1], sys.argv[2:]
    passed, problems, refusals = 0, [], 0
    with tempfile.TemporaryDirectory() as folder:
        csv = [os.path.join(folder, "t.csv"), *modes]
        status, said, most = trace(program, csv, [], folder)
        if status == "hangs" or "ptrace" in said or "strace:" in said:
            print(f"SKIPPED: strace cannot trace here: {said.strip()[:100] or status}")
            print("0 passed, 0 failed, 1 skipped")
            return 77
        if status:
            print(f"without a failure: {status}: {said}\n0 passed, 1 failed")
            return 1
        _, _, before = trace(program, ["--nothing"], [], folder)
        for call, error in sorted(ERRORS.items()):
            # Calls of the program's loading are not ours.
            for k in range(before.get(call, 0) + 1, most.get(call, 0) + 1) if error else ():
                inject = ["-e", f"inject={call}:error={error}:when={k}"]
                if call == "write":  # an event counter is no disk
                    inject += [option for end in ("", ".params.jsonl", ".events.csv") for option in ("-P", csv[0] + end)]
                status, said, _ = trace(program, csv, inject, folder)
                said = said.strip()
                refusals += status == 1
                sentences = said.count("start_run_stop:")
                # The sentence is a write, too.
                if status == 0 or (status == 1 and (sentences == 1 or (call == "write" and not said))):
                    passed += 1
                else:
                    problems.append(f"{call} number {k} fails with {error}: {status}: {said[-300:]}")
    for problem in problems:
        print("does not hold:", problem)
    print(f"{refusals} of {passed} failures were refused, the others made no difference")
    print(f"{passed} passed, {len(problems)} failed")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
