/* SPDX-License-Identifier: MIT
 *
 * vmkeep points: restore points and the chains they stand in.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "cli/cli.h"
#include "cli/repository_facts.h"
#include "cli/repository_look.h"
#include "base/domain_search.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/dates.h"
#include "report/gather/domains.h"
#include "report/gather/point_json.h"
#include "report/gather/points.h"
#include "report/json.h"
#include "report/points.h"
#include "report/table.h"
#include "report/wrap.h"
#include "storage/repository/repository.h"

struct arguments {
    bool json;
    const char *domain, *repository;
};

/* What is known besides the points; NULL where nothing is: they are read from the repository. */
struct surroundings {
    const struct config *config;
    struct domain_names known;
    struct status_looks looks;
};

/* Why the repository cannot be looked at now; NULL: it can, as far as is known. */
static const char *problem_of(const struct surroundings *s, const char *repository)
{
    for (size_t i = 0; s && repository && i < s->looks.n; i++)
        if (str_eq(s->config->repositories.items[i].name, repository))
            return s->looks.items[i].problem;
    return NULL;
}

static void print_json(const struct point_list *points, const struct surroundings *s)
{
    struct report_json_array list = {.out = stdout};
    CLEANUP(point_copies_done) struct point_copies copies = {0};

    point_copies_init(&copies, points);
    for (size_t i = 0; i < points->n; i++)
        report_json_add(&list, point_json(&points->items[i], &copies,
                                          problem_of(s, points->items[i].repository), time(NULL)));
    report_json_end(&list);
}

static bool is_pinned(const struct point *p)
{
    return pin_holds(&p->pin, time(NULL));
}

static bool same_group(const struct point *a, const struct point *b)
{
    return strcmp(a->domain, b->domain) == 0 && strcmp(a->policy, b->policy) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->repository, b->repository) == 0 &&
           !a->copy_of == !b->copy_of;
}

/* above: the row above in the same group, or NULL. */
static void add_row(struct table *t, const struct point_list *points, const struct point *p,
                    const struct point *above)
{
    CLEANUP_FREE char *name = point_short_name(points, p), *state = NULL;
    enum table_colour colour = p->state == POINT_GOOD && !p->set_aside ? COLOUR_NONE : COLOUR_RED;
    const struct point *parent = p->parent ? point_list_find(points, p->parent) : NULL;
    char time[TIMEFMT_MAX], size[SIZE_TEXT_MAX];

    table_cellf(t, "  %.16s", time_local(p->created, time));
    if (!p->parent || (above && strcmp(above->id, p->parent) == 0))
        table_cellf(t, "%s%s", p->parent ? "  " : "", level_name(p->level));
    else
        table_cellf(t, "  %s on %.16s", level_name(p->level),
                    parent ? time_local(parent->created, time) : p->parent);
    table_cell(t, size_text(point_bytes(p), size));
    state = xasprintf("%s%s", point_state_text(p, true), is_pinned(p) ? ", pinned" : "");
    table_cell_coloured(t, colour, state);
    table_cell(t, name);
}

/* Why some of the group are not good. */
static void print_problems(const struct point_list *points, const struct point *head)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];
        CLEANUP_FREE char *line = NULL;

        if (!p->problem || !same_group(p, head))
            continue;
        line = xasprintf("%s: %s: %s", point_state_name(p->state), p->id, p->problem);
        print_paragraph(stdout, 2, "  ", line);
    }
}

static void print_pins(const struct point_list *points, const struct point *head)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct point *p = &points->items[i];
        CLEANUP_FREE char *text = NULL;

        if (!same_group(p, head) || !is_pinned(p))
            continue;
        text = pin_text_local(&p->pin);
        print_paragraphf(stdout, 2, "  ", "%s: %s", p->id, text);
    }
}

