/* SPDX-License-Identifier: MIT
 *
 * Jobs that wait and jobs that run.  A job is admitted, oldest first, when the limits allow it: in
 * all, on its host, on its repository; and one job a domain at a time, always.
 */
#include "scheduler/job.h"
#include "scheduler/scheduler_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"

#define END_AGAIN_S 10.0

static void copy_row(struct job *dst, const struct job *src)
{
    *dst = *src;
    dst->host = xstrdup(src->host);
    dst->domain = xstrdup(src->domain);
    dst->policy = xstrdup(src->policy);
    dst->repository = xstrdup(src->repository);
    dst->step = xstrdup(src->step);
    dst->reason = xstrdup(src->reason);
    dst->why = xstrdup(src->why);
    dst->document = xstrdup(src->document);
    point_copy(&dst->plan, &src->plan);
}

struct run *run_new(struct scheduler *s, const struct job *row)
{
    struct run *r = xcalloc(1, sizeof(*r));

    r->s = s;
    copy_row(&r->row, row);
    run_name(r);
    r->type = job_type_of(row->kind);
    r->alarm.fire = job_on_alarm;
    r->alarm.ctx = r;
    if (r->type->init)
        r->type->init(r);
    return r;
}

void run_name(struct run *r)
{
    snprintf(r->tag, sizeof(r->tag), "%s-%lld", catalog_id(r->s->env.catalog),
             (long long)r->row.id);
}

/* One begun by hand may go on for as long as somebody reads from it: the limits are for the
 * others. */
static bool is_limited(const struct run *r)
{
    return !r->type->by_hand;
}

static void run_leave(struct run *r)
{
    if (!r->admitted)
        return;
    r->admitted = false;
    if (r->host) {
        r->host->jobs -= is_limited(r);
        host_release(r->host);
    }
    if (r->repo) {
        r->repo->jobs--;
        repo_release(r->repo);
    }
}

void run_free(struct run *r)
{
    r->s->env.clock->ops->stop(r->s->env.clock, &r->alarm);
    run_leave(r);
    job_done(&r->row);
    strlist_done(&r->disks);
    free(r->scratch);
    free(r->own_scratch);
    compared_done(&r->compared);
    domain_facts_free(r->facts);
    survey_done(&r->found);
    point_done(&r->base);
    point_done(&r->published);
    chores_done(&r->chores);
    strlist_done(&r->doomed);
    strlist_done(&r->tried);
    strlist_done(&r->looked);
    point_done(&r->doomed_was);
    backup_document_free(r->document);
    checkpoint_document_free(r->checkpoint_document);
    made_list_done(&r->made);
    made_list_done(&r->placed);
    free(r);
}

int queue_add(struct scheduler *s, struct job *row, struct run **ret, struct err *err)
{
    row->state = JOB_QUEUED;
    row->created = sched_now(s);
    row->uptime = sched_uptime(s);
    row->boot = s->env.clock->ops->boot(s->env.clock);
    if (catalog_job_add(s->env.catalog, row, err) < 0)
        return -1;
    *ret = run_new(s, row);
    queue_append(s, *ret);
    return 0;
}

void queue_append(struct scheduler *s, struct run *r)
{
    *VEC_ADD(&s->runs) = r;
    log_info("job=%lld domain=%s policy=%s %s queued: %s", (long long)r->row.id, r->row.domain,
             r->row.policy, job_kind_name(r->row.kind), r->row.why ? r->row.why : "");
    queue_notify(r);
    queue_kick(s);
}

void queue_notify(struct run *r)
{
    bool over = r->row.state == JOB_ENDED && r->row.outcome != OUTCOME_NONE;
    const struct job_event event = {
        &r->row, over && r->type->backup &&
                     (r->has_begun || (!r->type->by_hand && r->row.outcome == OUTCOME_FAILED))};

    observers_tell(&r->s->listeners, &event);
}

void queue_kick(struct scheduler *s)
{
    if (!s->kick.armed)
        s->env.clock->ops->after(s->env.clock, &s->kick, 0);
}

