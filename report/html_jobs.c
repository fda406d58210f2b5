/* SPDX-License-Identifier: MIT
 *
 * Jobs: those that run or wait, those that ended, and a page for each.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/html_priv.h"
#include "report/live.h"

static const char *string_of(const json_t *job, const char *key)
{
    const char *ret = json_string_value(json_object_get(job, key));

    return ret ? ret : "";
}

static int64_t time_of(const json_t *job, const char *key)
{
    const char *text = string_of(job, key);
    struct err err = ERR_INIT;
    int64_t ret = 0;

    return *text && time_parse(text, &ret, &err) == 0 ? ret : 0;
}

static void put_id(FILE *out, const json_t *job, bool alone)
{
    json_int_t id = json_integer_value(json_object_get(job, "id"));

    if (id && alone)
        fprintf(out, "%lld", (long long)id);
    else if (id)
        fprintf(out, "<a href=\"/job/%lld\">%lld</a>", (long long)id, (long long)id);
}

static void put_domain(FILE *out, const json_t *job, bool alone)
{
    html_domain(out, string_of(job, "host"), string_of(job, "domain"), alone);
}

static void put_what(FILE *out, const json_t *job)
{
    CLEANUP_FREE char *what = job_what(string_of(job, "kind"), string_of(job, "level"));

    html_text(out, what);
}

static void put_progress(FILE *out, const json_t *job)
{
    const json_t *percent = json_object_get(job, "percent");

    if (json_is_number(percent))
        fprintf(out,
                "<progress max=\"100\" value=\"%.0f\" aria-label=\"%.0f percent\"></progress> ",
                json_number_value(percent), json_number_value(percent));
}

void html_active(FILE *out, const json_t *jobs, int64_t now, bool alone)
{
    size_t i;
    json_t *job;

    if (json_array_size(jobs) == 0) {
        fputs("<p>No job runs or waits.</p>\n", out);
        return;
    }
    fputs(
        "<table class=\"rows\"><caption class=\"hidden\">Jobs that run or wait</caption><thead><tr>"
        "<th scope=\"col\">Job</th><th scope=\"col\">Domain</th><th scope=\"col\">Policy</th>"
        "<th scope=\"col\">What</th><th scope=\"col\">Now</th></tr></thead><tbody>\n",
        out);
    json_array_foreach((json_t *)jobs, i, job) {
        CLEANUP_FREE char *text = live_text(job, now);

        fputs("<tr><td data-label=\"Job\">", out);
        put_id(out, job, alone);
        fputs("</td><th scope=\"row\">", out);
        put_domain(out, job, alone);
        fputs("</th><td data-label=\"Policy\">", out);
        html_text(out, string_of(job, "policy"));
        fputs("</td><td data-label=\"What\">", out);
        put_what(out, job);
        fputs("</td><td data-label=\"Now\">", out);
        put_progress(out, job);
        html_text(out, text);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}

static void put_outcome(FILE *out, const json_t *job)
{
    const char *outcome = string_of(job, "outcome");
    bool interrupted = json_is_true(json_object_get(job, "interrupted"));

    html_mark(out,
              str_eq(outcome, "success")  ? "good"
              : str_eq(outcome, "failed") ? "bad"
              : *outcome || interrupted   ? "warn"
                                          : "plain",
              *outcome      ? outcome
              : interrupted ? "interrupted"
                            : string_of(job, "state"));
}

void html_past(FILE *out, const json_t *jobs, int64_t now)
{
    fputs("<table class=\"rows\"><caption class=\"hidden\">Jobs, the newest first</caption>"
          "<thead><tr>"
          "<th scope=\"col\">Job</th><th scope=\"col\">What</th><th scope=\"col\">Policy</th>"
          "<th scope=\"col\">Outcome</th><th scope=\"col\">Ended</th><th scope=\"col\">Result</th>"
          "</tr></thead><tbody>\n",
          out);
    for (size_t i = json_array_size(jobs); i-- > 0;) {
        const json_t *job = json_array_get(jobs, i);
        int64_t ended = time_of(job, "ended");

        fputs("<tr><th scope=\"row\">", out);
        put_id(out, job, false);
        fputs("</th><td data-label=\"What\">", out);
        put_what(out, job);
        fputs("</td><td data-label=\"Policy\">", out);
        html_text(out, string_of(job, "policy"));
        fputs("</td><td data-label=\"Outcome\">", out);
        put_outcome(out, job);
        fputs("</td><td data-label=\"Ended\">", out);
        if (ended)
            html_ago(out, ended, now);
        fputs("</td><td data-label=\"Result\">", out);
        html_text(out, string_of(job, "reason"));
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}

/* ---- the page of one ---- */

static void put_row(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "<dt>%s</dt><dd>", name);
    html_text(out, value);
    fputs("</dd>\n", out);
}

static void put_when(FILE *out, const char *name, int64_t t, int64_t now)
{
    char at[TIMEFMT_MAX];

    if (!t)
        return;
    fprintf(out, "<dt>%s</dt><dd>%s (", name, time_local(t, at));
    if (t <= now)
        html_ago(out, t, now);
    else
        html_until(out, t, now);
    fputs(")</dd>\n", out);
}

static void put_bytes(FILE *out, const json_t *job)
{
    char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];
    uint64_t n = (uint64_t)json_integer_value(json_object_get(job, "bytes_done"));
    uint64_t of = (uint64_t)json_integer_value(json_object_get(job, "bytes_total"));

    if (of > 0)
        fprintf(out, "<dt>Copied</dt><dd>%s of %s</dd>\n", size_text(n, done),
                size_text(of, total));
}

void report_html_job(const json_t *job, int64_t now, FILE *out)
{
    int64_t started = time_of(job, "started"), ended = time_of(job, "ended");
    CLEANUP_FREE char *title =
        xasprintf("Job %lld", (long long)json_integer_value(json_object_get(job, "id")));
    char took[TIMEFMT_MAX];

    html_begin(out, title, ended ? 0 : 5);
    fprintf(out, "<h1>%s: ", title);
    put_what(out, job);
    fputs("</h1>\n<p>", out);
    put_outcome(out, job);
    fputs("</p>\n<dl>\n<dt>Domain</dt><dd>", out);
    put_domain(out, job, false);
    fputs("</dd>\n", out);
    put_row(out, "Policy", string_of(job, "policy"));
    put_row(out, "Repository", string_of(job, "repository"));
    put_row(out, "Why it ran", string_of(job, "why"));
    put_row(out, "How it ended", string_of(job, "reason"));
    put_row(out, "What it does", string_of(job, "step"));
    put_when(out, "Due", time_of(job, "due"), now);
    put_when(out, "Started", started, now);
    put_when(out, "Ended", ended, now);
    if (started && ended > started)
        put_row(out, "Took", duration_text(ended - started, took));
    put_bytes(out, job);
    fputs("</dl>\n", out);
    html_end(out, now);
}
