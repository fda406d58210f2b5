/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-prune: checkpoints that no policy needs any more go at once, or are listed.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/start_jobs.h"
#include "policies/selection.h"
#include "report/gather/domains.h"
#include "report/gather/status.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"

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

/* Its domain has left the configuration, or its host: nobody can reach it. */
static bool is_nowhere(const struct domain_names *known, const struct checkpoint *k)
{
    return !domain_names_have(known, k->host, k->domain);
}

static bool goes(const struct arguments *a, const struct config *config,
                 const struct domain_names *known, const struct checkpoint *k)
{
    return k->state == CHECKPOINT_CURRENT && *k->policy &&
           (!is_wanted(config, k) || is_nowhere(known, k)) &&
           (!a->domain || domain_is_meant(a->domain, k->host, k->domain));
}

/* Of that name, one with a checkpoint. */
static int check_domain(const char *name, const struct checkpoint_list *rows, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = name};

    for (size_t i = 0; name && i < rows->n; i++)
        domain_search_offer(&s, rows->items[i].host, rows->items[i].domain);
    if (name && !s.host)
        return err_set(err, ERR_NOTFOUND, "no domain '%s' has a checkpoint", name);
    return name ? domain_search_end(&s, err) : 0;
}

/* How to be rid of its bitmaps without vmkeepd. */
static void tell_by_hand(const struct checkpoint *k, bool gone, FILE *out)
{
    CLEANUP_FREE char *disks = NULL;
    CLEANUP_FREE char *text = NULL;

    for (size_t i = 0; i < k->disks.n; i++) {
        char *before = disks;

        disks = xasprintf("%s%s%s.%s", before ? before : "", before ? ", " : "", k->name,
                          k->disks.items[i].name);
        free(before);
    }
    text = xasprintf(
        "%s/%s: vmkeepd has no way to it any more, so its checkpoint %s %s in the catalog "
        "alone. If the domain is there still, its bitmaps stay: %s. Remove them by "
        "QMP's block-dirty-bitmap-remove, or, while it is shut off, by `qemu-img bitmap "
        "--remove IMAGE BITMAP`; or put the domain back into the configuration, and "
        "its next backup does that.",
        k->host, k->domain, k->name, gone ? "was let go of" : "goes", disks ? disks : k->name);
    print_paragraph(out, 0, "", text);
}

static void add_json(json_t *list, const struct checkpoint *k, int64_t away, bool reachable)
{
    json_array_append_new(
        list,
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "checkpoint", report_json_text(k->name),
                  "domain", report_json_text(k->domain), "host", report_json_text(k->host),
                  "policy", report_json_text(k->policy), "away",
                  away ? report_json_time(away) : json_null(), "released",
                  away ? report_json_time(away + GRACE_S) : json_null(), "reachable", reachable));
}

/* The daemon looks every hour, and lets nothing go while the clock is in doubt. */
static void add_release(struct table *t, int64_t away, int64_t now, bool doubt)
{
    char buf[TIMEFMT_MAX];

    if (!away)
        table_cell(t, "7 days after it is");
    else if (doubt)
        table_cell(t, "not while the clock is in doubt");
    else if (away + GRACE_S <= now)
        table_cell(t, "within an hour");
    else
        table_cell(t, time_local(away + GRACE_S, buf));
}

static void add_row(struct table *t, const struct checkpoint *k, int64_t away, int64_t now,
                    bool doubt)
{
    CLEANUP_FREE char *domain = xasprintf("%s/%s", k->host, k->domain);
    char buf[TIMEFMT_MAX];

    table_cell(t, domain);
    table_cell(t, k->name);
    table_cell(t, k->policy);
    table_cell(t, away ? time_local(away, buf) : "not known");
    add_release(t, away, now, doubt);
}

/* What is known of it all. */
struct leaving {
    struct domain_names known;
    struct checkpoint_list rows;
    struct cover_list covers;
};

static void leaving_done(struct leaving *l)
{
    domain_names_done(&l->known);
    checkpoint_list_done(&l->rows);
    cover_list_done(&l->covers);
}

