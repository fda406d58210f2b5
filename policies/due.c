/* SPDX-License-Identifier: MIT */
#include "policies/due.h"

#include <stdlib.h>

#include "base/alloc.h"

const char *due_kind_name(enum due_kind kind)
{
    static const char *const names[DUE_KIND_COUNT] = {[DUE_FULL] = "full",
                                                      [DUE_INCREMENTAL] = "incremental",
                                                      [DUE_VERIFY] = "verify",
                                                      [DUE_COPY] = "copy"};

    return names[kind];
}

static void add(const struct calspec_list *specs, enum due_kind kind, const struct zone *zone,
                int64_t from, int64_t to, struct dues *ret)
{
    for (size_t i = 0; i < specs->n; i++) {
        int64_t t = from - 1;

        while (calspec_next(specs->items[i], zone, t, &t) && t < to) {
            if (ret->n == DUE_MAX) {
                ret->cut = true;
                return;
            }
            *VEC_ADD(ret) = (struct due_time){t, kind};
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct due_time *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* Each once; the full, which is sorted first, takes in the incremental. */
static void drop_doubles(struct dues *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct due_time *before = kept > 0 ? &l->items[kept - 1] : NULL, d = l->items[i];
        bool same = before && before->at == d.at;

        if (same &&
            (before->kind == d.kind || (before->kind == DUE_FULL && d.kind == DUE_INCREMENTAL)))
            continue;
        l->items[kept++] = d;
    }
    l->n = kept;
}

void due_between(const struct config_policy *p, const struct zone *zone, int64_t from, int64_t to,
                 struct dues *ret)
{
    *ret = (struct dues){0};
    add(&p->full, DUE_FULL, zone, from, to, ret);
    add(&p->incremental, DUE_INCREMENTAL, zone, from, to, ret);
    add(&p->verify.schedule, DUE_VERIFY, zone, from, to, ret);
    for (size_t i = 0; i < p->copy_to.n; i++)
        add(&p->copy_to.items[i].schedule, DUE_COPY, zone, from, to, ret);
    if (ret->n > 0)
        qsort(ret->items, ret->n, sizeof(*ret->items), compare);
    drop_doubles(ret);
}
