/* SPDX-License-Identifier: MIT */
#include "cli/points_look.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/store_ask.h"
#include "storage/store/store_records.h"

#define ALL_MS 250 /* for all repositories together */
#define WAIT_S 3
#define CHAINS_MAX 300 /* newest points whose chains are looked at, too */

/* One repository. */
struct glance {
    struct store_asking *asking; /* NULL: nothing is asked */
    struct survey found;
};

struct points_look {
    const struct config *config;
    struct catalog *catalog;
    const struct domain_names *only;
    struct status_looks *looks;
    struct glance *glances; /* one for each look */
};

/* What they stand on, behind them: a look that has no more time has seen the newest.  Of many
 * domains that would cost more than the status itself, and is left to the daemon, which looks
 * before each backup. */
static int add_below(struct catalog *catalog, struct point_list *ret, struct err *err)
{
    size_t newest = ret->n;
    int rc = 0;

    for (size_t i = 0; i < newest && newest <= CHAINS_MAX && rc == 0; i++)
        rc = catalog_points_below(catalog, ret->items[i].id, ret, err);
    return rc;
}

static int newest(struct catalog *catalog, const struct domain_names *domains,
                  struct point_list *ret, struct err *err)
{
    int rc = catalog_instant_begin(catalog, err);

    if (rc < 0)
        return -1;
    for (size_t i = 0; i < domains->n && rc == 0; i++)
        rc = catalog_points_newest(catalog, domains->items[i].host, domains->items[i].domain, ret,
                                   err);
    if (rc == 0)
        rc = add_below(catalog, ret, err);
    catalog_instant_end(catalog);
    return rc;
}

static int newest_of_all(const struct points_look *l, struct point_list *ret, struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names known = {0};

    if (l->only)
        return newest(l->catalog, l->only, ret, err);
    if (domains_known(l->config, l->catalog, &known, err) < 0)
        return -1;
    return newest(l->catalog, &known, ret, err);
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

static void ask(struct glance *g, const char *path, const struct point_list *points, int64_t ms)
{
    const struct survey_scope scope = {.known = points, .glance_ms = ms};
    const struct store_request q = {.repository = path, .scope = &scope};
    const struct ask ask = {"survey",  &store_request_survey, &store_answer_survey, &q,
                            &g->found, .timeout_s = 0};
    struct err ignored = ERR_INIT;

    g->asking = store_ask_begin(&ask, &ignored);
}

static int begin_round(struct points_look *l, bool again, struct err *err)
{
    CLEANUP(point_list_done) struct point_list points = {0};

    if (newest_of_all(l, &points, err) < 0)
        return -1;
    for (size_t i = 0; i < l->looks->n; i++) {
        const struct config_repository *c = &l->config->repositories.items[i];
        struct status_look *look = &l->looks->items[i];
        struct point_list there;

        if (!look->has_space || (again && look->losses.n == 0))
            continue;
        there = choose(&points, c->name, again ? &look->losses : NULL);
        survey_losses_done(&look->losses);
        if (there.n > 0)
            ask(&l->glances[i], c->path, &there, ALL_MS / (int64_t)l->looks->n + 1);
        free(there.items);
    }
    return 0;
}

/* What hangs now, or cannot be looked at, after it was found to be there, is told as such. */
static void take(struct glance *g, const char *path, struct status_look *ret)
{
    struct err err = ERR_INIT;
    int rc = store_ask_end(TAKE_PTR(g->asking), path, WAIT_S, &err);

    if (rc == 0) {
        ret->losses = g->found.losses;
        g->found.losses = (struct survey_losses){0};
        survey_done(&g->found);
    } else if (err.code != ERR_NOTFOUND) { /* that it is not there is told by who looked for it */
        free(ret->problem);
        ret->problem = err.code == ERR_TIMEOUT
                           ? xasprintf("%s: does not answer within %d seconds", path, WAIT_S)
                           : xasprintf("its points cannot be looked at: %s", err.msg);
        ret->has_space = ret->has_space && err.code != ERR_TIMEOUT;
    }
}

/* Whether the looks tell something new now. */
static bool end_round(struct points_look *l)
{
    bool found = false;

    for (size_t i = 0; i < l->looks->n; i++) {
        struct status_look *look = &l->looks->items[i];

        if (!l->glances[i].asking)
            continue;
        take(&l->glances[i], l->config->repositories.items[i].path, look);
        found = found || look->losses.n > 0 || look->problem;
    }
    return found;
}

static bool are_any_there(const struct status_looks *looks)
{
    for (size_t i = 0; i < looks->n; i++)
        if (looks->items[i].has_space)
            return true;
    return false;
}

static void points_look_free(struct points_look *l)
{
    free(l->glances);
    free(l);
}

int points_look_begin(const struct config *config, struct catalog *catalog,
                      const struct domain_names *only, struct status_looks *looks,
                      struct points_look **ret, struct err *err)
{
    struct points_look *l = xcalloc(1, sizeof(*l));

    *l = (struct points_look){.config = config,
                              .catalog = catalog,
                              .only = only,
                              .looks = looks,
                              .glances = xcalloc(looks->n + 1, sizeof(*l->glances))};
    *ret = l;
    if (!are_any_there(looks) || begin_round(l, false, err) == 0)
        return 0;
    points_look_free(l);
    return -1;
}

/* Points are made, merged and removed while we look: what was found then is looked at once more. */
int points_look_end(struct points_look *l, bool *ret_found, struct err *err)
{
    int rc = 0;

    *ret_found = end_round(l);
    if (*ret_found) {
        rc = begin_round(l, true, err);
        end_round(l);
    }
    points_look_free(l);
    return rc;
}

int points_look(const struct config *config, struct catalog *catalog,
                const struct domain_names *only, struct status_looks *looks, struct err *err)
{
    struct points_look *l;
    bool ignored;

    if (points_look_begin(config, catalog, only, looks, &l, err) < 0)
        return -1;
    return points_look_end(l, &ignored, err);
}
