/* SPDX-License-Identifier: MIT
 *
 * A simulated repository, see sim.h. */
#include "tests/simulation/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct sim_stored *sim_stored_find(struct sim_repo *r, const char *id)
{
    for (size_t i = r->here.points.n; i-- > 0;)
        if (strcmp(r->here.points.items[i]->point.id, id) == 0)
            return r->here.points.items[i];
    return NULL;
}

void sim_stored_remove(struct sim_repo *r, const char *id, bool published)
{
    for (size_t i = 0; i < r->here.points.n; i++) {
        struct sim_stored *p = r->here.points.items[i];

        if (p->published != published || strcmp(p->point.id, id) != 0)
            continue;
        r->here.points.items[i] = r->here.points.items[--r->here.points.n];
        point_done(&p->point);
        free(p->images.items);
        free(p);
        return;
    }
}

static void image_name(char name[SIM_TEXT], const char *id, const char *disk)
{
    snprintf(name, SIM_TEXT, "%s/%s", id, disk);
}

static const struct sim_image *image_of(const struct sim_stored *p, const char *disk)
{
    char name[SIM_TEXT];

    image_name(name, p->point.id, disk);
    for (size_t i = 0; i < p->images.n; i++)
        if (strcmp(p->images.items[i].target, name) == 0)
            return &p->images.items[i];
    return NULL;
}

void sim_image_arrives(struct sim_repo *r, const struct sim_image *image)
{
    for (size_t i = 0; i < r->here.points.n; i++) {
        struct sim_stored *p = r->here.points.items[i];
        size_t len = strlen(p->point.id);

        if (strncmp(image->target, p->point.id, len) != 0 || image->target[len] != '/')
            continue;
        if (p->published)
            sim_broken("an image arrives in a published point: %s", image->target);
        *VEC_ADD(&p->images) = *image;
    }
}

bool sim_restore(struct sim_repo *r, const char *id, const char *disk, uint32_t *blocks)
{
    uint32_t missing = UINT32_MAX;

    while (id) {
        const struct sim_stored *p = sim_stored_find(r, id);
        const struct sim_image *image = p && p->published ? image_of(p, disk) : NULL;
        const struct point_disk *d = p ? point_find_disk(&p->point, disk) : NULL;

        if (!image || !d)
            return false;
        for (uint32_t i = 0; i < SIM_BLOCKS; i++)
            if (missing & image->present & UINT32_C(1) << i)
                blocks[i] = image->blocks[i];
        missing &= ~image->present;
        id = d->backing;
    }
    return missing == 0;
}

const struct sim_truth *sim_truth_find(const struct sim_world *w, const char *target)
{
    for (size_t i = w->truths.n; i-- > 0;)
        if (strcmp(w->truths.items[i].target, target) == 0)
            return &w->truths.items[i];
    return NULL;
}

/* What disk i stands on; NULL: on nothing, or on what an earlier disk stands on too. */
static const char *stands_on(const struct point *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(p->disks.items[k].backing, p->disks.items[i].backing))
            return NULL;
    return p->disks.items[i].backing;
}

bool sim_is_whole(struct sim_repo *r, const char *id)
{
    const struct sim_stored *p = sim_stored_find(r, id);

    if (!p || !p->published || p->torn)
        return false;
    for (size_t i = 0; i < p->point.disks.n; i++)
        if (stands_on(&p->point, i) && !sim_is_whole(r, stands_on(&p->point, i)))
            return false;
    return true;
}

bool sim_point_harm(struct sim_repo *r, bool tear)
{
    struct sim_stored *p = NULL;

    if (r->here.points.n > 0)
        p = r->here.points.items[sim_random(r->w, (uint32_t)r->here.points.n)];
    if (!p || !p->published || p->torn)
        return false;
    r->w->counts.vanished += !tear;
    r->w->counts.torn += tear;
    strlist_add(&r->lost, p->point.id);
    if (tear)
        p->torn = true;
    else
        sim_stored_remove(r, p->point.id, true);
    return true;
}

void sim_point_rots(struct sim_repo *r)
{
    struct sim_stored *p = NULL;

    if (r->here.points.n > 0)
        p = r->here.points.items[sim_random(r->w, (uint32_t)r->here.points.n)];
    if (!p || !p->published || p->torn || p->rotten)
        return;
    r->w->counts.rotted++;
    strlist_add(&r->lost, p->point.id);
    p->rotten = true;
}

