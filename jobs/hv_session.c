/* SPDX-License-Identifier: MIT */
#include "jobs/hv_session.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "jobs/hv_at_host.h"
#include "jobs/kept_request.h"
#include "jobs/whose.h"

#define POLL_FIRST_S 1.0
#define POLL_S 5.0
#define STALL_S 120      /* a push that moves nothing for so long is given up */
#define UNANSWERED_MAX 4 /* questions in a row */
#define SAVE_PROGRESS_S 30

struct hypervisor *hv_hypervisor(const struct job_run *r, struct err *err)
{
    if (r->host && r->host->hv)
        return r->host->hv;
    if (r->host)
        *err = r->host->problem;
    else
        err_set(err, ERR_NOTFOUND, "host %s is not configured any more", r->row.host);
    return NULL;
}

void hv_take_stats(struct job_run *r, const struct hv_job_stats *stats)
{
    if (stats->state == HVJOB_NONE)
        return;
    /* Of a pull, only the reader knows what it has read. */
    if (r->row.plan.mode == MODE_PUSH) {
        r->row.bytes_done = stats->bytes_done;
        r->row.bytes_total = stats->bytes_total;
    }
    r->row.temp_used = stats->temp_used;
    r->row.temp_total = stats->temp_total;
}

static bool takes_in(const struct checkpoint *k, const char *disk)
{
    for (size_t i = 0; i < k->disks.n; i++)
        if (strcmp(k->disks.items[i].name, disk) == 0)
            return true;
    return false;
}

void hv_save_request(struct job_run *r, const struct backup_request *request)
{
    struct hv_run *h = hv_of(r);
    CLEANUP(strlist_done) struct strlist names = {0};
    CLEANUP_FREE char *document = NULL;
    struct backup_request written = *request;
    struct checkpoint k = {
        .name = (char *)request->checkpoint, .host = r->row.host, .domain = r->row.domain};
    struct err err = ERR_INIT;

    r->has_begun = true;
    r->began_ms = env_elapsed_ms(r->env);
    for (size_t i = 0; i < request->n_disks; i++) {
        const struct disk_facts *f = domain_facts_disk(h->facts, request->disks[i].name);

        if (request->disks[i].track && f)
            *VEC_ADD(&k.disks) = (struct checkpoint_disk){
                f->name, f->capacity, disk_facts_origin(f, request->checkpoint)};
    }
    domain_facts_names(h->facts, &names);
    for (size_t i = 0; i < names.n; i++)
        if (!takes_in(&k, names.items[i]))
            strlist_add(&k.left_out, names.items[i]);
    written.listed = &names;
    document = kept_request_text(&written);
    if (catalog_job_document(r->env->catalog, r->row.id, document, &err) < 0 ||
        (k.name && catalog_checkpoint_add_disks(r->env->catalog, &k, &err) < 0))
        catalog_trouble(r->env, "record a backup's document", &err);
    for (size_t i = 0; i < k.disks.n; i++)
        disk_origin_done(&k.disks.items[i].origin);
    free(k.disks.items);
    strlist_done(&k.left_out);
}

/* ---- looking ---- */

int facts_can_look(const struct domain_facts *f, struct err *err)
{
    bool absent = f->state == DOMAIN_UNREACHABLE || (f->state == DOMAIN_SHUTOFF && f->disks.n == 0);

    if (absent)
        return err_set(err, f->foreign_job ? ERR_BUSY : ERR_REMOTE, "the domain is %s%s%s",
                       domain_state_name(f->state), f->problem ? ": " : "",
                       f->problem ? f->problem : "");
    return 0;
}

int facts_can_begin(const struct hypervisor *hv, const struct domain_facts *f, struct err *err)
{
    if (facts_can_look(f, err) < 0)
        return -1;
    if (f->state == DOMAIN_SHUTOFF && !(hv->can & HV_OFFLINE)) {
        MARK("a host can do nothing for a domain that is shut off");
        return err_set(err, ERR_REMOTE,
                       "the domain is shut off, and its host backs up only those that run");
    }
    if (f->state == DOMAIN_SHUTOFF && f->problem)
        return err_set(err, f->foreign_job ? ERR_BUSY : ERR_REMOTE, "the domain is shut off: %s",
                       f->problem);
    if (f->foreign_job)
        return err_set(err, ERR_BUSY, "%s is at work on the domain", f->foreign_job);
    return 0;
}

struct op *hv_look_start(struct job_run *r, struct err *err)
{
    struct hv_run *h = hv_of(r);
    struct hypervisor *hv = hv_hypervisor(r, err);

