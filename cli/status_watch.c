/* SPDX-License-Identifier: MIT */
#include "cli/status_watch.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/uptime.h"
#include "cli/active_jobs.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "cli/watch_term.h"
#include "cli/watch_view.h"
#include "report/table.h"

#define REST_MS 2000 /* from one look to the next, */
#define COST 5       /* of which it may take a fifth */
#define PAST_JOBS 10

struct watch {
    struct status_sources *sources;
    const struct domain_names *only;
    struct watch_view view;
    struct status status;
    json_t *jobs;
    struct job_list past;
    struct err problem;
    int64_t next_ms;
    bool seen; /* there is something to show */
};

/* What was there stays until there is something newer. */
static void look(struct watch *w)
{
    int64_t began = uptime_ms();
    struct status status = {0};
    json_t *jobs = NULL;
    bool live;

    w->problem = (struct err)ERR_INIT;
    sources_now(w->sources);
    if (sources_gather(w->sources, w->only, &status, &w->problem) < 0 ||
        active_jobs_get(w->sources->config, w->sources->catalog, &jobs, &live, &w->problem) < 0) {
        status_done(&status);
    } else {
        status_done(&w->status);
        json_decref(w->jobs);
        w->status = status;
        w->jobs = jobs;
        w->seen = true;
    }
    w->next_ms = uptime_ms() + (uptime_ms() - began) * COST;
    if (w->next_ms < began + REST_MS)
        w->next_ms = began + REST_MS;
}

static struct watch_facts facts_of(const struct watch *w)
{
    return (struct watch_facts){&w->status, w->jobs, &w->past,
                                w->problem.code == ERR_NONE ? NULL : w->problem.msg};
}

static void look_at_past(struct watch *w)
{
    const struct watch_facts facts = facts_of(w);
    const struct status_domain *d = w->view.detail ? watch_chosen(&w->view, &facts) : NULL;
    const struct job_filter filter = {
        .host = d ? d->host : NULL, .domain = d ? d->domain : NULL, .limit = PAST_JOBS};
    struct err err = ERR_INIT;

    job_list_done(&w->past);
    w->past = (struct job_list){0};
    if (d && catalog_jobs(w->sources->catalog, &filter, &w->past, &err) < 0)
        w->problem = err;
}

static void draw(struct watch *w)
{
    CLEANUP_FREE char *frame = NULL;
    struct watch_facts facts;
    size_t n;
    FILE *out = open_memstream(&frame, &n);

    if (!out)
        abort();
    look_at_past(w);
    facts = facts_of(w);
    term_size(&w->view.columns, &w->view.lines);
    watch_draw(&w->view, &facts, out);
    fclose(out);
    term_write(frame, n);
}

static int wait_ms(const struct watch *w)
{
    int64_t left = w->next_ms - uptime_ms();

    return left > 0 ? (int)left : 0;
}

static bool take(struct watch *w, int key)
{
    const struct watch_facts facts = facts_of(w);

    if (key == KEY_CLOSED || key == KEY_KILLED)
        return false;
    if (key == KEY_NONE || key == KEY_RESIZED)
        return true;
    return watch_key(&w->view, &facts, key);
}

static void run(struct watch *w)
{
    do {
        if (uptime_ms() >= w->next_ms)
            look(w);
        draw(w);
    } while (take(w, term_key(wait_ms(w))));
}

int status_watch(struct status_sources *sources, const struct domain_names *only)
{
    struct watch w = {.sources = sources, .only = only};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (!term_is_there())
        return cli_usage("status", "--watch needs a terminal; without one there are `vmkeep "
                                   "status`, `vmkeep status --json` and `vmkeep status --html`");
    w.view.colour = table_may_colour(stdout);
    look(&w);
    if (!w.seen) {
        code = cli_fail(NULL, &w.problem);
    } else if (term_enter(&err) < 0) {
        code = cli_fail(NULL, &err);
    } else {
        run(&w);
        term_leave();
        term_die();
    }
    watch_view_done(&w.view);
    status_done(&w.status);
    json_decref(w.jobs);
    job_list_done(&w.past);
    return code;
}
