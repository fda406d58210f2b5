/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/active_jobs.h"
#include "cli/explain.h"
#include "cli/open_jobs.h"
#include "report/live.h"

/* What came after it, or what to do. */
static int explain_after(const struct status_sources *s, const struct job *j, struct explanation *e,
                         struct err *err)
{
    struct job_end last = {0};

    if (j->state != JOB_ENDED || j->outcome == OUTCOME_SUCCESS || !str_eq(j->kind, JOB_BACKUP))
        return 0;
    if (catalog_last_backup(s->catalog, j->host, j->domain, j->policy, &last, err) < 0)
        return -1;
    if (last.id > j->id)
        explain_say(e, "since then", "job %lld, the last one, ended as %s: %s", (long long)last.id,
                    job_outcome_name(last.outcome),
                    last.reason ? last.reason : "no reason recorded");
    else if (j->outcome == OUTCOME_FAILED)
        explain_say(e, "do", "mend what it says, then `vmkeep run %s/%s`", j->host, j->domain);
    free(last.reason);
    return 0;
}

/* How far it is, or what it waits for: the daemon knows. */
static void explain_now(const struct status_sources *s, const struct job *j, struct explanation *e)
{
    struct err ignored = ERR_INIT;
    json_t *jobs = NULL, *job;
    bool live = false;
    size_t i;

    active_jobs_get(s->config, s->catalog, &jobs, &live, &ignored);
    json_array_foreach(jobs, i, job) {
        CLEANUP_FREE char *text = live && json_integer_value(json_object_get(job, "id")) == j->id
                                      ? live_text(job, s->now)
                                      : NULL;

        if (text)
            explain_say(e, "now", "%s", text);
    }
    json_decref(jobs);
}

static void describe(const struct job *j, struct open_jobs *open, struct explanation *e)
{
    bool backup = j->guest;
    char from[TIMEFMT_MAX], to[TIMEFMT_MAX];

    e->kind = "job";
    e->name = xasprintf("%lld", (long long)j->id);
    explain_say(e, "what", "%s%s%s of %s/%s%s%s", backup ? level_name(j->level) : "",
                backup ? " " : "", j->kind, j->host, j->domain, *j->policy ? " under policy " : "",
                j->policy);
    explain_say(e, "why", "%s", j->why ? j->why : "not recorded");
    if (j->started)
        explain_say(e, "when", "%s%s%s", time_local(j->started, from),
                    j->ended ? " to " : " until now", j->ended ? time_local(j->ended, to) : "");
    if (j->state != JOB_ENDED)
        explain_say(e, "state", "%s%s%s", open_jobs_state(open, j), j->step ? ", " : "",
                    j->step ? j->step : "");
    else
        explain_say(e, "outcome", "%s: %s", job_outcome_name(j->outcome),
                    j->reason ? j->reason : "no reason recorded");
    if (j->plan.id && j->outcome == OUTCOME_SUCCESS)
        explain_say(e, "point", "%s", j->plan.id);
}

int explain_job(const struct status_sources *s, const char *what, struct explanation *e,
                bool *ret_found, struct err *err)
{
    CLEANUP(open_jobs_done) struct open_jobs open = {.config = s->config};
    struct job_filter filter = {0};
    struct job_list jobs = {0};
    int rc = 0;

    if (!parse_int(what, 1, INT64_MAX, &filter.id))
        return 0;
    if (catalog_jobs(s->catalog, &filter, &jobs, err) < 0)
        return -1;
    *ret_found = jobs.n == 1;
    if (jobs.n == 1) {
        describe(&jobs.items[0], &open, e);
        if (jobs.items[0].state != JOB_ENDED)
            explain_now(s, &jobs.items[0], e);
        rc = explain_after(s, &jobs.items[0], e, err);
    }
    open_jobs_tell(&open);
    job_list_done(&jobs);
    return rc;
}
