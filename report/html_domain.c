/* SPDX-License-Identifier: MIT
 *
 * A domain's page: its promises, its points as a picture and as a table, its jobs and its disks.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/points.h"

static void put_policy(const struct status_policy *p, int64_t now, FILE *out)
{
    bool good = p->protection == PROTECTION_GOOD;
    char rpo[TIMEFMT_MAX];

    fputs("<tr><th scope=\"row\">", out);
    html_policy_link(out, p->name);
    fputs("</th><td data-label=\"Status\">", out);
    html_mark(out,
              good        ? "good"
              : p->counts ? "bad"
                          : "plain",
              !p->counts && !good ? "no promise" : protection_name(p->protection));
    fputs("</td><td data-label=\"Promised\">", out);
    if (p->rpo)
        fprintf(out, "a point each %s", duration_text(p->rpo, rpo));
    fputs("</td><td data-label=\"Last point\">", out);
    html_ago(out, p->last_good, now);
    fputs("</td><td data-label=\"Next run\">", out);
    html_until(out, p->next_run, now);
    fputs("</td><td data-label=\"Proven restorable\">", out);
    if (p->proven)
        html_ago(out, p->proven, now);
    else
        fputs("not yet", out);
    fputs("</td><td data-label=\"Repository\">", out);
    html_repository_link(out, p->repository);
    fputs("</td></tr>\n", out);
}

static void put_policies(const struct status_domain *d, int64_t now, FILE *out)
{
    if (d->policies.n == 0)
        return;
    fputs(
        "<section aria-labelledby=\"policies\"><h2 id=\"policies\">Policies</h2>\n"
        "<table class=\"rows\"><caption class=\"hidden\">Policies</caption><thead><tr>"
        "<th scope=\"col\">Policy</th><th scope=\"col\">Status</th><th scope=\"col\">Promised</th>"
        "<th scope=\"col\">Last point</th><th scope=\"col\">Next run</th>"
        "<th scope=\"col\">Proven restorable</th><th scope=\"col\">Repository</th></tr></thead>"
        "<tbody>\n",
        out);
    for (size_t i = 0; i < d->policies.n; i++)
        put_policy(&d->policies.items[i], now, out);
    fputs("</tbody></table></section>\n", out);
}

static void put_point(const struct point_list *points, const struct point *p, int64_t now,
                      FILE *out)
{
    char size[SIZE_TEXT_MAX], at[TIMEFMT_MAX];
    CLEANUP_FREE char *name = point_short_name(points, p);

    fprintf(out,
            "<tr><th scope=\"row\">%s</th><td data-label=\"Kind\">%s</td><td "
            "data-label=\"State\">",
            time_local(p->created, at), level_name(p->level));
    html_mark(out,
              p->state == POINT_DELETING                ? "plain"
              : p->state == POINT_GOOD && !p->set_aside ? "good"
                                                        : "bad",
              p->state == POINT_DELETING ? "goes, or is merged" : point_state_text(p, true));
    if (pin_holds(&p->pin, now))
        fputs(" pinned", out);
    fprintf(out, "</td><td data-label=\"Size\">%s</td><td data-label=\"Read whole\">",
            size_text(point_bytes(p), size));
    if (p->read.proven)
        html_ago(out, p->read.proven, now);
    fputs("</td><td data-label=\"Where\">", out);
    html_text(out, p->repository);
    if (p->copy_of)
        fputs(" (a copy)", out);
    fputs("</td><td data-label=\"Name\"><code>", out);
    html_text(out, name);
    fputs("</code></td></tr>\n", out);
}

static void put_points(const struct point_list *points, int64_t now, FILE *out)
{
    fputs("<section aria-labelledby=\"points\"><h2 id=\"points\">Restore points</h2>\n", out);
    if (points->n == 0) {
        fputs("<p>None yet.</p></section>\n", out);
        return;
    }
    html_chain(out, points, now);
    fputs(
        "<table class=\"rows\"><caption class=\"hidden\">Restore points, the newest first</caption>"
        "<thead><tr><th scope=\"col\">Instant</th><th scope=\"col\">Kind</th>"
        "<th scope=\"col\">State</th><th scope=\"col\">Size</th><th scope=\"col\">Read whole</th>"
        "<th scope=\"col\">Where</th><th scope=\"col\">Name</th></tr></thead><tbody>\n",
        out);
    for (size_t i = points->n; i-- > 0;)
        put_point(points, &points->items[i], now, out);
    fputs("</tbody></table></section>\n", out);
}

static const struct point *newest(const struct point_list *points)
{
    for (size_t i = points->n; i-- > 0;)
        if (points->items[i].state == POINT_GOOD && !points->items[i].copy_of)
            return &points->items[i];
    return NULL;
}

/* Of the newest point, and what is in no backup. */
static void put_disks(const struct status_domain *d, const struct point_list *points, FILE *out)
{
    const struct point *p = newest(points);
    char capacity[SIZE_TEXT_MAX], bytes[SIZE_TEXT_MAX];

    if (!p && d->left_out.n == 0)
        return;
    fputs("<section aria-labelledby=\"disks\"><h2 id=\"disks\">Disks</h2>\n<table class=\"rows\">"
          "<caption class=\"hidden\">Disks</caption><thead><tr><th scope=\"col\">Disk</th>"
          "<th scope=\"col\">In the newest point</th><th scope=\"col\">Capacity</th></tr></thead>"
          "<tbody>\n",
          out);
    for (size_t i = 0; p && i < p->disks.n; i++) {
        fputs("<tr><th scope=\"row\">", out);
        html_text(out, p->disks.items[i].name);
        fprintf(out,
                "</th><td data-label=\"In the newest point\">%s</td>"
                "<td data-label=\"Capacity\">%s</td></tr>\n",
                size_text(p->disks.items[i].bytes, bytes),
                size_text(p->disks.items[i].capacity, capacity));
    }
    for (size_t i = 0; i < d->left_out.n; i++) {
        fputs("<tr><th scope=\"row\">", out);
        html_text(out, d->left_out.items[i].name);
        fputs("</th><td data-label=\"In the newest point\">not backed up: ", out);
        html_text(out, d->left_out.items[i].why);
        fputs("</td><td></td></tr>\n", out);
    }
    fputs("</tbody></table></section>\n", out);
}

