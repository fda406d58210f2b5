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
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/repository_look.h"
#include "cli/sources.h"
#include "cli/start_jobs.h"
#include "policies/dates.h"
#include "policies/letting_go.h"
#include "policies/point_index.h"
#include "policies/retention.h"
#include "report/gather/points.h"
#include "report/gather/status.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"
#include "report/wrap.h"

struct arguments {
    bool dry_run, wait, json;
    const char *target;
};

struct verdicts {
    struct point_list points;        /* all that were asked for */
    struct retention_verdict *items; /* one a point */
    struct letting_go *how;          /* the same; id NULL: it stays */
};

/* What the plan is made of. */
struct dry_run {
    const struct config *config;
    struct catalog *catalog;
    struct domain_names known;
    struct zone *zone;
    int64_t now;
    char *doubt; /* why nothing goes at all; NULL: no reason */
};

/* 0: of one group, which is judged as one. */
static int group_order(const struct point *a, const struct point *b)
{
    int order = strcmp(a->host, b->host);

    if (order == 0)
        order = strcmp(a->domain, b->domain);
    if (order == 0)
        order = strcmp(a->policy, b->policy);
    if (order == 0)
        order = !a->copy_of - !b->copy_of;
    if (order == 0 && a->copy_of)
        order = strcmp(a->repository, b->repository);
    return order;
}

/* Of places in the list; those of a group stay in its order. */
static int by_group(const void *a, const void *b, void *points)
{
    const struct point *items = points;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = group_order(&items[x], &items[y]);

    return order ? order : (x > y) - (x < y);
}

/* By no rule. */
static struct retention_verdict kept_for(const char *code, const char *why)
{
    struct retention_verdict ret = {.keep = true, .reasons = xstrdup(why)};

    strlist_add(&ret.why, why);
    strlist_add(&ret.codes, code);
    return ret;
}

/* What goes of the group, and how; see jobs/prune.c. */
static int find_ways(const struct dry_run *run, const struct point_list *group,
                     const struct retention_verdict *verdicts, const size_t *place,
                     struct verdicts *v, struct err *err)
{
    CLEANUP_FREE bool *goes = xcalloc(group->n + 1, sizeof(*goes));
    CLEANUP_FREE bool *sound = xcalloc(group->n + 1, sizeof(*sound));
    struct checkpoint_list rows = {0};
    struct letting_go_list l = {0};
    struct point_index index;

    if (catalog_checkpoints(run->catalog, group->items[0].host, group->items[0].domain, &rows,
                            err) < 0)
        return -1;
    letting_go_judge(group, verdicts, goes, sound);
    for (size_t i = 0; i < group->n; i++)
        for (size_t k = 0; k < rows.n; k++)
            goes[i] = goes[i] && !(rows.items[k].state == CHECKPOINT_CURRENT &&
                                   str_eq(rows.items[k].name, group->items[i].checkpoint));
    letting_go_plan(group, goes, sound, &l);
    point_index_init(&index, group);
    for (size_t i = 0; i < l.n; i++) {
        const struct point *p = point_index_find(&index, l.items[i].id);

        v->how[place[p - group->items]] = l.items[i];
    }
    point_index_done(&index);
    free(l.items);
    checkpoint_list_done(&rows);
    return 0;
}

/* Judges the group of the points at these places, and puts the verdicts there, too. */
static int judge_group(const struct dry_run *run, const size_t *place, size_t n, struct verdicts *v,
                       struct err *err)
{
    static const struct retention keep_all = {0};
    const struct point *head = &v->points.items[place[0]];
    const struct config_policy *policy = config_policy_find(run->config, head->policy);
    const struct config_copies *copies =
        head->copy_of ? config_copies_find(policy, head->repository) : NULL;
    bool covered = point_is_covered(run->config, &run->known, head);
    CLEANUP_FREE bool *whole = xcalloc(n, sizeof(*whole));
    struct retention_verdict *verdicts = NULL;
    struct point_list group = {0};
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        *VEC_ADD(&group) = v->points.items[place[i]]; /* borrows what it points at */
        whole[i] = group.items[i].state == POINT_GOOD;
    }
    points_judge_dates(&group, run->now);
    if (covered && !run->doubt) {
        retention_plan(copies          ? &copies->keep
                       : head->copy_of ? &keep_all
                                       : &policy->keep,
                       run->zone, &group, whole, run->now, &verdicts);
        rc = find_ways(run, &group, verdicts, place, v, err);
    }
    for (size_t i = 0; i < group.n; i++)
        v->items[place[i]] = run->doubt ? kept_for("clock", run->doubt)
                             : covered
                                 ? verdicts[i]
                                 : kept_for("not-covered", "its policy does not cover it any more");
    free(verdicts);
    free(group.items);
    return rc;
}

