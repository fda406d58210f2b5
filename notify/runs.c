/* SPDX-License-Identifier: MIT
 *
 * When the runs of a policy begin and end, for the checks that are pinged with it.
 *
 * A run is all backups of a policy from the first that is made until none is queued or running. 
 * What was told of it stands in the catalog as numbers of jobs, written together with the messages
 * that tell it, so a daemon that dies tells neither twice and forgets neither.
 */
#include "notify/notifier_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/notice.h"
#include "storage/catalog/catalog_notify.h"

#define HOUR INT64_C(3600)
#define ACTIVE_MAX 50 /* that are looked at */
#define JOBS_MAX 5000 /* of one run */

static void add_job(struct moved *m, const struct job *j)
{
    if (m->first == 0) {
        m->first = j->id;
        m->began = j->created;
    }
    m->last = j->id;
    m->n++;
    if (j->state != JOB_ENDED && m->first_open == 0)
        m->first_open = j->id;
    if (j->state != JOB_ENDED || j->outcome == OUTCOME_SUCCESS)
        return;
    m->n_bad++;
    free(m->problem);
    m->problem = xasprintf("%s/%s: job %lld %s: %s", j->host, j->domain, (long long)j->id,
                           job_outcome_name(j->outcome), j->reason ? j->reason : "no reason");
}

int run_find_moved(struct catalog *catalog, const char *policy, int64_t after, struct moved *ret,
                   struct err *err)
{
    struct job_filter filter = {.policy = policy};
    struct job_list jobs = {0};
    int64_t next;
    int rc = catalog_next_job(catalog, &next, err);

    /* No more of them can be its. */
    filter.limit = next - after < JOBS_MAX ? (int)(next - after) : JOBS_MAX;
    rc = rc < 0 ? rc : catalog_jobs(catalog, &filter, &jobs, err);
    *ret = (struct moved){0};
    for (size_t i = 0; rc == 0 && i < jobs.n; i++)
        if (jobs.items[i].id > after && strcmp(jobs.items[i].kind, JOB_BACKUP) == 0)
            add_job(ret, &jobs.items[i]);
    job_list_done(&jobs);
    return rc;
}

/* The same for the beginning and the end of a run, and for no other: a UUID by its form (version 8:
 * made in a way of our own). */
static void run_id(struct catalog *catalog, const char *policy, int64_t first, char ret[40])
{
    CLEANUP_FREE char *a = xasprintf("%s %s %lld", catalog_id(catalog), policy, (long long)first);
    CLEANUP_FREE char *b = xasprintf("%s.", a);
    char x[FINGERPRINT_MAX], y[FINGERPRINT_MAX];

    condition_fingerprint(a, x);
    condition_fingerprint(b, y);
    snprintf(ret, 40, "%.8s-%.4s-8%.3s-8%.3s-%.12s", x, x + 8, x + 12, y, y + 4);
}

static int put(struct notifier *n, const char *policy, const struct policy_run *run, json_t *notice,
               int64_t kept, struct err *err)
{
    CLEANUP_FREE char *target = notifier_policy_target(policy);
    int64_t now = notifier_now(n);
    struct message m = {.kind = (char *)"ping", .created = now, .expires = now + kept, .next = now};
    struct target_news news = {.target = target, .message = &m, .at = now};
    int rc;

    m.subject = (char *)json_string_value(json_object_get(notice, "subject"));
    m.body = json_dumps(notice, JSON_COMPACT);
    rc = catalog_policy_run_put(n->env.catalog, policy, run, &news, notice ? 1 : 0, err);
    free(m.body);
    json_decref(notice);
    return rc;
}

static int tell_begin(struct notifier *n, const char *policy, const struct moved *m,
                      struct policy_run run, struct err *err)
{
    char rid[40];

    run.began = m->first;
    run_id(n->env.catalog, policy, m->first, rid);
    return put(n, policy, &run,
               notice_ping("start", rid, "The run has begun.", n->env.machine, notifier_now(n)),
               HOUR, err);
}

static int tell_end(struct notifier *n, const char *policy, const struct moved *m,
                    struct policy_run run, struct err *err)
{
    CLEANUP_FREE char *text = m->n_bad ? xasprintf("%zu of %zu backup%s failed; the last: %s",
                                                   m->n_bad, m->n, plural_s(m->n), m->problem)
                                       : xasprintf("%zu backup%s succeeded.", m->n, plural_s(m->n));
    char rid[40];

    run_id(n->env.catalog, policy, run.began > run.ended ? run.began : m->first, rid);
    run.began = run.ended = m->last;
    return put(n, policy, &run,
               notice_ping(m->n_bad ? "fail" : "", rid, text, n->env.machine, notifier_now(n)),
               24 * HOUR, err);
}

int run_begin_to_listen(struct notifier *n, const char *policy, const char *key,
                        struct policy_run *ret, struct err *err)
{
    struct moved m;
    int64_t from;

    if (run_find_moved(n->env.catalog, policy, 0, &m, err) < 0)
        return -1;
    from = m.first_open ? m.first_open - 1 : m.last;
    free(m.problem);
    *ret = (struct policy_run){from, from};
    return catalog_policy_run_put(n->env.catalog, key, ret, NULL, 0, err);
}

/* While the run that was told of goes on nothing is to be told, however many jobs it has. */
static int goes_on(struct catalog *catalog, const char *policy, bool *ret, struct err *err)
{
    const struct job_filter active = {.policy = policy, .active = true, .limit = ACTIVE_MAX};
    struct job_list jobs = {0};

    *ret = false;
    if (catalog_jobs(catalog, &active, &jobs, err) < 0)
        return -1;
    for (size_t i = 0; i < jobs.n; i++)
        *ret = *ret || strcmp(jobs.items[i].kind, JOB_BACKUP) == 0;
    job_list_done(&jobs);
    return 0;
}

static int check(struct notifier *n, const struct config_policy *p, struct err *err)
{
    struct policy_run run;
    struct moved m;
    bool open = false;
    int rc = 0;

    if (catalog_policy_run(n->env.catalog, p->name, &run, err) < 0 ||
        (run.began > run.ended && goes_on(n->env.catalog, p->name, &open, err) < 0))
        return -1;
    if (open)
        return 0;
    if ((run.ended < 0 && run_begin_to_listen(n, p->name, p->name, &run, err) < 0) ||
        run_find_moved(n->env.catalog, p->name, run.ended, &m, err) < 0)
        return -1;
    if (m.first_open && run.began <= run.ended)
        rc = tell_begin(n, p->name, &m, run, err);
    else if (m.n > 0 && !m.first_open)
        rc = tell_end(n, p->name, &m, run, err);
    free(m.problem);
    return rc;
}

void runs_check(void *notifier)
{
    struct notifier *n = notifier;

    for (size_t i = 0; i < n->jobs_of.n; i++) {
        const struct config_policy *p = config_policy_find(n->config, n->jobs_of.items[i]);
        struct err err = ERR_INIT;

        if (p && config_url_given(&p->healthchecks) && check(n, p, &err) < 0)
            notifier_trouble(p->name, &err);
    }
    for (size_t i = 0; i < n->jobs_of.n; i++)
        if (!strlist_has(&n->runs_of, n->jobs_of.items[i]))
            strlist_add(&n->runs_of, n->jobs_of.items[i]);
    strlist_done(&n->jobs_of);
    n->jobs_of = (struct strlist){0};
    reports_check(n);
    outbox_kick(n);
}
