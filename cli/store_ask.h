/* SPDX-License-Identifier: MIT
 *
 * store_ask: one request to vmkeep-store (base/ask.h), waited for, but not for ever: what hangs
 * keeps that program, and not the command.
 */
#ifndef VMKEEP_CLI_STORE_ASK_H
#define VMKEEP_CLI_STORE_ASK_H

#include "base/ask.h"
#include "storage/repository/adopt.h"
#include "storage/store/store_parts.h"

/* ERR_TIMEOUT, naming what was asked for (about), after so many seconds; ask->ret is written only
 * on success. */
int store_ask(const struct ask *ask, const char *about, double limit_s, struct err *err);

/* The same in two steps: it works beside what the caller does in between.  The end frees it, and
 * limit_s counts from there. */
struct store_asking;
struct store_asking *store_ask_begin(const struct ask *ask, struct err *err);
int store_ask_end(struct store_asking *a, const char *about, double limit_s, struct err *err);

/* Is a repository there, the one with that id (NULL: any)?  Waits a few seconds at most. */
int store_ask_probe(const char *path, const char *id, struct store_space *ret, struct err *err);

/* repository_view.  limit_s: how long it may take. */
int store_ask_view(const char *path, double limit_s, struct repository_view *ret, struct err *err);

#endif
