/* SPDX-License-Identifier: MIT */
#include "cli/restore_in_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/active_jobs.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"
#include "storage/definition/define_records.h"
#include "storage/definition/definition.h"
#include "storage/restore/restore_staged.h"
#include "storage/images/swap.h"

#define ASK_S 60.0
#define STAGED RESTORE_STAGED

/* One disk. */
struct replaced {
    const char *name, *image, *format; /* of the domain's definition */
    /* Beside the image, once it is made: ours, held by a lock for as long as we live, by which the
     * next one knows what somebody has left; and in it, where the new image is written. */
    char *dir, *to;
    int lock;
    char *staged;
    uint64_t bytes, capacity; /* that it takes, about; of the disk */
};

struct in_place {
    struct restore_define *d;
    const struct config *config; /* NULL: there is none, and so no daemon either */
    const struct point *point;
    const struct restore_request *r;
    struct define_offline domain;
    struct definition_images images;
    VEC(struct replaced) disks;
    uint64_t before, all; /* bytes of the disks that are written, and of all */
    const struct replaced *now;
};

static void in_place_done(struct in_place *p)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        struct replaced *x = &p->disks.items[i];

        if (x->staged)
            unlink(x->staged);
        if (x->to)
            rmdir(x->to);
        if (x->dir) {
            rmdir(x->dir);
            close(x->lock);
        }
        free(x->to);
        free(x->staged);
        free(x->dir);
    }
    free(p->disks.items);
    definition_images_done(&p->images);
    record_done(&define_answer_offline, &p->domain);
}

/* ---- may it be done? ---- */

static int ask_domain(struct in_place *p, struct err *err)
{
    const struct define_request q = {.domain = p->point->domain};
    struct ask a = {.what = "offline",
                    .request = &define_request_domain,
                    .answer = &define_answer_offline,
                    .value = &q,
                    .ret = &p->domain};

    record_done(&define_answer_offline, &p->domain);
    return restore_define_ask(p->d, &a, ASK_S, err);
}

static int check_state(const struct in_place *p, struct err *err)
{
    const char *name = p->point->domain;

    if (!p->domain.shutoff)
        return err_set(err, ERR_BUSY,
                       "%s is %s: its disks can be replaced while it is shut off "
                       "only (virsh shutdown %s)",
                       name, p->domain.state, name);
    if (p->domain.away)
        return err_set(err, ERR_BUSY,
                       "%s was migrated to another host, which has its disks now: restore it "
                       "there, or when it is back (one that runs nowhere any more: start it here, "
                       "and shut it down)",
                       name);
    if (p->domain.saved)
        return err_set(err, ERR_BUSY,
                       "%s has its memory saved, which belongs to the disks as they "
                       "are: start it and shut it down, or give that up by virsh "
                       "managedsave-remove %s",
                       name, name);
    return 0;
}

/* A backup of a domain that is shut off reads its images. */
static int check_jobs(const struct in_place *p, struct err *err)
{
    const struct domain_name name = {p->point->host, p->point->domain};
    int64_t job;

    if (!p->config || active_jobs_of(p->config, &name, &job) == 0)
        return 0;
    return err_set(err, ERR_BUSY,
                   "job %lld is at work on %s: wait for its end, or cancel it (vmkeep cancel %lld)",
                   (long long)job, p->point->domain, (long long)job);
}

/* The point's own definition tells whether this is the domain that it was made of. */
static int check_identity(const struct in_place *p, struct err *err)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s/domain.xml", p->r->repository, p->point->id);
    CLEANUP(definition_images_done) struct definition_images was = {0};
    CLEANUP_FREE char *xml = NULL;
    struct err ignored = ERR_INIT;

    if (read_file(file, DEFINITION_MAX, &xml, NULL, &ignored) < 0 ||
        definition_images(xml, &was, &ignored) < 0 || !was.uuid)
        return 0;
    if (strcmp(was.uuid, p->domain.uuid) == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "%s is another domain by now: its UUID is %s, and was %s; "
                   "--define --name NEW restores the old one beside it",
                   p->point->domain, p->domain.uuid, was.uuid);
}

static const struct definition_image *image_of(const struct in_place *p, const char *disk)
{
    for (size_t i = 0; i < p->images.disks.n; i++)
        if (strcmp(p->images.disks.items[i].name, disk) == 0)
            return &p->images.disks.items[i];
    return NULL;
}

static int add_disk(struct in_place *p, const char *name, struct err *err)
{
    const struct definition_image *image = image_of(p, name);
    struct replaced *x;

    if (!image)
        return err_set(err, ERR_NOTFOUND,
                       "%s has no disk %s now: restore what it has, with --disk, "
                       "or all elsewhere, with --to",
                       p->point->domain, name);
    if (!image->path)
        return err_set(err, ERR_UNSUPPORTED, "disk %s is no file: restore it elsewhere, with --to",
                       name);
    if (!str_eq(image->format, "qcow2") && !str_eq(image->format, "raw"))
        return err_set(err, ERR_UNSUPPORTED,
                       "disk %s is of format %s; qcow2 and raw can be "
                       "restored",
                       name, image->format ? image->format : "unknown");
    x = VEC_ADD(&p->disks);
    x->name = image->name;
    x->image = image->path;
    x->format = image->format;
    return 0;
}

