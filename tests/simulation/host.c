/* SPDX-License-Identifier: MIT
 *
 * A simulated host, see sim.h. */
#include "tests/simulation/by_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"

/* ---- the guest and its QEMU ---- */

static void write_block(struct sim_disk *d, uint32_t block, uint32_t version)
{
    d->blocks[block] = version;
    for (size_t i = 0; i < d->bitmaps.n; i++)
        if (!d->bitmaps.items[i].inconsistent)
            d->bitmaps.items[i].dirty |= UINT32_C(1) << block;
}

void sim_guest_writes(struct sim_domain *d)
{
    struct sim_world *w = d->host->w;

    for (size_t i = 0; d->up && i < d->disks.n; i++)
        for (uint32_t n = sim_random(w, 5); n > 0; n--)
            write_block(&d->disks.items[i], sim_random(w, SIM_BLOCKS), sim_random(w, UINT32_MAX));
}

struct sim_bitmap *sim_bitmap_find(struct sim_disk *d, const char *name)
{
    for (size_t i = 0; i < d->bitmaps.n; i++)
        if (strcmp(d->bitmaps.items[i].name, name) == 0)
            return &d->bitmaps.items[i];
    return NULL;
}

static struct sim_bitmap *of_checkpoint(struct sim_disk *d, const char *checkpoint)
{
    CLEANUP_FREE char *own = checkpoint_bitmap(checkpoint, d->name);

    return sim_bitmap_find(d, own);
}

static void bitmap_remove(struct sim_disk *d, const char *name)
{
    struct sim_bitmap *b = sim_bitmap_find(d, name);

    if (b)
        *b = d->bitmaps.items[--d->bitmaps.n];
}

static void bitmap_add(struct sim_disk *d, const char *name)
{
    snprintf(VEC_ADD(&d->bitmaps)->name, sizeof(d->bitmaps.items[0].name), "%s", name);
}

void sim_disk_add(struct sim_domain *d)
{
    struct sim_disk *disk = VEC_ADD(&d->disks);

    snprintf(disk->name, sizeof(disk->name), "vd%c", (char)('a' + d->disks.n - 1));
    disk->capacity = SIM_BLOCKS * 65536;
    disk->raw = sim_chance(d->host->w, 2000);
    for (uint32_t i = 0; i < SIM_BLOCKS; i++)
        disk->blocks[i] = sim_random(d->host->w, UINT32_MAX);
    if (!disk->raw)
        bitmap_add(disk, "somebody-elses");
}

void sim_disk_forget(struct sim_domain *d, struct sim_disk *disk)
{
    if (d->compared) /* there is a moment that nobody guards */
        return;
    for (uint32_t i = SIM_BLOCKS - 1 - sim_random(d->host->w, 8); i < SIM_BLOCKS; i++)
        disk->blocks[i] = 0;
    hand_forgot(d, disk);
    d->host->w->counts.forgot++;
}

struct sim_domain *sim_domain_add(struct sim_host *h, const char *name, size_t n_disks)
{
    struct sim_domain *d = xcalloc(1, sizeof(*d));

    snprintf(d->name, sizeof(d->name), "%s", name);
    d->host = h;
    d->up = true;
    while (n_disks-- > 0)
        sim_disk_add(d);
    *VEC_ADD(&h->domains) = d;
    return d;
}

static void job_drop(struct sim_domain *d)
{
    free(d->job.images.items);
    d->job = (struct sim_job){0};
    d->has_job = false;
}

static void tell(struct sim_domain *d, enum hv_event_type type);

void sim_qemu_kill(struct sim_domain *d)
{
    d->host->w->counts.qemu_kills++;
    job_drop(d);
    for (size_t i = 0; i < d->disks.n; i++) {
        struct sim_disk *disk = &d->disks.items[i];

        for (size_t k = disk->bitmaps.n; k-- > 0;) {
            if (disk->bitmaps.items[k].saved ||
                strcmp(disk->bitmaps.items[k].name, "somebody-elses") == 0)
                disk->bitmaps.items[k].inconsistent = true;
            else
                disk->bitmaps.items[k] = disk->bitmaps.items[--disk->bitmaps.n];
        }
    }
    tell(d, HV_EVENT_DOMAIN);
}

