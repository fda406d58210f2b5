/* SPDX-License-Identifier: MIT
 *
 *   NOT PROTECTED: 1 domain at risk, 2 protected        the sum
 *   vmkeepd runs: 1 job running, 0 queued               the daemon, or why this is old
 *   DOMAIN  STATUS  LAST POINT  NEXT RUN  NOW           a row a domain, the worst first; or the
 *   ...                                                 detail of the one that is chosen
 *   arrows: choose  Enter: detail  /: filter  q: end    keys
 *
 * What is chosen is remembered by its name: rows come, go and change their places.
 */
#include "cli/watch_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/watch_term.h"
#include "report/live.h"
#include "report/table.h"
#include "report/text.h"
#include "report/wrap.h"

#define HEAD 3 /* lines above the rows, */
#define FOOT 1 /* and below */
#define NAME_MAX_COLUMNS 60
#define NARROW 120
#define NARROW_NAME 28
#define STATUS_COLUMNS 11
#define TIME_COLUMNS 10
#define GAP "  "

struct rows {
    const struct status_domain **items;
    size_t n, cap;
};

/* ---- which rows ---- */

static bool contains(const char *text, const char *part)
{
    return text && strcasestr(text, part);
}

static bool matches(const struct status_domain *d, const char *filter)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", d->host, d->domain);

    if (!*filter || contains(name, filter) || contains(protection_name(d->protection), filter))
        return true;
    for (size_t i = 0; i < d->policies.n; i++)
        if (contains(d->policies.items[i].name, filter))
            return true;
    return false;
}

static struct rows rows_of(const struct watch_view *v, const struct status *s)
{
    struct rows ret = {0};

    for (int rank = 0; rank < STATUS_RANKS; rank++)
        for (size_t i = 0; i < s->domains.n; i++)
            if (status_rank(&s->domains.items[i]) == rank &&
                matches(&s->domains.items[i], v->filter))
                *VEC_ADD(&ret) = &s->domains.items[i];
    return ret;
}

static size_t chosen_row(const struct watch_view *v, const struct rows *rows)
{
    for (size_t i = 0; v->domain && i < rows->n; i++)
        if (str_eq(rows->items[i]->host, v->host) && str_eq(rows->items[i]->domain, v->domain))
            return i;
    return 0;
}

const struct status_domain *watch_chosen(const struct watch_view *v, const struct watch_facts *f)
{
    struct rows rows = rows_of(v, f->status);
    const struct status_domain *ret = rows.n > 0 ? rows.items[chosen_row(v, &rows)] : NULL;

    free(rows.items);
    return ret;
}

static void choose(struct watch_view *v, const struct status_domain *d)
{
    free(v->host);
    free(v->domain);
    v->host = xstrdup(d->host);
    v->domain = xstrdup(d->domain);
}

void watch_view_done(struct watch_view *v)
{
    free(v->host);
    free(v->domain);
}

/* ---- lines ---- */

static const char *code(const struct watch_view *v, const char *sgr)
{
    return v->colour ? sgr : "";
}

/* Cut, and filled up to the width. */
static void put_cell(FILE *out, const char *text, size_t width)
{
    CLEANUP_FREE char *plain = plain_text(text ? text : "-");
    size_t has = text_width(plain);

    print_start(out, plain, width);
    for (; has < width; has++)
        fputc(' ', out);
}

static void end_line(FILE *out)
{
    fputs("\033[K\r\n", out);
}

static void put_line(const struct watch_view *v, const char *text, const char *style, FILE *out)
{
    CLEANUP_FREE char *plain = plain_text(text);

    fputs(style, out);
    print_start(out, plain, v->columns);
    fputs(*style ? "\033[0m" : "", out);
    end_line(out);
}

static size_t body_lines(const struct watch_view *v)
{
    return v->lines > HEAD + FOOT ? v->lines - HEAD - FOOT : 1;
}

/* ---- the list ---- */

