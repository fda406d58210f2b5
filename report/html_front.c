/* SPDX-License-Identifier: MIT
 *
 * The first page: whether one may sleep; what is not protected, and why; what runs; the
 * repositories; then a row a domain.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/report.h"

#define REFRESH_S 30

/* ---- what somebody must act on ---- */

static void put_about(FILE *out, const struct status_about *about, bool alone)
{
    if (about->domain) {
        html_domain(out, about->domain->host, about->domain->domain, alone);
        if (about->policy) {
            fputs(", ", out);
            html_text(out, about->policy->name);
        }
    } else if (about->repository) {
        fputs("repository ", out);
        html_text(out, about->repository->name);
    } else {
        fputs(about->daemon ? "vmkeepd" : "configuration", out);
    }
}

void html_finding(FILE *out, const struct status_about *about, const struct reason *r, bool alone)
{
    fputs("<li>", out);
    html_mark(out, r->severity == SEVERITY_RISK ? "bad" : "warn",
              r->severity != SEVERITY_RISK ? "to do"
              : about->domain              ? protection_name(about->domain->protection)
                                           : "at risk");
    fputs(" <strong>", out);
    put_about(out, about, alone);
    fputs("</strong>: ", out);
    html_text(out, r->text);
    if (r->advice) {
        fputs("<br><span class=\"advice\">", out);
        html_prose(out, r->advice);
        fputs("</span>", out);
    }
    fputs("</li>\n", out);
}

#define FINDINGS_SHOWN 200

struct findings {
    FILE *out;
    enum severity severity;
    bool alone;
    size_t n;
};

static void put_finding(void *arg, const struct status_about *about, const struct reason *r)
{
    struct findings *f = arg;

    if (r->severity != f->severity || f->n++ >= FINDINGS_SHOWN)
        return;
    if (f->n == 1)
        fputs("<ul class=\"findings\">\n", f->out);
    html_finding(f->out, about, r, f->alone);
}

static size_t put_findings_of(const struct status *s, enum severity severity, bool alone, FILE *out)
{
    struct findings f = {out, severity, alone, 0};

    status_reasons(s, put_finding, &f);
    if (f.n > FINDINGS_SHOWN)
        fprintf(out, "<li>and %zu more: see the rows below</li>\n", f.n - FINDINGS_SHOWN);
    if (f.n > 0)
        fputs("</ul>\n", out);
    return f.n;
}

void html_findings(FILE *out, const struct status *s, bool alone)
{
    fputs("<section aria-labelledby=\"act\"><h2 id=\"act\">What needs somebody</h2>\n", out);
    if (put_findings_of(s, SEVERITY_RISK, alone, out) +
            put_findings_of(s, SEVERITY_ACT, alone, out) ==
        0)
        fputs("<p>Nothing: every promise is kept.</p>\n", out);
    fputs("</section>\n", out);
}

/* ---- repositories ---- */

void html_space(FILE *out, const struct status_repository *r, int64_t now)
{
    CLEANUP_FREE char *growth = NULL;
    char avail[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX], reserve[SIZE_TEXT_MAX];
    double used = r->total > 0 ? 100.0 * (double)(r->total - r->free) / (double)r->total : 0;

    if (!r->has_space) {
        fputs("not known", out);
        return;
    }
    fprintf(out,
            "<meter min=\"0\" max=\"100\" high=\"90\" value=\"%.0f\" aria-label=\"%.0f percent "
            "used\"></meter> %s free of %s",
            used, used, size_text(r->free, avail), size_text(r->total, total));
    if (r->reserve)
        fprintf(out, ", %s reserved", size_text(r->reserve, reserve));
    growth = report_growth_text(r, now);
    fputs(*growth ? "; " : "", out);
    html_text(out, growth);
}

void html_repository_state(FILE *out, const struct status_repository *r)
{
    bool fine = reasons_severity(&r->reasons) == SEVERITY_NOTE;

    html_mark(out,
              !fine      ? "bad"
              : r->state ? "good"
                         : "plain",
              !fine      ? "problem"
              : r->state ? r->state
                         : "not seen yet");
}

static void put_repositories(const struct status *s, bool alone, FILE *out)
{
    if (s->repositories.n == 0)
        return;
    fputs("<section aria-labelledby=\"repositories\"><h2 id=\"repositories\">Repositories</h2>\n"
          "<table class=\"rows\"><caption class=\"hidden\">Repositories</caption><thead><tr>"
          "<th scope=\"col\">Repository</th><th scope=\"col\">State</th><th scope=\"col\">Room</th>"
          "<th scope=\"col\">Path</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < s->repositories.n; i++) {
        const struct status_repository *r = &s->repositories.items[i];

        fputs("<tr><th scope=\"row\">", out);
        if (alone)
            html_text(out, r->name);
        else
            html_repository_link(out, r->name);
        fputs("</th><td data-label=\"State\">", out);
        html_repository_state(out, r);
        fputs("</td><td data-label=\"Room\">", out);
        html_space(out, r, s->now);
        fputs("</td><td data-label=\"Path\"><code>", out);
        html_text(out, r->path);
        fputs("</code></td></tr>\n", out);
    }
    fputs("</tbody></table></section>\n", out);
}

/* ---- policies ---- */

