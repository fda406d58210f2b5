/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"

static bool has_policy(const struct status_domain *d, const char *policy)
{
    for (size_t i = 0; i < d->policies.n; i++)
        if (str_eq(d->policies.items[i].name, policy))
            return true;
    return false;
}

static bool uses(const struct report *r, const struct status_repository *repository)
{
    if (!r->policy)
        return true;
    for (size_t i = 0; i < r->status->domains.n; i++) {
        const struct status_domain *d = &r->status->domains.items[i];

        for (size_t k = 0; k < d->policies.n; k++)
            if (str_eq(d->policies.items[k].name, r->policy) &&
                str_eq(d->policies.items[k].repository, repository->name))
                return true;
    }
    return false;
}

static int by_name(const char *host_a, const char *a, const char *host_b, const char *b)
{
    int c = strcmp(host_a, host_b);

    return c ? c : strcmp(a, b);
}

static int row_by_name(const void *a, const void *b)
{
    const struct report_row *x = a, *y = b;

    return by_name(x->host, x->domain, y->host, y->domain);
}

void report_begin(struct report *r)
{
    for (size_t i = 0; i < r->status->domains.n; i++) {
        const struct status_domain *d = &r->status->domains.items[i];

        if (r->policy && !has_policy(d, r->policy))
            continue;
        *VEC_ADD(&r->rows) =
            (struct report_row){xstrdup(d->host), xstrdup(d->domain), d, {{0}, 0}, NULL};
    }
    if (r->rows.n > 0)
        qsort(r->rows.items, r->rows.n, sizeof(*r->rows.items), row_by_name);
    for (size_t i = 0; i < r->status->repositories.n; i++)
        if (uses(r, &r->status->repositories.items[i]))
            *VEC_ADD(&r->repositories) =
                (struct report_repository){.status = &r->status->repositories.items[i]};
}

static void count(struct report_counts *n, const struct report_job *j)
{
    n->n[j->outcome]++;
    if (j->outcome == OUTCOME_SUCCESS)
        n->bytes += j->bytes;
}

/* Rows stay sorted by name until all jobs are there. */
static struct report_row *row_of(struct report *r, const char *host, const char *domain)
{
    size_t from = 0, to = r->rows.n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct report_row *row = &r->rows.items[middle];
        int c = by_name(row->host, row->domain, host, domain);

        if (c == 0)
            return &r->rows.items[middle];
        if (c < 0)
            from = middle + 1;
        else
            to = middle;
    }
    VEC_ADD(&r->rows);
    memmove(&r->rows.items[from + 1], &r->rows.items[from],
            (r->rows.n - 1 - from) * sizeof(*r->rows.items));
    r->rows.items[from] = (struct report_row){xstrdup(host), xstrdup(domain), NULL, {{0}, 0}, NULL};
    return &r->rows.items[from];
}

static void add_backup(struct report *r, const struct report_job *j)
{
    struct report_row *row = row_of(r, j->host, j->domain);

    count(&r->backups, j);
    count(&row->backups, j);
    if (j->outcome == OUTCOME_SUCCESS)
        return;
    free(row->problem);
    row->problem = xasprintf("job %lld: %s", (long long)j->id,
                             j->reason ? j->reason : job_outcome_name(j->outcome));
}

static void add_other(struct report *r, const struct report_job *j)
{
    struct report_kind *k;

    for (size_t i = 0; i < r->kinds.n; i++)
        if (str_eq(r->kinds.items[i].kind, j->kind)) {
            count(&r->kinds.items[i].jobs, j);
            return;
        }
    k = VEC_ADD(&r->kinds);
    *k = (struct report_kind){.kind = xstrdup(j->kind)};
    count(&k->jobs, j);
}

void report_add_job(struct report *r, const struct report_job *j)
{
    if (r->policy && !str_eq(r->policy, j->policy))
        return;
    if (j->backup)
        add_backup(r, j);
    else
        add_other(r, j);
    for (size_t i = 0; i < r->repositories.n; i++)
        if ((j->backup || str_eq(j->kind, JOB_COPY)) &&
            str_eq(r->repositories.items[i].status->name, j->repository))
            count(&r->repositories.items[i].written, j);
}

/* ---- order ---- */

static int rank(const struct report_row *row)
{
    return row->status ? status_rank(row->status) : STATUS_RANKS;
}

size_t report_failed(const struct report_counts *n)
{
    return n->n[OUTCOME_FAILED] + n->n[OUTCOME_ABORTED];
}

static int worst_first(const void *a, const void *b)
{
    const struct report_row *x = a, *y = b;

    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    if (report_failed(&x->backups) != report_failed(&y->backups))
        return report_failed(&x->backups) > report_failed(&y->backups) ? -1 : 1;
    return row_by_name(a, b);
}

void report_sort(struct report *r)
{
    if (r->rows.n > 0)
        qsort(r->rows.items, r->rows.n, sizeof(*r->rows.items), worst_first);
}

