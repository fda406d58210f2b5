/* SPDX-License-Identifier: MIT
 *
 * rebuild: a catalog made anew from repositories.
 *
 * Points come from their manifests alone: what lies on disk is the truth.  What only a catalog knew
 * (jobs and their outcomes, coverage, checkpoints, what retention said, until when the clock was
 * believed) comes from catalogs: the
 * former file, if it is whole, and the copies that lie in the repositories.  Of those the latest
 * wins; jobs come from all of them, for their numbers are never given twice.
 *
 * The catalog keeps its id, so that bitmaps at hypervisors and directories in repositories stay its
 * own.  It is built beside the former file, synced, and renamed over it; the former one stays under
 * another name.
 *
 * These functions read repositories and wait for it: they are for a command, not for the loop.
 */
#ifndef VMKEEP_STORAGE_REBUILD_REBUILD_H
#define VMKEEP_STORAGE_REBUILD_REBUILD_H

#include "storage/catalog/catalog.h"

struct rebuild_place {
    char *name, *path; /* of the repository */
    size_t found, taken;
};

struct rebuild_source {
    char *path;
    bool is_catalog; /* the former file; else a copy */
    char id[9];      /* "" when it cannot be read */
    char *problem;   /* why nothing is taken from it; NULL: it is used */
    int64_t last_job;
    size_t points, jobs, checkpoints;
    struct catalog *catalog; /* in memory, brought to our schema; NULL with a problem */
};

/* A domain's directory in a repository. */
struct rebuild_domain {
    char *repository, *host, *domain;
    char *owner;    /* the catalog that it belongs to; NULL: nothing in it says */
    bool said;      /* by its owner's file */
    bool here;      /* which names this machine, and this catalog's path */
    bool elsewhere; /* which names others, or cannot be read */
};

/* A point in the making, or half removed. */
struct rebuild_debris {
    char *repository, *id;
};

struct rebuild {
    char *path;
    int lock; /* -1: only looking */
    VEC(struct rebuild_place) places;
    VEC(struct rebuild_domain) domains;
    VEC(struct rebuild_debris) debris;
    VEC(struct rebuild_source) sources; /* once chosen: the former file first, then the latest */
    struct point_list points;           /* once chosen: those that will be in it */
    struct strlist notes;               /* what is left out or cannot be read, a sentence each */
    char id[9];
    const char *id_from;
    int64_t last_job; /* the next one gets a higher number */
    /* rebuild_make fills in: */
    size_t jobs, checkpoints;
    struct strlist missing; /* points that others stand on, and that are not there */
    char *kept;             /* where the former file is now; NULL: there was none */
};

/* NULL: nothing of its was found. */
struct rebuild_domain *rebuild_domain_of(const struct rebuild *r, const struct point *p);

/* keep_out: no daemon can start meanwhile; ERR_BUSY when one runs.  Opens the former file, if
 * any. */
int rebuild_new(const char *path, bool keep_out, struct rebuild **ret, struct err *err);
void rebuild_free(struct rebuild *r);

/* Reads a repository; name: under which the configuration knows it. ERR_NOTFOUND, ERR_INVALID. */
int rebuild_add(struct rebuild *r, const char *name, const char *path, struct err *err);

#define REBUILD_NEW "new"

/* Decides whose points are ours; id: that one, of points or of a copy of the catalog, or
 * REBUILD_NEW; NULL: the one that follows from what was found.  One whose directories name
 * another machine, or another path, never follows: it may live.
 * ERR_INVALID: it does not follow, and the message lists those that are there. */
int rebuild_choose(struct rebuild *r, const char *id, struct err *err);

/* Makes it.  Killed at any moment it leaves the former catalog or the new one under the name. */
int rebuild_make(struct rebuild *r, int64_t now, struct err *err);

#endif
