/* SPDX-License-Identifier: MIT */
#include "policies/config_promises.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/plan.h"
#include "policies/selection.h"

#define NAMED_MAX 4

/* Before the next backup is there the last one is as old as the longest gap, and older for as long
 * as that takes. */
char *config_broken_rpo(const struct config_policy *p, const struct zone *zone)
{
    int64_t gap = p->rpo ? plan_longest_distance(p, zone) : 0;
    char text[TIMEFMT_MAX];

    if (gap == 0 || gap < p->rpo)
        return NULL;
    return xasprintf("is no longer than the schedule's longest gap, %s: its domains come to be at "
                     "risk each time; promise more than that, or run more often",
                     duration_text(gap, text));
}

char *config_broken_max_age(const struct config_policy *p, const struct zone *zone)
{
    const struct config_policy as_if = {.incremental = p->verify.schedule};
    int64_t gap = plan_longest_distance(&as_if, zone);
    char text[TIMEFMT_MAX];

    if (gap == 0 || gap < p->verify.max_age)
        return NULL;
    return xasprintf("is no longer than the longest gap of verify.schedule, %s: it is broken each "
                     "time; allow more than that, or read more often",
                     duration_text(gap, text));
}

/* The domains of the policy that have no agent.  n: of all that it selects. */
static void list_without_agent(const struct config *c, const struct config_policy *p,
                               struct strlist *ret, size_t *ret_n)
{
    *ret_n = 0;
    for (size_t i = 0; i < c->hosts.n; i++) {
        const struct config_host *h = &c->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++) {
            const struct config_domain *d = &h->domains.items[k];
            CLEANUP_FREE char *name = xasprintf("%s/%s", h->name, d->name);

            if (!selection_matches_domain(&p->domains, h->name, d->name))
                continue;
            ++*ret_n;
            if (!d->agent)
                strlist_add(ret, name);
        }
    }
}

/* "lab/web01, lab/web02 and 3 more".  Caller frees. */
static char *some_of(const struct strlist *names)
{
    size_t shown = names->n <= NAMED_MAX ? names->n : NAMED_MAX - 1;
    char *ret = xstrdup("");

    for (size_t i = 0; i < shown; i++) {
        char *more = xasprintf("%s%s%s", ret, i ? ", " : "", names->items[i]);

        free(ret);
        ret = more;
    }
    if (names->n > shown) {
        char *more = xasprintf("%s and %zu more", ret, names->n - shown);

        free(ret);
        ret = more;
    }
    return ret;
}

char *config_broken_quiesce(const struct config *c, const struct config_policy *p)
{
    CLEANUP(strlist_done) struct strlist without = {0};
    CLEANUP_FREE char *some = NULL;
    size_t n;

    if (p->quiesce == QUIESCE_OFF)
        return NULL;
    list_without_agent(c, p, &without, &n);
    some = some_of(&without);
    if (p->quiesce == QUIESCE_REQUIRE && without.n > 0)
        return xasprintf("backups of %s fail, for no 'agent' is configured there", some);
    if (without.n > 0 && without.n == n)
        return xasprintf("nothing is quiesced: none of the policy's domains (%s) has an 'agent'",
                         some);
    return NULL;
}
