/* SPDX-License-Identifier: MIT
 *
 * The judgement: what the facts of a status mean, reason by reason.
 */
#include "report/judge_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/advice.h"
#include "base/cleanup.h"
#include "base/model.h"
#include "base/text.h"
#include "base/timefmt.h"

#define OVERDUE_AFTER 300 /* a start, or a wake-up, takes its time */

/* ---- a policy's promise ---- */

/* ", promised 1d 2h" */
static const char *promise_text(const struct status_policy *p, char buf[TIMEFMT_MAX + 20])
{
    char rpo[TIMEFMT_MAX];

    if (!p->rpo)
        return ", no promise made";
    snprintf(buf, TIMEFMT_MAX + 20, ", promised %s", duration_text(p->rpo, rpo));
    return buf;
}

static bool is_kept(const struct status_policy *p, int64_t now)
{
    return p->last_good && !p->lacks && (p->rpo == 0 || now - p->last_good <= p->rpo);
}

/* Its points may lie there, and the catalog know none of them. */
static bool may_be_unknown(const struct status_policy *p, const struct status *s)
{
    for (size_t i = 0; i < s->repositories.n && !p->last_good && !p->last_bad; i++)
        if (judge_differs(&s->repositories.items[i]) &&
            str_eq(s->repositories.items[i].name, p->repository))
            return true;
    return false;
}

/* What to do for a point.  Whoever mends something must know what. */
static char *advise_run(const struct status_domain *d, const struct status_policy *p,
                        const struct status *s)
{
    const struct status_job *j = &p->last_job;

    if (!s->daemon.running && s->daemon.problem)
        return p->next_run
                   ? xstrdup("first of all have vmkeepd run again: it makes up for what was missed")
                   : xasprintf("first of all have vmkeepd run again, then `vmkeep run %s/%s`",
                               d->host, d->domain);
    if (may_be_unknown(p, s))
        return xasprintf("first of all `vmkeep rebuild-catalog`: repository %s has points that the "
                         "catalog does not know, perhaps this domain's; see lost-catalog.md "
                         "of the documentation",
                         p->repository);
    if (p->active)
        return xasprintf("job %lld %s: `vmkeep jobs --active`", (long long)p->active,
                         p->is_running ? "runs" : "waits, or begins");
    if (j->id && j->outcome != OUTCOME_SUCCESS)
        return xasprintf("mend what job %lld says (`vmkeep explain %lld`), then `vmkeep run %s/%s`",
                         (long long)j->id, (long long)j->id, d->host, d->domain);
    if (d->problem)
        return xasprintf("mend what `vmkeep doctor %s/%s` finds, then `vmkeep run %s/%s`", d->host,
                         d->domain, d->host, d->domain);
    return xasprintf("`vmkeep run %s/%s`", d->host, d->domain);
}

static char *advise_point(const struct status_domain *d, const struct status_policy *p,
                          const struct status *s, bool has_copies)
{
    char *run = advise_run(d, p, s), *ret;

    if (!has_copies)
        return run;
    ret = xasprintf("%s; until then `vmkeep restore %s/%s --to DIR` takes the newest copy", run,
                    d->host, d->domain);
    free(run);
    return ret;
}

/* Why there is no younger point, as far as that is known; or what went wrong since the last one. */
static void add_last_job(struct status_policy *p)
{
    static const enum reason_code codes[] = {[OUTCOME_FAILED] = REASON_JOB_FAILED,
                                             [OUTCOME_ABORTED] = REASON_JOB_ABORTED,
                                             [OUTCOME_SKIPPED] = REASON_JOB_SKIPPED};
    const struct status_job *j = &p->last_job;

    if (j->id && j->outcome != OUTCOME_SUCCESS && j->outcome != OUTCOME_NONE)
        reason_add(&p->reasons, codes[j->outcome], NULL, "last job %lld %s: %s", (long long)j->id,
                   job_outcome_name(j->outcome), j->reason ? j->reason : "no reason recorded");
}

