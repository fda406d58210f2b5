/* SPDX-License-Identifier: MIT */
#include "report/model.h"

#include <stdlib.h>

const char *protection_name(enum protection p)
{
    static const char *const names[PROTECTION_COUNT] = {
        [PROTECTION_GOOD] = "protected",   [PROTECTION_AT_RISK] = "at risk",
        [PROTECTION_NONE] = "unprotected", [PROTECTION_LEFT_OUT] = "left out",
        [PROTECTION_GONE] = "gone",
    };

    return names[p];
}

const char *day_kind_name(enum day_kind k)
{
    static const char *const names[] = {"none", "full", "incremental", "failed", "missed"};

    return names[k];
}

const struct status_job *status_last_job(const struct status_domain *d)
{
    const struct status_job *ret = NULL;

    for (size_t i = 0; i < d->policies.n; i++) {
        const struct status_job *j = &d->policies.items[i].last_job;

        if (j->id && (!ret || j->ended > ret->ended || (j->ended == ret->ended && j->id > ret->id)))
            ret = j;
    }
    return ret;
}

static void policy_done(struct status_policy *p)
{
    free(p->name);
    free(p->repository);
    reason_list_done(&p->reasons);
    free(p->next_why);
    free(p->former);
    free(p->lacks);
    free(p->last_job.reason);
    for (size_t i = 0; i < p->copies.n; i++) {
        free(p->copies.items[i].repository);
        free(p->copies.items[i].problem);
        free(p->copies.items[i].damage);
    }
    free(p->copies.items);
    for (size_t i = 0; i < p->failures.n; i++) {
        free(p->failures.items[i].kind);
        free(p->failures.items[i].repository);
        free(p->failures.items[i].problem);
    }
    free(p->failures.items);
}

void status_domain_done(struct status_domain *d)
{
    for (size_t i = 0; i < d->policies.n; i++)
        policy_done(&d->policies.items[i]);
    free(d->policies.items);
    free(d->host);
    free(d->domain);
    free(d->state);
    free(d->problem);
    free(d->unsafe);
    free(d->aside);
    free(d->bad_points);
    free(d->uncovered);
    free(d->reason);
    reason_list_done(&d->reasons);
    for (size_t i = 0; i < d->left_out.n; i++) {
        free(d->left_out.items[i].name);
        free(d->left_out.items[i].why);
    }
    free(d->left_out.items);
}

void status_done(struct status *s)
{
    for (size_t i = 0; i < s->domains.n; i++)
        status_domain_done(&s->domains.items[i]);
    for (size_t i = 0; i < s->repositories.n; i++) {
        struct status_repository *r = &s->repositories.items[i];

        free(r->name);
        free(r->path);
        free(r->state);
        free(r->problem);
        free(r->difference);
        free(r->key);
        reason_list_done(&r->reasons);
    }
    free(s->domains.items);
    free(s->repositories.items);
    free(s->daemon.problem);
    free(s->daemon.version);
    free(s->daemon.catalog_problem);
    reason_list_done(&s->daemon.reasons);
    reason_list_done(&s->warnings);
    *s = (struct status){0};
}

int status_rank(const struct status_domain *d)
{
    enum severity worst = reasons_severity(&d->reasons);

    for (size_t i = 0; i < d->policies.n; i++)
        if (reasons_severity(&d->policies.items[i].reasons) > worst)
            worst = reasons_severity(&d->policies.items[i].reasons);
    if (d->protection == PROTECTION_AT_RISK || d->protection == PROTECTION_NONE)
        return d->protection == PROTECTION_AT_RISK ? 0 : 1;
    if (worst != SEVERITY_NOTE)
        return 2;
    return d->protection == PROTECTION_GOOD ? 3 : 4;
}
