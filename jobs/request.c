/* SPDX-License-Identifier: MIT
 *
 * Short work on a domain that is no job: a few ops, one after another, and an answer.
 */
#include "jobs/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "jobs/busy.h"
#include "jobs/views.h"

static void request_free(struct request *t)
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

struct request *request_new(struct job_env *e, const char *domain, struct api_reply reply)
{
    struct err err = ERR_INIT;
    struct host *host;
    struct request *t;
    char *name;

    if (env_find_domain(e, domain, &host, &name, &err) < 0) {
        reply.done(reply.ctx, &err, NULL);
        return NULL;
    }
    t = xcalloc(1, sizeof(*t));
    t->env = e;
    t->host = host;
    t->domain = name;
    t->reply = reply;
    host_hold(host);
    *VEC_ADD(&e->requests) = t;
    return t;
}

void request_finish(struct request *t, const struct err *err)
{
    struct job_env *e = t->env;

    for (size_t i = 0; i < e->requests.n; i++) {
        if (e->requests.items[i] == t) {
            e->requests.items[i] = e->requests.items[--e->requests.n];
            break;
        }
    }
    host_release(t->host);
    if (err)
        t->reply.done(t->reply.ctx, err, NULL);
    else
        t->reply.done(t->reply.ctx, NULL, &t->answer);
    request_free(t);
    e->ops->left(e);
}

void request_on_op(void *ctx, const struct err *op_err)
{
    struct request *t = ctx;
    struct err err = op_err ? *op_err : ERR_INIT;

    if (t->env->dead)
        return;
    t->op = NULL;
    if (op_err && (!t->failed || t->failed(t, &err) < 0)) {
        request_finish(t, &err);
        return;
    }
    err = ERR_INIT;
    if (t->next(t, &err) < 0)
        request_finish(t, &err);
    else if (!t->op)
        request_finish(t, NULL);
}

void request_look(struct request *t, int (*next)(struct request *t, struct err *err))
{
    struct hypervisor *hv = t->host->hv;
    struct err err = ERR_INIT;

    t->next = next;
    t->op = hv->ops->inspect(hv, t->domain, &t->facts, request_on_op, t, &err);
    if (!t->op)
        request_finish(t, &err);
}

void requests_free(struct job_env *e)
{
    for (size_t i = 0; i < e->requests.n; i++)
        request_free(e->requests.items[i]);
    free(e->requests.items);
}

void request_claims(const struct request *t, struct job_claims *ret)
{
    *ret = (struct job_claims){.host = t->host->name, .domain = t->domain, .guest = t->exclusive};
}

struct request *request_exclusive(struct job_env *e, const char *domain, const char *what,
                                  struct api_reply reply)
{
    struct request *t = request_new(e, domain, reply);
    struct err err = ERR_INIT;

    if (!t)
        return NULL;
    if (env_refuse_draining(e, &err) < 0 || busy_refuse(e, t->host, t->domain, &err) < 0) {
        request_finish(t, &err);
        return NULL;
    }
    t->exclusive = true;
    t->what = what;
    return t;
}

int request_no_checkpoint(const struct request *t, const char *name, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "domain %s has no checkpoint '%s'", t->domain, name);
}
