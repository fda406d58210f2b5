/* SPDX-License-Identifier: MIT
 *
 * A verification: points of one domain under one policy, in one repository, are read.
 *
 *   queued -> reading (a part of a disk of a point, one after another) -> done
 *
 * What it is about is in the catalog from the moment that it is queued (table job_point); how far
 * it has come, after each part (job_reading).  So a daemon that is killed goes on with it where it
 * was, and loses a part at most.  What is found is recorded at once: of a point that is damaged,
 * that it is so, and what stands on it.
 *
 * It holds the chain that it reads, so nothing of it is let go of by us; what is read is locked
 * (storage/repository/point_hold.h), so nor is it by anybody else.  Backups go on beside it.  But
 * whoever waits for what it has goes first: it ends, and another job reads the rest when its turn
 * comes. So it does when the daemon is stopped.
 */
#include "jobs/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/survey.h"
#include "jobs/verify_count.h"
#include "policies/verification.h"
#include "storage/catalog/catalog_reading.h"

#define PART (UINT64_C(64) << 30) /* of a disk's capacity, at one go */

enum verify_state { V_QUEUED, V_READING, V_DONE };

struct verify_run {
    struct job_run run;
    struct strlist points; /* to be read; */
    size_t next;           /* the one at work */
    size_t disk;           /* of it */
    struct point now;      /* that point, as the catalog has it */
    struct job_reading at; /* .point NULL: it has not been begun */
    struct proof found;
    uint64_t part;         /* its end; 0: the disk's */
    uint64_t bytes_before; /* read by the parts that are done */
    uint64_t bytes_rest;   /* of the points that come after the part, about */
    bool gives_way;
    int64_t gives_way_to; /* 0: the daemon stops */
};

static struct verify_run *verify_of(const struct job_run *r)
{
    return (struct verify_run *)r;
}

static void done(struct job_run *r)
{
    struct verify_run *run = verify_of(r);

    strlist_done(&run->points);
    point_done(&run->now);
    job_reading_done(&run->at);
    proof_done(&run->found);
}

/* ---- which ones ---- */

static int load_points(struct job_run *r, struct point_list *ret, struct err *err)
{
    const struct point_filter of = {.host = r->row.host,
                                    .domain = r->row.domain,
                                    .policy = r->row.policy,
                                    .repository = r->row.repository};

    return catalog_points(r->env->catalog, &of, ret, err);
}

static bool can_be_read(const struct point *p)
{
    return p->state != POINT_DELETING;
}

/* What its disks take, with what they stand on. */
static uint64_t bytes_of(const struct point_list *points, const struct point *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++)
        sum += proof_bytes(points, p, p->disks.items[i].name);
    return sum;
}

/* What has been read by this job is not read again. */
static bool is_left(const struct job_run *r, const struct point *p)
{
    return p && can_be_read(p) && p->read.job != r->row.id;
}

/* Which slice of how many; of one that was begun before, the same. */
static void choose_slice(struct job_run *r, const struct point *p, struct job_reading *ret)
{
    const struct config_policy *policy = config_policy_find(r->env->config, p->policy);
    int64_t now = env_now(r->env);
    int percent = r->row.sample;

    if (!percent)
        percent = policy ? verification_share(&policy->verify, p, now,
                                              verification_next(&policy->verify, r->env->zone, now))
                         : 100;
    ret->slices = sample_slices(percent);
    ret->slice = ret->slices > 1 && p->read.slices == ret->slices
                     ? (p->read.slice + 1) % ret->slices
                     : sample_of_day(p->id, now, ret->slices);
}

/* The disk of the point that was being read, or its first. */
static void find_place(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    struct job_reading fresh = {0};

    run->disk = 0;
    if (str_eq(run->at.point, run->now.id)) {
        while (run->disk < run->now.disks.n &&
               !str_eq(run->now.disks.items[run->disk].name, run->at.disk))
            run->disk++;
        if (run->disk < run->now.disks.n)
            return;
        run->disk = 0;
    }
    choose_slice(r, &run->now, &fresh);
    fresh.point = xstrdup(run->now.id);
    fresh.disk = xstrdup(run->now.disks.n ? run->now.disks.items[0].name : "");
    fresh.result = xstrdup(proof_state_name(PROOF_WHOLE));
    job_reading_done(&run->at);
    run->at = fresh;
}