void sim_qemu_kill_busy(struct sim_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++)
        if (h->domains.items[i]->has_job)
            sim_qemu_kill(h->domains.items[i]);
}

void sim_qemu_restart(struct sim_domain *d)
{
    job_drop(d);
    for (size_t i = 0; i < d->disks.n; i++)
        for (size_t k = 0; k < d->disks.items[i].bitmaps.n; k++)
            d->disks.items[i].bitmaps.items[k].saved = true;
    tell(d, HV_EVENT_DOMAIN);
}

/* ---- events ---- */

struct sim_tell {
    struct sim_host *host;
    enum hv_event_type type;
    char domain[16];
};

static void deliver(void *ctx)
{
    struct sim_tell t = *(struct sim_tell *)ctx;
    const struct hv_event event = {t.type, t.domain};
    struct sim_hypervisor *hv = t.host->clients.n > 0 ? t.host->clients.items[0] : NULL;

    free(ctx);
    if (hv && hv->listener)
        hv->listener(hv->listener_ctx, &event);
}

static void tell(struct sim_domain *d, enum hv_event_type type)
{
    struct sim_world *w = d->host->w;
    int acting = w->acting;
    int times = sim_chance(w, w->faults.event_lost)      ? 0
                : sim_chance(w, w->faults.event_doubled) ? 2
                                                         : 1;

    w->counts.lost_events += times == 0;
    sim_act_as(w, d->host->daemon);
    while (times-- > 0) {
        struct sim_tell *t = xcalloc(1, sizeof(*t));

        t->host = d->host;
        t->type = type;
        memcpy(t->domain, d->name, sizeof(t->domain));
        sim_at_owned(w, 1 + sim_random(w, 20), deliver, t);
    }
    sim_act_as(w, acting);
}

/* ---- backups ---- */

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
        for (size_t i = 0; i < j->images.n; i++) {
            sim_image_arrives(repo, &j->images.items[i]);
            hand_copied(j->images.items[i].target);
        }
    }
    tell(e.d, HV_EVENT_JOB);
}

static struct sim_domain *domain_of(struct hypervisor *hv, const char *name)
{
    struct sim_host *h = ((struct sim_hypervisor *)hv)->host;

    for (size_t i = 0; i < h->domains.n; i++)
        if (strcmp(h->domains.items[i]->name, name) == 0)
            return h->domains.items[i];
    sim_broken("the daemon asks for a domain that does not exist: %s", name);
}

static bool is_served(const struct hypervisor *hv)
{
    const struct sim_host *h = ((const struct sim_hypervisor *)hv)->host;

    return h->clients.n > 0 && &h->clients.items[0]->hv == hv;
}

static struct sim_disk *disk_of(struct sim_domain *d, const char *name)
{
    for (size_t i = 0; i < d->disks.n; i++)
        if (strcmp(d->disks.items[i].name, name) == 0)
            return &d->disks.items[i];
    return NULL;
}

/* The job's number was never seen before, on any domain that can be looked at. */
static void check_is_new(const struct sim_host *h, const char *checkpoint)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        const struct sim_domain *d = h->domains.items[i];

        for (size_t k = 0; d->up && k < d->disks.n; k++)
            if (of_checkpoint(&d->disks.items[k], checkpoint))
                sim_broken("checkpoint %s is made, and %s/%s has it", checkpoint, d->name,
                           d->disks.items[k].name);
    }
}

static int refuse(struct sim_domain *d, const struct backup_request *q, struct err *err)
{
    if (!d->up)
        return err_set(err, ERR_REMOTE, "%s is down", d->name);
    if (d->has_job && d->job.state == HVJOB_RUNNING)
        sim_broken("%s: a second backup job begins while one runs", d->name);
    if (q->checkpoint)
        check_is_new(d->host, q->checkpoint);
    for (size_t i = 0; i < q->n_disks; i++) {
        struct sim_disk *disk = disk_of(d, q->disks[i].name);
        const struct sim_bitmap *base;

        if (!disk)
            return err_set(err, ERR_NOTFOUND, "no disk named %s", q->disks[i].name);
        if (q->checkpoint && q->disks[i].track && disk->raw)
            return err_set(err, ERR_UNSUPPORTED, "disk %s holds no bitmaps", q->disks[i].name);
        base = q->disks[i].base ? of_checkpoint(disk, q->disks[i].base) : NULL;
        if (q->disks[i].base && (!base || base->inconsistent))
            return err_set(err, ERR_CORRUPT, "no usable bitmap %s", q->disks[i].base);
    }
    return 0;
}