    domain_facts_free(TAKE_PTR(h->facts));
    return hv ? hv->ops->inspect(hv, r->row.domain, &h->facts, job_on_op, r, err) : NULL;
}

int hv_looked(struct job_run *r)
{
    struct hv_run *h = hv_of(r);
    CLEANUP_FREE char *owner = NULL;

    if (job_is_bad(r))
        return -1;
    r->env->ops->saw_domain(r->env, r->row.host, r->row.domain, h->facts);
    if (facts_can_begin(r->host->hv, h->facts, &r->err) < 0 ||
        leftovers_find(r, h->facts, &h->leftovers, &r->err) < 0)
        return -1;
    if (!h->leftovers.foreign)
        return 0;
    MARK("a backup that is somebody else's is in the way");
    owner = whose(h->facts->job_place);
    return err_set(&r->err, ERR_BUSY, "%s, into %s, is at work on the domain", owner,
                   h->facts->job_place);
}

/* ---- what former jobs left ---- */

struct op *hv_clean_start(struct job_run *r, struct err *err)
{
    return leftovers_start(r, &hv_of(r)->leftovers, err);
}

bool hv_cleaned(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    if (h->leftovers.next > 0)
        leftovers_after(r, &h->leftovers);
    return h->leftovers.next == h->leftovers.n;
}

bool hv_looks_again(struct job_run *r)
{
    struct hv_run *h = hv_of(r);
    bool ret = h->leftovers.redefined && !h->looked_again;

    h->looked_again = h->looked_again || ret;
    return ret;
}

/* ---- held against what it was ---- */

/* Its tag is not the job's, which waits until the plan is made: one of a job that waits, seen at a
 * hypervisor, would be of a life of the catalog that is lost (scheduler/numbers.c). */
struct op *hv_compare_start(struct job_run *r, struct err *err)
{
    struct hv_run *h = hv_of(r);
    struct hypervisor *hv = r->host->hv;
    CLEANUP_FREE char *tag = NULL;

    if (h->compared.items.n == 0)
        return NULL;
    if (!(hv->can & HV_COMPARES)) {
        MARK("a host cannot tell what disks hold");
        for (size_t i = 0; i < h->compared.items.n; i++)
            h->compared.items.items[i].unknown = xstrdup("its host cannot tell what it holds");
        return NULL;
    }
    tag = xasprintf("%s-0-%lld", catalog_id(r->env->catalog), (long long)r->row.id);
    return hv->ops->allocation(hv, r->row.domain, tag, h->compared.items.items, h->compared.items.n,
                               job_on_op, r, err);
}

void hv_compare_log(const struct job_run *r)
{
    const struct hv_run *h = hv_of(r);

    for (size_t i = 0; i < h->compared.items.n; i++) {
        const struct allocation *a = &h->compared.items.items[i];

        if (a->contradiction)
            log_warning("domain=%s/%s disk %s: %s", r->row.host, r->row.domain, a->disk,
                        a->contradiction);
        if (a->unknown)
            log_info("domain=%s/%s disk %s cannot be held against what it was: %s", r->row.host,
                     r->row.domain, a->disk, a->unknown);
    }
}

/* ---- watching ---- */

void hv_look_again(struct job_run *r)
{
    hv_of(r)->look_again = true;
    job_wake(r);
}

struct op *hv_watch_start(struct job_run *r, struct err *err)
{
    struct hv_run *h = hv_of(r);

    (void)err;
    if (!h->watched) {
        h->watched = true;
        h->progressed = env_elapsed(r->env);
        job_wait(r, r->resumed ? 0 : POLL_FIRST_S);
    } else {
        job_wait(r, h->look_again || r->canceled ? 0 : POLL_S);
    }
    return NULL;
}

struct op *hv_ask_start(struct job_run *r, struct err *err)
{
    struct hv_run *h = hv_of(r);
    struct hypervisor *hv = hv_hypervisor(r, err);
    const struct hv_job job = hv_job_of(r);

    h->look_again = false;
    h->asked = env_elapsed(r->env);
    return hv ? hv->ops->job_stats(hv, &job, &h->stats, job_on_op, r, err) : NULL;
}

void hv_note_progress(struct job_run *r)
{
    struct hv_run *h = hv_of(r);
    int64_t now = env_elapsed(r->env);

    job_looked(r);
    if (h->stats.bytes_done != h->last_done) {
        h->last_done = h->stats.bytes_done;
        h->progressed = now;
    }
    if (now - h->progress_saved >= SAVE_PROGRESS_S) {
        h->progress_saved = now;
        job_save_progress(r);
    }
    r->env->ops->changed(r);
}

