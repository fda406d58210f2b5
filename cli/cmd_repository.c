/* SPDX-License-Identifier: MIT
 *
 * vmkeep repository: what repositories are and whose, how they differ from the catalog; taking one
 * over is in repository_adopt.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/repository_adopt.h"
#include "cli/repository_facts.h"
#include "cli/repository_forget.h"
#include "report/json.h"
#include "report/table.h"
#include "storage/survey.h"

struct arguments {
    bool json, dry_run, yes, force, all;
    const char *what, *name;
    struct strlist domains;
};

/* ---- list ---- */

static json_t *facts_json(const struct repository_facts *f, const char *ours)
{
    json_t *domains = json_array();

    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];
        CLEANUP_FREE char *owner = repository_whose(d, ours);

        json_array_append_new(domains,
                              json_pack("{s:o, s:o, s:o}", "domain", report_json_text(d->name),
                                        "owner", report_json_text(owner), "points",
                                        report_json_number((int64_t)d->points)));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name",
                     report_json_text(f->config->name), "path", report_json_text(f->config->path),
                     "id", report_json_text(f->is_known ? f->known.id : NULL), "found",
                     report_json_text(*f->view.id ? f->view.id : NULL), "state",
                     repository_state(f), "problem",
                     report_json_text(f->problem.code ? f->problem.msg : NULL), "free",
                     report_json_number((int64_t)f->view.free), "total",
                     report_json_number((int64_t)f->view.total), "points",
                     report_json_number((int64_t)f->view.points.n), "domains", domains);
}

static void print_facts(const struct repository_facts *f, const char *ours)
{
    char avail[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

    printf("%s: %s, %s\n", f->config->name, f->config->path, repository_state(f));
    if (f->problem.code != ERR_NONE) {
        printf("  %s\n", f->problem.msg);
        return;
    }
    if (*f->view.id)
        printf("  holds repository %s", f->view.id);
    else
        printf("  an empty directory");
    if (f->is_known && strcmp(f->known.id, f->view.id) != 0)
        printf(", not %s", f->known.id);
    printf("; %zu point%s, %s of %s free\n", f->view.points.n, plural_s(f->view.points.n),
           size_text(f->view.free, avail), size_text(f->view.total, total));
    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];
        CLEANUP_FREE char *owner = repository_whose(d, ours);

        printf("  %s: %zu point%s, ", d->name, d->points, plural_s(d->points));
        print_plain(owner, stdout);
        putchar('\n');
    }
}

static int list(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    json_t *all = json_array();
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    for (size_t i = 0; i < config->repositories.n && code == EXIT_DONE; i++) {
        CLEANUP(repository_facts_done) struct repository_facts f;

        if (repository_gather(&config->repositories.items[i], catalog, &f, &err) < 0)
            code = cli_fail(NULL, &err);
        else if (a->json)
            json_array_append_new(all, facts_json(&f, catalog_id(catalog)));
        else
            print_facts(&f, catalog_id(catalog));
    }
    if (config->repositories.n == 0 && !a->json)
        puts("There are no repositories in the configuration.");
    if (a->json && code == EXIT_DONE)
        report_json_print(all, stdout);
    else
        json_decref(all);
    return code;
}

/* ---- check ---- */

struct differences {
    json_t *list;
    size_t n_harmless; /* of them */
    bool damage;
};

static void differ(struct differences *l, const char *what, const char *about, const char *problem,
                   const char *then)
{
    json_array_append_new(l->list, json_pack("{s:s, s:o, s:o, s:s}", "what", what, "about",
                                             report_json_text(about), "problem",
                                             report_json_text(problem), "then", then));
}

static void compare_points(const struct repository_facts *f, const struct survey *found,
                           const char *ours, struct differences *l)
{
    for (size_t i = 0; i < found->losses.n; i++) {
        const struct survey_loss *loss = &found->losses.items[i];

        differ(l, point_state_name(loss->state), loss->id, loss->problem,
               "nothing stands on it any more, and it counts for no rule");
        l->damage = true;
    }
    for (size_t i = 0; i < found->unknown.n; i++) {
        const struct repository_domain *d = repository_domain_of(f, found->unknown.items[i]);

        if (!d || repository_is_ours(d, ours))
            differ(l, "unknown", found->unknown.items[i], "the catalog does not know it",
                   "it stays; 'vmkeep rebuild-catalog' or 'vmkeep repository adopt' takes it in");
    }
    for (size_t i = 0; i < found->unfinished.n; i++)
        differ(l, "unfinished", found->unfinished.items[i], "in the making, or half removed",
               "its job goes on with it or undoes it; what no job knows stays");
    for (size_t i = 0; i < f->view.damaged.n; i++) {
        differ(l, "unreadable", NULL, f->view.damaged.items[i], "it stays");
        l->damage = true;
    }
}

