/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "report/gather/status_priv.h"
#include "storage/catalog/catalog_figures.h"
#include "storage/catalog/catalog_frozen.h"

static size_t count_good(const struct point_list *points, const char *policy)
{
    size_t ret = 0;

    for (size_t i = 0; i < points->n; i++)
        ret += points->items[i].state == POINT_GOOD && str_eq(points->items[i].policy, policy);
    return ret;
}

int status_add_figures(const struct status_sources *s, const struct domain_name *d,
                       const struct point_list *points, struct status_policy *ret, struct err *err)
{
    struct catalog_chain chain;

    ret->points = count_good(points, ret->name);
    if (!s->figures)
        return 0;
    if (catalog_chain(s->catalog, d->host, d->domain, ret->name, &chain, err) < 0)
        return -1;
    ret->chain = chain.points;
    ret->last_bytes = chain.last_bytes;
    return 0;
}

int status_add_freeze(const struct status_sources *s, const struct domain_name *d,
                      struct status_domain *ret, struct err *err)
{
    struct catalog_freeze last;

    if (catalog_freeze(s->catalog, d->host, d->domain, &last, err) < 0 ||
        catalog_frozen(s->catalog, d->host, d->domain, &ret->frozen_since, err) < 0)
        return -1;
    ret->froze_ms = last.ms;
    ret->froze_at = last.at;
    return 0;
}