bool domain_is_busy(const struct scheduler *s, const struct run *except, const char *host,
                    const char *domain)
{
    for (size_t i = 0; i < s->runs.n; i++) {
        const struct run *r = s->runs.items[i];

        if (r != except && r->admitted && strcmp(r->row.domain, domain) == 0 &&
            strcmp(r->row.host, host) == 0)
            return true;
    }
    return errand_on_domain(s, host, domain);
}

struct run *run_of_domain(const struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->runs.n; i++) {
        struct run *r = s->runs.items[i];

        if (r->admitted && strcmp(r->row.domain, domain) == 0 && strcmp(r->row.host, host) == 0)
            return r;
    }
    return NULL;
}

static size_t count_admitted(const struct scheduler *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->runs.n; i++)
        n += s->runs.items[i]->admitted && is_limited(s->runs.items[i]);
    return n;
}

/* Jobs whose end is worth waiting for: a pull begun by hand does not end by itself, and goes on
 * without us. */
static bool some_will_end(const struct scheduler *s)
{
    for (size_t i = 0; i < s->runs.n; i++) {
        const struct run *r = s->runs.items[i];

        if (r->admitted && (is_limited(r) || r->row.plan.mode != MODE_PULL || r->canceled))
            return true;
    }
    return false;
}

static bool may_start(struct scheduler *s, const struct run *r, const struct host *h,
                      const struct repo *repo)
{
    const struct config_limits *l = &s->config->limits;

    return (!h || (!h->stale && h->jobs < l->jobs_per_host)) &&
           (!repo || repo->jobs < l->jobs_per_repository) &&
           !domain_is_busy(s, r, r->row.host, r->row.domain);
}

void queue_take_place(struct run *r, struct host *h, struct repo *repo)
{
    r->admitted = true;
    r->host = h;
    r->repo = repo;
    if (h) {
        host_hold(h);
        h->jobs += is_limited(r);
    }
    if (repo) {
        repo_hold(repo);
        repo->jobs++;
    }
}

/* ctx: the scheduler. */
void queue_admit(void *ctx)
{
    struct scheduler *s = ctx;

    clock_watch_look(s);
    if (s->draining) {
        if (s->idle && !some_will_end(s) && !copies_are_under_way(s))
            s->idle(s->idle_ctx);
        return;
    }
    if (!s->settled)
        return;
    if (resources_replace_stale(s)) {
        coverage_sync(s);
        watch_all(s);
    }
    for (size_t i = 0; i < s->runs.n; i++) {
        struct run *r = s->runs.items[i];
        struct host *h = host_find(s, r->row.host);
        struct repo *repo = repo_find(s, r->row.repository);

        if (count_admitted(s) >= (size_t)s->config->limits.jobs)
            return;
        if (r->admitted || r->ending || !may_start(s, r, h, repo))
            continue;
        queue_take_place(r, h, repo);
        job_proceed(r);
        /* A job that could not even start is gone again: the list has moved. */
        if (i >= s->runs.n || s->runs.items[i] != r)
            i--;
    }
}

static void say_end(const struct run *r)
{
    const struct job *j = &r->row;

    if (j->outcome == OUTCOME_FAILED)
        log_error("job=%lld domain=%s policy=%s %s failed: %s", (long long)j->id, j->domain,
                  j->policy, job_kind_name(j->kind), j->reason);
    else
        log_notice("job=%lld domain=%s policy=%s %s %s: %s", (long long)j->id, j->domain, j->policy,
                   job_kind_name(j->kind), job_outcome_name(j->outcome), j->reason);
}

struct hypervisor *run_hypervisor(const struct run *r, struct err *err)
{
    if (r->host && r->host->hv)
        return r->host->hv;
    if (r->host)
        *err = r->host->problem;
    else
        err_set(err, ERR_NOTFOUND, "host %s is not configured any more", r->row.host);
    return NULL;
}

int64_t run_elapsed_ms(const struct run *r)
{
    int64_t ms = r->began_ms ? sched_elapsed_ms(r->s) - r->began_ms
                             : (sched_now(r->s) - r->row.started) * 1000;

    return ms > 0 ? ms : 0;
}

void run_take_stats(struct run *r, const struct hv_job_stats *stats)
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

void run_save_progress(struct run *r)
{
    struct err err = ERR_INIT;

    r->row.elapsed_ms = run_elapsed_ms(r);
    if (catalog_job_progress(r->s->env.catalog, &r->row, &err) < 0)
        log_debug("job=%lld progress: %s", (long long)r->row.id, err.msg);
}

