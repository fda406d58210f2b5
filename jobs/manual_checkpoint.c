/* SPDX-License-Identifier: MIT
 *
 * Checkpoints by hand: made without a backup, listed, described.
 *
 * Making one: its row first, provisional; then the bitmaps of all its disks, atomically; then
 * the row says that it is kept.  Whatever interrupts this, the next start or the domain's next
 * job cleans up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "jobs/api.h"
#include "jobs/manual_run.h"
#include "jobs/views.h"

/* ---- create ---- */

/* It is made, whether what its disks held can be noted or not. */
static int after_maps(struct request *t, struct err *err)
{
    const struct err none = ERR_INIT;

    (void)err;
    api_map_keep(t->env, t->host->name, t->domain, t->document->name, &t->maps, &none);
    return 0;
}

static int no_maps(struct request *t, struct err *err)
{
    compared_done(&t->maps);
    api_map_keep(t->env, t->host->name, t->domain, t->document->name, &t->maps, err);
    return 0;
}

static int note_maps(struct request *t, struct err *err)
{
    struct hypervisor *hv = t->host->hv;
    CLEANUP_FREE char *tag = xasprintf("%s-0", catalog_id(t->env->catalog));
    struct err why = ERR_INIT;

    t->next = after_maps;
    t->failed = no_maps;
    if (!(hv->can & HV_COMPARES))
        err_set(&why, ERR_UNSUPPORTED, "its host cannot tell what disks hold");
    else if (api_map_list(t->env, t->host->name, t->domain, t->document->name, &t->maps, &why) == 0)
        t->op = hv->ops->allocation(hv, t->domain, tag, t->maps.items.items, t->maps.items.n,
                                    request_on_op, t, &why);
    if (!t->op)
        no_maps(t, &why);
    (void)err;
    return 0;
}

static int after_create(struct request *t, struct err *err)
{
    const char *name = t->document->name;

    if (catalog_checkpoint_keep(t->env->catalog, t->host->name, t->domain, name, err) < 0)
        return -1;
    log_notice("domain=%s/%s checkpoint %s made by hand", t->host->name, t->domain, name);
    t->answer = (struct api_answer){ANSWER_MADE, .u.made = name};
    return note_maps(t, err);
}

/* What a lost connection may have left is given up at once, or at the next start. */
static int create_failed(struct request *t, struct err *err)
{
    struct err ignored = ERR_INIT;

    if (err->code == ERR_REMOTE || err->code == ERR_TIMEOUT)
        catalog_checkpoint_give_up(t->env->catalog, t->host->name, t->domain, t->document->name,
                                   &ignored);
    else
        catalog_checkpoint_unmake(t->env->catalog, t->host->name, t->domain, t->document->name,
                                  &ignored);
    return -1;
}

static int add_row(struct request *t, struct strlist *disks, struct err *err)
{
    const struct checkpoint_document *d = t->document;
    struct checkpoint k = {.name = xstrdup(d->name),
                           .host = xstrdup(t->host->name),
                           .domain = xstrdup(t->domain),
                           .description = xstrdup(d->description),
                           .created = env_now(t->env)};
    struct checkpoint_disk *disk;
    int rc;

    for (size_t i = 0; i < d->disks.n; i++) {
        const struct disk_facts *f = domain_facts_disk(t->facts, d->disks.items[i].name);

        if (!d->disks.items[i].tracked) {
            strlist_add(&k.left_out, d->disks.items[i].name);
            continue;
        }
        strlist_add(disks, d->disks.items[i].name);
        disk = VEC_ADD(&k.disks);
        disk->name = xstrdup(d->disks.items[i].name);
        disk->capacity = f ? f->capacity : 0;
        if (f)
            disk->origin = disk_facts_origin(f, d->name);
    }
    rc = catalog_checkpoint_add(t->env->catalog, &k, err);
    checkpoint_done(&k);
    return rc;
}

