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
#include "report/json.h"
#include "report/wrap.h"

/* A directory that is not ours. */
struct directory {
    const struct repository_domain *d; /* borrowed */
    bool taken, active;                /* somebody is at work there */
};

/* What is to be done. */
struct plan {
    VEC(struct directory) directories;
    struct strlist taken; /* names of those that are */
    size_t n_left;        /* that are not */
    size_t n_new;         /* points in what is ours then that the catalog does not have as good */
    bool busy;            /* somebody is at work in one of them */
    char *keeper; /* the catalog that one of them belongs to is kept, or may be; NULL: none */
};

static void plan_done(struct plan *p)
{
    free(p->directories.items);
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

static void plan_directory(const struct adoption *a, const struct repository_domain *d,
                           const struct domain_names *known, int64_t now, struct plan *p)
{
    struct directory *x = VEC_ADD(&p->directories);

    *x = (struct directory){
        .d = d, .taken = is_wanted(a, d, known), .active = d->active > now - OWNER_ACTIVE_S};
    p->n_left += !x->taken;
    if (!x->taken)
        return;
    p->busy = p->busy || x->active;
    strlist_add(&p->taken, d->name);
}

/* How many of them the catalog does not know, or not as good ones of that repository. */
static int count_new(const struct repository_facts *f, struct catalog *catalog,
                     const struct point_list *ours, size_t *ret, struct err *err)
{
    const struct point_filter of = {.repository = f->config->name};
    CLEANUP(point_list_done) struct point_list known = {0};

    if (catalog_points(catalog, &of, &known, err) < 0)
        return -1;
    for (size_t i = 0; i < ours->n; i++) {
        const struct point *p = point_list_find(&known, ours->items[i].id);

        *ret += !p || p->state != POINT_GOOD || !str_eq(p->repository_id, f->view.id);
    }
    return 0;
}

static int make_plan(const struct adoption *a, const struct repository_facts *f,
                     const struct owner *self, const struct domain_names *known,
                     struct catalog *catalog, int64_t now, struct plan *p, struct err *err)
{
    struct point_list ours;
    int rc;

    for (size_t i = 0; i < f->view.domains.n; i++) {
        const struct repository_domain *d = &f->view.domains.items[i];

        if (repository_is_ours(d, self->catalog))
            continue;
        plan_directory(a, d, known, now, p);
        if (strlist_has(&p->taken, d->name))
            find_keeper(d, self, catalog, p);
    }
    ours = points_of_ours(f, &p->taken, self->catalog);
    rc = count_new(f, catalog, &ours, &p->n_new, err);
    free(ours.items);
    return rc;
}

/* It is the repository that the catalog knows, with what it knows of it. */
static bool is_nothing(const struct repository_facts *f, const struct plan *p)
{
    return strcmp(repository_state(f), "ok") == 0 && p->taken.n == 0 && p->n_new == 0;
}

/* ---- saying it ---- */

static void say_directory(const struct directory *x, const struct domain_names *known,
                          const char *ours)
{
    CLEANUP_FREE char *owner = repository_whose(x->d, ours);

    if (x->taken)
        print_paragraphf(stdout, 0, "", "%s (%zu point%s) becomes ours; it is %s%s", x->d->name,
                         x->d->points, plural_s(x->d->points), owner,
                         x->active ? ", who is at work there" : "");
    else
        print_paragraphf(stdout, 0, "", "%s (%zu point%s) stays as it is: %s%s", x->d->name,
                         x->d->points, plural_s(x->d->points), owner,
                         repository_is_needed(x->d, known) ? ""
                                                           : "; we have no domain of that name");
}

static void say_repository(const struct repository_facts *f)
{
    if (f->view.is_new)
        print_paragraphf(stdout, 0, "", "%s at %s is an empty directory, and becomes a repository.",
                         f->config->name, f->config->path);
    else
        print_paragraphf(stdout, 0, "", "%s at %s holds repository %s with %zu point%s.",
                         f->config->name, f->config->path, f->view.id, f->view.points.n,
                         plural_s(f->view.points.n));
    if (f->is_known && strcmp(f->known.id, f->view.id) != 0)
        print_paragraphf(stdout, 0, "",
                         "Until now the name meant repository %s; its points stay known, as "
                         "missing, until it is adopted again.%s",
                         f->known.id,
                         f->view.is_new
                             ? " Is its disk not mounted? Then mount it instead: backups "
                               "would go to what is below it."
                             : "");
}

/* Says what it means, and lists the directories that change hands, and those that do not. */
static void say(const struct adoption *a, const struct repository_facts *f, const struct plan *p,
                const struct domain_names *known, const char *ours)
{
    say_repository(f);
    for (size_t i = 0; i < p->directories.n; i++)
        say_directory(&p->directories.items[i], known, ours);
    if (p->n_left > 0 && a->domains->n == 0)
        print_paragraphf(stdout, 0, "",
                         "What stays is taken, too, where it is named, or with --all.");
    if (is_nothing(f, p))
        print_paragraphf(stdout, 0, "",
                         "There is nothing to adopt: it is the repository that the catalog "
                         "knows, and so are its points in what is ours.");
    else if (p->taken.n > 0)
        print_paragraphf(stdout, 0, "",
                         "Points in what is ours are taken into the catalog. Other catalogs' "
                         "daemons do nothing there any more.");
    else if (p->n_new > 0)
        print_paragraphf(stdout, 0, "", "%zu point%s in what is ours %s taken into the catalog.",
                         p->n_new, plural_s(p->n_new), p->n_new == 1 ? "is" : "are");
}

/* refused: why; NULL: it is not. */
static void print_json(const struct repository_facts *f, const struct plan *p, const char *ours,
                       const char *refused, bool done)
{
    json_t *o = repository_json(f, ours), *d;
    size_t i;

    json_array_foreach(json_object_get(o, "domains"), i, d) {
        const char *name = json_string_value(json_object_get(d, "domain"));

        json_object_set_new(d, "taken", json_boolean(name && strlist_has(&p->taken, name)));
    }
    json_object_set_new(o, "new_points", report_json_number((int64_t)p->n_new));
    json_object_set_new(o, "refused", report_json_text(refused));
    json_object_set_new(o, "done", json_boolean(done));
    report_json_print(o, stdout);
}

/* ---- doing it ---- */

static int take_over(const struct adoption *a, struct repository_facts *f, const struct plan *p,
                     const struct owner *self, struct catalog *catalog, int64_t now)
{
    struct point_list points = points_of_ours(f, &p->taken, self->catalog);
    struct err err = ERR_INIT;
    int rc = repository_adopt(f->config->path, &f->view, &p->taken, self, now, &err);

    if (rc == 0)
        rc = catalog_repository_adopt(catalog, f->config->name, f->view.id, f->config->path,
                                      &points, now, &err);
    if (rc == 0 && a->json)
        print_json(f, p, self->catalog, NULL, true);
    else if (rc == 0)
        print_paragraphf(stdout, 0, "",
                         "repository %s is %s from now on; %zu point%s of it %s in the catalog",
                         f->config->name, f->view.id, points.n, plural_s(points.n),
                         points.n == 1 ? "is" : "are");
    free(points.items);
    return rc < 0 ? cli_fail(f->config->name, &err) : EXIT_DONE;
}

/* Somebody would lose what he works with: why; NULL: nobody.  Caller frees. */
static char *why_refused(const struct adoption *a, const struct plan *p)
{
    if ((!p->busy && !p->keeper) || a->force)
        return NULL;
    if (p->keeper)
        return xstrdup(p->keeper);
    return xasprintf("another owner was at work there within the last %d minutes",
                     OWNER_ACTIVE_S / 60);
}

static int dry_run(const struct adoption *a, const struct repository_facts *f, const struct plan *p,
                   const char *ours, const char *refused)
{
    if (a->json)
        print_json(f, p, ours, refused, false);
    else if (refused)
        print_paragraphf(stdout, 0, "",
                         "It would be refused now: %s; that one is to be stopped first (or "
                         "--force).",
                         refused);
    return EXIT_DONE;
}

static int go_on(const struct adoption *a, struct repository_facts *f, const struct plan *p,
                 const struct owner *self, struct catalog *catalog, int64_t now)
{
    CLEANUP_FREE char *refused = why_refused(a, p);
    int code;

    if (a->dry_run)
        return dry_run(a, f, p, self->catalog, refused);
    if (refused) {
        fprintf(stderr,
                "vmkeep: repository %s: %s; stop that one first, name other directories, or say "
                "--force\n",
                f->config->name, refused);
        return EXIT_BUSY;
    }
    if (is_nothing(f, p)) {
        if (a->json)
            print_json(f, p, self->catalog, NULL, false);
        return EXIT_DONE;
    }
    code = cli_confirm("repository adopt", a->yes);
    return code == EXIT_DONE ? take_over(a, f, p, self, catalog, now) : code;
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
    if (make_plan(a, &f, &self, &known, catalog, now, &p, &err) < 0)
        return cli_fail(c->name, &err);
    if (!a->json)
        say(a, &f, &p, &known, self.catalog);
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
