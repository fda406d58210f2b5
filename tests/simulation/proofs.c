/* SPDX-License-Identifier: MIT
 *
 * Reads of points in a simulated repository, see sim.h: what rots there is seen by a read alone. */
#include "tests/simulation/repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct proving {
    struct sim_repo *r;
    char *id, *disk;
    struct proof *ret;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    bool fails, there;
};

/* The first down the chain that is not as it was. */
static enum proof_state find_fault(struct sim_repo *r, const char *id, const char *disk,
                                   const char **ret)
{
    while (id) {
        const struct sim_stored *p = sim_stored_find(r, id);
        const struct point_disk *d = p ? point_find_disk(&p->point, disk) : NULL;

        *ret = id;
        if (!p || !p->published)
            return PROOF_MISSING;
        if (p->torn || p->rotten)
            return PROOF_DAMAGED;
        id = d ? d->backing : NULL;
    }
    *ret = NULL;
    return PROOF_WHOLE;
}

static int prove_now(void *arg, struct err *err)
{
    struct proving *q = arg;
    struct proof_disk *d;
    const char *bad = NULL;
    int rc = 0;

    if (q->progress)
        q->progress(q->progress_ctx, 1, 2);
    if (q->r->gone || !q->there)
        rc = err_set(err, ERR_NOTFOUND, "/srv/backup: no such directory; is it not mounted?");
    else if (q->fails)
        rc = err_set(err, ERR_IO, "Input/output error");
    if (rc == 0) {
        q->ret->state = find_fault(q->r, q->id, q->disk, &bad);
        q->ret->problem =
            q->ret->state == PROOF_MISSING ? xstrdup("its directory is not there") : NULL;
        d = VEC_ADD(&q->ret->disks);
        d->name = xstrdup(q->disk);
        d->state = q->ret->state;
        d->bad_point = xstrdup(bad);
        d->problem = xstrdup(bad ? "it holds other data than when it was published" : NULL);
        d->bytes = 65536;
        q->r->w->counts.proven += q->ret->state == PROOF_WHOLE;
        q->r->w->counts.rot_found += q->ret->state == PROOF_DAMAGED;
    }
    free(q->id);
    free(q->disk);
    free(q);
    return rc;
}

struct op *sim_prove(struct store *s, const struct store_proof *what, struct proof *ret,
                     op_done done, void *ctx, struct err *err)
{
    struct proving *q = xcalloc(1, sizeof(*q));
    bool effect;

    (void)err;
    q->r = sim_store_repo(s);
    q->id = xstrdup(what->point);
    q->disk = xstrdup(what->disk);
    q->ret = ret;
    q->progress = what->progress;
    q->progress_ctx = what->progress_ctx;
    q->there = sim_store_is_there(s);
    sim_maybe_kill(q->r->w);
    q->fails = sim_op_fails(q->r->w, &effect);
    return sim_op_with(q->r->w, prove_now, q, done, ctx);
}
