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
#include "report/json.h"
#include "report/wrap.h"

#define ANSWER_S 60

/* Points of one domain under one policy. */
struct group {
    const struct point *head;
    size_t n, elsewhere; /* of these, how many; good ones that are left */
};

/* What is known before anything is done. */
struct plan {
    const struct forgetting *f;
    const struct config *config;
    struct catalog *catalog;
    struct catalog_lost lost;
    const struct config_repository *configured; /* NULL: none of that name is */
    VEC(struct group) groups;
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

static struct group *group_of(struct plan *p, const struct point *q)
{
    struct group *ret;

    for (size_t i = 0; i < p->groups.n; i++)
        if (same_group(p->groups.items[i].head, q))
            return &p->groups.items[i];
    ret = VEC_ADD(&p->groups);
    *ret = (struct group){.head = q};
    return ret;
}

/* Is a good point left, of the group and elsewhere? */
static int count_elsewhere(const struct plan *p, struct group *g, struct err *err)
{
    const struct point_filter of = {.host = g->head->host,
                                    .domain = g->head->domain,
                                    .policy = g->head->policy,
                                    .copies = true};
    CLEANUP(point_list_done) struct point_list all = {0};

    if (catalog_points(p->catalog, &of, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        g->elsewhere +=
            all.items[i].state == POINT_GOOD && !point_list_find(&p->lost.points, all.items[i].id);
    return 0;
}

static int find_groups(struct plan *p, struct err *err)
{
    for (size_t i = 0; i < p->lost.points.n; i++)
        group_of(p, &p->lost.points.items[i])->n++;
    for (size_t i = 0; i < p->groups.n; i++)
        if (count_elsewhere(p, &p->groups.items[i], err) < 0)
            return -1;
    return 0;
}

/* ---- saying it ---- */

/* What becomes of its name in the configuration; NULL: it is not there. */
static const struct config_repository *stays(const struct plan *p)
{
    return p->configured && (!p->lost.by_id || p->lost.name) ? p->configured : NULL;
}

static void say(const struct plan *p)
{
    const struct config_repository *c = stays(p);
    size_t n = p->lost.points.n;

    print_paragraphf(stdout, 0, "",
                     "Repository %s would be forgotten: its %zu point%s would leave the catalog, "
                     "and their checkpoints would go. Nothing on disk is touched.",
                     p->f->what, n, plural_s(n));
    for (size_t i = 0; i < p->groups.n; i++) {
        const struct group *g = &p->groups.items[i];

        print_paragraphf(stdout, 2, "  ",
                         "%s/%s under policy %s: %zu point%s; %zu good one%s elsewhere",
                         g->head->host, g->head->domain, g->head->policy, g->n, plural_s(g->n),
                         g->elsewhere, plural_s(g->elsewhere));
    }
    if (c)
        print_paragraphf(stdout, 0, "",
                         "%s stays in the configuration: backups go on to %s, as soon as a "
                         "repository, or an empty directory, is there; the next ones are "
                         "fulls. Mount the new disk first, or take %s out of the "
                         "configuration.",
                         c->name, c->path, c->name);
    print_paragraphf(stdout, 0, "",
                     "If the lost disk is found again, 'vmkeep repository adopt' or 'vmkeep "
                     "rebuild-catalog' takes its points into the catalog again.");
}

static void print_json(const struct plan *p, bool done)
{
    const struct config_repository *c = stays(p);
    json_t *groups = json_array();

    for (size_t i = 0; i < p->groups.n; i++) {
        const struct group *g = &p->groups.items[i];

        json_array_append_new(groups, json_pack("{s:o, s:o, s:o, s:o, s:o}", "domain",
                                                report_json_text(g->head->domain), "host",
                                                report_json_text(g->head->host), "policy",
                                                report_json_text(g->head->policy), "points",
                                                report_json_number((int64_t)g->n), "good_elsewhere",
                                                report_json_number((int64_t)g->elsewhere)));
    }
    report_json_print(
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "repository", report_json_text(p->f->what), "points",
                  report_json_number((int64_t)p->lost.points.n), "stays",
                  report_json_text(c ? c->name : NULL), "groups", groups, "done", done),
        stdout);
}

static int done(const struct plan *p, size_t n)
{
    if (p->f->json)
        print_json(p, true);
    else
        print_paragraphf(stdout, 0, "", "repository %s is forgotten: %zu point%s left the catalog",
                         p->f->what, n, plural_s(n));
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
    return rc < 0 ? cli_fail("repository forget", &err) : done(p, n);
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
    return done(p, (size_t)n);
}

static int plan_and_forget(void *arg, const struct config *config, struct catalog *catalog)
{
    struct plan p = {.f = arg, .config = config, .catalog = catalog};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (catalog_lost(catalog, p.f->what, &p.lost, &err) < 0)
        return cli_fail("repository forget", &err);
    p.configured =
        config_repository_find(config, p.lost.name && p.lost.by_id ? p.lost.name : p.f->what);
    if (refuse_present(&p, &err) < 0 || find_groups(&p, &err) < 0)
        code = cli_fail("repository forget", &err);
    else if (!p.f->json)
        say(&p);
    else if (p.f->dry_run)
        print_json(&p, false);
    if (code == EXIT_DONE && !p.f->dry_run)
        code = cli_confirm("repository forget", p.f->yes);
    if (code == EXIT_DONE && !p.f->dry_run)
        code = forget(&p);
    free(p.groups.items);
    catalog_lost_done(&p.lost);
    return code;
}

int repository_forget(const struct forgetting *f)
{
    return cli_with_catalog(plan_and_forget, (void *)f);
}
