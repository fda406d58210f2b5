/* SPDX-License-Identifier: MIT
 *
 * Short work on a domain that is no job: a few ops, one after another, and an answer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "scheduler/api.h"
#include "scheduler/api_priv.h"

static void offer_domains(struct host *h, struct domain_search *ret)
{
    CLEANUP(strlist_done) struct strlist names = {0};

    if (h->hv)
        h->hv->ops->domains(h->hv, &names);
    for (size_t i = 0; i < names.n; i++)
        domain_search_offer(ret, h->name, names.items[i]);
}

static int unknown_domain(struct scheduler *s, const char *text, struct err *err)
{
    struct strlist known = {0};
    const char *near;

    for (size_t i = 0; i < s->hosts.n; i++)
        if (s->hosts.items[i]->hv && !s->hosts.items[i]->retired)
            s->hosts.items[i]->hv->ops->domains(s->hosts.items[i]->hv, &known);
    near = nearest_word(text, (const char *const *)known.items, known.n);
    err_set(err, ERR_NOTFOUND, "no host has a domain '%s'%s%s%s", text,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    strlist_done(&known);
    return -1;
}

int api_find_domain(struct scheduler *s, const char *text, struct host **ret_host,
                    char **ret_domain, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search found = {.text = text};

    for (size_t i = 0; i < s->hosts.n; i++) {
        struct host *h = s->hosts.items[i];

        if (h->retired)
            continue;
        if (!h->hv && domain_is_on(text, h->name)) {
            *err = h->problem;
            return err_wrap(err, "host %s", h->name);
        }
        offer_domains(h, &found);
    }
    if (domain_search_end(&found, err) < 0)
        return -1;
    if (!found.host)
        return unknown_domain(s, text, err);
    for (size_t i = 0; i < s->hosts.n; i++)
        if (!s->hosts.items[i]->retired && strcmp(s->hosts.items[i]->name, found.host) == 0)
            *ret_host = s->hosts.items[i];
    *ret_domain = TAKE_PTR(found.domain);
    return 0;
}

int api_refuse_busy(const struct scheduler *s, const struct host *h, const char *domain,
                    struct err *err)
{
    const struct run *r = run_of_domain(s, h->name, domain);

    if (h->stale)
        return err_set(err, ERR_BUSY,
                       "host %s has changed in the configuration, and its jobs have to end first",
                       h->name);
    if (r && r->row.id)
        return err_set(err, ERR_BUSY, "job %lld (%s%s%s) of domain %s is running",
                       (long long)r->row.id, job_kind_name(r->row.kind),
                       *r->row.policy ? " of policy " : "", r->row.policy, domain);
    if (r)
        return err_set(err, ERR_BUSY, "another backup of domain %s is just being begun", domain);
    for (size_t i = 0; i < s->errands.n; i++) {
        const struct errand *t = s->errands.items[i];

        if (t->exclusive && t->host == h && strcmp(t->domain, domain) == 0)
            return err_set(err, ERR_BUSY, "%s of domain %s is under way", t->what, domain);
    }
    return 0;
}

static void errand_free(struct errand *t)
{
    domain_facts_free(t->facts);
    checkpoint_document_free(t->document);
    compared_done(&t->maps);
    strlist_done(&t->doomed);
    free(t->shown.disks.items);
    views_done(&t->views);
    strlist_done(&t->deleted);
    free(t->domain);
    free(t->name);
    free(t);
}

struct errand *errand_new(struct scheduler *s, const char *domain, struct api_reply reply)
{
    struct err err = ERR_INIT;
    struct host *host;
    struct errand *t;
    char *name;

    if (api_find_domain(s, domain, &host, &name, &err) < 0) {
        reply.done(reply.ctx, &err, NULL);
        return NULL;
    }
    t = xcalloc(1, sizeof(*t));
    t->s = s;
    t->host = host;
    t->domain = name;
    t->reply = reply;
    host_hold(host);
    *VEC_ADD(&s->errands) = t;
    return t;
}

void errand_finish(struct errand *t, const struct err *err)
{
    struct scheduler *s = t->s;

    for (size_t i = 0; i < s->errands.n; i++) {
        if (s->errands.items[i] == t) {
            s->errands.items[i] = s->errands.items[--s->errands.n];
            break;
        }
    }
    host_release(t->host);
    if (err)
        t->reply.done(t->reply.ctx, err, NULL);
    else
        t->reply.done(t->reply.ctx, NULL, &t->answer);
    errand_free(t);
    queue_kick(s);
}

void errand_on_op(void *ctx, const struct err *op_err)
{
    struct errand *t = ctx;
    struct err err = op_err ? *op_err : ERR_INIT;

    if (t->s->dead)
        return;
    t->op = NULL;
    if (op_err && (!t->failed || t->failed(t, &err) < 0)) {
        errand_finish(t, &err);
        return;
    }
    err = ERR_INIT;
    if (t->next(t, &err) < 0)
        errand_finish(t, &err);
    else if (!t->op)
        errand_finish(t, NULL);
}

void errand_look(struct errand *t, int (*next)(struct errand *t, struct err *err))
{
    struct hypervisor *hv = t->host->hv;
    struct err err = ERR_INIT;

    t->next = next;
    t->op = hv->ops->inspect(hv, t->domain, &t->facts, errand_on_op, t, &err);
    if (!t->op)
        errand_finish(t, &err);
}

void errands_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->errands.n; i++)
        errand_free(s->errands.items[i]);
    free(s->errands.items);
}

bool errand_on_domain(const struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->errands.n; i++) {
        const struct errand *t = s->errands.items[i];

        if (t->exclusive && strcmp(t->host->name, host) == 0 && strcmp(t->domain, domain) == 0)
            return true;
    }
    return false;
}

struct errand *errand_exclusive(struct scheduler *s, const char *domain, const char *what,
                                struct api_reply reply)
{
    struct errand *t = errand_new(s, domain, reply);
    struct err err = ERR_INIT;

    if (!t)
        return NULL;
    if (scheduler_refuse_draining(s, &err) < 0 ||
        api_refuse_busy(s, t->host, t->domain, &err) < 0) {
        errand_finish(t, &err);
        return NULL;
    }
    t->exclusive = true;
    t->what = what;
    return t;
}

int errand_no_checkpoint(const struct errand *t, const char *name, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "domain %s has no checkpoint '%s'", t->domain, name);
}