static void take_image(struct sim_domain *d, const struct backup_request *q,
                       const struct backup_disk *b)
{
    struct sim_world *w = d->host->w;
    struct sim_disk *disk = disk_of(d, b->name);
    struct sim_image *image = VEC_ADD(&d->job.images);
    CLEANUP_FREE char *own = q->checkpoint ? checkpoint_bitmap(q->checkpoint, b->name) : NULL;
    struct sim_truth *t = VEC_ADD(&w->truths);

    /* A pull's images are told where they belong when they are copied. */
    snprintf(image->target, sizeof(image->target), "%s", b->place.path);
    image->present = b->base ? of_checkpoint(disk, b->base)->dirty : UINT32_MAX;
    memcpy(image->blocks, disk->blocks, sizeof(image->blocks));
    memcpy(t->target, image->target, sizeof(t->target));
    memcpy(t->blocks, disk->blocks, sizeof(t->blocks));
    hand_instant_of_backup(disk, image, q->checkpoint && b->track);
    if (q->checkpoint && b->track)
        bitmap_add(disk, own);
    w->counts.increments += b->base != NULL;
}

static void begin(struct sim_domain *d, const struct backup_request *q)
{
    struct sim_world *w = d->host->w;
    struct sim_job_end *end = xcalloc(1, sizeof(*end));

    job_drop(d);
    d->has_job = true;
    d->job.id = ++w->next_job;
    snprintf(d->job.tag, sizeof(d->job.tag), "%s", q->tag);
    d->job.state = HVJOB_RUNNING;
    d->job.pull = q->mode == MODE_PULL;
    d->job.doomed = sim_chance(w, w->faults.job_fails);
    d->job.start_ms = w->now_ms;
    d->job.end_ms =
        w->now_ms + (d->host->stalls ? INT64_C(86400000) : 1000 * (1 + sim_random(w, 120)));
    for (size_t i = 0; i < q->n_disks; i++)
        take_image(d, q, &q->disks[i]);
    w->counts.jobs++;
    d->compared = hand_is(q->checkpoint); /* until it has been told what its disks hold */
    end->d = d;
    end->id = d->job.id;
    sim_at(w, d->job.end_ms - w->now_ms, false, job_ends, end);
    sim_guest_writes(d);
}

static struct op *backup_begin(struct hypervisor *hv, const struct backup_request *q,
                               struct backup_begun *ret, op_done done, void *ctx, struct err *err)
{
    struct sim_domain *d = domain_of(hv, q->domain);
    struct sim_world *w = d->host->w;
    struct err refusal = ERR_INIT;
    bool effect, fails;

    (void)err;
    *ret = (struct backup_begun){0};
    d->compared = false;
    sim_maybe_kill(w);
    sim_guest_writes(d);
    fails = sim_op_fails(w, &effect);
    if (!is_served(hv)) {
        fails = true;
        effect = false;
    }
    if (refuse(d, q, &refusal) == 0 && effect)
        begin(d, q);
    if (fails)
        err_set(&refusal, ERR_TIMEOUT, "no answer");
    return sim_op(w, refusal.code ? &refusal : NULL, done, ctx);
}

static const struct sim_job *export_of(const struct sim_host *h, const char *uri)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        const struct sim_domain *d = h->domains.items[i];
        char part[HV_TAG_MAX + 2];

        snprintf(part, sizeof(part), "/%s/", d->job.tag);
        if (d->up && d->has_job && d->job.pull && d->job.state == HVJOB_RUNNING &&
            strstr(uri, part))
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
struct answer {
    struct sim_domain *d;
    char tag[64];
    struct hv_job_stats *stats;
    struct domain_facts **facts;
    bool fails, effect;
};