static void put_why(const struct status_domain *d, FILE *out)
{
    fputs("<section aria-labelledby=\"why\"><h2 id=\"why\">Why</h2>\n", out);
    html_reasons(out, &d->reasons, SEVERITY_NOTE);
    for (size_t i = 0; i < d->policies.n; i++) {
        fputs("<h3>", out);
        html_text(out, d->policies.items[i].name);
        fputs("</h3>\n", out);
        html_reasons(out, &d->policies.items[i].reasons, SEVERITY_NOTE);
    }
    fputs("</section>\n", out);
}

void report_html_domain(const struct html_domain *page, FILE *out)
{
    const struct status_domain *d = &page->status->domains.items[0];
    int64_t now = page->status->now;
    CLEANUP_FREE char *title = xasprintf("%s/%s", d->host, d->domain);
    bool good = d->protection == PROTECTION_GOOD;

    html_begin(out, title, 30);
    fputs("<h1>", out);
    html_text(out, title);
    fputs("</h1>\n<p>", out);
    html_mark(out,
              good                               ? "good"
              : d->protection <= PROTECTION_NONE ? "bad"
                                                 : "plain",
              protection_name(d->protection));
    fputs(" ", out);
    html_text(out, d->reason);
    fputs(".", out);
    if (d->state) {
        fputs(" The domain is ", out);
        html_text(out, d->state);
        fputs(".", out);
    }
    if (d->froze_at) {
        fprintf(out, " For the last backup its file systems were frozen for %lld ms, ",
                (long long)d->froze_ms);
        html_ago(out, d->froze_at, now);
        fputs(".", out);
    }
    fputs("</p>\n<p>", out);
    html_days(out, d);
    fputs("</p>\n", out);
    html_days_legend(out);
    put_why(d, out);
    put_policies(d, now, out);
    fputs("<section aria-labelledby=\"now\"><h2 id=\"now\">Now</h2>\n", out);
    html_active(out, page->jobs, now, false);
    fputs("</section>\n", out);
    put_points(page->points, now, out);
    put_disks(d, page->points, out);
    fputs("<section aria-labelledby=\"jobs\"><h2 id=\"jobs\">Jobs</h2>\n", out);
    html_past(out, page->past, now);
    fputs("</section>\n", out);
    html_end(out, now);
}
