/* SPDX-License-Identifier: MIT
 *
 * proc: child processes on the libev loop; the only file that forks.
 *
 * A child runs in a process group of its own with default signals, /dev/null as standard input,
 * LC_ALL=C, and dies with us.  It has ended when it has exited and both its pipes are at their
 * end.  On a timeout or a cancel the group gets SIGTERM, after a grace of 5 s SIGKILL.
 * Only the default loop has child watchers (libev's manual).
 */
#ifndef VMKEEP_BASE_PROC_H
#define VMKEEP_BASE_PROC_H

#include <stddef.h>

#include "base/err.h"
#include "base/op.h"

struct ev_loop;

struct proc_spec {
    const char *const *argv;  /* argv[0] is looked up in PATH; borrowed until start returns */
    double timeout_s;         /* 0: none */
    double idle_timeout_s;    /* ends a child that prints nothing for so long; 0: none */
    /* Called with each whole line of standard output, without its end; may be NULL: then the first
     * 64 KiB are kept in proc_result.out. */
    void (*line)(void *ctx, const char *line);
};

struct proc_result {
    char *out; /* standard output, at most 64 KiB; freed by the caller */
};

/* Success means exit status 0.  Anything else is an error that carries the program's name and the
 * last line it wrote to standard error: ERR_IO in general, ERR_NOSPACE and ERR_TIMEOUT where that is
 * what happened, ERR_CANCELED after a cancel.  res may be NULL. */
struct op *proc_start(struct ev_loop *loop, const struct proc_spec *spec, struct proc_result *res,
                      op_done done, void *ctx, struct err *err);

#endif
