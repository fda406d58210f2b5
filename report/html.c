/* SPDX-License-Identifier: MIT */
#include "report/html_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/table.h"

void html_text(FILE *out, const char *s)
{
    CLEANUP_FREE char *plain = s ? plain_text(s) : NULL;

    for (const char *p = plain; p && *p; p++)
        switch (*p) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*p, out);
        }
}

/* What stands between two backticks is for a shell. */
void html_prose(FILE *out, const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    bool code = false;

    for (char *part = copy, *end; part; part = end) {
        end = strchr(part, '`');
        if (end && !code && !strchr(end + 1, '`'))
            end = NULL; /* one alone is one */
        if (end)
            *end++ = '\0';
        fputs(code ? "<code>" : "", out);
        html_text(out, part);
        fputs(code ? "</code>" : "", out);
        code = !code;
    }
}

static void put_path(FILE *out, const char *host, const char *domain)
{
    CLEANUP_FREE char *h = uri_encode(host);
    CLEANUP_FREE char *d = uri_encode(domain);

    fprintf(out, "%s/%s", h, d);
}

void html_domain(FILE *out, const char *host, const char *domain, bool alone)
{
    fputs(alone ? "<a href=\"#" : "<a href=\"/domain/", out);
    put_path(out, host, domain);
    fputs("\">", out);
    html_text(out, host);
    fputs("/<wbr>", out);
    html_text(out, domain);
    fputs("</a>", out);
}

static void put_link(FILE *out, const char *to, const char *name)
{
    CLEANUP_FREE char *path = uri_encode(name);

    fprintf(out, "<a href=\"%s%s\">", to, path);
    html_text(out, name);
    fputs("</a>", out);
}

void html_policy_link(FILE *out, const char *policy)
{
    put_link(out, "/policy/", policy);
}

void html_repository_link(FILE *out, const char *repository)
{
    put_link(out, "/repository/", repository);
}

void html_row_id(FILE *out, const char *host, const char *domain)
{
    fputs(" id=\"", out);
    put_path(out, host, domain);
    fputs("\"", out);
}

static void begin_head(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    html_text(out, title);
    fputs("</title>\n<link rel=\"icon\" href=\"data:,\">\n", out);
}

void html_begin_alone(FILE *out, const char *title)
{
    begin_head(out, title);
    fprintf(out,
            "<style>\n%s</style>\n</head>\n<body>\n"
            "<a class=\"skip\" href=\"#content\">To the content</a>\n"
            "<header><span class=\"name\">vmkeep</span></header>\n<main id=\"content\">\n",
            report_html_style);
}

void html_begin(FILE *out, const char *title, int refresh)
{
    begin_head(out, title);
    if (refresh > 0)
        fprintf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", refresh);
    fputs("<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n"
          "<a class=\"skip\" href=\"#content\">To the content</a>\n"
          "<header><a class=\"name\" href=\"/\">vmkeep</a><nav aria-label=\"Pages\">"
          "<a href=\"/\">Status</a> <a href=\"/api/v1/status\">JSON</a> "
          "<a href=\"/metrics\">Metrics</a> <a href=\"/docs/\">Docs</a></nav></header>\n"
          "<main id=\"content\">\n",
          out);
}

void html_end(FILE *out, int64_t now)
{
    char at[TIMEFMT_MAX], utc[TIMEFMT_MAX];

    fputs("</main>\n<footer>", out);
    if (now)
        fprintf(out, "As of <time datetime=\"%s\">%s</time>.", time_utc(now, utc),
                time_local(now, at));
    fputs("</footer>\n</body>\n</html>\n", out);
}

static void put_time(FILE *out, int64_t t, const char *before, int64_t seconds, const char *after)
{
    char utc[TIMEFMT_MAX], local[TIMEFMT_MAX], text[TIMEFMT_MAX];

    fprintf(out, "<time datetime=\"%s\" title=\"%s\">%s%s%s</time>", time_utc(t, utc),
            time_local(t, local), before, duration_text(seconds, text), after);
}

void html_ago(FILE *out, int64_t t, int64_t now)
{
    if (t)
        put_time(out, t, "", now - t, " ago");
    else
        fputs("never", out);
}

void html_until(FILE *out, int64_t t, int64_t now)
{
    if (!t)
        fputs("none", out);
    else if (t < now)
        put_time(out, t, "overdue for ", now - t, "");
    else
        put_time(out, t, "in ", t - now, "");
}

void html_mark(FILE *out, const char *kind, const char *word)
{
    const char *shape = str_eq(kind, "good")   ? "\xe2\x9c\x93" /* check mark */
                        : str_eq(kind, "bad")  ? "\xe2\x9c\x95" /* cross */
                        : str_eq(kind, "warn") ? "!"
                                               : "\xe2\x80\x93"; /* dash */

    fprintf(out, "<span class=\"mark %s\"><span aria-hidden=\"true\">%s</span> ", kind, shape);
    html_text(out, word);
    fputs("</span>", out);
}

void html_reasons(FILE *out, const struct reason_list *l, enum severity least)
{
    bool any = false;

    for (size_t i = 0; i < l->n; i++) {
        const struct reason *r = &l->items[i];

        if (r->severity < least)
            continue;
        fputs(any ? "<li>" : "<ul class=\"reasons\"><li>", out);
        any = true;
        html_text(out, r->text);
        if (r->advice) {
            fputs("<br><span class=\"advice\">", out);
            html_prose(out, r->advice);
            fputs("</span>", out);
        }
        fputs("</li>", out);
    }
    if (any)
        fputs("</ul>", out);
}

void report_html_error(const char *title, const char *text, FILE *out)
{
    html_begin(out, title, 0);
    fputs("<h1>", out);
    html_text(out, title);
    fputs("</h1>\n<p>", out);
    html_text(out, text);
    fputs("</p>\n<p><a href=\"/\">Back to the status</a></p>\n", out);
    html_end(out, 0);
}
