/* SPDX-License-Identifier: MIT
 *
 * A report as text: the body of a mail, and what a terminal shows.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/report.h"
#include "report/table.h"
#include "report/wrap.h"

#define FAILURE "  last failure: "
#define DO "  do: "
#define FINDINGS_SHOWN 100

static void print_period(const struct report *r, FILE *out)
{
    char from[TIMEFMT_MAX], to[TIMEFMT_MAX], length[TIMEFMT_MAX];

    print_paragraphf(out, 0, "", "From %s to %s (%s).", time_local(r->since, from),
                     time_local(r->status->now, to),
                     duration_text(r->status->now - r->since, length));
}

/* ---- what somebody must act on ---- */

struct findings {
    const struct report *r;
    FILE *out;
    enum severity severity;
    size_t n;
};

static char *about_text(const struct status_about *a)
{
    if (a->domain)
        return xasprintf("%s/%s%s%s", a->domain->host, a->domain->domain, a->policy ? ", " : "",
                         a->policy ? a->policy->name : "");
    if (a->repository)
        return xasprintf("repository %s", a->repository->name);
    return xstrdup(a->daemon ? "vmkeepd" : "configuration");
}

static void print_finding(void *arg, const struct status_about *about, const struct reason *reason)
{
    struct findings *f = arg;
    CLEANUP_FREE char *what = NULL;

    if (reason->severity != f->severity || !report_tells(f->r, about, reason) ||
        f->n++ >= FINDINGS_SHOWN)
        return;
    what = about_text(about);
    print_paragraphf(f->out, 2, "- ", "%s: %s", what, reason->text);
    if (reason->advice)
        print_paragraph(f->out, text_width(DO), DO, reason->advice);
}

static void print_findings(const struct report *r, FILE *out)
{
    struct findings f = {r, out, SEVERITY_RISK, 0};

    if (report_severity(r) == SEVERITY_NOTE) {
        print_paragraphf(out, 0, "", "Nothing needs anybody: every promise is kept%s.",
                         report_failed(&r->backups) ? ", though backups failed: see below" : "");
        return;
    }
    fputs("What needs somebody:\n", out);
    status_reasons(r->status, print_finding, &f);
    f.severity = SEVERITY_ACT;
    status_reasons(r->status, print_finding, &f);
    if (f.n > FINDINGS_SHOWN)
        fprintf(out, "  and %zu more: see `vmkeep status`\n", f.n - FINDINGS_SHOWN);
}

/* ---- tables ---- */

static void add_row(struct table *t, const struct report_row *row, int64_t now)
{
    const struct status_domain *d = row->status;
    char size[SIZE_TEXT_MAX], text[TIMEFMT_MAX];

    table_cellf(t, "%s/%s", row->host, row->domain);
    table_cell_coloured(t,
                        !d || d->protection > PROTECTION_NONE ? COLOUR_NONE
                        : d->protection == PROTECTION_GOOD    ? COLOUR_GREEN
                                                              : COLOUR_RED,
                        d ? protection_name(d->protection) : "gone");
    table_cellf(t, "%zu", row->backups.n[OUTCOME_SUCCESS]);
    table_cellf(t, "%zu", report_failed(&row->backups));
    table_cellf(t, "%zu", row->backups.n[OUTCOME_SKIPPED]);
    table_cell(t, row->backups.bytes ? size_text(row->backups.bytes, size) : NULL);
    if (d && d->last_point)
        table_cellf(t, "%s ago", duration_text(now - d->last_point, text));
    else
        table_cell(t, NULL);
    if (!d || !d->next_run)
        table_cell(t, NULL);
    else if (d->next_run < now)
        table_cell(t, "overdue");
    else
        table_cellf(t, "in %s", duration_text(d->next_run - now, text));
    table_note(t, FAILURE, row->problem);
}

static void print_rows(const struct report *r, FILE *out)
{
    static const char *const titles[] = {"/DOMAIN",  "STATUS",  ">GOOD",      ">FAILED",
                                         ">SKIPPED", ">COPIED", "LAST POINT", "NEXT RUN"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    CLEANUP_FREE char *more = report_more_text(r);

    for (size_t i = 0; i < report_rows_shown(r); i++)
        add_row(t, &r->rows.items[i], r->status->now);
    table_print_or(t, "No domains are known.", out);
    if (more)
        print_paragraph(out, 0, "", more);
}

static void print_repositories(const struct report *r, FILE *out)
{
    static const char *const titles[] = {"REPOSITORY", ">FREE", ">OF", ">COPIED", "~GROWTH"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    char size[SIZE_TEXT_MAX];

    for (size_t i = 0; i < r->repositories.n; i++) {
        const struct report_repository *rep = &r->repositories.items[i];
        const struct status_repository *s = rep->status;
        CLEANUP_FREE char *growth = report_growth_text(s, r->status->now);

        table_cell(t, s->name);
        table_cell(t, s->has_space ? size_text(s->free, size) : NULL);
        table_cell(t, s->has_space ? size_text(s->total, size) : NULL);
        table_cell(t, rep->written.bytes ? size_text(rep->written.bytes, size) : NULL);
        table_cell(t, *growth ? growth : "not known yet");
    }
    if (r->repositories.n > 0)
        fputc('\n', out);
    table_print(t, out);
}

static void print_kinds(const struct report *r, FILE *out)
{
    static const char *const titles[] = {"OTHER JOBS", ">GOOD", ">FAILED", ">SKIPPED"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < r->kinds.n; i++) {
        const struct report_counts *n = &r->kinds.items[i].jobs;

        table_cell(t, r->kinds.items[i].kind);
        table_cellf(t, "%zu", n->n[OUTCOME_SUCCESS]);
        table_cellf(t, "%zu", report_failed(n));
        table_cellf(t, "%zu", n->n[OUTCOME_SKIPPED]);
    }
    if (r->kinds.n > 0)
        fputc('\n', out);
    table_print(t, out);
}

void report_text(const struct report *r, FILE *out)
{
    CLEANUP_FREE char *subject = report_subject(r);

    print_paragraph(out, 0, "", subject);
    print_period(r, out);
    fputc('\n', out);
    print_findings(r, out);
    fputc('\n', out);
    print_rows(r, out);
    print_repositories(r, out);
    print_kinds(r, out);
}
