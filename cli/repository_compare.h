/* SPDX-License-Identifier: MIT
 *
 * repository_compare: single comparisons of what the catalog knows with what is there, for
 * repository_check.
 */
#ifndef VMKEEP_CLI_REPOSITORY_COMPARE_H
#define VMKEEP_CLI_REPOSITORY_COMPARE_H

#include "cli/repository_facts.h"
#include "storage/repository/survey.h"

struct differences {
    json_t *list;      /* {what, about, problem, then} */
    size_t n_harmless; /* of them */
    bool damage;
    const struct job_list *at_work; /* jobs that run, in that repository; borrowed */
};

/* then: what will be done about it.  False: it is no fault, for a job is at work on it. */
bool differ(struct differences *l, const char *what, const char *about, const char *problem,
            const char *then);

/* Nothing can be written there. */
void compare_mount(const struct config *config, const struct config_repository *c,
                   struct catalog *catalog, struct differences *l);

/* A point by its manifest and by the catalog, in what no merge changes.  A sentence; NULL: they
 * agree.  Caller frees. */
char *compare_lasting(const struct point *is, const struct point *was);

/* What the points' manifests say, which is what counts, and the catalog. */
void compare_manifests(const struct repository_facts *f, const struct point_list *known,
                       struct differences *l);

/* The trees of digests beside the images, where there are any, of points that are whole. */
void compare_trees(const struct repository_facts *f, const struct survey *found,
                   struct differences *l);

/* The checkpoints of the domains that have points there, with the bitmaps of their disks: asks the
 * daemon, and where that does not run, nothing is compared. */
void compare_checkpoints(const struct config *config, const struct point_list *known,
                         struct differences *l);

#endif
