#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The isp half for AArch64: cross-built, its tests run under qemu-user. Their references and fixed
# hashes are those of x86-64, so what passes has the same bits. Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh aarch64
build=${1:-build-aarch64}
mkdir -p "$build/include"
ln -sf /usr/include/xxhash.h "$build/include/xxhash.h"

cc() {
    aarch64-linux-gnu-gcc -std=gnu17 -O2 -ffp-contract=off -D_GNU_SOURCE -DNDEBUG \
        -DSISP_VERSION='"cross"' "-DSOURCE_ROOT=\"$PWD\"" -Iinclude -Isrc -Itests -I. "-I$build/include" "$@"
}

# compile FOLDER FLAGS FILE...
compile() {
    folder="$build/$1"
    flags=$2
    shift 2
    mkdir -p "$folder"
    for file in "$@"; do
        # shellcheck disable=SC2086
        cc $flags -c "$file" -o "$folder/$(echo "$file" | tr / -).o"
    done
}

passed=0
failed=0
# check NAME OBJECT...: link and run.
check() {
    name=$1
    shift
    if cc -static "$@" -lm -o "$build/$name" && qemu-aarch64 "$build/$name" >"$build/$name.txt" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name:"
        tail -20 "$build/$name.txt"
    fi
}

kernels=$(grep -l 'FAST_KERNELS(fast_' src/isp/fast/*.c)
stills=$(ls src/isp/*/*_kernels.c && grep -l 'ISA_NAME)(' src/isp/still/*.c)
others=$(ls src/isp/fast/*.c src/isp/burst/*.c src/isp/denoise/*.c src/isp/still/*.c | grep -v '_kernels\.c$' |
    xargs grep -L 'FAST_KERNELS(fast_\|ISA_NAME')
# shellcheck disable=SC2086
compile neon "-O3 -DISP_KERNEL -DISA_NAME=neon" $kernels $stills
compile generic "-O3 -DISP_KERNEL -DISA_NAME=generic" $kernels
compile isp "" $others src/isp/*.c src/isp/auto/*.c \
    src/base/assert.c src/base/coefficients.c src/base/format.c src/base/hash.c src/base/log.c
compile reference "" tests/reference/*.c tests/isp/fast/frame.c
isp="$build/neon/*.o $build/isp/*.o"
compile checks "" tests/kernels/*.c
# shellcheck disable=SC2086
check checkkernels $build/checks/*.o $build/generic/*.o $build/reference/tests-reference-fast*.o $isp
for test in tests/isp/fast/test_fast.c tests/isp/fast/test_contracts.c tests/isp/fast/test_pair.c tests/isp/fast/test_bayer.c \
    tests/isp/fast/test_shadows.c tests/isp/still/still_test.c tests/isp/still/look_test.c tests/isp/still/presets_test.c tests/isp/denoise/denoise_test.c \
    tests/isp/burst/affine_test.c tests/isp/burst/burst_test.c tests/isp/burst/cut_test.c tests/isp/burst/motion_test.c \
    tests/isp/auto/test_auto_awb.c tests/isp/auto/test_auto_color.c tests/isp/auto/test_auto_control.c \
    tests/isp/auto/test_auto_exposure.c tests/isp/auto/test_auto_loop.c tests/isp/auto/test_auto_tone.c \
    tests/isp/auto/test_auto_white.c; do
    compile tests "" "$test"
    check "$(basename "$test" .c)" "$build/tests/$(echo "$test" | tr / -).o" $build/reference/*.o $isp
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
