/* SPDX-License-Identifier: MIT */
#include "policies/verification.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/plan_priv.h"

int64_t verification_proven(const struct point *p)
{
    return p->read.proven > p->created ? p->read.proven : p->created;
}

int64_t verification_next(const struct config_verify *v, const struct zone *zone, int64_t after)
{
    int64_t ret;

    return plan_elapse(&v->schedule, zone, after, &ret) ? ret : 0;
}

int verification_share(const struct config_verify *v, const struct point *p, int64_t now,
                       int64_t next)
{
    int64_t until = verification_proven(p) + v->max_age;

    if (p->damage || (v->max_age && (until < now || (next && until < next))))
        return 100;
    return v->sample;
}

struct wanted {
    const struct point *p;
    bool whole;
};

static int by_need(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int64_t read_x = x->p->read.at > x->p->created ? x->p->read.at : x->p->created;
    int64_t read_y = y->p->read.at > y->p->created ? y->p->read.at : y->p->created;

    if (x->whole != y->whole)
        return x->whole ? -1 : 1;
    if (x->whole)
        read_x = verification_proven(x->p), read_y = verification_proven(y->p);
    if (read_x != read_y)
        return read_x < read_y ? -1 : 1;
    return x->p < y->p ? -1 : 1;
}

void verification_plan(const struct config_verify *v, const struct point_list *points, int64_t now,
                       int64_t next, struct strlist *ret)
{
    CLEANUP_FREE struct wanted *wanted = xcalloc(points->n + 1, sizeof(*wanted));
    size_t n = 0;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (p->state != POINT_DELETING && p->state != POINT_MISSING)
            wanted[n++] = (struct wanted){p, verification_share(v, p, now, next) == 100};
    }
    qsort(wanted, n, sizeof(*wanted), by_need);
    for (size_t i = 0; i < n; i++)
        strlist_add(ret, wanted[i].p->id);
}

const struct point *verification_overdue(const struct config_verify *v,
                                         const struct point_list *points, const char *policy,
                                         int64_t since, int64_t now, size_t *ret_n)
{
    const struct point *ret = NULL;

    *ret_n = 0;
    for (size_t i = 0; i < points->n && v->max_age; i++) {
        const struct point *p = &points->items[i];

        if (p->state != POINT_GOOD || !str_eq(p->policy, policy) ||
            verification_proven(p) + v->max_age >= now || since + v->max_age >= now)
            continue;
        ++*ret_n;
        if (!ret || verification_proven(p) < verification_proven(ret))
            ret = p;
    }
    return ret;
}
