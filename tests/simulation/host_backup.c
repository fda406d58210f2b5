/* SPDX-License-Identifier: MIT
 *
 * Backup jobs of a simulated host: how they begin, go on and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "tests/simulation/by_hand.h"
#include "tests/simulation/host.h"

struct sim_job_end {
    struct sim_domain *d;
    uint64_t id;
};

static void job_ends(void *ctx)
{
    struct sim_job_end e = *(struct sim_job_end *)ctx;
    struct sim_job *j = &e.d->job;
    struct sim_repo *repo = &e.d->host->w->repo;

    free(ctx);
    if (!e.d->has_job || j->id != e.id || j->state != HVJOB_RUNNING)
        return;
    if (j->doomed || repo->full) {
        j->state = HVJOB_FAILED;
        err_set(&j->err, repo->full ? ERR_NOSPACE : ERR_IO, "disk vda: the copy failed");
        e.d->host->w->counts.job_faults++;
    } else if (j->pull) {
        return;
    } else {
        j->state = HVJOB_COMPLETED;
        e.d->host->w->counts.image_ends += j->of_images != 0;
        for (size_t i = 0; i < j->images.n; i++) {
            sim_image_arrives(repo, &j->images.items[i]);
            hand_copied(j->images.items[i].target);
        }
    }
    if (e.d->host->libvirt && !j->of_images)
        libvirt_ended(e.d);
    host_tell(e.d, HV_EVENT_JOB);
}

/* The job's number was never seen before, on any domain that can be looked at. */
static void check_is_new(const struct sim_host *h, const char *checkpoint)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        const struct sim_domain *d = h->domains.items[i];

        for (size_t k = 0; host_answers(d) && k < d->disks.n; k++)
            if (sim_bitmap_of(&d->disks.items[k], checkpoint))
                sim_broken("checkpoint %s is made, and %s/%s has it", checkpoint, d->name,
                           d->disks.items[k].name);
    }
}

static int refuse(struct sim_domain *d, const struct backup_request *q, struct err *err)
{
    if (!host_answers(d))
        return err_set(err, ERR_REMOTE, "%s is down", d->name);
    if (libvirt_is_foreign(d)) {
        d->host->w->slow_ms = 30000;
        return err_set(err, ERR_TIMEOUT, "cannot acquire state change lock");
    }
    if (d->has_job && d->job.state == HVJOB_RUNNING)
        sim_broken("%s: a second backup job begins while one runs", d->name);
    if (d->has_job && d->job.of_images && (!d->up || !d->host->libvirt))
        return err_set(err, ERR_BUSY, "backup job %s on the domain's images is still there",
                       d->job.tag);
    if (q->checkpoint)
        check_is_new(d->host, q->checkpoint);
    for (size_t i = 0; i < q->n_disks; i++) {
        struct sim_disk *disk = sim_disk_find(d, q->disks[i].name);
        const struct sim_bitmap *base;

        if (!disk)
            return err_set(err, ERR_NOTFOUND, "no disk named %s", q->disks[i].name);
        if (q->checkpoint && q->disks[i].track && disk->raw)
            return err_set(err, ERR_UNSUPPORTED, "disk %s holds no bitmaps", q->disks[i].name);
        base = q->disks[i].base ? sim_bitmap_of(disk, q->disks[i].base) : NULL;
        if (q->disks[i].base && (!base || base->inconsistent))
            return err_set(err, ERR_CORRUPT, "no usable bitmap %s", q->disks[i].base);
    }
    return 0;
}

static void take_image(struct sim_domain *d, const struct backup_request *q,
                       const struct backup_disk *b)
{
    struct sim_world *w = d->host->w;
    struct sim_disk *disk = sim_disk_find(d, b->name);
    struct sim_image *image = VEC_ADD(&d->job.images);
    CLEANUP_FREE char *own = q->checkpoint ? checkpoint_bitmap(q->checkpoint, b->name) : NULL;
    struct sim_truth *t = VEC_ADD(&w->truths);

    /* A pull's images are told where they belong when they are copied. */
    snprintf(image->target, sizeof(image->target), "%s", b->place.path);
    image->present = b->base ? sim_bitmap_of(disk, b->base)->dirty : UINT32_MAX;
    memcpy(image->blocks, disk->blocks, sizeof(image->blocks));
    memcpy(t->target, image->target, sizeof(t->target));
    memcpy(t->blocks, disk->blocks, sizeof(t->blocks));
    hand_instant_of_backup(disk, image, q->checkpoint && b->track);
    if (q->checkpoint && b->track) {
        sim_bitmap_add(disk, own);
        sim_bitmap_find(disk, own)->saved = !d->up;
    }
    w->counts.increments += b->base != NULL;
}

static void begin(struct sim_domain *d, const struct backup_request *q, uint64_t driver)
{
    struct sim_world *w = d->host->w;
    struct sim_job_end *end = xcalloc(1, sizeof(*end));

    sim_job_drop(d);
    d->has_job = true;
    d->job.id = ++w->next_job;
    snprintf(d->job.tag, sizeof(d->job.tag), "%s", q->tag);
    snprintf(d->job.place, sizeof(d->job.place), "%s", q->disks[0].place.path);
    d->job.state = HVJOB_RUNNING;
    d->job.pull = q->mode == MODE_PULL;
    d->job.of_images = d->up ? 0 : driver;
    d->job.doomed = sim_chance(w, w->faults.job_fails);
    d->job.start_ms = w->now_ms;
    d->job.end_ms = w->now_ms + (d->host->stalls    ? INT64_C(86400000)
                                 : d->host->copy_ms ? d->host->copy_ms
                                                    : 1000 * (1 + sim_random(w, 120)));
    for (size_t i = 0; i < q->n_disks; i++)
        take_image(d, q, &q->disks[i]);
    w->counts.jobs++;
    d->compared = hand_is(q->checkpoint); /* until it has been told what its disks hold */
    end->d = d;
    end->id = d->job.id;
    sim_at(w, d->job.end_ms - w->now_ms, false, job_ends, end);
    sim_guest_writes(d);
    if (d->job.of_images)
        images_begin(d);
}

