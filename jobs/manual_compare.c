/* SPDX-License-Identifier: MIT
 *
 * Increments by hand, and what their disks were.
 *
 * Of a checkpoint made by hand nobody knows where the backup is that belongs to it, if there is
 * one.  So what its disks held is noted when it has been made: after that instant, so that whatever
 * the guest gives up meanwhile is in the new bitmap.  Before an increment from it, the disks are
 * held against that.  One of a policy's checkpoints is held against the policy's point.
 */
#include "jobs/manual_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/catalog/catalog_allocation.h"

/* ---- before an increment ---- */

struct point_image {
    char *path, *key; /* path NULL: there is none */
};

/* The image of the point that the checkpoint belongs to. */
static void image_of_point(struct job_env *e, const struct point *p, const char *disk,
                           struct point_image *ret)
{
    const struct point_disk *d = point_find_disk(p, disk);
    const struct repo *repo = repo_find(e, p->repository);

    if (!d || !repo)
        return;
    ret->path = xasprintf("%s/%s/%s", repo->path, p->id, d->path);
    ret->key = xstrdup(repo->key);
}

static int find_image(struct job_run *r, const char *checkpoint, const char *disk,
                      struct point_image *ret, struct err *err)
{
    const struct point_filter of = {.host = r->row.host, .domain = r->row.domain};
    struct point_list points = {0};

    if (catalog_points(r->env->catalog, &of, &points, err) < 0)
        return -1;
    for (size_t i = 0; i < points.n && !ret->path; i++)
        if (str_eq(points.items[i].checkpoint, checkpoint) && points.items[i].state == POINT_GOOD)
            image_of_point(r->env, &points.items[i], disk, ret);
    point_list_done(&points);
    return 0;
}

static int list_disk(struct job_run *r, const struct backup_disk *disk, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct disk_facts *f = domain_facts_disk(run->hv.facts, disk->name);
    const struct bitmap_facts *b = f ? disk_facts_checkpoint(f, disk->base) : NULL;
    struct point_image image = {0};
    char *map = NULL;

    if (!b || f->encrypted)
        return 0;
    if (catalog_allocation(r->env->catalog, r->row.host, r->row.domain, disk->base, disk->name,
                           &map, err) < 0 ||
        (!map && find_image(r, disk->base, disk->name, &image, err) < 0))
        return -1;
    if (!map && !image.path) {
        log_info("domain=%s/%s disk %s: what it held at checkpoint %s was not noted", r->row.host,
                 r->row.domain, disk->name, disk->base);
        return 0;
    }
    *compared_add(&run->hv.compared) = (struct allocation){
        .disk = disk->name,
        .bitmap = b->name,
        .was_map = map ? compared_own(&run->hv.compared, map) : NULL,
        .was_image = image.path ? compared_own(&run->hv.compared, image.path) : NULL,
        .was_key = image.key ? compared_own(&run->hv.compared, image.key) : NULL,
    };
    return 0;
}

int api_compare_list(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;

    compared_done(&run->hv.compared);
    for (size_t i = 0; i < q->n_disks; i++)
        if (q->disks[i].base && list_disk(r, &q->disks[i], err) < 0)
            return -1;
    return 0;
}

int api_compare_judge(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;

    hv_compare_log(r);
    for (size_t i = 0; i < q->n_disks; i++) {
        const char *why = compared_contradiction(&run->hv.compared, q->disks[i].name);

        if (why)
            return err_set(err, ERR_CORRUPT,
                           "disk '%s': incremental='%s': %s; only a full backup can follow",
                           q->disks[i].name, q->disks[i].base, why);
    }
    return 0;
}

/* ---- after a checkpoint was made ---- */

int api_map_list(struct job_env *e, const char *host, const char *domain, const char *checkpoint,
                 struct compared *ret, struct err *err)
{
    struct checkpoint_list rows = {0};
    const struct checkpoint *row;

    compared_done(ret);
    if (catalog_checkpoints(e->catalog, host, domain, &rows, err) < 0)
        return -1;
    row = checkpoint_list_find(&rows, checkpoint);
    for (size_t i = 0; row && i < row->disks.n; i++)
        *compared_add(ret) = (struct allocation){
            .disk = compared_own(ret, xstrdup(row->disks.items[i].name)),
        };
    checkpoint_list_done(&rows);
    return 0;
}

void api_map_keep(struct job_env *e, const char *host, const char *domain, const char *checkpoint,
                  const struct compared *maps, const struct err *failed)
{
    struct err err = *failed;

    for (size_t i = 0; i < maps->items.n && err.code == ERR_NONE; i++) {
        const struct allocation *a = &maps->items.items[i];

        if (a->contradiction)
            err_set(&err, ERR_IO, "disk %s: %s", a->disk, a->contradiction);
        else if (a->map)
            catalog_allocation_put(e->catalog, host, domain, checkpoint, a->disk, a->map, &err);
    }
    if (err.code != ERR_NONE)
        log_warning(
            "domain=%s/%s checkpoint %s: increments from it cannot be held against what its "
            "disks held: %s",
            host, domain, checkpoint, err.msg);
}
