# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Shared by the guest's scripts: verdicts, one line each.
pass() { echo "PASS $*"; }
fail() { echo "FAIL $*"; }
skip() { echo "SKIP $*"; }

# check WHAT COMMAND...: passes if the command does.
check() {
    what=$1
    shift
    if "$@"; then pass "$what"; else fail "$what: '$*' gave $?"; fi
}

# program NAME [ARGUMENT...]: a test program of tests/vm, which counts by itself.
program() {
    name=$1
    shift
    stdbuf -oL "$BUILD/tests/vm/$name" "$@" # a crash must not take its last lines along
    status=$?
    [ $status -le 1 ] || fail "$name ended with $status"
}

# node DRIVER [N]: the (N-th) video node of a driver; numbers differ from kernel to kernel.
node() {
    for name in /sys/class/video4linux/video*; do
        if [ "$(basename "$(readlink -f "$name/device/driver")")" = "$1" ]; then
            basename "$name"
        fi
    done | sed -n "${2:-1}s#^#/dev/#p"
}

# still_picture NODE: bars of many colours, without vivid's moving texts.
still_picture() { v4l2-ctl -d "$1" -c test_pattern=2,osd_text_mode=2,saturation=90,hue=30; }

# capture NODE FOURCC WxH FILE --stream-mmap=N|--stream-user=N: the last of three frames.
capture() {
    # A new format brings vivid's slowest rate back.
    v4l2-ctl -d "$1" --set-fmt-video="width=${3%x*},height=${3#*x},pixelformat=$2" >/dev/null &&
        v4l2-ctl -d "$1" --set-parm=30 "$5" --stream-skip=2 --stream-count=1 --stream-to="$4" >/dev/null 2>&1
}
