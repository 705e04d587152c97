# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# 'softisp live' on cameras in trouble: unplugged, killed, refused, damaged; and vimc by one command.
. "$SOURCE/tests/vm/guest/lib.sh"
vivid=$(node vivid)

# live NAME OPTIONS...: in the background; $! is it.
live() {
    name=$1
    shift
    mkdir -p "$OUT/$name"
    "$SOFTISP" live "$@" --raw "$OUT/$name" --isa base --threads 1 --preview-size 160x90 --preview "$OUT/$name.y4m" \
        --telemetry "$OUT/$name.csv" --json >"$OUT/$name.json" 2>"$OUT/$name.txt" &
}
vivid_frames="--raw-format SRGGB10 --size 320x180 --fps 5" # what an emulated CPU does in time

# frames NAME N: until so many came; fails after 20 s.
frames() {
    for _ in $(seq 200); do
        [ "$(find "$OUT/$1" -name "*.raw" | wc -l)" -lt "$2" ] || return 0
        sleep 0.1
    done
    return 1
}

# ended PID: its exit code, 99 if it does not end within 20 s.
ended() {
    for _ in $(seq 200); do
        kill -0 "$1" 2>/dev/null || { wait "$1"; return $?; }
        sleep 0.1
    done
    kill -KILL "$1"
    return 99
}
# Beside what the engine tells of a busy guest.
one_sentence() { [ "$(grep -v -c -E '^softisp: [A-Z_]+: ' "$OUT/$1.txt")" = 1 ] && grep -q "$2" "$OUT/$1.txt"; }

works() { # NAME: the camera does its work (again)
    # shellcheck disable=SC2086
    live "$1" --camera "v4l2:$vivid,buffers=${2:-mmap}" $vivid_frames --frames 3
    ended $!
}

# What a driver in trouble does to a run, which ends with code 1 and one sentence, and that the next one works.
for how in mmap userptr dmabuf; do
    [ $how != dmabuf ] || [ -e /dev/udmabuf ] || continue
    # shellcheck disable=SC2086
    live "unplug-$how" --camera "v4l2:$vivid,buffers=$how" $vivid_frames --seconds 60
    run=$!
    check "unplug-$how: frames came" frames "unplug-$how" 3
    echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
    ended $run
    check "unplug-$how: it ends" test $? = 1
    check "unplug-$how: and says why" one_sentence "unplug-$how" gone
    echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
    check "unplug-$how: plugged in again it works" works "again-$how" $how
done
for how in mmap dmabuf; do
    [ $how != dmabuf ] || [ -e /dev/udmabuf ] || continue
    # shellcheck disable=SC2086
    live "kill-$how" --camera "v4l2:$vivid,buffers=$how" $vivid_frames --seconds 60
    run=$!
    check "kill-$how: frames came" frames "kill-$how" 3
    kill -KILL $run
    wait $run
    check "kill-$how: another one works at once" works "after-$how" $how
done
for fault in reqbufs_error qbuf_error streamon_error; do
    v4l2-ctl -d "$vivid" -c "inject_vidioc_$fault=1"
    works "$fault"
    check "$fault: it ends" test $? = 1
    check "$fault: and says why" one_sentence "$fault" "$vivid"
done
check "after these it works" works after-refusals
# shellcheck disable=SC2086
live fatal --camera "v4l2:$vivid" $vivid_frames --seconds 60
run=$!
check "fatal: frames came" frames fatal 3
v4l2-ctl -d "$vivid" -c inject_fatal_streaming_error=1
ended $run
check "fatal: it ends" test $? = 1
check "fatal: and says why" one_sentence fatal "$vivid"
check "fatal: the next one works" works after-fatal
# shellcheck disable=SC2086
live damaged --camera "v4l2:$vivid" $vivid_frames --seconds 60
run=$!
check "damaged: frames came" frames damaged 3
v4l2-ctl -d "$vivid" -c inject_v4l2_buf_flag_error=1
check "damaged: it goes on" frames damaged $(($(find "$OUT/damaged" -name "*.raw" | wc -l) + 10))
kill -TERM $run
ended $run
check "damaged: and ends when it is asked to" test $? = 130

v4l2-ctl -d "$vivid" --stream-mmap=3 >"$OUT/other.txt" 2>&1 &
other=$!
until [ -s "$OUT/other.txt" ]; do sleep 0.1; done
works busy
check "busy: it ends" test $? = 1
check "busy: and says why" one_sentence busy "another program"
kill $other
wait $other

raw=
for name in /sys/class/video4linux/video*/name; do
    [ "$(cat "$name")" != "Raw Capture 0" ] || raw=/dev/$(basename "$(dirname "$name")")
done
if [ -n "$raw" ]; then
    live vimc --camera "v4l2:$raw" --size 320x180 --frames 5
    ended $!
    check "vimc streams after one command" test $? = 0
else
    skip "this kernel has no vimc"
fi
