/* SPDX-License-Identifier: MIT */
#include "cli/restore_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "cli/client.h"
#include "policies/soundness.h"
#include "report/json.h"
#include "storage/catalog/catalog.h"
#include "storage/repository/repository.h"
#include "storage/repository/survey.h"

#define ANSWER_S 10

static const char *command_of(const struct restore_source *s)
{
    return s->command ? s->command : "restore";
}

/* ---- where a point lies ---- */

/* NULL with *err. Borrowed. */
static const char *path_of(const struct restore_source *s, const struct point *p, struct err *err)
{
    const struct config_repository *r;

    if (s->repository)
        return s->repository;
    r = p->repository ? config_repository_find(s->config, p->repository) : NULL;
    if (!r)
        err_set(err, ERR_NOTFOUND,
                "%s: is in repository '%s', which the configuration does not have; give its path "
                "with --repository",
                p->id, p->repository ? p->repository : "");
    return r ? r->path : NULL;
}

/* What is not there may lie on a disk that is not there: that is what its reader must hear. */
static void say_if_away(const struct restore_source *s, const struct point *p, const char *path,
                        struct err *err)
{
    struct err away = ERR_INIT;

    if (!s->repository && p->repository_id &&
        repository_identify(path, p->repository_id, false, NULL, &away) < 0)
        *err = away;
}

int restore_source_check(const struct restore_source *s, const struct point *p, char **ret_path,
                         struct err *err)
{
    CLEANUP(strlist_done) struct strlist odd = {0};
    const char *path = path_of(s, p, err);

    if (!path)
        return -1;
    if (repository_open(path, false, err) < 0 ||
        repository_check_chain_but_lengths(path, p->id, s->no_verify ? &odd : NULL, err) < 0) {
        say_if_away(s, p, path, err);
        return -1;
    }
    *ret_path = xstrdup(path);
    return 0;
}

const struct point *restore_source_next(const struct restore_source *s, const struct point *before)
{
    const struct point *p = before;

    while ((p = point_choose_older(s->all, p))) {
        CLEANUP_FREE char *path = NULL;
        struct err ignored = ERR_INIT;

        if (restore_source_check(s, p, &path, &ignored) == 0)
            return p;
    }
    return NULL;
}

/* ---- damage: problem NULL: none ---- */

static int tell_daemon(const struct config *config, const char *point_id, const char *problem,
                       bool *ret_reached, struct err *err)
{
    const struct client_request r = {
        .cmd = "found-damage",
        .args = json_pack("{s:s, s:o*}", "point", point_id, "problem",
                          problem ? report_json_text(problem) : NULL),
    };
    json_t *answer = NULL;
    int rc = client_ask(config, &r, ANSWER_S, &answer, ret_reached, err);

    json_decref(answer);
    return rc;
}

static int write_catalog(const struct config *config, const char *point_id, const char *problem,
                         struct err *err)
{
    struct catalog *catalog = NULL;
    int rc;

    if (catalog_open(config->catalog, CATALOG_WRITE, &catalog, err) < 0)
        return -1;
    rc = catalog_point_set_damage(catalog, point_id, problem, err);
    catalog_close(catalog);
    return rc;
}

static int mark(const struct config *config, const char *point_id, const char *problem,
                struct err *err)
{
    bool reached = false;

    if (tell_daemon(config, point_id, problem, &reached, err) == 0)
        return 0;
    if (reached)
        return -1;
    *err = ERR_INIT;
    return write_catalog(config, point_id, problem, err);
}

void restore_source_damaged(const struct restore_source *s, const char *point_id,
                            const struct err *why)
{
    CLEANUP_FREE char *problem =
        xasprintf("found by %s: %s", s->command ? "vmkeep verify" : "a restore", why->msg);
    struct err err = ERR_INIT;

    for (size_t i = 0; i < s->all->n; i++)
        if (str_eq(s->all->items[i].id, point_id))
            s->all->items[i].state = POINT_DAMAGED;
    if (!s->config || mark(s->config, point_id, problem, &err) == 0)
        return;
    fprintf(stderr, "vmkeep: %s: %s is damaged, but cannot be marked so: %s\n", command_of(s),
            point_id, err.msg);
}

/* ---- points whose files are not as they were ---- */

static int tell_daemon_to_look(const struct config *config, const char *repository,
                               bool *ret_reached, struct err *err)
{
    const struct client_request r = {.cmd = "look-at-points",
                                     .args = json_pack("{s:s}", "repository", repository)};
    json_t *answer = NULL;
    int rc = client_ask(config, &r, ANSWER_S, &answer, ret_reached, err);

    json_decref(answer);
    return rc;
}

