/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's inputs for upstream to fill: what comes from here is not copied. */
#ifndef GST_SOFTISP_POOL_H
#define GST_SOFTISP_POOL_H

#include "core.h"

/* So many of a session's six inputs; one is for frames that come in other memory, one for a worker
 * that has not let go of its frame yet. */
#define GST_SOFTISP_POOL_BUFFERS 4

G_DECLARE_FINAL_TYPE(GstSoftispPool, gst_softisp_pool, GST, SOFTISP_POOL, GstBufferPool)

GstBufferPool *gst_softisp_pool_new(struct gst_softisp_core *core);

#endif
