/* SPDX-License-Identifier: MIT
 *
 * vmkeep prune: let go of what no rule keeps, or say what would go.  The dry run makes the same
 * plan as the daemon, of the same facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/sources.h"
#include "cli/start_jobs.h"
#include "policies/retention.h"
#include "report/gather/points.h"
#include "report/gather/status.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"

struct arguments {
    bool dry_run, wait, json;
    const char *target;
};

struct verdicts {
    struct point_list points;        /* all that were asked for */
    struct retention_verdict *items; /* one a point */
};

/* What the plan is made of. */
struct dry_run {
    const struct config *config;
    struct domain_names known;
    struct zone *zone;
    int64_t now;
    char *doubt; /* why nothing goes at all; NULL: no reason */
};

static bool same_group(const struct point *a, const struct point *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->domain, b->domain) == 0 &&
           strcmp(a->policy, b->policy) == 0;
}

/* By no rule. */
static struct retention_verdict kept_for(const char *code, const char *why)
{
    struct retention_verdict ret = {.keep = true, .reasons = xstrdup(why)};

    strlist_add(&ret.why, why);
    strlist_add(&ret.codes, code);
    return ret;
}

/* Judges the group that begins at first, and puts the verdicts where their points are. */
static void judge_group(const struct dry_run *run, size_t first, struct verdicts *v)
{
    const struct point *head = &v->points.items[first];
    const struct config_policy *policy = config_policy_find(run->config, head->policy);
    bool covered = point_is_covered(run->config, &run->known, head);
    CLEANUP_FREE size_t *place = xcalloc(v->points.n, sizeof(*place));
    CLEANUP_FREE bool *whole = xcalloc(v->points.n, sizeof(*whole));
    struct retention_verdict *verdicts = NULL;
    struct point_list group = {0};

    for (size_t i = first; i < v->points.n; i++) {
        if (!same_group(head, &v->points.items[i]))
            continue;
        place[group.n] = i;
        *VEC_ADD(&group) = v->points.items[i]; /* borrows what it points at */
    }
    for (size_t i = 0; i < group.n; i++)
        whole[i] = group.items[i].state == POINT_GOOD;
    if (covered && !run->doubt)
        retention_plan(&policy->keep, run->zone, &group, whole, run->now, &verdicts);
    for (size_t i = 0; i < group.n; i++)
        v->items[place[i]] = run->doubt ? kept_for("clock", run->doubt)
                             : covered
                                 ? verdicts[i]
                                 : kept_for("not-covered", "its policy does not cover it any more");
    free(verdicts);
    free(group.items);
}

static void judge_all(const struct dry_run *run, struct verdicts *v)
{
    v->items = xcalloc(v->points.n + 1, sizeof(*v->items));
    for (size_t i = 0; i < v->points.n; i++)
        if (!v->items[i].reasons)
            judge_group(run, i, v);
}

static json_t *reasons_json(const struct retention_verdict *v)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < v->why.n; i++)
        json_array_append_new(ret,
                              json_pack("{s:o, s:o}", "code", report_json_text(v->codes.items[i]),
                                        "text", report_json_text(v->why.items[i])));
    return ret;
}

static void print_json(const struct verdicts *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->points.n; i++) {
        const struct point *p = &v->points.items[i];

        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "id",
                            report_json_text(p->id), "domain", report_json_text(p->domain), "host",
                            report_json_text(p->host), "policy", report_json_text(p->policy),
                            "created", report_json_time(p->created), "bytes",
                            report_json_number((int64_t)point_bytes(p)), "keep", v->items[i].keep,
                            "reasons", reasons_json(&v->items[i])));
    }
    report_json_print(list, stdout);
}

