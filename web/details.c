/* SPDX-License-Identifier: MIT */
#include "web/details.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/sources.h"
#include "report/gather/job_json.h"
#include "report/gather/point_json.h"
#include "report/gather/points.h"
#include "report/html.h"
#include "report/json.h"
#include "report/points.h"

#define JOBS_SHOWN 100

static FILE *begin(struct text *t)
{
    FILE *ret = open_memstream(&t->text, &t->n);

    if (!ret)
        abort(); /* there is no memory */
    return ret;
}

static void add_job(void *arg, struct job *j)
{
    if (j->state == JOB_ENDED)
        json_array_append_new(arg, job_json(j, false));
}

static json_t *active_of(const struct snapshot *s, const struct domain_name *d)
{
    json_t *ret = json_array(), *job;
    size_t i;

    json_array_foreach(s->jobs, i, job)
        if (str_eq(json_string_value(json_object_get(job, "domain")), d->domain) &&
            str_eq(json_string_value(json_object_get(job, "host")), d->host))
            json_array_append(ret, job);
    return ret;
}

/* What is known of all is taken from the snapshot: how the daemon is, and a domain's days. */
static void take_daemon(const struct snapshot *s, struct status *ret)
{
    ret->daemon.running = s->status.daemon.running;
    ret->daemon.started = s->status.daemon.started;
    ret->daemon.version = xstrdup(s->status.daemon.version);
    ret->daemon.problem = xstrdup(s->status.daemon.problem);
    ret->daemon.error = s->status.daemon.error;
}

static void take_days(const struct snapshot *s, struct status_domain *ret)
{
    for (size_t i = 0; i < s->status.domains.n; i++) {
        const struct status_domain *is = &s->status.domains.items[i];

        if (!str_eq(is->domain, ret->domain) || !str_eq(is->host, ret->host))
            continue;
        memcpy(ret->days, is->days, sizeof(is->days));
        ret->has_days = is->has_days;
    }
}

static const char *problem_of(const struct snapshot *s, const char *repository)
{
    for (size_t i = 0; repository && i < s->status.repositories.n; i++)
        if (str_eq(s->status.repositories.items[i].name, repository))
            return s->status.repositories.items[i].problem;
    return NULL;
}

static json_t *points_json(const struct snapshot *s, const struct html_domain *page)
{
    CLEANUP(point_copies_done) struct point_copies copies;
    json_t *ret = json_array();

    point_copies_init(&copies, page->points);
    for (size_t i = 0; i < page->points->n; i++) {
        const struct point *p = &page->points->items[i];

        json_array_append_new(
            ret, point_json(p, &copies, problem_of(s, p->repository), page->status->now));
    }
    return ret;
}

static void write_domain(const struct snapshot *s, const struct html_domain *page, bool json,
                         FILE *out)
{
    json_t *whole;

    if (!json) {
        report_html_domain(page, out);
        return;
    }
    whole = report_status_json(page->status);
    report_json_print(json_pack("{s:O, s:o, s:O, s:O}", "domain",
                                json_array_get(json_object_get(whole, "domains"), 0), "points",
                                points_json(s, page), "active", page->jobs, "jobs", page->past),
                      out);
    json_decref(whole);
}

static int show_domain(const struct status_sources *sources, const struct snapshot *s,
                       const struct domain_name *d, bool json, struct text *ret, struct err *err)
{
    const struct domain_names only = {.items = (struct domain_name *)d, .n = 1};
    const struct point_filter points_of = {.host = d->host, .domain = d->domain, .copies = true};
    const struct job_filter jobs_of = {.host = d->host, .domain = d->domain, .limit = JOBS_SHOWN};
    CLEANUP(point_list_done) struct point_list points = {0};
    struct status status = {0};
    json_t *active = active_of(s, d), *past = json_array();
    int rc;

    take_daemon(s, &status);
    rc = status_gather(sources, &only, &status, err);
    rc = rc < 0 ? rc : points_gather(sources->catalog, &points_of, sources->now, &points, err);
    rc = rc < 0 ? rc : catalog_jobs_each(sources->catalog, &jobs_of, add_job, past, err);
    if (rc == 0) {
        const struct html_domain page = {&status, active, &points, past};
        FILE *out = begin(ret);

        take_days(s, &status.domains.items[0]);
        write_domain(s, &page, json, out);
        fclose(out);
    }
    json_decref(active);
    json_decref(past);
    status_done(&status);
    return rc;
}

int details_domain(const struct status_sources *d, const struct snapshot *s, const char *path,
                   bool json, struct text *ret, struct err *err)
{
    struct status_sources now = *d;
    struct domain_name name = {0};
    int rc = domain_find(d->config, d->catalog, path, &name, err);

    sources_now(&now);
    now.figures = true;
    rc = rc < 0 ? rc : show_domain(&now, s, &name, json, ret, err);
    domain_name_done(&name);
    return rc;
}

/* As the snapshot knows of the daemon. */
static bool is_interrupted(const struct snapshot *s, const struct job *j)
{
    return j->state == JOB_RUNNING && !s->status.daemon.running &&
           sources_none_runs(s->status.daemon.error);
}

int details_job(const struct status_sources *d, const struct snapshot *s, const char *number,
                bool json, struct text *ret, struct err *err)
{
    CLEANUP(job_list_done) struct job_list jobs = {0};
    struct job_filter filter = {0};
    json_t *job;
    FILE *out;

    if (!parse_int(number, 1, CATALOG_JOB_MAX, &filter.id))
        return err_set(err, ERR_NOTFOUND, "%s: no such job", number);
    if (catalog_jobs(d->catalog, &filter, &jobs, err) < 0)
        return -1;
    if (jobs.n == 0)
        return err_set(err, ERR_NOTFOUND, "%s: no such job", number);
    out = begin(ret);
    job = job_json(&jobs.items[0], is_interrupted(s, &jobs.items[0]));
    if (json)
        report_json_print(json_incref(job), out);
    else
        report_html_job(job, time(NULL), out);
    json_decref(job);
    fclose(out);
    return 0;
}
