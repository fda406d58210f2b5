/* SPDX-License-Identifier: MIT */
#include "cli/points_look.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/store_ask.h"
#include "storage/store_records.h"

#define ALL_MS 250 /* for all repositories together */
#define WAIT_S 3

/* Points are made, merged and removed while we look: what was found then is looked at once more. */
#define ROUNDS 2

static int newest(struct catalog *catalog, const struct domain_names *domains,
                  struct point_list *ret, struct err *err)
{
    int rc = catalog_instant_begin(catalog, err);

    if (rc < 0)
        return -1;
    for (size_t i = 0; i < domains->n && rc == 0; i++)
        rc = catalog_points_newest(catalog, domains->items[i].host, domains->items[i].domain, ret,
                                   err);
    catalog_instant_end(catalog);
    return rc;
}

static bool was_lost(const struct survey_losses *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].id, id))
            return true;
    return false;
}

/* Those that are to be there, and of them, in a second round, those that were lost in the first;
 * borrowed. */
static struct point_list choose(const struct point_list *points, const char *repository,
                                const struct survey_losses *lost)
{
    struct point_list ret = {0};

    for (size_t i = 0; i < points->n; i++)
        if (str_eq(points->items[i].repository, repository) &&
            (!lost || was_lost(lost, points->items[i].id)))
            *VEC_ADD(&ret) = points->items[i];
    return ret;
}

/* What hangs now, after it was found to be there, is told as such. */
static void look(const struct config_repository *c, const struct point_list *points, int64_t ms,
                 struct status_look *ret)
{
    const struct survey_scope scope = {.known = points, .glance_ms = ms};
    const struct store_request q = {.repository = c->path, .scope = &scope};
    CLEANUP(survey_done) struct survey found = {0};
    const struct ask ask = {"survey", &store_request_survey, &store_answer_survey, &q,
                            &found,   .timeout_s = 0};
    struct err err = ERR_INIT;
    int rc = store_ask(&ask, c->path, WAIT_S, &err);

    survey_losses_done(&ret->losses);
    if (rc == 0) {
        ret->losses = found.losses;
        found.losses = (struct survey_losses){0};
    } else if (err.code == ERR_TIMEOUT) {
        free(ret->problem);
        ret->problem = xasprintf("%s: does not answer within %d seconds", c->path, WAIT_S);
        ret->has_space = false;
    }
}

static void look_at_all(const struct config *config, const struct point_list *points, bool again,
                        struct status_looks *looks)
{
    for (size_t i = 0; i < looks->n; i++) {
        const struct config_repository *c = &config->repositories.items[i];
        struct status_look *l = &looks->items[i];
        struct point_list there;

        if (!l->has_space || (again && l->losses.n == 0))
            continue;
        there = choose(points, c->name, again ? &l->losses : NULL);
        if (there.n > 0)
            look(c, &there, ALL_MS / (int64_t)looks->n + 1, l);
        else
            survey_losses_done(&l->losses);
        free(there.items);
    }
}

static bool are_any_there(const struct status_looks *looks)
{
    for (size_t i = 0; i < looks->n; i++)
        if (looks->items[i].has_space)
            return true;
    return false;
}

static bool are_any_lost(const struct status_looks *looks)
{
    for (size_t i = 0; i < looks->n; i++)
        if (looks->items[i].losses.n > 0)
            return true;
    return false;
}

int points_look(const struct config *config, struct catalog *catalog,
                const struct domain_names *only, struct status_looks *looks, struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names known = {0};

    if (!are_any_there(looks))
        return 0;
    if (!only && domains_known(config, catalog, &known, err) < 0)
        return -1;
    for (int round = 0; round < ROUNDS && (round == 0 || are_any_lost(looks)); round++) {
        CLEANUP(point_list_done) struct point_list points = {0};

        if (newest(catalog, only ? only : &known, &points, err) < 0)
            return -1;
        look_at_all(config, &points, round > 0, looks);
    }
    return 0;
}
