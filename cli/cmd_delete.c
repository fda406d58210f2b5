/* SPDX-License-Identifier: MIT
 *
 * vmkeep delete: restore points that are named go, whatever the rules say.  What would go is found
 * here by the same plan as in the daemon (policies/deletion.h), said, and asked for; the daemon
 * does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/near.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/point_choice.h"
#include "cli/start_jobs.h"
#include "cli/store_ask.h"
#include "policies/dates.h"
#include "policies/deletion.h"
#include "report/gather/domains.h"
#include "report/gather/points.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"
#include "report/wrap.h"

struct arguments {
    bool dry_run, force, yes, wait, json, dependents;
    const char *domain, *policy;
    struct strlist points;
};

/* What is found out before anything is asked of the daemon. */
struct plan {
    const struct config *config;
    struct catalog *catalog;
    struct domain_names known;
    struct point_list all;
    struct letting_go_list doomed;
    struct strlist says;  /* what follows, one sentence each */
    struct strlist there; /* names of repositories that were looked at */
};

static void plan_done(struct plan *p)
{
    domain_names_done(&p->known);
    point_list_done(&p->all);
    letting_go_list_done(&p->doomed);
    strlist_done(&p->says);
    strlist_done(&p->there);
}

static bool same_group(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain) &&
           str_eq(a->policy, b->policy) && !a->copy_of == !b->copy_of &&
           (!a->copy_of || str_eq(a->repository, b->repository));
}

/* ---- what is named ---- */

static int check_domain(const struct arguments *a, const struct point_list *all, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = a->domain};
    struct near near = {.text = a->domain};

    if (!a->domain)
        return 0;
    for (size_t i = 0; i < all->n; i++)
        domain_search_offer(&s, all->items[i].host, all->items[i].domain);
    if (s.host)
        return domain_search_end(&s, err);
    for (size_t i = 0; i < all->n; i++)
        near_domain(&near, all->items[i].host, all->items[i].domain);
    err_set(err, ERR_NOTFOUND, "'%s': no domain of that name has a point", a->domain);
    return near_ask(&near, err);
}

static void add_group(const struct arguments *a, const struct point_list *all, bool copies,
                      struct strlist *ret)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct point *p = &all->items[i];

        if (!p->copy_of == !copies &&
            (!a->domain || domain_is_meant(a->domain, p->host, p->domain)) &&
            (!a->policy || str_eq(a->policy, p->policy)))
            strlist_add(ret, p->id);
    }
}

/* All of a domain, of a policy, or of both; their copies stay, unless there is nothing else. */
static int name_group(const struct arguments *a, const struct point_list *all, struct strlist *ret,
                      struct err *err)
{
    if (check_domain(a, all, err) < 0)
        return -1;
    add_group(a, all, false, ret);
    if (ret->n == 0)
        add_group(a, all, true, ret);
    if (ret->n > 0)
        return 0;
    return err_set(err, ERR_NOTFOUND, "no point%s%s under policy %s", a->domain ? " of " : "",
                   a->domain ? a->domain : "", a->policy);
}

static int name_points(const struct arguments *a, const struct point_list *all, struct strlist *ret,
                       struct err *err)
{
    if (a->domain || a->policy)
        return name_group(a, all, ret, err);
    for (size_t i = 0; i < a->points.n; i++) {
        const struct point *p = NULL;

        if (point_choose_id(all, a->points.items[i], &p, err) < 0)
            return -1;
        if (!strlist_has(ret, p->id))
            strlist_add(ret, p->id);
    }
    return 0;
}

/* ---- what follows ---- */

static void say(struct plan *p, char *sentence)
{
    strlist_add(&p->says, sentence);
    free(sentence);
}

/* A policy that does not cover the domain any more makes no backup of it. */
static void say_of_checkpoint(struct plan *p, const struct point *head)
{
    if (point_is_covered(p->config, &p->known, head))
        say(p, xasprintf("The next backup of %s/%s under policy %s is a full: its checkpoint goes "
                         "with the point.",
                         head->host, head->domain, head->policy));
    else
        say(p, xasprintf("The checkpoint of %s/%s under policy %s goes with the point.", head->host,
                         head->domain, head->policy));
}

