/* SPDX-License-Identifier: MIT */
#include "cli/store_ask.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "storage/images/keys.h"
#include "storage/store/store_records.h"

#define PROBE_S 5.0

/* Stays for as long as it is under way, even when nobody waits for it any more. */
struct store_asking {
    struct ev_loop *loop;
    struct op *op;
    const struct record *record;
    void *answer, *ret; /* ours, and the caller's */
    bool over, late;
    struct err err;
};

static void asking_free(struct store_asking *a)
{
    free(a->answer);
    free(a);
}

static void on_answer(void *ctx, const struct err *err)
{
    struct store_asking *a = ctx;

    if (a->late) {
        if (!err && a->record)
            record_done(a->record, a->answer);
        asking_free(a);
        return;
    }
    a->over = true;
    a->err = err ? *err : ERR_INIT;
}

static void on_time(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    *(bool *)w->data = true;
}

static void wait_for(struct store_asking *a, double limit_s)
{
    bool too_late = false;
    ev_timer limit;

    ev_now_update(a->loop);
    ev_timer_init(&limit, on_time, limit_s, 0);
    limit.data = &too_late;
    ev_timer_start(a->loop, &limit);
    while (!a->over && !too_late)
        ev_run(a->loop, EVRUN_ONCE);
    ev_timer_stop(a->loop, &limit);
}

struct store_asking *store_ask_begin(const struct ask *ask, struct err *err)
{
    struct store_asking *a = xcalloc(1, sizeof(*a));
    struct ask own = *ask;

    a->loop = ev_default_loop(0);
    a->record = ask->answer;
    a->ret = ask->ret;
    a->answer = xcalloc(1, ask->answer ? ask->answer->size : 1);
    own.ret = a->answer;
    a->op = ask_start(a->loop, &own, on_answer, a, err);
    if (a->op)
        return a;
    asking_free(a);
    return NULL;
}

int store_ask_end(struct store_asking *a, const char *about, double limit_s, struct err *err)
{
    int rc = 0;

    wait_for(a, limit_s);
    if (!a->over) {
        a->late = true;
        op_cancel(a->op);
        return err_set(err, ERR_TIMEOUT, "%s: has not answered within %.0f s", about, limit_s);
    }
    *err = a->err;
    if (err->code != ERR_NONE)
        rc = -1;
    else if (a->record)
        memcpy(a->ret, a->answer, a->record->size);
    asking_free(a);
    return rc;
}

int store_ask(const struct ask *ask, const char *about, double limit_s, struct err *err)
{
    struct store_asking *a = store_ask_begin(ask, err);

    return a ? store_ask_end(a, about, limit_s, err) : -1;
}

int store_ask_probe(const char *path, const char *id, struct store_space *ret, struct err *err)
{
    const struct key *key = keys_find(path);
    const struct store_request q = {.repository = path,
                                    .id = id,
                                    .secret = key ? key->secret : NULL,
                                    .key = key ? key->file : NULL};
    const struct ask ask = {"probe", &store_request_probe, &store_answer_probe, &q,
                            ret,     .timeout_s = 0};

    return store_ask(&ask, path, PROBE_S, err);
}

/* One that hangs is told at once from one that has much to list. */
static bool answers(const char *path, struct err *err)
{
    struct store_space space;

    return store_ask_probe(path, NULL, &space, err) == 0 || err->code != ERR_TIMEOUT;
}

int store_ask_view(const char *path, double limit_s, struct repository_view *ret, struct err *err)
{
    const struct store_request q = {.repository = path};
    const struct ask ask = {"view", &store_request_view, &store_answer_view, &q,
                            ret,    .timeout_s = 0};

    if (!answers(path, err))
        return -1;
    *err = ERR_INIT;
    if (store_ask(&ask, path, limit_s, err) < 0)
        return -1;
    for (size_t i = 0; i < ret->domains.n; i++) {
        struct owner *o = &ret->domains.items[i].owner;

        if (ret->domains.items[i].owned && !o->machine_id)
            o->machine_id = xstrdup("");
    }
    return 0;
}
