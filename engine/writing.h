/* SPDX-License-Identifier: MIT
 *
 * What a push writes to is brought onto its medium while it grows, for every driver.
 */
#ifndef VMKEEP_ENGINE_WRITING_H
#define VMKEEP_ENGINE_WRITING_H

#include <ev.h>
#include <stdint.h>

#include "base/alloc.h"

struct writing;

/* Begins, unless *at has begun already.  pid: of the process that has the files open, which are
 * followed for no longer than it has; 0: they are reached by their names, until this is stopped.
 * *at is NULL again when it has ended by itself, and must stay in its place till then. */
void writing_start(struct ev_loop *loop, uint32_t pid, const struct strlist *names,
                   struct writing **at);
void writing_stop(struct writing **at);

#endif
