# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The GStreamer plugin on vivid.
. "$SOURCE/tests/vm/guest/lib.sh"
system=$(dirname /usr/lib/*/gstreamer-1.0/libgstvideo4linux2.so)
if [ ! -x "$BUILD/tests/vm/vm_gst" ]; then
    skip "the build found no GStreamer"
elif [ ! -e "$system/libgstvideo4linux2.so" ]; then
    skip "GStreamer's plugins for V4L2 are not installed"
else
    still_picture "$(node vivid)"
    # These alone: looking at all that are installed takes an emulated machine minutes.
    mkdir /mnt/tmp/plugins
    for plugin in coreelements video4linux2; do ln -s "$system/libgst$plugin.so" /mnt/tmp/plugins/; done
    export GST_PLUGIN_SYSTEM_PATH_1_0='' GST_PLUGIN_PATH_1_0="/mnt/tmp/plugins:$BUILD/gst"
    export GST_REGISTRY_1_0=/mnt/tmp/registry.bin GST_REGISTRY_FORK=no
    program vm_gst "$(node vivid)"
fi
