/* SPDX-License-Identifier: MIT
 *
 * proof: is a point still what it was when it was published?  All of it is read: its manifest and
 * those of what it stands on, the tables of the images (qemu-img check), and what a guest reads of
 * each disk, which is held against the digest of its contents, or, of points of older versions,
 * the files against theirs.  It needs no daemon and no catalog, and changes nothing.
 */
#ifndef VMKEEP_STORAGE_VERIFY_PROOF_H
#define VMKEEP_STORAGE_VERIFY_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "storage/repository/content.h"

enum proof_state { /* the worse, the higher */
                   PROOF_WHOLE,
                   PROOF_UNPROVEN, /* there is no digest; all the rest is as it should be */
                   PROOF_UNREAD,   /* it could not be read now; nothing is known */
                   PROOF_MISSING,  /* a file of it, or of what it stands on, is not there */
                   PROOF_DAMAGED,
};

const char *proof_state_name(enum proof_state s); /* whole, unproven, unread, missing, damaged */
/* Of a word that is none, or NULL: PROOF_UNREAD. */
enum proof_state proof_state_from_name(const char *name);

struct proof_disk {
    char *name;
    enum proof_state state;
    char *problem;   /* one sentence; of a whole one what is odd; NULL: nothing to say */
    char *bad_point; /* damaged: whose image it is: the point, or one that it stands on */
    uint64_t bytes;  /* that were read */
    bool all;        /* of the disk all was read, though a sample was asked for */
    VEC(struct content_range) ranges; /* damaged: of the disk, which bytes; none: not known */
    char *saved; /* damaged: what of it lies elsewhere, a sentence or more; NULL: not known */
};

struct proof {
    enum proof_state state; /* the worst of all disks */
    /* Of the point itself, where its chain could not be read at all: */
    enum err_code code; /* ERR_NONE: it could */
    char *problem;      /* why; NULL: it could */
    char *bad_point;    /* missing, damaged: the point that it is to be blamed on */
    VEC(struct proof_disk) disks;
};

void proof_done(struct proof *p);

struct proof_request {
    const char *path; /* the repository */
    const char *point_id;
    const struct strlist *disks; /* names; none: all */
    uint64_t bandwidth;          /* bytes a second that are read of contents; 0: no limit */
    struct sample sample;        /* of what has a digest of its contents; else all is read, in the
                                  * sample that begins at 0 */
    struct strlist *tables; /* images whose tables were found right before: they are not looked at
                             * again; gets more of them */
    /* Told now and then; false ends it.  done, total: of this disk's bytes. */
    bool (*progress)(void *ctx, const char *disk, uint64_t done, uint64_t total);
    void *ctx;
};

/* Holds the point while it reads.  What is found is the result; the only error is ERR_CANCELED, and
 * then *ret is empty.  Waits. */
int proof_take(const struct proof_request *r, struct proof *ret, struct err *err);

/* About how many bytes will be read for one disk; points has the point and all it stands on. */
uint64_t proof_bytes(const struct point_list *points, const struct point *p, const char *disk);

#endif