static int judge_all(const struct dry_run *run, struct verdicts *v, struct err *err)
{
    size_t n = v->points.n, end;
    CLEANUP_FREE size_t *places = xcalloc(n + 1, sizeof(*places));

    v->items = xcalloc(n + 1, sizeof(*v->items));
    v->how = xcalloc(n + 1, sizeof(*v->how));
    bool sorted = true; /* as the catalog has them, where each domain has one policy */

    for (size_t i = 0; i < n; i++) {
        places[i] = i;
        sorted =
            sorted && (i == 0 || group_order(&v->points.items[i - 1], &v->points.items[i]) <= 0);
    }
    if (!sorted)
        qsort_r(places, n, sizeof(*places), by_group, v->points.items);
    for (size_t i = 0; i < n; i = end) {
        const struct point *head = &v->points.items[places[i]];

        for (end = i + 1; end < n && group_order(head, &v->points.items[places[end]]) == 0;)
            end++;
        if (judge_group(run, &places[i], end - i, v, err) < 0)
            return -1;
    }
    return 0;
}

static void verdicts_done(struct verdicts *v)
{
    for (size_t i = 0; v->how && i < v->points.n; i++) {
        free(v->how[i].id);
        free(v->how[i].into);
    }
    free(v->how);
    retention_verdicts_free(v->items, v->points.n);
    point_list_done(&v->points);
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
    struct report_json_array list = {.out = stdout};

    for (size_t i = 0; i < v->points.n; i++) {
        const struct point *p = &v->points.items[i];

        report_json_add(
            &list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "id",
                             report_json_text(p->id), "domain", report_json_text(p->domain), "host",
                             report_json_text(p->host), "policy", report_json_text(p->policy),
                             "created", report_json_time(p->created), "bytes",
                             report_json_number((int64_t)point_bytes(p)), "keep", !v->how[i].id,
                             "merged_into", report_json_text(v->how[i].into), "moved",
                             report_json_number((int64_t)v->how[i].moved), "reasons",
                             reasons_json(&v->items[i])));
    }
    report_json_end(&list);
}

