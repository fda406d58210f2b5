/* SPDX-License-Identifier: MIT
 *
 * Private to base/: what proc.c (on the loop), proc_run.c (waiting) and proc_spawn.c share.
 */
#ifndef VMKEEP_BASE_PROC_PRIV_H
#define VMKEEP_BASE_PROC_PRIV_H

#include "base/proc.h"

#define OUTPUT_MAX (64 * 1024)
#define GRACE_S 5.0

/* A program that runs, and the ends of its pipes that are ours. */
struct spawned {
    pid_t pid;
    int out, err;
};

/* proc_spawn.c: starts argv with its input.  An error names the program. */
int proc_spawn(const struct proc_spec *spec, struct spawned *ret, struct err *err);

/* The part of a program's path behind the last slash. Borrowed. */
const char *proc_name(const char *path);

/* The last line that is not empty, cut out of buf in place. */
char *proc_last_line(char *buf);

/* The error behind an exit status and the last words on standard error; 0 for success. */
int proc_describe_exit(const char *name, int status, const char *said, struct err *err);

#endif
