/* SPDX-License-Identifier: MIT */
#include "daemon/answer_json.h"

#include "base/cleanup.h"
#include "daemon/live_json.h"
#include "engine/xml/checkpoint_xml.h"
#include "report/json.h"

static json_t *begun_json(const struct begun_answer *b)
{
    return json_pack("{s:I, s:o, s:o}", "job", (json_int_t)b->job, "checkpoint",
                     report_json_text(b->checkpoint), "unsafe", report_json_text(b->unsafe));
}

static json_t *job_json(const struct job_answer *a)
{
    const struct job *j = a->row;

    if (!j)
        return json_pack("{s:n}", "job");
    return json_pack("{s:I, s:s, s:s, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I}", "job",
                     (json_int_t)j->id, "kind", j->kind, "operation", "backup", "mode",
                     mode_name(j->plan.mode), "begun", a->begun, "policy",
                     report_json_text(*j->policy ? j->policy : NULL), "time_elapsed",
                     (json_int_t)a->elapsed_ms, "disk_total", (json_int_t)j->bytes_total,
                     "disk_processed", (json_int_t)j->bytes_done, "temp_used",
                     (json_int_t)j->temp_used, "temp_total", (json_int_t)j->temp_total);
}

static json_t *names_json(const struct strlist *names)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < names->n; i++)
        json_array_append_new(ret, report_json_text(names->items[i]));
    return ret;
}

/* ---- checkpoints ---- */

static json_t *view_disk_json(const struct view_disk *d)
{
    const struct bitmap_facts *b = d->bitmap;

    return json_pack(
        "{s:o, s:o, s:o, s:b, s:b, s:b}", "name", report_json_text(d->name), "capacity",
        report_json_number((int64_t)d->capacity), "size",
        b && !b->inconsistent && !b->at_most ? report_json_number((int64_t)b->dirty) : json_null(),
        "present", b != NULL, "inconsistent", b && b->inconsistent, "busy", b && b->busy);
}

static json_t *view_json(const struct view *v)
{
    const struct checkpoint *row = v->row;
    json_t *disks = json_array();

    for (size_t i = 0; i < v->disks.n; i++)
        json_array_append_new(disks, view_disk_json(&v->disks.items[i]));
    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(v->name), "state",
        view_state_name(v->state), "parent", report_json_text(row ? row->parent : NULL), "created",
        report_json_time(row ? row->created : 0), "description",
        report_json_text(row ? row->description : NULL), "policy",
        report_json_text(row && *row->policy ? row->policy : NULL), "role",
        report_json_text(row ? checkpoint_state_name(row->state) : NULL), "disks", disks);
}

static json_t *checkpoints_json(const struct checkpoints_answer *a)
{
    json_t *items = json_array();

    for (size_t i = 0; i < a->list->views.n; i++)
        json_array_append_new(items, view_json(&a->list->views.items[i]));
    return json_pack("{s:o, s:o, s:o}", "host", report_json_text(a->host), "domain",
                     report_json_text(a->domain), "checkpoints", items);
}

static json_t *document_json(const struct checkpoint_document *d)
{
    CLEANUP_FREE char *xml = checkpoint_document_format(d);

    return json_pack("{s:o}", "xml", report_json_text(xml));
}

/* ---- doctor ---- */

static json_t *disk_json(const struct disk_facts *k)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "name", report_json_text(k->name), "image",
        report_json_text(k->image), "format", report_json_text(k->format), "capacity",
        report_json_number((int64_t)k->capacity), "trackable", k->trackable, "encrypted",
        k->encrypted, "busy", k->busy, "unsafe", report_json_text(k->unsafe), "write_errors",
        report_json_text(write_errors_name(k->write_errors)));
}

static json_t *aside_json(const struct disk_facts *k)
{
    return json_pack("{s:o, s:s, s:o, s:b}", "name", report_json_text(k->name), "what",
                     disk_facts_aside(k), "image", report_json_text(k->image), "cannot",
                     k->cannot != NULL);
}

