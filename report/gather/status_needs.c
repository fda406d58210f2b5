/* SPDX-License-Identifier: MIT
 *
 * Of the status: how much room the next backup takes, where that may be more than there is.
 */
#include "base/text.h"
#include "report/gather/status_priv.h"

/* No point is larger than all that lies in the repository. */
static bool has_room_for_any(const struct status_look *l, uint64_t reserve)
{
    uint64_t used = l->total > l->free ? l->total - l->free : 0;

    return !l->has_space || (l->free > reserve && l->free - reserve >= used);
}

int status_add_needs(const struct status_sources *s, const struct domain_name *d,
                     const struct config_policy *policy, enum backup_level next,
                     struct status_policy *ret, struct err *err)
{
    for (size_t i = 0; s->looks && i < s->looks->n; i++) {
        const struct config_repository *r = &s->config->repositories.items[i];

        if (str_eq(r->name, policy->repository) &&
            !has_room_for_any(&s->looks->items[i], r->reserve))
            return catalog_point_size(s->catalog, d->host, d->domain, policy->name, next,
                                      &ret->next_needs, err);
    }
    return 0;
}
