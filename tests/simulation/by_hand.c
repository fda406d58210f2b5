/* SPDX-License-Identifier: MIT */
#include "tests/simulation/by_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "jobs/api.h"

#define DISKS_MAX 4
#define BACK_AGAIN_S 600

/* One disk of it, at its instant. */
struct hand_disk {
    char name[16];
    bool tracked, mapped, forgot;
    uint32_t present, blocks[SIM_BLOCKS];
};

enum hand_kind { HAND_PUSH, HAND_PULL, HAND_CREATE };

/* What is asked for, and becomes of it. */
struct hand_made {
    int number, daemon, catalogs; /* which catalog of the daemon knows of it */
    enum hand_kind kind;
    char domain[16], base[32], checkpoint[32]; /* "": none */
    struct hand_disk disks[DISKS_MAX];
    size_t n_disks;
    int64_t job; /* 0: not begun, or never told */
    bool copied, good, bad, deletion_asked;
    int completed; /* times that its end was told */
};

/* Whoever waits for an answer. */
struct hand_wait {
    struct hand_made *made; /* NULL: of a deletion */
    bool forbidden;         /* it must be refused */
    int daemon, life;
    int64_t asked_ms;
    int answers;
};

static VEC(struct hand_made *) all;
static VEC(struct hand_wait *) waits;

static struct hand_made *find(const char *checkpoint)
{
    for (size_t i = 0; i < all.n; i++)
        if (*checkpoint && strcmp(all.items[i]->checkpoint, checkpoint) == 0)
            return all.items[i];
    return NULL;
}

static struct hand_made *of_target(const char *target)
{
    int number;

    if (sscanf(target, HAND_PLACE "%d/", &number) != 1)
        return NULL;
    for (size_t i = 0; i < all.n; i++)
        if (all.items[i]->number == number)
            return all.items[i];
    sim_broken("nobody asked for %s", target);
}

static struct hand_disk *disk_of(struct hand_made *m, const char *name)
{
    for (size_t i = 0; i < m->n_disks; i++)
        if (strcmp(m->disks[i].name, name) == 0)
            return &m->disks[i];
    return NULL;
}

/* A catalog that was put back knows of old jobs as open, and of others nothing; one that was lost
 * knows nothing of what was done by hand. */
static bool remembers(const struct sim_daemon *d, const struct hand_made *m)
{
    return !d->forgets && d->catalogs == m->catalogs;
}

/* ---- what the hosts tell ---- */

bool hand_is(const char *checkpoint)
{
    return checkpoint && starts_with(checkpoint, HAND_PREFIX);
}

static struct hand_disk *add_disk(struct hand_made *m, const struct sim_disk *disk)
{
    struct hand_disk *d = &m->disks[m->n_disks++];

    if (m->n_disks > DISKS_MAX)
        sim_broken("%s: begun twice", m->checkpoint);
    *d = (struct hand_disk){.present = UINT32_MAX};
    memcpy(d->name, disk->name, sizeof(d->name));
    memcpy(d->blocks, disk->blocks, sizeof(d->blocks));
    return d;
}

void hand_instant_of_backup(const struct sim_disk *disk, const struct sim_image *image,
                            bool tracked)
{
    struct hand_made *m = of_target(image->target);
    struct hand_disk *d;

    if (!m)
        return;
    d = add_disk(m, disk);
    d->present = image->present;
    d->tracked = tracked;
}

void hand_instant_of_checkpoint(const struct sim_disk *disk, const char *checkpoint)
{
    struct hand_made *m = find(checkpoint);

    if (!m)
        sim_broken("nobody asked for checkpoint %s", checkpoint);
    add_disk(m, disk)->tracked = true;
}

void hand_copied(const char *target)
{
    struct hand_made *m = of_target(target);

    if (m)
        m->copied = true;
}

void hand_mapped(const char *checkpoint, const char *disk)
{
    struct hand_made *m = find(checkpoint);
    struct hand_disk *d = m ? disk_of(m, disk) : NULL;

    if (d)
        d->mapped = true;
}

void hand_forgot(const struct sim_domain *domain, const struct sim_disk *disk)
{
    for (size_t i = 0; i < all.n; i++) {
        struct hand_disk *d = disk_of(all.items[i], disk->name);

        if (d && all.items[i]->daemon == domain->host->daemon &&
            strcmp(all.items[i]->domain, domain->name) == 0)
            d->forgot = true;
    }
}