struct op *host_backup_begin(struct hypervisor *hv, const struct backup_request *q,
                             struct backup_begun *ret, op_done done, void *ctx, struct err *err)
{
    struct sim_domain *d = host_domain(hv, q->domain);
    struct sim_world *w = d->host->w;
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    *ret = (struct backup_begun){0};
    d->compared = false;
    sim_maybe_kill(w);
    sim_guest_writes(d);
    fails = sim_op_fails(w, &effect);
    if (!host_serves(hv)) {
        fails = true;
        effect = false;
    }
    if (refuse(d, q, &refusal) == 0 && effect) {
        begin(d, q, ((struct sim_hypervisor *)hv)->id);
        if (!d->job.of_images)
            libvirt_knows((struct sim_hypervisor *)hv, &d->job);
    }
    ret->quiesced = d->up && q->quiesce != QUIESCE_OFF && d->host->quiesces;
    if (fails)
        err_set(&refusal, ERR_TIMEOUT, "no answer");
    return sim_op(w, refusal.code ? &refusal : NULL, done, ctx);
}

/* A reader of images goes on when somebody starts their domain. */
static bool is_served(const struct sim_domain *d)
{
    const struct sim_job *j = &d->job;

    return d->has_job && j->pull &&
           (j->of_images ? j->state == HVJOB_RUNNING || j->torn
                         : d->up && j->state == HVJOB_RUNNING);
}

static const struct sim_job *export_of(const struct sim_host *h, const char *uri)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        const struct sim_domain *d = h->domains.items[i];
        char part[HV_TAG_MAX + 2];

        snprintf(part, sizeof(part), "/%s/", d->job.tag);
        if (is_served(d) && strstr(uri, part))
            return &d->job;
    }
    return NULL;
}

const struct sim_job *sim_export_find(struct sim_world *w, const char *uri)
{
    const struct sim_job *job = NULL;

    for (size_t i = 0; i < SIM_DAEMONS && !job; i++)
        job = export_of(&w->hosts[i], uri);
    return job;
}

/* Results are filled in when the answer comes. */
static int give_stats(void *arg, struct err *err)
{
    struct answer *a = arg;
    const struct sim_job *j = &a->d->job;

    if (a->fails || !host_answers(a->d)) {
        free(a);
        return err_set(err, ERR_REMOTE, "no connection");
    }
    *a->stats = (struct hv_job_stats){0};
    if (answer_is_job(a)) {
        a->stats->state = j->state;
        a->stats->err = j->err;
        a->stats->ends_with_us = j->of_images != 0;
        a->stats->bytes_total = 100000;
        /* It moves once a minute: enough for one that waits two. */
        if (!a->d->host->stalls)
            a->stats->bytes_done = (uint64_t)((a->d->host->w->now_ms - j->start_ms) / 60000);
        snprintf(a->stats->tag, sizeof(a->stats->tag), "%s", j->tag);
    } else if (a->d->host->libvirt) {
        libvirt_stats(a->hv, a->d, a->tag, a->stats);
    }
    free(a);
    return 0;
}

struct op *host_job_stats(struct hypervisor *hv, const struct hv_job *job, struct hv_job_stats *ret,
                          op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_about(hv, job);

    (void)err;
    a->stats = ret;
    return sim_op_with(a->d->host->w, give_stats, a, done, ctx);
}

struct op *host_abort_job(struct hypervisor *hv, const struct hv_job *job, op_done done, void *ctx,
                          struct err *err)
{
    struct answer *a = answer_about(hv, job);
    struct sim_job *j = &a->d->job;

    (void)err;
    if (a->d->host->deaf_aborts > 0) {
        a->d->host->deaf_aborts--;
        a->fails = true;
        a->effect = false;
    }
    if (libvirt_is_foreign(a->d) && strcmp(a->place, j->place) == 0)
        sim_broken("%s: the daemon ends somebody else's job", a->d->name);
    if (a->effect && host_answers(a->d) && answer_is_job(a) && j->torn && j->pull) {
        sim_job_drop(a->d);
    } else if (a->effect && host_answers(a->d) && answer_is_job(a) && j->state == HVJOB_RUNNING) {
        j->state = HVJOB_CANCELED;
        err_set(&j->err, ERR_CANCELED, "Operation canceled");
        host_tell(a->d, HV_EVENT_JOB);
        for (size_t i = 0; j->pull && i < j->images.n; i++)
            hand_copied(j->images.items[i].target);
        if (j->pull) /* its good end */
            sim_job_drop(a->d);
        else if (a->d->host->libvirt && !j->of_images)
            libvirt_ended(a->d);
    }
    return answer_acted(a, done, ctx);
}

struct op *host_job_forget(struct hypervisor *hv, const struct hv_job *job, op_done done, void *ctx,
                           struct err *err)
{
    struct answer *a = answer_about(hv, job);
    bool of_images = a->d->has_job && a->d->job.of_images;

    (void)err;
    if (a->effect && a->d->host->libvirt && !of_images)
        libvirt_forget(a->hv, a->tag);
    else if (a->effect && host_answers(a->d) && answer_is_job(a) &&
             a->d->job.state != HVJOB_RUNNING)
        sim_job_drop(a->d);
    return answer_acted(a, done, ctx);
}
