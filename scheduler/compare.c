/* SPDX-License-Identifier: MIT
 *
 * The catalog held against the repositories and the hypervisors: does it know what it should?
 *
 * One that was put back to an older state lacks the points that were made since, and would give the
 * numbers of jobs, of which the names of bitmaps and points are made, a second time; one that was
 * lost lacks them all.  What a look finds that the catalog does not know is said once in the log,
 * and in `status` and `doctor` until it is known.  Meanwhile
 *
 * - numbers go on above every one that was seen, and a job that waits under one of those fails: its
 *   retry gets a new one;
 * - of a domain with such points nothing is let go, for the rules would judge without them, nor
 *   before it is known whether there are any;
 * - bitmaps that such points go by stay;
 * - no copy of the catalog goes where a better one may lie (copies.c).
 *
 * Numbers that had to be raised are all that tells of an older state when no point does.  So with
 * them the catalog keeps that it is behind, and it gives no copy to any repository until it is
 * rebuilt.
 */
#include "scheduler/scheduler_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/names.h"
#include "base/text.h"
#include "storage/repository.h"

/* ---- numbers ---- */

static void say(struct repo *r);

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
        catalog_trouble("look for a job", &err);
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
            say(s->jobs.repos.items[i]);
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
                "been used since: another one is made in its place");
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
        catalog_trouble("record that jobs are lacking", &err);
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
        catalog_trouble("raise the number of the next job", &err);
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

void compare_saw_domain(struct scheduler *s, const char *domain, const struct domain_facts *facts)
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

/* ---- points ---- */

static size_t count(const struct repo *r, enum unknown_whose whose, const char **ret_catalog)
{
    size_t n = 0;

    for (size_t i = 0; i < r->watch->unknown.points.n; i++) {
        if (r->watch->unknown.points.items[i].whose != whose)
            continue;
        *ret_catalog = r->watch->unknown.points.items[i].catalog;
        n++;
    }
    return n;
}

static char *join(char *before, char *more)
{
    char *ret = before ? xasprintf("%s; %s", before, more) : xstrdup(more);

    free(before);
    free(more);
    return ret;
}

/* One sentence; NULL: the catalog knows all. Caller frees. */
static char *describe(const struct repo *r)
{
    const char *catalog = NULL;
    char *ret = NULL;
    size_t n;

    if ((n = count(r, UNKNOWN_OURS, &catalog)) > 0)
        ret =
            join(ret, xasprintf("%zu point%s there that the catalog does not know: it was put back "
                                "to an older state, or lost",
                                n, n == 1 ? " is" : "s are"));
    if ((n = count(r, UNKNOWN_FORMER, &catalog)) > 0)
        ret =
            join(ret, xasprintf("%zu point%s there of catalog %s, which was in the place of this "
                                "one (%s) and is lost",
                                n, n == 1 ? " is" : "s are", catalog, catalog_id(r->env->catalog)));
    if ((n = count(r, UNKNOWN_STRAY, &catalog)) > 0)
        ret = join(ret, xasprintf("%zu point%s there of another catalog, %s", n,
                                  n == 1 ? " is" : "s are", catalog ? catalog : "not known"));
    if (r->watch->n_missing > 0)
        ret = join(ret, xasprintf("%zu point%s that the catalog knows %s not there",
                                  r->watch->n_missing, r->watch->n_missing == 1 ? "" : "s",
                                  r->watch->n_missing == 1 ? "is" : "are"));
    if (r->watch->unexamined)
        ret = join(ret, xasprintf("whose points are there could not be found out: %s",
                                  r->watch->unexamined));
    if (scheduler_of(r->env)->behind > 0)
        ret = join(ret, xasprintf("the catalog was put back to an older state, and lacks jobs up "
                                  "to %lld; no copy of it is made until it is rebuilt",
                                  (long long)scheduler_of(r->env)->behind));
    return ret;
}

