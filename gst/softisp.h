/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GST_SOFTISP_SOFTISP_H
#define GST_SOFTISP_SOFTISP_H

#include <gst/base/gstbasetransform.h>

/* video/x-bayer becomes video/x-raw. */
G_DECLARE_FINAL_TYPE(GstSoftisp, gst_softisp, GST, SOFTISP, GstBaseTransform)

#endif
