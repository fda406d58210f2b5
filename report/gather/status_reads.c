/* SPDX-License-Identifier: MIT
 *
 * What is known of reads of a policy's points: which is proven to be restorable, and whether all
 * are read as often as is promised.
 */
#include "base/text.h"
#include "policies/verification.h"
#include "report/gather/status_priv.h"
#include "report/points.h"
#include "storage/catalog/catalog_reading.h"

int status_add_reads(struct catalog *catalog, const struct config_policy *policy,
                     const struct point_list *points, int64_t now, struct status_policy *ret,
                     struct err *err)
{
    const struct point *overdue;
    int64_t since = 0;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (!str_eq(p->policy, policy->name) || !p->read.proven || p->created < ret->proven ||
            !point_is_whole(points, p))
            continue;
        ret->proven = p->created;
        ret->proven_at = p->read.proven;
    }
    if (!policy->verify.max_age || policy->verify.schedule.n == 0)
        return 0;
    if (catalog_schedule_since(catalog, policy->name, JOB_VERIFY, &since, err) < 0)
        return -1;
    overdue = since ? verification_overdue(&policy->verify, points, policy->name, since, now,
                                           &ret->n_unread)
                    : NULL;
    ret->max_age = policy->verify.max_age;
    ret->unread = overdue ? verification_proven(overdue) : 0;
    return 0;
}
