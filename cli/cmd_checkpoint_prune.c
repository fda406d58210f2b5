/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-prune: checkpoints that no policy needs any more go at once, or are listed.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/start_jobs.h"
#include "policies/selection.h"
#include "report/json.h"
#include "report/table.h"

#define GRACE_S (INT64_C(7) * 86400) /* of a policy that is away; the daemon's */

struct arguments {
    bool dry_run, wait, json;
    const char *domain;
};

static bool is_wanted(const struct config *config, const struct checkpoint *k)
{
    const struct config_policy *p = config_policy_find(config, k->policy);

    return p && config_host_find(config, k->host) &&
           selection_matches_domain(&p->domains, k->host, k->domain);
}

static bool goes(const struct arguments *a, const struct config *config, const struct checkpoint *k)
{
    return k->state == CHECKPOINT_CURRENT && !is_wanted(config, k) &&
           (!a->domain || domain_is_meant(a->domain, k->host, k->domain));
}

static void add_json(json_t *list, const struct checkpoint *k, int64_t away)
{
    json_array_append_new(
        list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "checkpoint", report_json_text(k->name),
                        "domain", report_json_text(k->domain), "host", report_json_text(k->host),
                        "policy", report_json_text(k->policy), "away",
                        away ? report_json_time(away) : json_null(), "released",
                        away ? report_json_time(away + GRACE_S) : json_null()));
}

static void add_row(struct table *t, const struct checkpoint *k, int64_t away)
{
    CLEANUP_FREE char *domain = xasprintf("%s/%s", k->host, k->domain);
    char buf[TIMEFMT_MAX];

    table_cell(t, domain);
    table_cell(t, k->name);
    table_cell(t, k->policy);
    table_cell(t, away ? time_local(away, buf) : "not known");
    table_cell(t, away ? time_local(away + GRACE_S, buf) : "7 days after it is");
}

static int dry_run(void *arg, const struct config *config, struct catalog *catalog)
{
    static const char *const titles[] = {"DOMAIN", "CHECKPOINT", "POLICY", "AWAY SINCE",
                                         "GOES BY ITSELF"};
    const struct arguments *a = arg;
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    struct checkpoint_list rows = {0};
    struct cover_list all = {0};
    json_t *list = json_array();
    struct err err = ERR_INIT;
    size_t n = 0;

    if (catalog_checkpoints(catalog, NULL, NULL, &rows, &err) < 0 ||
        catalog_coverage(catalog, &all, &err) < 0) {
        checkpoint_list_done(&rows);
        json_decref(list);
        return cli_fail(NULL, &err);
    }
    for (size_t i = 0; i < rows.n; i++) {
        const struct checkpoint *k = &rows.items[i];
        const struct cover_row *c = cover_list_find(&all, k->host, k->domain, k->policy);

        if (!goes(a, config, k))
            continue;
        n++;
        add_json(list, k, c ? c->away : 0);
        add_row(t, k, c ? c->away : 0);
    }
    if (a->json)
        report_json_print(json_incref(list), stdout);
    else if (n > 0)
        table_print(t, stdout);
    if (!a->json)
        printf("%s%zu checkpoint%s would go\n", n > 0 ? "\n" : "", n, plural_s(n));
    json_decref(list);
    checkpoint_list_done(&rows);
    cover_list_done(&all);
    return EXIT_DONE;
}

static int prune(const struct arguments *a)
{
    struct config *config = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = start_jobs(config, "checkpoint-prune", json_pack("{s:s*}", "domain", a->domain),
                          a->wait, a->json);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return a->dry_run ? cli_with_catalog(dry_run, arguments) : prune(a);
}

const struct command cmd_checkpoint_prune = {
    .name = "checkpoint-prune",
    .summary = "delete checkpoints that no policy needs any more",
    .about =
        (const char *const[]){
            "A policy that left the configuration, or does not select a domain any more, leaves "
            "its last checkpoint there: dirty bitmaps, in memory and in the images. If it comes "
            "back within 7 days, it goes on with incrementals; after that the daemon deletes them "
            "itself. This deletes them at once: those of all domains, or of DOMAIN. Checkpoints of "
            "policies that cover their domain, those made by hand, and those that vmkeep did not "
            "make stay. 'vmkeep checkpoint-delete' deletes a single one.",
            "The restore points of such a policy stay, and can be restored: no rule lets go of "
            "them any more, 'vmkeep delete --policy' does.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("DOMAIN", domain), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("dry-run", dry_run,
                  "list them, since when their policies are away, and when they go by themselves; "
                  "change nothing. Works while the daemon is down")},
            {FLAG("wait", wait, "wait for the jobs to end; Ctrl-C ends the waiting, not the jobs")},
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy}]}, with --wait outcome and reason too; "
                  "with --dry-run an array of {checkpoint, domain, host, policy, away, released}")},
            {0}},
    .wants = "name one domain at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "queued, with --wait all were a success"},
                                           {EXIT_FAILED, "failed, with --wait all jobs did"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_PARTLY, "some jobs failed"},
                                           {EXIT_NOT_FOUND, "no domain of that name has one"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-prune --dry-run",
                                      "vmkeep checkpoint-prune web01 --wait", NULL},
    ARGUMENTS,
    .run = run,
};
