/* SPDX-License-Identifier: MIT
 *
 * A backup's plan: which disks, at which level, into which files, with which checkpoint.  Made once
 * the domain has been looked at; committed before anything is touched.
 */
#include "jobs/backup_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/names.h"
#include "base/text.h"
#include "jobs/backup_elsewhere.h"
#include "jobs/hv_at_host.h"
#include "jobs/hv_session.h"
#include "policies/plan.h"
#include "policies/selection.h"
#include "storage/store/scratch.h"

#define DISK_LEAST (UINT64_C(1) << 20)

/* The domain's disks that the policy selects; caller frees the array, not what it points to. */
static const struct disk_facts **select_disks(const struct job_run *r, size_t *ret_n)
{
    const struct backup_run *run = backup_of(r);
    const struct disk_facts **ret = xcalloc(run->hv.facts->disks.n, sizeof(struct disk_facts *));

    *ret_n = 0;
    for (size_t i = 0; i < run->hv.facts->disks.n; i++)
        if (selection_matches(&run->disks, run->hv.facts->disks.items[i].name))
            ret[(*ret_n)++] = &run->hv.facts->disks.items[i];
    return ret;
}

static int check_free(const struct disk_facts *const *disks, size_t n, struct err *err)
{
    if (n == 0)
        return err_set(err, ERR_INVALID, "none of the domain's disks is selected by the policy");
    for (size_t i = 0; i < n; i++)
        if (disks[i]->busy)
            return err_set(err, ERR_BUSY, "disk %s: another job uses it", disks[i]->name);
    return 0;
}

static const struct bitmap_facts *base_bitmap(const struct job_run *r, const struct disk_facts *d)
{
    const struct backup_run *run = backup_of(r);
    const struct point_disk *old = run->base_current ? point_find_disk(&run->base, d->name) : NULL;

    if (!old)
        return NULL;
    return disk_facts_bitmap(d, old->origin.bitmap ? old->origin.bitmap : run->base.checkpoint);
}

/* Why nothing can be based on the bitmap; NULL when it can. */
static const char *unusable(const struct bitmap_facts *b)
{
    if (b->inconsistent)
        return "inconsistent";
    if (!b->recording)
        return "not recording";
    return b->busy ? "in use by another job" : NULL;
}

/* What the schedule asks for; an incremental may have become a full by itself. */
static enum backup_level asked_level(const struct job_run *r, char why[PLAN_LEVELS_WHY_MAX])
{
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);
    struct plan_since_full since = {0};
    char full[PLAN_WHY_MAX];
    struct err err = ERR_INIT;

    snprintf(why, PLAN_LEVELS_WHY_MAX, "%s", r->row.why ? r->row.why : "");
    if (!p || r->row.level == LEVEL_FULL || !r->row.due)
        return r->row.level;
    if (catalog_since_full(r->env->catalog, r->row.host, r->row.domain, r->row.policy,
                           &since.incrementals, &since.full_at, &err) < 0) {
        catalog_trouble(r->env, "look for the last full", &err);
        return r->row.level;
    }
    if (!plan_full_after(&p->full_after, &since, env_now(r->env), full))
        return r->row.level;
    MARK("a full is made by itself");
    snprintf(why, PLAN_LEVELS_WHY_MAX, "%s; %s", r->row.why ? r->row.why : "", full);
    return LEVEL_FULL;
}

/* Asks the planner for each disk's level; the point's. */
static enum backup_level decide(const struct job_run *r, const struct disk_facts *const *disks,
                                size_t n, struct plan_disk_level *levels,
                                char why[PLAN_LEVELS_WHY_MAX])
{
    const struct backup_run *run = backup_of(r);
    CLEANUP_FREE struct plan_disk *in = xcalloc(n, sizeof(*in));
    char asked_why[PLAN_LEVELS_WHY_MAX];
    enum backup_level asked = asked_level(r, asked_why);

    for (size_t i = 0; i < n; i++) {
        const struct bitmap_facts *b = base_bitmap(r, disks[i]);

        in[i] = (struct plan_disk){
            .name = disks[i]->name,
            .capacity = disks[i]->capacity,
            .format = disks[i]->format,
            .trackable = disks[i]->trackable,
            .base_present = b != NULL,
            .base_usable = b && !unusable(b),
            .unusable = b ? unusable(b) : NULL,
            .image = disks[i]->image,
            .identity = disks[i]->identity,
            .device = disks[i]->device,
            .contradiction = compared_contradiction(&run->hv.compared, disks[i]->name),
        };
    }
    return plan_levels(asked, asked_why, run->has_base ? &run->base : NULL,
                       *run->base_missing ? run->base_missing : NULL, run->base_current, in, n,
                       levels, why);
}

/* The disks that an increment is to be made of, if what they hold does not contradict it.  What an
 * encrypted image says of itself cannot be read without its key. */