static bool is_wanted(const struct in_place *p, const char *disk)
{
    return !p->r->disks || p->r->disks->n == 0 || strlist_has(p->r->disks, disk);
}

static int find_disks(struct in_place *p, struct err *err)
{
    if (definition_images(p->domain.xml, &p->images, err) < 0)
        return -1;
    for (size_t i = 0; i < p->point->disks.n; i++)
        if (is_wanted(p, p->point->disks.items[i].name) &&
            add_disk(p, p->point->disks.items[i].name, err) < 0)
            return -1;
    return 0;
}

/* ---- one disk ---- */

/* One bar for all disks: each has its share of it. */
static bool on_progress(void *ctx, const char *disk, bool checking, uint64_t done, uint64_t all)
{
    const struct in_place *p = ctx;
    double part = all > 0 ? (double)done / (double)all : 0.0;

    return p->r->progress(p->r->ctx, disk, checking,
                          p->before + (uint64_t)((double)p->now->bytes * part), p->all);
}

static int restore_disk(struct in_place *p, struct replaced *x, const char *to, bool dry_run,
                        struct err *err)
{
    CLEANUP(restore_result_done) struct restore_result res = {0};
    char *names[] = {(char *)x->name};
    const struct strlist disks = {.items = names, .n = 1};
    struct restore_request r = *p->r;

    r.to = to;
    r.prefix = NULL;
    r.images_only = true;
    r.format = x->format;
    r.disks = &disks;
    r.dry_run = dry_run;
    r.progress = r.progress && !dry_run ? on_progress : NULL;
    r.ctx = p;
    p->now = x;
    if (restore_run(&r, &res, err) < 0)
        return -1;
    x->capacity = res.disks.items[0].capacity;
    if (dry_run)
        x->bytes = res.disks.items[0].bytes;
    else
        x->staged = xstrdup(res.disks.items[0].path);
    return 0;
}

static int plan_disk(struct in_place *p, struct replaced *x, struct err *err)
{
    CLEANUP_FREE char *above = path_dirname(x->image);
    CLEANUP_FREE char *to = xasprintf("%s/" STAGED "-plan/to", above);

    return restore_disk(p, x, to, true, err);
}

static int stage_disk(struct in_place *p, struct replaced *x, struct err *err)
{
    CLEANUP_FREE char *above = path_dirname(x->image);
    char *dir = xasprintf("%s/" STAGED "-XXXXXX", above);

    if (!mkdtemp(dir)) {
        free(dir);
        return err_errno(err, errno, "%s", above);
    }
    x->lock = restore_staged_hold(dir);
    if (x->lock < 0) {
        rmdir(dir);
        free(dir);
        return err_errno(err, errno, "%s: lock", above);
    }
    x->dir = dir;
    x->to = xasprintf("%s/to", dir);
    return restore_disk(p, x, x->to, false, err);
}

/* What restores that were killed have written beside the images. */
static int clear_staged(const struct in_place *p, struct err *err)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        CLEANUP_FREE char *above = path_dirname(p->disks.items[i].image);
        size_t n = 0;

        if (restore_staged_clear(above, &n, err) < 0)
            return -1;
        if (n)
            fprintf(
                stderr,
                "vmkeep: restore: what %zu interrupted restore%s had written in %s is removed\n", n,
                n > 1 ? "s" : "", above);
    }
    return 0;
}

/* ---- all of them ---- */

static struct swap *swaps_of(const struct in_place *p)
{
    struct swap *ret = xcalloc(p->disks.n, sizeof(*ret));

    for (size_t i = 0; i < p->disks.n; i++)
        ret[i] = (struct swap){p->disks.items[i].image, p->disks.items[i].staged};
    return ret;
}

/* What a restore that was interrupted has left: the old images come back first. */
static int undo_interrupted(const struct in_place *p, struct err *err)
{
    CLEANUP_FREE struct swap *swaps = swaps_of(p);
    size_t n;

    if (swap_undo(swaps, p->disks.n, &n, err) < 0)
        return -1;
    if (n)
        fprintf(stderr,
                "vmkeep: restore: %zu image%s that an interrupted restore had replaced %s "
                "back\n",
                n, n > 1 ? "s" : "", n > 1 ? "are" : "is");
    return 0;
}

static int forget_checkpoints(const struct in_place *p, struct err *err)
{
    const struct define_request q = {.domain = p->point->domain, .uuid = p->domain.uuid};
    struct ask a = {.what = "ghosts", .request = &define_request_domain, .value = &q};

    return p->domain.checkpoints.n ? restore_define_ask(p->d, &a, ASK_S, err) : 0;
}

/* The domain may have been started meanwhile. */
static int look_again(struct in_place *p, struct err *err)
{
    if (ask_domain(p, err) < 0 || check_state(p, err) < 0)
        return -1;
    return check_jobs(p, err);
}

