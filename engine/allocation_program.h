/* SPDX-License-Identifier: MIT
 *
 * What vmkeep-allocation reads, writes and says, for the drivers; see vmkeep-allocation(1). */
#ifndef VMKEEP_ENGINE_ALLOCATION_PROGRAM_H
#define VMKEEP_ENGINE_ALLOCATION_PROGRAM_H

#include "base/err.h"

/* Files that are nothing but memory.  *fd: one that was there before is closed; -1: none. */
int new_memory(int *fd, struct err *err);
int fill_memory(int *fd, const char *text, struct err *err);
/* Its name for a program of ours, for as long as we live.  Caller frees. */
char *memory_path(int fd);

#define RANGES_SHOWN "3" /* for --limit */
#define SAMPLE "64"      /* for --sample: 4 MiB of each of both */
/* What contradicts, in words; caller frees.  NULL: nothing. */
char *ranges_contradicting(const char *output);

#endif
