/* SPDX-License-Identifier: MIT */
#include "cli/store_ask.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "storage/keys.h"
#include "storage/store_records.h"

#define PROBE_S 5.0

/* Stays for as long as it is under way, even when nobody waits for it any more. */
struct waiting {
    struct ev_loop *loop;
    const struct record *record;
    void *ret;
    bool over, late;
    struct err err;
};

static void waiting_free(struct waiting *w)
{
    free(w->ret);
    free(w);
}

static void on_answer(void *ctx, const struct err *err)
{
    struct waiting *w = ctx;

    if (w->late) {
        if (!err && w->record)
            record_done(w->record, w->ret);
        waiting_free(w);
        return;
    }
    w->over = true;
    w->err = err ? *err : ERR_INIT;
    ev_break(w->loop, EVBREAK_ALL);
}

static void on_time(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void wait_for(struct waiting *w, double limit_s)
{
    ev_timer limit;

    ev_now_update(w->loop);
    ev_timer_init(&limit, on_time, limit_s, 0);
    ev_timer_start(w->loop, &limit);
    ev_run(w->loop, 0);
    ev_timer_stop(w->loop, &limit);
}

int store_ask(const struct ask *ask, const char *about, double limit_s, struct err *err)
{
    struct waiting *w = xcalloc(1, sizeof(*w));
    struct ask own = *ask;
    struct op *op;
    int rc = 0;

    w->loop = ev_default_loop(0);
    w->record = ask->answer;
    w->ret = xcalloc(1, ask->answer ? ask->answer->size : 1);
    own.ret = w->ret;
    op = ask_start(w->loop, &own, on_answer, w, err);
    if (!op) {
        waiting_free(w);
        return -1;
    }
    wait_for(w, limit_s);
    if (!w->over) {
        w->late = true;
        op_cancel(op);
        return err_set(err, ERR_TIMEOUT, "%s: has not answered within %.0f s", about, limit_s);
    }
    *err = w->err;
    if (err->code != ERR_NONE)
        rc = -1;
    else if (ask->answer)
        memcpy(ask->ret, w->ret, ask->answer->size);
    waiting_free(w);
    return rc;
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
