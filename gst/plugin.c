/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meta.h"
#include "softisp.h"
#include "softispsrc.h"

#define PACKAGE "softisp"

static gboolean init(GstPlugin *plugin)
{
    gst_softisp_meta_register();
    return gst_element_register(plugin, "softisp", GST_RANK_SECONDARY, gst_softisp_get_type()) &&
           gst_element_register(plugin, "softispsrc", GST_RANK_NONE, gst_softisp_src_get_type());
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, softisp,
    "A camera ISP in software: raw frames in, pictures out", init, SISP_VERSION, "GPL", PACKAGE,
    "softisp")
