/* SPDX-License-Identifier: MIT */
#include "cli/start_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/uptime.h"
#include "cli/client.h"
#include "report/json.h"
#include "report/live.h"
#include "report/table.h"
#include "report/wrap.h"

#define ANSWER_S 20
#define STILL_S 5 /* for so long nothing has moved: that is worth a word */

struct started {
    int64_t id;
    char *host, *domain, *policy;
    bool joined;            /* it was there before */
    const char *state;      /* "queued" or "running" */
    char *now;              /* what it does, or waits for, as told last; NULL: nothing was */
    int64_t now_since;      /* uptime_seconds() */
    bool works, still_told; /* it does something; that it moves no more is told */
    char *outcome, *reason; /* NULL: it has not ended */
    json_t *reasons;
};

struct jobs {
    VEC(struct started) list;
    bool json, terminal;
    bool line;     /* a progress line stands on the terminal */
    int64_t moved; /* when anything of them moved last, as now_since */
};

static struct started *find(struct jobs *j, json_int_t id)
{
    for (size_t i = 0; i < j->list.n; i++)
        if (j->list.items[i].id == id)
            return &j->list.items[i];
    return NULL;
}

static void take_jobs(struct jobs *j, const json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        const char *host = "", *domain = "", *policy = "";
        const char *state = NULL;
        json_int_t id = 0;
        int joined = 0;
        struct started *s;

        if (json_unpack(item, "{s:I, s?s, s?s, s?s, s?b, s?s}", "id", &id, "host", &host, "domain",
                        &domain, "policy", &policy, "joined", &joined, "state", &state) < 0)
            continue;
        s = VEC_ADD(&j->list);
        s->id = id;
        s->joined = joined;
        s->state = str_eq(state, "running") ? "running" : "queued";
        s->host = xstrdup(host);
        s->domain = xstrdup(domain);
        s->policy = xstrdup(policy);
    }
}

static void jobs_done(struct jobs *j)
{
    for (size_t i = 0; i < j->list.n; i++) {
        struct started *s = &j->list.items[i];

        free(s->host);
        free(s->domain);
        free(s->policy);
        free(s->now);
        free(s->outcome);
        free(s->reason);
        json_decref(s->reasons);
    }
    free(j->list.items);
}

static size_t count_ended(const struct jobs *j, const char *outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < j->list.n; i++) {
        const struct started *s = &j->list.items[i];

        n += s->outcome && (!outcome || strcmp(s->outcome, outcome) == 0);
    }
    return n;
}

static void wipe_line(struct jobs *j)
{
    if (j->line)
        fputs("\r\033[K", stderr);
    j->line = false;
}

static void print_queued(const struct jobs *j, FILE *out)
{
    for (size_t i = 0; i < j->list.n; i++) {
        const struct started *s = &j->list.items[i];

        CLEANUP_FREE char *label =
            xasprintf("%sjob %lld: ", s->joined ? "joined " : "", (long long)s->id);

        print_paragraphf(out, 4, label, "%s/%s%s%s%s is %s", s->host, s->domain,
                         *s->policy ? " under " : "", s->policy, s->joined ? ", which" : "",
                         s->state);
    }
}

/* One line that changes; a line that is wrapped could not be wiped.  Where it is narrow, what is
 * done matters more than to whom, and how many have ended is never cut. */
static void print_line(struct jobs *j, const struct started *s, const char *now)
{
    CLEANUP_FREE char *host = plain_text(s->host), *domain = plain_text(s->domain);
    CLEANUP_FREE char *text = plain_text(now);
    char ended[64] = "";
    size_t room = output_width(stderr) - 1;
    CLEANUP_FREE char *whole =
        xasprintf("job %lld: %s/%s: %s", (long long)s->id, host, domain, text);
    CLEANUP_FREE char *brief = xasprintf("job %lld: %s", (long long)s->id, text);

    if (j->list.n > 1)
        snprintf(ended, sizeof(ended), " [%zu of %zu ended]", count_ended(j, NULL), j->list.n);
    room = room > strlen(ended) ? room - strlen(ended) : 0;
    wipe_line(j);
    print_start(stderr, text_width(whole) <= room ? whole : brief, room);
    fputs(ended, stderr);
    fflush(stderr);
    j->line = true;
}

