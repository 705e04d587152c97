#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job, seen: a real raw file to pictures, and ten seconds of a live camera.
set -eu
build=${1:-build}
softisp="$build/softisp"
out=demo-out
mkdir -p "$out"
[ -s "$out/hero6.dng" ] || { xz -dc data/hero6.dng.xz >"$out/hero6.dng.part"; mv "$out/hero6.dng.part" "$out/hero6.dng"; }

echo "== a 12-megapixel raw file becomes a JPEG and a 16-bit PNG"
"$softisp" develop "$out/hero6.dng" -o "$out/hero6.jpg" --telemetry "$out/develop.csv"
"$softisp" develop "$out/hero6.dng" -o "$out/hero6.png" --depth 16
ls -l "$out/hero6.jpg" "$out/hero6.png" | awk '{print $5 " bytes", $NF}'

echo "== ten seconds of a 1080p30 camera: previews, a burst at frame 150, an overload at frame 200"
"$softisp" live --camera sim --size 1920x1080 --fps 30 --seconds 10 \
    --preview "$out/preview.y4m" --preview-size 640x360 \
    --shutter 150 --still "$out/still-%s.jpg" --overload 200:3 --telemetry "$out/telemetry.csv"