static int give_stats(void *arg, struct err *err)
{
    struct answer *a = arg;
    const struct sim_job *j = &a->d->job;

    if (a->fails || !a->d->up) {
        free(a);
        return err_set(err, ERR_REMOTE, "no connection");
    }
    *a->stats = (struct hv_job_stats){0};
    if (a->d->has_job && strcmp(j->tag, a->tag) == 0) {
        a->stats->state = j->state;
        a->stats->err = j->err;
        a->stats->bytes_total = 100000;
        /* It moves once a minute: enough for one that waits two. */
        if (!a->d->host->stalls)
            a->stats->bytes_done = (uint64_t)((a->d->host->w->now_ms - j->start_ms) / 60000);
        snprintf(a->stats->tag, sizeof(a->stats->tag), "%s", j->tag);
    }
    free(a);
    return 0;
}

static struct answer *answer_new(struct hypervisor *hv, const char *domain, const char *tag)
{
    struct answer *a = xcalloc(1, sizeof(*a));

    a->d = domain_of(hv, domain);
    snprintf(a->tag, sizeof(a->tag), "%s", tag ? tag : "");
    sim_maybe_kill(a->d->host->w);
    a->fails = sim_op_fails(a->d->host->w, &a->effect);
    if (!is_served(hv)) {
        a->fails = true;
        a->effect = false;
    }
    return a;
}

static struct op *job_stats(struct hypervisor *hv, const char *domain, const char *tag,
                            struct hv_job_stats *ret, op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, tag);

    (void)err;
    a->stats = ret;
    return sim_op_with(a->d->host->w, give_stats, a, done, ctx);
}

static void fill_facts(const struct sim_domain *d, struct domain_facts *f)
{
    f->state = d->up ? DOMAIN_RUNNING : DOMAIN_SHUTOFF;
    if (d->has_job)
        f->job_tag = xstrdup(d->job.tag);
    if (!d->up) /* its images are not configured */
        return;
    for (size_t i = 0; i < d->disks.n; i++) {
        const struct sim_disk *s = &d->disks.items[i];
        struct disk_facts *disk = VEC_ADD(&f->disks);

        disk->name = xstrdup(s->name);
        disk->image = xasprintf("/images/%s", s->name);
        disk->format = xstrdup(s->raw ? "raw" : "qcow2");
        disk->capacity = disk->allocated = s->capacity;
        disk->trackable = !s->raw;
        for (size_t k = 0; k < s->bitmaps.n; k++) {
            struct bitmap_facts *b = VEC_ADD(&disk->bitmaps);

            b->name = xstrdup(s->bitmaps.items[k].name);
            b->inconsistent = s->bitmaps.items[k].inconsistent;
            b->recording = !b->inconsistent;
        }
    }
}

static int give_facts(void *arg, struct err *err)
{
    struct answer *a = arg;

    if (a->fails) {
        free(a);
        return err_set(err, ERR_REMOTE, "no connection");
    }
    *a->facts = xcalloc(1, sizeof(**a->facts));
    fill_facts(a->d, *a->facts);
    free(a);
    return 0;
}

static struct op *inspect(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                          op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, NULL);

    (void)err;
    a->facts = ret;
    a->d->compared = false;
    return sim_op_with(a->d->host->w, give_facts, a, done, ctx);
}

/* Ends an operation that has had its effect, or not, by now. */
static struct op *acted(struct answer *a, op_done done, void *ctx)
{
    struct sim_world *w = a->d->host->w;
    struct err failure = ERR_INIT;

    if (a->fails || !a->d->up)
        err_set(&failure, ERR_REMOTE, "no connection");
    free(a);
    return sim_op(w, failure.code ? &failure : NULL, done, ctx);
}

static struct op *abort_job(struct hypervisor *hv, const char *domain, const char *tag,
                            op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, tag);
    struct sim_job *j = &a->d->job;

    (void)err;
    if (a->d->host->deaf_aborts > 0) {
        a->d->host->deaf_aborts--;
        a->fails = true;
        a->effect = false;
    }
    if (a->effect && a->d->up && a->d->has_job && strcmp(j->tag, tag) == 0 &&
        j->state == HVJOB_RUNNING) {
        j->state = HVJOB_CANCELED;
        err_set(&j->err, ERR_CANCELED, "Operation canceled");
        tell(a->d, HV_EVENT_JOB);
        for (size_t i = 0; j->pull && i < j->images.n; i++)
            hand_copied(j->images.items[i].target);
        if (j->pull) /* its good end */
            job_drop(a->d);
    }
    return acted(a, done, ctx);
}