/* By somebody else's hand: no promise covers those, nor what stands on them. */
bool sim_is_harmed(struct sim_repo *r, const char *id)
{
    const struct sim_stored *p = sim_stored_find(r, id);

    for (size_t i = 0; i < r->lost.n; i++)
        if (strcmp(r->lost.items[i], id) == 0)
            return true;
    for (size_t i = 0; p && i < p->point.disks.n; i++)
        if (stands_on(&p->point, i) && sim_is_harmed(r, stands_on(&p->point, i)))
            return true;
    return false;
}

static void compare_point(struct sim_repo *r, const struct point *p)
{
    struct sim_world *w = r->w;

    for (size_t i = 0; i < p->disks.n; i++) {
        char name[SIM_TEXT];
        uint32_t blocks[SIM_BLOCKS] = {0};
        const struct sim_truth *t;

        image_name(name, p->id, p->disks.items[i].name);
        t = sim_truth_find(w, name);
        if (!t || !sim_restore(r, p->id, p->disks.items[i].name, blocks))
            sim_broken("%s cannot be restored", name);
        if (memcmp(blocks, t->blocks, sizeof(blocks)) != 0)
            sim_broken("%s holds what the disk did not", name);
        w->counts.compared++;
    }
}

void sim_swap(struct sim_repo *r)
{
    struct sim_medium here = r->here;

    r->here = r->aside;
    r->aside = here;
    r->swapped = !r->swapped;
    r->w->counts.swaps++;
}

void sim_compare_all(struct sim_world *w, int daemon, struct catalog *catalog)
{
    const struct point_filter all = {0};
    struct point_list points = {0};
    struct err err = ERR_INIT;

    if (w->repo.swapped) /* they are not here to be compared */
        return;

    if (catalog_points(catalog, &all, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++)
        if (points.items[i].state == POINT_GOOD && !sim_is_harmed(&w->repo, points.items[i].id) &&
            (!w->daemons[daemon].forgets || sim_is_whole(&w->repo, points.items[i].id)))
            compare_point(&w->repo, &points.items[i]);
    point_list_done(&points);
}

size_t sim_compare_copies(struct sim_world *w, struct catalog *catalog)
{
    const struct point_filter all = {.copies = true};
    struct point_list points = {0};
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_points(catalog, &all, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < points.n; i++) {
        if (!points.items[i].copy_of || points.items[i].state != POINT_GOOD)
            continue;
        compare_point(&w->offsite, &points.items[i]);
        n++;
    }
    point_list_done(&points);
    return n;
}

/* ---- the store's operations ---- */

bool sim_store_is_there(struct store *s)
{
    const struct sim_repo *r = sim_store_repo(s);

    return !r->gone && (!*s->id || strcmp(s->id, r->here.id) == 0);
}

void sim_store_refuse(struct store *s, struct err *refusal)
{
    struct sim_repo *r = sim_store_repo(s);

    if (r->gone) {
        err_set(refusal, ERR_NOTFOUND, "/srv/backup: no such directory; is the disk not mounted?");
    } else if (!sim_store_is_there(s)) {
        err_set(refusal, ERR_NOTFOUND, "/srv/backup holds repository %s, not %s", r->here.id,
                s->id);
        r->w->counts.strangers++;
    }
}

struct op *sim_store_end(struct store *s, bool fails, struct err *refusal, op_done done, void *ctx)
{
    sim_store_refuse(s, refusal);
    if (fails && refusal->code == ERR_NONE)
        err_set(refusal, ERR_IO, "/srv/backup: Input/output error");
    return sim_op(sim_store_repo(s)->w, refusal->code ? refusal : NULL, done, ctx);
}

/* Reserves are of 1 GiB. */
uint64_t sim_room(const struct sim_repo *r)
{
    return r->full ? 4096 : r->scarce ? UINT64_C(1) << 29 : UINT64_C(1) << 39;
}

static struct op *probe(struct store *s, bool may_begin, const char *scratch,
                        struct store_space *ret, op_done done, void *ctx, struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)may_begin;
    (void)scratch;
    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    ret->total = UINT64_C(1) << 40;
    ret->scratch = r->scratch_full ? 4096 : UINT64_C(1) << 40;
    ret->free = sim_room(r);
    snprintf(ret->id, sizeof(ret->id), "%s", r->here.id);
    snprintf(ret->remote, sizeof(ret->remote), "%s", r->remote ? r->remote : "");
    return sim_store_end(s, fails, &refusal, done, ctx);
}

