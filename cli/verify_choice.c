/* SPDX-License-Identifier: MIT */
#include "cli/verify_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/near.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/repository_facts.h"
#include "report/gather/points.h"
#include "report/points.h"
#include "storage/repository/repository.h"

void verify_choice_done(struct verify_choice *c)
{
    for (size_t i = 0; i < c->broken.n; i++) {
        free(c->broken.items[i].id);
        free(c->broken.items[i].problem);
    }
    free(c->broken.items);
    free(c->points.items);
    point_list_done(&c->all);
    free(c->path);
    config_free(c->config);
    *c = (struct verify_choice){0};
}

/* ---- what there is ---- */

/* The point that an error of repository_list is about: "PATH/ID/point.json: ...". Caller frees. */
static char *id_in(const char *path, const char *problem)
{
    size_t len = strlen(path);
    const char *end = strstr(problem, "/point.json");
    struct err ignored = ERR_INIT;
    CLEANUP_FREE char *id = NULL;

    if (strncmp(problem, path, len) != 0 || problem[len] != '/' || !end || end < problem + len + 1)
        return NULL;
    id = xasprintf("%.*s", (int)(end - problem - (ptrdiff_t)len - 1), problem + len + 1);
    return point_id_check(id, &ignored) == 0 ? TAKE_PTR(id) : NULL;
}

static int points_of_repository(const char *given, struct verify_choice *c)
{
    CLEANUP(strlist_done) struct strlist broken = {0};
    CLEANUP_FREE char *path = NULL;
    struct err err = ERR_INIT;
    int code = repository_locate("verify", given, &path);

    if (code)
        return code;
    c->path = realpath(path, NULL);
    if (!c->path) {
        err_errno(&err, errno, "%s", path);
        return cli_fail("verify", &err);
    }
    if (repository_open(c->path, false, &err) < 0 ||
        repository_list(c->path, &c->all, &broken, &err) < 0)
        return cli_fail("verify", &err);
    for (size_t i = 0; i < broken.n; i++) {
        char *id = id_in(c->path, broken.items[i]);

        *VEC_ADD(&c->broken) = (struct verify_broken){id, xstrdup(broken.items[i])};
    }
    return EXIT_DONE;
}

static int points_of_catalog(struct verify_choice *c)
{
    const struct point_filter all = {.copies = true};
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(c->config, &catalog);

    if (code == 0 && points_gather(catalog, &all, time(NULL), &c->all, &err) < 0)
        code = cli_fail("verify", &err);
    catalog_close(catalog);
    if (code)
        fputs("vmkeep: verify: points can be read straight from a repository, without the catalog: "
              "--repository PATH\n",
              stderr);
    return code;
}

/* *ret_name: of the repository whose points alone are meant; NULL: any. */
static int load(const char *repository, const char **ret_name, struct verify_choice *c)
{
    int code;

    if (repository && repository_may_be_path(repository))
        return points_of_repository(repository, c);
    code = cli_load_config(&c->config);
    if (code)
        return code;
    if (repository && !config_repository_find(c->config, repository)) {
        config_free(c->config);
        c->config = NULL;
        return points_of_repository(repository, c); /* it knows what to say */
    }
    *ret_name = repository;
    return points_of_catalog(c);
}

/* ---- which of them are meant ---- */

enum meaning { MEANS_ALL, MEANS_POINT, MEANS_POLICY, MEANS_DOMAIN };

static bool is_meant(enum meaning m, const char *what, const struct point *p)
{
    switch (m) {
    case MEANS_POINT:
        return point_is_meant(what, p->id);
    case MEANS_POLICY:
        return str_eq(what, p->policy);
    case MEANS_DOMAIN:
        return domain_is_meant(what, p->host, p->domain);
    default:
        return true;
    }
}

