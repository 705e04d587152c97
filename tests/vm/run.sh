#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Tests on a real kernel: boots Debian's kernel in an emulated machine (no KVM needed) whose root is this
# machine's, read only, and runs scripts of tests/vm/guest/ there with the build's programs; then
# tests/vm/host/NAME.py looks at what they left. Ends with "N passed, N failed, N skipped".
#
# Run: run.sh [NAME...]     all of them, or those named, in one boot
#   BUILD                   the build to test (build)
#   SOFTISP_VM_CACHE        where the kernel is kept from run to run (build-vm)
#   SOFTISP_VM_KERNEL       backports (with udmabuf, dma-heap, vimc, sw_sync) or stock (backports, else stock)
#   SOFTISP_VM_SECONDS      after which the guest is killed; a script has a third of them (900)
# What a guest wrote stays in build-vm/out/NAME/ until the next run, its console in build-vm/out/console?.txt.
set -u
cd "$(dirname "$0")/../.." || exit 1
source=$PWD
build=$(realpath "${BUILD:-build}")
cache=$(realpath -m "${SOFTISP_VM_CACHE:-build-vm}")
seconds=${SOFTISP_VM_SECONDS:-900}
here=$source/tests/vm
out=$(realpath -m build-vm)/out
python=/usr/bin/python3 # the one that has Debian's numpy
started=$SECONDS

skip_all() {
    echo "SKIPPED tests/vm: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
for program in qemu-system-x86_64 busybox cpio xz v4l2-ctl; do
    command -v $program >/dev/null || skip_all "no $program ('scripts/setup.sh vm' installs it)"
done
[ -x "$build/cli/softisp" ] || { echo "run.sh: $build has no softisp: build it first" >&2; exit 2; }
names=("$@")
if [ $# -eq 0 ]; then
    # kernel first: where that fails, the rest is no news.
    names=(kernel)
    for script in "$here"/guest/*.sh; do
        case $(basename "$script" .sh) in
        lib | kernel) ;;
        *) names+=("$(basename "$script" .sh)") ;;
        esac
    done
fi
for name in "${names[@]}"; do
    [ -f "$here/guest/$name.sh" ] || { echo "run.sh: there is no tests/vm/guest/$name.sh" >&2; exit 2; }
done

mkdir -p "$cache" "$out"
exec 9>"$cache/lock"
flock 9
kinds=${SOFTISP_VM_KERNEL:-"backports stock"}
kernel=
for kind in $kinds; do
    if timeout -k 5 400 "$here/kernel.sh" "$cache/$kind" "$kind" 2>"$cache/why.txt"; then
        kernel=$cache/$kind
        break
    fi
done
flock -u 9
[ -n "$kernel" ] || skip_all "no kernel for the guest: $(grep -v '^W:' "$cache/why.txt" | tail -1)"

# A folder of this run's own, so that two runs of one tree do not meet.
work=$(mktemp -d "${TMPDIR:-/tmp}/softisp-vm-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/root/{bin,proc,sys,dev,h} "$work/out"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp -r "$kernel/modules" "$work/root/modules"
cp "$here/init" "$work/root/init"
chmod +x "$work/root/init"

# boot NUMBER NAME...: a guest that runs these scripts.
boot() {
    number=$1
    shift
    [ $# -gt 0 ] || return
    printf 'NAMES="%s"\nSOURCE="%s"\nBUILD="%s"\nSECONDS_EACH=%s\n' "$*" "$source" "$build" \
        "$((seconds / 3))" >"$work/root/settings"
    (cd "$work/root" && find . | cpio -o -H newc --quiet >"$work/initrd$number")
    timeout -k 5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -M pc -cpu max -m 1536 -smp 2 \
        -nodefaults -display none -no-reboot -serial stdio \
        -kernel "$kernel/vmlinuz" -initrd "$work/initrd$number" \
        -append "console=ttyS0 panic=-1 oops=panic quiet mitigations=off" \
        -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
        -device virtio-9p-pci,fsdev=root,mount_tag=root \
        -fsdev local,id=out,path="$work/out",security_model=none \
        -device virtio-9p-pci,fsdev=out,mount_tag=out </dev/null 2>&1 | tr -d '\r' >"$work/out/console$number.txt" &
}
# An emulated machine keeps little more than one core busy: the longest scripts get a second one.
first=()
second=()
for name in "${names[@]}"; do
    case $name in
    camera | capture | fences | gst) second+=("$name") ;;
    *) first+=("$name") ;;
    esac
done
boot 1 "${first[@]}"
boot 2 "${second[@]}"
wait
grep -a -h '^GUEST:' "$work"/out/console?.txt

passed=0
failed=0
skipped=0
# verdicts NAME: of the lines on standard input, a script's own or of a test program.
verdicts() {
    while read -r verdict what; do
        case $verdict in
        PASS) passed=$((passed + 1)) ;;
        FAIL) failed=$((failed + 1)); echo "FAILED vm/$1: $what" ;;
        SKIP) skipped=$((skipped + 1)); echo "SKIPPED vm/$1: $what" ;;
        FAILED | SKIPPED) echo "$verdict vm/$1: $what" ;;
        [0-9]*)
            read -r more_failed more_skipped < <(sed -E 's/passed, ([0-9]+) failed, ([0-9]+) .*/\1 \2/' <<<"$what")
            passed=$((passed + verdict)) failed=$((failed + more_failed)) skipped=$((skipped + more_skipped))
            ;;
        esac
    done < <(grep -a -E '^((PASS|FAIL|SKIP|FAILED|SKIPPED) |[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$)')
}
for name in "${names[@]}"; do
    log=$work/out/$name/log.txt
    before=$failed
    if [ "$(tail -n 1 "$log" 2>/dev/null)" != "END 0" ]; then
        mkdir -p "$work/out/$name"
        echo "FAIL did not come to its end: $(tail -n 1 "$log" 2>/dev/null || tail -q -n 1 "$work"/out/console?.txt)" >>"$log"
    fi
    verdicts "$name" <"$log"
    if [ -f "$here/host/$name.py" ]; then
        timeout -k 5 120 "$python" "$here/host/$name.py" "$work/out/$name" "$build" >"$work/out/$name/host.txt" 2>&1 ||
            echo "FAIL host/$name.py: $(tail -n 1 "$work/out/$name/host.txt")" >>"$work/out/$name/host.txt"
        verdicts "$name" <"$work/out/$name/host.txt"
    fi
    [ "$failed" -eq "$before" ] || tail -n 40 "$log"
done
rm -rf "$out"
mkdir -p "$(dirname "$out")"
mv "$work/out" "$out"
echo "$((SECONDS - started)) s on Linux $(cat "$kernel/done")"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