static int look(const struct config *config, struct catalog *catalog, struct leaving *ret,
                struct err *err)
{
    return domains_known(config, catalog, &ret->known, err) < 0 ||
                   catalog_checkpoints(catalog, NULL, NULL, &ret->rows, err) < 0 ||
                   catalog_coverage(catalog, &ret->covers, err) < 0
               ? -1
               : 0;
}

static size_t tell_unreachable(const struct arguments *a, const struct config *config,
                               const struct leaving *l, bool gone, FILE *out)
{
    size_t n = 0;

    for (size_t i = 0; i < l->rows.n; i++) {
        const struct checkpoint *k = &l->rows.items[i];

        if (!goes(a, config, &l->known, k) || !is_nowhere(&l->known, k))
            continue;
        if (n++ == 0 && !gone)
            fputc('\n', out);
        tell_by_hand(k, gone, out);
    }
    return n;
}

static int dry_run(void *arg, const struct config *config, struct catalog *catalog)
{
    static const char *const titles[] = {"/DOMAIN", "CHECKPOINT", "POLICY", "AWAY SINCE",
                                         "GOES BY ITSELF"};
    const struct arguments *a = arg;
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    CLEANUP(leaving_done) struct leaving l = {0};
    CLEANUP_FREE char *doubt = NULL;
    int64_t now = time(NULL);
    json_t *list = json_array();
    struct err err = ERR_INIT;
    size_t n = 0;

    if (look(config, catalog, &l, &err) < 0 || status_clock_doubt(catalog, now, &doubt, &err) < 0 ||
        check_domain(a->domain, &l.rows, &err) < 0) {
        json_decref(list);
        return cli_fail(NULL, &err);
    }
    for (size_t i = 0; i < l.rows.n; i++) {
        const struct checkpoint *k = &l.rows.items[i];
        const struct cover_row *c = cover_list_find(&l.covers, k->host, k->domain, k->policy);

        if (!goes(a, config, &l.known, k))
            continue;
        n++;
        add_json(list, k, c ? c->away : 0, !is_nowhere(&l.known, k));
        add_row(t, k, c ? c->away : 0, now, doubt != NULL);
    }
    if (a->json)
        report_json_print(json_incref(list), stdout);
    else if (n > 0)
        table_print(t, stdout);
    if (!a->json) {
        printf("%s%zu checkpoint%s would go\n", n > 0 ? "\n" : "", n, plural_s(n));
        if (doubt && n > 0)
            print_paragraph(stdout, 0, "", doubt);
        tell_unreachable(a, config, &l, false, stdout);
    }
    json_decref(list);
    return EXIT_DONE;
}

/* What vmkeepd cannot reach it lets go of in the catalog alone: whoever asked is told, by what the
 * catalog said before. */
static int prune(const struct arguments *a)
{
    CLEANUP(leaving_done) struct leaving l = {0};
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    struct err ignored = ERR_INIT;
    int code = cli_load_config(&config);

    if (code != EXIT_DONE)
        return code;
    if (catalog_open(config->catalog, CATALOG_READ, &catalog, &ignored) < 0 ||
        look(config, catalog, &l, &ignored) < 0)
        leaving_done(&l);
    code = start_jobs(config, "checkpoint-prune", json_pack("{s:s*}", "domain", a->domain), a->wait,
                      a->json);
    if (code == EXIT_DONE || code == EXIT_PARTLY)
        tell_unreachable(a, config, &l, true, stderr);
    catalog_close(catalog);
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
            "itself. This deletes them at once: those of all domains, or of DOMAIN. So it is with "
            "the checkpoints of a domain that left the configuration; where the daemon has no way "
            "to it any more, they go in the catalog alone, and how to remove their bitmaps by "
            "hand is said. Checkpoints of "
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
            WAIT_OPTION,
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy, joined}]}, "
                  "with --wait outcome, reason and reasons too; "
                  "with --dry-run an array of {checkpoint, domain, host, policy, away, released, "
                  "reachable}")},
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