static struct op *job_forget(struct hypervisor *hv, const char *domain, const char *tag,
                             op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, tag);

    (void)err;
    if (a->effect && a->d->up && a->d->has_job && strcmp(a->d->job.tag, tag) == 0 &&
        a->d->job.state != HVJOB_RUNNING)
        job_drop(a->d);
    return acted(a, done, ctx);
}

static struct op *checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                    op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, NULL);
    struct sim_world *w = a->d->host->w;
    char catalog[9] = "";

    (void)err;
    if (hand_is(name))
        hand_check_deletion(w->acting, name);
    else if (sscanf(name, "vmkeep-%8[0-9a-f]-", catalog) != 1 ||
             sim_daemon_of(w, catalog) != w->acting)
        sim_broken("the daemon deletes a checkpoint that is not its own: %s", name);
    for (size_t i = 0; a->effect && a->d->up && i < a->d->disks.n; i++) {
        CLEANUP_FREE char *own = checkpoint_bitmap(name, a->d->disks.items[i].name);

        bitmap_remove(&a->d->disks.items[i], own);
    }
    return acted(a, done, ctx);
}

static int refuse_checkpoint(struct sim_domain *d, const char *name, const struct strlist *disks,
                             struct err *err)
{
    if (!d->up)
        return err_set(err, ERR_REMOTE, "%s is down", d->name);
    for (size_t i = 0; i < disks->n; i++) {
        struct sim_disk *disk = disk_of(d, disks->items[i]);

        if (!disk || disk->raw)
            return err_set(err, ERR_UNSUPPORTED, "disk %s holds no bitmaps", disks->items[i]);
        if (sim_bitmap_find(disk, name))
            return err_set(err, ERR_EXISTS, "disk %s has a bitmap %s", disks->items[i], name);
    }
    return 0;
}

static struct op *checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                    const struct strlist *disks, bool quiesce, op_done done,
                                    void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain, NULL);
    struct sim_world *w = a->d->host->w;
    struct err refusal = ERR_INIT;

    (void)quiesce;
    (void)err;
    sim_guest_writes(a->d);
    if (refuse_checkpoint(a->d, name, disks, &refusal) < 0) {
        free(a);
        return sim_op(w, &refusal, done, ctx);
    }
    for (size_t i = 0; a->effect && i < disks->n; i++) {
        struct sim_disk *disk = disk_of(a->d, disks->items[i]);

        bitmap_add(disk, name);
        hand_instant_of_checkpoint(disk, name);
        a->d->compared = true; /* until it has been told what its disks hold */
    }
    sim_guest_writes(a->d);
    return acted(a, done, ctx);
}

/* ---- held against what they were ---- */

struct comparison {
    struct sim_domain *d;
    struct allocation *items;
    size_t n;
    bool fails;
};

/* PATH/HOST/DOMAIN/POINT/FILE: its point's disk. */
static bool held_then(const struct sim_domain *d, const struct allocation *a, uint32_t *blocks)
{
    const char *from = a->was_image + strlen(a->was_image);
    CLEANUP_FREE char *id = NULL;

    for (int slashes = 0; from > a->was_image; from--)
        if (from[-1] == '/' && ++slashes == 4)
            break;
    id = xasprintf("%.*s", (int)(strrchr(from, '/') - from), from);
    return sim_restore(&d->host->w->repo, id, a->disk, blocks);
}

/* Where there is data, a bit a block. */
static uint32_t data_of(const uint32_t *blocks)
{
    uint32_t ret = 0;

    for (uint32_t i = 0; i < SIM_BLOCKS; i++)
        ret |= (uint32_t)(blocks[i] != 0) << i;
    return ret;
}

static bool had_data(const struct sim_domain *d, const struct allocation *a, uint32_t *ret)
{
    uint32_t then[SIM_BLOCKS];

    if (a->was_map)
        return sscanf(a->was_map, "data %x", ret) == 1;
    if (!held_then(d, a, then))
        return false;
    *ret = data_of(then);
    return true;
}

