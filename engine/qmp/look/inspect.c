/* SPDX-License-Identifier: MIT
 *
 * inspect: the domain as it is now.  One that cannot be talked to is a finding, not an error.
 */
#include "engine/qmp/look/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "engine/qmp/domain/freezer.h"
#include "engine/qmp/look/look.h"
#include "engine/qmp/offline/image.h"
#include "engine/qmp/offline/offline.h"
#include "engine/qmp/state/args.h"
#include "engine/qmp/state/ids.h"

#define ARGS_MAX ((size_t)256 << 10)

struct inspect {
    struct task task; /* first */
    struct look look;
    bool reading; /* the images of a domain that is shut off */
    struct images images;
    struct domain_facts **ret;
};

/* QEMU's command line, without its secrets; NULL when it cannot be read. */
static char *read_args(pid_t pid, unsigned *ret_secrets)
{
    CLEANUP_FREE char *args = NULL;
    struct err err = ERR_INIT;
    char path[64];
    size_t len;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    if (pid <= 0 || read_file(path, ARGS_MAX, &args, &len, &err) < 0 || len == 0)
        return NULL;
    return args_text(args, len, ret_secrets);
}

/* The tag that our jobs have, or what a beginning that broke off has left behind. */
static char *find_tag(const struct view *v)
{
    char tag[HV_TAG_MAX];

    for (size_t i = 0; i < v->jobs.n; i++)
        if (job_id_parse(v->jobs.items[i].id, tag, NULL))
            return xstrdup(tag);
    for (size_t i = 0; i < v->nodes.n; i++)
        if (node_name_parse(v->nodes.items[i].name, tag, NULL, NULL))
            return xstrdup(tag);
    return NULL;
}

static struct domain_facts *facts_of(const struct domain *d, struct view *v)
{
    CLEANUP_FREE char *cwd = look_cwd(d->pid);
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    f->state = v->running ? DOMAIN_RUNNING : DOMAIN_PAUSED;
    f->foreign_job = TAKE_PTR(v->foreign_job);
    f->uuid = TAKE_PTR(v->uuid);
    for (size_t i = 0; i < v->disks.n; i++) {
        struct disk_facts *disk = VEC_ADD(&f->disks);

        *disk = v->disks.items[i].facts;
        v->disks.items[i].facts = (struct disk_facts){0};
    }
    view_list_files(v, cwd, &f->files);
    f->perhaps_frozen = v->frozen_mark && !(d->freezer && freezer_is_thawed(d->freezer));
    f->frozen_for = d->freezer ? (int64_t)freezer_frozen_for(d->freezer) : -1;
    for (size_t i = 0; i < v->asides.n; i++) {
        *VEC_ADD(&f->asides) = v->asides.items[i].facts;
        v->asides.items[i].facts = (struct disk_facts){0};
    }
    f->job_tag = find_tag(v);
    if (!f->job_tag)
        f->job_tag = xstrdup(offline_tag(d));
    domain_user(d, &f->uid, &f->gid);
    definition_list_add(&f->definitions, "qemu.args", read_args(d->pid, &f->secrets), NULL);
    return f;
}

static struct domain_facts *facts_of_absent(const struct domain *d, enum domain_state state,
                                            const struct err *why)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));
    bool lacks_images = state == DOMAIN_SHUTOFF && d->n_disks == 0;

    f->state = state;
    f->problem = xasprintf("%s%s", why->msg,
                           lacks_images ? "; its images are not configured (key disks)" : "");
    return f;
}

/* From the images; err: they cannot be backed up as they are. */
static struct domain_facts *facts_of_images(const struct domain *d, struct images *im,
                                            const struct err *err)
{
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    f->state = DOMAIN_SHUTOFF;
    f->job_tag = xstrdup(offline_tag(d));
    f->uid = geteuid(); /* the storage daemon runs as we do */
    f->gid = getegid();
    if (err->code != ERR_NONE)
        f->problem = xstrdup(err->msg);
    if (err->code == ERR_BUSY)
        f->foreign_job = xstrdup("another process");
    for (size_t i = 0; i < im->items.n; i++)
        for (size_t k = 0; k < im->items.items[i].files.n; k++)
            strlist_add(&f->files, im->items.items[i].files.items[k]);
    for (size_t i = 0; i < im->items.n && !f->problem; i++) {
        struct image *image = &im->items.items[i];

        *VEC_ADD(&f->disks) = image->facts;
        image->facts = (struct disk_facts){0};
    }
    return f;
}

/* True: suspended. */
static bool read_images(struct inspect *in)
{
    struct task *t = &in->task;
    struct err err = ERR_INIT;
    enum look_result result;

    if (!in->reading) {
        in->reading = true;
        images_start(&in->images, t, NULL);
        return true;
    }
    result = images_step(&in->images, t, &err);
    if (result == LOOK_WAITING)
        return true;
    /* While a backup of ours begins, it may be us who has one open. */
    if (result == LOOK_DONE && !offline_of(t->domain))
        images_check_free(&in->images, &err);
    *in->ret = facts_of_images(t->domain, &in->images, &err);
    return false;
}

static bool is_deaf(const struct err *err)
{
    return err->code == ERR_REMOTE || err->code == ERR_TIMEOUT;
}

static void inspect_step(struct task *t)
{
    struct inspect *in = (struct inspect *)t;
    struct err err = ERR_INIT;

    if (t->canceled)
        err_set(&err, ERR_CANCELED, "cancelled");
    else if (in->reading || domain_has_images_only(t->domain)) {
        if (read_images(in))
            return;
    } else if (!connection_is_up(t->domain))
        *in->ret = facts_of_absent(t->domain, t->domain->down_state, &t->domain->down_why);
    else if (!in->look.n) {
        look_start(&in->look, t, VIEW_ALL);
        return;
    } else {
        enum look_result result = look_step(&in->look, t, &err);

        if (result == LOOK_WAITING)
            return;
        if (result == LOOK_DONE)
            *in->ret = facts_of(t->domain, &in->look.view);
        else if (is_deaf(&err)) {
            *in->ret = facts_of_absent(t->domain, DOMAIN_UNREACHABLE, &err);
            err = ERR_INIT;
        }
    }
    task_finish(t, err.code != ERR_NONE ? &err : NULL);
}

static void inspect_release(struct task *t)
{
    struct inspect *in = (struct inspect *)t;

    look_done(&in->look);
    images_done(&in->images);
    free(in);
}

struct op *inspect_start(struct domain *d, struct domain_facts **ret, op_done done, void *ctx)
{
    static const struct task_kind kind = {inspect_step, inspect_release};
    struct inspect *in = xcalloc(1, sizeof(*in));

    in->ret = ret;
    return task_start(d, &in->task, &kind, done, ctx);
}
