/* SPDX-License-Identifier: MIT
 *
 * Looks at a simulated repository, see sim.h: what is there, whose it is, and the catalogs' copies,
 * which are real files. */
#include "tests/simulation/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/catalog_copies.h"

/* ---- whose it is ---- */

static const struct sim_owner *owner_find(const struct sim_repo *r, const char *domain)
{
    for (size_t i = 0; i < r->here.owners.n; i++)
        if (strcmp(r->here.owners.items[i].domain, domain) == 0)
            return &r->here.owners.items[i];
    return NULL;
}

int sim_owner_of(const struct sim_repo *r, const char *domain)
{
    const struct sim_owner *o = owner_find(r, domain);

    return o ? o->daemon : 0;
}

bool sim_is_owner(const struct sim_repo *r, const char *domain)
{
    int owner = sim_owner_of(r, domain);

    return !owner || owner == r->w->acting;
}

void sim_own(struct sim_repo *r, const char *domain)
{
    struct sim_owner *o = (struct sim_owner *)owner_find(r, domain);

    if (!o) {
        o = VEC_ADD(&r->here.owners);
        snprintf(o->domain, sizeof(o->domain), "%s", domain);
        o->daemon = r->w->acting;
    }
    if (o->daemon == r->w->acting)
        snprintf(o->catalog, sizeof(o->catalog), "%s", r->w->catalog_id);
}

/* ---- survey ---- */

static void note_losses(struct sim_repo *r, const struct point_list *known, struct survey *ret)
{
    for (size_t i = 0; i < known->n; i++) {
        const struct point *p = &known->items[i];
        const struct sim_stored *stored = sim_stored_find(r, p->id);
        bool there = stored && stored->published;
        struct survey_loss *loss;

        if (p->state == POINT_DELETING || (there && !stored->torn))
            continue;
        loss = VEC_ADD(&ret->losses);
        loss->id = xstrdup(p->id);
        loss->state = there ? POINT_DAMAGED : POINT_MISSING;
        loss->problem =
            xstrdup(there ? "vda.qcow2 is not as long as it was" : "its directory is not there");
    }
}

/* As storage/repository/survey.c: what a catalog that was put back does not know of its points. */
static void note_merged(struct sim_repo *r, const struct point_list *known, struct survey *ret)
{
    for (size_t i = 0; i < known->n; i++) {
        const struct point *p = &known->items[i];
        const struct sim_stored *stored = sim_stored_find(r, p->id);
        bool differs = false;

        if (p->state == POINT_DELETING || !stored || !stored->published || stored->torn)
            continue;
        for (size_t k = 0; k < p->disks.n; k++) {
            const struct point_disk *d = point_find_disk(&stored->point, p->disks.items[k].name);

            differs = differs || (d && !str_eq(d->backing, p->disks.items[k].backing));
        }
        if (differs)
            point_copy(VEC_ADD(&ret->merged), &stored->point);
    }
}

static void note_others(const struct sim_repo *r, const struct survey_scope *scope,
                        struct survey *ret)
{
    for (size_t i = 0; i < r->here.points.n; i++) {
        const struct sim_stored *p = r->here.points.items[i];

        if (scope->domain && strcmp(scope->domain, p->point.domain) != 0)
            continue;
        if (!p->published)
            strlist_add(&ret->unfinished, p->point.id);
        else if (!point_list_find(scope->known, p->point.id))
            strlist_add(&ret->unknown, p->point.id);
    }
}

struct op *sim_survey(struct store *s, const struct survey_scope *scope, struct survey *ret,
                      op_done done, void *ctx, struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;
    struct op *op;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect) || (!scope->domain && r->fails == LOOK_SURVEY);
    if (!fails && sim_store_is_there(s)) {
        ret->total = UINT64_C(1) << 40;
        ret->free = sim_room(r);
        note_losses(r, scope->known, ret);
        note_merged(r, scope->known, ret);
        note_others(r, scope, ret);
    }
    op = sim_store_end(s, fails, &refusal, done, ctx);
    if (!scope->domain)
        sim_op_slow(r->w, op, r->look_ms);
    return op;
}

/* ---- whose are the points that the catalog does not know? ---- */

/* As storage/repository/unknown.c does: here each directory says whose it is. */
static void judge(struct sim_repo *r, const struct unknown_asker *asker, const char *id,
                  struct unknown *ret)
{
    const struct sim_stored *p = sim_stored_find(r, id);
    const struct sim_owner *o = p ? owner_find(r, p->point.domain) : NULL;
    struct unknown_point *u;

    if (!o || (strcmp(o->catalog, asker->id) != 0 && o->daemon != r->w->acting))
        return;
    u = VEC_ADD(&ret->points);
    u->whose = strcmp(o->catalog, asker->id) == 0 ? UNKNOWN_OURS : UNKNOWN_FORMER;
    u->id = xstrdup(id);
    u->catalog = xstrdup(o->catalog);
    u->checkpoint = xstrdup(p->point.checkpoint);
    r->w->counts.unknown++;
}

static int find_copies(const struct sim_repo *r, const char *id, int64_t *ret, struct err *err)
{
    struct catalog_copies copies = {0};

    if (catalog_copies_list(r->here.dir, &copies, err) < 0)
        return -1;
    for (size_t i = 0; i < copies.n; i++)
        if (str_eq(copies.items[i].id, id) && copies.items[i].job > *ret)
            *ret = copies.items[i].job;
    catalog_copies_done(&copies);
    return 0;
}

struct op *sim_examine(struct store *s, const struct unknown_asker *asker,
                       const struct strlist *ids, struct unknown *ret, op_done done, void *ctx,
                       struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect) || r->fails == LOOK_EXAMINE;
    if (!fails && sim_store_is_there(s) && find_copies(r, asker->id, &ret->last_job, &refusal) == 0)
        for (size_t i = 0; i < ids->n; i++)
            judge(r, asker, ids->items[i], ret);
    return sim_store_end(s, fails, &refusal, done, ctx);
}

/* ---- the catalogs' copies ---- */

struct keeping {
    struct store *store;
    char *copy, *id;
    int64_t last_job;
};

static int keep_now(void *arg, struct err *err)
{
    struct keeping *k = arg;
    struct sim_repo *r = sim_store_repo(k->store);
    int rc = 0;

    sim_store_refuse(k->store, err);
    if (err->code != ERR_NONE)
        rc = -1;
    else if (r->full)
        rc = err_set(err, ERR_NOSPACE, "No space left on device");
    else
        rc = catalog_copies_put(r->here.dir, k->copy, k->id, k->last_job, err);
    r->w->counts.copies += rc == 0;
    free(k->copy);
    free(k->id);
    free(k);
    return rc;
}

struct op *sim_keep_catalog(struct store *s, const struct store_catalog *catalog, op_done done,
                            void *ctx, struct err *err)
{
    struct sim_repo *r = sim_store_repo(s);
    struct keeping *k;
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    sim_maybe_kill(r->w);
    fails = sim_op_fails(r->w, &effect);
    if (fails)
        return sim_store_end(s, fails, &refusal, done, ctx);
    k = xcalloc(1, sizeof(*k));
    *k = (struct keeping){s, xstrdup(catalog->copy), xstrdup(catalog->id), catalog->last_job};
    return sim_op_with(r->w, keep_now, k, done, ctx);
}
