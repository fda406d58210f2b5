/* SPDX-License-Identifier: MIT
 *
 *   nightly, November 2026
 *   Mon       Tue       Wed       Thu       Fri       Sat       Sun
 *                                                               1
 *                                                               F 22:30
 *   2         3         4         ...
 *   i 22:30   i 22:30   i 22:30
 */
#include "report/month.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "report/html_priv.h"
#include "report/table.h"
#include "report/wrap.h"

#define DAYS 7
#define CELL_MIN 7
#define CELL_MAX 12
static const char kinds[] = "fivc"; /* by their first letters */

const char month_legend[] = "F full, i incremental, v verify, c copy";

static const char *const weekdays[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

void month_view_done(struct month_view *v)
{
    for (size_t i = 0; i < v->notes.n; i++)
        free(v->notes.items[i].text);
    free(v->notes.items);
    free(v->entries.items);
}

static struct tm tm_of(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12};

    timegm(&tm); /* a 32nd becomes a 1st, and the weekday is filled in */
    return tm;
}

static int days_in(int year, int month)
{
    return tm_of(year, month + 1, 0).tm_mday;
}

/* Monday is 0. */
static int weekday_of(int year, int month, int day)
{
    return (tm_of(year, month, day).tm_wday + 6) % DAYS;
}

static int compare(struct month_date a, struct month_date b)
{
    return a.year != b.year     ? a.year - b.year
           : a.month != b.month ? a.month - b.month
                                : a.day - b.day;
}

/* One month of the view, and where its entries begin. */
struct page {
    const struct month_view *view;
    int year, month, days, first; /* first: the weekday of its 1st */
    size_t *counts;               /* entries of each day, from 1 */
    const struct month_entry **begin;
};

static bool is_shown(const struct page *p, int day)
{
    struct month_date d = {p->year, p->month, day};

    return day >= 1 && day <= p->days && compare(d, p->view->from) >= 0 &&
           compare(d, p->view->to) <= 0;
}

static struct page page_of(const struct month_view *v, int year, int month)
{
    struct page p = {.view = v,
                     .year = year,
                     .month = month,
                     .days = days_in(year, month),
                     .first = weekday_of(year, month, 1)};

    p.counts = xcalloc((size_t)p.days + 1, sizeof(*p.counts));
    p.begin = xcalloc((size_t)p.days + 1, sizeof(*p.begin));
    for (size_t i = 0; i < v->entries.n; i++) {
        const struct month_entry *e = &v->entries.items[i];

        if (e->date.year != year || e->date.month != month)
            continue;
        if (p.counts[e->date.day]++ == 0)
            p.begin[e->date.day] = e;
    }
    return p;
}

static void page_done(struct page *p)
{
    free(p->counts);
    free(p->begin);
}

/* A kind that is due more often on a day than that is one line, with how often: what is done each
 * half an hour must not hide what is done once. */
#define LISTED 3
#define LINE_BYTES 24

static size_t count_of(const struct page *p, int day, char kind)
{
    size_t n = 0;

    for (size_t i = 0; i < p->counts[day]; i++)
        n += *p->begin[day][i].kind == kind;
    return n;
}

static char letter(char kind)
{
    return kind == 'f' ? 'F' : kind;
}

static size_t count_lines(const struct page *p, int day)
{
    size_t ret = 0;

    for (const char *kind = kinds; *kind; kind++) {
        size_t n = count_of(p, day, *kind);

        ret += n > LISTED ? 1 : n;
    }
    return ret;
}

/* "i 02:30", or "i 24x"; nothing behind the last line. */
static void entry_line(const struct page *p, int day, size_t line, char buf[LINE_BYTES])
{
    for (const char *kind = kinds; *kind; kind++) {
        size_t n = count_of(p, day, *kind), lines = n > LISTED ? 1 : n;

        if (line >= lines) {
            line -= lines;
            continue;
        }
        if (n > LISTED) {
            snprintf(buf, LINE_BYTES, "%c %zux", letter(*kind), n);
            return;
        }
        for (size_t i = 0; i < p->counts[day]; i++)
            if (*p->begin[day][i].kind == *kind && line-- == 0)
                snprintf(buf, LINE_BYTES, "%c %02d:%02d", letter(*kind), p->begin[day][i].hour,
                         p->begin[day][i].minute);
        return;
    }
}

