/* SPDX-License-Identifier: MIT
 *
 * content: the content digest of a disk of a point (storage/digest/leaves.h), taken when the point
 * is published and checked later, by the program vmkeep-content.  All of it waits.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_CONTENT_H
#define VMKEEP_STORAGE_REPOSITORY_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "storage/digest/sample.h"

/* Of a disk of the unpublished point plan, in the repository path: writes its tree beside its
 * image, durably, and sets d->content.  What the disk stands on is known by its trees; where these
 * are missing or damaged, all of the disk is read.  copied: the image is as a copy has left it,
 * which may have noted its digests; then it is not read.  alive: is called with the image now and
 * then, for as long as there is progress; may be NULL. */
int content_take(const char *path, const struct point *plan, struct point_disk *d, bool copied,
                 void (*alive)(const char *path), struct err *err);

struct content_check {
    const char *path;               /* the repository */
    const struct point_list *chain; /* the point first, and all that it stands on */
    const char *disk;               /* that has a content */
    const char *image, *format;     /* what is read: "qcow2" with all that it stands on, or "raw";
                                     * NULL: the point's own image */
    bool cached;                    /* read through the page cache, not from the disk */
    bool locked;                    /* who has image open for writing does not write now */
    uint64_t bandwidth;             /* bytes a second; 0: no limit */
    struct sample sample;           /* without trees that can be used all is read */
    /* Files of ranges of bytes: what is read (NULL: all), and, where trees can be used, which of
     * it differ. */
    const char *only, *differences;
    /* Told now and then how many bytes have been read, of how many; false ends it. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

struct content_range {
    uint64_t offset, length;
};

struct content_found {
    bool good;
    uint64_t bytes; /* that were read */
    bool all;       /* all of the disk was read, whatever was asked for */
    /* Not good, and where the point's tree can be used: how many leaves differ, and which bytes
     * that is, the first some dozens of ranges.  leaves 0: it is not known. */
    uint64_t leaves;
    VEC(struct content_range) ranges;
    char *note; /* why the tree could not be used; NULL: it could */
};

void content_found_done(struct content_found *f);

/* ERR_CANCELED; ERR_IO: it cannot be read. */
int content_check(const struct content_check *c, struct content_found *ret, struct err *err);

/* "in 1 block of 64 KiB, first in bytes 655360 to 720895".  Caller frees. */
char *content_difference(const struct content_found *f);

/* The same of a point, whose chain is read first: c's path and chain need not be set.  Of the
 * point's own images (c->image is NULL) a difference is an error: ERR_CORRUPT and *ret_bad, as
 * content_damaged has them. */
int content_check_point(struct content_check *c, const char *path, const char *point_id,
                        struct content_found *ret, char **ret_bad, struct err *err);

/* Sets ERR_CORRUPT: the images of the point, which c reads, hold other data than when it was
 * published.  *ret_bad: the point whose image it is, as far as can be told; caller frees. */
int content_damaged(const struct content_check *c, const struct content_found *f, char **ret_bad,
                    struct err *err);

/* Which point of the chain (the point first) holds the leaf at that offset of a disk: the uppermost
 * whose tree lists it.  Borrowed from chain; NULL: it cannot be told. */
const struct point *content_holder(const char *path, const struct point_list *chain,
                                   const char *disk, uint64_t offset);

#endif
