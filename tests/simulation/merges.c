/* SPDX-License-Identifier: MIT
 *
 * Merges in a simulated repository, see sim.h.  A merge happens at one instant, at the end of its
 * operation; what lies between is tested on real images (tests/integration/test_merge_kill.c).  One
 * that fails may have begun, and then the point that goes is none any more. */
#include "tests/simulation/repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct merging {
    struct sim_repo *r;
    char *id, *into;
    struct point *ret;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    bool fails, effect, there, into_reserve;
};

static struct sim_image *image_of(struct sim_stored *p, const char *disk)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", p->point.id, disk);

    for (size_t i = 0; i < p->images.n; i++)
        if (strcmp(p->images.items[i].target, name) == 0)
            return &p->images.items[i];
    return NULL;
}

static void move_blocks(struct sim_image *to, const struct sim_image *from)
{
    uint32_t more = from->present & ~to->present;

    for (uint32_t i = 0; i < SIM_BLOCKS; i++)
        if (more & UINT32_C(1) << i)
            to->blocks[i] = from->blocks[i];
    to->present |= more;
}

static void stand_on(struct point *p, const struct point *goes)
{
    const char *base = NULL;

    for (size_t i = 0; i < p->disks.n; i++)
        base = base ? base : p->disks.items[i].backing;
    if (str_eq(p->parent, goes->id)) {
        free(p->parent);
        p->parent = base ? xstrdup(goes->parent ? goes->parent : base) : NULL;
    }
    p->level = base ? LEVEL_INCREMENTAL : LEVEL_FULL;
}

static void merge_images(struct sim_stored *goes, struct sim_stored *into)
{
    for (size_t i = 0; i < into->point.disks.n; i++) {
        struct point_disk *d = &into->point.disks.items[i];
        const struct point_disk *from = point_find_disk(&goes->point, d->name);

        if (!str_eq(d->backing, goes->point.id))
            continue;
        if (!from || !image_of(goes, d->name) || !image_of(into, d->name))
            sim_broken("%s: disk %s has nothing to be merged from", into->point.id, d->name);
        move_blocks(image_of(into, d->name), image_of(goes, d->name));
        free(d->backing);
        d->backing = xstrdup(from->backing);
    }
    stand_on(&into->point, &goes->point);
    into->rotten = into->rotten || goes->rotten;
}

static int merge_now(void *arg, struct err *err)
{
    struct merging *q = arg;
    struct sim_stored *goes = sim_stored_find(q->r, q->id), *into = sim_stored_find(q->r, q->into);
    int rc = 0;

    if (q->progress)
        q->progress(q->progress_ctx, 1, 2);
    if (q->r->gone || !q->there || !into || !into->published)
        rc = err_set(err, ERR_NOTFOUND, "%s: is gone", q->into);
    else if (sim_check_free(q->r, q->id, err) < 0)
        rc = -1;
    else if (goes && goes->published && (goes->torn || into->torn))
        rc = err_set(err, ERR_CORRUPT, "%s: is not as long as it was", q->id);
    else if (goes && goes->published && (q->r->full || (q->r->scarce && !q->into_reserve)))
        rc = err_set(err, ERR_NOSPACE, "merging takes 1.00 GiB for a while");
    else if (q->effect && goes && goes->published) {
        merge_images(goes, into);
        if (into->rotten)
            strlist_add(&q->r->lost, into->point.id);
        sim_stored_remove(q->r, q->id, true);
        q->r->scarce = false;
        q->r->w->counts.merges++;
    }
    if (goes && (err->code == ERR_NOTFOUND || err->code == ERR_BUSY))
        sim_removal_refused(goes);
    if (rc == 0 && q->fails)
        rc = err_set(err, ERR_IO, "Input/output error");
    if (rc == 0)
        point_copy(q->ret, &into->point);
    free(q->id);
    free(q->into);
    free(q);
    return rc;
}

struct op *sim_merge(struct store *s, const struct store_merge *what, struct point *ret,
                     op_done done, void *ctx, struct err *err)
{
    struct merging *q = xcalloc(1, sizeof(*q));

    (void)err;
    q->r = sim_store_repo(s);
    q->id = xstrdup(what->point);
    q->into = xstrdup(what->into);
    q->ret = ret;
    q->progress = what->progress;
    q->progress_ctx = what->progress_ctx;
    q->there = sim_store_is_there(s);
    q->into_reserve = what->into_reserve;
    sim_maybe_kill(q->r->w);
    q->fails = sim_op_fails(q->r->w, &q->effect);
    sim_check_removal(s, what->point, what->into, true);
    return sim_op_with(q->r->w, merge_now, q, done, ctx);
}