void backup_plan_compare(struct job_run *r)
{
    struct backup_run *run = backup_of(r);
    size_t n;
    CLEANUP_FREE const struct disk_facts **disks = select_disks(r, &n);
    CLEANUP_FREE struct plan_disk_level *levels = xcalloc(n, sizeof(*levels));
    char why[PLAN_LEVELS_WHY_MAX] = "";

    compared_done(&run->hv.compared);
    decide(r, disks, n, levels, why);
    for (size_t i = 0; i < n; i++) {
        const struct point_disk *old = point_find_disk(&run->base, disks[i]->name);

        if (levels[i].level == LEVEL_FULL || disks[i]->encrypted)
            continue;
        *compared_add(&run->hv.compared) = (struct allocation){
            .disk = disks[i]->name,
            .bitmap = base_bitmap(r, disks[i])->name,
            .was_image = compared_own(
                &run->hv.compared, xasprintf("%s/%s/%s", r->repo->path, run->base.id, old->path)),
            .was_key = r->repo->key ? compared_own(&run->hv.compared, xstrdup(r->repo->key)) : NULL,
        };
    }
}

static int fill_plan(struct job_run *r, const struct disk_facts *const *disks, size_t n,
                     const struct plan_disk_level *levels, const char *why, struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct point *p = &r->row.plan;

    p->created = env_now(r->env);
    p->host = xstrdup(r->row.host);
    p->domain = xstrdup(r->row.domain);
    p->policy = xstrdup(r->row.policy);
    p->catalog = xstrdup(catalog_id(r->env->catalog));
    p->job = r->row.id;
    p->id = point_id_make(p);
    p->repository = xstrdup(r->row.repository);
    p->level = r->row.level;
    p->mode = run->mode;
    p->why = xstrdup(why);
    if (p->level == LEVEL_INCREMENTAL)
        p->parent = xstrdup(run->base.id);
    for (size_t i = 0; i < n && !p->checkpoint; i++)
        if (disks[i]->trackable)
            p->checkpoint = xasprintf("vmkeep-%s", r->tag);
    for (size_t i = 0; i < n; i++) {
        struct point_disk *d = VEC_ADD(&p->disks);
        CLEANUP_FREE char *file = name_escape(disks[i]->name);

        d->name = xstrdup(disks[i]->name);
        d->path = xasprintf("%s.qcow2", file);
        d->format = xstrdup("qcow2");
        d->capacity = disks[i]->capacity;
        if (levels[i].level == LEVEL_INCREMENTAL)
            d->backing = xstrdup(run->base.id);
        d->origin = disk_facts_origin(disks[i], p->checkpoint);
    }
    return backup_disks_absent(r, disks, n, err);
}

/* Whatever is copied, an image has its tables, and the point its manifest. */
static int check_space(const struct job_run *r, const struct disk_facts *const *disks, size_t n,
                       struct err *err)
{
    const struct backup_run *run = backup_of(r);
    char need_text[SIZE_TEXT_MAX], free_text[SIZE_TEXT_MAX], reserve_text[SIZE_TEXT_MAX];
    uint64_t need = n * DISK_LEAST;

    for (size_t i = 0; i < n; i++) {
        const struct bitmap_facts *b = base_bitmap(r, disks[i]);

        need += r->row.plan.disks.items[i].backing && b ? b->dirty : disks[i]->allocated;
    }
    if (run->space.free >= r->repo->reserve && run->space.free - r->repo->reserve >= need)
        return 0;
    return err_set(
        err, ERR_NOSPACE,
        "repository %s: no room: about %s needed and %s to stay free, but %s has only %s; make "
        "room there, or let points go (vmkeep delete)",
        r->repo->name, size_text(need, need_text), size_text(r->repo->reserve, reserve_text),
        r->repo->path, size_text(run->space.free, free_text));
}

int backup_plan_make(struct job_run *r, struct err *err)
{
    const struct backup_run *run = backup_of(r);
    size_t n;
    CLEANUP_FREE const struct disk_facts **disks = select_disks(r, &n);
    CLEANUP_FREE struct plan_disk_level *levels = xcalloc(n, sizeof(*levels));
    CLEANUP_FREE char *told = NULL, *was = NULL;
    char why[PLAN_LEVELS_WHY_MAX] = "";

    if (check_free(disks, n, err) < 0)
        return -1;
    r->row.level = decide(r, disks, n, levels, why);
    was = backup_renamed(r);
    told = xasprintf("%s%s%s", why, was ? was : "", run->mode_why);
    if (fill_plan(r, disks, n, levels, told, err) < 0 || check_space(r, disks, n, err) < 0)
        return -1;
    free(r->row.why);
    r->row.why = TAKE_PTR(told);
    return 0;
}

struct store_scratch backup_plan_scratch(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);

    return (struct store_scratch){.dir = run->scratch, .tag = r->tag};
}

/* Where a pull is exported: only the hypervisor's user and root can reach it. */
static char *socket_path(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);

    return xasprintf("%s/%s/nbd.sock", run->scratch, r->tag);
}

