/* SPDX-License-Identifier: MIT
 *
 * A policy's page: what it promises, when it runs next, as a list and as months, and how the
 * domains stand that it selects.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"

static void put_facts(const struct html_policy *page, FILE *out)
{
    char rpo[TIMEFMT_MAX];

    fprintf(out, "<dl>\n<dt>Promise</dt><dd>%s%s</dd>\n<dt>Repository</dt><dd>",
            page->rpo ? "a point each " : "none", page->rpo ? duration_text(page->rpo, rpo) : "");
    html_repository_link(out, page->repository);
    fputs("</dd>\n", out);
    for (size_t i = 0; i < page->calendars.n; i++) {
        fprintf(out, "<dt>%s</dt><dd><code>", page->calendars.items[i].kind);
        html_text(out, page->calendars.items[i].text);
        fputs("</code></dd>\n", out);
    }
    fputs("</dl>\n", out);
}

static void put_next(const struct html_policy *page, FILE *out)
{
    char at[TIMEFMT_MAX], utc[TIMEFMT_MAX], in[TIMEFMT_MAX];

    fputs("<section aria-labelledby=\"next\"><h2 id=\"next\">Next due</h2>\n", out);
    if (page->next.n == 0)
        fputs("<p>Nothing: it has no schedule that elapses again.</p>\n", out);
    else
        fputs("<ol class=\"next\">\n", out);
    for (size_t i = 0; i < page->next.n; i++) {
        const struct html_due *d = &page->next.items[i];

        fprintf(out, "<li><time datetime=\"%s\">%s</time> %s, in %s</li>\n", time_utc(d->at, utc),
                time_local(d->at, at), d->kind, duration_text(d->at - page->status->now, in));
    }
    fputs(page->next.n > 0 ? "</ol>\n" : "", out);
    fputs("<p class=\"legend\">Due times; a run that was missed, or failed, is made up for "
          "besides.</p></section>\n<section aria-labelledby=\"months\"><h2 id=\"months\">Months"
          "</h2>\n<p class=\"legend\">",
          out);
    fprintf(out, "%s</p>\n<div class=\"months\">\n", month_legend);
    month_html(page->months, out);
    fputs("</div></section>\n", out);
}

static void put_kept(const struct html_policy *page, FILE *out)
{
    fputs("<section aria-labelledby=\"kept\"><h2 id=\"kept\">What will be kept</h2>\n", out);
    if (page->kept.n > 0)
        html_preview(page, out);
    else
        fputs("<p>Too many runs are due to be drawn.</p>\n", out);
    fputs("</section>\n", out);
}

static void put_domain(const struct status_domain *d, const struct status_policy *p, int64_t now,
                       FILE *out)
{
    bool good = p->protection == PROTECTION_GOOD;

    fputs("<tr><th scope=\"row\">", out);
    html_domain(out, d->host, d->domain, false);
    fputs("</th><td data-label=\"Status\">", out);
    html_mark(out,
              good        ? "good"
              : p->counts ? "bad"
                          : "plain",
              !p->counts && !good ? "no promise" : protection_name(p->protection));
    fputs("</td><td data-label=\"Last point\">", out);
    html_ago(out, p->last_good, now);
    fputs("</td><td data-label=\"Next run\">", out);
    html_until(out, p->next_run, now);
    fputs("</td><td data-label=\"Why\">", out);
    html_text(out, p->next_why);
    fputs("</td></tr>\n", out);
}

static void put_domains(const struct html_policy *page, FILE *out)
{
    const struct status *s = page->status;

    fputs("<section aria-labelledby=\"domains\"><h2 id=\"domains\">Domains</h2>\n"
          "<table class=\"rows domains\"><caption class=\"hidden\">Domains of the policy</caption>"
          "<thead><tr><th scope=\"col\">Domain</th><th scope=\"col\">Status</th>"
          "<th scope=\"col\">Last point</th><th scope=\"col\">Next run</th>"
          "<th scope=\"col\">Why</th></tr></thead><tbody>\n",
          out);
    for (int rank = 0; rank < STATUS_RANKS; rank++)
        for (size_t i = 0; i < s->domains.n; i++) {
            const struct status_domain *d = &s->domains.items[i];

            for (size_t k = 0; k < d->policies.n && status_rank(d) == rank; k++)
                if (str_eq(d->policies.items[k].name, page->name))
                    put_domain(d, &d->policies.items[k], s->now, out);
        }
    fputs("</tbody></table></section>\n", out);
}

void report_html_policy(const struct html_policy *page, FILE *out)
{
    CLEANUP_FREE char *title = xasprintf("Policy %s", page->name);

    html_begin(out, title, 30);
    fputs("<h1>", out);
    html_text(out, title);
    fputs("</h1>\n", out);
    put_facts(page, out);
    put_domains(page, out);
    put_next(page, out);
    put_kept(page, out);
    html_end(out, page->status->now);
}
