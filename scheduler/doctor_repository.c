/* SPDX-License-Identifier: MIT
 *
 * A repository that a doctor looks at: which is there, how full, what the catalog does not know of
 * it, and whether a file can be made in it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scheduler/doctor_priv.h"
#include "scheduler/watch.h"
#include "storage/store/scratch.h"

#define FILE_S 30.0

char *doctor_file(struct doctor *d, const char *dir)
{
    return xasprintf("%s/" TRIAL_NAME "%s-%u", dir, catalog_id(d->s->env.catalog), ++d->n_files);
}

void doctor_probe_free(struct doctor_probe *p)
{
    free(p->found.name);
    free(p->found.path);
    free(p->found.problem);
    free(p->found.unwritable);
    free(p->found.difference);
    strlist_done(&p->file);
    file_list_done(&p->made);
    free(p);
}

static void over(struct doctor_probe *p)
{
    p->over = true;
    repo_release(p->repo);
    p->d->one_less(p->d);
}

static void note_unwritable(struct doctor_probe *p, const struct err *err)
{
    if (err && !p->d->answered && !p->found.unwritable)
        p->found.unwritable = xstrdup(err->msg);
}

/* One that broke off may have left it; then it is made, and goes again. */
static const enum files_what steps[] = {FILES_REMOVE, FILES_MAKE, FILES_REMOVE};

static void next_step(struct doctor_probe *p);

static void on_step(void *ctx, const struct err *err)
{
    struct doctor_probe *p = ctx;
    const struct file_fact *f = file_find_named(&p->made, p->file.items[0]);

    if (p->repo->env->dead)
        return;
    if (p->step > 1) /* that what is not there cannot be removed says nothing */
        note_unwritable(p, err ? err : f ? f->error : NULL);
    next_step(p);
}

static void next_step(struct doctor_probe *p)
{
    const struct files_request q = {.names = &p->file, .uid = geteuid(), .gid = getegid()};
    struct err err = ERR_INIT;

    /* What cannot be removed cannot be made either; what was not made need not go. */
    if (!p->repo->env->loop || p->step == ARRAY_LEN(steps) ||
        (p->found.unwritable && p->step == 1)) {
        over(p);
        return;
    }
    file_list_done(&p->made);
    p->op = files_ask(p->repo->env->loop, steps[p->step++], &q, FILE_S, &p->made, on_step, p, &err);
    if (!p->op) {
        note_unwritable(p, &err);
        over(p);
    }
}

static void saw(struct doctor_probe *p, const struct err *err)
{
    struct scheduler *s = p->d->s;

    watch_saw_repo(s, p->repo, &p->found.space, err);
    if (err) {
        if (!p->d->answered)
            p->found.problem = xstrdup(err->msg);
        over(p);
        return;
    }
    watch_repo(s, p->repo);
    if (p->repo->watch->difference && !p->d->answered)
        p->found.difference = xstrdup(p->repo->watch->difference);
    next_step(p);
}

static void on_probed(void *ctx, const struct err *err)
{
    struct doctor_probe *p = ctx;

    if (!p->repo->env->dead)
        saw(p, err);
}

void doctor_probe_late(struct doctor_probe *p)
{
    p->found.late = true;
    p->found.problem = xasprintf("%s: has not answered within %d s", p->found.path, DOCTOR_LIMIT_S);
}

void doctor_probe(struct doctor *d, struct repo *r)
{
    CLEANUP_FREE char *file = NULL;
    struct err err = ERR_INIT;
    struct doctor_probe *p;

    if (r->retired)
        return;
    file = doctor_file(d, r->path);
    p = xcalloc(1, sizeof(*p));
    p->d = d;
    p->repo = r;
    p->found.name = xstrdup(r->name);
    p->found.path = xstrdup(r->path);
    p->found.reserve = r->reserve;
    strlist_add(&p->file, file);
    repo_hold(r);
    d->waiting++;
    *VEC_ADD(&d->probes) = p;
    p->op = r->store->ops->probe(r->store, !r->known, NULL, &p->found.space, on_probed, p, &err);
    if (!p->op)
        saw(p, &err);
}
