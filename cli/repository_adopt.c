/* SPDX-License-Identifier: MIT */
#include "cli/repository_adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/confirm.h"
#include "cli/repository_facts.h"
#include "report/table.h"

/* What is to be done. */
struct plan {
    struct strlist taken;
    size_t n_left;
    bool busy;    /* somebody is at work in one of them */
    char *keeper; /* the catalog that one of them belongs to is kept, or may be; NULL: none */
};

static void plan_done(struct plan *p)
{
    strlist_done(&p->taken);
    free(p->keeper);
}

static bool is_wanted(const struct adoption *a, const struct repository_domain *d,
                      const struct domain_names *known)
{
    for (size_t i = 0; i < a->domains->n; i++)
        if (repository_is_meant(d, a->domains->items[i]))
            return true;
    if (a->domains->n > 0)
        return false;
    return a->all || repository_is_needed(d, known);
}

static int check_wanted(const struct adoption *a, const struct repository_facts *f)
{
    for (size_t i = 0; i < a->domains->n; i++) {
        bool found = false;

        for (size_t k = 0; k < f->view.domains.n; k++)
            found = found || repository_is_meant(&f->view.domains.items[k], a->domains->items[i]);
        if (!found) {
            fprintf(stderr, "vmkeep: repository %s: has no directory %s\n", f->config->name,
                    a->domains->items[i]);
            return EXIT_NOT_FOUND;
        }
    }
    return EXIT_DONE;
}

/* Its last use says nothing of a daemon of this machine that has had nothing to do since. */
static void find_keeper(const struct repository_domain *d, const struct owner *self,
                        const struct catalog *catalog, struct plan *p)
{
    struct err err = ERR_INIT;
    bool kept = false;

    if (p->keeper || !d->owned || !*self->machine_id ||
        strcmp(d->owner.machine_id, self->machine_id) != 0)
        return;
    if (catalog_is_kept(catalog, d->owner.catalog_path, &kept, &err) < 0)
        p->keeper = xasprintf("%s: whether a vmkeepd keeps its owner's catalog cannot be told: %s",
                              d->name, err.msg);
    else if (kept)
        p->keeper = xasprintf("%s: a vmkeepd of this machine keeps its owner's catalog, %s",
                              d->name, d->owner.catalog_path);
}

static void say_directory(const struct adoption *a, const struct repository_domain *d,
                          const struct owner *self, const struct domain_names *known, int64_t now,
                          struct plan *p)
{
    CLEANUP_FREE char *owner = repository_whose(d, self->catalog);
    bool active = d->active > now - OWNER_ACTIVE_S;

    if (repository_is_ours(d, self->catalog))
        return;
    if (!is_wanted(a, d, known)) {
        printf("%s (%zu point%s) stays as it is: %s%s\n", d->name, d->points, plural_s(d->points),
               owner, repository_is_needed(d, known) ? "" : "; we have no domain of that name");
        p->n_left++;
        return;
    }
    printf("%s (%zu point%s) becomes ours; it is %s%s\n", d->name, d->points, plural_s(d->points),
           owner, active ? ", who is at work there" : "");
    p->busy = p->busy || active;
    strlist_add(&p->taken, d->name);
}

/* Says what it means, and lists the directories that change hands, and those that do not. */
static void say(const struct adoption *a, const struct repository_facts *f,
                const struct owner *self, const struct domain_names *known,
                const struct catalog *catalog, int64_t now, struct plan *p)
{
    printf("%s at %s ", f->config->name, f->config->path);
    if (f->view.is_new)
        puts("is an empty directory, and becomes a repository.");
    else
        printf("holds repository %s with %zu point%s.\n", f->view.id, f->view.points.n,
               plural_s(f->view.points.n));
    if (f->is_known && strcmp(f->known.id, f->view.id) != 0)
        printf(
            "Until now the name meant repository %s; its points stay known, as missing, until it "
            "is adopted again.\n",
            f->known.id);
    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];

        say_directory(a, d, self, known, now, p);
        if (strlist_has(&p->taken, d->name))
            find_keeper(d, self, catalog, p);
    }
    if (p->n_left > 0 && a->domains->n == 0)
        puts("What stays is taken, too, where it is named, or with --all.");
    puts("Points in what is ours are taken into the catalog. Other catalogs' daemons do nothing "
         "there any more.");
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
                     const struct owner *self, struct catalog *catalog, int64_t now)
{
    struct point_list points = points_of_ours(f, taken, self->catalog);
    struct err err = ERR_INIT;
    int rc = repository_adopt(f->config->path, &f->view, taken, self, now, &err);

    if (rc == 0)
        rc = catalog_repository_adopt(catalog, f->config->name, f->view.id, f->config->path,
                                      &points, now, &err);
    if (rc == 0)
        printf("repository %s is %s from now on; %zu point%s of it %s in the catalog\n",
               f->config->name, f->view.id, points.n, plural_s(points.n),
               points.n == 1 ? "is" : "are");
    free(points.items);
    return rc < 0 ? cli_fail(f->config->name, &err) : EXIT_DONE;
}

/* Somebody would lose what he works with. */
static int refuse(const struct plan *p, const char *repository)
{
    if (p->keeper)
        fprintf(stderr,
                "vmkeep: repository %s: %s; stop that one first, name other directories, or say "
                "--force\n",
                repository, p->keeper);
    else
        fprintf(
            stderr,
            "vmkeep: repository %s: another owner was at work there within the last %d minutes; "
            "stop that one first, name other directories, or say --force\n",
            repository, OWNER_ACTIVE_S / 60);
    return EXIT_BUSY;
}

static int go_on(const struct adoption *a, struct repository_facts *f, const struct plan *p,
                 const struct owner *self, struct catalog *catalog, int64_t now)
{
    bool refused = (p->busy || p->keeper) && !a->force;
    int code;

    if (a->dry_run) {
        if (refused)
            printf("It would be refused now: %s is to be stopped first (or --force).\n",
                   p->keeper ? p->keeper : "who is at work there");
        return EXIT_DONE;
    }
    if (refused)
        return refuse(p, f->config->name);
    code = cli_confirm("repository adopt", a->yes);
    return code == EXIT_DONE ? take_over(f, &p->taken, self, catalog, now) : code;
}

static int adopt_one(const struct adoption *a, const struct config *config,
                     const struct config_repository *c, struct catalog *catalog)
{
    CLEANUP(plan_done) struct plan p = {0};
    CLEANUP(owner_done) struct owner self = {0};
    CLEANUP(domain_names_done) struct domain_names known = {0};
    CLEANUP(repository_facts_done) struct repository_facts f = {0};
    struct err err = ERR_INIT;
    int64_t now = time(NULL);
    int code;

    if (repository_gather(c, catalog, &f, &err) < 0 ||
        domains_known(config, catalog, &known, &err) < 0)
        return cli_fail(c->name, &err);
    if (f.problem.code != ERR_NONE)
        return cli_fail(c->name, &f.problem);
    code = check_wanted(a, &f);
    if (code != EXIT_DONE)
        return code;
    owner_here(catalog_id(catalog), config->catalog, &self);
    say(a, &f, &self, &known, catalog, now, &p);
    return go_on(a, &f, &p, &self, catalog, now);
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
    int code = cli_load_config_strictly(&config);

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
