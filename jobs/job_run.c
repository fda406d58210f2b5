/* SPDX-License-Identifier: MIT */
#include "jobs/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"

static void copy_row(struct job *dst, const struct job *src)
{
    *dst = *src;
    dst->host = xstrdup(src->host);
    dst->domain = xstrdup(src->domain);
    dst->policy = xstrdup(src->policy);
    dst->repository = xstrdup(src->repository);
    dst->step = xstrdup(src->step);
    dst->reason = xstrdup(src->reason);
    dst->why = xstrdup(src->why);
    dst->document = xstrdup(src->document);
    point_copy(&dst->plan, &src->plan);
}

struct job_run *job_new(struct job_env *e, const struct job_type *type, const struct job *row)
{
    struct job_run *r = xcalloc(1, sizeof(*r));

    r->env = e;
    copy_row(&r->row, row);
    job_name(r);
    r->type = type;
    r->alarm.fire = job_on_alarm;
    r->alarm.ctx = r;
    if (r->type->init)
        r->type->init(r);
    return r;
}

void job_name(struct job_run *r)
{
    snprintf(r->tag, sizeof(r->tag), "%s-%lld", catalog_id(r->env->catalog), (long long)r->row.id);
}

void job_free(struct job_run *r)
{
    r->env->clock->ops->stop(r->env->clock, &r->alarm);
    job_done(&r->row);
    strlist_done(&r->disks);
    free(r->scratch);
    free(r->own_scratch);
    compared_done(&r->compared);
    domain_facts_free(r->facts);
    survey_done(&r->found);
    point_done(&r->base);
    point_done(&r->published);
    leftovers_done(&r->leftovers);
    strlist_done(&r->doomed);
    strlist_done(&r->tried);
    strlist_done(&r->looked);
    point_done(&r->doomed_was);
    backup_document_free(r->document);
    checkpoint_document_free(r->checkpoint_document);
    made_list_done(&r->made);
    made_list_done(&r->placed);
    free(r);
}

struct job_run *job_find(const struct job_env *e, int64_t id)
{
    for (size_t i = 0; i < e->runs.n; i++)
        if (e->runs.items[i]->row.id == id)
            return e->runs.items[i];
    return NULL;
}

struct job_run *job_of_domain(const struct job_env *e, const char *host, const char *domain)
{
    for (size_t i = 0; i < e->runs.n; i++) {
        struct job_run *r = e->runs.items[i];

        if (r->admitted && strcmp(r->row.domain, domain) == 0 && strcmp(r->row.host, host) == 0)
            return r;
    }
    return NULL;
}
