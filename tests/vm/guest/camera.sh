# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The library's V4L2 camera on vivid, both plane APIs, with vivid's own faults and its driver unbound.
. "$SOURCE/tests/vm/guest/lib.sh"
vivid=$(node vivid)
many=$(node vivid 2)
still_picture "$vivid"
still_picture "$many"
for fourcc in RGGB RG10 RG12 RG16; do
    capture "$vivid" $fourcc 320x180 "$OUT/$fourcc.raw" --stream-mmap=3
done
program vm_camera "$vivid" "$many" "$OUT"
