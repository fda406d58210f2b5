/* SPDX-License-Identifier: MIT */
#include "cli/repository_forget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/confirm.h"
#include "cli/repository_facts.h"
#include "report/table.h"

#define ANSWER_S 60

/* What is known before anything is done. */
struct plan {
    const struct forgetting *f;
    const struct config *config;
    struct catalog *catalog;
    struct catalog_lost lost;
    const struct config_repository *configured; /* NULL: none of that name is */
};

static bool same_group(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain) && str_eq(a->policy, b->policy);
}

/* It is under its path, and could be read: then it is not lost. */
static int refuse_present(const struct plan *p, struct err *err)
{
    CLEANUP(repository_facts_done) struct repository_facts f = {0};
    const char *id = p->lost.by_id ? p->f->what : NULL;

    if (!p->configured || p->f->force)
        return 0;
    if (repository_gather(p->configured, p->catalog, &f, err) < 0)
        return -1;
    if (f.problem.code != ERR_NONE || f.view.is_new || (id && strcmp(f.view.id, id) != 0))
        return 0;
    /* The name means that one; points of others that had the name before go by their own ids. */
    if (!id && f.is_known && strcmp(f.known.id, f.view.id) != 0)
        return 0;
    err_set(err, ERR_EXISTS,
            "repository %s is there, at %s (%s), and not lost; points of one that had its name "
            "before go by its id (points --json has it), others with 'vmkeep delete'; --force "
            "takes them all out of the catalog, and leaves their files behind",
            p->configured->name, p->configured->path, f.view.id);
    return -1;
}

/* Is a good point left, of the group and elsewhere? */
static int say_group(const struct plan *p, size_t first, struct err *err)
{
    const struct point *head = &p->lost.points.items[first];
    const struct point_filter of = {
        .host = head->host, .domain = head->domain, .policy = head->policy};
    CLEANUP(point_list_done) struct point_list all = {0};
    size_t n = 0, good = 0;

    for (size_t i = 0; i < p->lost.points.n; i++) {
        if (!same_group(head, &p->lost.points.items[i]))
            continue;
        if (i < first)
            return 0; /* said with that one */
        n++;
    }
    if (catalog_points(p->catalog, &of, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        good +=
            all.items[i].state == POINT_GOOD && !point_list_find(&p->lost.points, all.items[i].id);
    printf("  ");
    print_plain(head->host, stdout);
    putchar('/');
    print_plain(head->domain, stdout);
    printf(" under policy ");
    print_plain(head->policy, stdout);
    printf(": %zu point%s; %zu good one%s elsewhere\n", n, plural_s(n), good, plural_s(good));
    return 0;
}

static int say(const struct plan *p, struct err *err)
{
    size_t n = p->lost.points.n;

    printf("Repository %s: %zu point%s leave%s the catalog. Nothing on disk is touched.\n",
           p->f->what, n, plural_s(n), n == 1 ? "s" : "");
    for (size_t i = 0; i < n; i++)
        if (say_group(p, i, err) < 0)
            return -1;
    if (p->configured && (!p->lost.by_id || p->lost.name))
        printf(
            "%s stays in the configuration, at %s: its next backups are fulls, and what is there "
            "then counts as %s; an empty directory becomes a new repository. Mount the new disk, "
            "or take it out of the configuration, first.\n",
            p->configured->name, p->configured->path, p->configured->name);
    puts("Should its disk be found again, 'vmkeep repository adopt' or 'vmkeep rebuild-catalog' "
         "takes its points into the catalog again.");
    return 0;
}

static int done(const char *what, size_t n)
{
    printf("repository %s is forgotten: %zu point%s left the catalog\n", what, n, plural_s(n));
    return EXIT_DONE;
}

/* No daemon keeps the catalog. */
static int forget_here(const struct plan *p)
{
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    size_t n = 0;
    int rc = catalog_open(p->config->catalog, CATALOG_WRITE, &catalog, &err);

    if (rc == 0)
        rc = catalog_repository_forget(catalog, p->f->what, time(NULL), &n, &err);
    catalog_close(catalog);
    return rc < 0 ? cli_fail("repository forget", &err) : done(p->f->what, n);
}

static int forget(const struct plan *p)
{
    const struct client_request request = {.cmd = "repository-forget",
                                           .args = json_pack("{s:s}", "repository", p->f->what)};
    struct err err = ERR_INIT;
    json_t *result = NULL;
    json_int_t n;
    bool reached = false;

    if (!request.args)
        return cli_usage("repository forget", "an argument is not UTF-8");
    if (client_ask(p->config, &request, ANSWER_S, &result, &reached, &err) < 0)
        return reached ? cli_fail("repository forget", &err) : forget_here(p);
    n = json_integer_value(json_object_get(result, "points"));
    json_decref(result);
    return done(p->f->what, (size_t)n);
}

static int plan_and_forget(void *arg, const struct config *config, struct catalog *catalog)
{
    struct plan p = {.f = arg, .config = config, .catalog = catalog};
    struct err err = ERR_INIT;
    int code;

    if (catalog_lost(catalog, p.f->what, &p.lost, &err) < 0)
        return cli_fail("repository forget", &err);
    p.configured =
        config_repository_find(config, p.lost.name && p.lost.by_id ? p.lost.name : p.f->what);
    if (refuse_present(&p, &err) < 0 || say(&p, &err) < 0) {
        code = cli_fail("repository forget", &err);
    } else if (p.f->dry_run) {
        code = EXIT_DONE;
    } else {
        code = cli_confirm("repository forget", p.f->yes);
        if (code == EXIT_DONE)
            code = forget(&p);
    }
    catalog_lost_done(&p.lost);
    return code;
}

int repository_forget(const struct forgetting *f)
{
    return cli_with_catalog(plan_and_forget, (void *)f);
}
