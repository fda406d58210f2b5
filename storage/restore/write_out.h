/* SPDX-License-Identifier: MIT
 *
 * write_out: a file is synced by a thread of its own, while its caller reads what was written.
 */
#ifndef VMKEEP_STORAGE_RESTORE_WRITE_OUT_H
#define VMKEEP_STORAGE_RESTORE_WRITE_OUT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct write_out {
    int fd;
    const char *path;
    pthread_t thread;
    bool runs;
    int rc;
    struct err err;
};

/* path, for errors, and fd are the caller's.  Where no thread can be had it waits. */
void write_out_start(struct write_out *w, int fd, const char *path);
/* All of it is on the disk, or *err. */
int write_out_wait(struct write_out *w, struct err *err);

#endif
