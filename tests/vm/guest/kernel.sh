# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the other scripts take for granted of this kernel; without it their failures mean nothing.
. "$SOURCE/tests/vm/guest/lib.sh"
vivid=$(node vivid)
check "vivid is there" test -c "$vivid"
check "vivid with the multi-planar API is there" test -c "$(node vivid 2)"
for part in "$(node vimc):vimc" /dev/udmabuf:udmabuf /dev/dma_heap/system:dma-heap \
    /dev/dri/card0:vgem /sys/kernel/debug/sync/sw_sync:sw_sync; do
    if [ -e "${part%:*}" ]; then pass "${part#*:} is there"; else skip "this kernel has no ${part#*:}"; fi
done

# Without its texts vivid's frames are all the same: what one program captured is the truth for another.
still_picture "$vivid"
for fourcc in RGGB RG10 RG12 RG16; do
    for how in mmap user; do
        capture "$vivid" $fourcc 320x180 "$OUT/$fourcc-$how.raw" --stream-$how=3
    done
    check "$fourcc: two captures are the same frame" cmp "$OUT/$fourcc-mmap.raw" "$OUT/$fourcc-user.raw"
done
