/* SPDX-License-Identifier: MIT
 *
 * survey: one cheap look at what is in a repository, held against what the catalog knows of it.
 *
 * It reads names, sizes and manifests, and no data: a point is whole here when its directory, a
 * manifest that can be read, and its images are there, each as long as when it was published.  That
 * finds what was deleted, truncated or lost with a disk; damage inside an image is found by reading
 * it.  What a merge has changed since the catalog knew it (which was put back to an older state)
 * is no damage: where images do not fit what is known, they are held against the manifest, with the
 * journals of merges.
 *
 * A glance is for who waits: it looks at the points that are named, as many as it gets to in a time
 * limit, and at nothing else.
 *
 * repository_survey does the work and waits for it; on the loop it is reached through
 * storage/store/store.h.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_SURVEY_H
#define VMKEEP_STORAGE_REPOSITORY_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "storage/repository/repository.h"

/* What to look at.  Borrowed. */
struct survey_scope {
    const char *host, *domain;      /* both NULL: the whole repository */
    const struct point_list *known; /* the catalog's points there, of that scope */
    int64_t
        glance_ms; /* 0: all that is there; else no more than known, in its order, for so long */
};

/* A known point that is not whole. */
struct survey_loss {
    char *id;
    enum point_state state; /* POINT_MISSING: directory, manifest or an image is not there;
                             * POINT_DAMAGED: an image is not as long as it was, or the manifest
                             * cannot be read */
    char *problem;          /* one sentence */
};

struct survey_losses {
    struct survey_loss *items;
    size_t n, cap;
};

struct survey {
    uint64_t free, total; /* bytes of the file system */
    struct survey_losses losses;
    struct strlist unknown;    /* ids of points there that the catalog does not know */
    struct strlist unfinished; /* ids of those in the making or half removed, known or not */
    struct strlist merging;    /* ids of those whose merge into another has begun, known or not */
    /* Known points as their manifests have them, of which merges have changed what they stand on;
     * one in state deleting is being merged away itself. */
    struct point_list merged;
};

void survey_losses_done(struct survey_losses *l);
void survey_done(struct survey *s);
const struct survey_loss *survey_loss_find(const struct survey *s, const char *id);

/* alive: called now and then; may be NULL.  Errors: those of repository_open with
 * may_begin false, and ERR_IO.  Known points in state deleting are left out. */
int repository_survey(const char *path, const struct survey_scope *scope, repository_alive alive,
                      struct survey *ret, struct err *err);

#endif
