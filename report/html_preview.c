/* SPDX-License-Identifier: MIT
 *
 * What a policy will have kept at the ends of the months to come, a line each: as a picture, and as
 * a text for who does not see it.
 */
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"

#define WIDTH 720
#define LEFT 64
#define RIGHT 44
#define ROW 20
#define TICK 3
#define PLACES 204 /* ticks that there is room for */

struct span {
    int64_t from, to;
};

static size_t place_of(const struct span *s, int64_t t)
{
    size_t i = (size_t)((double)(t - s->from) / (double)(s->to - s->from) * PLACES);

    return i < PLACES ? i : PLACES - 1;
}

/* Where several would lie on each other there is one; a full is seen. */
static void put_points(const struct html_kept *k, const struct span *s, int y, FILE *out)
{
    unsigned char there[PLACES] = {0};

    for (size_t i = 0; i < k->points.n; i++) {
        unsigned char *p = &there[place_of(s, k->points.items[i].at)];
        unsigned char is = k->points.items[i].full ? 2 : 1;

        *p = *p > is ? *p : is;
    }
    for (unsigned char is = 1; is <= 2; is++) {
        fprintf(out, "<path class=\"%s\" d=\"", is == 2 ? "d-full" : "d-incremental");
        for (int i = 0; i < PLACES; i++)
            if (there[i] == is)
                fprintf(out, is == 2 ? "M%d %dh2v14h-2z" : "M%d %dh2v8h-2z", LEFT + i * TICK,
                        y + (is == 2 ? 2 : 8));
        fputs("\"/>", out);
    }
}

static void put_row(const struct html_kept *k, const struct span *s, int y, FILE *out)
{
    char at[TIMEFMT_MAX];
    int x = LEFT + (int)place_of(s, k->at) * TICK + TICK;

    time_local(k->at - 1, at);
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" class=\"g-left\">%.7s</text>"
            "<path class=\"g-line\" d=\"M%d %dH%d\"/>",
            LEFT - 8, y + 14, at, LEFT, y + ROW - 3, x);
    put_points(k, s, y, out);
    fprintf(out, "<text x=\"%d\" y=\"%d\">%zu</text>", x + 5, y + 14, k->points.n);
}

void html_preview(const struct html_policy *page, FILE *out)
{
    const struct html_kept *last = &page->kept.items[page->kept.n - 1];
    const struct span s = {page->status->now, last->at};
    int height = (int)page->kept.n * ROW + 6;
    char oldest[TIMEFMT_MAX] = "";

    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Points to come\">"
            "<svg class=\"curve\" role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "aria-label=\"Points kept at the end of each month: ",
            WIDTH, height, WIDTH, height);
    for (size_t i = 0; i < page->kept.n; i++)
        fprintf(out, "%s%zu", i ? ", " : "", page->kept.items[i].points.n);
    fputs("\">", out);
    for (size_t i = 0; i < page->kept.n; i++)
        put_row(&page->kept.items[i], &s, (int)i * ROW, out);
    fputs("</svg></div>\n<p class=\"legend\">", out);
    if (last->points.n > 0)
        fprintf(out, "After %zu month%s a domain has %zu point%s, the oldest of %.10s. ",
                page->kept.n, plural_s(page->kept.n), last->points.n, plural_s(last->points.n),
                time_local(last->points.items[0].at, oldest));
    fputs("Each line is the end of a month: what is kept then of a domain whose backups begin "
          "now, if all that is due is made; high: full, low: incremental.</p>\n",
          out);
}
