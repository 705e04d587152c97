/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Engine's rows and figures as the public API and the CSV file show them. */
#ifndef SESSION_TELEMETRY_H
#define SESSION_TELEMETRY_H

#include "engine/engine.h"

#include <softisp/session.h>

/** The engine's telemetry callback: `user` is the struct sisp_telemetry, `blob` a struct payload.
 */
void telemetry_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes);

/** The engine's event callback; `user` as above. */
void telemetry_event(void *user, const struct eng_event *event);

void telemetry_show_event(struct sisp_event *out, const struct eng_event *event);

/** The thread that writes did not come back: the files stay open, and closing says so. */
void telemetry_abandon(struct sisp_telemetry *telemetry);

/** Rows that follow belong to a new session. */
void telemetry_begin_session(struct sisp_telemetry *telemetry);

void telemetry_record(struct sisp_record *out, const struct eng_row *row);
void telemetry_figures(struct sisp_figures *out, const struct eng_figures *figures);

#endif