/* The points of one domain, policy and repository, the first of which is points->items[first]. */
static void print_group(const struct point_list *points, size_t first, const struct surroundings *s)
{
    static const char *const titles[] = {"  TIME", "KIND", ">SIZE", "STATE", "~POINT"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    const struct point *head = &points->items[first], *above = NULL;
    bool covered = !s || point_is_covered(s->config, &s->known, head);
    const char *problem = problem_of(s, head->repository);
    CLEANUP_FREE char *title =
        xasprintf("%s/%s, policy %s%s, %srepository %s%s%s", head->host, head->domain, head->policy,
                  covered ? "" : " (which does not cover it any more: they stay)",
                  head->copy_of ? "copies in " : "", head->repository,
                  problem ? "; states are as they were last, for it cannot be looked at now: " : "",
                  problem ? problem : "");

    for (size_t i = first; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (!same_group(p, head))
            continue;
        add_row(t, points, p, above);
        above = p;
    }
    print_paragraph(stdout, 0, "", title);
    table_print(t, stdout);
    print_problems(points, head);
    print_pins(points, head);
}

/* of: whose they would be; NULL: anybody's. */
static void print_text(const struct point_list *points, const char *of,
                       const struct surroundings *s)
{
    if (points->n == 0 && of)
        printf("There are no restore points of %s.\n", of);
    else if (points->n == 0)
        puts("There are no restore points.");
    for (size_t i = 0; i < points->n; i++) {
        bool printed = false;

        /* Points come by domain, so that its groups are near. */
        for (size_t k = i;
             k-- > 0 && !printed && strcmp(points->items[k].domain, points->items[i].domain) == 0;)
            printed = same_group(&points->items[k], &points->items[i]);
        if (printed)
            continue;
        if (i > 0)
            putchar('\n');
        print_group(points, i, s);
    }
}

static void surroundings_done(struct surroundings *s)
{
    domain_names_done(&s->known);
    status_looks_done(&s->looks);
}

static int look_around(struct surroundings *s, struct catalog *catalog,
                       const struct point_list *points, struct err *err)
{
    CLEANUP(strlist_done) struct strlist used = {0};

    for (size_t i = 0; i < points->n; i++)
        if (points->items[i].repository && !strlist_has(&used, points->items[i].repository))
            strlist_add(&used, points->items[i].repository);
    return domains_known(s->config, catalog, &s->known, err) < 0
               ? -1
               : repository_look(s->config, &used, catalog, &s->looks, err);
}

static int list(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct domain_name domain = {0};
    struct point_list points = {0};
    struct point_filter filter;
    CLEANUP(surroundings_done) struct surroundings around = {.config = config};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (a->domain && domain_find(config, catalog, a->domain, &domain, &err) < 0)
        return cli_fail(NULL, &err);
    filter = (struct point_filter){.host = domain.host, .domain = domain.domain, .copies = true};
    if (points_gather(catalog, &filter, time(NULL), &points, &err) < 0 ||
        look_around(&around, catalog, &points, &err) < 0)
        code = cli_fail(NULL, &err);
    else if (a->json)
        print_json(&points, &around);
    else
        print_text(&points, a->domain, &around);
    point_list_done(&points);
    domain_name_done(&domain);
    return code;
}

/* ---- of a repository, without a catalog ---- */

/* Those of one domain, in the order in which the catalog lists them. */
static void choose(struct point_list *points, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < points->n; i++) {
        struct point *p = &points->items[i];

        if (domain_is_meant(name, p->host, p->domain))
            points->items[n++] = *p;
        else
            point_done(p);
    }
    points->n = n;
}

static int list_repository(const struct arguments *a)
{
    CLEANUP_FREE char *path = NULL;
    struct point_list points = {0};
    struct strlist damaged = {0};
    struct err err = ERR_INIT;
    int code = repository_locate("points", a->repository, &path);

    if (code != EXIT_DONE)
        return code;
    if (repository_open(path, false, &err) < 0 ||
        repository_list(path, &points, &damaged, &err) < 0)
        code = cli_fail(NULL, &err);
    for (size_t i = 0; i < points.n; i++)
        if (!points.items[i].repository)
            points.items[i].repository = xstrdup(path);
    points_judge_dates(&points, time(NULL));
    if (code == EXIT_DONE && a->domain) {
        choose(&points, a->domain);
        if (points.n == 0) {
            err_set(&err, ERR_NOTFOUND, "%s has no points of a domain %s", path, a->domain);
            code = cli_fail(NULL, &err);
        }
    }
    for (size_t i = 0; i < damaged.n; i++) {
        fprintf(stderr, "vmkeep: %s\n", damaged.items[i]);
        code = EXIT_PARTLY;
    }
    if (code == EXIT_DONE || code == EXIT_PARTLY)
        a->json ? print_json(&points, NULL) : print_text(&points, NULL, NULL);
    point_list_done(&points);
    strlist_done(&damaged);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return a->repository ? list_repository(a) : cli_with_catalog(list, arguments);
}

const struct command cmd_points = {
    .name = "points",
    .summary = "restore points and their chains",
    .about =
        (const char *const[]){
            "Lists restore points, of every domain or of DOMAIN, oldest first; an incremental is "
            "indented below what it stands on. A point's id is HOST/DOMAIN/POINT; the end of it, "
            "as it is listed, will do wherever only one point has it. Points whose policy does not "
            "cover them any more stay until somebody deletes them. Works while the daemon is down.",
            "Copies that a policy's copy_to has made in a second repository are listed after the "
            "points, as chains of their own; a point's own name means its copy, too, where the "
            "point itself cannot be had.",
            "STATE is good; damaged; missing; deleting; or set aside (in JSON set-aside): its date "
            "cannot be right, for a clock was wrong. It can be restored by its id, and counts for "
            "no rule; see vmkeepd(8). One that is pinned ('vmkeep pin') says so. Their "
            "repositories are looked at now, for 3 seconds at most: "
            "of one that is not there, the states are those that were seen last, and it is said.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("DOMAIN", domain), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("repository", "NAME|PATH", repository,
                  "as they lie in that repository, whatever the catalog says; with a path neither "
                  "catalog nor configuration is needed"),
             .words = WORD_REPOSITORY | WORD_DIRECTORY},
            {FLAG(
                "json", json,
                "print an array of {id, domain, host, policy, kind, parent, created, checkpoint, "
                "mode, state, disks: [{name, path, format, capacity, bytes, digest, content}], "
                "missing: [NAME], left_out: [{name, why}], read: {proven, at, percent, result}, "
                "copy_of, copies, pin: null or {until, note}, repository_problem, ...}; "
                "a disk's path "
                "is its file's name in REPOSITORY/ID/, content the digest of what a guest reads of "
                "it, digest that of the file (points of older versions only); copies are {id, "
                "repository, state}, points of their own, each with copy_of; missing are disks "
                "that an older point has, left_out is what else was attached, and why it is not in "
                "it")},
            {0}},
    .wants = "one domain at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_PARTLY, "a point's manifest cannot be read"},
                                           {EXIT_NOT_FOUND,
                                            "no such domain or repository, or no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep points web01", "vmkeep points --json | jq -r '.[-1].id'",
                              "vmkeep points --repository /srv/backup", NULL},
    ARGUMENTS,
    .run = run,
};
