/* SPDX-License-Identifier: MIT
 *
 * point_choice: which of the restore points a command line means.
 */
#ifndef VMKEEP_CLI_POINT_CHOICE_H
#define VMKEEP_CLI_POINT_CHOICE_H

#include "base/err.h"
#include "base/model.h"
#include "base/near.h"

struct point_choice {
    const struct point *point; /* borrowed from the list */
    bool by_domain;            /* a domain was named, and the point found for it */
    size_t passed_over;        /* newer points that would have been it, but are damaged, or what
                                * they stand on is */
};

/* what: a point's id or an end of it behind a slash that only one has (DOMAIN/TIME.POLICY,
 * TIME.POLICY); or a domain, DOMAIN or HOST/DOMAIN: its newest good point on a whole chain, at or
 * before *at where that is given.  all: by domain, then oldest first.
 * ERR_NOTFOUND; ERR_INVALID: more than one is meant; ERR_CORRUPT: none is whole. */
int point_choose(const struct point_list *all, const char *what, const int64_t *at,
                 struct point_choice *ret, struct err *err);

/* The same of points alone: a domain is none. */
int point_choose_id(const struct point_list *all, const char *what, const struct point **ret,
                    struct err *err);

/* ERR_NOTFOUND: what near->text names is neither.  Domains that have points were offered to near.
 * Returns -1. */
int point_unknown(struct near *near, struct err *err);

/* Of the points that would do for `before`'s domain the newest one that is older; before is one of
 * the list. NULL: there is none. */
const struct point *point_choose_older(const struct point_list *all, const struct point *before);

#endif
