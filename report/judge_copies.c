/* SPDX-License-Identifier: MIT
 *
 * The judgement of copies in second repositories.
 */
#include "report/judge_priv.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"

char *judge_copies_left(const struct status_policy *p)
{
    char *ret = xstrdup("");

    for (size_t i = 0; i < p->copies.n; i++) {
        const struct status_copies *c = &p->copies.items[i];
        char *before = ret, newest[TIMEFMT_MAX];

        if (c->points == 0)
            continue;
        ret =
            xasprintf("%s; repository %s has %zu good %s of %s", before, c->repository, c->points,
                      c->points == 1 ? "copy," : "copies, the newest", time_local(c->last, newest));
        free(before);
    }
    return ret;
}

/* Until they are let go of; a copy makes anew what its rules keep. */
static void judge_damaged_copies(struct status_policy *p, const struct status_copies *c)
{
    CLEANUP_FREE char *advice = xasprintf(
        "look at the disk of %s; %s`vmkeep points` lists the damaged ones, and `vmkeep delete` "
        "lets go of them",
        c->repository,
        c->behind ? "the next copy makes anew what its rules keep; then "
                  : "what its rules keep is there in good copies, too; ");

    reason_add(&p->reasons, REASON_POINTS_BAD, advice,
               "%zu cop%s in repository %s %s damaged; the newest of them is %s", c->damaged,
               c->damaged == 1 ? "y" : "ies", c->repository, c->damaged == 1 ? "is" : "are",
               c->damage);
}

/* What is not in its second repository, and is not on its way; and what is damaged there. */
void judge_policy_copies(struct status_policy *p)
{
    for (size_t i = 0; i < p->copies.n; i++) {
        const struct status_copies *c = &p->copies.items[i];
        CLEANUP_FREE char *advice =
            xasprintf("`vmkeep copy %s --to %s --wait` tries now, and says what is in the way",
                      p->name, c->repository);
        char oldest[TIMEFMT_MAX];

        if (c->damaged > 0)
            judge_damaged_copies(p, c);
        if (c->behind == 0 || c->active)
            continue;
        reason_add(&p->reasons, REASON_COPY_BEHIND, advice,
                   "%zu point%s not in repository %s yet, the oldest of %s%s%s", c->behind,
                   c->behind == 1 ? " is" : "s are", c->repository, time_local(c->oldest, oldest),
                   c->problem ? "; " : "", c->problem ? c->problem : "");
    }
}
