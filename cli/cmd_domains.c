/* SPDX-License-Identifier: MIT
 *
 * vmkeep domains: what the hosts have.  The daemon knows; while it is down, the catalog tells what
 * it saw last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/facts.h"
#include "cli/names.h"
#include "report/json.h"
#include "report/table.h"

#define DAEMON_TIMEOUT_S 10

static const char help[] =
    "Usage: vmkeep domains [--with-job] [--with-checkpoint|--without-checkpoint]\n"
    "                      [--active|--inactive|--all] [--state-STATE]... [--name|--json]\n"
    "\n"
    "Lists the domains of all hosts. While the daemon is down, they are shown as it saw them last.\n"
    "\n"
    "  --with-job             only those with a backup that runs\n"
    "  --with-checkpoint      only those that have a checkpoint of vmkeep, scheduled or by hand\n"
    "  --without-checkpoint   only those that have none\n"
    "  --active               only those that run, or are paused\n"
    "  --inactive             only those that are shut off\n"
    "  --all                  whatever their state: the default\n"
    "  --state-running, --state-paused, --state-shutoff, --state-other\n"
    "                         only those in that state, or in one of those\n"
    "  --name                 only the names, HOST/DOMAIN, one a line\n"
    "  --json                 print an array of {host, domain, state, problem, checkpoint, job}\n"
    "  --help                 print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no catalog yet, 7 the catalog\n"
    "is damaged.\n"
    "\n"
    "Example:\n"
    "  vmkeep domains --inactive\n";

struct arguments {
    bool with_job, with_checkpoint, without_checkpoint, active, inactive, all, name, json;
    bool running, paused, shutoff, other, any_state;
};

struct row {
    char *host, *domain, *state, *problem;
    bool checkpoint;
    int64_t job; /* 0: none */
};

struct rows {
    struct row *items;
    size_t n, cap;
};

static void rows_done(struct rows *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].host);
        free(l->items[i].domain);
        free(l->items[i].state);
        free(l->items[i].problem);
    }
    free(l->items);
}

static void rows_from_answer(const json_t *answer, struct rows *ret)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(answer, "domains"), i, item) {
        const char *host = json_string_value(json_object_get(item, "host"));
        const char *domain = json_string_value(json_object_get(item, "domain"));
        const char *state = json_string_value(json_object_get(item, "state"));
        struct row *r;

        if (!host || !domain)
            continue;
        r = VEC_ADD(ret);
        r->host = xstrdup(host);
        r->domain = xstrdup(domain);
        r->state = xstrdup(state ? state : "unknown");
        r->problem = xstrdup(json_string_value(json_object_get(item, "problem")));
        r->checkpoint = json_is_true(json_object_get(item, "checkpoint"));
        r->job = json_integer_value(json_object_get(item, "job"));
    }
}

static int complete_row(struct catalog *catalog, struct row *r, struct err *err)
{
    const struct job_filter filter = {.host = r->host, .domain = r->domain, .active = true};
    struct checkpoint_list checkpoints = {0};
    struct job_list jobs = {0};

    if (catalog_checkpoints(catalog, r->host, r->domain, &checkpoints, err) < 0)
        return -1;
    for (size_t i = 0; i < checkpoints.n; i++)
        r->checkpoint = r->checkpoint || checkpoints.items[i].state == CHECKPOINT_CURRENT ||
                        checkpoints.items[i].state == CHECKPOINT_KEPT;
    checkpoint_list_done(&checkpoints);
    if (catalog_jobs(catalog, &filter, &jobs, err) < 0)
        return -1;
    for (size_t i = 0; i < jobs.n; i++)
        if (jobs.items[i].state == JOB_RUNNING && jobs.items[i].kind != JOB_PRUNE)
            r->job = jobs.items[i].id;
    job_list_done(&jobs);
    return 0;
}

static int rows_from_catalog(const struct config *config, struct catalog *catalog, struct rows *ret,
                             struct err *err)
{
    struct domain_names known = {0};
    struct seen_list seen = {0};
    int rc = domains_known(config, catalog, &known, err);

    if (rc == 0)
        rc = catalog_seen(catalog, "domain", &seen, err);
    for (size_t i = 0; i < known.n && rc == 0; i++) {
        CLEANUP_FREE char *name = xasprintf("%s/%s", known.items[i].host, known.items[i].domain);
        const struct seen *s = facts_find_seen(&seen, name);
        struct row *r = VEC_ADD(ret);

        r->host = xstrdup(known.items[i].host);
        r->domain = xstrdup(known.items[i].domain);
        r->state = xstrdup(s ? s->state : "unknown");
        r->problem = s ? xstrdup(s->problem) : NULL;
        rc = complete_row(catalog, r, err);
    }
    domain_names_done(&known);
    seen_list_done(&seen);
    return rc;
}

static bool has_state(const struct arguments *a, const struct row *r)
{
    if (strcmp(r->state, "running") == 0)
        return a->running;
    if (strcmp(r->state, "paused") == 0)
        return a->paused;
    return strcmp(r->state, "shut off") == 0 ? a->shutoff : a->other;
}

