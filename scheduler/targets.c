/* SPDX-License-Identifier: MIT */
#include "scheduler/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/near.h"
#include "base/text.h"
#include "scheduler/core.h"

/* one: the domain that is meant, where target is not a policy's name. */
static bool target_matches(const struct cover *c, bool is_policy, const char *target,
                           const struct domain_search *one)
{
    if (!target)
        return true;
    if (is_policy)
        return strcmp(c->policy, target) == 0;
    return str_eq(c->domain, one->domain) && str_eq(c->host, one->host);
}

/* Something else of a similar name is not meant by it. */
static bool is_known_otherwise(struct scheduler *s, const char *target, struct err *err)
{
    CLEANUP(cover_list_done) struct cover_list covers = {0};
    CLEANUP_FREE char *domain = NULL;
    struct err ignored = ERR_INIT;
    struct host *h;

    if (env_find_domain(&s->jobs, target, &h, &domain, &ignored) == 0) {
        err_set(err, ERR_NOTFOUND,
                "no policy selects %s/%s; name it in a policy's 'domains', then 'vmkeep reload'",
                h->name, domain);
        return true;
    }
    if (env_remembers(&s->jobs, target)) {
        err_set(err, ERR_NOTFOUND,
                "'%s' is no domain of the configuration any more; 'vmkeep points %s' lists what is "
                "kept of it",
                target, target);
        return true;
    }
    if (catalog_coverage(s->env.catalog, &covers, &ignored) < 0)
        return false;
    for (size_t i = 0; i < covers.n; i++)
        if (strcmp(covers.items[i].policy, target) == 0) {
            err_set(err, ERR_NOTFOUND,
                    "policy '%s' is not in the configuration any more; its points stay ('vmkeep "
                    "points')",
                    target);
            return true;
        }
    return false;
}

static int unknown_target(struct scheduler *s, const char *target, struct err *err)
{
    struct near near = {.text = target};

    if (is_known_otherwise(s, target, err))
        return -1;
    for (size_t i = 0; i < s->config->policies.n; i++)
        near_word(&near, s->config->policies.items[i].name);
    for (size_t i = 0; i < s->covers.n; i++)
        near_domain(&near, s->covers.items[i].host, s->covers.items[i].domain);
    err_set(err, ERR_NOTFOUND, "no policy and no domain that a policy covers is named '%s'",
            target);
    return near_ask(&near, err);
}

int targets_each(struct scheduler *s, const char *target, target_fn *fn, void *arg, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search one = {.text = target};
    bool is_policy = target && config_policy_find(s->config, target);
    int n = 0;

    for (size_t i = 0; target && !is_policy && i < s->covers.n; i++)
        domain_search_offer(&one, s->covers.items[i].host, s->covers.items[i].domain);
    if (domain_search_end(&one, err) < 0)
        return -1;
    for (size_t i = 0; i < s->covers.n; i++) {
        if (!target_matches(&s->covers.items[i], is_policy, target, &one))
            continue;
        n++;
        if (fn(s, i, arg, err) < 0)
            return -1;
    }
    if (n == 0 && target && is_policy)
        return err_set(err, ERR_NOTFOUND, "policy %s matches no domain", target);
    return n > 0 || !target ? n : unknown_target(s, target, err);
}