static const json_t *job_of(const json_t *jobs, const struct status_domain *d)
{
    size_t i;
    json_t *job;

    json_array_foreach((json_t *)jobs, i, job)
        if (str_eq(json_string_value(json_object_get(job, "domain")), d->domain) &&
            str_eq(json_string_value(json_object_get(job, "host")), d->host))
            return job;
    return NULL;
}

static size_t name_columns(const struct watch_view *v, const struct rows *rows)
{
    size_t most = v->columns < NARROW ? NARROW_NAME : NAME_MAX_COLUMNS, ret = 12;

    for (size_t i = 0; i < rows->n; i++) {
        size_t n = text_width(rows->items[i]->host) + 1 + text_width(rows->items[i]->domain);

        ret = n > ret ? n : ret;
    }
    return ret < most ? ret : most;
}

static void put_ago(int64_t t, int64_t now, FILE *out)
{
    char text[TIMEFMT_MAX];

    put_cell(out, t ? duration_text(now - t, text) : "never", TIME_COLUMNS);
}

static void put_until(int64_t t, int64_t now, FILE *out)
{
    char text[TIMEFMT_MAX];

    put_cell(out, !t ? NULL : t < now ? "overdue" : duration_text(t - now, text), TIME_COLUMNS);
}

static void put_row(const struct watch_view *v, const struct watch_facts *f,
                    const struct status_domain *d, size_t name_width, bool is_chosen, FILE *out)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", d->host, d->domain);
    const json_t *job = job_of(f->jobs, d);
    CLEANUP_FREE char *live = job ? live_text(job, f->status->now) : NULL;
    size_t used = name_width + STATUS_COLUMNS + 2 * TIME_COLUMNS + 4 * strlen(GAP);
    bool good = d->protection == PROTECTION_GOOD;

    fputs(is_chosen ? "\033[7m" : "", out);
    put_cell(out, name, name_width);
    fputs(GAP, out);
    if (!is_chosen && d->protection <= PROTECTION_NONE)
        fputs(code(v, good ? "\033[32m" : "\033[31;1m"), out);
    put_cell(out, protection_name(d->protection), STATUS_COLUMNS);
    if (!is_chosen && d->protection <= PROTECTION_NONE)
        fputs(code(v, "\033[0m"), out);
    fputs(GAP, out);
    put_ago(d->last_point, f->status->now, out);
    fputs(GAP, out);
    put_until(d->next_run, f->status->now, out);
    fputs(GAP, out);
    if (v->columns > used)
        put_cell(out, live ? live : d->reason, v->columns - used);
    fputs("\033[0m", out);
    end_line(out);
}

static void put_titles(const struct watch_view *v, size_t name_width, FILE *out)
{
    static const char *const titles[] = {"STATUS", "LAST POINT", "NEXT RUN"};
    static const size_t widths[] = {STATUS_COLUMNS, TIME_COLUMNS, TIME_COLUMNS};
    CLEANUP_FREE char *line = NULL;
    size_t size;
    FILE *text = open_memstream(&line, &size);

    if (!text)
        abort();
    put_cell(text, "DOMAIN", name_width);
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        fputs(GAP, text);
        put_cell(text, titles[i], widths[i]);
    }
    fputs(GAP "NOW, OR WHY", text);
    fclose(text);
    put_line(v, line, code(v, "\033[1m"), out);
}

static void draw_list(struct watch_view *v, const struct watch_facts *f, FILE *out)
{
    struct rows rows = rows_of(v, f->status);
    size_t n = body_lines(v), at = chosen_row(v, &rows), width = name_columns(v, &rows);

    if (at < v->top)
        v->top = at;
    if (at >= v->top + n)
        v->top = at - n + 1;
    if (v->top > 0 && v->top + n > rows.n)
        v->top = rows.n > n ? rows.n - n : 0;
    put_titles(v, width, out);
    for (size_t i = v->top; i < v->top + n; i++) {
        if (i < rows.n)
            put_row(v, f, rows.items[i], width, i == at, out);
        else
            put_line(v, rows.n == 0 && i == 0 ? "No domain matches." : "", "", out);
    }
    free(rows.items);
}