/* What a read has found in files that are of the right length. */
static void compare_damage(const struct repository_facts *f, const struct point_list *known,
                           const struct survey *found, struct differences *l)
{
    for (size_t i = 0; i < known->n; i++) {
        const struct point *p = &known->items[i];

        if (!p->damage || survey_loss_find(found, p->id) ||
            (p->repository_id && strcmp(p->repository_id, f->view.id) != 0))
            continue;
        differ(l, point_state_name(POINT_DAMAGED), p->id, p->damage,
               "nothing stands on it any more, and it counts for no rule");
        l->damage = true;
    }
}

/* Two daemons may share a repository as long as their domains differ. */
static void compare_owner(const struct repository_domain *d, const struct domain_names *known,
                          const char *ours, struct differences *l)
{
    CLEANUP_FREE char *owner = repository_whose(d, ours);

    if (repository_is_ours(d, ours))
        return;
    if (!repository_is_needed(d, known)) {
        differ(l, "neighbour", d->name, owner, "nothing: we have no domain of that name");
        l->n_harmless++;
        return;
    }
    differ(l, "owner", d->name, owner,
           d->owned || d->problem
               ? "no job of ours works there; 'vmkeep repository adopt' takes it over"
               : "the first backup makes it ours, if its points are");
}

static void compare(const struct repository_facts *f, const struct survey *found,
                    const struct domain_names *known, const char *ours, struct differences *l)
{
    const char *state = repository_state(f);

    if (f->problem.code != ERR_NONE)
        differ(l, state, f->config->name, f->problem.msg, "no job writes there until it is back");
    else if (strcmp(state, "foreign") == 0 || strcmp(state, "empty") == 0)
        differ(l, state, f->config->name, "it is not the repository that the catalog knows",
               "no job writes there; 'vmkeep repository adopt' takes it over");
    else if (found)
        compare_points(f, found, ours, l);
    for (size_t i = 0; i < f->view.domains.n; i++)
        compare_owner(&f->view.domains.items[i], known, ours, l);
}

