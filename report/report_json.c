/* SPDX-License-Identifier: MIT
 *
 * A report as JSON: docs/api-v1.schema.json, under report.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "report/json.h"
#include "report/report.h"

static json_t *counts_json(const struct report_counts *n)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:o}", "success", (json_int_t)n->n[OUTCOME_SUCCESS], "failed",
        (json_int_t)n->n[OUTCOME_FAILED], "aborted", (json_int_t)n->n[OUTCOME_ABORTED], "skipped",
        (json_int_t)n->n[OUTCOME_SKIPPED], "bytes", report_json_number((int64_t)n->bytes));
}

static json_t *row_json(const struct report_row *row)
{
    const struct status_domain *d = row->status;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "host",
                     report_json_text(row->host), "domain", report_json_text(row->domain), "status",
                     report_json_text(d ? protection_name(d->protection) : "gone"), "reason",
                     report_json_text(d ? d->reason : NULL), "backups", counts_json(&row->backups),
                     "last_failure", report_json_text(row->problem), "last_point",
                     report_json_time(d ? d->last_point : 0), "next_run",
                     report_json_time(d ? d->next_run : 0));
}

static json_t *repository_json(const struct report_repository *rep)
{
    const struct status_repository *s = rep->status;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(s->name), "free",
                     s->has_space ? report_json_number((int64_t)s->free) : json_null(), "total",
                     s->has_space ? report_json_number((int64_t)s->total) : json_null(), "written",
                     counts_json(&rep->written), "growth_per_day",
                     s->trend.days ? report_json_number((int64_t)s->trend.per_day) : json_null(),
                     "full_at", report_json_time(s->trend.full_at));
}

struct findings {
    const struct report *r;
    json_t *list;
    size_t more;
    enum severity severity;
};

static void add_finding(void *arg, const struct status_about *about, const struct reason *reason)
{
    struct findings *f = arg;

    if (reason->severity != f->severity || !report_tells(f->r, about, reason))
        return;
    if (f->r->rows_shown && json_array_size(f->list) >= f->r->rows_shown)
        f->more++;
    else
        json_array_append_new(f->list, report_about_json(about, reason));
}

json_t *report_json(const struct report *r)
{
    CLEANUP_FREE char *subject = report_subject(r);
    enum severity severity = report_severity(r);
    struct findings f = {r, json_array(), 0, SEVERITY_RISK};
    json_t *rows = json_array(), *repositories = json_array(), *kinds = json_object(), *ret;

    status_reasons(r->status, add_finding, &f);
    f.severity = SEVERITY_ACT;
    status_reasons(r->status, add_finding, &f);
    for (size_t i = 0; i < report_rows_shown(r); i++)
        json_array_append_new(rows, row_json(&r->rows.items[i]));
    for (size_t i = 0; i < r->repositories.n; i++)
        json_array_append_new(repositories, repository_json(&r->repositories.items[i]));
    for (size_t i = 0; i < r->kinds.n; i++)
        json_object_set_new(kinds, r->kinds.items[i].kind, counts_json(&r->kinds.items[i].jobs));
    ret = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", 1,
                    "machine", report_json_text(r->machine), "policy", report_json_text(r->policy),
                    "since", report_json_time(r->since), "until", report_json_time(r->status->now),
                    "subject", report_json_text(subject), "severity",
                    report_json_text(severity == SEVERITY_NOTE ? "ok" : severity_name(severity)),
                    "reasons", f.list, "backups", counts_json(&r->backups), "other_jobs", kinds,
                    "domains", rows, "repositories", repositories);
    if (report_rows_shown(r) < r->rows.n)
        json_object_set_new(ret, "more",
                            json_integer((json_int_t)(r->rows.n - report_rows_shown(r))));
    if (f.more)
        json_object_set_new(ret, "more_reasons", json_integer((json_int_t)f.more));
    return ret;
}