static void judge_point(const struct status_domain *d, struct status_policy *p,
                        const struct status *s)
{
    CLEANUP_FREE char *copies = p->last_good ? xstrdup("") : judge_copies_left(p);
    CLEANUP_FREE char *advice = is_kept(p, s->now) ? NULL : advise_point(d, p, s, *copies);
    char promise_buf[TIMEFMT_MAX + 20], text[TIMEFMT_MAX];
    const char *promise = promise_text(p, promise_buf);
    int64_t age = s->now - p->last_good;

    if (p->lacks)
        reason_add(&p->reasons, REASON_LACKS_DISK,
                   "attach the disk again; or, if it is meant to be in no backup, leave it out "
                   "with a \"!\" in the policy's disks",
                   "the newest point lacks disk %s, which an older one has, or which was attached "
                   "when the domain ran last; if that is meant, leave it out in the policy's "
                   "disks%s",
                   p->lacks, promise);
    else if (is_kept(p, s->now))
        reason_add(&p->reasons, REASON_KEPT, NULL, "newest good point is %s old%s",
                   duration_text(age, text), promise);
    else if (p->last_good)
        reason_add(&p->reasons, REASON_TOO_OLD, advice, "no good point for %s%s",
                   duration_text(age, text), promise);
    else if (p->last_bad)
        reason_add(&p->reasons, REASON_NO_POINT, advice,
                   "no good point is left%s; the newest, of %s, cannot be restored%s", promise,
                   time_local(p->last_bad, text), copies);
    else if (*copies)
        reason_add(&p->reasons, REASON_NO_POINT, advice,
                   "no good point is left in repository %s%s%s", p->repository, promise, copies);
    else
        reason_add(&p->reasons, REASON_NO_POINT, advice, "no good point yet%s", promise);
}

/* While its repository is away, what was seen there last is all that is known of its points. */
static void judge_repository_of(struct status_policy *p, const struct status *s)
{
    for (size_t i = 0; i < s->repositories.n && p->last_good; i++) {
        const struct status_repository *r = &s->repositories.items[i];

        if (r->problem && !r->is_back && str_eq(r->name, p->repository))
            reason_add(&p->reasons, REASON_POINTS_AWAY, NULL,
                       "whether its points are good is not known now, for repository %s cannot be "
                       "looked at",
                       r->name);
    }
}

static void add_former(const struct status_domain *d, struct status_policy *p)
{
    CLEANUP_FREE char *advice = NULL;
    char last[TIMEFMT_MAX];

    if (!p->former)
        return;
    advice =
        xasprintf("if %s is its new name: with the old one, within 7 days, it goes on where it "
                  "was; or let go of the old points by `vmkeep delete --domain %s/%s --policy "
                  "%s`",
                  p->name, d->host, d->domain, p->former);
    reason_add(&p->reasons, REASON_POLICY_RENAMED, advice,
               "the newest point of policy %s, which is not in the configuration any more, is of "
               "%s: a policy that was renamed begins anew",
               p->former, time_local(p->former_last, last));
}

static void judge_next_run(const struct status_domain *d, struct status_policy *p,
                           const struct status *s)
{
    CLEANUP_FREE char *advice = NULL;
    int64_t ends = p->last_good + p->rpo;
    char in[TIMEFMT_MAX], late[TIMEFMT_MAX];
    bool failed = p->last_job.id && p->last_job.outcome != OUTCOME_SUCCESS;

    if (p->active || !s->daemon.running)
        return;
    if (p->next_run && p->next_run + OVERDUE_AFTER < s->now &&
        s->daemon.started + OVERDUE_AFTER < s->now)
        reason_add(
            &p->reasons, REASON_OVERDUE, "`journalctl -u vmkeepd` tells what keeps vmkeepd from it",
            "a run was due %s ago, and has not begun", duration_text(s->now - p->next_run, late));
    /* Without a schedule somebody else sees to the runs: he has, while they succeed. */
    if (!is_kept(p, s->now) || !p->rpo || (p->next_run ? p->next_run <= ends : !failed))
        return;
    advice = failed ? advise_run(d, p, s)
                    : xasprintf("`vmkeep run %s/%s`; and let the policy's schedule and its rpo fit "
                                "each other",
                                d->host, d->domain);
    reason_add(&p->reasons, REASON_BREAKS_SOON, advice, "the promise breaks in %s, %s",
               duration_text(ends - s->now, in),
               p->next_run ? "before the next run" : "and no run is planned before that");
}

