/* SPDX-License-Identifier: MIT
 *
 * inspect: the domain, then its checkpoints with what each has recorded, then the backup that runs,
 * and where the host is this machine its images; of one that is shut off, what these say
 * themselves.  One that cannot be asked is a finding, not an
 * error.
 */
#include "engine/libvirt/inspect.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "engine/libvirt/facts.h"
#include "engine/libvirt/images.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"

/* Longer than libvirt waits for a domain that another call holds. */
#define ASK_S 45.0
#define FILES_S 15.0

struct inspect {
    struct libvirt_task task; /* first */
    bool plain;               /* without checkpoints */
    struct libvirt_look look;
    struct err unreachable; /* the host could not be asked when it began */
    struct domain_facts *facts;
    struct hypervisor *images; /* of one that is shut off, */
    struct domain_facts *said; /* and what they say */
    struct domain_facts **ret;
};

static struct inspect *of(struct libvirt_task *t)
{
    return (struct inspect *)t;
}

static void finish(struct inspect *in)
{
    libvirt_tell_frozen(in->task.host, in->task.domain, in->facts);
    *in->ret = TAKE_PTR(in->facts);
    libvirt_task_finish(&in->task, NULL);
}

static void finish_unreachable(struct inspect *in, const struct err *why)
{
    domain_facts_free(in->facts);
    in->facts = xcalloc(1, sizeof(*in->facts));
    in->facts->state = DOMAIN_UNREACHABLE;
    in->facts->problem = xstrdup(why->msg);
    in->facts->frozen_for = -1;
    finish(in);
}

static void fail(struct inspect *in, const struct err *err)
{
    if (err->code == ERR_REMOTE || err->code == ERR_TIMEOUT || err->code == ERR_DENIED)
        finish_unreachable(in, err);
    else
        libvirt_task_finish(&in->task, err);
}

static void ask(struct inspect *in, const char *what, const struct record *request,
                const struct record *answer, void *ret, libvirt_step next)
{
    const struct libvirt_request q = {.size = libvirt_look_may_ask_qemu(&in->look)};

    libvirt_task_request(&in->task, what, request, q, answer, ret, ASK_S, next);
}

/* ---- the images of one that is shut off ---- */

static void saw_images(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    if (t->canceled) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    if (t->err.code == ERR_NONE)
        libvirt_images_add(in->facts, in->said);
    else
        libvirt_images_cannot(in->facts, &t->err);
    finish(in);
}

static struct op *start_images(struct libvirt_task *t, op_done done, void *ctx, struct err *err)
{
    struct hypervisor *images = of(t)->images;

    return images->ops->inspect(images, t->domain, &of(t)->said, done, ctx, err);
}

static void look_at_images(struct inspect *in)
{
    struct err err = ERR_INIT;

    in->images = libvirt_images(in->task.host, in->task.domain, in->facts, &err);
    if (in->images) {
        libvirt_task_op(&in->task, start_images, saw_images);
        return;
    }
    libvirt_images_cannot(in->facts, &err);
    finish(in);
}

/* ---- files ---- */

static void take_freeze(struct inspect *in)
{
    struct hypervisor *hv = &in->task.host->hv;
    struct hv_thaw thaw;

    hv->ops->thaw(hv, in->task.domain, &thaw);
    in->facts->perhaps_frozen = thaw.since_s >= 0;
    in->facts->frozen_for = thaw.since_s;
}

/* Those that cannot be looked at, or not in time, are known by their names alone. */
static void saw_files(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    if (t->canceled) {
        libvirt_task_finish(t, &t->err);
        return;
    }
    libvirt_facts_end(&in->look, in->facts);
    take_freeze(in);
    if (libvirt_images_can(t->host, in->facts))
        look_at_images(in);
    else
        finish(in);
}

