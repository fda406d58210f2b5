/* SPDX-License-Identifier: MIT
 *
 * How a copy ends: recorded, or undone; and how the job does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "jobs/copy_run.h"
#include "jobs/prune.h"
#include "storage/catalog/catalog_copy.h"

#define RECORD_AGAIN_S 10

/* It is published: nothing is undone any more, and what cannot be written now is tried again. */
int copy_after_recording(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);
    struct err err = ERR_INIT;
    uint64_t bytes = 0;

    if (catalog_copy_made(r->env->catalog, r->row.id, &run->published, &err) < 0) {
        catalog_trouble(r->env, "record a finished copy (it will be tried again)", &err);
        job_meets(r, &(struct obstacle){.code = OBSTACLE_CATALOG, .problem = err.msg});
        job_wait(r, RECORD_AGAIN_S);
        return JOB_STAYS;
    }
    for (size_t i = 0; i < run->published.disks.n; i++)
        bytes += run->published.disks.items[i].bytes;
    log_info("job=%lld domain=%s/%s copied %s into %s", (long long)r->row.id, r->row.host,
             r->row.domain, run->published.copy_of, r->row.repository);
    r->repo->known = true;
    run->made++;
    run->written += bytes;
    run->bytes_before = r->row.bytes_done;
    r->row.bytes_total = r->row.bytes_done + run->bytes_rest;
    point_done(&r->row.plan);
    r->resumed = false;
    job_save_progress(r);
    return C_PLANNING;
}

struct op *copy_start_discarding(struct job_run *r, struct err *err)
{
    static const struct store_scratch none = {0};
    struct copy_run *run = copy_of_run(r);

    if (run->reached == MADE_NOTHING)
        return NULL;
    if (!r->repo) {
        err_set(err, ERR_NOTFOUND, "repository %s is not configured any more", r->row.repository);
        return NULL;
    }
    return r->repo->store->ops->discard(r->repo->store, &r->row.plan, run->reached, &none,
                                        job_on_op, r, err);
}

/* Files that could not be removed stay in the catalog, as a point that is being deleted: the next
 * prune removes them. */
int copy_after_discarding(struct job_run *r)
{
    struct copy_run *run = copy_of_run(r);
    struct point debris = r->row.plan;
    bool left = r->op_err.code != ERR_NONE;
    struct err err = ERR_INIT;

    if (left) {
        log_warning("job=%lld domain=%s/%s what was copied of %s stays for now: %s",
                    (long long)r->row.id, r->row.host, r->row.domain,
                    debris.copy_of ? debris.copy_of : "a point", r->op_err.msg);
        debris.state = POINT_DELETING;
        debris.parent = NULL;
        debris.level = LEVEL_FULL;
        if (run->reached != MADE_POINT) /* a row without disks: no finished point goes for it */
            debris.disks.n = 0;
    }
    if (catalog_copy_given_up(r->env->catalog, r->row.id, left ? &debris : NULL, &err) < 0) {
        catalog_trouble(r->env, "record that a copy was undone (it will be tried again)", &err);
        job_meets(r, &(struct obstacle){.code = OBSTACLE_CATALOG, .problem = err.msg});
        job_wait(r, RECORD_AGAIN_S);
        return JOB_STAYS;
    }
    point_done(&r->row.plan);
    r->op_err = ERR_INIT;
    return r->err.code == ERR_NONE && !run->gives_way && run->whole && !left ? C_PLANNING : C_DONE;
}

/* ---- the job ---- */

static void say_made(const struct job_run *r, char *buf, size_t size)
{
    const struct copy_run *run = copy_of_run(r);
    char text[SIZE_TEXT_MAX];

    if (run->made == 0)
        snprintf(buf, size, "nothing to copy: %s has all that its rules keep", r->row.repository);
    else
        snprintf(buf, size, "%zu point%s copied into %s, %s", run->made, plural_s(run->made),
                 r->row.repository, size_text(run->written, text));
}

static void say_gave_way(const struct job_run *r, char *buf, size_t size)
{
    const struct copy_run *run = copy_of_run(r);

    if (run->has_its_name)
        snprintf(buf, size,
                 "%zu point%s copied; the rest comes as a job of its own, for two points are of "
                 "one second",
                 run->made, plural_s(run->made));
    else if (run->gives_way_to)
        snprintf(buf, size,
                 "%zu point%s copied; the rest gives way to job %lld, and comes after it",
                 run->made, plural_s(run->made), (long long)run->gives_way_to);
    else
        snprintf(buf, size, "%zu point%s copied; the rest comes when the daemon runs again",
                 run->made, plural_s(run->made));
}

/* What the copies' own rules let go of, and the rest of what was to be copied. */
static void queue_what_follows(struct job_run *r)
{
    const struct copy_run *run = copy_of_run(r);
    struct job_env *e = r->env;
    const struct prune_scope of = {.host = r->row.host,
                                   .domain = r->row.domain,
                                   .policy = r->row.policy,
                                   .repository = r->row.repository};
    struct job_run *next;
    struct err err = ERR_INIT;
    int rc = 0;

    if (e->draining)
        return;
    if (run->gives_way && !r->canceled) {
        rc = copy_queue(e, r->row.host, r->row.domain, r->row.policy, r->row.repository,
                        run->has_its_name ? "the rest of a copy of points of one second"
                                          : "the rest of a copy that gave way to a backup",
                        &next, &err);
        if (rc == 0)
            r->rest = next->row.id;
    } else if (run->made > 0) {
        rc = prune_queue_if_due(e, &of, "after copying: retention of the copies lets points go",
                                &err);
    }
    if (rc < 0)
        catalog_trouble(e, "queue what follows a copy", &err);
}

int copy_after_done(struct job_run *r)
{
    const struct copy_run *run = copy_of_run(r);
    bool aborted = r->canceled && r->err.code == ERR_CANCELED;
    char reason[ERR_MSG_MAX];

    queue_what_follows(r);
    if (r->err.code != ERR_NONE) {
        r->env->ops->end(r, aborted ? OUTCOME_ABORTED : OUTCOME_FAILED, r->err.msg);
        return JOB_STAYS;
    }
    if (run->gives_way)
        say_gave_way(r, reason, sizeof(reason));
    else
        say_made(r, reason, sizeof(reason));
    r->env->ops->end(r, OUTCOME_SUCCESS, reason);
    return JOB_STAYS;
}