/* The next point that is there still; false: there is none, or r->err. */
static bool pick(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    CLEANUP(point_list_done) struct point_list points = {0};
    bool found = false;

    if (load_points(r, &points, &r->err) < 0)
        return false;
    run->bytes_rest = 0;
    for (size_t i = run->next; i < run->points.n; i++) {
        const struct point *p = point_list_find(&points, run->points.items[i]);

        if (!is_left(r, p) || p->disks.n == 0)
            continue;
        if (found) {
            run->bytes_rest += bytes_of(&points, p);
            continue;
        }
        found = true;
        run->next = i;
        point_done(&run->now);
        point_copy(&run->now, p);
        find_place(r);
        for (size_t k = run->disk + 1; k < p->disks.n; k++)
            run->bytes_rest += proof_bytes(&points, p, p->disks.items[k].name);
    }
    if (run->at.slices > 1)
        run->bytes_rest /= run->at.slices;
    return found;
}

/* ---- giving way ---- */

/* Somebody waits for what we have; NULL: nobody does. */
static const struct job_run *somebody_waits(const struct job_run *r)
{
    for (size_t i = 0; i < r->env->runs.n; i++) {
        const struct job_run *other = r->env->runs.items[i];

        if (other == r || other->admitted || other->type == r->type)
            continue;
        if (other->obstacle.job == r->row.id ||
            (other->type->makes_points && other->obstacle.code == OBSTACLE_REPO_LIMIT &&
             str_eq(other->row.repository, r->row.repository)))
            return other;
    }
    return NULL;
}

static bool must_give_way(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    const struct job_run *other = somebody_waits(r);

    if (r->canceled || run->gives_way || (!other && !r->env->draining))
        return run->gives_way;
    MARK("a verification gives way");
    run->gives_way = true;
    run->gives_way_to = other ? other->row.id : 0;
    return true;
}

static void on_progress(void *ctx, uint64_t now, uint64_t total)
{
    struct job_run *r = ctx;
    struct verify_run *run = verify_of(r);
    bool gave_way = run->gives_way;

    r->row.bytes_done = run->bytes_before + now;
    r->row.bytes_total = run->bytes_before + total + run->bytes_rest;
    job_looked(r);
    r->env->ops->changed(r);
    if (r->op && !gave_way && must_give_way(r))
        op_cancel(r->op);
}

/* ---- reading ---- */

static uint64_t bandwidth_of(const struct job_run *r)
{
    const struct config_policy *p = config_policy_find(r->env->config, r->row.policy);

    if (!p)
        return 0;
    return p->verify.bandwidth ? p->verify.bandwidth : p->bandwidth;
}

static int after_queued(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    bool known = false;

    if (catalog_job_points(r->env->catalog, r->row.id, &run->points, &r->err) < 0 ||
        catalog_job_reading(r->env->catalog, r->row.id, &run->at, &known, &r->err) < 0)
        return V_DONE;
    if (r->row.state == JOB_QUEUED) {
        if (catalog_job_start(r->env->catalog, r->row.id, env_now(r->env), LEVEL_FULL, r->row.why,
                              NULL, &r->err) < 0)
            return V_DONE;
        r->row.state = JOB_RUNNING;
        r->row.started = env_now(r->env);
    }
    run->bytes_before = r->row.bytes_done;
    if (!r->repo) {
        err_set(&r->err, ERR_NOTFOUND, "repository %s is not configured any more",
                r->row.repository);
        return V_DONE;
    }
    return pick(r) ? V_READING : V_DONE;
}

static struct op *start_reading(struct job_run *r, struct err *err)
{
    struct verify_run *run = verify_of(r);
    const struct point_disk *d = &run->now.disks.items[run->disk];
    struct store_proof q = {
        .point = run->now.id,
        .disk = d->name,
        .sample = {.slice = run->at.slice, .slices = run->at.slices, .from = run->at.offset},
        .bandwidth = bandwidth_of(r),
        .progress = on_progress,
        .progress_ctx = r};