static void say(struct repo *r)
{
    CLEANUP_FREE char *text = describe(r);
    struct err err = ERR_INIT;

    if (text && !str_eq(text, r->watch->difference))
        log_warning("repository %s: %s%s", r->name, text,
                    r->watch->unknown.points.n > 0 || scheduler_of(r->env)->behind > 0
                        ? "; see `vmkeep rebuild-catalog`"
                        : "");
    else if (!text && r->watch->difference)
        log_notice("repository %s: the catalog knows all that is there", r->name);
    free(r->watch->difference);
    r->watch->difference = TAKE_PTR(text);
    if (catalog_seen_put(r->env->catalog, "difference", r->name,
                         r->watch->difference ? "differs" : "ok", r->watch->difference, NULL,
                         env_now(r->env), &err) < 0)
        catalog_trouble("record what was seen", &err);
}

static bool is_being_made(const struct scheduler *s, const char *id)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++)
        if (str_eq(s->jobs.runs.items[i]->row.plan.id, id))
            return true;
    return false;
}

/* What was published while the look went on, or is about to be recorded, is known. */
static void leave_out_known(struct repo *r)
{
    const struct point_filter of = {.repository = r->name};
    struct point_list known = {0};
    struct err ignored = ERR_INIT; /* more is said to be unknown then */
    size_t n = 0;

    if (r->watch->unknown.points.n == 0)
        return;
    catalog_points(r->env->catalog, &of, &known, &ignored);
    for (size_t i = 0; i < r->watch->unknown.points.n; i++) {
        struct unknown_point *p = &r->watch->unknown.points.items[i];

        if (point_list_find(&known, p->id) || is_being_made(scheduler_of(r->env), p->id))
            unknown_point_done(p);
        else
            r->watch->unknown.points.items[n++] = *p;
    }
    r->watch->unknown.points.n = n;
    point_list_done(&known);
}

/* The prunes that were to be finished after the start have waited for this, and so have backups
 * that found the repository there before us. */
static void note_compared(struct repo *r)
{
    bool first = !r->compared;

    r->compared = true;
    r->gave_way = 0;
    if (first && scheduler_of(r->env)->settled)
        recover_late(scheduler_of(r->env));
    for (size_t i = 0; first && i < scheduler_of(r->env)->jobs.runs.n; i++) {
        struct job_run *run = scheduler_of(r->env)->jobs.runs.items[i];

        if (run->admitted && run->repo == r && !run->ending &&
            (job_step_of(run)->flags & JOB_UNTIL_COMPARED))
            job_wake(run);
    }
}

/* The copies of the catalog there speak of jobs up to that one. */
static void saw_copy(const struct repo *r, int64_t last_job)
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

static void cannot_examine(struct repo *r, const struct err *err)
{
    MARK("whose points are there cannot be found out");
    free(r->watch->unexamined);
    r->watch->unexamined = xstrdup(err->msg);
    say(r);
}

static void on_examined(void *ctx, const struct err *err)
{
    struct repo *r = ctx;
    struct scheduler *s = scheduler_of(r->env);

    if (s->jobs.dead)
        return;
    r->watch->examining = NULL;
    if (err) {
        unknown_done(&r->watch->examined);
        cannot_examine(r, err);
    } else {
        free(TAKE_PTR(r->watch->unexamined));
        unknown_done(&r->watch->unknown);
        r->watch->unknown = r->watch->examined;
        r->watch->examined = (struct unknown){0};
        leave_out_known(r);
        saw_copy(r, r->watch->unknown.last_job);
        note_compared(r);
        say(r);
    }
    copies_consider(s);
    settle_if_seen(s);
    repo_release(r);
}