static int replace(struct in_place *p, struct err *err)
{
    CLEANUP_FREE struct swap *swaps = NULL;
    struct err second = ERR_INIT;
    size_t n;

    if (undo_interrupted(p, err) < 0 || clear_staged(p, err) < 0)
        return -1;
    for (size_t i = 0; i < p->disks.n; i++)
        p->all += p->disks.items[i].bytes;
    for (size_t i = 0; i < p->disks.n; i++) {
        if (stage_disk(p, &p->disks.items[i], err) < 0)
            return -1;
        p->before += p->disks.items[i].bytes;
    }
    swaps = swaps_of(p);
    if (look_again(p, err) < 0 || swap_run(swaps, p->disks.n, err) < 0)
        return -1;
    if (forget_checkpoints(p, err) < 0) {
        if (swap_undo(swaps, p->disks.n, &n, &second) < 0)
            err_wrap(err, "and the old images are not all back (%s)", second.msg);
        return -1;
    }
    if (swap_finish(swaps, p->disks.n, &second) < 0)
        fprintf(stderr, "vmkeep: restore: the old images are not all removed: %s\n", second.msg);
    return 0;
}

/* ---- what is said ---- */

static void print_plan(const struct in_place *p)
{
    char when[TIMEFMT_MAX], size[SIZE_TEXT_MAX];

    print_paragraphf(stdout, 2, "",
                     "Replaces the disks of %s by what they were at %s (%s):", p->point->domain,
                     time_local(p->point->created, when), p->point->id);
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct replaced *x = &p->disks.items[i];
        CLEANUP_FREE char *name = plain_text(x->name);
        CLEANUP_FREE char *label = xasprintf("  %-8s ", name);

        print_paragraphf(stdout, 11, label, "%s  (%s, about %s)", x->image, x->format,
                         size_text(x->bytes, size));
    }
    print_paragraph(stdout, 0, "",
                    "What is in them now is lost. Until all are replaced the old ones stay beside "
                    "them, as IMAGE.before-restore.");
    if (p->domain.checkpoints.n)
        print_paragraphf(
            stdout, 0, "",
            "Its %zu checkpoint%s with them; the next backup of each policy is a full.",
            p->domain.checkpoints.n, p->domain.checkpoints.n > 1 ? "s go" : " goes");
}

static void print_json(const struct in_place *p)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < p->disks.n; i++)
        json_array_append_new(
            disks,
            json_pack("{s:o, s:o, s:s, s:o, s:o}", "name", report_json_text(p->disks.items[i].name),
                      "path", report_json_text(p->disks.items[i].image), "format",
                      p->disks.items[i].format, "capacity",
                      report_json_number((int64_t)p->disks.items[i].capacity), "bytes",
                      report_json_number((int64_t)p->disks.items[i].bytes)));
    report_json_print(json_pack("{s:o, s:o, s:o, s:i}", "point", report_json_text(p->point->id),
                                "created", report_json_time(p->point->created), "disks", disks,
                                "checkpoints_forgotten", (int)p->domain.checkpoints.n),
                      stdout);
}

/* Whose images they are, and whether somebody has them open, libvirt tells. */
static int refuse_qemu(const struct in_place *p, const struct config *config, struct err *err)
{
    const char *name = p->d->host ? p->d->host : p->point->host;
    const struct config_host *h = config && !p->d->uri ? config_host_find(config, name) : NULL;

    if (!h || h->driver == DRIVER_LIBVIRT)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "host '%s' has no libvirt that tells which images %s has; shut it off, and name "
                   "them: `vmkeep restore %s --onto DISK=IMAGE`",
                   name, p->point->domain, p->point->id);
}

static int plan(struct in_place *p, const struct config *config, struct err *err)
{
    if (refuse_qemu(p, config, err) < 0)
        return -1;
    if (restore_define_where(p->d, config, p->point, err) < 0 || ask_domain(p, err) < 0 ||
        check_state(p, err) < 0 || check_jobs(p, err) < 0 || check_identity(p, err) < 0 ||
        find_disks(p, err) < 0)
        return -1;
    for (size_t i = 0; i < p->disks.n; i++)
        if (plan_disk(p, &p->disks.items[i], err) < 0)
            return -1;
    return 0;
}

int restore_in_place_run(const struct restore_in_place *q, struct restore_define *d,
                         const struct config *config, const struct point *point,
                         const struct restore_request *r)
{
    CLEANUP(in_place_done) struct in_place p = {.d = d, .config = config, .point = point, .r = r};
    struct err err = ERR_INIT;
    int code;

    if (plan(&p, config, &err) < 0)
        return cli_fail("restore", &err);
    if (!q->json)
        print_plan(&p);
    if (r->dry_run) {
        if (q->json)
            print_json(&p);
        return EXIT_DONE;
    }
    code = cli_confirm("restore", q->yes);
    if (code != EXIT_DONE)
        return code;
    if (replace(&p, &err) < 0)
        return cli_fail("restore", &err);
    if (q->json)
        print_json(&p);
    else
        printf("%s has its disks back.\n", point->domain);
    if (d->start && restore_define_start(d, point->domain, &err) < 0) {
        err_wrap(&err, "its disks are restored, and it does not start");
        return cli_fail("restore", &err);
    }
    return EXIT_DONE;
}