/* What else failed, and did not succeed since. */
static void judge_failures(const struct status_domain *d, struct status_policy *p)
{
    static const struct {
        const char *kind;
        enum reason_code code;
        const char *what, *again; /* HOST/DOMAIN goes into it, and the repository */
    } kinds[] = {
        {JOB_PRUNE, REASON_PRUNE_FAILED, "prune", "`vmkeep prune %s/%s --wait`"},
        {JOB_VERIFY, REASON_VERIFY_FAILED, "verification", "`vmkeep verify %s/%s --job --wait`"},
        {JOB_COPY, REASON_COPY_FAILED, "copy", "`vmkeep copy %s/%s --to %s --wait`"},
    };

    for (size_t i = 0; i < p->failures.n; i++) {
        const struct status_failure *f = &p->failures.items[i];
        char at[TIMEFMT_MAX];

        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            CLEANUP_FREE char *again = xasprintf(kinds[k].again, d->host, d->domain, f->repository);
            CLEANUP_FREE char *advice = xasprintf("mend what it says, then %s", again);

            if (str_eq(f->kind, kinds[k].kind))
                reason_add(&p->reasons, kinds[k].code, advice,
                           "the last %s in repository %s failed, at %s: %s", kinds[k].what,
                           f->repository, time_local(f->at, at), f->problem);
        }
    }
}

static void judge_policy(const struct status_domain *d, struct status_policy *p,
                         const struct status *s)
{
    const struct status_job *j = &p->last_job;
    bool kept = is_kept(p, s->now);
    char aside[TIMEFMT_MAX], promised[TIMEFMT_MAX];

    p->protection = kept ? PROTECTION_GOOD : PROTECTION_AT_RISK;
    judge_point(d, p, s);
    if (!kept && p->aside)
        reason_add(&p->reasons, REASON_SET_ASIDE, NULL,
                   "the point of %s is set aside, for its date cannot be right",
                   time_local(p->aside, aside));
    if (p->proven)
        reason_add(&p->reasons, REASON_PROVEN, NULL,
                   "proven restorable: the point of %s, all of which was read at %s",
                   time_local(p->proven, promised), time_local(p->proven_at, aside));
    if (p->n_unread)
        reason_add(&p->reasons, REASON_UNREAD,
                   "`vmkeep jobs` tells how the verifications of the policy ended; `vmkeep verify "
                   "POLICY --wait` reads all of its points",
                   "%zu point%s not read whole for longer than %s, the longest for %s", p->n_unread,
                   p->n_unread == 1 ? " was" : "s were", duration_text(p->max_age, promised),
                   duration_text(s->now - p->unread, aside));
    if (kept)
        judge_repository_of(p, s);
    else
        add_former(d, p);
    add_last_job(p);
    if (!kept && d->problem && (!j->id || j->outcome == OUTCOME_SUCCESS))
        reason_add(&p->reasons, REASON_DOMAIN_PROBLEM, NULL, "%s", d->problem);
    judge_policy_copies(p);
    judge_failures(d, p);
    judge_next_run(d, p, s);
}

/* ---- a domain ---- */

/* Is a's point closer to breaking its promise than b's? A promise comes before none. */
static bool is_closer(const struct status_policy *a, const struct status_policy *b)
{
    if (!a->rpo || !b->rpo)
        return a->rpo != 0 || (!b->rpo && a->last_good > b->last_good);
    return a->last_good + a->rpo < b->last_good + b->rpo;
}

/* One that has tried, and has nothing to show, is seen to, promise or none. */
static enum severity severity_uncounted(const struct status_policy *p, const struct reason *r)
{
    if (r->severity != SEVERITY_RISK)
        return r->severity;
    return r->code == REASON_NO_POINT && p->last_job.id ? SEVERITY_ACT : SEVERITY_NOTE;
}

/* Policies without a promise matter when none has one, and then one good point, of any of them,
 * will do. */
static void see_what_counts(struct status_domain *d)
{
    bool promised = false, any_good = false;

    for (size_t i = 0; i < d->policies.n; i++) {
        promised = promised || d->policies.items[i].rpo;
        any_good = any_good || d->policies.items[i].protection == PROTECTION_GOOD;
    }
    for (size_t i = 0; i < d->policies.n; i++) {
        struct status_policy *p = &d->policies.items[i];

        p->counts = p->rpo || (!promised && (!any_good || p->protection == PROTECTION_GOOD));
        for (size_t k = 0; k < p->reasons.n && !p->counts; k++)
            p->reasons.items[k].severity = severity_uncounted(p, &p->reasons.items[k]);
    }
}

