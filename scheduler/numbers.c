/* SPDX-License-Identifier: MIT
 *
 * A catalog that was put back to an older state would give the numbers of jobs a second time, and
 * with them the names of bitmaps and points.  So numbers go on above every one that was seen, and a
 * job that waits under one of those fails: its retry gets a new one.
 *
 * Numbers that had to be raised are all that tells of an older state when no point does.  So with
 * them the catalog keeps that it is behind, and it gives no copy to any repository until it is
 * rebuilt.
 */
#include "scheduler/numbers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/names.h"
#include "base/text.h"
#include "scheduler/core.h"
#include "scheduler/lacks.h"
#include "scheduler/queue.h"
#include "storage/repository/repository.h"

/* What is seen on the way through one place. */
struct seen_numbers {
    int64_t last; /* 0: none */
    int64_t lost; /* the last one that a job of ours bears too, which has not made that; 0: none */
};

/* A place that is looked at late: by then jobs may wait under numbers that a life before this one,
 * of which the catalog knows nothing any more, had given. name: what bears the number. */
static bool is_of_lost_life(struct scheduler *s, int64_t job, const char *name)
{
    const struct job_filter of = {.id = job};
    struct job_list rows = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (job < s->first_job)
        return false;
    if (catalog_jobs(s->env.catalog, &of, &rows, &err) < 0)
        catalog_trouble(&s->jobs, "look for a job", &err);
    for (size_t i = 0; i < rows.n; i++)
        ret = rows.items[i].state == JOB_QUEUED ||
              (rows.items[i].plan.id && name && !str_eq(rows.items[i].plan.id, name) &&
               !str_eq(rows.items[i].plan.checkpoint, name));
    job_list_done(&rows);
    return ret;
}

static void see_number(struct scheduler *s, struct seen_numbers *seen, int64_t job,
                       const char *name)
{
    if (job > seen->last)
        seen->last = job;
    if (job > seen->lost && is_of_lost_life(s, job, name))
        seen->lost = job;
}

static void fall_behind(struct scheduler *s, const char *where, int64_t job)
{
    log_warning("%s has the name of job %lld, which the catalog does not know: was it put back to "
                "an older state? later jobs have higher numbers",
                where, (long long)job);
    s->behind = job;
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (s->jobs.repos.items[i]->compared)
            lacks_say(s->jobs.repos.items[i]);
}

/* What waits since before the catalog was saved has run already, in the life that is not known any
 * more, under the number that it has: that one is not given again. */
static void give_up_waiting(struct scheduler *s, int64_t last)
{
    for (size_t i = s->jobs.runs.n; i-- > 0;) {
        struct job_run *r = s->jobs.runs.items[i];
        struct err why = ERR_INIT;

        if (r->row.state != JOB_QUEUED || r->row.id > last || r->ending || r->err.code != ERR_NONE)
            continue;
        MARK("a job gives its number back");
        err_set(&why, ERR_BUSY,
                "the catalog was put back to an older state, and the number of this job may have "
                "been used since: %s",
                r->type->by_hand ? "begin it again" : "another one is made in its place");
        r->err = why;
        if (!r->admitted) /* else it ends by itself, at its next step */
            queue_end(r, OUTCOME_FAILED, why.msg);
    }
}

/* Numbers that were given twice: what waits under one of them gets another. */
static void saw_lost(struct scheduler *s, const char *where, int64_t job)
{
    struct err err = ERR_INIT;

    MARK("a number was given twice");
    give_up_waiting(s, job);
    if (s->behind >= job)
        return;
    if (catalog_note_behind(s->env.catalog, job, &err) < 0)
        catalog_trouble(&s->jobs, "record that jobs are lacking", &err);
    fall_behind(s, where, job);
}

/* The raising comes last: who is killed before that begins again. */
static void saw_numbers(struct scheduler *s, const char *where, const struct seen_numbers *seen)
{
    struct err err = ERR_INIT;
    int64_t next = 0;
    bool raised = false;

    if (seen->last == 0)
        return;
    if (seen->lost > 0)
        saw_lost(s, where, seen->lost);
    if (catalog_next_job(s->env.catalog, &next, &err) == 0 && next <= seen->last)
        give_up_waiting(s, seen->last);
    if (err.code != ERR_NONE || catalog_raise_job(s->env.catalog, seen->last, &raised, &err) < 0)
        catalog_trouble(&s->jobs, "raise the number of the next job", &err);
    else if (raised)
        fall_behind(s, where, seen->last);
    if (raised)
        MARK("the number of the next job is raised");
}

/* "ID-NUMBER", whatever follows: of this catalog? */
static bool parse_own(const struct scheduler *s, const char *name, int64_t *ret)
{
    CLEANUP_FREE char *prefix = xasprintf("%s-", catalog_id(s->env.catalog));
    char *end;

    if (!starts_with(name, prefix))
        return false;
    name += strlen(prefix);
    if (*name < '1' || *name > '9')
        return false;
    *ret = strtoll(name, &end, 10);
    return end - name <= 18;
}

void numbers_saw_domain(struct scheduler *s, const char *domain, const struct domain_facts *facts)
{
    static const char prefix[] = "vmkeep-";
    struct seen_numbers seen = {0};
    int64_t job;

    if (facts->job_tag && parse_own(s, facts->job_tag, &job))
        see_number(s, &seen, job, NULL);
    for (size_t i = 0; i < facts->disks.n; i++) {
        const struct disk_facts *d = &facts->disks.items[i];

        for (size_t k = 0; k < d->bitmaps.n; k++) {
            CLEANUP_FREE char *name = bitmap_checkpoint(d->bitmaps.items[k].name);

            if (starts_with(name, prefix) && parse_own(s, name + strlen(prefix), &job))
                see_number(s, &seen, job, name);
        }
    }
    saw_numbers(s, domain, &seen);
}

static void saw_ids(const struct repo *r, const struct strlist *ids, struct seen_numbers *seen)
{
    for (size_t i = 0; i < ids->n; i++) {
        CLEANUP_FREE char *maker = NULL;
        int64_t job;

        if (point_id_maker(ids->items[i], &maker, &job) &&
            str_eq(maker, catalog_id(r->env->catalog)))
            see_number(scheduler_of(r->env), seen, job, ids->items[i]);
    }
}

void numbers_saw_points(struct repo *r, const struct survey *found)
{
    struct seen_numbers seen = {0};

    saw_ids(r, &found->unknown, &seen);
    saw_ids(r, &found->unfinished, &seen);
    saw_numbers(scheduler_of(r->env), r->path, &seen);
}

void numbers_saw_copy(const struct repo *r, int64_t last_job)
{
    struct scheduler *s = scheduler_of(r->env);
    struct seen_numbers seen = {.last = last_job};
    int64_t next = 0;
    struct err ignored = ERR_INIT; /* saw_numbers asks too */

    if (last_job >= s->first_job && last_job > s->copies.brought &&
        catalog_next_job(s->env.catalog, &next, &ignored) == 0 && next > last_job) {
        MARK("only a copy tells of numbers that were given twice");
        seen.lost = last_job;
    }
    saw_numbers(s, r->path, &seen);
}
