/* SPDX-License-Identifier: MIT */
#include "report/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/mail_html.h"
#include "report/json.h"

#define NAMED_MAX 3    /* in a subject */
#define EVENTS_MAX 500 /* in a message: nobody reads more, and no receiver takes any size */

void notice_event_list_done(struct notice_event_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        condition_done(&l->items[i].condition);
    free(l->items);
    *l = (struct notice_event_list){0};
}

/* ---- what they have in common ---- */

static json_t *envelope(const char *kind, const char *machine, int64_t now)
{
    return json_pack("{s:i, s:s, s:o, s:o}", "version", 1, "kind", kind, "machine",
                     report_json_text(machine), "at", report_json_time(now));
}

static void set_text(json_t *notice, const char *key, const char *text)
{
    json_object_set_new(notice, key, report_json_text(text));
}

/* ---- conditions ---- */

static const char *const headings[] = {
    [NOTICE_FIRING] = "New", [NOTICE_AGAIN] = "Still so", [NOTICE_RESOLVED] = "Over"};
static const char *const counted[] = {
    [NOTICE_FIRING] = "new", [NOTICE_AGAIN] = "still so", [NOTICE_RESOLVED] = "over"};

static size_t count(const struct notice_event_list *l, int what)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += (int)l->items[i].what == what;
    return n;
}

/* "vmkeep on HOST: over: at-risk lab/web01"; of several, how many of which. Caller frees. */
static char *subject_of(const struct notice_event_list *l, const char *machine)
{
    CLEANUP_FREE char *what = xstrdup(""), *names = xstrdup("");

    for (int w = NOTICE_FIRING; w <= NOTICE_RESOLVED && l->n > 1; w++) {
        size_t n = count(l, w);
        char *old = what;

        if (n == 0)
            continue;
        what = xasprintf("%s%s%zu %s", old, *old ? ", " : "", n, counted[w]);
        free(old);
    }
    for (size_t i = 0; i < l->n && i < NAMED_MAX; i++) {
        char *old = names;

        names = xasprintf("%s%s%s", old, i > 0 ? ", " : "", l->items[i].condition.key);
        free(old);
    }
    if (l->n == 1)
        return xasprintf("vmkeep on %s: %s%s", machine,
                         l->items[0].what == NOTICE_RESOLVED ? "over: "
                         : l->items[0].what == NOTICE_AGAIN  ? "still "
                                                             : "",
                         names);
    return xasprintf("vmkeep on %s: %s: %s%s", machine, what, names,
                     l->n > NAMED_MAX ? ", ..." : "");
}

static void print_text(FILE *out, const struct notice_event *e)
{
    const struct condition *c = &e->condition;
    char since[TIMEFMT_MAX], ended[TIMEFMT_MAX], took[TIMEFMT_MAX];

    fprintf(out, "  %s: %s\n    %s\n", c->about, c->what, c->text);
    if (e->what == NOTICE_RESOLVED)
        fprintf(out, "    from %s to %s (%s)\n", time_local(e->since, since),
                time_local(e->ended, ended), duration_text(e->ended - e->since, took));
    else
        fprintf(out, "    since %s\n", time_local(e->since, since));
    if (c->advice && e->what != NOTICE_RESOLVED)
        fprintf(out, "    what to do: %s\n", c->advice);
}

static char *text_of(const struct notice_event_list *l, size_t more)
{
    char *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);

    if (!out)
        abort();
    for (int w = NOTICE_FIRING; w <= NOTICE_RESOLVED; w++) {
        if (count(l, w) == 0)
            continue;
        fprintf(out, "%s:\n\n", headings[w]);
        for (size_t i = 0; i < l->n; i++)
            if ((int)l->items[i].what == w)
                print_text(out, &l->items[i]);
        fputc('\n', out);
    }
    if (more > 0)
        fprintf(out, "And %zu more.\n\n", more);
    fputs("`vmkeep status` tells all of it.\n", out);
    fclose(out);
    return ret;
}

static void print_html(FILE *out, const struct notice_event *e)
{
    const struct condition *c = &e->condition;
    char since[TIMEFMT_MAX];

    fputs("<tr><th scope=\"row\">", out);
    mail_html_text(out, c->about);
    fputs("</th><td>", out);
    mail_html_text(out, c->what);
    fputs("</td><td>", out);
    mail_html_text(out, c->text);
    if (c->advice && e->what != NOTICE_RESOLVED) {
        fputs("<br><em>What to do:</em> ", out);
        mail_html_text(out, c->advice);
    }
    fprintf(out, "</td><td>%s", time_local(e->since, since));
    if (e->what == NOTICE_RESOLVED)
        fprintf(out, " to %s", time_local(e->ended, since));
    fputs("</td></tr>\n", out);
}

