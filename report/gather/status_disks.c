/* SPDX-License-Identifier: MIT
 *
 * status: what is attached to a domain and in no backup, and globs of disks that select nothing.
 */
#include "report/gather/status_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/disk_choice.h"
#include "policies/selection.h"

/* Do the backups of a policy take it; or else: does one leave it out on purpose? */
static enum selection choice_of(const struct policies *selecting, const char *disk)
{
    enum selection ret = SELECTION_NONE;

    for (size_t i = 0; i < selecting->n && ret != SELECTION_IN; i++) {
        enum selection s = selection_of(&selecting->items[i]->disks, disk);

        if (s != SELECTION_NONE)
            ret = s;
    }
    return ret;
}

static void leave_out(struct status_domain *d, const char *name, enum left_out_by by,
                      const char *why)
{
    struct status_left_out *k = VEC_ADD(&d->left_out);

    k->name = xstrdup(name);
    k->by = by;
    k->why = xstrdup(why);
}

void status_add_disks(const struct policies *selecting, const struct seen_disk_list *seen,
                      struct status_domain *ret)
{
    for (size_t i = 0; i < seen->n && selecting->n > 0; i++) {
        const struct seen_disk *k = &seen->items[i];
        enum selection choice = choice_of(selecting, k->name);

        if (k->aside) {
            leave_out(ret, k->name, LEFT_OUT_BY_NATURE, k->aside);
        } else if (choice == SELECTION_OUT) {
            leave_out(ret, k->name, LEFT_OUT_ON_PURPOSE, "a policy's disks leave it out");
        } else if (choice == SELECTION_NONE) {
            leave_out(ret, k->name, LEFT_OUT_UNSELECTED, "no policy's disks select it");
        }
    }
}

/* ---- globs ---- */

struct glob {
    const char *glob;
    bool used;
};

struct policy_globs {
    VEC(struct glob) globs;
    size_t domains; /* that the policy selects */
    bool unknown;   /* the disks of one were never seen, so nothing can be said */
};

struct disk_globs {
    const struct config *config;
    struct policy_globs *policies; /* one each, in order */
};

struct disk_globs *disk_globs_new(const struct config *config)
{
    struct disk_globs *ret = xcalloc(1, sizeof(*ret));

    ret->config = config;
    ret->policies = xcalloc(config->policies.n + 1, sizeof(*ret->policies));
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct strlist *disks = &config->policies.items[i].disks;

        for (size_t k = 0; k < disks->n; k++)
            if (disks->items[k][0] != '!')
                VEC_ADD(&ret->policies[i].globs)->glob = disks->items[k];
    }
    return ret;
}

void disk_globs_free(struct disk_globs *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->config->policies.n; i++)
        free(g->policies[i].globs.items);
    free(g->policies);
    free(g);
}

void disk_globs_use(struct disk_globs *g, const struct config_policy *policy,
                    const struct seen_disk_list *seen)
{
    struct policy_globs *p = &g->policies[policy - g->config->policies.items];
    bool any = false;

    for (size_t i = 0; i < seen->n; i++) {
        any = any || !seen->items[i].aside;
        for (size_t k = 0; k < p->globs.n && !seen->items[i].aside; k++) {
            struct glob *glob = &p->globs.items[k];
            const struct strlist one = {.items = (char **)&glob->glob, .n = 1};

            glob->used = glob->used || selection_matches(&one, seen->items[i].name);
        }
    }
    p->unknown = p->unknown || !any;
    p->domains++;
}

/* Those of a libvirt host are known when it has told them. */
static bool all_have_told(const struct config *c, const struct domain_names *known)
{
    for (size_t i = 0; i < c->hosts.n; i++) {
        bool told = c->hosts.items[i].driver != DRIVER_LIBVIRT;

        for (size_t k = 0; k < known->n && !told; k++)
            told = strcmp(known->items[k].host, c->hosts.items[i].name) == 0;
        if (!told)
            return false;
    }
    return true;
}

void disk_globs_warn(const struct disk_globs *g, const struct domain_names *known,
                     struct reason_list *warnings)
{
    const struct config *c = g->config;
    bool all = all_have_told(c, known);

    for (size_t i = 0; i < c->policies.n; i++)
        if (g->policies[i].domains == 0 && all)
            reason_add(warnings, REASON_POLICY_IDLE,
                       "correct the patterns of its `domains`, or remove the policy; see "
                       "vmkeep-config(5)",
                       "policy %s: matches no domain", c->policies.items[i].name);
    for (size_t i = 0; i < c->policies.n; i++) {
        const struct policy_globs *p = &g->policies[i];

        for (size_t k = 0; k < p->globs.n && p->domains > 0 && !p->unknown; k++)
            if (!p->globs.items[k].used)
                reason_add(warnings, REASON_GLOB_IDLE,
                           "correct the pattern, or remove it; see vmkeep-config(5)",
                           "policy %s: '%s' of its disks matches no disk of any of its domains",
                           c->policies.items[i].name, p->globs.items[k].glob);
    }
}
