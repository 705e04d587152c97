# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Sessions on memory that devices share; cameras come in camera.sh.
. "$SOURCE/tests/vm/guest/lib.sh"
program vm_memory
check "test_buffers, with every memory of this kernel" "$BUILD/tests/api/test_buffers"
check "test_fences" "$BUILD/tests/api/test_fences"
check "test_raw_output, with every memory of this kernel" "$BUILD/tests/api/test_raw_output"
"$BUILD/cli/softisp" info >"$OUT/info.txt"
for part in /dev/udmabuf:udmabuf /dev/dma_heap/system:dma-heap; do
    if [ -e "${part%:*}" ]; then
        check "softisp info names ${part#*:}" grep -q "^memory: ${part#*:}" "$OUT/info.txt"
    fi
done
