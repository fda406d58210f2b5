/* SPDX-License-Identifier: MIT */
#include "cli/repository_adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/repository_facts.h"
#include "report/table.h"

static bool is_wanted(const struct adoption *a, const char *domain)
{
    return a->domains->n == 0 || strlist_has(a->domains, domain);
}

static int check_wanted(const struct adoption *a, const struct repository_facts *f)
{
    for (size_t i = 0; i < a->domains->n; i++) {
        bool found = false;

        for (size_t k = 0; k < f->view.domains.n; k++)
            found = found || strcmp(f->view.domains.items[k].name, a->domains->items[i]) == 0;
        if (!found) {
            fprintf(stderr, "vmkeep: repository %s: has no directory %s\n", f->config->name,
                    a->domains->items[i]);
            return EXIT_NOT_FOUND;
        }
    }
    return EXIT_DONE;
}

/* Says what it means, and lists the directories that change hands; busy: somebody is at work
 * there. */
static void say(const struct adoption *a, const struct repository_facts *f, const char *ours,
                int64_t now, struct strlist *taken, bool *busy)
{
    printf("%s at %s ", f->config->name, f->config->path);
    if (f->view.is_new)
        puts("is an empty directory, and becomes a repository.");
    else
        printf("holds repository %s with %zu points.\n", f->view.id, f->view.points.n);
    if (f->is_known && strcmp(f->known.id, f->view.id) != 0)
        printf(
            "Until now the name meant repository %s; its points stay known, as missing, until it "
            "is adopted again.\n",
            f->known.id);
    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];
        CLEANUP_FREE char *owner = repository_whose(d, ours);
        bool active = d->active > now - OWNER_ACTIVE_S;

        if (repository_is_ours(d, ours) || !is_wanted(a, d->name))
            continue;
        printf("%s (%zu points) becomes ours; it is %s%s\n", d->name, d->points, owner,
               active ? ", who is at work there" : "");
        *busy = *busy || active;
        strlist_add(taken, d->name);
    }
    puts("Points in what is ours are taken into the catalog. Other catalogs' daemons do nothing "
         "there any more.");
}

static int confirm(const struct adoption *a)
{
    int c;

    if (a->yes)
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO))
        return cli_usage("repository adopt", "nobody can be asked: say --yes");
    fputs("Go on? [y/N] ", stdout);
    fflush(stdout);
    c = getchar();
    return c == 'y' || c == 'Y' ? EXIT_DONE : EXIT_INTERRUPTED;
}

/* The points in directories that are ours then; borrowed. */
static struct point_list points_of_ours(const struct repository_facts *f,
                                        const struct strlist *taken, const char *ours)
{
    struct point_list ret = {0};

    for (size_t i = 0; i < f->view.points.n; i++) {
        const struct repository_domain *d = repository_domain_of(f, f->view.points.items[i].id);

        if (d && (repository_is_ours(d, ours) || strlist_has(taken, d->name)))
            *VEC_ADD(&ret) = f->view.points.items[i];
    }
    return ret;
}

static int take_over(struct repository_facts *f, const struct strlist *taken,
                     const struct config *config, struct catalog *catalog, int64_t now)
{
    CLEANUP(owner_done) struct owner self = {0};
    struct point_list points = points_of_ours(f, taken, catalog_id(catalog));
    struct err err = ERR_INIT;
    int rc;

    owner_here(catalog_id(catalog), config->catalog, &self);
    rc = repository_adopt(f->config->path, &f->view, taken, &self, now, &err);
    if (rc == 0)
        rc = catalog_repository_adopt(catalog, f->config->name, f->view.id, f->config->path,
                                      &points, now, &err);
    if (rc == 0)
        printf("repository %s is %s from now on; %zu points of it are in the catalog\n",
               f->config->name, f->view.id, points.n);
    free(points.items);
    return rc < 0 ? cli_fail(f->config->name, &err) : EXIT_DONE;
}

static int adopt_one(const struct adoption *a, const struct config *config,
                     const struct config_repository *c, struct catalog *catalog)
{
    CLEANUP(strlist_done) struct strlist taken = {0};
    CLEANUP(repository_facts_done) struct repository_facts f = {0};
    struct err err = ERR_INIT;
    int64_t now = time(NULL);
    bool busy = false;
    int code;

    if (repository_gather(c, catalog, &f, &err) < 0)
        return cli_fail(c->name, &err);
    if (f.problem.code != ERR_NONE)
        return cli_fail(c->name, &f.problem);
    code = check_wanted(a, &f);
    if (code != EXIT_DONE)
        return code;
    say(a, &f, catalog_id(catalog), now, &taken, &busy);
    if (a->dry_run) {
        if (busy && !a->force)
            puts("It would be refused now: who is at work there is to be stopped first (or "
                 "--force).");
        return EXIT_DONE;
    }
    if (busy && !a->force) {
        fprintf(
            stderr,
            "vmkeep: repository %s: another owner was at work there within the last %d minutes; "
            "stop that one first, name other directories, or say --force\n",
            c->name, OWNER_ACTIVE_S / 60);
        return EXIT_BUSY;
    }
    code = confirm(a);
    return code == EXIT_DONE ? take_over(&f, &taken, config, catalog, now) : code;
}

static int cannot_write(struct err *err)
{
    if (err->code == ERR_BUSY)
        err_wrap(err, "stop vmkeepd first");
    return cli_fail("repository adopt", err);
}

int repository_take_over(const struct adoption *a)
{
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    const struct config_repository *c = NULL;
    struct err err = ERR_INIT;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE && !(c = repository_configured(config, a->name)))
        code = EXIT_NOT_FOUND;
    if (code == EXIT_DONE && a->dry_run)
        code = cli_open_catalog(config, &catalog);
    else if (code == EXIT_DONE && catalog_open(config->catalog, CATALOG_WRITE, &catalog, &err) < 0)
        code = cannot_write(&err);
    if (code == EXIT_DONE)
        code = adopt_one(a, config, c, catalog);
    catalog_close(catalog);
    config_free(config);
    return code;
}