static void append(char **text, const char *more)
{
    char *old = *text;

    *text = xasprintf("%s%s%s", old ? old : "", old ? "; " : "", more);
    free(old);
}

/* What the policies make of it together. */
static void judge_together(struct status_domain *d)
{
    const struct status_policy *closest = &d->policies.items[0];

    see_what_counts(d);
    d->protection = PROTECTION_GOOD;
    for (size_t i = 0; i < d->policies.n; i++) {
        const struct status_policy *p = &d->policies.items[i];
        CLEANUP_FREE char *text = NULL;
        CLEANUP_FREE char *named = NULL;

        if (is_closer(p, closest))
            closest = p;
        if (!p->counts || !p->rpo || p->protection == PROTECTION_GOOD)
            continue;
        d->protection = PROTECTION_AT_RISK;
        text = reasons_text(&p->reasons);
        named = xasprintf("policy %s: %s", p->name, text);
        append(&d->reason, d->policies.n > 1 ? named : text);
    }
    if (d->protection == PROTECTION_GOOD) {
        d->protection = closest->protection;
        d->reason = reasons_text(&closest->reasons);
    }
}

static void judge_unselected(struct status_domain *d)
{
    char last[TIMEFMT_MAX];

    if (d->gone) {
        d->protection = PROTECTION_GONE;
        if (d->points > 0)
            reason_add(&d->reasons, REASON_GONE, NULL,
                       "it is not in the configuration any more, or its host does not have it; %zu "
                       "point%s of it %s kept, the newest of %s",
                       d->points, plural_s(d->points), d->points == 1 ? "is" : "are",
                       time_local(d->last_point, last));
        else
            reason_add(&d->reasons, REASON_GONE, NULL,
                       "it is not in the configuration any more, or its host does not have it; no "
                       "point of it is kept");
    } else if (d->left_out_on_purpose) {
        d->protection = PROTECTION_LEFT_OUT;
        reason_add(&d->reasons, REASON_LEFT_OUT, NULL,
                   "left out on purpose: `unprotected` in the configuration names it");
    } else {
        d->protection = PROTECTION_NONE;
        reason_add(&d->reasons, REASON_NO_POLICY,
                   "name it in a policy's `domains`; or, if it is meant to have no backups, in "
                   "`unprotected`; then `vmkeep reload`",
                   "no policy selects it");
    }
    d->reason = reasons_text(&d->reasons);
}

static void add_disks(struct status_domain *d)
{
    for (size_t i = 0; i < d->left_out.n; i++) {
        const struct status_left_out *k = &d->left_out.items[i];

        if (k->by != LEFT_OUT_UNSELECTED)
            reason_add(&d->reasons, REASON_DISK_LEFT_OUT, NULL, "not backed up: %s (%s)", k->name,
                       k->why);
        else
            reason_add(&d->reasons, REASON_DISK_FORGOTTEN,
                       "name it in a policy's `disks`, or leave it out there with a \"!\"; then "
                       "`vmkeep reload`",
                       "disk %s is in no backup, for no policy's disks select it: add it, or leave "
                       "it out on purpose with \"!%s\"",
                       k->name, k->name);
    }
}

/* A policy without points of its own tells it with its former name. */
static void add_uncovered(struct status_domain *d)
{
    CLEANUP_FREE char *advice =
        xasprintf("`vmkeep delete --domain %s/%s --policy %s` lets go of them", d->host, d->domain,
                  d->uncovered ? d->uncovered : "");

    for (size_t i = 0; i < d->policies.n; i++)
        if (d->policies.items[i].former && d->policies.items[i].protection != PROTECTION_GOOD)
            return;
    if (d->n_uncovered > 0 && d->policies.n > 0)
        reason_add(
            &d->reasons, REASON_UNCOVERED, advice,
            "%zu point%s of policy %s, which does not select it any more, %s: no rule judges "
            "%s",
            d->n_uncovered, plural_s(d->n_uncovered), d->uncovered,
            d->n_uncovered == 1 ? "stays" : "stay", d->n_uncovered == 1 ? "it" : "them");
}

