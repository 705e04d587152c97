/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GST_SOFTISP_SOFTISPSRC_H
#define GST_SOFTISP_SOFTISPSRC_H

#include <gst/base/gstpushsrc.h>

/* A camera under automatic control becomes video/x-raw. */
G_DECLARE_FINAL_TYPE(GstSoftispSrc, gst_softisp_src, GST, SOFTISP_SRC, GstPushSrc)

#endif