static int complete(struct request *t, struct err *err)
{
    if (checkpoint_document_complete(t->document, t->facts, NULL, env_now(t->env), err) < 0 ||
        api_check_name(t->document->name, err) < 0)
        return err_wrap(err, "checkpoint XML");
    return 0;
}

static int create(struct request *t, struct err *err)
{
    struct hypervisor *hv = t->host->hv;
    struct strlist disks = {0};
    int rc = -1;

    if (facts_can_begin(t->host->hv, t->facts, err) == 0 && complete(t, err) == 0 &&
        add_row(t, &disks, err) == 0) {
        t->next = after_create;
        t->failed = create_failed;
        t->op = hv->ops->checkpoint_create(hv, t->domain, t->document->name, &disks, t->quiesce,
                                           request_on_op, t, err);
        rc = t->op ? 0 : create_failed(t, err);
    }
    strlist_done(&disks);
    return rc;
}

void api_checkpoint_create(struct job_env *e, const struct api_create *c, struct api_reply reply)
{
    struct request *t = request_exclusive(e, c->domain, "the making of a checkpoint", reply);

    if (!t) {
        checkpoint_document_free(c->document);
        return;
    }
    t->document = c->document;
    t->validate = c->validate;
    t->quiesce = c->quiesce;
    request_look(t, c->redefine ? api_redefine : create);
}

/* ---- list, describe ---- */

static int list(struct request *t, struct err *err)
{
    t->answer = (struct api_answer){ANSWER_CHECKPOINTS,
                                    .u.checkpoints = {t->host->name, t->domain, &t->views}};
    return views_load(t->env->catalog, t->host->name, t->domain, t->facts, &t->views, err);
}

void api_checkpoint_list(struct job_env *e, const char *domain, struct api_reply reply)
{
    struct request *t = request_new(e, domain, reply);

    if (t)
        request_look(t, list);
}

static void fill_document(const struct request *t, const struct view *v,
                          struct checkpoint_document *d)
{
    *d = (struct checkpoint_document){
        .name = v->name,
        .description = v->row ? v->row->description : NULL,
        .parent = v->row ? v->row->parent : NULL,
        .created = v->row ? v->row->created : 0,
        .domain = t->no_domain ? NULL : t->domain,
    };
    for (size_t i = 0; i < v->disks.n; i++) {
        const struct bitmap_facts *b = v->disks.items[i].bitmap;

        *VEC_ADD(&d->disks) = (struct checkpoint_document_disk){
            .name = v->disks.items[i].name,
            .tracked = true,
            .bitmap = b ? b->name : v->name,
            .has_size = t->size && b && !b->inconsistent && !b->at_most,
            .size = b ? b->dirty : 0,
        };
    }
    for (size_t i = 0; v->row && i < v->row->left_out.n; i++)
        *VEC_ADD(&d->disks) = (struct checkpoint_document_disk){.name = v->row->left_out.items[i]};
}

static int describe(struct request *t, struct err *err)
{
    const struct view *v;

    if (views_load(t->env->catalog, t->host->name, t->domain, t->facts, &t->views, err) < 0)
        return -1;
    v = views_find(&t->views, t->name);
    if (!v)
        return request_no_checkpoint(t, t->name, err);
    if (t->size && v->state == VIEW_UNKNOWN) {
        facts_can_begin(t->host->hv, t->facts, err);
        return -1;
    }
    fill_document(t, v, &t->shown);
    t->answer = (struct api_answer){ANSWER_DOCUMENT, .u.document = &t->shown};
    return 0;
}

void api_checkpoint_describe(struct job_env *e, const char *domain, const char *name, bool size,
                             bool no_domain, struct api_reply reply)
{
    struct request *t = request_new(e, domain, reply);

    if (!t)
        return;
    t->name = xstrdup(name);
    t->size = size;
    t->no_domain = no_domain;
    request_look(t, describe);
}
