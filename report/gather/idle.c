/* SPDX-License-Identifier: MIT */
#include "report/gather/idle.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policies/selection.h"

struct glob {
    const char *glob;
    bool used;
};

struct policy_globs {
    VEC(struct glob) globs;
    size_t domains; /* that the policy selects */
    bool unknown;   /* the disks of one are not known, so nothing can be said */
};

struct idle {
    const struct config *config;
    struct policy_globs *policies; /* one each, in order */
};

struct idle *idle_new(const struct config *config)
{
    struct idle *ret = xcalloc(1, sizeof(*ret));

    ret->config = config;
    ret->policies = xcalloc(config->policies.n + 1, sizeof(*ret->policies));
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct strlist *patterns = &config->policies.items[i].disks;

        for (size_t k = 0; k < patterns->n; k++)
            if (patterns->items[k][0] != '!')
                VEC_ADD(&ret->policies[i].globs)->glob = patterns->items[k];
    }
    return ret;
}

void idle_free(struct idle *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->config->policies.n; i++)
        free(g->policies[i].globs.items);
    free(g->policies);
    free(g);
}

void idle_use(struct idle *g, const struct config_policy *policy,
              const struct seen_disk_list *disks)
{
    struct policy_globs *p = &g->policies[policy - g->config->policies.items];
    bool any = false;

    for (size_t i = 0; i < disks->n; i++) {
        any = any || !disks->items[i].aside;
        for (size_t k = 0; k < p->globs.n && !disks->items[i].aside; k++) {
            struct glob *glob = &p->globs.items[k];
            const struct strlist one = {.items = (char **)&glob->glob, .n = 1};

            glob->used = glob->used || selection_matches(&one, disks->items[i].name);
        }
    }
    p->unknown = p->unknown || !any;
    p->domains++;
}

/* Those of a libvirt host are known when it has told them.  NULL: all have; else one that has told
 * none. */
static const char *has_told_none(const struct config *c, const struct domain_names *known)
{
    for (size_t i = 0; i < c->hosts.n; i++)
        if (c->hosts.items[i].driver == DRIVER_LIBVIRT &&
            !domain_names_have_host(known, c->hosts.items[i].name))
            return c->hosts.items[i].name;
    return NULL;
}

static void warn_of_policy(const char *policy, const char *silent, struct reason_list *warnings)
{
    CLEANUP_FREE char *doctor =
        silent ? xasprintf("`vmkeep doctor %s/` tells whether it can be asked", silent) : NULL;

    if (silent)
        reason_add(warnings, REASON_POLICY_IDLE, doctor,
                   "policy %s: matches no domain that is known, and host %s has told of none yet",
                   policy, silent);
    else
        reason_add(warnings, REASON_POLICY_IDLE,
                   "correct the patterns of its `domains`, or remove the policy; see "
                   "vmkeep-config(5)",
                   "policy %s: matches no domain", policy);
}

void idle_warn(const struct idle *g, const struct domain_names *known, struct reason_list *warnings)
{
    const struct config *c = g->config;
    const char *silent = has_told_none(c, known);

    for (size_t i = 0; i < c->policies.n; i++)
        if (g->policies[i].domains == 0)
            warn_of_policy(c->policies.items[i].name, silent, warnings);
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
