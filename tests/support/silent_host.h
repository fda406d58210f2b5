/* SPDX-License-Identifier: MIT
 *
 * A host with the domains "a" and "b", and a repository, that never answer: what is asked of them
 * waits until it is cancelled.  For tests of what stands before them. */
#ifndef VMKEEP_TESTS_SILENT_HOST_H
#define VMKEEP_TESTS_SILENT_HOST_H

#include <ev.h>

#include "engine/hypervisor.h"
#include "policies/config.h"
#include "storage/store/store.h"

/* Before anything else here; one loop at a time. */
void silent_begin(struct ev_loop *loop);
/* All that waits is cancelled, and what comes of that, too. */
void silent_cancel_all(void);
/* All that waits fails with that, and what comes of that, too. */
void silent_fail_all(const struct err *err);
/* What still waits is forgotten without a word, as when the program is killed. */
void silent_end(void);

/* For struct scheduler_env. */
struct hypervisor *silent_host_new(void *ctx, const struct config_host *host, struct err *err);
struct store *silent_store_new(void *ctx, const struct config_repository *repository);

#endif