/* The one that is asked about right after it was made, and whose it is. */
static const char *newest_by_hand(const struct sim_disk *disk)
{
    for (size_t i = disk->bitmaps.n; i-- > 0;)
        if (hand_is(disk->bitmaps.items[i].name))
            return disk->bitmaps.items[i].name;
    return NULL;
}

static void map_disk(struct sim_disk *disk, struct allocation *a)
{
    const char *newest = disk ? newest_by_hand(disk) : NULL;

    if (!disk) {
        a->contradiction = xstrdup("it is not there");
        return;
    }
    a->map = xasprintf("data %x", data_of(disk->blocks));
    if (newest)
        hand_mapped(newest, disk->name);
}

static void compare(struct sim_domain *d, struct allocation *a)
{
    struct sim_disk *disk = disk_of(d, a->disk);
    const struct sim_bitmap *b = disk && a->bitmap ? sim_bitmap_find(disk, a->bitmap) : NULL;
    uint32_t then;

    if (!a->bitmap) {
        map_disk(disk, a);
        return;
    }
    if (!b || !had_data(d, a, &then)) {
        a->contradiction = xstrdup("it cannot be compared");
        return;
    }
    if (then & ~data_of(disk->blocks) & ~b->dirty)
        a->contradiction =
            xasprintf("it reads as zeroes in blocks %x", then & ~data_of(disk->blocks) & ~b->dirty);
    d->host->w->counts.contradictions += a->contradiction != NULL;
    d->host->w->counts.hand_contradictions += a->contradiction && hand_is(a->bitmap);
}

static int give_comparison(void *arg, struct err *err)
{
    struct comparison c = *(struct comparison *)arg;

    free(arg);
    if (c.fails || !c.d->up)
        return err_set(err, ERR_REMOTE, "no connection");
    c.d->compared = false;
    for (size_t i = 0; i < c.n; i++) {
        compare(c.d, &c.items[i]);
        c.d->compared = c.d->compared || c.items[i].bitmap;
    }
    return 0;
}

static struct op *allocation(struct hypervisor *hv, const char *domain, const char *tag,
                             struct allocation *items, size_t n, op_done done, void *ctx,
                             struct err *err)
{
    struct answer *a = answer_new(hv, domain, tag);
    struct comparison *c = xcalloc(1, sizeof(*c));

    (void)err;
    *c = (struct comparison){.d = a->d, .items = items, .n = n, .fails = a->fails};
    free(a);
    return sim_op_with(c->d->host->w, give_comparison, c, done, ctx);
}

static void domains(struct hypervisor *hv, struct strlist *ret)
{
    const struct sim_host *h = ((struct sim_hypervisor *)hv)->host;

    for (size_t i = 0; i < h->domains.n; i++)
        strlist_add(ret, h->domains.items[i]->name);
}

static void listen_to(struct hypervisor *hv, hv_event_fn fn, void *ctx)
{
    ((struct sim_hypervisor *)hv)->listener = fn;
    ((struct sim_hypervisor *)hv)->listener_ctx = ctx;
}

static void hypervisor_free(struct hypervisor *hv)
{
    struct sim_host *h = ((struct sim_hypervisor *)hv)->host;

    for (size_t i = 0; i < h->clients.n; i++) {
        if (&h->clients.items[i]->hv != hv)
            continue;
        memmove(&h->clients.items[i], &h->clients.items[i + 1],
                (--h->clients.n - i) * sizeof(h->clients.items[0]));
        break;
    }
    free(hv);
}

struct hypervisor *sim_hypervisor_new(struct sim_host *h)
{
    static const struct hypervisor_ops ops = {
        .domains = domains,
        .inspect = inspect,
        .backup_begin = backup_begin,
        .job_stats = job_stats,
        .abort_job = abort_job,
        .job_forget = job_forget,
        .allocation = allocation,
        .checkpoint_create = checkpoint_create,
        .checkpoint_delete = checkpoint_delete,
        .listen = listen_to,
        .free = hypervisor_free,
    };
    struct sim_hypervisor *hv = xcalloc(1, sizeof(*hv));

    hv->hv.ops = &ops;
    hv->host = h;
    *VEC_ADD(&h->clients) = hv;
    return &hv->hv;
}
