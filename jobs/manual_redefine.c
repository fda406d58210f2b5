/* SPDX-License-Identifier: MIT
 *
 * Checkpoints told again: the bitmaps are there, and the catalog is to know of them
 * (checkpoint-create --redefine).  Nothing is made or changed at the hypervisor.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "jobs/api.h"
#include "jobs/manual_run.h"

/* Its parent must be there, and must not descend from it. */
static int check_parent(const struct checkpoint_list *rows, const struct checkpoint_document *d,
                        struct err *err)
{
    const struct checkpoint *k = d->parent ? checkpoint_list_find(rows, d->parent) : NULL;

    if (d->parent && !k)
        return err_set(
            err, ERR_NOTFOUND,
            "parent '%s': the domain has no such checkpoint: it has to be redefined first",
            d->parent);
    /* A damaged catalog may run in a circle. */
    for (size_t left = rows->n; k && left > 0; left--) {
        if (str_eq(k->name, d->name))
            return err_set(err, ERR_INVALID,
                           "parent '%s': it would be the ancestor of its own ancestor '%s'",
                           d->parent, d->name);
        k = k->parent ? checkpoint_list_find(rows, k->parent) : NULL;
    }
    return 0;
}

static int check_row(const struct checkpoint_list *rows, const struct checkpoint_document *d,
                     struct err *err)
{
    const struct checkpoint *k = checkpoint_list_find(rows, d->name);

    if (k && k->state != CHECKPOINT_KEPT)
        return err_set(err, ERR_BUSY, "checkpoint '%s' is %s, and cannot be redefined", d->name,
                       checkpoint_state_name(k->state));
    return check_parent(rows, d, err);
}

static uint64_t capacity_of(const struct request *t, const char *disk)
{
    const struct disk_facts *f = domain_facts_disk(t->facts, disk);

    return f ? f->capacity : 0;
}

static int record(struct request *t, struct err *err)
{
    const struct checkpoint_document *d = t->document;
    struct checkpoint k = {.name = d->name,
                           .host = t->host->name,
                           .domain = t->domain,
                           .description = d->description,
                           .parent = d->parent,
                           .created = d->created};
    int rc;

    for (size_t i = 0; i < d->disks.n; i++) {
        if (d->disks.items[i].tracked)
            *VEC_ADD(&k.disks) = (struct checkpoint_disk){
                .name = d->disks.items[i].name, .capacity = capacity_of(t, d->disks.items[i].name)};
        else
            strlist_add(&k.left_out, d->disks.items[i].name);
    }
    rc = catalog_checkpoint_redefine(t->env->catalog, &k, err);
    free(k.disks.items);
    strlist_done(&k.left_out);
    return rc;
}

int api_redefine(struct request *t, struct err *err)
{
    struct checkpoint_list rows = {0};
    int rc = facts_can_look(t->facts, err);

    if (rc == 0)
        rc = catalog_checkpoints(t->env->catalog, t->host->name, t->domain, &rows, err);
    if (rc == 0 && (checkpoint_document_redefine(t->document, t->facts, t->validate, err) < 0 ||
                    api_check_name(t->document->name, err) < 0))
        rc = err_wrap(err, "checkpoint XML");
    if (rc == 0)
        rc = check_row(&rows, t->document, err);
    if (rc == 0)
        rc = record(t, err);
    checkpoint_list_done(&rows);
    if (rc < 0)
        return -1;
    log_notice("domain=%s/%s checkpoint %s redefined by hand", t->host->name, t->domain,
               t->document->name);
    t->answer = (struct api_answer){ANSWER_MADE, .u.made = t->document->name};
    return 0;
}
