/* SPDX-License-Identifier: MIT
 *
 * scratch: local space for backups while they run.  DIR/TAG is a job's own: what the guest
 * overwrites before it is copied is kept there, and the socket of its export is made there.
 *
 * These functions do the work and wait for it; on the loop they are reached through
 * storage/store/store.h.
 */
#ifndef VMKEEP_STORAGE_STORE_SCRATCH_H
#define VMKEEP_STORAGE_STORE_SCRATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/err.h"

/* DIR/TAG. Caller frees. */
char *scratch_path(const char *dir, const char *tag);

/* Makes DIR, which everybody may pass through and nobody list, and in it TAG anew, for the user who
 * runs the hypervisor (given away as far as we may). */
int scratch_prepare(const char *dir, const char *tag, uid_t uid, gid_t gid, struct err *err);

/* Removes DIR/TAG and the files and sockets in it; fine if there is none.  Nothing deeper is
 * touched. */
int scratch_discard(const char *dir, const char *tag, struct err *err);

/* What only tries whether something can be made somewhere has names that begin so. */
#define TRIAL_NAME ".vmkeep-trial-"

/* Removes what jobs of former lives have left: every TAG that is prefix and a number below that of
 * the next job, and not in keep.  So goes an empty file of that name, which a trial has left. */
int scratch_sweep(const char *dir, const char *prefix, int64_t next_job, const struct strlist *keep,
                  struct err *err);

/* Where scratch space would be made. */
struct scratch_look {
    char *there;   /* the nearest directory above it that is there, or itself */
    char *problem; /* why nothing can be made there; NULL: something could */
    char *unfit;   /* the kind of its file system, which is not fit for it; NULL: it is */
    uint64_t free; /* bytes */
};

/* Tries it, and leaves nothing.  ret: scratch_look_done. */
int scratch_look(const char *dir, struct scratch_look *ret, struct err *err);
void scratch_look_done(struct scratch_look *l);

#endif