static struct op *check_chain(struct store *s, const char *id, op_done done, void *ctx,
                              struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    if (!sim_is_whole(r, id))
        err_set(&refusal, ERR_NOTFOUND, "%s is not there", id);
    return sim_store_end(s, fails, &refusal, done, ctx);
}

static struct op *prepare(struct store *s, const struct point *plan,
                          const struct point_origin *origin, const struct store_scratch *scratch,
                          op_done done, void *ctx, struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)origin;
    if (!scratch->dir && !plan->copy_of)
        sim_broken("%s has no scratch space", plan->id);
    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    if (sim_stored_find(r, plan->id) && sim_stored_find(r, plan->id)->published)
        sim_broken("%s is made a second time", plan->id);
    if (sim_store_is_there(s) && !sim_is_owner(r, plan->domain)) {
        err_set(&refusal, ERR_DENIED, "%s belongs to daemon %d", plan->domain,
                sim_owner_of(r, plan->domain));
        r->w->counts.denied++;
    } else if (r->full)
        err_set(&refusal, ERR_NOSPACE, "No space left on device");
    else if (effect && sim_store_is_there(s)) {
        struct sim_stored *p = xcalloc(1, sizeof(*p));

        sim_check_number(r, plan);
        sim_stored_remove(r, plan->id, false);
        sim_own(r, plan->domain);
        point_copy(&p->point, plan);
        p->made_ms = r->w->now_ms;
        p->wrong_date = r->w->leap != 0;
        r->w->counts.wrong_dates += p->wrong_date;
        *VEC_ADD(&r->here.points) = p;
    }
    return sim_store_end(s, fails, &refusal, done, ctx);
}

/* ---- a pull's copy ---- */

struct copying {
    struct sim_repo *r;
    struct point plan;
    char *source;
    void (*progress)(void *ctx, uint64_t done, uint64_t total, uint64_t scratch);
    void *progress_ctx;
    bool fails;
};

/* Copies all, as the last thing before the answer; or part of it, and fails. */
static int copy_now(void *arg, struct err *err)
{
    struct copying *q = arg;
    struct sim_world *w = q->r->w;
    const struct sim_job *job = sim_export_find(w, q->source);
    int rc = 0;

    q->progress(q->progress_ctx, 1, 2, UINT64_MAX);
    if (!job || job->doomed)
        rc = err_set(err, ERR_REMOTE, "the export is gone");
    else if (q->r->full)
        rc = err_set(err, ERR_NOSPACE, "No space left on device");
    for (size_t i = 0; rc == 0 && i < job->images.n; i++) {
        struct sim_image image = job->images.items[i];
        struct sim_truth *t = VEC_ADD(&w->truths);

        image_name(image.target, q->plan.id, q->plan.disks.items[i].name);
        memcpy(t->target, image.target, sizeof(t->target));
        memcpy(t->blocks, image.blocks, sizeof(t->blocks));
        t->blocks[0] -= job->torn; /* it was other at the instant */
        if (q->fails && i + 1 == job->images.n)
            rc = err_set(err, ERR_IO, "Input/output error");
        else
            sim_image_arrives(q->r, &image);
    }
    if (q->fails && rc == 0)
        rc = err_set(err, ERR_IO, "Input/output error");
    w->counts.pulls += rc == 0;
    point_done(&q->plan);
    free(q->source);
    free(q);
    return rc;
}

static struct op *copy(struct store *s, const struct store_copy *what, op_done done, void *ctx,
                       struct err *err)
{
    struct copying *q = xcalloc(1, sizeof(*q));
    bool effect;

    (void)err;
    q->r = sim_store_repo(s);
    point_copy(&q->plan, what->plan);
    q->source = xstrdup(what->sources[0]);
    q->progress = what->progress;
    q->progress_ctx = what->progress_ctx;
    sim_maybe_kill(q->r->w);
    q->fails = sim_op_fails(q->r->w, &effect);
    return sim_op_with(q->r->w, copy_now, q, done, ctx);
}

