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
#include "cli/repository_check.h"
#include "cli/repository_facts.h"
#include "cli/repository_forget.h"
#include "cli/repository_rekey.h"
#include "report/json.h"
#include "report/wrap.h"

struct arguments {
    bool json, dry_run, yes, force, all;
    const char *what, *name, *to, *drop;
    struct strlist domains;
};

/* ---- list ---- */

static void print_facts(const struct repository_facts *f, const char *ours)
{
    char avail[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];
    CLEANUP_FREE char *title = xasprintf("%s: ", f->config->name);
    bool other = f->is_known && strcmp(f->known.id, f->view.id) != 0;

    print_paragraphf(stdout, 2, title, "%s, %s", f->config->path, repository_state(f));
    if (f->problem.code != ERR_NONE) {
        print_paragraph(stdout, 2, "  ", f->problem.msg);
        return;
    }
    print_paragraphf(stdout, 2, "  ", "%s%s%s%s; %zu point%s, %s of %s free",
                     *f->view.id ? "holds repository " : "an empty directory", f->view.id,
                     !other        ? ""
                     : *f->view.id ? ", not "
                                   : ", and not repository ",
                     other ? f->known.id : "", f->view.points.n, plural_s(f->view.points.n),
                     size_text(f->view.free, avail), size_text(f->view.total, total));
    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];
        CLEANUP_FREE char *owner = repository_whose(d, ours);
        CLEANUP_FREE char *label = xasprintf("  %s: ", d->name);

        print_paragraphf(stdout, 4, label, "%zu point%s, %s", d->points, plural_s(d->points),
                         owner);
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
            json_array_append_new(all, repository_json(&f, catalog_id(catalog)));
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

static int check(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    const struct config_repository *c = repository_configured(config, a->name);

    return c ? repository_check_one(config, c, catalog, a->json) : EXIT_NOT_FOUND;
}

static bool changes(const struct arguments *a)
{
    return strcmp(a->what, "adopt") == 0 || strcmp(a->what, "forget") == 0;
}

/* Those of adopt, some of which forget has, too. */
static bool check_options(const struct arguments *a)
{
    bool both = a->force || a->yes || a->dry_run;

    if (strcmp(a->what, "adopt") == 0 || (!a->all && (changes(a) || !both)))
        return true;
    cli_usage("repository", "--%s goes with adopt%s only",
              a->all     ? "all"
              : a->force ? "force"
              : a->yes   ? "yes"
                         : "dry-run",
              a->all ? "" : " and forget");
    return false;
}

static const char *const words[] = {"list", "check", "adopt", "forget", "rekey", NULL};

static int no_such_word(const char *what)
{
    const char *near = nearest_word(what, words, ARRAY_LEN(words) - 1);

    if (!near)
        return cli_usage("repository", "%s (see 'vmkeep repository --help')", cmd_repository.wants);
    return cli_usage("repository", "'%s' is none of them; did you mean '%s'? %s", what, near,
                     cmd_repository.wants);
}

static bool is_word(const char *what)
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], what) == 0)
            return true;
    return false;
}

static int rekey(const struct arguments *a)
{
    if (!a->to == !a->drop)
        return cli_usage("repository rekey", "say --to SECRET, or --drop SECRET");
    return repository_rekey_one(a->name, a->to, a->drop);
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (!is_word(a->what))
        return no_such_word(a->what);
    if (!check_options(a))
        return EXIT_USAGE;
    if ((a->to || a->drop) && strcmp(a->what, "rekey") != 0)
        return cli_usage("repository", "--%s goes with rekey only", a->to ? "to" : "drop");
    if (changes(a) && a->json && !a->yes && !a->dry_run)
        return cli_usage("repository", "--json asks nobody: say --yes, or --dry-run");
    if (strcmp(a->what, "list") == 0 && !a->name)
        return cli_with_catalog(list, arguments);
    if (strcmp(a->what, "adopt") == 0 && a->all && a->domains.n > 0)
        return cli_usage("repository adopt", "--all, or the directories by name");
    if (strcmp(a->what, "adopt") == 0 && a->name)
        return repository_take_over(&(struct adoption){.name = a->name,
                                                       .domains = &a->domains,
                                                       .all = a->all,
                                                       .dry_run = a->dry_run,
                                                       .json = a->json,
                                                       .yes = a->yes,
                                                       .force = a->force});
    if (strcmp(a->what, "forget") == 0 && a->name && a->domains.n == 0)
        return repository_forget(&(struct forgetting){.what = a->name,
                                                      .dry_run = a->dry_run,
                                                      .json = a->json,
                                                      .yes = a->yes,
                                                      .force = a->force});
    if (strcmp(a->what, "rekey") == 0 && a->name && a->domains.n == 0)
        return rekey(a);
    if (strcmp(a->what, "check") == 0 && a->name && a->domains.n == 0)
        return cli_with_catalog(check, arguments);
    return cli_usage("repository", "%s (see 'vmkeep repository --help')", cmd_repository.wants);
}