/* Those that select a domain. */
static void put_policies(const struct status *s, FILE *out)
{
    CLEANUP(strlist_done) struct strlist names = {0};

    for (size_t i = 0; i < s->domains.n; i++)
        for (size_t k = 0; k < s->domains.items[i].policies.n; k++)
            if (!strlist_has(&names, s->domains.items[i].policies.items[k].name))
                strlist_add(&names, s->domains.items[i].policies.items[k].name);
    if (names.n == 0)
        return;
    fputs("<section aria-labelledby=\"policies\"><h2 id=\"policies\">Policies</h2>\n"
          "<ul class=\"links\">\n",
          out);
    for (size_t i = 0; i < names.n; i++) {
        fputs("<li>", out);
        html_policy_link(out, names.items[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul></section>\n", out);
}

/* ---- domains ---- */

void html_protection(FILE *out, const struct status_domain *d)
{
    const char *kind = d->protection == PROTECTION_GOOD      ? "good"
                       : d->protection == PROTECTION_AT_RISK ? "bad"
                       : d->protection == PROTECTION_NONE    ? "bad"
                                                             : "plain";

    html_mark(out, kind, protection_name(d->protection));
}

static int64_t proven(const struct status_domain *d)
{
    int64_t ret = 0;

    for (size_t i = 0; i < d->policies.n; i++)
        if (d->policies.items[i].proven > ret)
            ret = d->policies.items[i].proven;
    return ret;
}

/* In a page that stands alone it would lead to itself. */
static void put_name(const struct status_domain *d, bool alone, FILE *out)
{
    if (!alone) {
        html_domain(out, d->host, d->domain, false);
        return;
    }
    html_text(out, d->host);
    fputs("/<wbr>", out);
    html_text(out, d->domain);
}

static void put_domain(const struct status_domain *d, int64_t now, bool alone, FILE *out)
{
    fputs("<tr", out);
    if (alone)
        html_row_id(out, d->host, d->domain);
    fputs("><th scope=\"row\">", out);
    put_name(d, alone, out);
    fputs("</th><td data-label=\"Status\">", out);
    html_protection(out, d);
    fputs("</td><td data-label=\"Last point\">", out);
    html_ago(out, d->last_point, now);
    fputs("</td><td data-label=\"Next run\">", out);
    html_until(out, d->next_run, now);
    fputs("</td><td data-label=\"Proven restorable\">", out);
    if (proven(d))
        html_ago(out, proven(d), now);
    else
        fputs("not yet", out);
    fputs("</td><td data-label=\"Days\">", out);
    html_days(out, d);
    fputs("</td></tr>\n", out);
}

static void put_domains(const struct status *s, bool alone, FILE *out)
{
    fputs("<section aria-labelledby=\"domains\"><h2 id=\"domains\">Domains</h2>\n", out);
    if (s->domains.n == 0) {
        fputs("<p>No domains are known: they are those of the hosts in the configuration.</p>"
              "</section>\n",
              out);
        return;
    }
    html_days_legend(out);
    fputs(
        "<table class=\"rows domains\"><caption class=\"hidden\">Domains, the worst first</caption>"
        "<thead><tr><th scope=\"col\">Domain</th><th scope=\"col\">Status</th>"
        "<th scope=\"col\">Last point</th><th scope=\"col\">Next run</th>"
        "<th scope=\"col\">Proven restorable</th><th scope=\"col\">Days</th></tr></thead><tbody>\n",
        out);
    for (int rank = 0; rank < STATUS_RANKS; rank++)
        for (size_t i = 0; i < s->domains.n; i++)
            if (status_rank(&s->domains.items[i]) == rank)
                put_domain(&s->domains.items[i], s->now, alone, out);
    fputs("</tbody></table></section>\n", out);
}

/* ---- the page ---- */

static void put_sum(const struct status *s, FILE *out)
{
    static const char *const kinds[] = {
        [SEVERITY_NOTE] = "good", [SEVERITY_ACT] = "warn", [SEVERITY_RISK] = "bad"};
    CLEANUP_FREE char *summary = status_summary(s);

    fprintf(out, "<h1 class=\"sum %s\">", kinds[status_severity(s)]);
    html_text(out, summary);
    fputs("</h1>\n<p class=\"daemon\">", out);
    if (s->daemon.running) {
        fputs("vmkeepd ", out);
        html_text(out, s->daemon.version);
        fputs(s->daemon.starting ? " is starting" : " runs", out);
        if (s->daemon.started) {
            fputs(", started ", out);
            html_ago(out, s->daemon.started, s->now);
        }
    } else {
        html_text(out, s->daemon.problem ? s->daemon.problem : "vmkeepd does not run");
    }
    fputs(".</p>\n", out);
}

void report_html_front(const struct html_front *f, FILE *out)
{
    if (f->alone)
        html_begin_alone(out, "vmkeep: status");
    else
        html_begin(out, "vmkeep: status", REFRESH_S);
    put_sum(f->status, out);
    html_findings(out, f->status, f->alone);
    fputs("<section aria-labelledby=\"now\"><h2 id=\"now\">Now</h2>\n", out);
    if (!f->live)
        fputs("<p>vmkeepd does not answer; this is what it left in its catalog.</p>\n", out);
    html_active(out, f->jobs, f->status->now, f->alone);
    fputs("</section>\n", out);
    put_repositories(f->status, f->alone, out);
    if (!f->alone)
        put_policies(f->status, out);
    put_domains(f->status, f->alone, out);
    html_end(out, f->status->now);
}