/* Takes the text over. */
static void note_now(struct jobs *j, struct started *s, char *text, bool works)
{
    int64_t now = uptime_seconds();

    s->works = works;
    if (s->now && str_eq(s->now, text)) {
        free(text);
        return;
    }
    free(s->now);
    s->now = text;
    s->now_since = j->moved = now;
    s->still_told = false;
}

/* "looking at the domain (for 12s)": who waits must see that it is not the command that hangs. */
static char *still_text(const struct started *s)
{
    int64_t for_s = uptime_seconds() - s->now_since;
    char text[TIMEFMT_MAX];

    return for_s < STILL_S ? xstrdup(s->now)
                           : xasprintf("%s (for %s)", s->now, duration_text(for_s, text));
}

/* Where nothing of them moves any more, each that works at something, or else the first, says once
 * what it waits for. */
static void tell_still(struct jobs *j)
{
    bool any = false;

    if (uptime_seconds() - j->moved < STILL_S)
        return;
    for (size_t i = 0; i < j->list.n; i++)
        any = any || (j->list.items[i].works && !j->list.items[i].outcome);
    for (size_t i = 0; i < j->list.n; i++) {
        struct started *s = &j->list.items[i];
        CLEANUP_FREE char *label = xasprintf("job %lld: ", (long long)s->id);
        CLEANUP_FREE char *text = s->now ? still_text(s) : NULL;

        if (!text || s->outcome || (any && !s->works))
            continue;
        if (!s->still_told)
            print_paragraphf(stderr, 4, label, "%s/%s: %s", s->host, s->domain, text);
        s->still_told = true;
        if (!any)
            return;
    }
}

static void on_progress(struct jobs *j, const json_t *event)
{
    char text[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];
    json_int_t id = 0, done = 0, total = 0;
    const json_t *now = json_object_get(event, "now");
    const char *step = "";
    struct started *s;
    char *line;

    if (json_unpack((json_t *)event, "{s:I, s?s, s?I, s?I}", "job", &id, "step", &step, "done",
                    &done, "total", &total) < 0 ||
        !(s = find(j, id)))
        return;
    if (now)
        line = live_text(now, time(NULL));
    else if (total > 0 && done >= 0 && done <= total)
        line = xasprintf("%s %.0f%% (%s of %s)", step, (double)done * 100.0 / (double)total,
                         size_text((uint64_t)done, text), size_text((uint64_t)total, all));
    else
        line = xstrdup(step);
    note_now(j, s, line, json_is_string(json_object_get(now, "doing")));
    if (j->terminal) {
        CLEANUP_FREE char *still = still_text(s);

        print_line(j, s, still);
    } else {
        tell_still(j);
    }
}

static void on_accepted(struct jobs *j, const json_t *event)
{
    take_jobs(j, json_object_get(event, "jobs"));
    if (!j->json)
        print_queued(j, stderr);
}

static void print_end(const struct started *s)
{
    CLEANUP_FREE char *label = xasprintf("job %lld: ", (long long)s->id);

    print_paragraphf(stdout, 4, label, "%s/%s: %s%s%s", s->host, s->domain, s->outcome,
                     s->reason ? ": " : "", s->reason ? s->reason : "");
    fflush(stdout);
}

/* What the one at i has left is waited for, too. */
static void add_rest(struct jobs *j, size_t i, json_int_t id)
{
    struct started *rest;

    if (!id || find(j, id))
        return;
    rest = VEC_ADD(&j->list);
    rest->id = id;
    rest->state = "queued";
    rest->host = xstrdup(j->list.items[i].host);
    rest->domain = xstrdup(j->list.items[i].domain);
    rest->policy = xstrdup(j->list.items[i].policy);
}

static void on_ended(struct jobs *j, const json_t *event)
{
    const char *outcome = json_string_value(json_object_get(event, "outcome"));
    struct started *s = find(j, json_integer_value(json_object_get(event, "job")));

    if (!s || s->outcome || !outcome)
        return;
    s->outcome = xstrdup(outcome);
    s->reason = xstrdup(json_string_value(json_object_get(event, "reason")));
    s->reasons = json_incref(json_object_get(event, "reasons"));
    j->moved = uptime_seconds();
    wipe_line(j);
    if (!j->json)
        print_end(s);
    add_rest(j, (size_t)(s - j->list.items), json_integer_value(json_object_get(event, "rest")));
}

