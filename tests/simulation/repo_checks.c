/* SPDX-License-Identifier: MIT
 *
 * What may be removed from a simulated repository, and what may be made there; see sim.h. */
#include "tests/simulation/repo.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/dates.h"

/* ---- numbers ---- */

/* A job makes one point, but as many copies as there are to be made. */
static bool same_number(const struct point *a, const struct point *b)
{
    return !(a->copy_of && b->copy_of) && a->job == b->job && str_eq(a->catalog, b->catalog) &&
           !str_eq(a->id, b->id);
}

void sim_check_number(const struct sim_repo *r, const struct point *plan)
{
    for (size_t i = 0; i < r->here.points.n; i++)
        if (same_number(&r->here.points.items[i]->point, plan))
            sim_broken("%s is begun, and job %lld has made %s before", plan->id,
                       (long long)plan->job, r->here.points.items[i]->point.id);
}

/* ---- removals ---- */

static bool job_ended_well(struct catalog *c, const struct point *p)
{
    const struct job_filter of = {.domain = p->domain, .policy = p->policy, .id = p->job};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_jobs(c, &of, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n; i++)
        ret = ret ||
              (jobs.items[i].outcome == OUTCOME_SUCCESS && str_eq(jobs.items[i].plan.id, p->id));
    job_list_done(&jobs);
    return ret;
}

/* What was published but never recorded (its job was interrupted, and given up later) is no
 * point.  A catalog that was put back or made anew is not asked. */
static bool was_recorded(struct sim_world *w, struct sim_stored *p)
{
    if (!p->recorded && !w->daemons[w->acting].forgets)
        p->recorded = job_ended_well(w->catalog, &p->point);
    return p->recorded;
}

void sim_note_recorded(struct sim_world *w, int daemon, struct catalog *c)
{
    struct sim_medium *media[] = {&w->repo.here, &w->repo.aside};

    for (size_t m = 0; m < ARRAY_LEN(media); m++) {
        for (size_t i = 0; i < media[m]->points.n; i++) {
            struct sim_stored *p = media[m]->points.items[i];

            if (p->published && !p->recorded && sim_daemon_of(w, p->point.catalog) == daemon)
                p->recorded = job_ended_well(c, &p->point);
        }
    }
}

