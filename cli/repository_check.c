/* SPDX-License-Identifier: MIT */
#include "cli/repository_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/open_jobs.h"
#include "cli/repository_compare.h"
#include "report/json.h"
#include "report/table.h"
#include "storage/repository/survey.h"

/* A journal outlives the directory of its point for a moment. */
static void compare_merging(const struct repository_facts *f, const struct point_list *known,
                            const struct survey *found, struct differences *l)
{
    for (size_t i = 0; i < found->merging.n; i++) {
        const char *id = found->merging.items[i];

        if (point_list_find(&f->view.points, id) || point_list_find(known, id))
            differ(l, "merging", id, "its merge into another point has begun, and is not finished",
                   "the next prune finishes it; until then both can be restored");
        else
            differ(l, "merging", id, "a merge that is done has left its journal",
                   "it harms nothing; 'vmkeep rebuild-catalog' has it removed");
    }
}

static void compare_points(const struct repository_facts *f, const struct survey *found,
                           const char *ours, struct differences *l)
{
    for (size_t i = 0; i < found->losses.n; i++) {
        const struct survey_loss *loss = &found->losses.items[i];

        if (differ(l, point_state_name(loss->state), loss->id, loss->problem,
                   "no new point is based on it, and it counts for no rule"))
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
        if (differ(l, point_state_name(POINT_DAMAGED), p->id, p->damage,
                   "no new point is based on it, and it counts for no rule"))
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
    else if (strcmp(state, "empty") == 0)
        differ(l, state, f->config->name,
               "it is empty, and a repository was there: is its disk not mounted?",
               "no job writes there until it is mounted; only if it is lost for good, 'vmkeep "
               "repository adopt' makes a new one there");
    else if (strcmp(state, "foreign") == 0)
        differ(
            l, state, f->config->name, "it is not the repository that the catalog knows",
            "no job writes there until that one is mounted; 'vmkeep repository adopt' takes this "
            "one over");
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

/* Everything that is compared where the repository is the one that is meant. */
static void compare_contents(const struct repository_facts *f, const struct point_list *known,
                             const struct survey *found, struct differences *l)
{
    compare_damage(f, known, found, l);
    compare_merging(f, known, found, l);
    compare_manifests(f, known, l);
    compare_trees(f, found, l);
}

/* Jobs that run there by the catalog, while the daemon does. */
static int add_at_work(const struct config *config, const struct config_repository *c,
                       struct catalog *catalog, struct job_list *ret, struct err *err)
{
    CLEANUP(open_jobs_done) struct open_jobs open = {.config = config};
    const struct job_filter active = {.active = true};
    struct job_list all = {0};

    if (catalog_jobs(catalog, &active, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.items[i].repository, c->name) && all.items[i].state == JOB_RUNNING &&
            !open_jobs_interrupted(&open, &all.items[i]))
            *VEC_ADD(ret) = all.items[i];
        else
            job_done(&all.items[i]);
    free(all.items);
    return 0;
}

static int gather_and_compare(const struct config *config, const struct config_repository *c,
                              struct catalog *catalog, struct differences *l, struct err *err)
{
    CLEANUP(job_list_done) struct job_list at_work = {0};
    const struct point_filter of = {.repository = c->name};
    CLEANUP(repository_facts_done) struct repository_facts f = {0};
    CLEANUP(point_list_done) struct point_list known = {0};
    CLEANUP(survey_done) struct survey found = {0};
    CLEANUP(domain_names_done) struct domain_names domains = {0};
    bool good;

    /* Looked for before and after: what ends meanwhile, and what begins. */
    if (add_at_work(config, c, catalog, &at_work, err) < 0 ||
        repository_gather(c, catalog, &f, err) < 0 ||
        domains_known(config, catalog, &domains, err) < 0 ||
        catalog_points(catalog, &of, &known, err) < 0 ||
        (f.problem.code == ERR_NONE && !f.view.is_new &&
         survey_here(&f, &known, &found, err) < 0) ||
        add_at_work(config, c, catalog, &at_work, err) < 0)
        return -1;
    l->at_work = &at_work;
    good = f.problem.code == ERR_NONE && !f.view.is_new;
    compare(&f, good ? &found : NULL, &domains, catalog_id(catalog), l);
    if (good)
        compare_mount(config, c, catalog, l);
    if (good && strcmp(repository_state(&f), "foreign") != 0)
        compare_contents(&f, &known, &found, l);
    compare_checkpoints(config, &known, l);
    l->at_work = NULL;
    return 0;
}

int repository_check_one(const struct config *config, const struct config_repository *c,
                         struct catalog *catalog, bool json)
{
    struct differences l = {.list = json_array()};
    struct err err = ERR_INIT;
    int code;

    if (gather_and_compare(config, c, catalog, &l, &err) < 0) {
        json_decref(l.list);
        return cli_fail(c->name, &err);
    }
    code = check_code(&l);
    if (json) {
        report_json_print(l.list, stdout);
        return code;
    }
    print_differences(&l);
    json_decref(l.list);
    return code;
}
