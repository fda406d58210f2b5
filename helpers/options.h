/* SPDX-License-Identifier: MIT
 *
 * options: what all helper programs are called with.
 */
#ifndef VMKEEP_HELPERS_OPTIONS_H
#define VMKEEP_HELPERS_OPTIONS_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* "PROGRAM: WHERE: WHY" on standard error.  EXIT_USAGE. */
int helper_bad(const char *program, const char *where, const char *why);

/* --help, by usage, and --version.  -1: go on; else the exit code.  *operand: the one that may be
 * given; NULL: none may. */
int helper_options(const char *program, void (*usage)(void), int argc, char **argv,
                   const char **operand);

#endif