    run->part = run->at.offset + PART < d->capacity ? run->at.offset + PART : 0;
    q.sample.to = run->part;
    proof_done(&run->found);
    return r->repo->store->ops->prove(r->repo->store, &q, &run->found, job_on_op, r, err);
}

static int mark_damaged(struct job_run *r, const char *point, const char *problem)
{
    CLEANUP_FREE char *text = xasprintf("found by verification: %s", problem);

    if (survey_found_damage(r->env, r->repo, point, text, &r->err) == 0)
        return 0;
    /* It went meanwhile, by another process: there is nothing to mark. */
    if (r->err.code != ERR_NOTFOUND)
        return -1;
    r->err = ERR_INIT;
    return 0;
}

/* What was found of a part is in the catalog before the next one is read. */
static int record_damage(struct job_run *r)
{
    const struct proof *f = &verify_of(r)->found;

    if (f->state == PROOF_MISSING)
        r->env->ops->look_again(r->repo);
    if (f->state == PROOF_DAMAGED && f->bad_point && mark_damaged(r, f->bad_point, f->problem) < 0)
        return -1;
    for (size_t i = 0; i < f->disks.n; i++) {
        const struct proof_disk *d = &f->disks.items[i];
        CLEANUP_FREE char *text =
            xasprintf("disk %s: %s%s%s", d->name, d->problem ? d->problem : "",
                      d->saved ? "; " : "", d->saved ? d->saved : "");

        if (d->state == PROOF_DAMAGED && d->bad_point && mark_damaged(r, d->bad_point, text) < 0)
            return -1;
    }
    return 0;
}

/* All of the point was read, or what was to be read of it. */
static int record_point(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    bool whole = str_eq(run->at.result, proof_state_name(PROOF_WHOLE));
    const struct point_reading found = {.at = env_now(r->env),
                                        .slice = run->at.slice,
                                        .slices = run->at.slices,
                                        .job = r->row.id,
                                        .result = run->at.result};

    if (catalog_point_read(r->env->catalog, run->now.id, &found, &r->err) < 0) {
        if (r->err.code != ERR_NOTFOUND)
            return -1;
        r->err = ERR_INIT;
        return 0;
    }
    if (!whole || run->at.slices > 1 || !run->now.damage)
        return 0;
    log_notice("point %s was read, and is whole", run->now.id);
    if (catalog_point_set_damage(r->env->catalog, run->now.id, NULL, &r->err) < 0)
        return -1;
    r->env->ops->look_again(r->repo);
    return 0;
}

/* The place behind the part; true: it is in the same point. */
static bool go_on(struct verify_run *run)
{
    bool all = run->found.disks.n > 0 && run->found.disks.items[0].all;

    if (run->part && run->found.disks.n > 0 && !all) {
        run->at.offset = run->part;
        return true;
    }
    run->at.offset = 0;
    if (run->found.disks.n == 0 || ++run->disk >= run->now.disks.n)
        return false;
    free(run->at.disk);
    run->at.disk = xstrdup(run->now.disks.items[run->disk].name);
    return true;
}

static int note_part(struct job_run *r)
{
    struct verify_run *run = verify_of(r);

    if (run->found.state > proof_state_from_name(run->at.result)) {
        free(run->at.result);
        run->at.result = xstrdup(proof_state_name(run->found.state));
    }
    for (size_t i = 0; i < run->found.disks.n; i++)
        run->bytes_before += run->found.disks.items[i].bytes;
    r->row.bytes_done = run->bytes_before;
    job_save_progress(r);
    if (record_damage(r) < 0)
        return -1;
    if (go_on(run))
        return catalog_job_reading_put(r->env->catalog, r->row.id, &run->at, &r->err);
    if (record_point(r) < 0)
        return -1;
    job_reading_done(&run->at);
    run->next++;
    return 0;
}

