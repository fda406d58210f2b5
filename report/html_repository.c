/* SPDX-License-Identifier: MIT
 *
 * A repository's page: its room, how that has changed as a curve, and whose points are in it.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/report.h"

#define WIDTH 720
#define HEIGHT 180
#define LEFT 74 /* for what the lines across say */
#define BOTTOM 22
#define TOP 8
#define LINES 4

/* ---- the curve ---- */

struct curve {
    const struct room_list *room;
    int64_t from, to;
    uint64_t top; /* bytes at the upper edge */
};

static double x_of(const struct curve *c, int64_t t)
{
    double whole = (double)(c->to > c->from ? c->to - c->from : 1);

    return LEFT + (WIDTH - LEFT - 4) * (double)(t - c->from) / whole;
}

static double y_of(const struct curve *c, uint64_t bytes)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (double)bytes / (double)c->top);
}

static uint64_t used(const struct room_sample *s)
{
    return s->total - s->free;
}

static void put_grid(const struct curve *c, FILE *out)
{
    char text[SIZE_TEXT_MAX];

    for (uint64_t i = 0; i <= LINES; i++) {
        double y = y_of(c, c->top / LINES * i);

        fprintf(out,
                "<path class=\"g-line\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                "class=\"g-left\">%s</text>",
                LEFT, y, WIDTH - 4, LEFT - 6, y + 4, size_text(c->top / LINES * i, text));
    }
}

static void put_dates(const struct curve *c, FILE *out)
{
    char text[TIMEFMT_MAX];

    time_local(c->from, text);
    fprintf(out, "<text x=\"%d\" y=\"%d\">%.10s</text>", LEFT, HEIGHT - 4, text);
    time_local(c->to, text);
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"g-left\">%.10s</text>", WIDTH - 4, HEIGHT - 4,
            text);
}

static void put_area(const struct curve *c, FILE *out)
{
    const struct room_sample *s = c->room->items;
    size_t n = c->room->n;

    fprintf(out, "<path class=\"g-area\" d=\"M%.1f %.1f", x_of(c, s[0].at), y_of(c, 0));
    for (size_t i = 0; i < n; i++)
        fprintf(out, "L%.1f %.1f", x_of(c, s[i].at), y_of(c, used(&s[i])));
    fprintf(out, "L%.1f %.1fZ\"/><path class=\"g-total\" d=\"", x_of(c, s[n - 1].at), y_of(c, 0));
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(c, s[i].at), y_of(c, s[i].total));
    fputs("\"/>", out);
}

static void put_curve(const struct room_list *room, FILE *out)
{
    struct curve c = {room, room->items[0].at, room->items[room->n - 1].at, 1};
    char first[SIZE_TEXT_MAX], last[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

    for (size_t i = 0; i < room->n; i++)
        c.top = room->items[i].total > c.top ? room->items[i].total : c.top;
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Room over time\">"
            "<svg class=\"curve\" role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "aria-label=\"Used on %zu days: from %s to %s of %s\">",
            WIDTH, HEIGHT, WIDTH, HEIGHT, room->n, size_text(used(&room->items[0]), first),
            size_text(used(&room->items[room->n - 1]), last),
            size_text(room->items[room->n - 1].total, total));
    put_area(&c, out);
    put_grid(&c, out);
    put_dates(&c, out);
    fputs("</svg></div>\n<p class=\"legend\">Used of the file system, with all else that lies "
          "there, and its size (the line above), as vmkeepd saw it each day.</p>\n",
          out);
}

/* ---- the page ---- */

static void put_room(const struct html_repository *page, FILE *out)
{
    fputs("<section aria-labelledby=\"room\"><h2 id=\"room\">Room</h2>\n<p>", out);
    html_space(out, page->repository, page->status->now);
    fputs("</p>\n", out);
    if (page->room && page->room->n > 1)
        put_curve(page->room, out);
    else
        fputs("<p>How it changes is not known yet: vmkeepd records it once a day.</p>\n", out);
    fputs("</section>\n", out);
}

static void put_domain(const struct status_domain *d, const struct status_policy *p, bool copy,
                       int64_t now, FILE *out)
{
    char size[SIZE_TEXT_MAX];

    fputs("<tr><th scope=\"row\">", out);
    html_domain(out, d->host, d->domain, false);
    fputs("</th><td data-label=\"Policy\">", out);
    html_policy_link(out, p->name);
    fprintf(out, "</td><td data-label=\"What\">%s</td><td data-label=\"Last point\">",
            copy ? "copies" : "points");
    if (!copy)
        html_ago(out, p->last_good, now);
    fprintf(out,
            "</td><td data-label=\"Good points\">%zu</td><td data-label=\"Newest\">%s</td></tr>\n",
            p->points, copy || !p->last_bytes ? "" : size_text(p->last_bytes, size));
}

static void put_domains(const struct html_repository *page, FILE *out)
{
    const struct status *s = page->status;

    fputs("<section aria-labelledby=\"domains\"><h2 id=\"domains\">Whose points are here</h2>\n"
          "<table class=\"rows domains\"><caption class=\"hidden\">Domains</caption><thead><tr>"
          "<th scope=\"col\">Domain</th><th scope=\"col\">Policy</th><th scope=\"col\">What</th>"
          "<th scope=\"col\">Last point</th><th scope=\"col\">Good points</th>"
          "<th scope=\"col\">Newest</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < s->domains.n; i++)
        for (size_t k = 0; k < s->domains.items[i].policies.n; k++) {
            const struct status_policy *p = &s->domains.items[i].policies.items[k];

            if (str_eq(p->repository, page->repository->name))
                put_domain(&s->domains.items[i], p, false, s->now, out);
            for (size_t c = 0; c < p->copies.n; c++)
                if (str_eq(p->copies.items[c].repository, page->repository->name))
                    put_domain(&s->domains.items[i], p, true, s->now, out);
        }
    fputs("</tbody></table></section>\n", out);
}

void report_html_repository(const struct html_repository *page, FILE *out)
{
    const struct status_repository *r = page->repository;
    CLEANUP_FREE char *title = xasprintf("Repository %s", r->name);

    html_begin(out, title, 30);
    fputs("<h1>", out);
    html_text(out, title);
    fputs("</h1>\n<p>", out);
    html_repository_state(out, r);
    fputs(" at <code>", out);
    html_text(out, r->path);
    fputs("</code></p>\n", out);
    html_reasons(out, &r->reasons, SEVERITY_NOTE);
    put_room(page, out);
    put_domains(page, out);
    html_end(out, page->status->now);
}
