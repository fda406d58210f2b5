/* SPDX-License-Identifier: MIT
 *
 * vmkeep rebuild-catalog: makes a lost, older or damaged catalog anew from the repositories.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/repository_facts.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"
#include "storage/rebuild/rebuild.h"

struct arguments {
    bool json, dry_run;
    const char *id;
    struct strlist repositories;
};

/* ---- which repositories ---- */

static bool is_at(const struct config_repository *c, const char *path)
{
    struct stat a, b;

    return str_eq(c->path, path) || (stat(c->path, &a) == 0 && stat(path, &b) == 0 &&
                                     a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static const struct config_repository *find(const struct config *config, const char *given)
{
    const struct config_repository *c = config_repository_find(config, given);

    for (size_t i = 0; !c && i < config->repositories.n; i++)
        if (is_at(&config->repositories.items[i], given))
            c = &config->repositories.items[i];
    return c;
}

static int add_named(struct rebuild *r, const struct config *config, const struct arguments *a,
                     struct err *err)
{
    for (size_t i = 0; i < a->repositories.n; i++) {
        const char *given = a->repositories.items[i];
        const struct config_repository *c = find(config, given);

        if (!c)
            return repository_unknown(config, given, err);
        if (rebuild_add(r, c->name, c->path, err) < 0)
            return -1;
    }
    return 0;
}

/* One that is not mounted now would be forgotten: that has to be said. */
static int add_all(struct rebuild *r, const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->repositories.n; i++) {
        const struct config_repository *c = &config->repositories.items[i];

        if (rebuild_add(r, c->name, c->path, err) < 0)
            return err_wrap(err, "mount it, or name those that are to be read (--repository)");
    }
    return 0;
}

/* ---- saying it ---- */

static json_t *list_json(const struct strlist *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(ret, report_json_text(l->items[i]));
    return ret;
}

static json_t *source_json(const struct rebuild_source *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", report_json_text(s->path), "id",
                     report_json_text(*s->id ? s->id : NULL), "problem",
                     report_json_text(s->problem), "last_job", report_json_number(s->last_job),
                     "points", report_json_number((int64_t)s->points), "jobs",
                     report_json_number((int64_t)s->jobs), "checkpoints",
                     report_json_number((int64_t)s->checkpoints));
}

static void print_json(const struct rebuild *r, bool done)
{
    json_t *places = json_array(), *sources = json_array(), *points = json_array();

    for (size_t i = 0; i < r->places.n; i++) {
        const struct rebuild_place *p = &r->places.items[i];

        json_array_append_new(places,
                              json_pack("{s:o, s:o, s:o, s:o}", "name", report_json_text(p->name),
                                        "path", report_json_text(p->path), "found",
                                        report_json_number((int64_t)p->found), "taken",
                                        report_json_number((int64_t)p->taken)));
    }
    for (size_t i = 0; i < r->sources.n; i++)
        json_array_append_new(sources, source_json(&r->sources.items[i]));
    for (size_t i = 0; i < r->points.n; i++)
        json_array_append_new(points, report_json_text(r->points.items[i].id));
    report_json_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
                                "catalog", report_json_text(r->path), "id", report_json_text(r->id),
                                "last_job", report_json_number(r->last_job), "repositories", places,
                                "sources", sources, "points", points, "jobs",
                                done ? report_json_number((int64_t)r->jobs) : json_null(),
                                "checkpoints",
                                done ? report_json_number((int64_t)r->checkpoints) : json_null(),
                                "missing", list_json(&r->missing), "notes", list_json(&r->notes),
                                "kept", report_json_text(r->kept), "done", done),
                      stdout);
}

static void print_sources(const struct rebuild *r)
{
    static const char *const titles[] = {"/WHAT A CATALOG KNEW, FROM", ">LAST JOB", ">JOBS",
                                         ">CHECKPOINTS", "~USED"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < r->sources.n; i++) {
        const struct rebuild_source *s = &r->sources.items[i];

        table_cell(t, s->path);
        if (s->catalog) {
            table_cellf(t, "%lld", (long long)s->last_job);
            table_cellf(t, "%zu", s->jobs);
            table_cellf(t, "%zu", s->checkpoints);
        } else {
            table_cell(t, NULL);
            table_cell(t, NULL);
            table_cell(t, NULL);
        }
        table_cell(t, s->problem ? s->problem : "yes");
    }
    if (r->sources.n == 0)
        fputs("No catalog was found: jobs and their outcomes are lost, points are not.\n", stdout);
    else
        table_print(t, stdout);
}