/* What is read of a point's id alone. */
static bool broken_is_meant(enum meaning m, const char *what, const struct verify_broken *b)
{
    CLEANUP(point_done) struct point p = {0};

    return m == MEANS_ALL || (b->id && point_id_parse(b->id, &p) && is_meant(m, what, &p));
}

static size_t count(const struct verify_choice *c, enum meaning m, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < c->all.n; i++)
        n += is_meant(m, what, &c->all.items[i]);
    for (size_t i = 0; i < c->broken.n; i++)
        n += broken_is_meant(m, what, &c->broken.items[i]);
    return n;
}

static int nothing_meant(const struct verify_choice *c, const char *what, struct err *err)
{
    struct near near = {.text = what};

    for (size_t i = 0; i < c->all.n; i++) {
        near_word(&near, c->all.items[i].policy);
        near_domain(&near, c->all.items[i].host, c->all.items[i].domain);
    }
    err_set(err, ERR_NOTFOUND,
            "'%s' is neither a point nor a domain or policy that has one%s%s; see 'vmkeep points'",
            what, c->path ? " in " : "", c->path ? c->path : "");
    return near_ask(&near, err);
}

static int find_meaning(const struct verify_choice *c, const char *what, enum meaning *ret,
                        struct err *err)
{
    *ret = MEANS_ALL;
    if (!what)
        return 0;
    for (enum meaning m = MEANS_POINT; m <= MEANS_DOMAIN && *ret == MEANS_ALL; m++)
        if (count(c, m, what) > 0)
            *ret = m;
    if (*ret == MEANS_ALL)
        return nothing_meant(c, what, err);
    if (*ret == MEANS_POINT && count(c, MEANS_POINT, what) > 1)
        return err_set(err, ERR_INVALID,
                       "'%s' could be %zu points: give more of the one's id, or name its domain",
                       what, count(c, MEANS_POINT, what));
    return 0;
}

static bool same_domain(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain);
}

/* They come by domain, then oldest first. */
static void pick(struct verify_choice *c, enum meaning m, const char *what, const char *repository)
{
    for (size_t first = 0, end = 0; first < c->all.n; first = end) {
        while (end < c->all.n && same_domain(&c->all.items[first], &c->all.items[end]))
            end++;
        for (size_t i = end; i-- > first;) {
            const struct point *p = &c->all.items[i];

            if (is_meant(m, what, p) && p->state != POINT_DELETING &&
                (!repository || str_eq(repository, p->repository)))
                *VEC_ADD(&c->points) = p;
        }
    }
}

static void keep_broken(struct verify_choice *c, enum meaning m, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < c->broken.n; i++) {
        struct verify_broken *b = &c->broken.items[i];

        if (broken_is_meant(m, what, b)) {
            c->broken.items[n++] = *b;
            continue;
        }
        free(b->id);
        free(b->problem);
    }
    c->broken.n = n;
}

static int check_disks(const struct verify_choice *c, const struct strlist *disks, struct err *err)
{
    for (size_t i = 0; i < disks->n; i++) {
        bool any = false;

        for (size_t k = 0; k < c->points.n && !any; k++)
            any = point_find_disk(c->points.items[k], disks->items[i]);
        if (!any)
            return err_set(err, ERR_NOTFOUND, "no point that is meant has a disk %s",
                           disks->items[i]);
    }
    return 0;
}

int verify_choose(const char *what, const char *repository, const struct strlist *disks,
                  struct verify_choice *ret)
{
    const char *name = NULL;
    enum meaning meaning;
    struct err err = ERR_INIT;
    int code;

    *ret = (struct verify_choice){0};
    code = load(repository, &name, ret);
    if (code)
        return code;
    if (find_meaning(ret, what, &meaning, &err) < 0)
        return cli_fail("verify", &err);
    pick(ret, meaning, what, name);
    keep_broken(ret, meaning, what);
    if (check_disks(ret, disks, &err) < 0)
        return cli_fail("verify", &err);
    return EXIT_DONE;
}
