/* SPDX-License-Identifier: MIT */
#include "scheduler/lacks.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "scheduler/core.h"

size_t lacks_count(const struct repo *r, enum unknown_whose whose, const char **ret_catalog)
{
    size_t n = 0;

    for (size_t i = 0; i < r->watch->unknown.points.n; i++) {
        if (r->watch->unknown.points.items[i].whose != whose)
            continue;
        *ret_catalog = r->watch->unknown.points.items[i].catalog;
        n++;
    }
    return n;
}

static char *join(char *before, char *more)
{
    char *ret = before ? xasprintf("%s; %s", before, more) : xstrdup(more);

    free(before);
    free(more);
    return ret;
}

/* One sentence; NULL: the catalog knows all. Caller frees. */
static char *describe(const struct repo *r)
{
    const char *catalog = NULL;
    char *ret = NULL;
    size_t n;

    if ((n = lacks_count(r, UNKNOWN_OURS, &catalog)) > 0)
        ret =
            join(ret, xasprintf("%zu point%s there that the catalog does not know: it was put back "
                                "to an older state, or lost",
                                n, n == 1 ? " is" : "s are"));
    if ((n = lacks_count(r, UNKNOWN_FORMER, &catalog)) > 0)
        ret =
            join(ret, xasprintf("%zu point%s there of catalog %s, which was in the place of this "
                                "one (%s) and is lost",
                                n, n == 1 ? " is" : "s are", catalog, catalog_id(r->env->catalog)));
    if ((n = lacks_count(r, UNKNOWN_STRAY, &catalog)) > 0)
        ret = join(ret, xasprintf("%zu point%s there of another catalog, %s", n,
                                  n == 1 ? " is" : "s are", catalog ? catalog : "not known"));
    if (r->watch->n_missing > 0)
        ret = join(ret, xasprintf("%zu point%s that the catalog knows %s not there",
                                  r->watch->n_missing, r->watch->n_missing == 1 ? "" : "s",
                                  r->watch->n_missing == 1 ? "is" : "are"));
    if (r->watch->unexamined)
        ret = join(ret, xasprintf("whose points are there could not be found out: %s",
                                  r->watch->unexamined));
    if (scheduler_of(r->env)->behind > 0)
        ret = join(ret, xasprintf("the catalog was put back to an older state, and lacks jobs up "
                                  "to %lld; no copy of it is made until it is rebuilt",
                                  (long long)scheduler_of(r->env)->behind));
    return ret;
}

void lacks_say(struct repo *r)
{
    CLEANUP_FREE char *text = describe(r);
    struct err err = ERR_INIT;

    if (text && !str_eq(text, r->watch->difference))
        log_warning("repository %s: %s%s", r->name, text,
                    r->watch->unknown.points.n > 0 || scheduler_of(r->env)->behind > 0
                        ? "; see `vmkeep rebuild-catalog`"
                        : "");
    else if (!text && r->watch->difference)
        log_notice("repository %s: the catalog knows all that is there", r->name);
    free(r->watch->difference);
    r->watch->difference = TAKE_PTR(text);
    if (catalog_seen_put(r->env->catalog, "difference", r->name,
                         r->watch->difference ? "differs" : "ok", r->watch->difference, NULL,
                         env_now(r->env), &err) < 0)
        catalog_trouble(r->env, "record what was seen", &err);
}

static bool is_of(const struct unknown_point *p, const char *host, const char *domain)
{
    CLEANUP_FREE char *h = name_escape(host), *d = name_escape(domain);
    CLEANUP_FREE char *prefix = xasprintf("%s/%s/", h, d);

    return p->whose != UNKNOWN_STRAY && starts_with(p->id, prefix);
}

bool lacks_points(const struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++) {
        const struct repo *r = s->jobs.repos.items[i];

        for (size_t k = 0; k < r->watch->unknown.points.n; k++)
            if (is_of(&r->watch->unknown.points.items[k], host, domain))
                return true;
    }
    return false;
}

bool lacks_any(const struct repo *r)
{
    const char *ignored;

    return lacks_count(r, UNKNOWN_OURS, &ignored) + lacks_count(r, UNKNOWN_FORMER, &ignored) > 0;
}

/* Has each repository been looked at to which a policy brings the domain's points? */
static bool all_compared(struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->covers.n; i++) {
        const struct cover *c = &s->covers.items[i];
        const struct config_policy *p = config_policy_find(s->config, c->policy);
        const struct repo *r = p ? repo_find(&s->jobs, p->repository) : NULL;

        if (strcmp(c->host, host) == 0 && strcmp(c->domain, domain) == 0 && r && !r->compared)
            return false;
    }
    return true;
}

bool lacks_may_need(struct scheduler *s, const char *host, const char *domain, const char *bitmap)
{
    if (!all_compared(s, host, domain))
        return true;
    for (size_t i = 0; i < s->jobs.repos.n; i++) {
        const struct repo *r = s->jobs.repos.items[i];

        for (size_t k = 0; k < r->watch->unknown.points.n; k++) {
            const struct unknown_point *p = &r->watch->unknown.points.items[k];
            size_t len = p->checkpoint ? strlen(p->checkpoint) : 0;

            /* A disk's bitmap may carry more than the checkpoint's name. */
            if (len > 0 && is_of(p, host, domain) && strncmp(bitmap, p->checkpoint, len) == 0 &&
                (bitmap[len] < '0' || bitmap[len] > '9'))
                return true;
        }
    }
    return false;
}