struct publish {
    struct sim_repo *r;
    char *id;
    struct point *ret;
    bool fails, effect, quiesced;
};

/* Publishes, as the last thing before the answer. */
static int publish_now(void *arg, struct err *err)
{
    struct publish *q = arg;
    struct sim_stored *p = sim_stored_find(q->r, q->id);
    int rc = 0;

    if (q->r->gone || !p)
        rc = err_set(err, ERR_NOTFOUND, "%s: neither published nor in the making", q->id);
    else if (q->effect) {
        if (p->images.n != p->point.disks.n)
            sim_broken("%s is published with %zu of %zu images", q->id, p->images.n,
                       p->point.disks.n);
        if (!p->published) {
            q->r->w->counts.points++;
            p->point.quiesced = q->quiesced;
        }
        p->published = true;
        p->orphan = false;
        if (!sim_is_harmed(q->r, p->point.id))
            compare_point(q->r, &p->point);
    }
    if (rc == 0 && q->fails)
        rc = err_set(err, ERR_IO, "Input/output error");
    if (rc == 0)
        point_copy(q->ret, &p->point);
    free(q->id);
    free(q);
    return rc;
}

static struct op *publish(struct store *s, const struct point *plan,
                          const struct store_scratch *scratch, const struct store_finish *finish,
                          struct point *ret, op_done done, void *ctx, struct err *err)
{
    struct publish *q = xcalloc(1, sizeof(*q));

    (void)scratch;
    (void)finish;
    (void)err;
    q->r = sim_store_repo(s);
    q->id = xstrdup(plan->id);
    q->quiesced = plan->quiesced;
    q->ret = ret;
    sim_maybe_kill(q->r->w);
    q->fails = sim_op_fails(q->r->w, &q->effect);
    return sim_op_with(q->r->w, publish_now, q, done, ctx);
}

static struct op *discard(struct store *s, const struct point *plan, enum point_made made,
                          const struct store_scratch *scratch, op_done done, void *ctx,
                          struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    (void)scratch;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    if (made == MADE_POINT)
        sim_check_removal(s, plan->id, NULL, false);
    if (effect && sim_store_is_there(s) && made != MADE_NOTHING)
        sim_stored_remove(r, plan->id, false);
    if (effect && sim_store_is_there(s) && made == MADE_POINT)
        sim_stored_remove(r, plan->id, true);
    return sim_store_end(s, fails, &refusal, done, ctx);
}

static struct op *remove_point(struct store *s, const char *id, op_done done, void *ctx,
                               struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    sim_check_removal(s, id, NULL, true);
    if (sim_check_free(r, id, &refusal) < 0) {
        sim_removal_refused(sim_stored_find(r, id));
    } else if (effect && sim_store_is_there(s)) {
        r->w->counts.prunes += sim_stored_find(r, id) != NULL;
        sim_stored_remove(r, id, false);
        sim_stored_remove(r, id, true);
    }
    return sim_store_end(s, fails, &refusal, done, ctx);
}

static char *target(struct store *s, const struct point *plan, size_t disk)
{
    (void)s;
    return xasprintf("%s/%s", plan->id, plan->disks.items[disk].name);
}

static void store_free(struct store *s)
{
    free(s);
}

struct store *sim_store_new(struct sim_repo *r)
{
    static const struct store_ops ops = {
        .probe = probe,
        .survey = sim_survey,
        .examine = sim_examine,
        .keep_catalog = sim_keep_catalog,
        .check_chain = check_chain,
        .prepare = prepare,
        .copy = copy,
        .bring = sim_bring,
        .publish = publish,
        .discard = discard,
        .remove = remove_point,
        .pin = sim_pin,
        .merge = sim_merge,
        .prove = sim_prove,
        .target = target,
        .free = store_free,
    };
    struct sim_store *s = xcalloc(1, sizeof(*s));

    s->ops = ops;
    if (!r->keeps_catalogs)
        s->ops.keep_catalog = NULL;
    s->store.ops = &s->ops;
    s->repo = r;
    return &s->store;
}
