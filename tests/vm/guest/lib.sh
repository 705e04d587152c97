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

# gstreamer: gst-launch-1.0 and programs find our plugin, and of the installed ones these alone: looking at all takes
# an emulated machine minutes. Fails where there is none.
gstreamer() {
    system=$(dirname /usr/lib/*/gstreamer-1.0/libgstvideo4linux2.so)
    if [ ! -x "$BUILD/tests/vm/vm_gst" ]; then
        skip "the build found no GStreamer"
        return 1
    elif [ ! -e "$system/libgstvideo4linux2.so" ]; then
        skip "GStreamer's plugins for V4L2 are not installed"
        return 1
    fi
    mkdir -p /mnt/tmp/plugins
    for plugin in coreelements video4linux2; do ln -sf "$system/libgst$plugin.so" /mnt/tmp/plugins/; done
    export GST_PLUGIN_SYSTEM_PATH_1_0='' GST_PLUGIN_PATH_1_0="/mnt/tmp/plugins:$BUILD/gst"
    export GST_REGISTRY_1_0=/mnt/tmp/registry.bin GST_REGISTRY_FORK=no
}

# capture NODE FOURCC WxH FILE --stream-mmap=N|--stream-user=N: the last of three frames.
capture() {
    # A new format brings vivid's slowest rate back.
    v4l2-ctl -d "$1" --set-fmt-video="width=${3%x*},height=${3#*x},pixelformat=$2" >/dev/null &&
        v4l2-ctl -d "$1" --set-parm=30 "$5" --stream-skip=2 --stream-count=1 --stream-to="$4" >/dev/null 2>&1
}
