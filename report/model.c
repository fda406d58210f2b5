/* SPDX-License-Identifier: MIT */
#include "report/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"

const char *protection_name(enum protection p)
{
    switch (p) {
    case PROTECTION_GOOD:
        return "protected";
    case PROTECTION_AT_RISK:
        return "at risk";
    case PROTECTION_NONE:
        return "unprotected";
    }
    return "";
}

/* Appends to a reason; what does not fit is cut off. */
__attribute__((format(printf, 2, 3))) static void add(char reason[STATUS_REASON_MAX],
                                                      const char *fmt, ...)
{
    size_t len = strlen(reason);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason + len, STATUS_REASON_MAX - len, fmt, ap);
    va_end(ap);
}

static void add_promise(const struct status_policy *p, char reason[STATUS_REASON_MAX])
{
    char rpo[TIMEFMT_MAX];

    if (p->rpo)
        add(reason, ", promised %s", duration_text(p->rpo, rpo));
    else
        add(reason, ", no promise made");
}

/* Why there is no younger point, as far as that is known. */
static void add_cause(const struct status_policy *p, const char *problem,
                      char reason[STATUS_REASON_MAX])
{
    const struct status_job *j = &p->last_job;
    char aside[TIMEFMT_MAX];

    if (p->aside)
        add(reason, "; the point of %s is set aside, for its date cannot be right",
            time_local(p->aside, aside));
    if (j->id && j->outcome != OUTCOME_SUCCESS)
        add(reason, "; last job %lld %s: %s", (long long)j->id, job_outcome_name(j->outcome),
            j->reason ? j->reason : "no reason recorded");
    else if (problem)
        add(reason, "; %s", problem);
}

enum protection status_judge_policy(const struct status_policy *p, const char *problem, int64_t now,
                                    char reason[STATUS_REASON_MAX])
{
    int64_t age = now - p->last_good;
    bool kept = p->last_good && !p->lacks && (p->rpo == 0 || age <= p->rpo);
    char text[TIMEFMT_MAX];

    reason[0] = '\0';
    if (p->lacks)
        add(reason,
            "the newest point lacks disk %s, which an older one has, or which was attached when "
            "the domain ran last; if that is meant, leave it out in the policy's disks",
            p->lacks);
    else if (kept)
        add(reason, "newest good point is %s old", duration_text(age, text));
    else if (p->last_good)
        add(reason, "no good point for %s", duration_text(age, text));
    else
        add(reason, "no good point yet");
    add_promise(p, reason);
    if (!kept)
        add_cause(p, problem, reason);
    return kept ? PROTECTION_GOOD : PROTECTION_AT_RISK;
}

/* Is a's point closer to breaking its promise than b's? A promise comes before none. */
static bool is_closer(const struct status_policy *a, const struct status_policy *b)
{
    if (!a->rpo || !b->rpo)
        return a->rpo != 0 || (!b->rpo && a->last_good > b->last_good);
    return a->last_good + a->rpo < b->last_good + b->rpo;
}

/* What the policies make of it together. Policies without a promise matter when none has one, and
 * then one good point, of any of them, will do. */
static void judge_together(struct status_domain *d, int64_t now)
{
    const struct status_policy *closest = &d->policies.items[0];
    char reason[STATUS_REASON_MAX];

    d->protection = PROTECTION_GOOD;
    for (size_t i = 0; i < d->policies.n; i++) {
        const struct status_policy *p = &d->policies.items[i];

        if (is_closer(p, closest))
            closest = p;
        if (!p->rpo || status_judge_policy(p, d->problem, now, reason) == PROTECTION_GOOD)
            continue;
        d->protection = PROTECTION_AT_RISK;
        add(d->reason, "%s", d->reason[0] ? "; " : "");
        if (d->policies.n > 1)
            add(d->reason, "policy %s: ", p->name);
        add(d->reason, "%s", reason);
    }
    if (d->protection == PROTECTION_GOOD) {
        d->protection = status_judge_policy(closest, d->problem, now, reason);
        add(d->reason, "%s", reason);
    }
}

static void judge(struct status_domain *d, int64_t now)
{
    d->reason[0] = '\0';
    d->rpo = d->next_run = 0;
    for (size_t i = 0; i < d->policies.n; i++) {
        const struct status_policy *p = &d->policies.items[i];

        if (p->rpo && (!d->rpo || p->rpo < d->rpo))
            d->rpo = p->rpo;
        if (p->next_run && (!d->next_run || p->next_run < d->next_run))
            d->next_run = p->next_run;
    }
    if (d->policies.n == 0) {
        d->protection = PROTECTION_NONE;
        add(d->reason, "no policy selects it");
    } else {
        judge_together(d, now);
    }
}

void status_judge(struct status *s)
{
    for (size_t i = 0; i < s->domains.n; i++)
        judge(&s->domains.items[i], s->now);
}

bool status_is_good(const struct status *s)
{
    for (size_t i = 0; i < s->domains.n; i++)
        if (s->domains.items[i].protection != PROTECTION_GOOD || s->domains.items[i].frozen_since)
            return false;
    return s->warnings.n == 0;
}

bool status_has_trouble(const struct status *s)
{
    for (size_t i = 0; i < s->domains.n; i++)
        if (s->domains.items[i].bad_points)
            return true;
    for (size_t i = 0; i < s->repositories.n; i++)
        if (s->repositories.items[i].problem)
            return true;
    return false;
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

void status_domain_done(struct status_domain *d)
{
    for (size_t i = 0; i < d->policies.n; i++) {
        free(d->policies.items[i].name);
        free(d->policies.items[i].next_why);
        free(d->policies.items[i].lacks);
        free(d->policies.items[i].last_job.reason);
    }
    free(d->policies.items);
    free(d->host);
    free(d->domain);
    free(d->state);
    free(d->problem);
    free(d->unsafe);
    free(d->aside);
    free(d->bad_points);
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
    }
    free(s->domains.items);
    free(s->repositories.items);
    free(s->daemon.problem);
    free(s->daemon.version);
    strlist_done(&s->warnings);
    *s = (struct status){0};
}
