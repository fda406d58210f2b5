/* SPDX-License-Identifier: MIT
 *
 * Before an increment: does each disk fit to what its base holds?  A bitmap that has forgotten is
 * not to be believed; see engine/allocation.h.
 */
#include "scheduler/scheduler_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct allocation *compared_add(struct compared *c)
{
    return VEC_ADD(&c->items);
}

const char *compared_own(struct compared *c, char *text)
{
    strlist_add(&c->strings, text);
    free(text);
    return c->strings.items[c->strings.n - 1];
}

const char *compared_contradiction(const struct compared *c, const char *disk)
{
    for (size_t i = 0; i < c->items.n; i++)
        if (strcmp(c->items.items[i].disk, disk) == 0)
            return c->items.items[i].contradiction;
    return NULL;
}

void compared_done(struct compared *c)
{
    allocations_done(c->items.items, c->items.n);
    free(c->items.items);
    strlist_done(&c->strings);
    *c = (struct compared){0};
}

struct op *compared_start(struct run *r, struct err *err)
{
    struct hypervisor *hv = r->host->hv;

    if (r->compared.items.n == 0)
        return NULL;
    return hv->ops->allocation(hv, r->row.domain, r->tag, r->compared.items.items,
                               r->compared.items.n, job_on_op, r, err);
}

void compared_log(const struct run *r)
{
    for (size_t i = 0; i < r->compared.items.n; i++) {
        const struct allocation *a = &r->compared.items.items[i];

        if (a->contradiction)
            log_warning("domain=%s disk %s: %s", r->row.domain, a->disk, a->contradiction);
        if (a->unknown)
            log_info("domain=%s disk %s cannot be held against what it was: %s", r->row.domain,
                     a->disk, a->unknown);
    }
}
