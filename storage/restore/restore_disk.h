/* SPDX-License-Identifier: MIT
 *
 * Private to storage/restore*: one disk of a restore, written into a file of its own beside where
 * it shall be, synced, read back and held against the point's content digest.
 *
 * Where the content is known, that file has a name by which the next restore of the same finds it:
 * DISK.FORMAT.partial-DIGEST.  What one that was interrupted has written is read then, and what is
 * right of it is not written again.
 *
 * It gets its name by a link, and keeps the other one until all of the restore is done.  So one
 * that has both, and still holds the content, was finished by a restore that was killed before its
 * end.
 */
#ifndef VMKEEP_STORAGE_RESTORE_RESTORE_DISK_H
#define VMKEEP_STORAGE_RESTORE_RESTORE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"

struct restore_disk {
    const char *repository;         /* absolute */
    const struct point_list *chain; /* the point first */
    const char *name, *path;        /* of the disk; where it shall be in the end */
    const char *format;             /* "qcow2" or "raw" */
    uint64_t bytes;                 /* about how many are written */
    uint64_t bandwidth;             /* bytes a second; 0: no limit */
    bool no_verify;                 /* it is not read back */
    bool cached;                    /* it is read back from the page cache, not from the disk */
    bool replaces;                  /* what has its name, which the caller has locked */
    /* How much of the work is done, 0 to 1; false ends it. */
    bool (*progress)(void *ctx, bool checking, double fraction);
    void *ctx;
    /* Results. */
    char *partial;         /* the file that was written; NULL: none was made */
    bool named;            /* ... so that the next one finds it */
    bool found;            /* ... and it was there, with something in it */
    bool useless;          /* it is not what it should be, and shall go */
    bool done;             /* all of it is there, and right */
    bool finished;         /* ... under its name: an earlier one got so far */
    uint64_t kept;         /* bytes of it that were right already */
    uint64_t allocated;    /* that it takes */
    char *bad_point;       /* see restore_result */
    unsigned passes, pass; /* how often its bytes are gone through, and which time this is */
};

/* What an earlier one has left of it; *ret_allocated: what that takes.  ret_allocated may be
 * NULL. */
bool restore_disk_is_begun(const struct restore_disk *d, uint64_t *ret_allocated);

/* An earlier restore has finished it; perhaps somebody has written to it since. */
bool restore_disk_is_finished(const struct restore_disk *d);

/* Sets d->passes: it is written, perhaps read back, and perhaps looked at before. */
void restore_disk_plan(struct restore_disk *d);

int restore_disk_write(struct restore_disk *d, struct err *err);

/* Gives it its name.  *ret_made: there was no such file before. */
int restore_disk_name(struct restore_disk *d, bool *ret_made, struct err *err);

/* All of the restore is done: the other name goes. */
void restore_disk_settle(struct restore_disk *d);

/* After a failure: what the call has made goes.  What was there stays, where it may be gone on
 * with; and with stays, so does what may be gone on with the next time. true: it has stayed. */
bool restore_disk_undo(struct restore_disk *d, bool stays);

void restore_disk_done(struct restore_disk *d);

#endif