/* ---- the detail ---- */

static void print_past(const struct job_list *past, int64_t now, FILE *out)
{
    if (!past || past->n == 0)
        return;
    fputs("\nJobs, the newest first:\n", out);
    for (size_t i = past->n; i-- > 0;) {
        const struct job *j = &past->items[i];
        CLEANUP_FREE char *what = job_what(j->kind, j->guest ? level_name(j->level) : NULL);
        char ago[TIMEFMT_MAX];

        if (j->state == JOB_ENDED)
            print_paragraphf(out, 4, "  ", "job %lld, %s, %s %s ago: %s", (long long)j->id, what,
                             job_outcome_name(j->outcome), duration_text(now - j->ended, ago),
                             j->reason ? j->reason : "");
    }
}

/* What `vmkeep status DOMAIN` says, as wide as the screen. */
static char *detail_text(const struct watch_view *v, const struct watch_facts *f,
                         const struct status_domain *d)
{
    struct status one = {.now = f->status->now, .daemon = f->status->daemon};
    const json_t *job = job_of(f->jobs, d);
    char columns[24], *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);

    if (!out)
        abort();
    snprintf(columns, sizeof(columns), "%zu", v->columns);
    setenv("COLUMNS", columns, 1);
    *VEC_ADD(&one.domains) = *d;
    report_status_text(&one, out);
    if (job) {
        CLEANUP_FREE char *live = live_text(job, f->status->now);

        print_paragraphf(out, 2, "\nNow: ", "job %lld, %s",
                         (long long)json_integer_value(json_object_get(job, "id")), live);
    }
    print_past(f->past, f->status->now, out);
    fclose(out);
    free(one.domains.items);
    return ret;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void draw_detail(struct watch_view *v, const struct watch_facts *f,
                        const struct status_domain *d, FILE *out)
{
    CLEANUP_FREE char *text = detail_text(v, f, d);
    CLEANUP_FREE char *title = xasprintf("%s/%s", d->host, d->domain);
    size_t n = body_lines(v), all = count_lines(text), skipped = 0;
    char *line = text;

    if (v->detail_top + n > all)
        v->detail_top = all > n ? all - n : 0;
    put_line(v, title, code(v, "\033[1m"), out);
    for (; skipped < v->detail_top; skipped++)
        line = strchr(line, '\n') + 1;
    for (size_t i = 0; i < n; i++) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        put_line(v, line, "", out);
        line = end ? end + 1 : line + strlen(line);
    }
}

/* ---- the frame ---- */

static const char *sum_style(const struct watch_view *v, const struct status *s)
{
    static const char *const styles[] = {[SEVERITY_NOTE] = "\033[32;1m",
                                         [SEVERITY_ACT] = "\033[33;1m",
                                         [SEVERITY_RISK] = "\033[31;1m"};

    return code(v, styles[status_severity(s)]);
}

static void draw_daemon(const struct watch_view *v, const struct watch_facts *f, FILE *out)
{
    const struct status_daemon *d = &f->status->daemon;
    char at[TIMEFMT_MAX];
    CLEANUP_FREE char *line =
        f->problem   ? xasprintf("As of %s: %s", time_local(f->status->now, at), f->problem)
        : d->running ? xasprintf("vmkeepd %s: %lld job%s running, %lld queued; as of %s",
                                 d->starting ? "is starting" : "runs", (long long)d->jobs_running,
                                 plural_s((uint64_t)d->jobs_running), (long long)d->jobs_queued,
                                 time_local(f->status->now, at))
                     : xasprintf("vmkeepd: %s", d->problem ? d->problem : "not running");

    put_line(v, line, "", out);
}

