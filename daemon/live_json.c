/* SPDX-License-Identifier: MIT */
#include "daemon/live_json.h"

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "report/gather/job_json.h"
#include "report/json.h"

static json_t *number_or_null(int64_t n, bool known)
{
    return known ? report_json_number(n) : json_null();
}

/* Takes the values over. */
static json_t *with(json_t *object, json_t *more)
{
    json_object_update(object, more);
    json_decref(more);
    return object;
}

static json_t *in_the_way(const struct live_job *j)
{
    json_t *ret = json_array();

    if (j->obstacle.job && j->obstacle.job->id)
        json_array_append_new(ret, report_json_number(j->obstacle.job->id));
    for (size_t i = 0; i < j->n_holders; i++)
        json_array_append_new(ret, report_json_number(j->holders[i]));
    return ret;
}

static json_t *obstacle_json(const struct live_job *j)
{
    const struct obstacle *o = &j->obstacle;
    char text[ERR_MSG_MAX];
    bool limit = o->limit > 0, own = o->code >= OBSTACLE_COMPARISON;

    if (o->code == OBSTACLE_NONE)
        return json_null();
    obstacle_text(o, text);
    return json_pack("{s:s, s:o, s:o, s:n, s:o, s:o, s:o, s:o, s:n, s:o}", "code",
                     obstacle_code_name(o->code), "text", report_json_text(text), "since",
                     report_json_time(j->obstacle_since), "until", "jobs", in_the_way(j), "name",
                     report_json_text(o->name), "limit", number_or_null(o->limit, limit), "tries",
                     number_or_null(o->tries, own), "error", "problem",
                     report_json_text(o->problem));
}

static json_t *figures_json(const struct live_job *j)
{
    const struct job *row = j->row;
    bool known = row->bytes_total > 0 && row->bytes_done <= row->bytes_total;

    return json_pack(
        "{s:b, s:o, s:b, s:o, s:o, s:o, s:o}", "live", 1, "doing", report_json_text(j->doing),
        "cancelled", j->canceled, "percent",
        known ? json_real((double)row->bytes_done * 100.0 / (double)row->bytes_total) : json_null(),
        "bytes_per_second", number_or_null((int64_t)j->per_s, j->per_s >= 0), "seconds_left",
        number_or_null(j->left_s, j->left_s >= 0), "figures", report_json_time(j->looked));
}

json_t *live_job_json(const struct live_job *j)
{
    struct job row = *j->row;
    json_t *ret;

    /* It has its place, and is on its way to what the catalog calls running. */
    if (j->doing && row.state == JOB_QUEUED)
        row.state = JOB_RUNNING;
    /* What it has recorded is not yet told to be over: it still tidies up. */
    if (row.state == JOB_ENDED)
        row.state = JOB_RUNNING;
    ret = with(job_json(&row, false), figures_json(j));
    json_object_set_new(ret, "waits_for", obstacle_json(j));
    return ret;
}

static json_t *retry_json(const struct live_try *t)
{
    char at[TIMEFMT_MAX];
    CLEANUP_FREE char *text =
        xasprintf("%s (%s)%s%s", time_local(t->at, at), t->why, t->last.reason ? ": " : "",
                  t->last.reason ? t->last.reason : "");

    return json_pack("{s:s, s:o, s:o, s:o, s:[I], s:n, s:n, s:n, s:o, s:o}", "code", "retry",
                     "text", report_json_text(text), "since", report_json_time(t->last.ended),
                     "until", report_json_time(t->at), "jobs", (json_int_t)t->last.id, "name",
                     "limit", "tries", "error",
                     report_json_text(t->error == ERR_NONE ? NULL : err_code_name(t->error)),
                     "problem", report_json_text(t->last.reason));
}

static json_t *try_json(const struct live_try *t)
{
    const struct job row = {
        .kind = JOB_BACKUP,
        .guest = true,
        .host = (char *)t->host,
        .domain = (char *)t->domain,
        .policy = (char *)t->policy,
        .repository = (char *)t->repository,
        .level = t->level,
        .state = JOB_QUEUED,
        .why = t->why,
        .due = t->due,
    };
    const struct live_job j = {.row = &row, .per_s = -1, .left_s = -1};
    json_t *ret = with(job_json(&row, false), figures_json(&j));

    json_object_set_new(ret, "id", json_null());
    json_object_set_new(ret, "state", json_string("waiting"));
    json_object_set_new(ret, "waits_for", retry_json(t));
    return ret;
}

json_t *live_json(const struct live_answer *a)
{
    json_t *jobs = json_array(), *next = json_null();

    for (size_t i = 0; i < a->jobs.n; i++)
        json_array_append_new(jobs, live_job_json(&a->jobs.items[i]));
    for (size_t i = 0; i < a->tries.n; i++)
        json_array_append_new(jobs, try_json(&a->tries.items[i]));
    if (a->more)
        next = json_pack("{s:I, s:I}", "after", (json_int_t)a->after, "tries_after",
                         (json_int_t)a->tries_after);
    return json_pack("{s:o, s:o}", "jobs", jobs, "next", next);
}