/* Of one group: is a good one left, and can the next backup be based on what is left? */
static int say_of_group(struct plan *p, const struct point_list *group,
                        const struct letting_go_list *doomed, struct err *err)
{
    const struct point *head = &group->items[0];
    struct checkpoint_list rows = {0};
    bool left = false;

    for (size_t i = 0; i < group->n; i++)
        left = left || (group->items[i].state == POINT_GOOD &&
                        !letting_go_find(doomed, group->items[i].id));
    if (!left)
        say(p, xasprintf("No good point of %s/%s under policy %s is left.", head->host,
                         head->domain, head->policy));
    if (catalog_checkpoints(p->catalog, head->host, head->domain, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++)
        for (size_t k = 0; k < group->n; k++)
            if (rows.items[i].state == CHECKPOINT_CURRENT &&
                str_eq(rows.items[i].name, group->items[k].checkpoint) &&
                letting_go_find(doomed, group->items[k].id))
                say_of_checkpoint(p, head);
    checkpoint_list_done(&rows);
    return 0;
}

#define IF_LOST                                                                                    \
    "if it is lost for ever, 'vmkeep repository forget %s' takes its points out of the catalog"

/* Each is looked at once.  Where we may not look, the daemon may. */
static int look_at_repository(struct plan *p, const struct config_repository *c, const char *id,
                              struct err *err)
{
    CLEANUP_FREE char *problem = NULL;
    struct store_space space = {0};

    if (strlist_has(&p->there, c->name))
        return 0;
    strlist_add(&p->there, c->name);
    if (store_ask_probe(c->path, id, &space, err) == 0)
        return space.read_only ? err_set(err, ERR_DENIED,
                                         "repository %s: %s is mounted read-only: nothing can be "
                                         "deleted there",
                                         c->name, c->path)
                               : 0;
    if (err->code == ERR_TIMEOUT)
        return err_wrap(err, "repository %s", c->name);
    problem = xstrdup(err->msg);
    if (err->code != ERR_DENIED)
        return err_set(err, ERR_NOTFOUND, "repository %s: %s (" IF_LOST ")", c->name, problem,
                       c->name);
    *err = ERR_INIT;
    return 0;
}

static int check_repository(struct plan *p, const struct point *point, struct err *err)
{
    CLEANUP(catalog_repository_done) struct catalog_repository known = {0};
    const struct config_repository *c = config_repository_find(p->config, point->repository);
    bool found;

    if (!c)
        return err_set(err, ERR_NOTFOUND,
                       "%s is in repository %s, which is not configured; " IF_LOST, point->id,
                       point->repository, point->repository);
    if (catalog_repository(p->catalog, point->repository, &known, &found, err) < 0)
        return -1;
    if (found && point->repository_id && !str_eq(known.id, point->repository_id))
        return err_set(err, ERR_NOTFOUND, "%s is in repository %s, and %s has its place; " IF_LOST,
                       point->id, point->repository_id, known.id, point->repository_id);
    return look_at_repository(p, c, found ? known.id : NULL, err);
}

/* The group of head, of those that are named what is in it: into the plan. */
static int plan_group(const struct arguments *a, struct plan *p, const struct point *head,
                      const struct strlist *named, struct err *err)
{
    CLEANUP(strlist_done) struct strlist asked = {0};
    CLEANUP(letting_go_list_done) struct letting_go_list doomed = {0};
    const struct deletion d = {
        .asked = &asked, .dependents = a->dependents, .force = a->force, .now = time(NULL)};
    struct point_list group = {0}; /* borrows */
    int rc;

    for (size_t i = 0; i < p->all.n; i++) {
        if (!same_group(head, &p->all.items[i]))
            continue;
        *VEC_ADD(&group) = p->all.items[i];
        if (strlist_has(named, p->all.items[i].id))
            strlist_add(&asked, p->all.items[i].id);
    }
    points_judge_dates(&group, time(NULL));
    rc = deletion_plan(&group, &d, &doomed, err);
    for (size_t i = 0; i < doomed.n && rc == 0; i++) {
        rc = check_repository(p, point_list_find(&group, doomed.items[i].id), err);
        *VEC_ADD(&p->doomed) = (struct letting_go){
            xstrdup(doomed.items[i].id), xstrdup(doomed.items[i].into), doomed.items[i].moved};
    }
    if (rc == 0)
        rc = say_of_group(p, &group, &doomed, err);
    free(group.items);
    return rc;
}

static int make_plan(const struct arguments *a, struct plan *p, struct err *err)
{
    static const struct point_filter all = {.copies = true};
    CLEANUP(strlist_done) struct strlist named = {0};

    if (domains_known(p->config, p->catalog, &p->known, err) < 0 ||
        points_gather(p->catalog, &all, time(NULL), &p->all, err) < 0 ||
        name_points(a, &p->all, &named, err) < 0)
        return -1;
    for (size_t i = 0; i < named.n; i++) {
        const struct point *head = point_list_find(&p->all, named.items[i]);
        bool seen = false;

        for (size_t k = 0; k < i; k++)
            seen = seen || same_group(head, point_list_find(&p->all, named.items[k]));
        if (!seen && plan_group(a, p, head, &named, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- what is said ---- */

/* In the order in which points are listed, oldest first: the catalog's. */
static void sort_doomed(struct plan *p)
{
    struct letting_go_list sorted = {0};

    for (size_t i = 0; i < p->all.n; i++) {
        const struct letting_go *l = letting_go_find(&p->doomed, p->all.items[i].id);

        if (l)
            *VEC_ADD(&sorted) = (struct letting_go){xstrdup(l->id), xstrdup(l->into), l->moved};
    }
    letting_go_list_done(&p->doomed);
    p->doomed = sorted;
}

static void print_json(const struct plan *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->doomed.n; i++) {
        const struct point *q = point_list_find(&p->all, p->doomed.items[i].id);

        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o}", "id",
                            report_json_text(q->id), "domain", report_json_text(q->domain), "host",
                            report_json_text(q->host), "policy", report_json_text(q->policy),
                            "created", report_json_time(q->created), "kind", level_name(q->level),
                            "state", point_state_text(q, false), "bytes",
                            report_json_number((int64_t)point_bytes(q)), "merged_into",
                            report_json_text(p->doomed.items[i].into)));
    }
    report_json_print(list, stdout);
}

static void print_text(const struct plan *p)
{
    static const char *const titles[] = {"TIME", "KIND", "STATE", ">SIZE", "~POINT"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    char buf[TIMEFMT_MAX], size[SIZE_TEXT_MAX];
    uint64_t bytes = 0;
    bool merges = false;

    for (size_t i = 0; i < p->doomed.n; i++) {
        const struct point *q = point_list_find(&p->all, p->doomed.items[i].id);

        table_cell(t, time_local(q->created, buf));
        table_cell(t, level_name(q->level));
        table_cell(t, point_state_text(q, true));
        table_cell(t, size_text(point_bytes(q), size));
        table_cell(t, q->id);
        bytes += point_bytes(q);
        merges = merges || p->doomed.items[i].into;
    }
    table_print(t, stdout);
    printf("\n%zu point%s would go, %s%s\n", p->doomed.n, plural_s(p->doomed.n),
           merges ? "up to " : "", size_text(bytes, size));
    for (size_t i = 0; i < p->doomed.n; i++)
        if (p->doomed.items[i].into)
            printf("%s is merged into %s, %s are moved\n", p->doomed.items[i].id,
                   p->doomed.items[i].into, size_text(p->doomed.items[i].moved, size));
    for (size_t i = 0; i < p->says.n; i++)
        print_paragraph(stdout, 0, "", p->says.items[i]);
}

/* ---- */

static int ask_daemon(const struct arguments *a, const struct plan *p)
{
    json_t *points = json_array();

    for (size_t i = 0; i < p->doomed.n; i++)
        json_array_append_new(points, json_string(p->doomed.items[i].id));
    return start_jobs(p->config, "delete",
                      json_pack("{s:o, s:b}", "points", points, "force", a->force), a->wait,
                      a->json);
}

static int delete_points(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    CLEANUP(plan_done) struct plan p = {.config = config, .catalog = catalog};
    struct err err = ERR_INIT;
    int code;

    if (make_plan(a, &p, &err) < 0)
        return cli_fail(NULL, &err);
    sort_doomed(&p);
    if (a->dry_run && a->json)
        print_json(&p);
    else if (a->dry_run || !a->yes)
        print_text(&p);
    if (a->dry_run)
        return EXIT_DONE;
    code = cli_confirm("delete", a->yes);
    return code == EXIT_DONE ? ask_daemon(a, &p) : code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    bool by_group = a->domain || a->policy;

    if (by_group && a->points.n > 0)
        return cli_usage("delete", "--domain and --policy mean all points of theirs: name points, "
                                   "or give these");
    if (by_group == (a->points.n > 0))
        return cli_usage("delete", "%s", cmd_delete.wants);
    if (a->json && !a->yes && !a->dry_run)
        return cli_usage("delete", "--json asks nobody: say --yes, or --dry-run");
    return cli_with_catalog(delete_points, arguments);
}

const struct command cmd_delete = {
    .name = "delete",
    .summary = "delete restore points by name",
    .synopses =
        (const char *const[]){
            "[--dry-run] [--with-dependents] [--force] [--yes] [--wait] [--json] POINT...",
            "[--dry-run] [--force] [--yes] [--wait] [--json] [--domain DOMAIN] [--policy POLICY]",
            NULL},
    .about =
        (const char *const[]){
            "Deletes the restore points that are named, or all of a domain, of a policy, or of a "
            "domain under a policy, whatever the rules say: damaged and missing ones, those that "
            "are set aside, and those of policies and domains that left the configuration, which "
            "no rule ever lets go of. Says what would go, and asks.",
            "A point on which another one is based is merged into that: what the other one holds "
            "stays as it is. Where that cannot be, because two are based on it, or one of them is "
            "damaged or set aside, it is refused, with their names. --with-dependents deletes all "
            "that is based on it, too, in place of merging. The last good point of a domain under "
            "a policy goes with --force only. A pinned point is refused, with --force too: 'vmkeep "
            "unpin' first.",
            "With the point that was made last goes the checkpoint that the next incremental would "
            "be made from: the next backup is a full, and says why.",
            "The daemon does it, as a job. What lies in a repository that is lost cannot be "
            "deleted: 'vmkeep repository forget' takes that out of the catalog.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERANDS("POINT", points), .optional = true, .words = WORD_POINT}, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("domain", "DOMAIN", domain, "all points of that domain"), .words = WORD_DOMAIN},
            {TEXT("policy", "POLICY", policy,
                  "all points of that policy, which need not be in the "
                  "configuration any more"),
             .words = WORD_POLICY},
            {FLAG("with-dependents", dependents, "also the points that are based on them")},
            {FLAG("force", force, "also the last good point of a domain under a policy")},
            {FLAG("dry-run", dry_run,
                  "say what would go, and change nothing. Works while the daemon is down")},
            {FLAG("yes", yes, "do not ask")},
            WAIT_OPTION,
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy, joined}]}, "
                  "with --wait outcome, reason and reasons too; "
                  "with --dry-run an array of {id, domain, host, policy, created, kind, state, "
                  "bytes, merged_into}; merged_into is null where nothing is based on it")},
            {0}},
    .wants = "name points, or --domain, --policy or both",
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "queued, with --wait all were a success"},
            {EXIT_FAILED, "failed, or refused: no good point would be left, or one is pinned"},
            {EXIT_USAGE, "bad usage or configuration, or there is no terminal to ask on"},
            {EXIT_PARTLY, "some jobs failed, or were skipped"},
            {EXIT_NOT_FOUND, "no such point, or its repository is not there"},
            {EXIT_BUSY, "refused: others are based on one of them, and it cannot be merged"},
            {EXIT_NO_DAEMON, "the daemon cannot be reached"},
            {EXIT_DAMAGED, "the catalog is damaged"},
            {EXIT_INTERRUPTED, "answered with no, or interrupted"},
            {0}},
    .examples = (const char *const[]){"vmkeep delete web01/2026-11-23T02-30-00Z.nightly --dry-run",
                                      "vmkeep delete --domain web01 --policy old --force", NULL},
    ARGUMENTS,
    .run = run,
};