/* Without host and domain, which stand in the column beside. */
static const char *point_name(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

static void print_text(const struct verdicts *v)
{
    static const char *const titles[] = {"VERDICT", "KIND", ">SIZE", "/POINT", "~WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    uint64_t freed = 0, moved = 0;
    CLEANUP_FREE char *moving = NULL;
    size_t pruned = 0, merged = 0;
    char size[SIZE_TEXT_MAX];

    for (size_t i = 0; i < v->points.n; i++) {
        const struct point *p = &v->points.items[i];
        const struct letting_go *how = &v->how[i];
        CLEANUP_FREE char *into =
            how->into ? xasprintf("no rule keeps it; into %s", point_name(how->into)) : NULL;

        table_cell_coloured(t, how->id ? COLOUR_RED : COLOUR_NONE,
                            how->into ? "merge"
                            : how->id ? "prune"
                                      : "keep");
        table_cell(t, level_name(p->level));
        table_cell(t, size_text(point_bytes(p), size));
        table_cell(t, p->id);
        table_cell(t, into ? into : v->items[i].reasons);
        pruned += how->id != NULL;
        merged += how->into != NULL;
        moved += how->moved;
        freed += how->id ? point_bytes(p) : 0;
    }
    table_print(t, stdout);
    if (v->points.n > 0)
        putchar('\n');
    if (merged > 0)
        moving =
            xasprintf("; %zu of them by merging, which moves %s", merged, size_text(moved, size));
    if (pruned > 0)
        print_paragraphf(stdout, 0, "", "%zu of %zu point%s would go, up to %s%s", pruned,
                         v->points.n, plural_s(v->points.n), size_text(freed, size),
                         moving ? moving : "");
    else if (v->points.n > 0)
        print_paragraphf(stdout, 0, "", "none of %zu point%s would go", v->points.n,
                         plural_s(v->points.n));
    else
        print_paragraph(stdout, 0, "", "There are no restore points.");
}

/* By what rules say they go; but nothing goes from a repository that is not there. */
static int warn_of_absent(const struct dry_run *run, const struct verdicts *v, struct err *err)
{
    CLEANUP(status_looks_done) struct status_looks looks = {0};
    CLEANUP(strlist_done) struct strlist names = {0};

    for (size_t i = 0; i < v->points.n; i++)
        if (!strlist_has(&names, v->points.items[i].repository))
            strlist_add(&names, v->points.items[i].repository);
    if (repository_look(run->config, &names, run->catalog, &looks, err) < 0)
        return -1;
    for (size_t i = 0; i < looks.n; i++)
        if (looks.items[i].problem)
            fprintf(stderr,
                    "vmkeep: prune: repository %s: %s (nothing goes from there as long as that is "
                    "so)\n",
                    run->config->repositories.items[i].name, looks.items[i].problem);
    return 0;
}

static int load_points(const struct arguments *a, const struct config *config,
                       struct catalog *catalog, struct point_list *ret, struct err *err)
{
    struct domain_name domain = {0};
    struct point_filter filter = {.copies = true};
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
    struct dry_run run = {.config = config, .catalog = catalog, .now = time(NULL)};
    struct verdicts v = {0};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (sources_zone(catalog, &run.zone, &err) < 0 ||
        status_clock_doubt(catalog, run.now, &run.doubt, &err) < 0 ||
        domains_known(config, catalog, &run.known, &err) < 0 ||
        load_points(a, config, catalog, &v.points, &err) < 0 || judge_all(&run, &v, &err) < 0 ||
        warn_of_absent(&run, &v, &err) < 0) {
        code = cli_fail(NULL, &err);
    } else {
        if (a->json)
            print_json(&v);
        else
            print_text(&v);
    }
    verdicts_done(&v);
    domain_names_done(&run.known);
    zone_free(run.zone);
    free(run.doubt);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return a->dry_run ? cli_with_catalog(dry_run, arguments)
                      : start_jobs_only("prune", json_pack("{s:s*}", "target", a->target), a->wait,
                                        a->json);
}

const struct command cmd_prune = {
    .name = "prune",
    .summary = "let go of the points that no rule keeps",
    .about =
        (const char *const[]){
            "Asks the daemon to let go of the restore points that no rule keeps: of every domain, "
            "of those that POLICY covers, or of DOMAIN. The daemon prunes by itself after each "
            "backup. One that another point is based on is merged into that: a chain goes on for "
            "ever from one full, and what each point holds stays as it is. Without --wait, how the "
            "jobs end is to be asked for: 'vmkeep jobs'.",
            NULL},
    .operands =
        (const struct command_operand[]){{OPERAND("POLICY|DOMAIN", target), .optional = true,
                                          .words = WORD_POLICY | WORD_DOMAIN},
                                         {0}},
    .options =
        (const struct command_option[]){
            {FLAG("dry-run", dry_run,
                  "print of each point whether it stays, and why, or what it is merged into, how "
                  "much that moves and what is freed; change nothing. Works while the daemon is "
                  "down")},
            WAIT_OPTION,
            {FLAG(
                "json", json,
                "print {jobs: [{id, domain, host, policy, joined}]}, "
                "with --wait outcome, reason and reasons too; "
                "with --dry-run an array of {id, domain, host, policy, created, bytes, keep, "
                "merged_into, moved, reasons: [{code, text}]}; moved is in bytes; code is the name "
                "of a rule (last, daily, within ...), "
                "or oldest, newest, needed, no-rules, no-rule, not-covered, not-seen, damaged, "
                "missing, broken-chain, set-aside, deleting or clock")},
            {0}},
    .wants = "one policy or domain at most",
    .exits = (const struct command_exit[]){STARTED_EXITS,
                                           {EXIT_NOT_FOUND, "no such policy or domain"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep prune --dry-run", "vmkeep prune web01 --wait", NULL},
    ARGUMENTS,
    .run = run,
};