static void add_facts(struct status_domain *d)
{
    CLEANUP_FREE char *doctor = xasprintf("`vmkeep doctor %s/%s`", d->host, d->domain);
    char since[TIMEFMT_MAX];

    if (d->frozen_since)
        reason_add(&d->reasons, REASON_FROZEN, ADVICE_THAW,
                   "the guest's file systems are perhaps frozen since %s",
                   time_local(d->frozen_since, since));
    if (d->bad_points)
        reason_add(&d->reasons, REASON_POINTS_BAD, STATUS_POINTS_ADVICE, "%s", d->bad_points);
    if (d->needs_images && d->policies.n > 0) {
        reason_add(
            &d->reasons, REASON_SHUT_OFF,
            "start it; or, if it runs, correct where its QMP socket is (`qmp` of the domain, "
            "vmkeep-config(5)); or name its images (`disks`), and it is backed up while it "
            "is shut off, too",
            "it is not found running (%s): no backup of it can be made until it is",
            d->problem ? d->problem : "its images are not configured");
    } else if (d->problem && d->policies.n > 0) {
        if (str_eq(d->state, "unreachable"))
            reason_add(&d->reasons, REASON_UNREACHABLE, doctor, "unreachable: %s", d->problem);
        else
            reason_add(&d->reasons, REASON_DOMAIN_PROBLEM, NULL, "%s%s%s", d->state ? d->state : "",
                       d->state ? ": " : "", d->problem);
    }
    if (d->unsafe)
        reason_add(&d->reasons, REASON_UNSAFE, NULL, "guest-safe copy not possible: %s", d->unsafe);
    add_uncovered(d);
    if (d->aside)
        reason_add(&d->reasons, REASON_POINTS_ASIDE, NULL, "%s", d->aside);
    add_disks(d);
}

static void judge_domain(struct status_domain *d, const struct status *s)
{
    d->rpo = d->next_run = 0;
    for (size_t i = 0; i < d->policies.n; i++) {
        struct status_policy *p = &d->policies.items[i];

        judge_policy(d, p, s);
        if (p->rpo && (!d->rpo || p->rpo < d->rpo))
            d->rpo = p->rpo;
        if (p->next_run && (!d->next_run || p->next_run < d->next_run))
            d->next_run = p->next_run;
    }
    if (d->policies.n == 0)
        judge_unselected(d);
    else
        judge_together(d);
    add_facts(d);
}

/* ---- the rest ---- */

static bool is_told(const struct reason_list *l, enum reason_code code)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].code == code)
            return true;
    return false;
}

/* config_broken: it would not start. */
static void judge_daemon(struct status_daemon *d, bool config_broken)
{
    char since[TIMEFMT_MAX];

    if (d->running && d->catalog_problem)
        reason_add(&d->reasons, REASON_CATALOG,
                   "make room where the catalog lies, or mend its file system; vmkeepd tries again "
                   "by itself",
                   "it cannot write to its catalog%s%s: %s", d->catalog_since ? " since " : "",
                   d->catalog_since ? time_local(d->catalog_since, since) : "", d->catalog_problem);
    if (d->running || !d->problem)
        return;
    if (d->error == ERR_TIMEOUT || d->error == ERR_BUSY) /* it has no place for who asks */
        reason_add(&d->reasons, REASON_DAEMON_SILENT,
                   "`journalctl -u vmkeepd` tells what it does; `systemctl restart vmkeepd`", "%s",
                   d->problem);
    else if (d->error == ERR_DENIED)
        reason_add(&d->reasons, REASON_DAEMON_DENIED, "ask as root, or as the daemon's user", "%s",
                   d->problem);
    else
        reason_add(&d->reasons, REASON_DAEMON_DOWN,
                   config_broken
                       ? "first mend the configuration, by which vmkeepd cannot start: `vmkeep "
                         "check`; then `systemctl start vmkeepd`"
                       : "`systemctl start vmkeepd`; `journalctl -u vmkeepd` tells why it ended",
                   "%s", d->problem);
}

void status_judge(struct status *s)
{
    judge_daemon(&s->daemon, is_told(&s->warnings, REASON_CONFIG_BROKEN));
    for (size_t i = 0; i < s->domains.n; i++)
        judge_domain(&s->domains.items[i], s);
    for (size_t i = 0; i < s->repositories.n; i++)
        judge_repository(&s->repositories.items[i], s);
}
