/* SPDX-License-Identifier: MIT
 *
 * vmkeep jobs: what was done and what is being done.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/active_jobs.h"
#include "cli/cli.h"
#include "cli/open_jobs.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/gather/domains.h"
#include "report/gather/job_json.h"
#include "report/json.h"
#include "report/live.h"
#include "report/table.h"

#define SHOWN 50

struct arguments {
    bool active, json, waiting, watch;
    int64_t limit; /* -1: not given */
    const char *domain;
};

struct listing {
    struct open_jobs open;
    struct report_json_array json;
    struct table *table;
};

static void print_one(void *arg, struct job *j)
{
    struct listing *l = arg;

    report_json_add(&l->json, job_json(j, open_jobs_interrupted(&l->open, j)));
}

/* However many there are. */
static int print_json(struct listing *l, struct catalog *catalog, const struct job_filter *filter,
                      struct err *err)
{
    l->json.out = stdout;
    if (catalog_jobs_each(catalog, filter, print_one, l, err) < 0)
        return -1;
    report_json_end(&l->json);
    return 0;
}

static void add_row(struct listing *l, const struct job *j)
{
    struct table *t = l->table;
    char started[TIMEFMT_MAX], took[TIMEFMT_MAX], size[SIZE_TEXT_MAX];
    CLEANUP_FREE char *what = job_what(j->kind, level_name(j->level));
    bool failed = j->outcome == OUTCOME_FAILED;

    table_cellf(t, "%lld", (long long)j->id);
    table_cellf(t, "%.16s", time_local(j->started ? j->started : j->created, started));
    table_cellf(t, "%s/%s", j->host, j->domain);
    table_cell(t, *j->policy ? j->policy : NULL);
    table_cell(t, what);
    if (j->state == JOB_ENDED)
        table_cell_coloured(t, failed ? COLOUR_RED : COLOUR_NONE, job_outcome_name(j->outcome));
    else
        table_cell(t, open_jobs_state(&l->open, j));
    table_cell(t, j->ended && j->started ? duration_text(j->ended - j->started, took) : NULL);
    table_cell(t, j->bytes_done ? size_text(j->bytes_done, size) : NULL);
    table_cell(t, j->reason ? j->reason : j->state == JOB_RUNNING ? j->step : j->why);
}

static void on_job(void *arg, struct job *j)
{
    add_row(arg, j);
}

static int print_text(struct listing *l, struct catalog *catalog, const struct job_filter *filter,
                      struct err *err)
{
    static const char *const titles[] = {">JOB",  "STARTED", "/DOMAIN", "POLICY", "~WHAT",
                                         "STATE", ">TOOK",   ">DATA",   "~WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    l->table = t;
    if (catalog_jobs_each(catalog, filter, on_job, l, err) < 0)
        return -1;
    table_print_or(t, filter->active ? "No job waits or runs." : "There are no jobs.", stdout);
    return 0;
}

static int list_all(const struct config *config, struct catalog *catalog,
                    const struct job_filter *filter, bool json)
{
    struct listing l = {.open = {.config = config}};
    struct err err = ERR_INIT;
    int rc = (json ? print_json : print_text)(&l, catalog, filter, &err);

    if (rc == 0)
        open_jobs_tell(&l.open);
    open_jobs_done(&l.open);
    return rc < 0 ? cli_fail(NULL, &err) : EXIT_DONE;
}

static int list(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct job_filter filter = {.limit = (int)a->limit};
    struct domain_name domain = {0};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (a->limit < 0)
        filter.limit = a->json || a->active || a->watch ? 0 : SHOWN;
    if (a->domain && domain_find(config, catalog, a->domain, &domain, &err) < 0)
        return cli_fail(NULL, &err);
    filter.host = domain.host;
    filter.domain = domain.domain;
    if (a->active || a->watch)
        code = (a->watch ? active_jobs_watch : active_jobs_list)(
            config, catalog,
            &(struct active_ask){
                .domain = &domain, .limit = filter.limit, .json = a->json, .waiting = a->waiting});
    else
        code = list_all(config, catalog, &filter, a->json);
    domain_name_done(&domain);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (a->watch && !isatty(STDOUT_FILENO))
        return cli_usage("jobs", "--watch redraws a terminal, and standard output is none; "
                                 "--active prints once");
    return cli_with_catalog(list, arguments);
}

static const char *const examples[] = {
    "vmkeep jobs --active",
    "vmkeep jobs --watch",
    "vmkeep jobs web01 --limit 5",
    "vmkeep jobs --json | jq '.[] | select(.outcome == \"failed\")'",
    NULL,
};

const struct command cmd_jobs = {
    .name = "jobs",
    .summary = "what was done, what is being done",
    .about =
        (const char *const[]){
            "Lists jobs, oldest first, with outcomes and reasons: of every domain, or of DOMAIN. "
            "Works while the daemon is down; one that ran then is interrupted, until the daemon "
            "starts and settles it, and that is said.",
            "With --active those that are queued or running, as they are now, by the daemon: "
            "how far a copy is, how fast, and how long it will take yet; what a job waits "
            "for, and since when: another job (which), a limit, the host, the repository, the "
            "catalog. Backups that have failed and are tried again by themselves are listed "
            "too, with the time and the reason. When the daemon does not answer, that is said "
            "on standard error, with how old the figures are that it left in the catalog.",
            "JSON of --active has more: live, doing (plain words), cancelled, percent, "
            "bytes_per_second, seconds_left, figures (when they were read), and waits_for: "
            "null or {code, text, since, until, jobs, name, limit, tries, error, problem}. "
            "Codes of jobs that are queued are start, stop, limit, host-limit, "
            "repository-limit, kind-limit, host-changed, host, guest, chain; of those that run "
            "host, comparison, catalog, answer, thaw, others, reader; and retry. What is not "
            "known is null.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("DOMAIN", domain), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("active", active, "only those that are queued or running, as they are now")},
            {FLAG("watch", watch, "the same, again each second, on a terminal"), .rivals = 1},
            {FLAG("waiting", waiting,
                  "with --active and --json: those too that have failed and are tried again, in "
                  "state waiting and without an id"),
             .with = "active"},
            {NUMBER("limit", "N", limit, 0, INT32_MAX,
                    "the newest N; 0: all (default: 50, with --json all)")},
            {FLAG(
                 "json", json,
                 "print an array of {id, kind, domain, policy, level, state, outcome, reason, due, "
                 "started, ended, bytes_done, bytes_total, interrupted, ...}"),
             .rivals = 1},
            {0}},
    .wants = "one domain at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain, or no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = examples,
    ARGUMENTS,
    .defaults = &(const struct arguments){.limit = -1},
    .run = run,
};
