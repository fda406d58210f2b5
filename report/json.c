/* SPDX-License-Identifier: MIT */
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "report/json_write.h"
#include "report/table.h"

json_t *report_json_time(int64_t t)
{
    char buf[TIMEFMT_MAX];

    return t ? json_string(time_utc(t, buf)) : json_null();
}

json_t *report_json_text(const char *s)
{
    CLEANUP_FREE char *plain = NULL;
    json_t *ret;

    if (!s)
        return json_null();
    ret = json_string(s);
    if (ret)
        return ret;
    plain = plain_text(s);
    return json_string(plain);
}

json_t *report_json_number(int64_t v)
{
    return json_integer((json_int_t)v);
}

void report_json_print(json_t *value, FILE *out)
{
    json_write(value, 0, out);
    fputc('\n', out);
    json_decref(value);
}

void report_json_add(struct report_json_array *a, json_t *item)
{
    fputs(a->any ? ",\n  " : "[\n  ", a->out);
    a->any = true;
    json_write(item, 1, a->out);
    json_decref(item);
}

void report_json_end(struct report_json_array *a)
{
    fputs(a->any ? "\n]\n" : "[]\n", a->out);
}

/* policy: whose reason it is; NULL: of no one policy. */
static json_t *reason_json(const struct reason *r, const char *policy)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "code", reason_name(r->code), "severity",
                     severity_name(r->severity), "text", report_json_text(r->text), "advice",
                     report_json_text(r->advice), "policy", report_json_text(policy));
}

static void add_reasons(json_t *to, const struct reason_list *l, const char *policy)
{
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(to, reason_json(&l->items[i], policy));
}

json_t *report_reasons_json(const struct reason_list *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++) {
        json_t *item = reason_json(&l->items[i], NULL);

        json_object_del(item, "policy");
        json_array_append_new(ret, item);
    }
    return ret;
}

static json_t *daemon_json(const struct status_daemon *d)
{
    json_t *reasons = report_reasons_json(&d->reasons);

    if (!d->running)
        return json_pack("{s:b, s:o, s:b, s:n, s:n, s:n, s:n, s:n, s:o}", "running", 0, "problem",
                         report_json_text(d->problem), "starting", 0, "pid", "version", "started",
                         "jobs_running", "jobs_queued", "reasons", reasons);
    return json_pack("{s:b, s:n, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "running", 1, "problem",
                     "starting", d->starting, "pid", report_json_number(d->pid), "version",
                     report_json_text(d->version), "started", report_json_time(d->started),
                     "jobs_running", report_json_number(d->jobs_running), "jobs_queued",
                     report_json_number(d->jobs_queued), "reasons", reasons);
}

static json_t *job_json(const struct status_job *j)
{
    if (!j || !j->id)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "id", report_json_number(j->id), "outcome",
                     report_json_text(job_outcome_name(j->outcome)), "reason",
                     report_json_text(j->reason), "ended", report_json_time(j->ended));
}

static json_t *left_out_json(const char *name, const char *why)
{
    return json_pack("{s:o, s:o}", "name", report_json_text(name), "why", report_json_text(why));
}

json_t *report_left_out_json(const struct left_out_list *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(ret, left_out_json(l->items[i].name, l->items[i].why));
    return ret;
}

static json_t *copies_json(const struct status_policy *p)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < p->copies.n; i++) {
        const struct status_copies *c = &p->copies.items[i];

        json_array_append_new(ret, json_pack("{s:o, s:I, s:b, s:I, s:I, s:o, s:b}", "repository",
                                             report_json_text(c->repository), "points",
                                             (json_int_t)c->points, "has_last_point", c->has_newest,
                                             "damaged", (json_int_t)c->damaged, "behind",
                                             (json_int_t)c->behind, "oldest",
                                             report_json_time(c->oldest), "active", c->active));
    }
    return ret;
}

json_t *report_policy_json(const struct status_policy *p)
{
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        report_json_text(p->name), "repository", report_json_text(p->repository), "status",
        report_json_text(!p->counts && p->protection != PROTECTION_GOOD
                             ? "no promise"
                             : protection_name(p->protection)),
        "protected", p->protection == PROTECTION_GOOD, "reasons", report_reasons_json(&p->reasons),
        "proven_point", report_json_time(p->proven), "proven_at", report_json_time(p->proven_at),
        "last_point", report_json_time(p->last_good), "rpo_seconds",
        p->rpo ? report_json_number(p->rpo) : json_null(), "next_run",
        report_json_time(p->next_run), "job",
        p->active ? report_json_number(p->active) : json_null(), "last_job", job_json(&p->last_job),
        "copies", copies_json(p));
}

/* What the domain has, and what is known of its disks. */
static json_t *days_json(const struct status_domain *d)
{
    json_t *ret;

    if (!d->has_days)
        return json_null();
    ret = json_array();
    for (size_t i = 0; i < STATUS_DAYS; i++)
        json_array_append_new(ret, json_string(day_kind_name((enum day_kind)d->days[i])));
    return ret;
}

