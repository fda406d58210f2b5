/* SPDX-License-Identifier: MIT
 *
 * vmkeep copy: points into a second repository, or what would be copied.  The dry run makes the
 * same plan as the daemon, of the same facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "cli/start_jobs.h"
#include "policies/copying.h"
#include "policies/dates.h"
#include "report/gather/status.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"
#include "report/wrap.h"
#include "storage/catalog/catalog_copy.h"

struct arguments {
    const char *target, *to;
    bool dry_run, wait, json;
};

struct dry_run {
    const struct arguments *a;
    const struct config *config;
    struct catalog *catalog;
    struct zone *zone;
    int64_t now;
    json_t *list;
    struct table *table;
    size_t n, groups;
    uint64_t bytes;
};

static const char *how(const struct copy_step *s)
{
    return s->carried              ? "no rule keeps it, but a later one stands on it"
           : s->on || s->after     ? "changes since the copy that it stands on"
           : s->of->parent != NULL ? "all of it: nothing that it stands on is there"
                                   : "a full";
}

static void add(struct dry_run *run, const struct copy_step *s)
{
    const char *on = s->after ? s->after->id : s->on ? s->on->copy_of : NULL;
    char size[SIZE_TEXT_MAX];

    run->n++;
    run->bytes += s->bytes;
    if (run->a->json) {
        json_array_append_new(
            run->list,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "id", report_json_text(s->of->id),
                      "repository", report_json_text(run->a->to), "kind",
                      report_json_text(level_name(on ? LEVEL_INCREMENTAL : LEVEL_FULL)), "on",
                      report_json_text(on), "bytes", report_json_number((int64_t)s->bytes), "why",
                      report_json_text(how(s)), "carried", s->carried));
        return;
    }
    table_cell(run->table, level_name(on ? LEVEL_INCREMENTAL : LEVEL_FULL));
    table_cell(run->table, size_text(s->bytes, size));
    table_cell(run->table, s->of->id);
    table_cell(run->table, how(s));
}

/* The points of one domain and policy. */
static int plan_group(struct dry_run *run, struct point_list *group, struct err *err)
{
    const struct point *head = &group->items[0];
    const struct config_copies *c =
        config_copies_find(config_policy_find(run->config, head->policy), run->a->to);
    CLEANUP(point_list_done) struct point_list copies = {0};
    struct copy_step_list steps = {0};

    if (!c)
        return 0;
    run->groups++;
    if (catalog_copies_in(run->catalog, head->host, head->domain, head->policy, run->a->to, &copies,
                          err) < 0)
        return -1;
    points_judge_dates(group, run->now);
    copying_plan(&(struct copying_rules){&c->keep, run->zone, run->now}, group, &copies, &steps);
    for (size_t i = 0; i < steps.n; i++)
        add(run, &steps.items[i]);
    free(steps.items);
    return 0;
}

static bool same_group(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain) && str_eq(a->policy, b->policy);
}

static bool is_meant(const struct dry_run *run, const struct point *p)
{
    const char *target = run->a->target;

    if (!target)
        return true;
    return config_policy_find(run->config, target) ? str_eq(p->policy, target)
                                                   : domain_is_meant(target, p->host, p->domain);
}

static int plan_all(struct dry_run *run, struct err *err)
{
    const struct point_filter all = {0};
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP_FREE bool *taken = NULL;
    int rc = 0;

    if (catalog_points(run->catalog, &all, &points, err) < 0)
        return -1;
    taken = xcalloc(points.n + 1, sizeof(*taken));
    for (size_t i = 0; i < points.n && rc == 0; i++) {
        struct point_list group = {0};

        for (size_t k = i; k < points.n; k++) {
            if (taken[k] || !is_meant(run, &points.items[k]) ||
                !same_group(&points.items[i], &points.items[k]))
                continue;
            taken[k] = true;
            *VEC_ADD(&group) = points.items[k]; /* borrows what it points at */
        }
        if (group.n > 0)
            rc = plan_group(run, &group, err);
        free(group.items);
    }
    return rc;
}

static void print(const struct dry_run *run)
{
    char size[SIZE_TEXT_MAX];

    if (run->a->json) {
        report_json_print(json_incref(run->list), stdout);
        return;
    }
    table_print(run->table, stdout);
    if (run->n > 0)
        putchar('\n');
    print_paragraphf(stdout, 0, "", "%zu point%s would be copied into %s, about %s", run->n,
                     plural_s(run->n), run->a->to, size_text(run->bytes, size));
}

static int dry_run(void *arg, const struct config *config, struct catalog *catalog)
{
    static const char *const titles[] = {"KIND", ">SIZE", "/POINT", "~HOW"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    struct dry_run run = {.a = arg,
                          .config = config,
                          .catalog = catalog,
                          .now = time(NULL),
                          .table = t,
                          .list = json_array()};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (!config_repository_find(config, run.a->to)) {
        err_set(&err, ERR_NOTFOUND, "no repository is called '%s'", run.a->to);
        code = cli_fail(NULL, &err);
    } else if (sources_zone(catalog, &run.zone, &err) < 0 || plan_all(&run, &err) < 0) {
        code = cli_fail(NULL, &err);
    } else {
        print(&run);
    }
    json_decref(run.list);
    zone_free(run.zone);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (!a->to)
        return cli_usage("copy", "--to says into which repository");
    return a->dry_run
               ? cli_with_catalog(dry_run, arguments)
               : start_jobs_only("copy", json_pack("{s:s, s:s*}", "to", a->to, "target", a->target),
                                 a->wait, a->json);
}

const struct command cmd_copy = {
    .name = "copy",
    .summary = "copy points into a second repository",
    .about =
        (const char *const[]){
            "Asks the daemon to copy points into the repository REPOSITORY, which a policy names "
            "under copy_to: those of every domain, of those that POLICY covers, or of DOMAIN. The "
            "daemon does that by itself after each backup, or when the schedule there says so; a "
            "repository that was away is caught up when it is there again. Without --wait, how the "
            "jobs end is to be asked for: 'vmkeep jobs'.",
            "Copied is what the copies' own rules would keep now, oldest first, and only what has "
            "changed since a copy that is there. A copy is a point of its own, which can be "
            "restored, verified and deleted like others; what it holds is compared with the point "
            "that it is a copy of before it counts. What goes in the first repository stays in the "
            "second.",
            "The daemon must run: only it writes to repositories. Without it, --dry-run tells what "
            "there is to copy.",
            NULL},
    .operands =
        (const struct command_operand[]){{OPERAND("POLICY|DOMAIN", target), .optional = true,
                                          .words = WORD_POLICY | WORD_DOMAIN},
                                         {0}},
    .options =
        (const struct command_option[]){
            {TEXT("to", "REPOSITORY", to, "the second repository"), .words = WORD_REPOSITORY,
             .required = true},
            {FLAG("dry-run", dry_run,
                  "print which points would be copied, in which order, and how much that is; "
                  "change nothing. Works while the daemon is down")},
            WAIT_OPTION,
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy, joined}]}, "
                  "with --wait outcome, reason "
                  "and reasons too; with --dry-run an array of {id, repository, kind, on, bytes, "
                  "why, carried}; on is the point whose copy it will stand on, carried that no "
                  "rule keeps it")},
            {0}},
    .wants = "one policy or domain at most",
    .exits = (const struct command_exit[]){STARTED_EXITS,
                                           {EXIT_NOT_FOUND, "no such policy, domain or repository, "
                                                            "or it gets no copies"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep copy --to offsite --dry-run",
                                      "vmkeep copy web01 --to offsite --wait", NULL},
    ARGUMENTS,
    .run = run,
};
