# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The GStreamer plugin on vivid.
. "$SOURCE/tests/vm/guest/lib.sh"
if gstreamer; then
    still_picture "$(node vivid)"
    program vm_gst "$(node vivid)"
fi
