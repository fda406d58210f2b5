/* SPDX-License-Identifier: MIT
 *
 * repository: restore points as directories (docs/design.md, "The repository").
 *
 *   PATH/repository.json                       {"format": 1, "id": "..."}
 *   PATH/HOST/DOMAIN/POINT.partial/            being made; nobody reads it
 *   PATH/HOST/DOMAIN/POINT/                    a point: point.json, the definition, an image a disk
 *   PATH/HOST/DOMAIN/POINT.deleting/           being removed
 *
 * POINT is TIME.POLICY@CATALOG-JOB; see point_id_make.
 *
 * The rename from .partial is what publishes a point: before it everything inside is synced, and
 * after it the directory is.  Images of increments name the parent's by a relative path.
 *
 * These functions do the work and wait for it; they touch files and run qemu-img and b3sum.  On the
 * loop they are reached through storage/store/store.h, which has vmkeep-store do each.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_REPOSITORY_H
#define VMKEEP_STORAGE_REPOSITORY_REPOSITORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/model.h"
#include "storage/repository/owner.h"

#define REPOSITORY_ID_MAX 64

/* Checks that PATH is a repository of a format we know.  may_begin: an existing, empty directory
 * becomes one; it is for a repository of which no point is known, for else the empty directory is
 * where a disk is not mounted.  ERR_NOTFOUND: no such directory (none is created, for the same
 * reason), or an empty one; ERR_INVALID: it holds something else. */
int repository_open(const char *path, bool may_begin, struct err *err);

/* The same, and it must be the repository of that id (NULL: any; else none is begun):
 * ERR_NOTFOUND, naming both, for another one, as when another disk is mounted there.  Its id is
 * ret_id (may be NULL). */
int repository_identify(const char *path, const char *id, bool may_begin,
                        char ret_id[REPOSITORY_ID_MAX], struct err *err);

/* Who works in a repository, and in which.  What changes something takes one. */
struct repository_access {
    const char *id; /* the repository that must be under the path; NULL: any */
    const struct owner *self;
    int64_t now;
};

/* The directory of a domain ("HOST/DOMAIN", escaped) is ours, and we use it now: see
 * owner_claim.  One without owner, as older versions made them, becomes ours when none of the
 * points in it was made for another catalog. */
int repository_claim(const char *path, const char *domain, int domain_dir,
                     const struct repository_access *access, struct err *err);

/* Told what is worked on: a sign of life. */
typedef void (*repository_alive)(const char *at);

/* Bytes that we could write. */
int repository_space(const char *path, uint64_t *ret_free, uint64_t *ret_total, struct err *err);
/* Is its file system mounted read-only? */
bool repository_is_read_only(const char *path);

/* The id of a point, from its host, domain, policy, created, catalog and job:
 * "HOST/DOMAIN/TIME.POLICY@CATALOG-JOB", names escaped as base/names.h says; without the last part
 * where the catalog is not known (points of older versions).  Caller frees. */
char *point_id_make(const struct point *p);

/* Who made it, out of the id: false for an older one, which does not say. The catalog's id is
 * *ret_catalog (caller frees). id is a valid one. */
bool point_id_maker(const char *id, char **ret_catalog, int64_t *ret_job);

/* The reverse of point_id_make: fills in what the id is made of, and the id.  False: it is none. */
bool point_id_parse(const char *id, struct point *ret);

/* When a point of that name was made: an id, or what is left of one without its beginning at a "/",
 * or without its maker.  False: no point is called so. */
bool point_name_time(const char *name, int64_t *ret);

/* ERR_INVALID: not what point_id_make makes, or of a policy whose name ends in ".partial" or
 * ".deleting".  Every function here checks the ids it is given. */
int point_id_check(const char *id, struct err *err);

/* Both are ids, of points of one domain. */
bool point_ids_share_domain(const char *a, const char *b);

/* Absolute name of the disk's image; partial: while it is being made. Caller frees. */
char *repository_image(const char *path, const char *point_id, const char *file, bool partial);

/* What comes with a point from where it is made. */
struct point_origin {
    /* Of the domain, as files in the point's directory: manifest_is_definition(name).  NULL:
     * none. */
    const struct definition_list *definitions;
    uid_t uid; /* who writes the images */
    gid_t gid;
};

/* Makes the partial directory, the definition, and an empty qcow2 image of each of plan's disks,
 * with its backing file where it has one.  Checks that each backing image is there and opens.
 * The plan is one of access->self's jobs.  ERR_EXISTS, ERR_DENIED, ERR_NOTFOUND (another
 * repository), with nothing made: there is a point, or one in the making, of that name, or the
 * domain's directory belongs to somebody else. The images belong to the user who writes them
 * until they are published, as far as we may give them away (as root); directories can be
 * searched by everybody, files read by their owner only. path is absolute. origin may be NULL. */
int repository_prepare(const char *path, const struct repository_access *access,
                       const struct point *plan, const struct point_origin *origin,
                       struct err *err);

/* How a point is published. */
struct publication {
    repository_alive alive; /* called now and then, for as long as there is progress; or NULL */
    enum image_compression compress;
    uint64_t reserve; /* what compressing leaves free of the file system */
};

/* Checks that the images are what the plan says and that nobody writes them any more, compresses
 * and syncs them, takes their digests and sizes, writes the manifest, renames.  *ret is the point
 * as published; an image that cannot be compressed is published as it is, and its why_not says
 * so.  how may be NULL.
 * Idempotent: one that is published already by the same job is read and returned. ERR_NOTFOUND:
 * neither is there; ERR_CORRUPT: an image is not as planned; ERR_EXISTS: a point of that name
 * that another job made; ERR_DENIED: the domain's directory belongs to somebody else. */
int repository_publish(const char *path, const struct repository_access *access,
                       const struct point *plan, const struct publication *how, struct point *ret,
                       struct err *err);

/* How far a job had come with what it planned. */
enum point_made { MADE_NOTHING, MADE_PARTIAL, MADE_POINT };

/* Undoes what a job has made of its plan, and nothing else: a published point only when the job
 * had come to publishing it (MADE_POINT), its manifest says that this very job made it, and the
 * domain's directory is still ours. Fine if there is none.  ERR_BUSY as with repository_remove. */
int repository_discard(const char *path, const struct repository_access *access,
                       const struct point *plan, enum point_made made, struct err *err);

/* Removes whatever is there under the id of a point of ours: published, half removed, or what a
 * failed job has left; fine if there is none.  With nothing touched: ERR_BUSY while someone
 * restores from it, it is pinned or another point stands on it; ERR_DENIED: the domain's
 * directory belongs to
 * somebody else; ERR_NOTFOUND: the repository is not there, or it is another one. */
int repository_remove(const char *path, const struct repository_access *access,
                      const char *point_id, struct err *err);

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

/* The same, but an image of another length is no error: ret_odd gets a sentence on each. */
int repository_check_chain_but_lengths(const char *path, const char *point_id,
                                       struct strlist *ret_odd, struct err *err);

/* Is the point as its repository is now (storage/images/keys.h), encrypted or in clear text?
 * ERR_INVALID: no, so that nothing new can stand on it. */
int repository_check_encrypted(const char *path, const char *point_id, struct err *err);

#endif
