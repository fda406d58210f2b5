/* SPDX-License-Identifier: MIT
 *
 * What a look at a repository says of the points there, into the catalog.
 */
#ifndef VMKEEP_JOBS_SURVEY_H
#define VMKEEP_JOBS_SURVEY_H

#include "base/op.h"
#include "jobs/env.h"

/* A point as the catalog had it when a look began. */
struct survey_known {
    char *id;
    enum point_state state;
    uint64_t rest; /* a digest of what else says how its files should be */
};

struct survey_look {
    struct survey found;
    VEC(struct survey_known) known; /* in the catalog's order */
};

void survey_look_done(struct survey_look *l);

/* Looks at the repository's points, of one domain or (host, domain NULL) all of them. */
struct op *survey_start(struct job_env *e, struct repo *r, const char *host, const char *domain,
                        struct survey_look *ret, op_done done, void *ctx, struct err *err);
/* On a disk that was here and is away; another one has its place. */
bool survey_is_elsewhere(const struct repo *r, const struct point *p);
/* What was found, into the states of the points of the same scope.  What has become another since
 * the look began (merged into, let go of, looked at by somebody else) stays as the catalog has
 * it. */
int survey_record(struct job_env *e, const struct repo *r, const char *host, const char *domain,
                  const struct survey_look *look, struct err *err);

/* A read has found the point, which is in that repository, damaged: it is marked so at once, and so
 * is what stands on it.  What is known of it already is not told again.  ERR_NOTFOUND. */
int survey_found_damage(struct job_env *e, struct repo *r, const char *id, const char *problem,
                        struct err *err);

#endif