static void print_differences(const struct differences *l)
{
    static const char *const titles[] = {"WHAT", "/ABOUT", "~PROBLEM", "~THEN"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    json_t *item;
    size_t i;

    json_array_foreach(l->list, i, item)
        for (const char *const *k = (const char *const[]){"what", "about", "problem", "then", NULL};
             *k; k++)
            table_cell(t, json_string_value(json_object_get(item, *k)));
    table_print(t, stdout);
    if (json_array_size(l->list) == l->n_harmless)
        puts("catalog and repository agree");
}

/* Points of the repository that is there, borrowed: of one that is away nothing can be said. */
static struct point_list known_here(const struct repository_facts *f,
                                    const struct point_list *known)
{
    struct point_list ret = {0};

    for (size_t i = 0; i < known->n; i++)
        if (!known->items[i].repository_id ||
            strcmp(known->items[i].repository_id, f->view.id) == 0)
            *VEC_ADD(&ret) = known->items[i];
    return ret;
}

static int survey_here(const struct repository_facts *f, const struct point_list *known,
                       struct survey *ret, struct err *err)
{
    struct point_list here = known_here(f, known);
    const struct survey_scope scope = {.known = &here};
    int rc = repository_survey(f->config->path, &scope, NULL, ret, err);

    free(here.items);
    return rc;
}

static int check_code(const struct differences *l)
{
    if (json_array_size(l->list) == l->n_harmless)
        return EXIT_DONE;
    return l->damage ? EXIT_DAMAGED : EXIT_PARTLY;
}

static int check_one(const struct arguments *a, const struct config *config,
                     const struct config_repository *c, struct catalog *catalog)
{
    const struct point_filter of = {.repository = c->name};
    CLEANUP(repository_facts_done) struct repository_facts f = {0};
    CLEANUP(point_list_done) struct point_list known = {0};
    CLEANUP(survey_done) struct survey found = {0};
    CLEANUP(domain_names_done) struct domain_names domains = {0};
    struct differences l = {.list = json_array()};
    struct err err = ERR_INIT;
    bool good = false;
    int code;

    if (repository_gather(c, catalog, &f, &err) < 0 ||
        domains_known(config, catalog, &domains, &err) < 0 ||
        catalog_points(catalog, &of, &known, &err) < 0 ||
        (f.problem.code == ERR_NONE && !f.view.is_new &&
         survey_here(&f, &known, &found, &err) < 0)) {
        json_decref(l.list);
        return cli_fail(c->name, &err);
    }
    good = f.problem.code == ERR_NONE && !f.view.is_new;
    compare(&f, good ? &found : NULL, &domains, catalog_id(catalog), &l);
    if (good && strcmp(repository_state(&f), "ok") == 0)
        compare_damage(&f, &known, &found, &l);
    code = check_code(&l);
    if (a->json) {
        report_json_print(l.list, stdout);
        return code;
    }
    print_differences(&l);
    json_decref(l.list);
    return code;
}

static int check(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    const struct config_repository *c = repository_configured(config, a->name);

    return c ? check_one(a, config, c, catalog) : EXIT_NOT_FOUND;
}

/* Those of adopt, some of which forget has, too. */
static bool check_options(const struct arguments *a)
{
    bool forget = strcmp(a->what, "forget") == 0;
    bool both = a->force || a->yes || a->dry_run;

    if (strcmp(a->what, "adopt") == 0 || (!a->all && (forget || !both)))
        return true;
    cli_usage("repository", "--%s goes with adopt%s only",
              a->all     ? "all"
              : a->force ? "force"
              : a->yes   ? "yes"
                         : "dry-run",
              a->all ? "" : " and forget");
    return false;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (!check_options(a))
        return EXIT_USAGE;
    if (strcmp(a->what, "list") == 0 && !a->name)
        return cli_with_catalog(list, arguments);
    if (strcmp(a->what, "adopt") == 0 && a->all && a->domains.n > 0)
        return cli_usage("repository adopt", "--all, or the directories by name");
    if (strcmp(a->what, "adopt") == 0 && a->name)
        return repository_take_over(&(struct adoption){.name = a->name,
                                                       .domains = &a->domains,
                                                       .all = a->all,
                                                       .dry_run = a->dry_run,
                                                       .yes = a->yes,
                                                       .force = a->force});
    if (strcmp(a->what, "forget") == 0 && a->name && a->domains.n == 0)
        return repository_forget(&(struct forgetting){
            .what = a->name, .dry_run = a->dry_run, .yes = a->yes, .force = a->force});
    if (strcmp(a->what, "check") == 0 && a->name && a->domains.n == 0)
        return cli_with_catalog(check, arguments);
    return cli_usage("repository", "%s (see 'vmkeep repository --help')", cmd_repository.wants);
}

const struct command cmd_repository = {
    .name = "repository",
    .summary = "what repositories are and whose; adopt, forget",
    .synopses =
        (const char *const[]){"list [--json]", "check [--json] NAME",
                              "adopt [--dry-run] [--yes] [--force] [--all] NAME [HOST/DOMAIN]...",
                              "forget [--dry-run] [--yes] [--force] NAME|ID", NULL},
    .about =
        (const char *const[]){
            "list tells of each repository of the configuration what is there: its id, whether it "
            "is the one that the catalog knows, its space and restore points, and to whom the "
            "domains' directories in it belong.",
            "check prints each difference between catalog and repository, and what will be done "
            "about it. The directory of a neighbour's domain that we do not have is named, and is "
            "no fault.",
            "adopt takes over what is there: another disk under the repository's path, a new and "
            "empty one, and directories that belong to another catalog: those of domains that we "
            "have, or those named, or all. It says what that means, and asks. Points that are in "
            "it are taken into the catalog; points of the repository that was there before stay "
            "known, as missing, until that is adopted again.",
            "forget is for a repository that is lost for ever: its points leave the catalog, the "
            "checkpoints that belong to them go, and its id is forgotten. Nothing on disk is "
            "touched. By its id, those of a disk go whose place another one has taken. If its disk "
            "is found again, adopt or 'vmkeep rebuild-catalog' takes its points in again.",
            "list and check change nothing and work while the daemon is down; for adopt vmkeepd(8) "
            "must not run; forget asks it, where it runs.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("list|check|adopt|forget", what),
             .choices = (const char *const[]){"list", "check", "adopt", "forget", NULL}},
            {OPERAND("NAME", name), .optional = true, .words = WORD_REPOSITORY},
            {OPERANDS("HOST/DOMAIN", domains), .optional = true, .words = WORD_DOMAIN},
            {0}},
    .options =
        (const struct command_option[]){
            {FLAG("dry-run", dry_run,
                  "say what would be taken over, or forgotten, and change nothing")},
            {FLAG("yes", yes, "do not ask")},
            {FLAG("all", all, "also directories of domains that we do not have")},
            {FLAG(
                "force", force,
                "adopt: also what its owner has used within the last ten minutes, or whose owner's "
                "catalog a vmkeepd of this machine keeps; forget: also one that is there")},
            {FLAG("json", json,
                  "list: print an array of {name, path, id, found, state, problem, free, total, "
                  "points, domains: [{domain, owner, points}]}; check: an array of {what, about, "
                  "problem, then}")},
            {0}},
    .wants = "say list, check NAME, adopt NAME or forget NAME",
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "done, check: no difference"},
            {EXIT_FAILED, "failed"},
            {EXIT_USAGE, "bad usage or configuration"},
            {EXIT_PARTLY, "check: there are differences"},
            {EXIT_NOT_FOUND, "no such repository"},
            {EXIT_BUSY,
             "adopt: vmkeepd runs, or the other owner is at work; forget: a job works there"},
            {EXIT_DAMAGED, "check: points are damaged or missing"},
            {EXIT_INTERRUPTED, "not confirmed"},
            {0}},
    .examples = (const char *const[]){"vmkeep repository list",
                                      "vmkeep repository adopt main --dry-run", NULL},
    ARGUMENTS,
    .run = run,
};