static char *html_of(const struct notice_event_list *l, size_t more, const char *subject)
{
    char *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);

    if (!out)
        abort();
    mail_html_begin(out, subject);
    for (int w = NOTICE_FIRING; w <= NOTICE_RESOLVED; w++) {
        if (count(l, w) == 0)
            continue;
        fprintf(out,
                "<table><caption>%s</caption><thead><tr><th scope=\"col\">What</th>"
                "<th scope=\"col\">Kind</th><th scope=\"col\">Why</th>"
                "<th scope=\"col\">Since</th></tr></thead><tbody>\n",
                headings[w]);
        for (size_t i = 0; i < l->n; i++)
            if ((int)l->items[i].what == w)
                print_html(out, &l->items[i]);
        fputs("</tbody></table>\n", out);
    }
    if (more > 0)
        fprintf(out, "<p>And %zu more.</p>\n", more);
    mail_html_end(out);
    fclose(out);
    return ret;
}

static json_t *event_json(const struct notice_event *e)
{
    json_t *ret = condition_json(&e->condition);
    char print[FINGERPRINT_MAX];

    /* What is not UTF-8 is for people here, and need not come back. */
    set_text(ret, "what", e->condition.what);
    set_text(ret, "about", e->condition.about);
    set_text(ret, "host", e->condition.host);
    set_text(ret, "domain", e->condition.domain);
    set_text(ret, "repository", e->condition.repository);
    set_text(ret, "text", e->condition.text);
    set_text(ret, "advice", e->condition.advice);
    set_text(ret, "key", e->condition.key);
    set_text(ret, "status", e->what == NOTICE_RESOLVED ? "resolved" : "firing");
    json_object_set_new(ret, "again", json_boolean(e->what == NOTICE_AGAIN));
    json_object_set_new(ret, "since", report_json_time(e->since));
    json_object_set_new(ret, "ended", report_json_time(e->ended));
    set_text(ret, "fingerprint", condition_fingerprint(e->condition.key, print));
    return ret;
}

json_t *notice_conditions(const struct notice_event_list *events, const char *machine, int64_t now)
{
    const struct notice_event_list shown = {.items = events->items,
                                            .n = events->n < EVENTS_MAX ? events->n : EVENTS_MAX};
    size_t more = events->n - shown.n;
    CLEANUP_FREE char *subject = subject_of(events, machine);
    CLEANUP_FREE char *text = text_of(&shown, more);
    CLEANUP_FREE char *html = html_of(&shown, more, subject);
    json_t *ret = envelope("conditions", machine, now), *list = json_array();
    enum severity worst = SEVERITY_NOTE;

    for (size_t i = 0; i < events->n; i++) {
        const struct notice_event *e = &events->items[i];

        if (i < shown.n)
            json_array_append_new(list, event_json(e));
        if (e->what != NOTICE_RESOLVED && e->condition.severity > worst)
            worst = e->condition.severity;
    }
    set_text(ret, "severity", severity_name(worst));
    set_text(ret, "status", count(events, NOTICE_RESOLVED) == events->n ? "resolved" : "firing");
    set_text(ret, "subject", subject);
    set_text(ret, "text", text);
    set_text(ret, "html", html);
    json_object_set_new(ret, "events", list);
    if (more > 0)
        json_object_set_new(ret, "more", json_integer((json_int_t)more));
    return ret;
}

/* ---- others ---- */

json_t *notice_report(const struct report *all)
{
    struct report shown = *all;
    const struct report *r = &shown;
    CLEANUP_FREE char *subject = report_subject(r);
    json_t *ret = envelope("report", r->machine, r->status->now);
    char *text = NULL, *html = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    shown.rows_shown = EVENTS_MAX;
    report_text(r, out);
    fclose(out);
    out = open_memstream(&html, &size);
    if (!out)
        abort();
    report_html(r, out);
    fclose(out);
    set_text(ret, "severity", severity_name(report_severity(r)));
    set_text(ret, "subject", subject);
    set_text(ret, "text", text);
    set_text(ret, "html", html);
    json_object_set_new(ret, "report", report_json(r));
    free(text);
    free(html);
    return ret;
}

json_t *notice_test(const char *target, const char *machine, int64_t now)
{
    CLEANUP_FREE char *subject = xasprintf("vmkeep on %s: a test", machine);
    CLEANUP_FREE char *text = xasprintf(
        "This is a test of the target '%s', sent by `vmkeep notify test`. It says nothing "
        "about backups.\n",
        target);
    json_t *ret = envelope("test", machine, now);
    char *html = NULL;
    size_t size;
    FILE *out = open_memstream(&html, &size);

    if (!out)
        abort();
    mail_html_begin(out, subject);
    fputs("<p>", out);
    mail_html_text(out, text);
    fputs("</p>\n", out);
    mail_html_end(out);
    fclose(out);
    set_text(ret, "severity", severity_name(SEVERITY_NOTE));
    set_text(ret, "subject", subject);
    set_text(ret, "text", text);
    set_text(ret, "html", html);
    free(html);
    return ret;
}

json_t *notice_ping(const char *signal, const char *rid, const char *text, const char *machine,
                    int64_t now)
{
    json_t *ret = envelope("ping", machine, now);

    set_text(ret, "severity", severity_name(SEVERITY_NOTE));
    set_text(ret, "signal", signal);
    set_text(ret, "rid", rid);
    set_text(ret, "subject", text);
    set_text(ret, "text", text);
    return ret;
}