static void print_places(const struct rebuild *r)
{
    static const char *const titles[] = {"POINTS, FROM", ">FOUND", ">TAKEN", "/PATH"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < r->places.n; i++) {
        const struct rebuild_place *p = &r->places.items[i];

        table_cell(t, p->name);
        table_cellf(t, "%zu", p->found);
        table_cellf(t, "%zu", p->taken);
        table_cell(t, p->path);
    }
    table_print(t, stdout);
}

static void print_text(const struct rebuild *r, bool done)
{
    print_places(r);
    putchar('\n');
    print_sources(r);
    putchar('\n');
    print_paragraphf(stdout, 0, "",
                     "Its id is %s (%s); the last job that is known has number %lld.", r->id,
                     r->id_from, (long long)r->last_job);
    for (size_t i = 0; i < r->notes.n; i++)
        print_paragraph(stdout, 6, "note: ", r->notes.items[i]);
    for (size_t i = 0; i < r->missing.n; i++)
        print_paragraphf(stdout, 6, "note: ", "%s is not there, and other points are based on it",
                         r->missing.items[i]);
    if (!done) {
        puts("Nothing was changed.");
        return;
    }
    print_paragraphf(stdout, 0, "", "%s was made anew: %zu point%s, %zu job%s, %zu checkpoint%s.",
                     r->path, r->points.n, plural_s(r->points.n), r->jobs, plural_s(r->jobs),
                     r->checkpoints, plural_s(r->checkpoints));
    if (r->kept)
        print_paragraphf(stdout, 0, "", "The former file is kept as %s.", r->kept);
}

static int rebuild(struct rebuild *r, const struct config *config, const struct arguments *a,
                   struct err *err)
{
    if ((a->repositories.n > 0 ? add_named(r, config, a, err) : add_all(r, config, err)) < 0 ||
        rebuild_choose(r, a->id, err) < 0)
        return -1;
    return a->dry_run ? 0 : rebuild_make(r, time(NULL), err);
}

static int make(const struct config *config, const struct arguments *a)
{
    struct rebuild *r = NULL;
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (rebuild_new(config->catalog, !a->dry_run, &r, &err) < 0 ||
        rebuild(r, config, a, &err) < 0) {
        if (err.code == ERR_BUSY)
            err_wrap(&err, "stop vmkeepd first");
        code = cli_fail("rebuild-catalog", &err);
    } else {
        if (a->json)
            print_json(r, !a->dry_run);
        else
            print_text(r, !a->dry_run);
        code = r->notes.n > 0 || r->missing.n > 0 ? EXIT_PARTLY : EXIT_DONE;
    }
    rebuild_free(r);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct config *config = NULL;
    int code = cli_load_config_strictly(&config);

    if (code == EXIT_DONE)
        code = make(config, a);
    config_free(config);
    return code;
}

const struct command cmd_rebuild_catalog = {
    .name = "rebuild-catalog",
    .summary = "make a lost or damaged catalog anew, from repositories",
    .about =
        (const char *const[]){
            "Makes a lost, older or damaged catalog anew from the restore points in the "
            "repositories. What only a catalog knew (jobs and how they ended, checkpoints, since "
            "when a policy covers a domain) comes from the former file, if it is whole, and from "
            "the copies of the catalog in the repositories. The former file stays beside the new "
            "one under another name. vmkeepd(8) must not run.",
            NULL},
    .options =
        (const struct command_option[]){
            {LIST("repository", "NAME|PATH", repositories,
                  "read this repository of the configuration only; may be repeated"),
             .words = WORD_REPOSITORY | WORD_DIRECTORY},
            {TEXT("id", "ID", id,
                  "be this catalog: one whose points or copy are there, where it does not follow "
                  "which one this was; new: none of them")},
            {FLAG("dry-run", dry_run, "say what would come from where, and change nothing")},
            {FLAG("json", json,
                  "print {catalog, id, last_job, repositories, sources, points, jobs, checkpoints, "
                  "missing, notes, kept, done}")},
            {0}},
    .exits =
        (const struct command_exit[]){
            {EXIT_DONE, "done"},
            {EXIT_PARTLY, "done, but some of it could not be read"},
            {EXIT_FAILED, "failed"},
            {EXIT_USAGE, "bad usage or configuration"},
            {EXIT_NOT_FOUND, "a repository is not there, or not in the configuration"},
            {EXIT_BUSY, "vmkeepd runs"},
            {0}},
    .examples = (const char *const[]){"systemctl stop vmkeepd", "vmkeep rebuild-catalog",
                                      "systemctl start vmkeepd", NULL},
    ARGUMENTS,
    .run = run,
};