static json_t *facts_json(const struct status_domain *d)
{
    json_t *left_out = json_array();

    for (size_t i = 0; i < d->left_out.n; i++)
        json_array_append_new(left_out,
                              left_out_json(d->left_out.items[i].name, d->left_out.items[i].why));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "days",
                     days_json(d), "froze_ms",
                     d->froze_at ? report_json_number(d->froze_ms) : json_null(), "froze_at",
                     report_json_time(d->froze_at), "state", report_json_text(d->state), "problem",
                     report_json_text(d->problem), "unsafe", report_json_text(d->unsafe),
                     "frozen_since", report_json_time(d->frozen_since), "set_aside",
                     report_json_text(d->aside), "bad_points", report_json_text(d->bad_points),
                     "left_out", left_out, "points", report_json_number((int64_t)d->points));
}

json_t *report_domain_reasons_json(const struct status_domain *d)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < d->policies.n; i++)
        add_reasons(ret, &d->policies.items[i].reasons, d->policies.items[i].name);
    add_reasons(ret, &d->reasons, NULL);
    return ret;
}

static json_t *domain_json(const struct status_domain *d)
{
    json_t *policies = json_array(), *facts = facts_json(d), *ret;

    for (size_t i = 0; i < d->policies.n; i++)
        json_array_append_new(policies, report_policy_json(&d->policies.items[i]));
    ret = json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "domain",
                    report_json_text(d->domain), "host", report_json_text(d->host), "policies",
                    policies, "status", report_json_text(protection_name(d->protection)),
                    "protected", d->protection == PROTECTION_GOOD, "reason",
                    report_json_text(d->reason), "reasons", report_domain_reasons_json(d),
                    "last_point", report_json_time(d->last_point), "rpo_seconds",
                    d->rpo ? report_json_number(d->rpo) : json_null(), "next_run",
                    report_json_time(d->next_run), "last_job", job_json(status_last_job(d)));
    json_object_update(ret, facts);
    json_decref(facts);
    return ret;
}

json_t *report_repository_json(const struct status_repository *r)
{
    json_t *avail = r->has_space ? report_json_number((int64_t)r->free) : json_null();
    json_t *total = r->has_space ? report_json_number((int64_t)r->total) : json_null();

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        report_json_text(r->name), "growth_per_day",
        r->trend.days ? report_json_number((int64_t)r->trend.per_day) : json_null(), "full_at",
        report_json_time(r->trend.full_at), "path", report_json_text(r->path), "state",
        report_json_text(r->state), "problem", report_json_text(r->problem), "difference",
        report_json_text(r->difference), "free", avail, "total", total, "reserve",
        report_json_number((int64_t)r->reserve), "reasons", report_reasons_json(&r->reasons));
}

struct all_reasons {
    enum severity severity;
    json_t *list;
};

json_t *report_about_json(const struct status_about *about, const struct reason *r)
{
    json_t *ret = reason_json(r, about->policy ? about->policy->name : NULL);

    json_object_set_new(ret, "host", report_json_text(about->domain ? about->domain->host : NULL));
    json_object_set_new(ret, "domain",
                        report_json_text(about->domain ? about->domain->domain : NULL));
    json_object_set_new(ret, "repository",
                        report_json_text(about->repository ? about->repository->name : NULL));
    return ret;
}

/* Those that are so severe. */
static void add_to_all(void *arg, const struct status_about *about, const struct reason *r)
{
    const struct all_reasons *all = arg;

    if (r->severity == all->severity)
        json_array_append_new(all->list, report_about_json(about, r));
}

json_t *report_status_json(const struct status *s)
{
    json_t *domains = json_array(), *repositories = json_array(), *warnings = json_array(),
           *notes = json_array(), *reasons = json_array();
    CLEANUP_FREE char *summary = status_summary(s);
    enum severity worst = status_severity(s);

    for (size_t i = 0; i < s->domains.n; i++)
        json_array_append_new(domains, domain_json(&s->domains.items[i]));
    for (size_t i = 0; i < s->repositories.n; i++)
        json_array_append_new(repositories, report_repository_json(&s->repositories.items[i]));
    for (size_t i = 0; i < s->warnings.n; i++)
        json_array_append_new(s->warnings.items[i].severity == SEVERITY_NOTE ? notes : warnings,
                              report_json_text(s->warnings.items[i].text));
    status_reasons(s, add_to_all, &(struct all_reasons){SEVERITY_RISK, reasons});
    status_reasons(s, add_to_all, &(struct all_reasons){SEVERITY_ACT, reasons});
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "summary",
                     report_json_text(summary), "severity",
                     worst == SEVERITY_NOTE ? "ok" : severity_name(worst), "reasons", reasons,
                     "daemon", daemon_json(&s->daemon), "domains", domains, "repositories",
                     repositories, "warnings", warnings, "notes", notes);
}
