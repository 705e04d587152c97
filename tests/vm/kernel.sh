#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetch Debian's own kernel for the guest, installing nothing. Run: kernel.sh FOLDER backports|stock
# FOLDER then holds vmlinuz and modules/ (with modules/order, the order to load them in).
set -eu
folder=$1
kind=$2
[ ! -e "$folder/done" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/modules" "$folder/deb"
folder=$(cd "$folder" && pwd)

# An apt of our own, beside the system's: a suite that the system does not have changes nothing there.
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
case $kind in
backports) suite=$codename-backports ;;
stock) suite=$codename ;;
*) echo "kernel.sh: no kernel of the kind '$kind'" >&2; exit 2 ;;
esac
# shellcheck disable=SC2016 # apt's own variables
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' "Codename: $codename" | head -1)
[ -n "$uri" ] || { echo "kernel.sh: the system's apt knows no Debian suite $codename" >&2; exit 1; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$folder/apt/list"
apt() {
    tool=$1
    shift
    "$tool" -qq -o Dir::Etc::sourcelist="$folder/apt/list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" \
        -o APT::Sandbox::User=root -o Acquire::Retries=2 "$@"
}
fetch() { # PACKAGE...: unpacked into deb/
    (cd "$folder/apt" && apt apt-get download "$@" >/dev/null)
    for deb in "$folder"/apt/*.deb; do
        dpkg-deb -x "$deb" "$folder/deb"
        rm "$deb"
    done
}
apt apt-get update
package=$(apt apt-cache depends linux-image-amd64 | sed -nE 's/ *Depends: (linux-image-[0-9].*)/\1/p' | head -1)
[ -n "$package" ] || { echo "kernel.sh: no linux-image-amd64 of $suite can be had: is there a network?" >&2; exit 1; }
fetch "$package"
release=${package#linux-image-}
release=${release%-unsigned}
cp "$folder"/deb/boot/vmlinuz-* "$folder/vmlinuz"

# Modules in load order, by what each says that it depends on: depmod over the whole tree takes a minute.
find "$folder/deb" -name '*.ko*' >"$folder/all"
: >"$folder/modules/order"
add() {
    pattern="/$(echo "$1" | sed 's/[-_]/[-_]/g')\\.ko(\\.xz)?\$"
    file=$(grep -m1 -E "$pattern" "$folder/all") || return 0 # built in, or this kernel has it not
    name=$(basename "${file%.xz}")
    ! grep -qx "$name" "$folder/modules/order" || return 0
    for needed in $(/sbin/modinfo -F depends "$file" | tr ',' ' '); do
        (add "$needed")
    done
    case $file in
    *.xz) xz -dc "$file" >"$folder/modules/$name" ;;
    *) cp "$file" "$folder/modules/$name" ;;
    esac
    echo "$name" >>"$folder/modules/order"
}
for module in virtio_pci 9p 9pnet_virtio vivid vgem; do
    add $module
done

# What Debian builds without: vimc (a camera with a media controller) and sw_sync (fences to order).
build_modules() {
    version=$(apt apt-cache show "$package" | sed -n 's/^Version: //p' | head -1)
    base=${release%-amd64}
    source=linux-source-$(echo "$base" | cut -d. -f1-2)
    fetch "linux-headers-$release=$version" "linux-headers-$base-common=$version" \
        "linux-kbuild-$base=$version" "$source=$version"
    headers=$folder/deb/usr/src/linux-headers-$release
    sed -i "s#/usr/src/#$folder/deb/usr/src/#" "$headers/Makefile"
    own=$folder/own
    mkdir "$own"
    tar -xJf "$folder/deb/usr/src/$source.tar.xz" -C "$own" --strip-components=4 \
        "$source/drivers/media/test-drivers/vimc"
    tar -xJf "$folder/deb/usr/src/$source.tar.xz" -C "$own" --strip-components=3 \
        "$source/drivers/dma-buf/sw_sync.c" "$source/drivers/dma-buf/sync_debug.h" \
        "$source/drivers/dma-buf/sync_trace.h"
    cp "$(dirname "$0")/swsync.c" "$own/swsync_module.c"
    sed -i 's#\.\./\.\./drivers/dma-buf#.#' "$own/sync_trace.h"
    # shellcheck disable=SC2016 # make's variable
    printf '%s\n' 'obj-m += swsync.o vimc/' 'swsync-y := sw_sync.o swsync_module.o' \
        'ccflags-y += -DCONFIG_SW_SYNC=1' 'CFLAGS_sw_sync.o = -I$(src)' >"$own/Makefile"
    # Without pahole there is no BTF, which nobody here reads.
    make -s -C "$headers" M="$own" CONFIG_VIDEO_VIMC=m CONFIG_DEBUG_INFO_BTF_MODULES= -j2 modules
    for module in vimc/vimc.ko swsync.ko; do
        strip -g -o "$folder/modules/$(basename $module)" "$own/$module"
        basename $module >>"$folder/modules/order"
    done
}
if [ "$kind" = backports ]; then
    (build_modules) >"$folder/modules.log" 2>&1 ||
        { echo "kernel.sh: vimc and sw_sync were not built:"; tail -5 "$folder/modules.log"; }
fi
rm -rf "$folder/deb" "$folder/apt" "$folder/own" "$folder/all"
echo "$release" >"$folder/done"
