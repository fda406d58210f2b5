/* SPDX-License-Identifier: MIT
 *
 * proc_beside: a program that runs beside a command for as long as that needs it: a server of
 * images, a mounted file system.  For commands and tests; never on the loop.
 *
 * It is ended by SIGTERM, not SIGKILL, when the command dies, however that happens: so that it
 * unmounts, and removes its socket.
 */
#ifndef VMKEEP_BASE_PROC_BESIDE_H
#define VMKEEP_BASE_PROC_BESIDE_H

#include "base/cleanup.h"
#include "base/proc.h"

struct proc_beside;

/* Of spec its argv, keep_fd and input_fd count. ERR_NOTFOUND: there is no such program. */
int proc_beside_start(const struct proc_spec *spec, struct proc_beside **ret, struct err *err);

/* Waits ms at most for it to end by itself, or a signal of ours to come: 0 while it runs; 1: it
 * has ended, with status 0; -1: it has failed.  The error is made of its last words. */
int proc_beside_wait(struct proc_beside *p, int ms, struct err *err);

/* What it has said so far, on standard output and error (the first 64 KiB).  Borrowed. */
const char *proc_beside_said(const struct proc_beside *p);

/* Ends it, by SIGTERM first, and waits: 15 s at most.  NULL: nothing. */
void proc_beside_free(struct proc_beside *p);
DEFINE_FREEP(struct proc_beside, proc_beside_free)

#endif
