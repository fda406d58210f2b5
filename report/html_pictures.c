/* SPDX-License-Identifier: MIT
 *
 * Pictures: the last days of a domain, and its points with what each stands on.  Both are SVG
 * within the page; shape and hatching tell as much as the colours do, and a text says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/points.h"

#define CELL 11
#define STEP 13

#define KINDS (DAY_MISSED + 1)

static const char *kind_text(unsigned kind)
{
    return kind == DAY_NONE ? "nothing" : day_kind_name((enum day_kind)kind);
}

/* What a day of that kind looks like at x, as a path. */
static void put_cell(FILE *out, unsigned kind, int x)
{
    static const char *const shapes[] = {
        [DAY_NONE] = "M%d 14h11v2h-11z",       [DAY_FULL] = "M%d 0h11v16h-11z",
        [DAY_INCREMENTAL] = "M%d 7h11v9h-11z", [DAY_FAILED] = "M%d 0h11v16h-11z",
        [DAY_MISSED] = "M%d.5 .5h10v15h-10z",
    };

    fprintf(out, shapes[kind], x);
}

/* Those of one kind are one path: pages have thousands of rows. */
static void put_cells(FILE *out, unsigned kind, const unsigned char *days, size_t n)
{
    if (!memchr(days, (int)kind, n))
        return;
    fprintf(out, "<path class=\"d-%s\" d=\"", day_kind_name((enum day_kind)kind));
    for (size_t i = 0; i < n; i++)
        if (days[i] == kind)
            put_cell(out, kind, (int)i * STEP);
    fputs("\"/>", out);
    if (kind != DAY_FAILED)
        return;
    fputs("<path class=\"d-cross\" d=\"", out);
    for (size_t i = 0; i < n; i++)
        if (days[i] == kind)
            fprintf(out, "M%zu 5l5 6m0-6l-5 6", i * STEP + 3);
    fputs("\"/>", out);
}

/* "Last 14 days, today last: 2 full, 11 incremental, 1 missed" */
static void put_days_text(FILE *out, const struct status_domain *d)
{
    const char *comma = ": ";

    fprintf(out, "Last %d days, today last", STATUS_DAYS);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        size_t n = 0;

        for (size_t i = 0; i < STATUS_DAYS; i++)
            n += d->days[i] == kind;
        if (n > 0) {
            fprintf(out, "%s%zu %s", comma, n, kind_text(kind));
            comma = ", ";
        }
    }
}

void html_days(FILE *out, const struct status_domain *d)
{
    fprintf(out,
            "<svg class=\"days\" role=\"img\" viewBox=\"0 0 %d 16\" width=\"%d\" height=\"16\" "
            "aria-label=\"",
            STATUS_DAYS * STEP, STATUS_DAYS * STEP);
    put_days_text(out, d);
    fputs("\">", out);
    for (unsigned kind = 0; kind < KINDS; kind++)
        put_cells(out, kind, d->days, STATUS_DAYS);
    fputs("</svg>", out);
}

void html_days_legend(FILE *out)
{
    fputs("<p class=\"legend\">Days: ", out);
    for (unsigned kind = 1; kind < KINDS; kind++) {
        fprintf(out, "<span><svg class=\"days\" aria-hidden=\"true\" width=\"%d\" height=\"16\">",
                CELL);
        put_cells(out, kind, &(unsigned char){(unsigned char)kind}, 1);
        fprintf(out, "</svg> %s</span> ", kind_text(kind));
    }
    fputs("</p>\n", out);
}

/* ---- the chain ---- */

#define POINTS_SHOWN 60
#define GAP 62
#define LEFT 34
#define FULL_Y 24
#define INCREMENTAL_Y 64

static bool is_bad(const struct point *p)
{
    return p->state != POINT_GOOD && p->state != POINT_DELETING;
}

static const char *point_class(const struct point *p)
{
    if (is_bad(p))
        return "c-bad";
    if (p->state == POINT_DELETING)
        return "c-going";
    if (p->copy_of)
        return "c-copy";
    return p->level == LEVEL_FULL ? "c-full" : "c-incremental";
}

static int point_y(const struct point *p)
{
    return p->level == LEVEL_FULL ? FULL_Y : INCREMENTAL_Y;
}

static void put_point(FILE *out, const struct point *p, int64_t now, int x)
{
    char at[TIMEFMT_MAX], size[SIZE_TEXT_MAX];
    bool pinned = pin_holds(&p->pin, now);
    int y = point_y(p);

    fprintf(out, "<g><title>%s, %s, %s%s%s%s</title>", time_local(p->created, at),
            level_name(p->level), size_text(point_bytes(p), size), pinned ? ", pinned" : "",
            p->copy_of ? ", a copy" : "", p->state == POINT_DELETING ? ", goes" : "");
    if (p->level == LEVEL_FULL)
        fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"18\" height=\"18\" rx=\"2\"/>",
                point_class(p), x - 9, y - 9);
    else
        fprintf(out, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"7\"/>", point_class(p), x, y);
    if (is_bad(p))
        fprintf(out, "<path class=\"d-cross\" d=\"M%d %dl6 6m0-6l-6 6\"/>", x - 3, y - 3);
    if (pinned)
        fprintf(out, "<path class=\"c-pin\" d=\"M%d %dl4-7h-8z\"/>", x, y - 10);
    at[10] = '\0'; /* month and day */
    fprintf(out, "<text x=\"%d\" y=\"92\">%s</text><text x=\"%d\" y=\"105\">%s</text></g>", x,
            at + 5, x, size);
}

/* Where among those that are shown its parent stands; -1: it does not. */
static int find_parent(const struct point_list *points, size_t from, size_t i)
{
    for (size_t k = i; k-- > from;)
        if (str_eq(points->items[k].id, points->items[i].parent))
            return (int)(k - from);
    return -1;
}

void html_chain(FILE *out, const struct point_list *points, int64_t now)
{
    size_t from = points->n > POINTS_SHOWN ? points->n - POINTS_SHOWN : 0, n = points->n - from;
    int width = (int)n * GAP + LEFT / 2;

    if (n == 0)
        return;
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Chain of points\">"
            "<svg class=\"chain\" role=\"img\" viewBox=\"0 0 %d 112\" width=\"%d\" height=\"112\" "
            "aria-label=\"%zu points, oldest left: squares are fulls, circles increments, lines "
            "lead to what each stands on; the table below says the same\">",
            width, width, n);
    for (size_t i = from; i < points->n; i++) {
        int parent = points->items[i].parent ? find_parent(points, from, i) : -1;
        int x = (int)(i - from) * GAP + LEFT;

        if (parent >= 0)
            fprintf(out, "<path class=\"c-line\" d=\"M%d %dL%d %d\"/>", parent * GAP + LEFT,
                    point_y(&points->items[(size_t)parent + from]), x, point_y(&points->items[i]));
    }
    for (size_t i = from; i < points->n; i++)
        put_point(out, &points->items[i], now, (int)(i - from) * GAP + LEFT);
    fputs("</svg></div>\n<p class=\"legend\">Square: full; circle: incremental; hollow: a copy; "
          "dashed: goes, or is merged into the next; triangle: pinned; cross: damaged or missing."
          "</p>\n",
          out);
}