static bool takes_in(const struct checkpoint *k, const char *disk)
{
    for (size_t i = 0; i < k->disks.n; i++)
        if (strcmp(k->disks.items[i].name, disk) == 0)
            return true;
    return false;
}

void run_save_request(struct run *r, const struct backup_request *request)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    CLEANUP_FREE char *document = NULL;
    struct backup_request written = *request;
    struct checkpoint k = {
        .name = (char *)request->checkpoint, .host = r->row.host, .domain = r->row.domain};
    struct err err = ERR_INIT;

    r->has_begun = true;
    r->began_ms = sched_elapsed_ms(r->s);
    for (size_t i = 0; i < request->n_disks; i++) {
        const struct disk_facts *f = domain_facts_disk(r->facts, request->disks[i].name);

        if (request->disks[i].track && f)
            *VEC_ADD(&k.disks) = (struct checkpoint_disk){
                f->name, f->capacity, disk_facts_origin(f, request->checkpoint)};
    }
    domain_facts_names(r->facts, &names);
    for (size_t i = 0; i < names.n; i++)
        if (!takes_in(&k, names.items[i]))
            strlist_add(&k.left_out, names.items[i]);
    written.listed = &names;
    document = backup_document_format(&written);
    if (catalog_job_document(r->s->env.catalog, r->row.id, document, &err) < 0 ||
        (k.name && catalog_checkpoint_add_disks(r->s->env.catalog, &k, &err) < 0))
        catalog_trouble(r->s, "record a backup's document", &err);
    for (size_t i = 0; i < k.disks.n; i++)
        disk_origin_done(&k.disks.items[i].origin);
    free(k.disks.items);
    strlist_done(&k.left_out);
}

void queue_remove(struct run *r)
{
    struct scheduler *s = r->s;
    size_t i = 0;

    while (s->runs.items[i] != r)
        i++;
    memmove(&s->runs.items[i], &s->runs.items[i + 1], (--s->runs.n - i) * sizeof(struct run *));
    run_free(r);
}

void queue_ended(struct run *r, enum job_outcome outcome, const char *reason)
{
    struct scheduler *s = r->s;
    struct cover *c = coverage_find(s, r->row.host, r->row.domain, r->row.policy);

    r->row.state = JOB_ENDED;
    r->row.outcome = outcome;
    r->row.ended = sched_now(s);
    if (reason != r->row.reason) {
        free(r->row.reason);
        r->row.reason = xstrdup(reason);
    }
    say_end(r);
    queue_notify(r);
    if (c && c->job == r) {
        c->job = NULL;
        coverage_refresh(s, c);
        coverage_arm(s);
    }
    queue_remove(r);
    copies_consider(s);
    queue_kick(s);
}

static void end_again(void *ctx)
{
    struct run *r = ctx;

    queue_end(r, r->row.outcome, r->row.reason);
}

void queue_end(struct run *r, enum job_outcome outcome, const char *reason)
{
    struct scheduler *s = r->s;
    struct err err = ERR_INIT;

    if (reason != r->row.reason) {
        free(r->row.reason);
        r->row.reason = xstrdup(reason);
    }
    r->row.outcome = outcome;
    if (r->has_begun && r->row.state == JOB_RUNNING && !r->ending)
        run_save_progress(r);
    if (catalog_job_end(s->env.catalog, r->row.id, sched_now(s), outcome, r->err.code, reason,
                        &err) == 0) {
        queue_ended(r, outcome, r->row.reason);
        return;
    }
    catalog_trouble(s, "record the end of a job (it will be tried again)", &err);
    r->ending = true;
    r->alarm.fire = end_again;
    r->alarm.ctx = r;
    s->env.clock->ops->after(s->env.clock, &r->alarm, END_AGAIN_S);
}

void run_cancel(struct run *r)
{
    if (r->ending)
        return;
    if (!r->admitted) {
        err_set(&r->err, ERR_CANCELED, "cancelled on request");
        queue_end(r, OUTCOME_ABORTED, "cancelled on request, before it started");
    } else {
        job_cancel(r);
    }
}
