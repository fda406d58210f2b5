/* SPDX-License-Identifier: MIT
 *
 * repository: restore points as directories (DESIGN.md, "Repository").
 *
 *   PATH/repository.json                       {"format": 1, "id": "..."}
 *   PATH/HOST/DOMAIN/POINT.partial/            being made; nobody reads it
 *   PATH/HOST/DOMAIN/POINT/                    a point: point.json, the definition, one image a disk
 *   PATH/HOST/DOMAIN/POINT.deleting/           being removed
 *
 * POINT is TIME.POLICY@CATALOG-JOB; see point_id_make.
 *
 * The rename from .partial is what publishes a point: before it everything inside is synced, and
 * after it the directory is.  Images of increments name the parent's by a relative path.
 *
 * These functions do the work and wait for it; they touch files and run qemu-img and b3sum.  On the
 * loop they are reached through storage/store.h, which runs each in a child process.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_H
#define VMKEEP_STORAGE_REPOSITORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/model.h"

/* Checks that PATH is a repository of a format we know.  may_begin: an existing, empty directory
 * becomes one; it is for a repository of which no point is known, for else the empty directory is
 * where a disk is not mounted.  ERR_NOTFOUND: no such directory (none is created, for the same
 * reason), or an empty one; ERR_INVALID: it holds something else. */
int repository_open(const char *path, bool may_begin, struct err *err);

/* Bytes that we could write. */
int repository_space(const char *path, uint64_t *ret_free, uint64_t *ret_total, struct err *err);

/* The id of a point, from its host, domain, policy, created, catalog and job:
 * "HOST/DOMAIN/TIME.POLICY@CATALOG-JOB", names escaped as base/names.h says; without the last part
 * where the catalog is not known (points of older versions).  Caller frees. */
char *point_id_make(const struct point *p);

/* Who made it, out of the id: false for an older one, which does not say. The catalog's id is *ret_catalog
 * (caller frees). id is a valid one. */
bool point_id_maker(const char *id, char **ret_catalog, int64_t *ret_job);

/* ERR_INVALID: not what point_id_make makes, or of a policy whose name ends in ".partial" or
 * ".deleting".  Every function here checks the ids it is given. */
int point_id_check(const char *id, struct err *err);

/* Both are ids, of points of one domain. */
bool point_ids_share_domain(const char *a, const char *b);

/* One of the names under which a domain's definition is kept: domain.xml, qemu.args. */
bool repository_is_definition(const char *file);

/* Absolute name of the disk's image; partial: while it is being made. Caller frees. */
char *repository_image(const char *path, const char *point_id, const char *file, bool partial);

/* What comes with a point from where it is made. */
struct point_origin {
    const char *definition_name, *definition; /* NULL: none; else repository_is_definition(name) */
    uid_t uid;                                /* who writes the images */
    gid_t gid;
};

/* Makes the partial directory anew (one left over from a crash is removed first), the definition,
 * and an empty qcow2 image of each of plan's disks, with its backing file where it has one.  Checks
 * that each backing image is there and opens.  ERR_EXISTS: the point is published already.
 * The images belong to the user who writes them until they are published, as far as we may give
 * them away (as root); directories can be searched by everybody, files read by their owner only.
 * path is absolute. origin may be NULL. */
int repository_prepare(const char *path, const struct point *plan,
                       const struct point_origin *origin, struct err *err);

/* Checks that the images are what the plan says and that nobody writes them any more, syncs them,
 * takes their digests and sizes, writes the manifest, renames.  *ret is the point as published.
 * progress: gets a line now and then for as long as there is progress; may be NULL.
 * Idempotent: one that is published already is read and returned.
 * ERR_NOTFOUND: neither is there; ERR_CORRUPT: an image is not as planned. */
int repository_publish(const char *path, const struct point *plan, FILE *progress,
                       struct point *ret, struct err *err);

/* Removes whatever is there under that id: the point, in the making, published or half removed;
 * fine if there is none.  ERR_BUSY, with nothing touched, while someone restores from it or another
 * point stands on it. */
int repository_remove(const char *path, const char *point_id, struct err *err);

enum point_presence { POINT_ABSENT, POINT_PARTIAL, POINT_PUBLISHED };

/* What is there under that id; of a published one the manifest, into *ret (may be NULL). */
int repository_find(const char *path, const char *point_id, enum point_presence *presence,
                    struct point *ret, struct err *err);

/* Every published point, by host and domain, then oldest first.  One whose manifest cannot be read
 * is left out, and the reason added to damaged. */
int repository_list(const char *path, struct point_list *ret, struct strlist *damaged,
                    struct err *err);

/* The point and all below it in its chain: every image there, as long as its manifest says, and the
 * backing files as recorded.  Reads no data. ERR_NOTFOUND, ERR_CORRUPT. */
int repository_check_chain(const char *path, const char *point_id, struct err *err);

/* Holds the point and its chain against repository_remove for as long as the process or the
 * descriptors live; ret_fds gets them (free with repository_unhold). */
struct repository_hold {
    int *items;
    size_t n, cap;
};
int repository_hold(const char *path, const char *point_id, struct repository_hold *ret,
                    struct err *err);
void repository_unhold(struct repository_hold *h);

#endif
