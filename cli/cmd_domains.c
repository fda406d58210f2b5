/* SPDX-License-Identifier: MIT
 *
 * vmkeep domains: what the hosts have.  The daemon knows; while it is down, the catalog tells what
 * it saw last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "report/gather/domains.h"
#include "report/json.h"
#include "report/table.h"

#define DAEMON_TIMEOUT_S 10

struct arguments {
    bool with_job, with_checkpoint, without_checkpoint, active, inactive, all, name, uuid, json;
    bool running, paused, shutoff, other, any_state;
};

struct row {
    char *host, *domain, *uuid, *state, *problem;
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
        free(l->items[i].uuid);
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
        r->uuid = xstrdup(json_string_value(json_object_get(item, "uuid")));
        r->state = xstrdup(state ? state : "unknown");
        r->problem = xstrdup(json_string_value(json_object_get(item, "problem")));
        r->checkpoint = json_is_true(json_object_get(item, "checkpoint"));
        r->job = json_integer_value(json_object_get(item, "job"));
    }
}

/* What a QEMU host has is what the configuration says, and no more. */
static bool is_configured(const struct config *config, const struct row *r)
{
    const struct config_host *h = config_host_find(config, r->host);

    if (!h || h->driver != DRIVER_QEMU)
        return h != NULL;
    for (size_t i = 0; i < h->domains.n; i++)
        if (strcmp(h->domains.items[i].name, r->domain) == 0)
            return true;
    return false;
}

/* The daemon has them until it has read the configuration again, and their jobs have ended. Their
 * state is what it is; a problem of theirs comes first. */
static void note_gone(const struct config *config, struct rows *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct row *r = &l->items[i];

        if (r->problem || is_configured(config, r))
            continue;
        r->problem = xstrdup(r->job ? "not in the configuration any more; its job still runs"
                                    : "not in the configuration any more: `vmkeep reload`");
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
        if (jobs.items[i].state == JOB_RUNNING && jobs.items[i].guest)
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
        const struct seen *s = seen_list_find(&seen, name);
        struct row *r = VEC_ADD(ret);

        r->host = xstrdup(known.items[i].host);
        r->domain = xstrdup(known.items[i].domain);
        r->uuid = s ? xstrdup(s->uuid) : NULL;
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
                list,
                json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "host", report_json_text(r->host),
                          "domain", report_json_text(r->domain), "uuid", report_json_text(r->uuid),
                          "state", report_json_text(r->state), "problem",
                          report_json_text(r->problem), "checkpoint", r->checkpoint, "job",
                          r->job ? report_json_number(r->job) : json_null()));
    }
    report_json_print(list, stdout);
}

/* As virsh does: both in one line, the UUID first. */
static void print_names(const struct arguments *a, const struct rows *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct row *r = &l->items[i];

        if (!is_wanted(a, r))
            continue;
        if (a->uuid)
            print_plain(r->uuid ? r->uuid : "-", stdout);
        if (a->uuid && a->name)
            putchar(' ');
        if (a->name) {
            print_plain(r->host, stdout);
            putchar('/');
            print_plain(r->domain, stdout);
        }
        putchar('\n');
    }
}

static void print_text(const struct arguments *a, const struct rows *l)
{
    static const char *const titles[] = {"/DOMAIN", "STATE", "CHECKPOINT", ">JOB", "~PROBLEM"};
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
    table_print_or(t, l->n > 0 ? "No domain is as was asked for." : "No domains are known.",
                   stdout);
}

/* From the catalog, with a word on why. */
static int fall_back(const struct config *config, const struct err *why, struct rows *ret)
{
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == EXIT_DONE) {
        fprintf(stderr, "vmkeep: %s; the domains are shown as they were last seen\n", why->msg);
        client_advise(why);
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
        code = fall_back(config, &err, &rows);
    note_gone(config, &rows);
    if (code == EXIT_DONE && a->json)
        print_json(a, &rows);
    else if (code == EXIT_DONE && (a->name || a->uuid))
        print_names(a, &rows);
    else if (code == EXIT_DONE)
        print_text(a, &rows);
    json_decref(answer);
    rows_done(&rows);
    return code;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;
    struct config *config = NULL;
    int code;

    if (a->uuid && a->json)
        return cli_usage("domains", "--uuid and --json exclude one another");
    code = cli_load_config(&config);
    a->any_state = a->running || a->paused || a->shutoff || a->other;
    if (code == EXIT_DONE)
        code = list(a, config);
    config_free(config);
    return code;
}

enum { RIVALS_CHECKPOINT = 1, RIVALS_ACTIVE, RIVALS_OUTPUT };

const struct command cmd_domains = {
    .name = "domains",
    .summary = "what the hosts have",
    .about =
        (const char *const[]){
            "Lists the domains of all hosts. While the daemon is down, they are shown as it saw "
            "them last. Several --state- options: those in one of these states. A UUID is what the "
            "domain had when it ran last; a QEMU that was started without -uuid has none.",
            NULL},
    .options =
        (const struct command_option[]){
            {FLAG("with-job", with_job, "only those with a backup that runs")},
            {FLAG("with-checkpoint", with_checkpoint,
                  "only those that have a checkpoint of vmkeep, scheduled or by hand"),
             .rivals = RIVALS_CHECKPOINT},
            {FLAG("without-checkpoint", without_checkpoint, "only those that have none"),
             .rivals = RIVALS_CHECKPOINT},
            {FLAG("active", active, "only those that run, or are paused"), .rivals = RIVALS_ACTIVE},
            {FLAG("inactive", inactive, "only those that are shut off"), .rivals = RIVALS_ACTIVE},
            {FLAG("all", all, "whatever their state: the default"), .rivals = RIVALS_ACTIVE},
            {FLAG("state-running", running, "only those that run")},
            {FLAG("state-paused", paused, "only those that are paused")},
            {FLAG("state-shutoff", shutoff, "only those that are shut off")},
            {FLAG("state-other", other, "only those in none of these states")},
            {FLAG("name", name, "only the names, HOST/DOMAIN, one a line"),
             .rivals = RIVALS_OUTPUT},
            {FLAG("uuid", uuid,
                  "only the UUIDs, one a line, \"-\" for none; with --name: before the name")},
            {FLAG("json", json,
                  "print an array of {host, domain, uuid, state, problem, checkpoint, job}"),
             .rivals = RIVALS_OUTPUT},
            {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep domains --inactive", NULL},
    ARGUMENTS,
    .run = run,
};