static void list_images(const struct inspect *in, struct strlist *ret)
{
    for (size_t i = 0; i < in->facts->disks.n; i++)
        if (in->facts->disks.items[i].image)
            strlist_add(ret, in->facts->disks.items[i].image);
    for (size_t i = 0; i < in->look.domain.blocks.n; i++)
        if (in->look.domain.blocks.items[i].path &&
            in->look.domain.blocks.items[i].path[0] == '/' &&
            !strlist_has(ret, in->look.domain.blocks.items[i].path))
            strlist_add(ret, in->look.domain.blocks.items[i].path);
}

static void look_at_files(struct inspect *in)
{
    CLEANUP(strlist_done) struct strlist images = {0};
    const struct files_request q = {.closely = &images};

    if (in->look.local)
        list_images(in, &images);
    if (images.n == 0) {
        saw_files(&in->task);
        return;
    }
    libvirt_task_files(&in->task, FILES_LOOK, &q, FILES_S, &in->look.files, saw_files);
}

/* ---- libvirt ---- */

/* It may have ended meanwhile. */
static void saw_backup(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    if (t->err.code == ERR_NOTFOUND && !t->canceled) {
        free(TAKE_PTR(in->look.domain.job));
        t->err = ERR_INIT;
    }
    if (t->err.code != ERR_NONE)
        fail(in, &t->err);
    else
        look_at_files(in);
}

static void look_at_backup(struct inspect *in)
{
    if (libvirt_look_has_backup(&in->look))
        ask(in, "backup-xml", &libvirt_request_domain, &libvirt_answer_xml, &in->look.backup,
            saw_backup);
    else
        look_at_files(in);
}

static void saw_checkpoints(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    /* Hypervisors other than QEMU (test:///default) know none. */
    if (t->err.code != ERR_NONE && t->err.code != ERR_UNSUPPORTED)
        fail(in, &t->err);
    else
        look_at_backup(in);
}

static void saw_domain(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    if (t->err.code != ERR_NONE) {
        fail(in, &t->err);
        return;
    }
    in->facts = xcalloc(1, sizeof(*in->facts));
    libvirt_facts_begin(&in->look, in->facts);
    if (in->facts->state == DOMAIN_UNREACHABLE)
        finish(in);
    else if (in->plain && in->facts->state != DOMAIN_SHUTOFF)
        look_at_backup(in);
    else
        ask(in, "checkpoints", &libvirt_request_checkpoints, &libvirt_answer_checkpoints,
            &in->look.checkpoints, saw_checkpoints);
}

static void begin(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    if (t->canceled)
        libvirt_task_finish(t, &t->err);
    else if (in->unreachable.code != ERR_NONE)
        finish_unreachable(in, &in->unreachable);
    else
        ask(in, "domain", &libvirt_request_domain, &libvirt_answer_domain, &in->look.domain,
            saw_domain);
}

static void release(struct libvirt_task *t)
{
    struct inspect *in = of(t);

    libvirt_look_done(&in->look);
    domain_facts_free(in->facts);
    domain_facts_free(in->said);
    free(in);
}

static struct op *start(struct hypervisor *hv, const char *domain, bool plain,
                        struct domain_facts **ret, op_done done, void *ctx, struct err *err)
{
    struct libvirt_host *h = libvirt_host_of(hv);
    const struct libvirt_domain *d;
    struct err away = ERR_INIT;
    char when[TIMEFMT_MAX];
    struct inspect *in;

    if (libvirt_host_look(h, domain, &d, &away, err) < 0)
        return NULL;
    in = xcalloc(1, sizeof(*in));
    in->ret = ret;
    in->plain = plain;
    in->look.at = h->at;
    in->look.local = h->local;
    if (!d)
        in->unreachable = away;
    if (!d && h->down_since)
        err_wrap(&in->unreachable, "host unreachable since %s", time_utc(h->down_since, when));
    return libvirt_task_start(h, &in->task, d, begin, release, done, ctx);
}

struct op *libvirt_inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                           op_done done, void *ctx, struct err *err)
{
    return start(hv, domain, false, ret, done, ctx, err);
}

struct op *libvirt_inspect_plain(struct hypervisor *hv, const char *domain,
                                 struct domain_facts **ret, op_done done, void *ctx,
                                 struct err *err)
{
    return start(hv, domain, true, ret, done, ctx, err);
}
