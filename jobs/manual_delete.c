/* SPDX-License-Identifier: MIT
 *
 * Checkpoints deleted by hand: the bitmaps, then the row, whose children become its parent's.
 * What was deleted is remembered by its name, so that a bitmap that stays (--metadata), or comes
 * back with a disk that was not attached, is known as vmkeep's own and can be deleted in its
 * turn.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/api.h"
#include "jobs/manual_run.h"
#include "jobs/views.h"

static int check_row(const struct request *t, const struct view *v, struct err *err)
{
    switch (v->row->state) {
    case CHECKPOINT_CURRENT:
        if (t->what_to_delete == DELETE_FOR_REVERT ||
            !t->env->ops->covers(t->env, t->host->name, t->domain, v->row->policy))
            return 0;
        return err_set(err, ERR_BUSY,
                       "checkpoint '%s': the next incremental of policy %s starts from it", v->name,
                       v->row->policy);
    case CHECKPOINT_PROVISIONAL:
        return err_set(err, ERR_BUSY, "checkpoint '%s' is of a backup that runs", v->name);
    case CHECKPOINT_DROPPING:
    case CHECKPOINT_KEPT:
        break;
    }
    return 0;
}

/* The catalog that made a bitmap of a scheduled backup, by its name: "vmkeep-0123abcd-7". */
static bool names_catalog(const char *name, char ret[9])
{
    const char *id = name + strlen("vmkeep-");

    if (!starts_with(name, "vmkeep-") || strspn(id, "0123456789abcdef") != 8 || id[8] != '-')
        return false;
    memcpy(ret, id, 8);
    ret[8] = '\0';
    return true;
}

/* Who is to revert has to know where it is. */
static int name_disks(const struct view *v, struct err *err)
{
    CLEANUP_FREE char *disks = xstrdup("");

    for (size_t i = 0; i < v->disks.n; i++) {
        char *more;

        if (!v->disks.items[i].bitmap)
            continue;
        more = xasprintf("%s%s%s", disks, *disks ? ", " : "", v->disks.items[i].name);
        free(disks);
        disks = more;
    }
    return err_wrap(err, "disk %s", disks);
}

static int refuse_foreign(const struct view *v, struct err *err)
{
    char id[9];

    if (names_catalog(v->name, id))
        return err_set(err, ERR_DENIED,
                       "checkpoint '%s' was made by another vmkeep, whose catalog is %s", v->name,
                       id);
    return err_set(err, ERR_DENIED,
                   "checkpoint '%s' was not made by vmkeep, which never touches it", v->name);
}

static int check_without_row(const struct request *t, const struct view *v, struct err *err)
{
    if (v->state != VIEW_FORGOTTEN) {
        refuse_foreign(v, err);
        return t->what_to_delete == DELETE_FOR_REVERT ? name_disks(v, err) : -1;
    }
    if (t->metadata)
        return err_set(err, ERR_NOTFOUND,
                       "checkpoint '%s': nothing is known of it any more; without --metadata its "
                       "bitmaps are deleted",
                       v->name);
    return 0;
}

/* One that no disk has any more can go like any other: there is only less to do. */
static int check_deletable(const struct request *t, const struct view *v, struct err *err)
{
    if ((v->row ? check_row(t, v, err) : check_without_row(t, v, err)) < 0)
        return -1;
    if (t->metadata)
        return 0;
    if (v->state == VIEW_UNKNOWN)
        return facts_can_begin(t->host->hv, t->facts, err);
    for (size_t i = 0; i < v->disks.n; i++)
        if (v->disks.items[i].bitmap && v->disks.items[i].bitmap->busy)
            return err_set(err, ERR_BUSY, "checkpoint '%s': disk %s: something uses its bitmap",
                           v->name, v->disks.items[i].name);
    return 0;
}

static bool is_meant(const struct request *t, const struct view_list *l, const struct view *v)
{
    if (t->what_to_delete == DELETE_FOR_REVERT)
        return true;
    if (strcmp(v->name, t->name) == 0)
        return t->what_to_delete != DELETE_CHILDREN_ONLY;
    return t->what_to_delete != DELETE_ONE && view_descends(l, v, t->name);
}

static int delete_next(struct request *t, struct err *err);

static int forget_one(struct request *t, struct err *err)
{
    const char *name = t->doomed.items[t->doomed_next++];

    if (catalog_checkpoint_delete(t->env->catalog, t->host->name, t->domain, name, err) < 0)
        return -1;
    log_notice("domain=%s/%s checkpoint %s deleted by hand", t->host->name, t->domain, name);
    strlist_add(&t->deleted, name);
    return delete_next(t, err);
}

static int delete_next(struct request *t, struct err *err)
{
    struct hypervisor *hv = t->host->hv;

    if (t->doomed_next == t->doomed.n)
        return 0;
    if (t->metadata)
        return forget_one(t, err);
    t->next = forget_one;
    t->op = hv->ops->checkpoint_delete(hv, t->domain, t->doomed.items[t->doomed_next],
                                       request_on_op, t, err);
    return t->op ? 0 : -1;
}

static int delete (struct request *t, struct err *err)
{
    struct view_list l = {0};
    int rc = views_load(t->env->catalog, t->host->name, t->domain, t->facts, &l, err);

    t->failed = NULL;
    if (rc == 0 && t->name && !views_find(&l, t->name))
        rc = request_no_checkpoint(t, t->name, err);
    /* All or, when one of them cannot go, none.  Children come after their parents in the list. */
    for (size_t i = l.views.n; i-- > 0 && rc == 0;) {
        if (!is_meant(t, &l, &l.views.items[i]))
            continue;
        rc = check_deletable(t, &l.views.items[i], err);
        strlist_add(&t->doomed, l.views.items[i].name);
    }
    views_done(&l);
    if (rc < 0)
        return -1;
    t->answer = (struct api_answer){ANSWER_DELETED, .u.deleted = &t->deleted};
    return delete_next(t, err);
}

/* Without the domain, what the catalog says can be forgotten still. */
static int look_failed(struct request *t, struct err *err)
{
    (void)err;
    return t->metadata ? 0 : -1;
}

void api_checkpoint_delete(struct job_env *e, const char *domain, const char *name,
                           enum api_delete what, bool metadata, struct api_reply reply)
{
    struct request *t = request_exclusive(e, domain, "the deletion of a checkpoint", reply);

    if (!t)
        return;
    t->name = name ? xstrdup(name) : NULL;
    t->what_to_delete = (int)what;
    t->metadata = metadata;
    t->failed = look_failed;
    request_look(t, delete);
}