void hand_check_deletion(int daemon, const char *checkpoint)
{
    const struct hand_made *m = find(checkpoint);

    if (!m || m->daemon != daemon)
        sim_broken("the daemon deletes a checkpoint that is not its own: %s", checkpoint);
    if (m->good && !m->deletion_asked && remembers(&sim.daemons[daemon - 1], m))
        sim_broken("the daemon deletes checkpoint %s, which is kept", checkpoint);
}

/* ---- rules ---- */

static void check_contents(struct hand_made *m)
{
    for (size_t i = 0; i < m->n_disks; i++) {
        const struct hand_disk *d = &m->disks[i], *was;
        struct hand_made *base;

        if (d->present == UINT32_MAX)
            continue;
        base = find(m->base);
        was = base ? disk_of(base, d->name) : NULL;
        if (!base || !base->good || !was || !was->tracked)
            sim_broken("backup %d is an increment of %s from nothing", m->number, d->name);
        /* What it held at its base could not be noted: nobody can tell. */
        if (was->forgot && !was->mapped)
            continue;
        for (uint32_t b = 0; b < SIM_BLOCKS; b++)
            if (!(d->present & UINT32_C(1) << b) && d->blocks[b] != was->blocks[b])
                sim_broken("backup %d of %s/%s lacks block %u, which is not as it was at %s",
                           m->number, m->domain, d->name, b, m->base);
        sim.w.counts.hand_compared++;
    }
}

