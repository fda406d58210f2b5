/* SPDX-License-Identifier: MIT
 *
 * facts: what is attached to a domain and in no backup, and globs of disks that select nothing.
 */
#include "cli/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/disk_choice.h"
#include "policies/selection.h"

/* Do the backups of a policy take it; or else: does one leave it out on purpose? */
static enum selection choice_of(const struct config *config, const struct domain_name *d,
                                const char *disk)
{
    enum selection ret = SELECTION_NONE;

    for (size_t i = 0; i < config->policies.n && ret != SELECTION_IN; i++) {
        const struct config_policy *p = &config->policies.items[i];
        enum selection s;

        if (!selection_matches_domain(&p->domains, d->host, d->domain))
            continue;
        s = selection_of(&p->disks, disk);
        if (s != SELECTION_NONE)
            ret = s;
    }
    return ret;
}

static void warn_of_forgotten(const struct domain_name *d, const char *disk,
                              struct strlist *warnings)
{
    CLEANUP_FREE char *text =
        xasprintf("%s/%s: disk %s is in no backup, for no policy's disks select it: add it, or "
                  "leave it out on purpose with \"!%s\"",
                  d->host, d->domain, disk, disk);

    strlist_add(warnings, text);
}

int facts_disks(const struct facts *f, const struct domain_name *d, struct status_domain *ret,
                struct strlist *warnings, struct err *err)
{
    struct seen_disk_list seen = {0};

    if (catalog_seen_disks(f->catalog, d->host, d->domain, &seen, err) < 0)
        return -1;
    for (size_t i = 0; i < seen.n && ret->policies.n > 0; i++) {
        const struct seen_disk *k = &seen.items[i];
        enum selection choice = choice_of(f->config, d, k->name);

        if (k->aside) {
            left_out_add(&ret->left_out, k->name, k->aside);
        } else if (choice == SELECTION_OUT) {
            left_out_add(&ret->left_out, k->name, FACTS_LEFT_OUT);
        } else if (choice == SELECTION_NONE) {
            left_out_add(&ret->left_out, k->name, "no policy's disks select it");
            warn_of_forgotten(d, k->name, warnings);
        }
    }
    seen_disk_list_done(&seen);
    return 0;
}

/* ---- globs ---- */

struct glob {
    const char *glob;
    bool used;
};

/* False: nothing is known of the domain's disks, so nothing can be said of the globs. */
static int use_globs(struct glob *globs, size_t n, const struct seen_disk_list *seen)
{
    bool any = false;

    for (size_t i = 0; i < seen->n; i++) {
        any = any || !seen->items[i].aside;
        for (size_t k = 0; k < n && !seen->items[i].aside; k++) {
            const struct strlist one = {.items = (char **)&globs[k].glob, .n = 1};

            globs[k].used = globs[k].used || selection_matches(&one, seen->items[i].name);
        }
    }
    return any;
}

/* *ret_known: each domain of the policy has been seen. */
static int look_at_domains(const struct facts *f, const struct config_policy *p,
                           const struct domain_names *domains, struct glob *globs, size_t n,
                           bool *ret_known, struct err *err)
{
    size_t seen_domains = 0;

    *ret_known = true;
    for (size_t i = 0; i < domains->n; i++) {
        const struct domain_name *d = &domains->items[i];
        struct seen_disk_list seen = {0};

        if (!selection_matches_domain(&p->domains, d->host, d->domain))
            continue;
        if (catalog_seen_disks(f->catalog, d->host, d->domain, &seen, err) < 0)
            return -1;
        *ret_known = use_globs(globs, n, &seen) && *ret_known;
        seen_disk_list_done(&seen);
        seen_domains++;
    }
    *ret_known = *ret_known && seen_domains > 0;
    return 0;
}

static int warn_of_policy(const struct facts *f, const struct config_policy *p,
                          const struct domain_names *domains, struct strlist *warnings,
                          struct err *err)
{
    CLEANUP_FREE struct glob *globs = xcalloc(p->disks.n + 1, sizeof(*globs));
    size_t n = 0;
    bool known;

    for (size_t i = 0; i < p->disks.n; i++)
        if (p->disks.items[i][0] != '!')
            globs[n++].glob = p->disks.items[i];
    if (look_at_domains(f, p, domains, globs, n, &known, err) < 0)
        return -1;
    for (size_t i = 0; i < n && known; i++) {
        CLEANUP_FREE char *text = NULL;

        if (globs[i].used)
            continue;
        text = xasprintf("policy %s: '%s' of its disks matches no disk of any of its domains",
                         p->name, globs[i].glob);
        strlist_add(warnings, text);
    }
    return 0;
}

int facts_idle_globs(const struct facts *f, const struct domain_names *domains,
                     struct strlist *warnings, struct err *err)
{
    for (size_t i = 0; i < f->config->policies.n; i++)
        if (warn_of_policy(f, &f->config->policies.items[i], domains, warnings, err) < 0)
            return -1;
    return 0;
}

/* ---- points ---- */

char *facts_bad_points(const struct point_list *points)
{
    size_t damaged = 0, missing = 0;
    const struct point *last = NULL;

    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (p->state != POINT_DAMAGED && p->state != POINT_MISSING)
            continue;
        *(p->state == POINT_DAMAGED ? &damaged : &missing) += 1;
        last = p;
    }
    if (!last)
        return NULL;
    if (damaged + missing == 1)
        return xasprintf("a point is %s: %s: %s", point_state_name(last->state), last->id,
                         last->problem ? last->problem : "not recorded why");
    return xasprintf("%zu points are damaged, %zu missing; the newest of them is %s: %s", damaged,
                     missing, last->id, last->problem ? last->problem : "not recorded why");
}
