/* SPDX-License-Identifier: MIT
 *
 * What a doctor is asked about: everything, a host with its domains, or one domain; and which
 * repositories go with it.  HOST/ is the host alone, where a domain is called like it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/selection.h"
#include "scheduler/doctor_priv.h"

/* The host that text names, as HOST or as HOST/. */
static struct host *host_named(struct scheduler *s, const char *text)
{
    size_t n = strlen(text);

    n -= n > 0 && text[n - 1] == '/';
    for (size_t i = 0; i < s->jobs.hosts.n; i++) {
        struct host *h = s->jobs.hosts.items[i];

        if (!h->retired && strlen(h->name) == n && strncmp(h->name, text, n) == 0)
            return h;
    }
    return NULL;
}

/* on: the host that has the domain; NULL: several have. */
static int ambiguous(const struct host *named, const struct host *on, struct err *err)
{
    if (!on)
        return err_wrap(err, "'%s/' is the host", named->name);
    return err_set(err, ERR_INVALID,
                   "%s is a host, and a domain of host %s: say '%s/' for the host, '%s/%s' for the "
                   "domain",
                   named->name, on->name, named->name, on->name, named->name);
}

/* A host's name may be what was meant. */
static int unknown(struct scheduler *s, const char *text, struct err *err)
{
    VEC(const char *) known = {0};
    const char *near;

    if (err->code != ERR_NOTFOUND)
        return -1;
    for (size_t i = 0; i < s->jobs.hosts.n; i++)
        if (!s->jobs.hosts.items[i]->retired)
            *VEC_ADD(&known) = s->jobs.hosts.items[i]->name;
    near = nearest_word(text, known.items, known.n);
    if (near)
        err_set(err, ERR_NOTFOUND, "no host and no domain is named '%s'; did you mean host '%s'?",
                text, near);
    free(known.items);
    return -1;
}

int doctor_scope_find(struct scheduler *s, const char *text, struct doctor_scope *ret,
                      struct err *err)
{
    struct host *named = host_named(s, text), *on = NULL;

    *ret = (struct doctor_scope){0};
    if (!named || !ends_with(text, "/"))
        env_find_domain(&s->jobs, text, &on, &ret->domain, err);
    if (named && (on || err->code == ERR_INVALID))
        return ambiguous(named, on, err);
    if (!on && !named)
        return unknown(s, text, err);
    ret->host = xstrdup(on ? on->name : named->name);
    return 0;
}

void doctor_scope_done(struct doctor_scope *s)
{
    free(s->host);
    free(s->domain);
    *s = (struct doctor_scope){0};
}

static bool goes_to(const struct config_policy *p, const char *repository)
{
    for (size_t i = 0; i < p->copy_to.n; i++)
        if (strcmp(p->copy_to.items[i].repository, repository) == 0)
            return true;
    return strcmp(p->repository, repository) == 0;
}

static bool selects_one(const struct doctor *d, const struct config_policy *p)
{
    for (size_t i = 0; i < d->visits.n; i++) {
        const struct looked_domain *l = &d->visits.items[i]->found;

        if (l->domain && selection_matches_domain(&p->domains, l->host, l->domain))
            return true;
    }
    return false;
}

bool doctor_scope_has(const struct doctor *d, const struct repo *r)
{
    const struct config *c = d->s->config;

    for (size_t i = 0; i < c->policies.n; i++)
        if (goes_to(&c->policies.items[i], r->name) && selects_one(d, &c->policies.items[i]))
            return true;
    return !d->scope.host;
}