static json_t *targets_json(const struct looked_domain *d)
{
    json_t *targets = json_array();

    for (size_t i = 0; i < d->targets.n; i++) {
        const struct looked_target *t = &d->targets.items[i];

        json_array_append_new(targets, json_pack("{s:o, s:o, s:o, s:b, s:b}", "repository",
                                                 report_json_text(t->repository), "problem",
                                                 report_json_text(t->problem), "untried",
                                                 report_json_text(t->untried), "made", t->made,
                                                 "late", t->late));
    }
    return targets;
}

static json_t *domain_json(const struct looked_domain *d)
{
    const struct domain_facts *f = d->facts;
    json_t *disks = json_array(), *asides;

    if (!f)
        return json_pack(
            "{s:o, s:o, s:s, s:o, s:b, s:n, s:o}", "host", report_json_text(d->host), "domain",
            report_json_text(d->domain), "state", domain_state_name(DOMAIN_UNREACHABLE), "problem",
            report_json_text(d->problem), "late", d->late, "foreign_job", "disks", disks);
    asides = json_array();
    for (size_t i = 0; i < f->disks.n; i++)
        json_array_append_new(disks, disk_json(&f->disks.items[i]));
    for (size_t i = 0; i < f->asides.n; i++)
        json_array_append_new(asides, aside_json(&f->asides.items[i]));
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:b, s:{s:b, s:o}, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "host",
        report_json_text(d->host), "domain", report_json_text(d->domain), "state",
        domain_state_name(f->state), "problem", report_json_text(f->problem), "late", d->late,
        "agent", "asked", d->agent_asked, "problem", report_json_text(d->agent_problem), "targets",
        targets_json(d), "foreign_job", report_json_text(f->foreign_job), "frozen_since",
        report_json_time(d->frozen_since), "secrets", (int)f->secrets, "disks", disks, "asides",
        asides, "confined", report_json_text(f->confined), "apart", report_json_text(f->apart));
}

static json_t *repository_json(const struct looked_repository *r)
{
    bool there = !r->problem;

    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(r->name), "path",
        report_json_text(r->path), "problem", report_json_text(r->problem), "late", r->late,
        "unwritable", report_json_text(r->unwritable), "free",
        there ? report_json_number((int64_t)r->space.free) : json_null(), "total",
        there ? report_json_number((int64_t)r->space.total) : json_null(), "reserve",
        report_json_number((int64_t)r->reserve), "difference", report_json_text(r->difference));
}

static json_t *doctor_json(const struct doctor_answer *a)
{
    json_t *domains = json_array(), *repositories = json_array();

    for (size_t i = 0; i < a->domains.n; i++)
        json_array_append_new(domains, domain_json(&a->domains.items[i]));
    for (size_t i = 0; i < a->repositories.n; i++)
        json_array_append_new(repositories, repository_json(&a->repositories.items[i]));
    return json_pack("{s:{s:o, s:o}, s:{s:o}, s:o, s:o}", "about", "host",
                     report_json_text(a->host), "domain", report_json_text(a->domain), "catalog",
                     "problem", report_json_text(a->catalog_problem), "domains", domains,
                     "repositories", repositories);
}

json_t *answer_json(const struct api_answer *a)
{
    switch (a->kind) {
    case ANSWER_NONE:
        break;
    case ANSWER_BEGUN:
        return begun_json(&a->u.begun);
    case ANSWER_JOB:
        return job_json(&a->u.job);
    case ANSWER_MADE:
        return json_pack("{s:o}", "name", report_json_text(a->u.made));
    case ANSWER_CHECKPOINTS:
        return checkpoints_json(&a->u.checkpoints);
    case ANSWER_DOCUMENT:
        return document_json(a->u.document);
    case ANSWER_DELETED:
        return json_pack("{s:o}", "deleted", names_json(a->u.deleted));
    case ANSWER_DOCTOR:
        return doctor_json(a->u.doctor);
    case ANSWER_LIVE:
        return live_json(a->u.live);
    }
    return json_object();
}
