/* SPDX-License-Identifier: MIT
 *
 * A report as a page: one file that loads nothing; also the HTML body of a mail.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/report.h"

#define FINDINGS_SHOWN 200

/* ---- what somebody must act on ---- */

struct findings {
    const struct report *r;
    FILE *out;
    enum severity severity;
    size_t n;
};

static void put_finding(void *arg, const struct status_about *about, const struct reason *reason)
{
    struct findings *f = arg;

    if (reason->severity != f->severity || !report_tells(f->r, about, reason) ||
        f->n++ >= FINDINGS_SHOWN)
        return;
    html_finding(f->out, about, reason, true);
}

static void put_findings(const struct report *r, FILE *out)
{
    struct findings f = {r, out, SEVERITY_RISK, 0};

    fputs("<section aria-labelledby=\"act\"><h2 id=\"act\">What needs somebody</h2>\n", out);
    if (report_severity(r) == SEVERITY_NOTE) {
        fprintf(out, "<p>Nothing: every promise is kept%s.</p></section>\n",
                report_failed(&r->backups) ? ", though backups failed: see the rows below" : "");
        return;
    }
    fputs("<ul class=\"findings\">\n", out);
    status_reasons(r->status, put_finding, &f);
    f.severity = SEVERITY_ACT;
    status_reasons(r->status, put_finding, &f);
    if (f.n > FINDINGS_SHOWN)
        fprintf(out, "<li>and %zu more: see <code>vmkeep status</code></li>\n",
                f.n - FINDINGS_SHOWN);
    fputs("</ul></section>\n", out);
}

/* ---- rows ---- */

static void put_counts(const struct report_counts *n, FILE *out)
{
    char size[SIZE_TEXT_MAX];

    fprintf(out,
            "<td data-label=\"Good\" class=\"n\">%zu</td><td data-label=\"Failed\" class=\"n\">",
            n->n[OUTCOME_SUCCESS]);
    if (report_failed(n) > 0) {
        char number[24];

        snprintf(number, sizeof(number), "%zu", report_failed(n));
        html_mark(out, "bad", number);
    } else {
        fputs("0", out);
    }
    fprintf(out, "</td><td data-label=\"Skipped\" class=\"n\">%zu</td>", n->n[OUTCOME_SKIPPED]);
    fprintf(out, "<td data-label=\"Copied\" class=\"n\">%s</td>",
            n->bytes ? size_text(n->bytes, size) : "");
}

static void put_row(const struct report_row *row, int64_t now, FILE *out)
{
    const struct status_domain *d = row->status;

    fputs("<tr", out);
    html_row_id(out, row->host, row->domain);
    fputs("><th scope=\"row\">", out);
    html_text(out, row->host);
    fputs("/<wbr>", out);
    html_text(out, row->domain);
    fputs("</th><td data-label=\"Status\">", out);
    if (d)
        html_protection(out, d);
    else
        html_mark(out, "plain", "gone");
    fputs("</td>", out);
    put_counts(&row->backups, out);
    fputs("<td data-label=\"Last point\">", out);
    if (d)
        html_ago(out, d->last_point, now);
    fputs("</td><td data-label=\"Next run\">", out);
    if (d)
        html_until(out, d->next_run, now);
    fputs("</td><td data-label=\"Last failure\">", out);
    html_text(out, row->problem);
    fputs("</td></tr>\n", out);
}

static void put_rows(const struct report *r, FILE *out)
{
    CLEANUP_FREE char *more = report_more_text(r);

    fputs("<section aria-labelledby=\"domains\"><h2 id=\"domains\">Domains</h2>\n"
          "<table class=\"rows domains\"><caption class=\"hidden\">Backups of each domain, the "
          "worst first</caption><thead><tr><th scope=\"col\">Domain</th>"
          "<th scope=\"col\">Status</th><th scope=\"col\">Good</th><th scope=\"col\">Failed</th>"
          "<th scope=\"col\">Skipped</th><th scope=\"col\">Copied</th>"
          "<th scope=\"col\">Last point</th><th scope=\"col\">Next run</th>"
          "<th scope=\"col\">Last failure</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < report_rows_shown(r); i++)
        put_row(&r->rows.items[i], r->status->now, out);
    fputs("</tbody></table>\n", out);
    if (more) {
        fputs("<p>", out);
        html_prose(out, more);
        fputs("</p>\n", out);
    }
    fputs("</section>\n", out);
}

static void put_repository(const struct report_repository *rep, int64_t now, FILE *out)
{
    const struct status_repository *s = rep->status;
    CLEANUP_FREE char *growth = report_growth_text(s, now);
    char avail[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

    fputs("<tr><th scope=\"row\">", out);
    html_text(out, s->name);
    fputs("</th><td data-label=\"Room\">", out);
    if (s->has_space)
        fprintf(out, "%s free of %s", size_text(s->free, avail), size_text(s->total, total));
    else
        fputs("not known", out);
    fprintf(out, "</td><td data-label=\"Copied\" class=\"n\">%s</td><td data-label=\"Growth\">",
            size_text(rep->written.bytes, avail));
    html_text(out, *growth ? growth : "not known yet");
    fputs("</td></tr>\n", out);
}

static void put_repositories(const struct report *r, FILE *out)
{
    if (r->repositories.n == 0)
        return;
    fputs("<section aria-labelledby=\"repositories\"><h2 id=\"repositories\">Repositories</h2>\n"
          "<table class=\"rows\"><caption class=\"hidden\">Repositories</caption><thead><tr>"
          "<th scope=\"col\">Repository</th><th scope=\"col\">Room</th>"
          "<th scope=\"col\">Copied</th><th scope=\"col\">Growth</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < r->repositories.n; i++)
        put_repository(&r->repositories.items[i], r->status->now, out);
    fputs("</tbody></table></section>\n", out);
}

static void put_kinds(const struct report *r, FILE *out)
{
    if (r->kinds.n == 0)
        return;
    fputs("<section aria-labelledby=\"others\"><h2 id=\"others\">Other jobs</h2>\n"
          "<table class=\"rows\"><caption class=\"hidden\">Jobs beside backups</caption><thead><tr>"
          "<th scope=\"col\">Kind</th><th scope=\"col\">Good</th><th scope=\"col\">Failed</th>"
          "<th scope=\"col\">Skipped</th><th scope=\"col\">Copied</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < r->kinds.n; i++) {
        fputs("<tr><th scope=\"row\">", out);
        html_text(out, r->kinds.items[i].kind);
        fputs("</th>", out);
        put_counts(&r->kinds.items[i].jobs, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></section>\n", out);
}

void report_html(const struct report *r, FILE *out)
{
    static const char *const kinds[] = {
        [SEVERITY_NOTE] = "good", [SEVERITY_ACT] = "warn", [SEVERITY_RISK] = "bad"};
    CLEANUP_FREE char *subject = report_subject(r);
    char from[TIMEFMT_MAX], to[TIMEFMT_MAX], length[TIMEFMT_MAX];

    html_begin_alone(out, subject);
    fprintf(out, "<h1 class=\"sum %s\">", kinds[report_severity(r)]);
    html_text(out, subject);
    fprintf(out, "</h1>\n<p class=\"daemon\">From %s to %s (%s).</p>\n", time_local(r->since, from),
            time_local(r->status->now, to), duration_text(r->status->now - r->since, length));
    put_findings(r, out);
    put_rows(r, out);
    put_repositories(r, out);
    put_kinds(r, out);
    html_end(out, r->status->now);
}