const struct command cmd_repository = {
    .name = "repository",
    .summary = "what repositories are and whose; adopt, forget, rekey",
    .synopses = (const char *const[]){"list [--json]", "check [--json] NAME",
                                      ("adopt [--dry-run] [--json] [--yes] [--force] [--all] NAME "
                                       "[HOST/DOMAIN]..."),
                                      "forget [--dry-run] [--json] [--yes] [--force] NAME|ID",
                                      "rekey NAME --to SECRET | --drop SECRET", NULL},
    .about =
        (const char *const[]){
            "list tells of each repository of the configuration what is there: its id, whether it "
            "is the one that the catalog knows, its space and restore points, and to whom the "
            "domains' directories in it belong.",
            "check prints each difference between catalog and repository, and what will be done "
            "about it: points and images that are missing or of another length, manifests that say "
            "otherwise than the catalog, trees of digests that are damaged, a file system that is "
            "mounted read-only; and, where the daemon runs, checkpoints whose bitmaps the disks do "
            "not have. The directory of a neighbour's domain that we do not have is named, and is "
            "no fault.",
            "adopt takes over what is there: another disk under the repository's path, a new and "
            "empty one, and directories that belong to another catalog: those of domains that we "
            "have, or those named, or all. It says what that means, and asks; where there is "
            "nothing to adopt, it says so. Points that are in "
            "it are taken into the catalog; points of the repository that was there before stay "
            "known, as missing, until that is adopted again.",
            "forget is for a repository that is lost for ever: its points leave the catalog, the "
            "checkpoints that belong to them go, and its id is forgotten. Nothing on disk is "
            "touched. By its id, those of a disk go whose place another one has taken. If its disk "
            "is found again, adopt or 'vmkeep rebuild-catalog' takes its points in again.",
            "rekey gives a repository that encrypts another key, in the headers of its images; no "
            "data is written again. --to SECRET, one of `secrets`, adds that one: both open "
            "everything then. When that one is what `encrypt` of the configuration says, --drop "
            "SECRET takes the former one away. Each image is printed when it is changed; what "
            "somebody reads, makes or merges is left out, and the command is to be given again, "
            "as it is after an interruption.",
            "list and check change nothing and work while the daemon is down; for adopt vmkeepd(8) "
            "must not run; forget asks it, where it runs.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("list|check|adopt|forget|rekey", what), .choices = words},
            {OPERAND("NAME", name), .optional = true, .words = WORD_REPOSITORY},
            {OPERANDS("HOST/DOMAIN", domains), .optional = true, .words = WORD_DOMAIN},
            {0}},
    .options =
        (const struct command_option[]){
            {FLAG("dry-run", dry_run,
                  "say what would be taken over, or forgotten, and change nothing")},
            {FLAG("yes", yes, "do not ask")},
            {TEXT("to", "SECRET", to, "rekey: the key that is added"), .rivals = 1},
            {TEXT("drop", "SECRET", drop, "rekey: the key that is taken away"), .rivals = 1},
            {FLAG("all", all, "also directories of domains that we do not have")},
            {FLAG(
                "force", force,
                "adopt: also what its owner has used within the last ten minutes, or whose owner's "
                "catalog a vmkeepd of this machine keeps; forget: also one that is there")},
            {FLAG("json", json,
                  "list: print an array of {name, path, id, found, state, problem, free, total, "
                  "points, domains: [{domain, owner, points}]}; check: an array of {what, about, "
                  "problem, then}; adopt: one as list has it, with taken of each domain, "
                  "new_points, refused and done; forget: {repository, points, stays, groups: "
                  "[{domain, host, policy, points, good_elsewhere}], done}")},
            {0}},
    .wants = "say list, check NAME, adopt NAME, forget NAME or rekey NAME",
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "done, check: no difference"},
            {EXIT_FAILED, "failed"},
            {EXIT_USAGE, "bad usage or configuration, or there is no terminal to ask on"},
            {EXIT_PARTLY, "check: there are differences"},
            {EXIT_NOT_FOUND, "no such repository"},
            {EXIT_BUSY,
             "adopt: vmkeepd runs, or the other owner is at work; forget: a job works there; "
             "rekey: something was left out"},
            {EXIT_DAMAGED, "check: points are damaged or missing"},
            {EXIT_INTERRUPTED, "answered with no"},
            {0}},
    .examples = (const char *const[]){"vmkeep repository list",
                                      "vmkeep repository adopt main --dry-run", NULL},
    ARGUMENTS,
    .run = run,
};