static char *source_uri(const struct job_run *r, size_t disk)
{
    CLEANUP_FREE char *socket = socket_path(r), *encoded = uri_encode(socket);

    return xasprintf("nbd+unix:///%zu?socket=%s", disk, encoded);
}

/* A disk's scratch file, export and bitmap have its number for a name: no escaping is needed. */
static char *scratch_file(const struct job_run *r, size_t disk)
{
    const struct backup_run *run = backup_of(r);

    return xasprintf("%s/%s/%zu.qcow2", run->scratch, r->tag, disk);
}

static int fill_pull(const struct job_run *r, size_t i, struct backup_disk *disk,
                     struct strlist *strings, struct err *err)
{
    char *scratch =
        backup_elsewhere(r) ? backup_elsewhere_scratch(r, disk->name, err) : scratch_file(r, i);
    char *made[] = {scratch, xasprintf("%zu", i), xasprintf("backup-%zu", i)};

    for (size_t k = 0; k < ARRAY_LEN(made); k++) {
        if (scratch)
            strlist_add(strings, made[k]);
        free(made[k]);
    }
    if (!scratch)
        return -1;
    disk->place.path = strings->items[strings->n - 3];
    disk->export_name = strings->items[strings->n - 2];
    disk->export_bitmap = strings->items[strings->n - 1];
    return 0;
}

struct op *backup_plan_pull(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct point *p = &r->row.plan;
    CLEANUP_FREE char **sources = xcalloc(p->disks.n, sizeof(char *));
    CLEANUP_FREE char **bitmaps = xcalloc(p->disks.n, sizeof(char *));
    const struct store_copy copy = {
        .plan = p,
        .sources = sources,
        .bitmaps = bitmaps,
        .bandwidth = run->bandwidth,
        .scratch = run->scratch,
        .progress = backup_job_progress,
        .progress_ctx = r,
    };
    struct op *op;

    for (size_t i = 0; i < p->disks.n; i++) {
        sources[i] = backup_elsewhere(r) ? backup_elsewhere_source(r, i) : source_uri(r, i);
        if (p->disks.items[i].backing)
            bitmaps[i] = xasprintf("backup-%zu", i);
    }
    op = r->repo->store->ops->copy(r->repo->store, &copy, job_on_op, r, err);
    for (size_t i = 0; i < p->disks.n; i++) {
        free(sources[i]);
        free(bitmaps[i]);
    }
    return op;
}

struct op *backup_plan_begin(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    const struct point *p = &r->row.plan;
    struct hypervisor *hv = r->host->hv;
    CLEANUP_FREE struct backup_disk *disks = xcalloc(p->disks.n, sizeof(*disks));
    CLEANUP_FREE char **targets = xcalloc(p->disks.n, sizeof(char *));
    const struct hv_elsewhere *e = backup_elsewhere(r);
    CLEANUP_FREE char *socket = e ? NULL : socket_path(r);
    CLEANUP_FREE char *scratch = e ? NULL : scratch_path(run->scratch, r->tag);
    struct strlist strings = {0};
    const struct backup_request request = {
        .domain = r->row.domain,
        .tag = r->tag,
        .checkpoint = p->checkpoint,
        .mode = run->mode,
        .server = e ? backup_elsewhere_server(e)
                    : (struct backup_address){.transport = TRANSPORT_UNIX, .socket = socket},
        .scratch = scratch,
        .bandwidth = run->bandwidth,
        .disks = disks,
        .n_disks = p->disks.n,
        .quiesce = run->quiesce,
        .freeze_s = run->freeze_s,
        .reuse_external = run->mode == MODE_PUSH,
        .made_empty = run->mode == MODE_PUSH,
    };
    struct op *op;
    int rc = 0;

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];
        const struct disk_facts *f = domain_facts_disk(run->hv.facts, d->name);

        targets[i] = r->repo->store->ops->target(r->repo->store, p, i);
        disks[i] = (struct backup_disk){
            .name = d->name,
            .base = d->backing ? run->base.checkpoint : NULL,
            .place = {.type = PLACE_FILE, .path = targets[i]},
            .format = d->format,
            .track = p->checkpoint && f && f->trackable,
        };
        if (run->mode == MODE_PUSH)
            disks[i].place.encryption =
                (struct backup_encryption){.secret = r->repo->secret, .secret_file = r->repo->key};
        if (run->mode == MODE_PULL && rc == 0)
            rc = fill_pull(r, i, &disks[i], &strings, err);
    }
    if (rc == 0)
        hv_save_request(r, &request);
    op = rc < 0 || hv_record_place(r, &request, err) < 0
             ? NULL
             : hv->ops->backup_begin(hv, &request, &run->hv.begun, job_on_op, r, err);
    for (size_t i = 0; i < p->disks.n; i++)
        free(targets[i]);
    strlist_done(&strings);
    return op;
}
