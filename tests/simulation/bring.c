/* SPDX-License-Identifier: MIT
 *
 * Copies from one simulated repository into another, see sim.h: at one instant, at the end of the
 * operation, all disks or some. */
#include "tests/simulation/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct bringing {
    struct sim_repo *from, *to;
    struct point plan;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    bool there, fails;
};

static const struct sim_image *image_named(const struct sim_stored *p, const char *name)
{
    for (size_t i = 0; i < p->images.n; i++)
        if (strcmp(p->images.items[i].target, name) == 0)
            return &p->images.items[i];
    sim_broken("%s: has no image %s", p->point.id, name);
    return NULL;
}

/* What the source's image has, or, where nothing is below the copy, all that it shows. */
static void bring_disk(struct bringing *q, const struct sim_stored *source,
                       const struct point_disk *d)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", source->point.id, d->name);
    const struct sim_truth *was = sim_truth_find(q->to->w, name);
    struct sim_image image = *image_named(source, name);
    struct sim_truth truth = {0};

    if (!was)
        sim_broken("%s: nobody knows what it held", name);
    if (!d->backing) {
        if (!sim_restore(q->from, source->point.id, d->name, image.blocks))
            sim_broken("%s is copied, and cannot be restored", name);
        image.present = UINT32_MAX;
    }
    truth = *was;
    snprintf(image.target, sizeof(image.target), "%s/%s", q->plan.id, d->name);
    memcpy(truth.target, image.target, sizeof(truth.target));
    *VEC_ADD(&q->to->w->truths) = truth;
    sim_image_arrives(q->to, &image);
}

static int bring_now(void *arg, struct err *err)
{
    struct bringing *q = arg;
    const struct sim_stored *source = sim_stored_find(q->from, q->plan.copy_of);
    size_t n = q->plan.disks.n - q->fails; /* the last disk fails */
    int rc = 0;

    q->progress(q->progress_ctx, 1, 2);
    if (q->from->gone || q->to->gone || !q->there || !source || !source->published)
        rc = err_set(err, ERR_NOTFOUND, "%s: is gone", q->plan.copy_of);
    else if (q->to->full)
        rc = err_set(err, ERR_NOSPACE, "No space left on device");
    for (size_t i = 0; rc == 0 && i < n; i++)
        bring_disk(q, source, &q->plan.disks.items[i]);
    if (rc == 0 && q->fails)
        rc = err_set(err, ERR_IO, "Input/output error");
    q->to->w->counts.brought += rc == 0;
    q->to->w->counts.brought_increments += rc == 0 && q->plan.parent;
    point_done(&q->plan);
    free(q);
    return rc;
}

struct op *sim_bring(struct store *s, const struct store_bring *what, op_done done, void *ctx,
                     struct err *err)
{
    struct bringing *q = xcalloc(1, sizeof(*q));
    bool effect;

    (void)err;
    q->to = sim_store_repo(s);
    q->from = sim_store_repo(what->from);
    point_copy(&q->plan, what->plan);
    q->progress = what->progress;
    q->progress_ctx = what->progress_ctx;
    q->there = sim_store_is_there(s) && sim_store_is_there(what->from);
    sim_maybe_kill(q->to->w);
    q->fails = sim_op_fails(q->to->w, &effect);
    return sim_op_with(q->to->w, bring_now, q, done, ctx);
}
