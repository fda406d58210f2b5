/* SPDX-License-Identifier: MIT
 *
 * What a policy promises and cannot keep, as far as the configuration alone tells.
 */
#include "policies/config_priv.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/plan.h"
#include "policies/selection.h"

#define NAMED_MAX 4

/* Before the next backup is there the last one is as old as the longest gap, and as long as it takes
 * besides. */
static void warn_of_rpo(struct config_reader *r, const struct config_policy *p,
                        const struct zone *zone)
{
    const struct config_place *place = config_place_of(r, &p->rpo);
    int64_t gap = p->rpo ? plan_longest_distance(p, zone) : 0;
    char text[TIMEFMT_MAX];

    if (place && gap >= p->rpo && gap > 0)
        config_report(
            r, place->line, place->column, true,
            "%s: is no longer than the schedule's longest gap, %s: its domains come to be "
            "at risk each time; promise more than that, or run more often",
            place->where, duration_text(gap, text));
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

/* Where some have an agent and some have not, `try` is meant. */
static void warn_of_quiesce(struct config_reader *r, const struct config *c,
                            const struct config_policy *p)
{
    const struct config_place *place = config_place_of(r, &p->quiesce);
    CLEANUP(strlist_done) struct strlist without = {0};
    CLEANUP_FREE char *some = NULL;
    size_t n;

    if (!place || p->quiesce == QUIESCE_OFF)
        return;
    list_without_agent(c, p, &without, &n);
    some = some_of(&without);
    if (p->quiesce == QUIESCE_REQUIRE && without.n > 0)
        config_report(r, place->line, place->column, true,
                      "%s: backups of %s fail, for no 'agent' is configured there", place->where,
                      some);
    else if (without.n > 0 && without.n == n)
        config_report(r, place->line, place->column, true,
                      "%s: nothing is quiesced: none of the policy's domains (%s) has an 'agent'",
                      place->where, some);
}

void config_check_promises(struct config_reader *r, const struct config *config)
{
    struct err ignored = ERR_INIT; /* without a zone database nothing is said */
    struct zone *zone = NULL;

    if (zone_open("UTC", &zone, &ignored) < 0)
        zone = NULL;
    for (size_t i = 0; i < config->policies.n; i++) {
        if (zone)
            warn_of_rpo(r, &config->policies.items[i], zone);
        warn_of_quiesce(r, config, &config->policies.items[i]);
    }
    zone_free(zone);
}