static void print_text(const struct verdicts *v)
{
    static const char *const titles[] = {"VERDICT", "KIND", ">SIZE", "/POINT", "~WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    uint64_t freed = 0;
    size_t pruned = 0;
    char size[SIZE_TEXT_MAX];

    for (size_t i = 0; i < v->points.n; i++) {
        const struct point *p = &v->points.items[i];

        table_cell_coloured(t, v->items[i].keep ? COLOUR_NONE : COLOUR_RED,
                            v->items[i].keep ? "keep" : "prune");
        table_cell(t, level_name(p->level));
        table_cell(t, size_text(point_bytes(p), size));
        table_cell(t, p->id);
        table_cell(t, v->items[i].reasons);
        pruned += !v->items[i].keep;
        freed += v->items[i].keep ? 0 : point_bytes(p);
    }
    table_print(t, stdout);
    printf("%s%zu of %zu point%s would go, %s\n", v->points.n > 0 ? "\n" : "", pruned, v->points.n,
           plural_s(v->points.n), size_text(freed, size));
}

static int load_points(const struct arguments *a, const struct config *config,
                       struct catalog *catalog, struct point_list *ret, struct err *err)
{
    struct domain_name domain = {0};
    struct point_filter filter = {0};
    int rc = 0;

    if (a->target && config_policy_find(config, a->target))
        filter.policy = a->target;
    else if (a->target)
        rc = domain_find(config, catalog, a->target, &domain, err);
    if (domain.domain) {
        filter.host = domain.host;
        filter.domain = domain.domain;
    }
    if (rc == 0)
        rc = catalog_points(catalog, &filter, ret, err);
    domain_name_done(&domain);
    return rc;
}

static int dry_run(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct dry_run run = {.config = config, .now = time(NULL)};
    struct verdicts v = {0};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (sources_zone(catalog, &run.zone, &err) < 0 ||
        status_clock_doubt(catalog, run.now, &run.doubt, &err) < 0 ||
        domains_known(config, catalog, &run.known, &err) < 0 ||
        load_points(a, config, catalog, &v.points, &err) < 0) {
        code = cli_fail(NULL, &err);
    } else {
        judge_all(&run, &v);
        if (a->json)
            print_json(&v);
        else
            print_text(&v);
        retention_verdicts_free(v.items, v.points.n);
    }
    point_list_done(&v.points);
    domain_names_done(&run.known);
    zone_free(run.zone);
    free(run.doubt);
    return code;
}

static int prune(const struct arguments *a)
{
    struct config *config = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code =
            start_jobs(config, "prune", json_pack("{s:s*}", "target", a->target), a->wait, a->json);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return a->dry_run ? cli_with_catalog(dry_run, arguments) : prune(a);
}

const struct command cmd_prune = {
    .name = "prune",
    .summary = "let go of the points that no rule keeps",
    .about =
        (const char *const[]){
            "Asks the daemon to let go of the restore points that no rule keeps: of every domain, "
            "of those that POLICY covers, or of DOMAIN. The daemon prunes by itself after each "
            "backup. Without --wait, how the jobs end is to be asked for: 'vmkeep jobs'.",
            NULL},
    .operands =
        (const struct command_operand[]){{OPERAND("POLICY|DOMAIN", target), .optional = true,
                                          .words = WORD_POLICY | WORD_DOMAIN},
                                         {0}},
    .options =
        (const struct command_option[]){
            {FLAG("dry-run", dry_run,
                  "print of each point whether it stays, and why; change nothing. Works while the "
                  "daemon is down")},
            {FLAG("wait", wait, "wait for the jobs to end; Ctrl-C ends the waiting, not the jobs")},
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy}]}, with --wait outcome and reason too; "
                  "with --dry-run an array of {id, domain, host, policy, created, bytes, keep, "
                  "reasons: [{code, text}]}; code is the name of a rule (last, daily, within ...), "
                  "or oldest, newest, needed, no-rules, no-rule, not-covered, not-seen, damaged, "
                  "missing, broken-chain, set-aside, deleting or clock")},
            {0}},
    .wants = "one policy or domain at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "queued, with --wait all were a success"},
                                           {EXIT_FAILED, "failed, with --wait all jobs did, or "
                                                         "were skipped"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_PARTLY, "some jobs failed, or were skipped"},
                                           {EXIT_NOT_FOUND, "no such policy or domain"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep prune --dry-run", "vmkeep prune web01 --wait", NULL},
    ARGUMENTS,
    .run = run,
};