bool sim_last_good(struct catalog *c, const char *domain, const char *policy, struct point *ret)
{
    const struct point_filter of = {.host = "sim", .domain = domain, .policy = policy};
    struct point_list points = {0};
    const struct point *last;
    struct err err = ERR_INIT;

    if (catalog_points(c, &of, &points, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    last = points_last_made(&points, policy, catalog_id(c));
    if (last)
        point_copy(ret, last);
    point_list_done(&points);
    return last != NULL;
}

static void check_is_not_the_last(struct sim_world *w, struct sim_stored *doomed)
{
    const struct point *d = &doomed->point;
    struct point last = {0};
    bool found = sim_last_good(w->catalog, d->domain, d->policy, &last);

    bool others = found && strcmp(last.id, d->id) != 0;

    /* What is half gone is no point any more, whatever is found in the others meanwhile; and what
     * is damaged is no good one. */
    if (!others && !doomed->removal.let_go && was_recorded(w, doomed) &&
        !sim_is_harmed(&w->repo, d->id))
        sim_broken("%s is removed, the last good point of its domain", d->id);
    doomed->removal.let_go = doomed->removal.let_go || others;
    point_done(&last);
}

static bool same_chain(const struct point *a, const struct point *b)
{
    return strcmp(a->domain, b->domain) == 0 && strcmp(a->policy, b->policy) == 0;
}

/* A later run has an earlier date, or the same, by a clock that was set back.  Of the one of the
 * two that was made first its date is doubted then, and it is set aside for a month; but at the
 * very same second nobody can tell that they are wrong. */
static bool was_overtaken(const struct sim_repo *r, const struct sim_stored *stored)
{
    for (size_t i = 0; i < r->here.points.n; i++) {
        const struct sim_stored *p = r->here.points.items[i];
        int64_t fall = stored->point.created - p->point.created;

        if (p->made_ms > stored->made_ms && (fall == 0 || fall > DATE_SLACK) &&
            same_chain(&p->point, &stored->point))
            return true;
    }
    return false;
}

static int by_making(const void *a, const void *b)
{
    const struct sim_stored *const *x = a, *const *y = b;

    return (*x)->made_ms < (*y)->made_ms ? -1 : (*x)->made_ms > (*y)->made_ms;
}

/* The clock was wrong when it was made, and its date fits all the same: nobody can tell it from a
 * right one, for the most that fit together are right (policies/dates.h, with tests of its own). */
static bool seems_right(const struct sim_repo *r, const struct sim_stored *stored)
{
    const size_t all = r->here.points.n;
    const struct sim_stored **made = xcalloc(all, sizeof(const struct sim_stored *));
    int64_t *times = xcalloc(all, sizeof(*times));
    enum date_fault *faults = xcalloc(all, sizeof(*faults));
    bool ret = false;
    size_t n = 0;

    for (size_t i = 0; i < all; i++) {
        const struct sim_stored *p = r->here.points.items[i];

        if (p->published && same_chain(&p->point, &stored->point) &&
            strcmp(p->point.catalog, stored->point.catalog) == 0)
            made[n++] = p;
    }
    qsort(made, n, sizeof(const struct sim_stored *), by_making);
    for (size_t i = 0; i < n; i++)
        times[i] = made[i]->point.created;
    dates_judge(times, n, sim_wall(r->w), faults);
    for (size_t i = 0; i < n; i++)
        ret |= made[i] == stored && faults[i] == DATE_RIGHT;
    free(made);
    free(times);
    free(faults);
    return ret;
}

/* Rules go by dates: of two points between which the clock was set back a little, either may count
 * as the younger one. */
static bool is_younger(const struct sim_stored *p, const struct sim_stored *than)
{
    return p->made_ms > than->made_ms || p->point.created > than->point.created;
}

/* All policies here keep the last three.  Neither ghosts nor points whose date is seen to be wrong
 * count among them. */
static void check_others_stay(struct sim_repo *r, struct sim_stored *doomed)
{
    int later = 0, daemon = sim_daemon_of(r->w, doomed->point.catalog);

    if (doomed->wrong_date || !sim_is_whole(r, doomed->point.id) || !was_recorded(r->w, doomed) ||
        was_overtaken(r, doomed))
        return;
    for (size_t i = 0; i < r->here.points.n; i++) {
        const struct sim_stored *p = r->here.points.items[i];

        later += p->published && (!p->wrong_date || seems_right(r, p)) && is_younger(p, doomed) &&
                 same_chain(&p->point, &doomed->point) &&
                 sim_daemon_of(r->w, p->point.catalog) == daemon && sim_is_whole(r, p->point.id);
    }
    if (later < 3)
        sim_broken("%s is removed, and only %d whole points are younger", doomed->point.id, later);
}

/* The rules cannot judge what the catalog does not know. */
static void check_all_known(struct sim_repo *r, const struct sim_stored *doomed)
{
    const struct point_filter of = {.domain = doomed->point.domain};
    struct point_list known = {0};
    struct err err = ERR_INIT;

    if (catalog_points(r->w->catalog, &of, &known, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < r->here.points.n; i++) {
        const struct sim_stored *p = r->here.points.items[i];

        if (p != doomed && p->published && p->recorded &&
            strcmp(p->point.domain, doomed->point.domain) == 0 &&
            sim_daemon_of(r->w, p->point.catalog) == r->w->acting &&
            !point_list_find(&known, p->point.id))
            sim_broken("%s is removed, and the catalog does not know %s", doomed->point.id,
                       p->point.id);
    }
    point_list_done(&known);
}

/* Has somebody named it?  *ret_force: as the last good one, too. */
static bool is_asked_for(struct catalog *c, const char *id, bool *ret_force)
{
    const struct job_filter open = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_jobs(c, &open, &jobs, &err) < 0)
        sim_broken("catalog: %s", err.msg);
    for (size_t i = 0; i < jobs.n && !ret; i++) {
        CLEANUP(strlist_done) struct strlist points = {0};

        if (!str_eq(jobs.items[i].kind, JOB_DELETE) || jobs.items[i].state != JOB_RUNNING)
            continue;
        if (catalog_job_points(c, jobs.items[i].id, &points, &err) < 0)
            sim_broken("catalog: %s", err.msg);
        ret = strlist_has(&points, id);
        *ret_force = ret && jobs.items[i].force;
    }
    job_list_done(&jobs);
    return ret;
}

static void check_rules(struct sim_repo *r, struct sim_stored *doomed, bool by_rules)
{
    bool force = false, asked = is_asked_for(r->w->catalog, doomed->point.id, &force);

    r->w->counts.deleted += asked;
    /* What was begun by name may be finished by a prune. */
    doomed->removal.asked = doomed->removal.asked || asked;
    doomed->removal.forced = doomed->removal.forced || force;
    /* By name a damaged one may go, though there is no good one beside it. */
    if (!doomed->removal.forced && (!doomed->removal.asked || sim_is_whole(r, doomed->point.id)))
        check_is_not_the_last(r->w, doomed);
    if (doomed->removal.asked)
        return;
    check_others_stay(r, doomed);
    if (by_rules)
        check_all_known(r, doomed);
}

void sim_removal_refused(struct sim_stored *p)
{
    p->removal = (struct sim_removal){0};
}

void sim_check_removal(struct store *s, const char *id, const char *into, bool by_rules)
{
    struct sim_repo *r = sim_store_repo(s);
    struct sim_stored *doomed = sim_stored_find(r, id);

    if (!doomed || !sim_store_is_there(s))
        return;
    if (sim_daemon_of(r->w, doomed->point.catalog) != r->w->acting)
        sim_broken("%s is removed by daemon %d, which has not made it", id, r->w->acting);
    if (!doomed->published)
        return;
    if (sim_is_pinned(r, id) && !r->w->daemons[r->w->acting].forgets)
        sim_broken("%s is removed, and pinned", id);
    for (size_t i = 0; i < r->here.points.n; i++) {
        const struct sim_stored *p = r->here.points.items[i];

        for (size_t k = 0; k < p->point.disks.n && !p->orphan; k++)
            if (str_eq(p->point.disks.items[k].backing, id) && !str_eq(p->point.id, into))
                sim_broken("%s is removed, but %s stands on it", id, p->point.id);
    }
    check_rules(r, doomed, by_rules);
}
