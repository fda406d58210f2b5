/* SPDX-License-Identifier: MIT */
#include "cli/active_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/client.h"
#include "cli/sources.h"
#include "report/gather/job_json.h"
#include "report/json.h"
#include "report/live.h"
#include "report/table.h"
#include "report/wrap.h"

#define ANSWER_S 20
#define AGAIN_S 1
#define ROWS_MIN 5

struct found {
    json_t *jobs;     /* an array of objects as daemon/live_json.h has them */
    bool live;        /* the daemon has said so; else: */
    char *why_not;    /* it does not answer */
    struct err err;   /* the same, as it was said */
    int64_t as_of;    /* when it last wrote something of them; 0: there are none */
    size_t run, wait; /* how many */
};

static void found_done(struct found *f)
{
    json_decref(f->jobs);
    free(f->why_not);
    *f = (struct found){0};
}

static bool is_state(const json_t *job, const char *state)
{
    const char *is = json_string_value(json_object_get(job, "state"));

    return is && str_eq(is, state);
}

/* ---- by the daemon ---- */

static json_t *arguments(const struct active_ask *ask, const json_t *next)
{
    json_t *ret = next ? json_deep_copy(next) : json_object();

    if (ask->domain->domain) {
        json_object_set_new(ret, "host", report_json_text(ask->domain->host));
        json_object_set_new(ret, "domain", report_json_text(ask->domain->domain));
    }
    return ret;
}

static void take(const struct active_ask *ask, const json_t *page, struct found *f)
{
    size_t i;
    json_t *job;

    json_array_foreach(json_object_get(page, "jobs"), i, job)
        if (!ask->json || ask->waiting || !is_state(job, "waiting"))
            json_array_append(f->jobs, job);
}

/* One page after another. False: *err, and whether it answers at all. */
static bool ask_daemon(const struct config *config, const struct active_ask *ask, struct found *f,
                       bool *ret_reached, struct err *err)
{
    json_t *page = NULL;
    int rc;

    do {
        const json_t *next = page ? json_object_get(page, "next") : NULL;
        const struct client_request request = {.cmd = "jobs", .args = arguments(ask, next)};
        json_t *answer = NULL;

        rc = client_ask(config, &request, ANSWER_S, &answer, ret_reached, err);
        json_decref(page);
        page = answer;
        if (rc == 0)
            take(ask, page, f);
    } while (rc == 0 && json_is_object(json_object_get(page, "next")));
    json_decref(page);
    return rc == 0;
}

/* ---- by the catalog ---- */

static json_t *percent(const struct job *j)
{
    return j->bytes_total > 0 && j->bytes_done <= j->bytes_total
               ? json_real((double)j->bytes_done * 100.0 / (double)j->bytes_total)
               : json_null();
}

static void add_row(void *arg, struct job *j)
{
    struct found *f = arg;
    json_t *job = job_json(j, j->state == JOB_RUNNING && sources_none_runs(f->err.code));
    int64_t at = j->started ? j->started + j->elapsed_ms / 1000 : j->created;
    json_t *not_known = json_pack("{s:b, s:o, s:b, s:o, s:n, s:n, s:o, s:n}", "live", 0, "doing",
                                  report_json_text(j->state == JOB_RUNNING ? j->step : NULL),
                                  "cancelled", 0, "percent", percent(j), "bytes_per_second",
                                  "seconds_left", "figures", report_json_time(at), "waits_for");

    json_object_update(job, not_known);
    json_decref(not_known);
    json_array_append_new(f->jobs, job);
    if (at > f->as_of)
        f->as_of = at;
}

static int read_catalog(struct catalog *catalog, const struct active_ask *ask, struct found *f,
                        struct err *err)
{
    const struct job_filter filter = {
        .host = ask->domain->host,
        .domain = ask->domain->domain,
        .active = true,
    };

    json_array_clear(f->jobs);
    return catalog_jobs_each(catalog, &filter, add_row, f, err);
}

static void count(struct found *f)
{
    size_t i;
    json_t *job;

    json_array_foreach(f->jobs, i, job) {
        f->run += is_state(job, "running");
        f->wait += !is_state(job, "running");
    }
}

/* Who may not ask, or is interrupted, gets an error; who finds no daemon, what the catalog has. */
static int get(const struct config *config, struct catalog *catalog, const struct active_ask *ask,
               struct found *ret, struct err *err)
{
    bool reached = false;

    *ret = (struct found){.jobs = json_array()};
    ret->live = ask_daemon(config, ask, ret, &reached, err);
    if (ret->live)
        return 0;
    /* A daemon of an older version does not know the question. */
    if (reached && err->code != ERR_UNSUPPORTED)
        return -1;
    ret->why_not = xstrdup(err->msg);
    ret->err = *err;
    return read_catalog(catalog, ask, ret, err);
}

int active_jobs_get(const struct config *config, struct catalog *catalog, json_t **ret,
                    bool *ret_live, struct err *err)
{
    const struct domain_name all = {0};
    const struct active_ask ask = {.domain = &all, .json = true, .waiting = true};
    struct found f;
    int rc = get(config, catalog, &ask, &f, err);

    if (rc == 0) {
        *ret = json_incref(f.jobs);
        *ret_live = f.live;
    }
    found_done(&f);
    return rc;
}

/* 0, or an exit code when the error has been printed. */
static int find(const struct config *config, struct catalog *catalog, const struct active_ask *ask,
                struct found *ret)
{
    struct err err = ERR_INIT;

