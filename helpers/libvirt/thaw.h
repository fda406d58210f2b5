/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/libvirt.  A process beside this one that thaws a guest should this one die, or
 * hang, while the guest is frozen: in a session of its own, with a connection of its own, made
 * before the freeze.
 */
#ifndef VMKEEP_HELPERS_LIBVIRT_THAW_H
#define VMKEEP_HELPERS_LIBVIRT_THAW_H

#include <sys/types.h>

#include "base/err.h"

struct thaw_guard {
    pid_t pid; /* 0: none */
    int to;    /* its standard input: at its end without a word it thaws at once */
};

/* Returns when it is ready.  After limit seconds it thaws, whatever we do. */
int thaw_guard_start(const char *domain, int limit, struct thaw_guard *ret, struct err *err);
/* The guest is thawed, or was never frozen. */
void thaw_guard_end(struct thaw_guard *g);

/* That process: "--thaw SECONDS URI DOMAIN".  Its exit code. */
int thaw_main(const char *seconds, const char *uri, const char *domain);

#endif
