#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Install what building, demo and tests need, from Debian's packages. Quick when all is there.
# setup.sh bench: also the peers that bench/compare.py measures; setup.sh aarch64: the cross
# compiler and emulator of scripts/aarch64.sh; setup.sh vm: the emulator of tests/vm and what
# builds its kernel's modules; setup.sh coverage and trixie: what those rungs of the night need.
set -eu
packages="gcc libc6-dev meson ninja-build pkg-config xz-utils binutils clang clang-format libclang-rt-14-dev mandoc
 libraw-dev libjpeg62-turbo-dev libpng-dev libtiff-dev liblcms2-dev libexif-dev libxxhash-dev
 libseccomp-dev spin libjansson-dev libyaml-dev strace python3 python3-numpy python3-pil
 libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev gstreamer1.0-tools
 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
 gstreamer1.0-pipewire pipewire pipewire-bin wireplumber dbus"
[ "${1:-}" != bench ] || packages="$packages python3-opencv ffmpeg"
[ "${1:-}" != aarch64 ] || packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
[ "${1:-}" != vm ] || packages="$packages qemu-system-x86 busybox-static cpio kmod make v4l-utils gstreamer1.0-plugins-good"
[ "${1:-}" != coverage ] || packages="$packages gcovr"
[ "${1:-}" != trixie ] || packages="$packages mmdebstrap"
missing=""
for p in $packages; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
run=""
[ "$(id -u)" = 0 ] || run="sudo"
$run apt-get update -qq
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