static void on_event(void *ctx, const json_t *event)
{
    struct jobs *j = ctx;
    const char *name = json_string_value(json_object_get(event, "event"));

    if (!name)
        return;
    if (strcmp(name, "accepted") == 0)
        on_accepted(j, event);
    else if (strcmp(name, "progress") == 0)
        on_progress(j, event);
    else if (strcmp(name, "ended") == 0)
        on_ended(j, event);
}

static json_t *jobs_json(const struct jobs *j)
{
    json_t *list = json_array();

    for (size_t i = 0; i < j->list.n; i++) {
        const struct started *s = &j->list.items[i];
        json_t *o =
            json_pack("{s:o, s:o, s:o, s:o, s:b}", "id", report_json_number(s->id), "domain",
                      report_json_text(s->domain), "host", report_json_text(s->host), "policy",
                      report_json_text(*s->policy ? s->policy : NULL), "joined", s->joined);

        if (s->outcome) {
            json_object_set_new(o, "outcome", report_json_text(s->outcome));
            json_object_set_new(o, "reason", report_json_text(s->reason));
            json_object_set(o, "reasons", s->reasons);
        }
        json_array_append_new(list, o);
    }
    return json_pack("{s:o}", "jobs", list);
}

static void print_started(const struct jobs *j)
{
    print_queued(j, stdout);
    puts(j->list.n > 0 ? "How that ends: 'vmkeep jobs', or next time --wait."
                       : "There is nothing to do.");
}

static void print_still_running(const struct jobs *j)
{
    size_t open = j->list.n - count_ended(j, NULL);
    long long last = 0;

    fprintf(stderr, "vmkeep: interrupted; job%s", open == 1 ? "" : "s");
    for (size_t i = 0; i < j->list.n; i++) {
        if (j->list.items[i].outcome)
            continue;
        last = (long long)j->list.items[i].id;
        fprintf(stderr, " %lld", last);
    }
    if (open == 1)
        fprintf(stderr, " goes on ('vmkeep cancel %lld' ends it)\n", last);
    else
        fputs(" go on ('vmkeep cancel JOB' ends one)\n", stderr);
}

static int judge(const struct jobs *j, bool wait)
{
    size_t good = count_ended(j, job_outcome_name(OUTCOME_SUCCESS));

    if (!wait || good == j->list.n)
        return EXIT_DONE;
    return good > 0 ? EXIT_PARTLY : EXIT_FAILED;
}

static int finish(struct jobs *j, const json_t *result, bool wait)
{
    bool accepted = j->list.n > 0;

    if (!accepted)
        take_jobs(j, json_object_get(result, "jobs"));
    if (j->json)
        report_json_print(jobs_json(j), stdout);
    else if (!accepted)
        print_started(j);
    return judge(j, wait);
}

int start_jobs(const struct config *config, const char *cmd, json_t *args, bool wait, bool json)
{
    struct jobs j = {.json = json, .terminal = isatty(STDERR_FILENO)};
    const struct client_request request = {.cmd = cmd, .args = args, .event = on_event, .ctx = &j};
    struct err err = ERR_INIT;
    json_t *result = NULL;
    bool reached;
    int code;

    if (!args)
        return cli_usage(cmd, "an argument is not UTF-8");
    if (wait)
        json_object_set_new(args, "wait", json_true());
    if (wait && !json)
        json_object_set_new(args, "progress", json_true());
    if (client_ask(config, &request, ANSWER_S, &result, &reached, &err) == 0) {
        wipe_line(&j);
        code = finish(&j, result, wait);
    } else if (err.code == ERR_CANCELED && count_ended(&j, NULL) < j.list.n) {
        wipe_line(&j);
        print_still_running(&j);
        code = EXIT_INTERRUPTED;
    } else {
        wipe_line(&j);
        code = client_failed(&err, reached);
    }
    json_decref(result);
    jobs_done(&j);
    return code;
}

int start_jobs_only(const char *cmd, json_t *args, bool wait, bool json)
{
    struct config *config = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = start_jobs(config, cmd, args, wait, json);
    else
        json_decref(args);
    config_free(config);
    return code;
}
