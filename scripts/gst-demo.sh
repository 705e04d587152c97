#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The GStreamer elements, seen: what they are, and three pipelines that need no screen and no camera.
set -eu
build=$(realpath "${1:-build}")
out=demo-out
mkdir -p "$out"
export GST_PLUGIN_PATH="$build/gst" GST_REGISTRY="$build/gst/registry.bin"
gst-inspect-1.0 softisp >/dev/null || { echo "gst-demo: the build has no elements: it found no GStreamer 1.22" >&2; exit 1; }

echo "== two seconds of the simulated camera as a JPEG sequence"
gst-launch-1.0 -q softispsrc num-buffers=60 ! video/x-raw,format=NV12,width=640,height=360 ! jpegenc ! avimux ! filesink location="$out/gst-camera.avi"
echo "== one picture of it"
gst-launch-1.0 -q softispsrc num-buffers=30 ! video/x-raw,format=RGB,width=1280,height=720 ! pngenc snapshot=false ! multifilesink location="$out/gst-camera.png"
echo "== colour bars through a mosaic and back"
gst-launch-1.0 -q videotestsrc num-buffers=1 ! rgb2bayer ! video/x-bayer,format=rggb,width=640,height=480 ! \
    softisp tone=1 color=1 wb-mode=2 auto-exposure=0 ! video/x-raw,format=RGB ! pngenc ! filesink location="$out/gst-bars.png"
ls -l "$out"/gst-* | awk '{print $5 " bytes", $NF}'