static void draw_foot(const struct watch_view *v, FILE *out)
{
    CLEANUP_FREE char *line =
        v->typing    ? xasprintf("filter: %s_  (Enter: keep, Esc: all)", v->filter)
        : v->detail  ? xstrdup("up, down: scroll   left, q: back")
        : *v->filter ? xasprintf("filter: %s   arrows: choose   Enter: detail   /: filter   q: end",
                                 v->filter)
                     : xstrdup("arrows: choose   Enter, right: detail   /: filter   q: end");
    CLEANUP_FREE char *plain = plain_text(line);

    fputs("\033[7m", out);
    put_cell(out, plain, v->columns);
    fputs("\033[0m\033[J", out);
}

void watch_draw(struct watch_view *v, const struct watch_facts *f, FILE *out)
{
    CLEANUP_FREE char *summary = status_summary(f->status);
    const struct status_domain *d = v->detail ? watch_chosen(v, f) : NULL;

    if (d && !(str_eq(d->host, v->host) && str_eq(d->domain, v->domain)))
        d = NULL; /* it has gone */
    v->detail = d != NULL;
    fputs("\033[H", out);
    put_line(v, summary, sum_style(v, f->status), out);
    draw_daemon(v, f, out);
    if (d)
        draw_detail(v, f, d, out);
    else
        draw_list(v, f, out);
    draw_foot(v, out);
}

/* ---- keys ---- */

static bool type_key(struct watch_view *v, int key)
{
    size_t n = strlen(v->filter);

    if (key == KEY_ENTER || key == KEY_ESCAPE)
        v->typing = false;
    if (key == KEY_ESCAPE)
        v->filter[0] = '\0';
    if (key == KEY_BACKSPACE && n > 0) { /* a whole character */
        while (n > 0 && ((unsigned char)v->filter[--n] & 0xc0) == 0x80)
            ;
        v->filter[n] = '\0';
    }
    if (key >= ' ' && key < 256 && key != 0177 && n + 1 < sizeof(v->filter)) {
        v->filter[n] = (char)key;
        v->filter[n + 1] = '\0';
    }
    v->top = 0;
    return true;
}

static size_t moved(size_t at, size_t n, size_t page, int key)
{
    switch (key) {
    case KEY_UP:
    case 'k':
        return at > 0 ? at - 1 : 0;
    case KEY_DOWN:
    case 'j':
        return at + 1 < n ? at + 1 : at;
    case KEY_PAGE_UP:
        return at > page ? at - page : 0;
    case KEY_PAGE_DOWN:
        return at + page < n ? at + page : n - 1;
    case KEY_HOME:
    case 'g':
        return 0;
    case KEY_END:
    case 'G':
        return n - 1;
    default:
        return at;
    }
}

static bool detail_key(struct watch_view *v, int key)
{
    if (key == KEY_LEFT || key == KEY_ESCAPE || key == KEY_BACKSPACE || key == 'q' || key == 'h')
        v->detail = false;
    else /* drawing knows where the end is */
        v->detail_top = moved(v->detail_top, SIZE_MAX / 2, body_lines(v), key);
    return true;
}

static bool list_key(struct watch_view *v, const struct watch_facts *f, int key)
{
    struct rows rows = rows_of(v, f->status);

    if (rows.n > 0)
        choose(v, rows.items[moved(chosen_row(v, &rows), rows.n, body_lines(v), key)]);
    if (rows.n > 0 && (key == KEY_ENTER || key == KEY_RIGHT || key == 'l')) {
        v->detail = true;
        v->detail_top = 0;
    }
    free(rows.items);
    if (key == '/')
        v->typing = true;
    if (key == KEY_ESCAPE)
        v->filter[0] = '\0';
    return key != 'q';
}

bool watch_key(struct watch_view *v, const struct watch_facts *f, int key)
{
    return v->typing ? type_key(v, key) : v->detail ? detail_key(v, key) : list_key(v, f, key);
}