static bool is_wanted(const struct arguments *a, const struct row *r)
{
    bool active = strcmp(r->state, "running") == 0 || strcmp(r->state, "paused") == 0;
    bool inactive = strcmp(r->state, "shut off") == 0;

    return (!a->with_job || r->job) && (!a->with_checkpoint || r->checkpoint) &&
           (!a->without_checkpoint || !r->checkpoint) && (!a->active || active) &&
           (!a->inactive || inactive) && (!a->any_state || has_state(a, r));
}

static void print_json(const struct arguments *a, const struct rows *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++) {
        const struct row *r = &l->items[i];

        if (is_wanted(a, r))
            json_array_append_new(
                list, json_pack("{s:o, s:o, s:o, s:o, s:b, s:o}", "host", report_json_text(r->host),
                                "domain", report_json_text(r->domain), "state",
                                report_json_text(r->state), "problem", report_json_text(r->problem),
                                "checkpoint", r->checkpoint, "job",
                                r->job ? report_json_number(r->job) : json_null()));
    }
    report_json_print(list, stdout);
}

static void print_names(const struct arguments *a, const struct rows *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!is_wanted(a, &l->items[i]))
            continue;
        print_plain(l->items[i].host, stdout);
        putchar('/');
        print_plain(l->items[i].domain, stdout);
        putchar('\n');
    }
}

static void print_text(const struct arguments *a, const struct rows *l)
{
    static const char *const titles[] = {"DOMAIN", "STATE", "CHECKPOINT", ">JOB", "PROBLEM"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < l->n; i++) {
        const struct row *r = &l->items[i];

        if (!is_wanted(a, r))
            continue;
        table_cellf(t, "%s/%s", r->host, r->domain);
        table_cell(t, r->state);
        table_cell(t, r->checkpoint ? "yes" : "no");
        if (r->job)
            table_cellf(t, "%lld", (long long)r->job);
        else
            table_cell(t, NULL);
        table_cell(t, r->problem);
    }
    table_print(t, stdout);
}

/* From the catalog, with a word on why. */
static int fall_back(const struct config *config, const char *why, struct rows *ret)
{
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == EXIT_DONE) {
        fprintf(stderr, "vmkeep: %s; the domains are shown as they were last seen\n", why);
        if (rows_from_catalog(config, catalog, ret, &err) < 0)
            code = cli_fail(NULL, &err);
    }
    catalog_close(catalog);
    return code;
}

static int list(const struct arguments *a, const struct config *config)
{
    const struct client_request request = {.cmd = "domains"};
    struct err err = ERR_INIT;
    struct rows rows = {0};
    json_t *answer = NULL;
    bool reached;
    int code = EXIT_DONE;

    if (client_ask(config, &request, DAEMON_TIMEOUT_S, &answer, &reached, &err) == 0)
        rows_from_answer(answer, &rows);
    else if (err.code == ERR_CANCELED)
        code = cli_fail(NULL, &err);
    else
        code = fall_back(config, err.msg, &rows);
    if (code == EXIT_DONE && a->json)
        print_json(a, &rows);
    else if (code == EXIT_DONE && a->name)
        print_names(a, &rows);
    else if (code == EXIT_DONE)
        print_text(a, &rows);
    json_decref(answer);
    rows_done(&rows);
    return code;
}

static void take_option(struct arguments *a, int c)
{
    a->with_job = a->with_job || c == 'J';
    a->with_checkpoint = a->with_checkpoint || c == 'C';
    a->without_checkpoint = a->without_checkpoint || c == 'W';
    a->all = a->all || c == 'A';
    a->active = a->active || c == 'a';
    a->inactive = a->inactive || c == 'i';
    a->running = a->running || c == 'R';
    a->paused = a->paused || c == 'P';
    a->shutoff = a->shutoff || c == 'S';
    a->other = a->other || c == 'O';
    a->any_state = a->running || a->paused || a->shutoff || a->other;
    a->name = a->name || c == 'n';
    a->json = a->json || c == 'j';
}

int cmd_domains(int argc, char **argv)
{
    static const struct option options[] = {{"with-job", no_argument, NULL, 'J'},
                                            {"with-checkpoint", no_argument, NULL, 'C'},
                                            {"without-checkpoint", no_argument, NULL, 'W'},
                                            {"all", no_argument, NULL, 'A'},
                                            {"state-running", no_argument, NULL, 'R'},
                                            {"state-paused", no_argument, NULL, 'P'},
                                            {"state-shutoff", no_argument, NULL, 'S'},
                                            {"state-other", no_argument, NULL, 'O'},
                                            {"name", no_argument, NULL, 'n'},
                                            {"active", no_argument, NULL, 'a'},
                                            {"inactive", no_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct config *config = NULL;
    struct arguments a = {0};
    int c, code;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        take_option(&a, c);
    }
    if (optind < argc)
        return cli_usage("domains", "'%s': unexpected argument", argv[optind]);
    if (a.active + a.inactive + a.all > 1)
        return cli_usage("domains", "--active, --inactive and --all exclude one another");
    if (a.with_checkpoint && a.without_checkpoint)
        return cli_usage("domains",
                         "--with-checkpoint and --without-checkpoint exclude one another");
    if (a.name && a.json)
        return cli_usage("domains", "--name and --json exclude one another");
    code = cli_load_config(&config);
    if (code == EXIT_DONE)
        code = list(&a, config);
    config_free(config);
    return code;
}
