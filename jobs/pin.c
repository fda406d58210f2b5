/* SPDX-License-Identifier: MIT
 *
 * The catalog is what jobs here go by, the file what others, and later catalogs, do; in which order
 * they are changed is said in storage/catalog/pin_order.h.
 */
#include "jobs/pin.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/survey.h"
#include "storage/catalog/pin_order.h"

struct pinning {
    struct job_env *env;
    struct repo *repo;
    char *id;
    struct pin_change change;
    struct api_reply reply;
};

static void pinning_free(struct pinning *p)
{
    free(p->id);
    pin_done(&p->change.pin);
    pin_done(&p->change.was);
    free(p);
}

void pins_free(struct job_env *e)
{
    for (size_t i = 0; i < e->pins.n; i++)
        pinning_free(e->pins.items[i]);
    free(e->pins.items);
}

static void finish(struct pinning *p, const struct err *err)
{
    struct job_env *e = p->env;
    static const struct api_answer done = {0};

    for (size_t i = 0; i < e->pins.n; i++)
        if (e->pins.items[i] == p)
            e->pins.items[i--] = e->pins.items[--e->pins.n];
    repo_release(p->repo);
    p->reply.done(p->reply.ctx, err, err ? NULL : &done);
    pinning_free(p);
}

static void on_op(void *ctx, const struct err *op_err)
{
    struct pinning *p = ctx;
    struct err err = ERR_INIT;

    if (p->env->dead)
        return;
    if (pin_change_end(p->env->catalog, &p->change, op_err, &err) == 0)
        log_notice("point %s is %s", p->id, p->change.pin.since ? "pinned" : "pinned no more");
    finish(p, err.code == ERR_NONE ? NULL : &err);
}

static int find_repo(struct job_env *e, const struct point *p, struct repo **ret, struct err *err)
{
    *ret = repo_find(e, p->repository);
    if (!*ret)
        return err_set(err, ERR_NOTFOUND, "%s is in repository %s, which is not configured", p->id,
                       p->repository);
    if (survey_is_elsewhere(*ret, p))
        return err_set(err, ERR_NOTFOUND, "%s is in repository %s, and %s has its place", p->id,
                       p->repository_id, (*ret)->store->id);
    return 0;
}

static int check(struct job_env *e, const struct point *p, const struct point_pin *pin,
                 struct err *err)
{
    for (size_t i = 0; i < e->pins.n; i++)
        if (str_eq(e->pins.items[i]->id, p->id))
            return err_set(err, ERR_BUSY, "the pin of %s is being changed", p->id);
    if (!pin->since)
        return 0;
    if (p->state == POINT_DELETING)
        return err_set(err, ERR_BUSY, "%s is being let go of", p->id);
    return pin_check(pin, env_now(e), err);
}

static int start(struct job_env *e, const struct point *p, const struct point_pin *pin,
                 struct api_reply reply, struct err *err)
{
    const struct pin_change change = {p->id, p->pin, *pin};
    struct pinning *run;
    struct repo *repo;

    if (find_repo(e, p, &repo, err) < 0 || check(e, p, pin, err) < 0 ||
        pin_change_begin(e->catalog, &change, err) < 0)
        return -1;
    run = xcalloc(1, sizeof(*run));
    *run = (struct pinning){.env = e, .repo = repo, .id = xstrdup(p->id), .reply = reply};
    run->change.point = run->id;
    pin_copy(&run->change.pin, pin);
    pin_copy(&run->change.was, &p->pin);
    repo_hold(repo);
    *VEC_ADD(&e->pins) = run;
    if (!repo->store->ops->pin(repo->store, p->id, pin, on_op, run, err)) {
        struct err why = *err;

        on_op(run, &why);
    }
    return 0;
}

void pin_set(struct job_env *e, const char *id, const struct point_pin *pin, struct api_reply reply)
{
    static const struct point_filter all = {0};
    CLEANUP(point_list_done) struct point_list points = {0};
    const struct point *p = NULL;
    struct err err = ERR_INIT;

    if (catalog_points(e->catalog, &all, &points, &err) == 0) {
        p = point_list_find(&points, id);
        if (!p)
            err_set(&err, ERR_NOTFOUND, "point %s is not in the catalog", id);
    }
    if (!p || start(e, p, pin, reply, &err) < 0)
        reply.done(reply.ctx, &err, NULL);
}
