/* SPDX-License-Identifier: MIT */
#include "tests/support/silent_host.h"

#include <stdlib.h>

#include "base/alloc.h"

struct silent_op {
    struct op op;
    ev_timer end;
    op_done done;
    void *ctx;
    struct silent_op *next;
};

static struct ev_loop *loop_used;
static struct silent_op *under_way;

static void finish(struct silent_op *o, const struct err *err)
{
    struct silent_op **p = &under_way;
    struct silent_op copy = *o;

    while (*p != o)
        p = &(*p)->next;
    *p = o->next;
    ev_timer_stop(loop_used, &o->end);
    free(o);
    copy.done(copy.ctx, err);
}

static void on_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    static const struct err canceled = {.code = ERR_CANCELED, .msg = "cancelled"};

    (void)loop;
    (void)revents;
    finish(w->data, &canceled);
}

static void silent_cancel(struct op *op)
{
    ev_timer_start(loop_used, &((struct silent_op *)op)->end);
}

static struct op *silent_start(op_done done, void *ctx)
{
    struct silent_op *o = xcalloc(1, sizeof(*o));

    o->op.cancel = silent_cancel;
    ev_timer_init(&o->end, on_end, 0, 0);
    o->end.data = o;
    o->done = done;
    o->ctx = ctx;
    o->next = under_way;
    under_way = o;
    return &o->op;
}

static bool domains(struct hypervisor *hv, struct strlist *ret, struct err *why)
{
    (void)hv;
    (void)why;
    if (ret) {
        strlist_add(ret, "a");
        strlist_add(ret, "b");
    }
    return true;
}

static struct op *inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                          op_done done, void *ctx, struct err *err)
{
    (void)hv;
    (void)domain;
    (void)ret;
    (void)err;
    return silent_start(done, ctx);
}

static void listen_to(struct hypervisor *hv, hv_event_fn fn, void *ctx)
{
    (void)hv;
    (void)fn;
    (void)ctx;
}

static void hypervisor_free(struct hypervisor *hv)
{
    free(hv);
}

struct hypervisor *silent_host_new(void *ctx, const struct config_host *host, struct err *err)
{
    static const struct hypervisor_ops ops = {
        .domains = domains, .inspect = inspect, .listen = listen_to, .free = hypervisor_free};
    struct hypervisor *hv = xcalloc(1, sizeof(*hv));

    (void)ctx;
    (void)host;
    (void)err;
    *hv = (struct hypervisor){
        .ops = &ops, .can = HV_OFFLINE | HV_COMPARES | HV_TAGS | HV_KEEPS_ENDED, .patience = 5};
    return hv;
}

static struct op *probe(struct store *s, bool may_begin, const char *scratch,
                        struct store_space *ret, op_done done, void *ctx, struct err *err)
{
    (void)scratch;
    (void)s;
    (void)may_begin;
    (void)ret;
    (void)err;
    return silent_start(done, ctx);
}

static void store_free(struct store *s)
{
    free(s);
}

struct store *silent_store_new(void *ctx, const struct config_repository *repository)
{
    static const struct store_ops ops = {.probe = probe, .free = store_free};
    struct store *s = xcalloc(1, sizeof(*s));

    (void)ctx;
    (void)repository;
    s->ops = &ops;
    return s;
}

void silent_begin(struct ev_loop *loop)
{
    loop_used = loop;
}

void silent_cancel_all(void)
{
    while (under_way) {
        silent_cancel(&under_way->op);
        ev_run(loop_used, EVRUN_NOWAIT);
    }
}

void silent_fail_all(const struct err *err)
{
    while (under_way)
        finish(under_way, err);
}

void silent_end(void)
{
    while (under_way) {
        struct silent_op *o = under_way;

        under_way = o->next;
        free(o);
    }
}
