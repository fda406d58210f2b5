/* SPDX-License-Identifier: MIT
 *
 * proc: programs, run as child processes on the libev loop, or waited for.  Nothing else forks.
 *
 * A child runs in a process group of its own with default signals, /dev/null as standard input,
 * LC_ALL=C, and dies with us.  It has ended when it has exited and both its pipes are at their
 * end.  On a timeout or a cancel the group gets SIGTERM, after a grace of 5 s SIGKILL; a child that
 * outlives even that (it hangs in the kernel, on a dead NFS server, say) is given up.
 * Only the default loop has child watchers (libev's manual).
 */
#ifndef VMKEEP_BASE_PROC_H
#define VMKEEP_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/op.h"

struct ev_loop;

struct proc_spec {
    const char *const *argv; /* argv[0] is looked up in PATH; borrowed until start returns */
    /* Instead of /dev/null, what the program reads on standard input; borrowed; NULL: nothing. */
    const char *input;
    int input_fd;     /* or what is read from this descriptor, which stays the caller's; 0: none */
    int keep_fd;      /* a descriptor that the program inherits, under its number; 0: none */
    int death_signal; /* what it gets when we die; 0: SIGKILL */
    double timeout_s; /* 0: none */
    double idle_timeout_s; /* ends a child that prints nothing for so long; 0: none */
    /* Called with each whole line of standard output, without its end (a program that prints one
     * of more than 64 MiB is ended); may be NULL: then the first 64 KiB are kept in
     * proc_result.out. */
    void (*line)(void *ctx, const char *line);
};

struct proc_result {
    char *out; /* standard output, at most 64 KiB; freed by the caller */
};

/* Success means exit status 0.  Anything else is an error that carries the program's name and
 * the last line it wrote to standard error: ERR_IO in general, ERR_NOSPACE and ERR_TIMEOUT where
 * that is what happened, ERR_CANCELED after a cancel.  res may be NULL. */
struct op *proc_start(struct ev_loop *loop, const struct proc_spec *spec, struct proc_result *res,
                      op_done done, void *ctx, struct err *err);

/* Runs a program to its end and waits for it: for use in commands, in programs of their own, and in
 * tests, never on the loop.  Errors as above; ret_out may be NULL. */
int proc_run(const char *const *argv, char **ret_out, struct err *err);

/* Is told each line of standard output as it comes (in the first 64 KiB; a line ends with \n or \r,
 * as progress does), and line NULL at least twice a second.  Returning false ends the program. */
typedef bool (*proc_watch)(void *ctx, pid_t pid, const char *line);

/* As proc_run, with watch (may be NULL). ERR_CANCELED when watch ended it. */
int proc_run_watched(const char *const *argv, proc_watch watch, void *ctx, char **ret_out,
                     struct err *err);

/* The same, with a tick of another length than half a second. */
int proc_run_ticking(const char *const *argv, proc_watch watch, void *ctx, int tick_ms,
                     char **ret_out, struct err *err);

/* From now on this program, and what it starts, is nicer by 10 (setpriority(2)): for what copies
 * beside a guest, whose QEMU is to have the processor first. */
void proc_give_way(void);

/* Where a program of ours is: beside the one that runs, as installed (the daemon is in sbin) or in
 * the build tree; else its name alone, for PATH.  Caller frees. */
char *proc_program_path(const char *name);

#endif