/* The catalog's points of p's domain that should be in p's repository. */
static void points_beside(const struct restore_source *s, const struct point *p,
                          struct point_list *ret)
{
    for (size_t i = 0; i < s->all->n; i++) {
        const struct point *k = &s->all->items[i];

        if (str_eq(k->repository, p->repository) && str_eq(k->host, p->host) &&
            str_eq(k->domain, p->domain) && str_eq(k->repository_id, p->repository_id))
            point_copy(VEC_ADD(ret), k);
    }
}

/* The states of those that are good by the catalog, and are not. */
static int write_losses(const struct config *config, struct point_list *points,
                        const struct survey *found, struct err *err)
{
    CLEANUP_FREE bool *was_good = xcalloc(points->n + 1, sizeof(*was_good));
    struct catalog *catalog = NULL;
    int rc = 0;

    for (size_t i = 0; i < points->n; i++) {
        struct point *p = &points->items[i];
        const struct survey_loss *loss = survey_loss_find(found, p->id);

        was_good[i] = p->state == POINT_GOOD;
        if (!loss || !was_good[i])
            continue;
        p->state = loss->state;
        p->problem = xstrdup(loss->problem);
    }
    soundness_judge(points);
    if (catalog_open(config->catalog, CATALOG_WRITE, &catalog, err) < 0)
        return -1;
    for (size_t i = 0; i < points->n && rc == 0; i++)
        if (was_good[i] && points->items[i].state != POINT_GOOD)
            rc = catalog_point_set_state(catalog, points->items[i].id, points->items[i].state,
                                         points->items[i].problem, err);
    catalog_close(catalog);
    return rc;
}

static int look_and_record(const struct restore_source *s, const struct point *p, const char *path,
                           struct err *err)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(survey_done) struct survey found = {0};
    const struct survey_scope scope = {.host = p->host, .domain = p->domain, .known = &points};

    points_beside(s, p, &points);
    return repository_survey(path, &scope, NULL, &found, err) < 0
               ? -1
               : write_losses(s->config, &points, &found, err);
}

/* Whether the files of p and of what lies beside it are there is looked at anew, by the daemon or
 * else here, and recorded. */
static void look_anew(const struct restore_source *s, const struct point *p)
{
    struct err err = ERR_INIT;
    const char *path = s->config ? path_of(s, p, &err) : NULL;
    bool reached = false;

    /* Of one that is away, or another, nothing new is known of its points. */
    if (!path || repository_identify(path, p->repository_id, false, NULL, &err) < 0)
        return;
    if (tell_daemon_to_look(s->config, p->repository, &reached, &err) == 0)
        return;
    /* Which repository is to hold it is not known: neither, then, whether this is the one. */
    if (!reached && !p->repository_id)
        return;
    err = reached ? err : ERR_INIT;
    if (reached || look_and_record(s, p, path, &err) < 0)
        fprintf(stderr, "vmkeep: %s: %s cannot be marked as it is: %s\n", command_of(s), p->id,
                err.msg);
}

void restore_source_lost(const struct restore_source *s, const struct point *p)
{
    look_anew(s, p);
}

void restore_source_whole(const struct restore_source *s, const struct point *p)
{
    struct err err = ERR_INIT;

    /* Its files, or those that it stands on, were gone, and somebody has brought them back. */
    if (s->config && !p->damage && p->state != POINT_GOOD)
        look_anew(s, p);
    if (!s->config || !p->damage)
        return;
    if (mark(s->config, p->id, NULL, &err) == 0)
        fprintf(stderr, "vmkeep: %s: %s was found whole: it is no longer damaged\n", command_of(s),
                p->id);
    else
        fprintf(stderr, "vmkeep: %s: %s is whole, but cannot be marked so: %s\n", command_of(s),
                p->id, err.msg);
}

/* ---- what was read ---- */

void restore_source_was_read(const struct restore_source *s, const struct point *p,
                             const struct point_reading *r)
{
    struct point_reading now = *r;
    const struct client_request q = {
        .cmd = "was-read",
        .args = json_pack("{s:s, s:I, s:I, s:s}", "point", p->id, "slice", (json_int_t)r->slice,
                          "slices", (json_int_t)r->slices, "result", r->result),
    };
    struct catalog *catalog = NULL;
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    bool reached = false;
    int rc;

    if (!s->config) {
        json_decref(q.args);
        return;
    }
    rc = client_ask(s->config, &q, ANSWER_S, &answer, &reached, &err);
    json_decref(answer);
    if (rc == 0 || reached || catalog_open(s->config->catalog, CATALOG_WRITE, &catalog, &err) < 0)
        return;
    now.at = time(NULL);
    now.job = 0;
    catalog_point_read(catalog, p->id, &now, &err);
    catalog_close(catalog);
}
