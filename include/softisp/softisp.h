/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SoftISP: raw Bayer frames in, finished pictures out, on a plain CPU. Includes all public
 * headers. */
#ifndef SOFTISP_SOFTISP_H
#define SOFTISP_SOFTISP_H

#include <softisp/api.h>
#include <softisp/bench.h>
#include <softisp/buffer.h>
#include <softisp/camera.h>
#include <softisp/coefficients.h>
#include <softisp/format.h>
#include <softisp/knobs.h>
#include <softisp/log.h>
#include <softisp/params.h>
#include <softisp/raw.h>
#include <softisp/session.h>
#include <softisp/stats.h>
#include <softisp/telemetry.h>
#include <softisp/tuning.h>
#include <softisp/writer.h>

#endif
