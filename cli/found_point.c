/* SPDX-License-Identifier: MIT */
#include "cli/found_point.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/held_point.h"
#include "cli/repository_facts.h"
#include "policies/dates.h"
#include "report/gather/points.h"
#include "report/wrap.h"
#include "storage/repository/repository.h"

static int points_of_repository(const char *command, const char *path, struct point_list *ret)
{
    CLEANUP(strlist_done) struct strlist damaged = {0};
    struct err err = ERR_INIT;

    if (repository_open(path, false, &err) < 0 || repository_list(path, ret, &damaged, &err) < 0)
        return cli_fail(command, &err);
    for (size_t i = 0; i < damaged.n; i++)
        fprintf(stderr, "vmkeep: %s: %s (left out)\n", command, damaged.items[i]);
    points_judge_dates(ret, time(NULL));
    return EXIT_DONE;
}

int point_wish_read_at(void *arguments, const char *name, const char *value, struct err *err)
{
    struct point_wish *w = arguments;

    (void)name;
    w->has_at = true;
    return time_parse(value, &w->at, err);
}

static void on_domain(void *arg, const char *host, const char *domain)
{
    near_domain(arg, host, domain);
}

/* What the wish may mean is all that was read. */
static int nothing_meant(const struct point_wish *w, struct catalog *catalog)
{
    struct near near = {.text = w->what};
    struct err err = ERR_INIT;

    if (catalog_domains_with_points(catalog, on_domain, &near, &err) == 0)
        point_unknown(&near, &err);
    return cli_fail(w->command, &err);
}

static int points_of_catalog(const struct point_wish *w, const struct config *config,
                             struct point_list *ret)
{
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == 0 && points_meant(catalog, w->what, time(NULL), ret, &err) < 0)
        code = cli_fail(w->command, &err);
    if (code != 0)
        fprintf(stderr,
                "vmkeep: %s: points can be had straight from a repository, without the catalog: "
                "--repository PATH\n",
                w->command);
    else if (ret->n == 0)
        code = nothing_meant(w, catalog);
    catalog_close(catalog);
    return code;
}

static int choose(const struct point_wish *w, struct found_point *f)
{
    const struct point_choice *c = &f->choice;
    struct err err = ERR_INIT;

    if (point_choose(&f->all, w->what, w->has_at ? &w->at : NULL, &f->choice, &err) < 0)
        return cli_fail(w->command, &err);
    if (c->passed_over)
        fprintf(stderr, "vmkeep: %s: %zu newer point%s not whole, and passed over\n", w->command,
                c->passed_over, c->passed_over > 1 ? "s are" : " is");
    if (!c->by_domain && c->point->state != POINT_GOOD && c->point->state != POINT_DELETING)
        fprintf(stderr, "vmkeep: %s: %s is marked %s; trying all the same\n", w->command,
                c->point->id, point_state_name(c->point->state));
    return EXIT_DONE;
}

int found_point_find(const struct point_wish *w, struct found_point *ret)
{
    int code;

    *ret = (struct found_point){0};
    ret->source.no_verify = w->no_verify;
    ret->source.all = &ret->all;
    if (w->repository) {
        code = repository_locate(w->command, w->repository, &ret->repository);
        ret->source.repository = ret->repository;
        if (code == 0)
            code = points_of_repository(w->command, ret->repository, &ret->all);
    } else {
        code = cli_load_config(&ret->config);
        ret->source.config = ret->config;
        if (code == 0)
            code = points_of_catalog(w, ret->config, &ret->all);
    }
    return code ? code : choose(w, ret);
}

/* The point that it is, wherever it lies. */
static const char *what_it_is(const struct point *p)
{
    return p->copy_of ? p->copy_of : p->id;
}

/* The same point in another repository, whole; NULL: there is none. */
static const struct point *other_place(const struct found_point *f, const struct point *p,
                                       char **ret_path)
{
    for (size_t i = 0; i < f->all.n; i++) {
        const struct point *q = &f->all.items[i];
        struct err ignored = ERR_INIT;

        if (q != p && str_eq(what_it_is(q), what_it_is(p)) && q->state != POINT_DELETING &&
            restore_source_check(&f->source, q, ret_path, &ignored) == 0)
            return q;
    }
    return NULL;
}

void found_point_place(const struct point_wish *w, struct found_point *f)
{
    const struct point *p = f->choice.point, *other;
    CLEANUP_FREE char *path = NULL, *there = NULL;
    struct err err = ERR_INIT;

    if (restore_source_check(&f->source, p, &path, &err) == 0 && p->state != POINT_DELETING)
        return;
    other = other_place(f, p, &there);
    if (!other)
        return;
    if (err.code == ERR_NONE)
        err_set(&err, ERR_NOTFOUND, "%s is no point any more", p->id);
    else
        restore_source_lost(&f->source, p);
    fprintf(stderr, "vmkeep: %s: %s; taken from repository %s instead: %s\n", w->command, err.msg,
            other->repository, other->id);
    f->choice.point = other;
}

int found_point_hold(const struct point_wish *w, struct found_point *f)
{
    const struct point *p;
    CLEANUP_FREE char *path = NULL;
    struct held_point h;
    struct err err = ERR_INIT;

    found_point_place(w, f);
    p = f->choice.point;
    if (restore_source_check(&f->source, p, &path, &err) < 0) {
        restore_source_lost(&f->source, p);
        return cli_fail(w->command, &err);
    }
    f->path = realpath(path, NULL);
    h = (struct held_point){w->command, f->config, f->path, p};
    if (!f->path)
        err_errno(&err, errno, "%s", path);
    else if (held_point_take(&h, &f->hold, &err) == 0)
        return EXIT_DONE;
    return cli_fail(w->command, &err);
}

void found_point_done(struct found_point *f)
{
    repository_unhold(&f->hold);
    free(f->path);
    point_list_done(&f->all);
    free(f->repository);
    config_free(f->config);
    *f = (struct found_point){0};
}

void found_point_announce(const struct point_wish *w, const struct found_point *f)
{
    if (!f->choice.by_domain)
        return;
    print_paragraphf(stdout, 0, "", "The %s good point%s is %s.", w->has_at ? "newest" : "latest",
                     w->has_at ? " by then" : "", f->choice.point->id);
    fflush(stdout);
}
