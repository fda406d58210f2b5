/* SPDX-License-Identifier: MIT
 *
 * merge: a point of a chain goes, and its blocks become those of the one that stands on it, so that
 * a chain goes on for ever from one full.  What every other point holds stays as it is, at every
 * instant, whatever is cut off where.
 *
 * Of point K that goes, and N that stands on it:
 *
 *   1. K.merging, a file beside the two directories, says so.  K is no point any more; N is.
 *   2. Each disk: K's image gets the size of N's; `qemu-img commit -d` writes N's blocks into it (a
 *      reader of N sees the same all the time: what is written into K, N holds itself); K's image
 *      is synced, and renamed over N's.  It stands on what K stood on.  Where both were compressed,
 *      what commit wrote is not: it is compressed anew before that, if it pays (merge_compact.h).
 *   3. N's manifest says what its images stand on now.
 *   4. K's directory goes, then K.merging.
 *
 * Each step can be done again, so an interrupted merge is finished by calling this again, by
 * whoever: the journal is in the repository.  While a manifest and its images differ, in step 2,
 * what is read of K and N is what the images say (read_manifest).
 *
 * It takes room first, and ends with more: so it may have what is reserved where nothing else makes
 * room, and only then.  What K holds already is written in place, which is most of it where K is a
 * full.
 */
#ifndef VMKEEP_STORAGE_MERGE_MERGE_H
#define VMKEEP_STORAGE_MERGE_MERGE_H

#include "storage/repository/repository.h"

struct merge_request {
    const char *point, *into; /* ids; into stands on point, and nothing else does */
    uint64_t reserve;         /* bytes that it leaves free; one that cannot is refused */
    bool into_reserve; /* it may take of them; but for compressing anew, which is left out then */
    /* Bytes of the blocks that are moved; a sign of life, too.  May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* *ret: the point `into` as it is now.  It waits, runs qemu-img, and can be killed at any time.
 * With nothing touched: ERR_BUSY while somebody reads one of the two, or another point stands on
 * `point` as well, or is being merged into it; ERR_NOSPACE; ERR_DENIED and ERR_NOTFOUND as
 * repository_remove; ERR_CORRUPT: the chain is not whole.  Once it has begun, point is gone, every
 * error is ERR_IO or ERR_CORRUPT, and the call is to be repeated. */
int repository_merge(const char *path, const struct repository_access *access,
                     const struct merge_request *r, struct point *ret, struct err *err);

#endif