/* Points of a disk that is away are not lacking in the one that took its place. */
static size_t count_missing(const struct repo *r, const struct survey *found)
{
    const struct point_filter of = {.repository = r->name};
    struct point_list known = {0};
    struct err ignored = ERR_INIT; /* more is said to be missing then */
    size_t n = 0;

    if (found->losses.n > 0)
        catalog_points(r->env->catalog, &of, &known, &ignored);
    for (size_t i = 0; i < found->losses.n; i++) {
        const struct survey_loss *loss = &found->losses.items[i];
        const struct point *p = point_list_find(&known, loss->id);

        n += loss->state == POINT_MISSING && !(p && survey_is_elsewhere(r, p));
    }
    point_list_done(&known);
    return n;
}

void compare_repo(struct repo *r, const struct survey *found)
{
    struct scheduler *s = scheduler_of(r->env);
    const struct unknown_asker asker = {catalog_id(s->env.catalog), catalog_path(s->env.catalog)};
    struct err err = ERR_INIT;
    struct seen_numbers seen = {0};

    saw_ids(r, &found->unknown, &seen);
    saw_ids(r, &found->unfinished, &seen);
    saw_numbers(s, r->path, &seen);
    r->watch->n_missing = count_missing(r, found);
    if (r->watch->examining)
        return;
    r->watch->examining = r->store->ops->examine(r->store, &asker, &found->unknown,
                                                 &r->watch->examined, on_examined, r, &err);
    if (r->watch->examining)
        repo_hold(r);
    else
        cannot_examine(r, &err);
}

void compare_newcomer(struct repo *r)
{
    if (!r->compared && !r->watch->probing && !r->watch->surveying && !r->watch->examining)
        watch_repo(scheduler_of(r->env), r);
}

void compare_again(struct scheduler *s)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++)
        if (!s->jobs.repos.items[i]->retired &&
            (s->jobs.repos.items[i]->watch->difference || !s->jobs.repos.items[i]->compared))
            watch_probe(s, s->jobs.repos.items[i]);
}

static bool is_of(const struct unknown_point *p, const char *host, const char *domain)
{
    CLEANUP_FREE char *h = name_escape(host), *d = name_escape(domain);
    CLEANUP_FREE char *prefix = xasprintf("%s/%s/", h, d);

    return p->whose != UNKNOWN_STRAY && starts_with(p->id, prefix);
}

bool compare_lacks(const struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->jobs.repos.n; i++) {
        const struct repo *r = s->jobs.repos.items[i];

        for (size_t k = 0; k < r->watch->unknown.points.n; k++)
            if (is_of(&r->watch->unknown.points.items[k], host, domain))
                return true;
    }
    return false;
}

bool compare_lacks_any(const struct repo *r)
{
    const char *ignored;

    return count(r, UNKNOWN_OURS, &ignored) + count(r, UNKNOWN_FORMER, &ignored) > 0;
}

/* Has each repository been looked at to which a policy brings the domain's points? */
static bool all_compared(struct scheduler *s, const char *host, const char *domain)
{
    for (size_t i = 0; i < s->covers.n; i++) {
        const struct cover *c = &s->covers.items[i];
        const struct config_policy *p = config_policy_find(s->config, c->policy);
        const struct repo *r = p ? repo_find(&s->jobs, p->repository) : NULL;

        if (strcmp(c->host, host) == 0 && strcmp(c->domain, domain) == 0 && r && !r->compared)
            return false;
    }
    return true;
}

bool compare_may_serve(struct scheduler *s, const char *host, const char *domain,
                       const char *bitmap)
{
    if (!all_compared(s, host, domain))
        return true;
    for (size_t i = 0; i < s->jobs.repos.n; i++) {
        const struct repo *r = s->jobs.repos.items[i];

        for (size_t k = 0; k < r->watch->unknown.points.n; k++) {
            const struct unknown_point *p = &r->watch->unknown.points.items[k];
            size_t len = p->checkpoint ? strlen(p->checkpoint) : 0;

            /* A disk's bitmap may carry more than the checkpoint's name. */
            if (len > 0 && is_of(p, host, domain) && strncmp(bitmap, p->checkpoint, len) == 0 &&
                (bitmap[len] < '0' || bitmap[len] > '9'))
                return true;
        }
    }
    return false;
}