static void check_state(const struct sim_daemon *d, const struct hand_made *m,
                        enum checkpoint_state want)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    const struct checkpoint *row;

    if (catalog_checkpoints(d->catalog, "sim", m->domain, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    row = checkpoint_list_find(&rows, m->checkpoint);
    if (!row || row->state != want)
        sim_broken("checkpoint %s was made, and its row is %s", m->checkpoint,
                   row ? checkpoint_state_name(row->state) : "not there");
    checkpoint_list_done(&rows);
}

void hand_on_job(const struct sim_daemon *d, const struct job_event *event)
{
    const struct job *j = event->job;
    const char *target = j->document ? strstr(j->document, HAND_PLACE) : NULL;
    struct hand_made *m = target ? of_target(target) : NULL;

    if (!m || j->state != JOB_ENDED || !event->completed)
        return;
    m->job = j->id;
    if (m->completed++ > 0 && remembers(d, m))
        sim_broken("the end of job %lld is told a second time", (long long)j->id);
    if (j->outcome != OUTCOME_SUCCESS) {
        m->bad = true;
        sim.w.counts.hand_failed++;
        return;
    }
    if (!m->copied)
        sim_broken("job %lld is called good, and was not copied", (long long)j->id);
    m->good = true;
    sim.w.counts.hand_good++;
    check_contents(m);
    if (*m->checkpoint)
        check_state(d, m, CHECKPOINT_KEPT);
}

/* ---- asking ---- */

static void answered(void *ctx, const struct err *err, const struct api_answer *answer)
{
    struct hand_wait *w = ctx;
    struct hand_made *m = w->made;

    sim.w.counts.hand_answers++;
    if (w->answers++ > 0)
        sim_broken("a request is answered a second time");
    if (w->daemon != sim.w.acting || w->life != acting()->life)
        sim_broken("a request is answered by another daemon than was asked");
    if (!err && w->forbidden)
        sim_broken("a checkpoint of somebody else's was deleted");
    if (err && m && m->kind == HAND_CREATE)
        m->bad = true;
    if (err || !m)
        return;
    if (m->kind == HAND_CREATE) {
        m->good = true;
        sim.w.counts.hand_checkpoints++;
        check_state(acting(), m, CHECKPOINT_KEPT);
    } else {
        m->job = answer->u.begun.job;
    }
}

static struct api_reply expect(const struct sim_daemon *d, struct hand_made *m, bool forbidden)
{
    struct hand_wait *w = xcalloc(1, sizeof(*w));

    *w = (struct hand_wait){.made = m,
                            .forbidden = forbidden,
                            .daemon = d->number,
                            .life = d->life,
                            .asked_ms = sim.w.now_ms};
    *VEC_ADD(&waits) = w;
    return (struct api_reply){answered, w};
}

/* One that may be a base: it is believed to be there. */
static struct hand_made *draw_kept(const struct sim_daemon *d, const struct sim_domain *domain)
{
    struct hand_made *ret = NULL;
    uint32_t n = 0;

    for (size_t i = 0; i < all.n; i++) {
        struct hand_made *m = all.items[i];

        if (m->daemon == d->number && m->good && *m->checkpoint && !m->deletion_asked &&
            strcmp(m->domain, domain->name) == 0 && sim_random(&sim.w, ++n) == 0)
            ret = m;
    }
    return ret;
}

static struct hand_made *make(const struct sim_daemon *d, const struct sim_domain *domain,
                              enum hand_kind kind)
{
    struct hand_made *m = xcalloc(1, sizeof(*m));
    const struct hand_made *base = draw_kept(d, domain);

    m->number = (int)all.n + 1;
    m->daemon = d->number;
    m->catalogs = d->catalogs;
    m->kind = kind;
    snprintf(m->domain, sizeof(m->domain), "%s", domain->name);
    if (kind == HAND_CREATE || sim_chance(&sim.w, 7000))
        snprintf(m->checkpoint, sizeof(m->checkpoint), HAND_PREFIX "%d-%d", d->number, m->number);
    if (kind != HAND_CREATE && base && sim_chance(&sim.w, 7000))
        snprintf(m->base, sizeof(m->base), "%s", base->checkpoint);
    *VEC_ADD(&all) = m;
    return m;
}

static char *backup_xml(const struct hand_made *m, const struct sim_domain *domain)
{
    struct hand_made *base = find(m->base);
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    fprintf(f, "<domainbackup mode='%s'>", m->kind == HAND_PULL ? "pull" : "push");
    if (m->kind == HAND_PULL)
        fprintf(f, "<server transport='unix' socket='" HAND_PLACE "%d/socket'/>", m->number);
    fputs("<disks>", f);
    for (size_t i = 0; i < domain->disks.n; i++) {
        const char *disk = domain->disks.items[i].name;
        const char *place = m->kind == HAND_PULL ? "scratch" : "target";
        const struct hand_disk *was = base ? disk_of(base, disk) : NULL;

        fprintf(f, "<disk name='%s' type='file'", disk);
        if (was && was->tracked)
            fprintf(f, " backupmode='incremental' incremental='%s'", m->base);
        fprintf(f, "><%s file='" HAND_PLACE "%d/%s'/></disk>", place, m->number, disk);
    }
    fputs("</disks></domainbackup>", f);
    fclose(f);
    return text;
}

static struct backup_document *read_backup(const struct hand_made *m,
                                           const struct sim_domain *domain)
{
    CLEANUP_FREE char *xml = backup_xml(m, domain);
    struct backup_document *ret;
    struct err err = ERR_INIT;

    if (backup_document_parse(xml, strlen(xml), &ret, &err) < 0)
        sim_broken("%s", err.msg);
    return ret;
}

static struct checkpoint_document *read_checkpoint(const struct hand_made *m)
{
    CLEANUP_FREE char *xml =
        xasprintf("<domaincheckpoint><name>%s</name></domaincheckpoint>", m->checkpoint);
    struct checkpoint_document *ret;
    struct err err = ERR_INIT;

    if (checkpoint_document_parse(xml, strlen(xml), &ret, &err) < 0)
        sim_broken("%s", err.msg);
    return ret;
}

/* It runs, by what the catalog says. */
static bool is_open(const struct sim_daemon *d, const struct hand_made *m)
{
    const struct job_filter of = {.domain = m->domain, .active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_jobs(d->catalog, &of, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++) {
        const char *at = jobs.items[i].document ? strstr(jobs.items[i].document, HAND_PLACE) : NULL;

        ret = ret || (at && of_target(at) == m);
    }
    job_list_done(&jobs);
    return ret;
}

/* Whoever has begun a pull reads for a while, and ends it; if the daemon is away, later. */
static void reader_is_done(void *ctx)
{
    struct hand_made *m = ctx;
    struct sim_daemon *d = &sim.daemons[m->daemon - 1];
    struct err err = ERR_INIT;
    int64_t job;

    if (!d->down && !is_open(d, m))
        return;
    sim_at(&sim.w, BACK_AGAIN_S * 1000, false, reader_is_done, m);
    if (d->down)
        return;
    act_as(d);
    api_abort(scheduler_jobs(d->scheduler), m->domain, &job, &err);
}

static void begin(struct sim_daemon *d, struct sim_domain *domain, enum hand_kind kind)
{
    struct hand_made *m = make(d, domain, kind);
    const struct api_begin a = {.domain = domain->name,
                                .document = read_backup(m, domain),
                                .checkpoint = *m->checkpoint ? read_checkpoint(m) : NULL};

    /* Somebody has resized it, and back, before. */
    if (*m->base && !domain->has_job && sim_chance(&sim.w, 1500))
        sim_disk_forget(domain, &domain->disks.items[0]);
    if (kind == HAND_PULL)
        sim_at(&sim.w, 1000 * (60 + (int64_t)sim_random(&sim.w, 7200)), false, reader_is_done, m);
    api_backup_begin(scheduler_jobs(d->scheduler), &a, expect(d, m, false));
}

void hand_begins(struct sim_daemon *d, struct sim_domain *domain)
{
    act_as(d);
    begin(d, domain, HAND_PUSH);
}

void hand_pulls(struct sim_daemon *d, struct sim_domain *domain)
{
    act_as(d);
    begin(d, domain, HAND_PULL);
}

static void create(struct sim_daemon *d, struct sim_domain *domain)
{
    struct hand_made *m = make(d, domain, HAND_CREATE);
    const struct api_create c = {.domain = domain->name, .document = read_checkpoint(m)};

    api_checkpoint_create(scheduler_jobs(d->scheduler), &c, expect(d, m, false));
}

static void delete_one(struct sim_daemon *d, struct sim_domain *domain)
{
    struct hand_made *m = draw_kept(d, domain);
    bool forbidden = !m || sim_chance(&sim.w, 2000);

    if (!forbidden)
        m->deletion_asked = true;
    api_checkpoint_delete(scheduler_jobs(d->scheduler), domain->name,
                          forbidden ? "somebody-elses" : m->checkpoint, DELETE_ONE, false,
                          expect(d, NULL, forbidden));
}

void hand_asks(struct sim_daemon *d, struct sim_domain *domain)
{
    struct err err = ERR_INIT;
    int64_t job;

    act_as(d);
    sim.w.counts.hand_asked++;
    /* Few are asked for of a domain that is shut off: what is seldom there comes the more often. */
    switch (sim_random(&sim.w, domain->up ? 8 : 16)) {
    case 0:
    case 1:
    case 2:
        begin(d, domain, HAND_PUSH);
        break;
    case 3:
    case 4:
        begin(d, domain, HAND_PULL);
        break;
    case 5:
        delete_one(d, domain);
        break;
    case 6:
        sim.w.counts.cancels +=
            api_abort(scheduler_jobs(d->scheduler), domain->name, &job, &err) == 0;
        break;
    default:
        create(d, domain);
        break;
    }
}

/* ---- when all has been well for a while ---- */

/* What its host tells of: of those that it has forgotten, nobody can know. */
static bool has_bitmap(const struct sim_daemon *d, const struct hand_made *m)
{
    for (size_t i = 0; i < d->host->domains.n; i++) {
        struct sim_domain *domain = d->host->domains.items[i];

        for (size_t k = 0; k < domain->disks.n && strcmp(domain->name, m->domain) == 0; k++) {
            const struct sim_bitmap *b = sim_bitmap_find(&domain->disks.items[k], m->checkpoint);

            if (b && !b->forgotten)
                return true;
        }
    }
    return false;
}

/* Of what went wrong nothing is left, unless the catalog that knew of it was lost. */
static void check_left(const struct sim_daemon *d, const struct hand_made *m)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    bool known;

    if (!*m->checkpoint || !remembers(d, m))
        return;
    if (catalog_checkpoints(d->catalog, "sim", m->domain, &rows, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    known = checkpoint_list_find(&rows, m->checkpoint) != NULL;
    checkpoint_list_done(&rows);
    if (m->bad && known)
        sim_broken("checkpoint %s is of what failed, and kept", m->checkpoint);
    if (m->good && !known && !m->deletion_asked)
        sim_broken("checkpoint %s was good, and is not known any more", m->checkpoint);
    if (!known && has_bitmap(d, m))
        sim_broken("checkpoint %s is not known, and its bitmaps are left", m->checkpoint);
}

void hand_check_settled(void)
{
    for (size_t i = 0; i < waits.n; i++) {
        const struct hand_wait *w = waits.items[i];

        if (w->answers == 0 && w->life == sim.daemons[w->daemon - 1].life)
            sim_broken("a request of %lld s ago was never answered",
                       (long long)(sim.w.now_ms - w->asked_ms) / 1000);
    }
    for (size_t i = 0; i < all.n; i++)
        check_left(&sim.daemons[all.items[i]->daemon - 1], all.items[i]);
}

void hand_free(void)
{
    for (size_t i = 0; i < all.n; i++)
        free(all.items[i]);
    for (size_t i = 0; i < waits.n; i++)
        free(waits.items[i]);
    free(all.items);
    free(waits.items);
    all.items = NULL;
    waits.items = NULL;
    all.n = all.cap = waits.n = waits.cap = 0;
}