static int after_reading(struct job_run *r)
{
    struct verify_run *run = verify_of(r);

    if (r->op_err.code == ERR_CANCELED && run->gives_way && !r->canceled)
        return V_DONE;
    if (job_is_bad(r))
        return V_DONE;
    if (note_part(r) < 0)
        return V_DONE;
    if (r->canceled || !pick(r))
        return V_DONE;
    return must_give_way(r) ? V_DONE : V_READING;
}

/* ---- the end ---- */

/* What is left is another job's. */
static void queue_rest(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    CLEANUP(strlist_done) struct strlist rest = {0};
    struct job_run *again;
    struct err err = ERR_INIT;
    struct job row = {
        .kind = verify_type.kind,
        .host = r->row.host,
        .domain = r->row.domain,
        .policy = r->row.policy,
        .repository = r->row.repository,
        .why = (char *)(run->gives_way_to ? "the rest of a verification that gave way"
                                          : "the rest of a verification: the daemon was stopped"),
        .due = r->row.due,
        .sample = r->row.sample,
        .points = &rest,
    };

    for (size_t i = run->next; i < run->points.n; i++)
        strlist_add(&rest, run->points.items[i]);
    if (rest.n == 0)
        return;
    if (r->env->ops->add(r->env, &row, &again, &err) < 0) {
        catalog_trouble(r->env, "queue the rest of a verification", &err);
        return;
    }
    r->rest = again->row.id;
    if (run->at.point &&
        catalog_job_reading_put(r->env->catalog, again->row.id, &run->at, &err) < 0)
        catalog_trouble(r->env, "note how far a verification has come", &err);
}

static int after_done(struct job_run *r)
{
    struct verify_run *run = verify_of(r);
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP_FREE char *text = NULL;
    struct verify_count c = {0};
    struct err err = ERR_INIT;
    char reason[ERR_MSG_MAX];

    if (load_points(r, &points, &err) == 0)
        verify_count(&points, r->row.id, &c);
    text = verify_count_text(&c);
    if (r->canceled) {
        snprintf(reason, sizeof(reason), "cancelled on request; %s", text);
        r->env->ops->end(r, OUTCOME_ABORTED, reason);
        return JOB_STAYS;
    }
    if (r->err.code != ERR_NONE) {
        snprintf(reason, sizeof(reason), "%s; %s", r->err.msg, text);
        r->env->ops->end(r, OUTCOME_FAILED, reason);
        return JOB_STAYS;
    }
    if (run->gives_way && run->gives_way_to)
        snprintf(reason, sizeof(reason), "%s; the rest gives way to job %lld, and comes after it",
                 text, (long long)run->gives_way_to);
    else
        snprintf(reason, sizeof(reason), "%s%s", text,
                 run->gives_way ? "; the rest when the daemon runs again" : "");
    if (run->gives_way)
        queue_rest(r);
    r->env->ops->end(r, c.worst ? OUTCOME_FAILED : OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}

#define TO(s) JOB_BIT(V_##s)

static const struct job_step steps[] = {
    [V_QUEUED] = {"queued", TO(READING) | TO(DONE), NULL, after_queued, 0, 0},
    [V_READING] = {"reading", TO(READING) | TO(DONE), start_reading, after_reading,
                   JOB_CANCELABLE | JOB_COPIES, V_READING},
    [V_DONE] = {"done", 0, NULL, after_done, JOB_FINAL | JOB_DECIDED, 0},
    [V_DONE + 1] = {0},
};

static const char *const doing[] = {
    [V_QUEUED] = "beginning",
    [V_READING] = "reading points",
    [V_DONE] = "ending",
};

static int resume(struct job_run *r, int go_on_in)
{
    (void)go_on_in;
    MARK("a verification goes on after a restart");
    return after_queued(r);
}

/* It does not count against the limits of those that make points, and has one of its own. */
static void claims(const struct job_run *r, struct job_claims *ret)
{
    (void)r;
    ret->chain = CHAIN_READ;
    ret->limited = false;
}

const struct job_type verify_type = {
    .kind = JOB_VERIFY,
    .failure_stays = true,
    .size = sizeof(struct verify_run),
    .steps = steps,
    .doing = doing,
    .done = done,
    .resume = resume,
    .claims = claims,
    .limit = offsetof(struct config_limits, verify),
};