void report_done(struct report *r)
{
    for (size_t i = 0; i < r->rows.n; i++) {
        free(r->rows.items[i].host);
        free(r->rows.items[i].domain);
        free(r->rows.items[i].problem);
    }
    free(r->rows.items);
    for (size_t i = 0; i < r->kinds.n; i++)
        free(r->kinds.items[i].kind);
    free(r->kinds.items);
    free(r->repositories.items);
}

/* ---- in words ---- */

bool report_tells(const struct report *r, const struct status_about *about,
                  const struct reason *reason)
{
    if (reason->severity == SEVERITY_NOTE)
        return false;
    return !r->policy || (about->policy && str_eq(about->policy->name, r->policy)) ||
           (about->repository && uses(r, about->repository));
}

struct worst {
    const struct report *r;
    enum severity severity;
    size_t acts; /* how many somebody must act on though no promise is broken by them */
};

static void note_worst(void *arg, const struct status_about *about, const struct reason *reason)
{
    struct worst *w = arg;

    if (!report_tells(w->r, about, reason))
        return;
    w->acts += reason->severity == SEVERITY_ACT;
    if (reason->severity > w->severity)
        w->severity = reason->severity;
}

enum severity report_severity(const struct report *r)
{
    struct worst w = {.r = r, .severity = SEVERITY_NOTE};

    status_reasons(r->status, note_worst, &w);
    return w.severity;
}

static void append(char **text, char *more)
{
    char *old = *text;

    *text = xasprintf("%s%s", old, more);
    free(old);
    free(more);
}

char *report_backups_text(const struct report_counts *n)
{
    size_t ok = n->n[OUTCOME_SUCCESS], tried = ok + report_failed(n);
    char *ret;

    if (tried == 0)
        ret = xstrdup("no backup was made");
    else if (ok == tried)
        ret =
            xasprintf("%s%zu backup%s succeeded", tried > 1 ? "all " : "", tried, plural_s(tried));
    else
        ret = xasprintf("%zu of %zu backup%s succeeded", ok, tried, plural_s(tried));
    for (int o = OUTCOME_FAILED; o < REPORT_OUTCOMES; o++)
        if (n->n[o] > 0)
            append(&ret, xasprintf(", %zu %s", n->n[o], job_outcome_name(o)));
    return ret;
}

/* "1 at risk, 1 thing to see to, 2 protected": those that a policy's run is of, or all. */
static char *standing_text(const struct report *r)
{
    static const enum protection order[] = {PROTECTION_AT_RISK, PROTECTION_NONE, PROTECTION_GOOD};
    struct worst w = {.r = r};
    char *ret = xstrdup("");

    status_reasons(r->status, note_worst, &w);
    for (size_t o = 0; o < ARRAY_LEN(order); o++) {
        size_t n = 0;

        if (order[o] == PROTECTION_GOOD && w.acts > 0)
            append(&ret, xasprintf("%s%zu thing%s to see to", *ret ? ", " : "", w.acts,
                                   plural_s(w.acts)));
        for (size_t i = 0; i < r->rows.n; i++)
            n += r->rows.items[i].status && r->rows.items[i].status->protection == order[o];
        if (n > 0)
            append(&ret, xasprintf("%s%zu %s", *ret ? ", " : "", n, protection_name(order[o])));
    }
    if (!*ret)
        append(&ret, xstrdup("no domains"));
    return ret;
}

char *report_subject(const struct report *r)
{
    CLEANUP_FREE char *standing = standing_text(r);
    CLEANUP_FREE char *backups = report_backups_text(&r->backups);

    if (r->policy)
        return xasprintf("vmkeep on %s: run of %s: %s; %s", r->machine, r->policy, backups,
                         standing);
    return xasprintf("vmkeep on %s: %s; %s", r->machine, standing, backups);
}

char *report_growth_text(const struct status_repository *r, int64_t now)
{
    char size[SIZE_TEXT_MAX], in[TIMEFMT_MAX];
    double rate = r->trend.per_day;

    if (r->trend.days == 0)
        return xstrdup("");
    if (!r->trend.full_at)
        return xasprintf("%s by %s a day", rate < 0 ? "shrinks" : "grows",
                         size_text((uint64_t)(rate < 0 ? -rate : rate), size));
    return xasprintf("grows by %s a day, full in %s", size_text((uint64_t)rate, size),
                     duration_text(r->trend.full_at - now, in));
}

size_t report_rows_shown(const struct report *r)
{
    return r->rows_shown && r->rows_shown < r->rows.n ? r->rows_shown : r->rows.n;
}

char *report_more_text(const struct report *r)
{
    size_t more = r->rows.n - report_rows_shown(r);

    return more ? xasprintf("and %zu more domains, none of which stands worse: `vmkeep report` has "
                            "a row of each",
                            more)
                : NULL;
}