static enum hv_verdict stalled(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    hv_note_progress(r);
    /* A pull is as fast as its reader. */
    if (r->row.plan.mode == MODE_PULL || env_elapsed(r->env) - h->progressed < STALL_S)
        return HV_GOES_ON;
    MARK("a copy that moves nothing is given up");
    err_set(&r->err, ERR_TIMEOUT, "the copy moved nothing for %d s", STALL_S);
    return HV_BAD_END;
}

/* One that takes half a minute for each answer, and has just been started, is not given up after
 * that. */
static int64_t patience(const struct job_run *r)
{
    return r->host && r->host->hv ? INT64_C(3) * r->host->hv->patience : 0;
}

static enum hv_verdict unanswered(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    job_meets(r, &(struct obstacle){.code = OBSTACLE_ANSWER, .problem = r->op_err.msg});
    if (h->unanswered == 0)
        h->silent = h->asked;
    if (++h->unanswered < UNANSWERED_MAX || env_elapsed(r->env) - h->silent < patience(r))
        return HV_GOES_ON;
    MARK("a hypervisor that does not answer is given up");
    r->err = r->op_err;
    err_wrap(&r->err, "the hypervisor could not be asked %d times in a row", h->unanswered);
    return HV_BAD_END;
}

enum hv_verdict hv_asked(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    if (r->op_err.code != ERR_NONE)
        return unanswered(r);
    h->unanswered = 0;
    job_meets_nothing(r);
    hv_take_stats(r, &h->stats);
    switch (h->stats.state) {
    case HVJOB_RUNNING:
        hv_saw_running(r);
        return stalled(r);
    case HVJOB_COMPLETED:
        if (h->stats.ends_with_us)
            MARK("a copy of the images of a domain that is shut off ends");
        return HV_GOOD_END;
    case HVJOB_FAILED:
    case HVJOB_CANCELED:
        if (h->stats.ends_with_us && h->stats.err.code == ERR_BUSY)
            MARK("a domain is started while its images are copied");
        r->err = h->stats.err;
        if (r->err.code == ERR_NONE)
            err_set(&r->err, ERR_REMOTE, "the hypervisor says that the backup failed, but not why");
        if (r->err.code == ERR_CANCELED && !r->canceled && r->row.plan.mode == MODE_PUSH)
            err_set(&r->err, ERR_CANCELED, "somebody else has cancelled it at the hypervisor");
        return HV_BAD_END;
    case HVJOB_NONE:
        return hv_settle_unseen(r);
    }
    return HV_BAD_END;
}

/* ---- letting go ---- */

struct op *hv_abort_start(struct job_run *r, struct err *err)
{
    struct hypervisor *hv = hv_hypervisor(r, err);
    const struct hv_job job = hv_job_of(r);

    return hv ? hv->ops->abort_job(hv, &job, job_on_op, r, err) : NULL;
}

struct op *hv_forget_start(struct job_run *r, struct err *err)
{
    struct hypervisor *hv = hv_hypervisor(r, err);
    const struct hv_job job = hv_job_of(r);

    return hv ? hv->ops->job_forget(hv, &job, job_on_op, r, err) : NULL;
}

struct op *hv_drop_start(struct job_run *r, struct err *err)
{
    struct hypervisor *hv = hv_hypervisor(r, err);

    if (!hv || !r->row.plan.checkpoint)
        return NULL;
    return hv->ops->checkpoint_delete(hv, r->row.domain, r->row.plan.checkpoint, job_on_op, r, err);
}

void hv_dropped(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    h->checkpoint_gone = r->op_err.code == ERR_NONE;
    hv_warn_left(r, "the new checkpoint");
}

void hv_log_unsafe(const struct job_run *r)
{
    const struct backup_begun *b = &hv_of(r)->begun;

    if (b->guest_safe || !*b->unsafe)
        return;
    log_line(b->unsafe_always ? LOG_LVL_DEBUG : LOG_LVL_WARNING,
             "job=%lld domain=%s/%s guest-safe copy not possible: %s", (long long)r->row.id,
             r->row.host, r->row.domain, b->unsafe);
}

void hv_warn_left(struct job_run *r, const char *what)
{
    if (r->op_err.code != ERR_NONE)
        log_warning("job=%lld domain=%s/%s %s is left for the next job to clean up: %s",
                    (long long)r->row.id, r->row.host, r->row.domain, what, r->op_err.msg);
}

void hv_done(struct job_run *r)
{
    struct hv_run *h = hv_of(r);

    free(h->place);
    domain_facts_free(h->facts);
    leftovers_done(&h->leftovers);
    compared_done(&h->compared);
}