static void each_month(const struct month_view *v, void (*put)(const struct page *p, FILE *out),
                       FILE *out)
{
    for (int year = v->from.year, month = v->from.month;
         year < v->to.year || (year == v->to.year && month <= v->to.month);) {
        struct page p = page_of(v, year, month);

        put(&p, out);
        page_done(&p);
        if (++month > 12) {
            month = 1;
            year++;
        }
    }
}

/* ---- text ---- */

static size_t cell_of(FILE *out)
{
    size_t cell = output_width(out) / DAYS - 1;

    return cell < CELL_MIN ? CELL_MIN : cell > CELL_MAX ? CELL_MAX : cell;
}

/* Line 0 is the day's number. */
static void day_line(const struct page *p, int day, size_t line, char buf[LINE_BYTES])
{
    buf[0] = '\0';
    if (!is_shown(p, day))
        return;
    if (line == 0)
        snprintf(buf, LINE_BYTES, "%d", day);
    else
        entry_line(p, day, line - 1, buf);
}

static void print_week(const struct page *p, int monday, size_t cell, FILE *out)
{
    size_t lines = 0;

    for (int day = monday; day < monday + DAYS; day++)
        if (is_shown(p, day)) {
            size_t n = count_lines(p, day) + 1;

            lines = n > lines ? n : lines;
        }
    for (size_t line = 0; line < lines; line++) {
        char buf[LINE_BYTES];
        size_t blank = 0;

        for (int i = 0; i < DAYS; i++) {
            day_line(p, monday + i, line, buf);
            if (*buf)
                fprintf(out, "%*s%s", (int)blank, "", buf);
            blank = *buf ? cell + 1 - text_width(buf) : blank + cell + 1;
        }
        fputc('\n', out);
    }
}

static void print_month(const struct page *p, FILE *out)
{
    size_t cell = cell_of(out);

    print_paragraphf(out, 0, "", "%s, %s %d", p->view->title, months[p->month - 1], p->year);
    for (int i = 0; i < DAYS; i++)
        fprintf(out, i < DAYS - 1 ? "%-*s " : "%.*s", i < DAYS - 1 ? (int)cell : 3, weekdays[i]);
    fputc('\n', out);
    for (int monday = 1 - p->first; monday <= p->days; monday += DAYS)
        print_week(p, monday, cell, out);
    for (size_t i = 0; i < p->view->notes.n; i++) {
        const struct month_note *n = &p->view->notes.items[i];

        if (n->date.year == p->year && n->date.month == p->month)
            print_paragraphf(out, 2, "", "%d: %s", n->date.day, n->text);
    }
    fputc('\n', out);
}

void month_text(const struct month_view *v, FILE *out)
{
    each_month(v, print_month, out);
}

/* ---- a page's table ---- */

static void put_day(const struct page *p, int day, FILE *out)
{
    char buf[LINE_BYTES];

    if (!is_shown(p, day)) {
        fputs("<td></td>", out);
        return;
    }
    fprintf(out, "<td><b>%d</b>", day);
    for (size_t line = 0, n = count_lines(p, day); line < n; line++) {
        entry_line(p, day, line, buf);
        fprintf(out, "<br><span class=\"m-%c\">%c</span>%s", *buf, *buf, buf + 1);
    }
    fputs("</td>", out);
}

static bool has_day(const struct page *p, int monday)
{
    for (int i = 0; i < DAYS; i++)
        if (is_shown(p, monday + i))
            return true;
    return false;
}

static void put_month(const struct page *p, FILE *out)
{
    fputs("<table class=\"month\"><caption>", out);
    fprintf(out, "%s %d", months[p->month - 1], p->year);
    fputs("</caption><thead><tr>", out);
    for (int i = 0; i < DAYS; i++)
        fprintf(out, "<th scope=\"col\">%s</th>", weekdays[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (int monday = 1 - p->first; monday <= p->days; monday += DAYS) {
        if (!has_day(p, monday))
            continue;
        fputs("<tr>", out);
        for (int i = 0; i < DAYS; i++)
            put_day(p, monday + i, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
    for (size_t i = 0; i < p->view->notes.n; i++) {
        const struct month_note *n = &p->view->notes.items[i];

        if (n->date.year != p->year || n->date.month != p->month)
            continue;
        fprintf(out, "<p class=\"legend\">%d: ", n->date.day);
        html_text(out, n->text);
        fputs("</p>\n", out);
    }
}

void month_html(const struct month_view *v, FILE *out)
{
    each_month(v, put_month, out);
}
