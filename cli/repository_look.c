/* SPDX-License-Identifier: MIT */
#include "cli/repository_look.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "storage/images/keys.h"
#include "storage/store/store_records.h"

#define WAIT_S 3

struct look;

/* All of them.  What does not answer is not waited for, and ends some time later: until then this
 * stays, and nobody else's memory is touched. */
struct round {
    struct ev_loop *loop;
    struct look *looks;
    size_t n, n_open;
    bool late;
};

/* One repository. */
struct look {
    struct round *round;
    struct store_space space;
    struct err err;
    struct op *op; /* under way */
    bool begun;
};

static void round_free(struct round *r)
{
    free(r->looks);
    free(r);
}

static void on_looked(void *ctx, const struct err *err)
{
    struct look *l = ctx;
    struct round *r = l->round;

    l->op = NULL;
    l->err = err ? *err : ERR_INIT;
    if (--r->n_open > 0)
        return;
    if (r->late)
        round_free(r);
    else
        ev_break(r->loop, EVBREAK_ALL);
}

/* One that the daemon has not seen yet may be empty still. */
static void begin(struct look *l, const char *path, const struct catalog_repository *known)
{
    const struct key *key = keys_find(path);
    const struct store_request q = {.repository = path,
                                    .id = known ? known->id : NULL,
                                    .may_be_empty = !known,
                                    .secret = key ? key->secret : NULL,
                                    .key = key ? key->file : NULL};
    /* We are the ones who stop waiting, at a time that is said. */
    const struct ask ask = {"probe",   &store_request_probe,   &store_answer_probe, &q,
                            &l->space, .timeout_s = 2 * WAIT_S};

    l->begun = true;
    l->op = ask_start(l->round->loop, &ask, on_looked, l, &l->err);
    if (l->op)
        l->round->n_open++;
}

static void on_time(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void wait_for(struct round *r)
{
    ev_timer limit;

    if (r->n_open == 0)
        return;
    ev_now_update(r->loop);
    ev_timer_init(&limit, on_time, WAIT_S, 0);
    ev_timer_start(r->loop, &limit);
    ev_run(r->loop, 0);
    ev_timer_stop(r->loop, &limit);
}

static void take(const struct look *l, const char *path, struct status_look *ret)
{
    ret->looked = l->begun && (l->op || l->err.code != ERR_DENIED);
    ret->is_silent = l->op;
    if (l->op) {
        ret->problem = xasprintf("%s: does not answer within %d seconds", path, WAIT_S);
    } else if (l->begun && l->err.code == ERR_NONE) {
        ret->has_space = true;
        ret->read_only = l->space.read_only;
        ret->free = l->space.free;
        ret->total = l->space.total;
    } else if (ret->looked) {
        ret->problem = xstrdup(l->err.msg);
    }
}

static int begin_all(struct round *r, const struct config *config, const struct strlist *only,
                     struct catalog *catalog, struct err *err)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct config_repository *c = &config->repositories.items[i];
        struct catalog_repository known = {0};
        bool is_known = false;

        r->looks[i].round = r;
        if (only && !strlist_has(only, c->name))
            continue;
        if (catalog_repository(catalog, c->name, &known, &is_known, err) < 0)
            return -1;
        begin(&r->looks[i], c->path, is_known ? &known : NULL);
        catalog_repository_done(&known);
    }
    return 0;
}

int repository_look(const struct config *config, const struct strlist *only,
                    struct catalog *catalog, struct status_looks *ret, struct err *err)
{
    struct round *r = xcalloc(1, sizeof(*r));
    int rc;

    r->loop = ev_default_loop(0);
    r->n = config->repositories.n;
    r->looks = xcalloc(r->n + 1, sizeof(*r->looks));
    rc = begin_all(r, config, only, catalog, err);
    if (rc == 0)
        wait_for(r);
    for (size_t i = 0; i < r->n; i++) {
        take(&r->looks[i], config->repositories.items[i].path, VEC_ADD(ret));
        op_cancel(r->looks[i].op);
    }
    r->late = true;
    if (r->n_open == 0)
        round_free(r);
    return rc;
}
