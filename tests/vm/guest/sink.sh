# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Pictures into a V4L2 output by GStreamer's v4l2sink, as into a loopback device: vivid's own, whose signal is
# looped to its capture node. host/sink.py says whether what came out there is what was sent.
. "$SOURCE/tests/vm/guest/lib.sh"

# named PATTERN: the first video node with such a name.
named() {
    for name in /sys/class/video4linux/video*/name; do
        # shellcheck disable=SC2254 # a pattern it is
        case $(cat "$name") in $1) echo "/dev/$(basename "$(dirname "$name")")"; return ;; esac
    done
}
out=$(named 'vivid-*-vid-out')
capture=$(named "$(sed 's/out$/cap/' "/sys/class/video4linux/$(basename "$out")/name")")

# The signal goes round; its timings are such that YUV on it is BT.709, as softispsrc's is.
control=$(v4l2-ctl -d "$capture" --list-ctrls | sed -nE 's/ *(hdmi_[0-9_]+_is_connected_to) .*/\1/p')
if [ -n "$control" ]; then
    menu=$(v4l2-ctl -d "$capture" --list-ctrls-menus | sed -nE 's/^[^0-9]*([0-9]+): Output HDMI.*/\1/p' | head -n 1)
    v4l2-ctl -d "$capture" -c "$control=$menu"
else
    v4l2-ctl -d "$capture" -c loop_video=1
fi
for index in $(seq 0 9); do
    v4l2-ctl -d "$out" --set-dv-bt-timings "index=$index" >/dev/null
    ! v4l2-ctl -d "$out" --get-fmt-video-out | grep -q 'Colorspace *: Rec. 709' || break
done
v4l2-ctl -d "$capture" --set-dv-bt-timings query >/dev/null
v4l2-ctl -d "$capture" -c osd_text_mode=2
v4l2-ctl -d "$capture" --set-fmt-video=width=320,height=180,pixelformat=YUYV >/dev/null

if gstreamer; then
    # The recipe of doc/gstreamer.md, at the size and rate of an emulated CPU, and what it sends beside it.
    gst-launch-1.0 -q softispsrc camera=sim raw-width=320 raw-height=180 raw-framerate=2/1 threads=1 num-buffers=20 ! \
        video/x-raw,format=YUY2,width=320,height=180 ! tee name=both ! queue ! v4l2sink "device=$out" \
        both. ! queue ! filesink "location=$OUT/sent.yuyv" >"$OUT/gst.txt" 2>&1 &
    pipeline=$!
    for _ in $(seq 600); do
        [ "$(stat -c %s "$OUT/sent.yuyv" 2>/dev/null || echo 0)" -lt $((3 * 115200)) ] || break
        sleep 0.1
    done
    timeout 60 v4l2-ctl -d "$capture" --stream-mmap=3 --stream-skip=2 --stream-count=3 --stream-to="$OUT/seen.yuyv" >/dev/null 2>&1
    wait $pipeline
    check "v4l2sink takes the pictures to the end" test $? = 0
fi