    if (get(config, catalog, ask, ret, &err) < 0)
        return err.code == ERR_CANCELED ? EXIT_INTERRUPTED : cli_fail(NULL, &err);
    while (ask->limit > 0 && json_array_size(ret->jobs) > (size_t)ask->limit)
        json_array_remove(ret->jobs, 0);
    count(ret);
    return EXIT_DONE;
}

/* ---- shown ---- */

static const char *string_of(const json_t *job, const char *key)
{
    const char *ret = json_string_value(json_object_get(job, key));

    return ret ? ret : "";
}

static void add_line(struct table *t, const json_t *job, int64_t now)
{
    CLEANUP_FREE char *text = live_text(job, now);
    CLEANUP_FREE char *what = NULL;
    const char *kind = string_of(job, "kind"), *level = string_of(job, "level");
    json_int_t id = json_integer_value(json_object_get(job, "id"));

    if (id)
        table_cellf(t, "%lld", (long long)id);
    else
        table_cell(t, NULL);
    table_cellf(t, "%s/%s", string_of(job, "host"), string_of(job, "domain"));
    table_cell(t, *string_of(job, "policy") ? string_of(job, "policy") : NULL);
    what = job_what(kind, level);
    table_cell(t, what);
    table_cell(t, text);
}

static void print_table(const struct found *f, FILE *out)
{
    static const char *const titles[] = {">JOB", "/DOMAIN", "POLICY", "~WHAT", "~NOW"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    int64_t now = time(NULL);
    size_t i;
    json_t *job;

    json_array_foreach(f->jobs, i, job)
        add_line(t, job, now);
    table_print_or(t, "No job is queued or running.", out);
}

/* That the daemon does not answer, and how old the figures are.  Caller frees. */
static char *why_not_live(const struct found *f)
{
    char at[TIMEFMT_MAX], ago[TIMEFMT_MAX];

    if (!f->as_of)
        return xasprintf("%s; by the catalog it had left no job open", f->why_not);
    return xasprintf("%s; what follows is what it left in the catalog, last at %s (%s ago)",
                     f->why_not, time_local(f->as_of, at),
                     duration_text((int64_t)time(NULL) - f->as_of, ago));
}

static void print_json(const struct found *f)
{
    struct report_json_array list = {.out = stdout};
    size_t i;
    json_t *job;

    json_array_foreach(f->jobs, i, job)
        report_json_add(&list, json_incref(job));
    report_json_end(&list);
}

int active_jobs_list(const struct config *config, struct catalog *catalog,
                     const struct active_ask *ask)
{
    struct found f;
    int code = find(config, catalog, ask, &f);

    if (code == EXIT_DONE && !f.live) {
        CLEANUP_FREE char *why = why_not_live(&f);
        CLEANUP_FREE char *plain = plain_text(why);

        fprintf(stderr, "vmkeep: %s\n", plain);
        client_advise(&f.err);
    }
    if (code == EXIT_DONE && ask->json)
        print_json(&f);
    else if (code == EXIT_DONE)
        print_table(&f, stdout);
    found_done(&f);
    return code;
}

/* ---- again and again ---- */

static size_t rows_of_terminal(void)
{
    struct winsize w;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row >= ROWS_MIN ? w.ws_row : 24;
}

/* As many lines as there is room for; the last one tells of those that are left out. */
static void print_lines(const char *text, size_t room)
{
    size_t all = 0, n = 0;

    for (const char *p = text; (p = strchr(p, '\n')); p++)
        all++;
    for (const char *p = text, *end; (end = strchr(p, '\n')) && n < room; p = end + 1, n++) {
        if (n + 1 == room && all > room)
            printf("... and %zu more\n", all - n);
        else
            printf("%.*s\n", (int)(end - p), p);
    }
}

static void redraw(const struct found *f)
{
    char now[TIMEFMT_MAX];
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return;
    fprintf(out, "%s: %zu run, %zu wait (interrupt to end)\n", time_local(time(NULL), now), f->run,
            f->wait);
    if (!f->live) {
        CLEANUP_FREE char *why = why_not_live(f);

        print_paragraph(out, 0, "", why);
    }
    fputc('\n', out);
    print_table(f, out);
    fclose(out);
    fputs("\033[H\033[2J", stdout);
    print_lines(text, rows_of_terminal() - 1);
    fflush(stdout);
    free(text);
}

int active_jobs_watch(const struct config *config, struct catalog *catalog,
                      const struct active_ask *ask)
{
    for (;;) {
        struct found f;
        int code = find(config, catalog, ask, &f);

        if (code == EXIT_DONE)
            redraw(&f);
        found_done(&f);
        if (code != EXIT_DONE)
            return code;
        sleep(AGAIN_S);
    }
}

/* ---- one domain's ---- */

size_t active_jobs_of(const struct config *config, const struct domain_name *domain,
                      int64_t *ret_job)
{
    const struct active_ask ask = {.domain = domain, .json = true};
    struct found f = {.jobs = json_array()};
    struct err ignored = ERR_INIT;
    bool reached = false;
    size_t n = 0;

    if (ask_daemon(config, &ask, &f, &reached, &ignored))
        n = json_array_size(f.jobs);
    if (n > 0)
        *ret_job = json_integer_value(json_object_get(json_array_get(f.jobs, 0), "id"));
    json_decref(f.jobs);
    return n;
}
