/* SPDX-License-Identifier: MIT */
#include "cli/repository_look.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "storage/store_records.h"

#define WAIT_S 3

/* One repository. */
struct look {
    const char *path;
    struct catalog_repository known;
    bool is_known;
    struct status_look *to;
    struct store_space space;
    struct op *op; /* under way */
    size_t *n_open;
    struct ev_loop *loop;
};

static void set_problem(struct status_look *l, const char *problem)
{
    l->looked = true;
    l->problem = xstrdup(problem);
}

static void set_there(struct status_look *l, const struct store_space *space)
{
    l->looked = true;
    l->has_space = true;
    l->read_only = space->read_only;
    l->free = space->free;
    l->total = space->total;
}

static void on_looked(void *ctx, const struct err *err)
{
    struct look *l = ctx;

    l->op = NULL;
    if (!err)
        set_there(l->to, &l->space);
    else if (err->code != ERR_DENIED)
        set_problem(l->to, err->msg);
    if (--*l->n_open == 0)
        ev_break(l->loop, EVBREAK_ALL);
}

/* One that the daemon has not seen yet may be empty still. */
static void begin(struct look *l)
{
    const struct store_request q = {.repository = l->path,
                                    .id = l->is_known ? l->known.id : NULL,
                                    .may_be_empty = !l->is_known};
    const struct ask ask = {"probe",   &store_request_probe, &store_answer_probe, &q,
                            &l->space, .timeout_s = WAIT_S};
    struct err err = ERR_INIT;

    l->op = ask_start(l->loop, &ask, on_looked, l, &err);
    if (l->op)
        ++*l->n_open;
    else
        set_problem(l->to, err.msg);
}

static void on_time(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* Those that are left over are not waited for: they die with us, or when what they hang on lets
 * them. */
static void wait_for(struct ev_loop *loop, const size_t *n_open)
{
    ev_timer limit;

    if (*n_open == 0)
        return;
    ev_timer_init(&limit, on_time, WAIT_S, 0);
    ev_timer_start(loop, &limit);
    ev_run(loop, 0);
    ev_timer_stop(loop, &limit);
}

int repository_look(const struct config *config, struct catalog *catalog, struct status_looks *ret,
                    struct err *err)
{
    struct ev_loop *loop = ev_default_loop(0);
    size_t n = config->repositories.n, n_open = 0;
    struct look *looks = xcalloc(n + 1, sizeof(*looks));
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        VEC_ADD(ret);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct config_repository *c = &config->repositories.items[i];

        looks[i] =
            (struct look){.path = c->path, .to = &ret->items[i], .n_open = &n_open, .loop = loop};
        rc = catalog_repository(catalog, c->name, &looks[i].known, &looks[i].is_known, err);
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        begin(&looks[i]);
    wait_for(loop, &n_open);
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *late = NULL;

        if (looks[i].op) {
            late = xasprintf("%s: does not answer within %d seconds", looks[i].path, WAIT_S);
            set_problem(looks[i].to, late);
        }
        catalog_repository_done(&looks[i].known);
    }
    if (n_open == 0) /* else the loop still knows them */
        free(looks);
    return rc;
}
