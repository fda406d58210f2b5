/* SPDX-License-Identifier: MIT
 *
 * A policy that was taken out of the configuration, or does not select a domain any more, leaves
 * a checkpoint there: a bitmap that costs each write of the guest a little, and its image some
 * space.  A policy that comes back (it was a mistake, or a trial) could go on with it.  So it stays
 * for a grace of some days, from the day since when the policy is away (table coverage), and is
 * released then; or at once, on request.  What is released is written down first (dropping), then
 * goes at the hypervisor, by a job of its own or with the domain's next one.
 */
#include "scheduler/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"
#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "jobs/checkpoint_prune.h"
#include "scheduler/clock_watch.h"
#include "scheduler/core.h"
#include "scheduler/coverage.h"

/* No host has the domain: nobody can delete its bitmaps.  Should it come back, those that no row
 * names are ours by their names, and go then. */
static bool is_nowhere(struct scheduler *s, const struct checkpoint *k)
{
    const struct host *h = host_find(&s->jobs, k->host);

    return !h || (h->known && !strlist_has(&h->watch->names, k->domain));
}

static int release(struct scheduler *s, const struct checkpoint *k, const char *why,
                   struct job_ids *ids, struct err *err)
{
    int64_t job;

    if (catalog_release(s->env.catalog, k->host, k->domain, k->policy, err) < 0)
        return -1;
    log_notice("domain=%s/%s checkpoint %s of policy %s is released: %s", k->host, k->domain,
               k->name, k->policy, why);
    if (is_nowhere(s, k)) {
        MARK("a checkpoint is forgotten that nobody can delete");
        log_warning("domain=%s/%s there is no way to it any more: if it is there still, remove its "
                    "bitmaps %s.DISK by QMP's block-dirty-bitmap-remove, or, while it is shut off, "
                    "by `qemu-img bitmap --remove IMAGE %s.DISK`",
                    k->host, k->domain, k->name, k->name);
        return catalog_checkpoint_delete(s->env.catalog, k->host, k->domain, k->name, err);
    }
    if (checkpoint_prune_queue(&s->jobs, k->host, k->domain, why, &job, err) < 0)
        return -1;
    for (size_t i = 0; i < ids->n; i++)
        if (ids->items[i] == job)
            return 0;
    *VEC_ADD(ids) = job;
    return 0;
}

/* The last checkpoint of a policy that does not cover the domain. */
static bool is_left(struct scheduler *s, const struct checkpoint *k)
{
    return k->state == CHECKPOINT_CURRENT && !coverage_wants(s, k->host, k->domain, k->policy);
}

/* A catalog of an older version did not keep since when a policy is away: since now. */
static int note_old_ones(struct scheduler *s, struct err *err)
{
    struct checkpoint_list rows = {0};
    struct cover_list all = {0};
    int rc = 0;

    if (s->left_noted)
        return 0;
    if (catalog_coverage(s->env.catalog, &all, err) < 0 ||
        catalog_checkpoints(s->env.catalog, NULL, NULL, &rows, err) < 0)
        rc = -1;
    for (size_t i = 0; i < rows.n && rc == 0; i++) {
        const struct checkpoint *k = &rows.items[i];

        if (is_left(s, k) && !cover_list_find(&all, k->host, k->domain, k->policy))
            rc = catalog_uncover(s->env.catalog, k->host, k->domain, k->policy, env_now(&s->jobs),
                                 err);
    }
    checkpoint_list_done(&rows);
    cover_list_done(&all);
    s->left_noted = rc == 0;
    return rc;
}

/* The grace is over. */
static int release_of(struct scheduler *s, const struct cover_row *c, struct job_ids *ids,
                      struct err *err)
{
    struct checkpoint_list rows = {0};
    bool found = false;
    int rc;

    if (catalog_checkpoints(s->env.catalog, c->host, c->domain, &rows, err) < 0)
        return -1;
    rc = 0;
    for (size_t i = 0; i < rows.n && rc == 0; i++) {
        const struct checkpoint *k = &rows.items[i];

        if (!str_eq(k->policy, c->policy) || !is_left(s, k))
            continue;
        MARK("a checkpoint is released when its policy's grace is over");
        found = true;
        rc = release(s, k, "its policy has not covered the domain for 7 days", ids, err);
    }
    if (!found && rc == 0)
        rc = catalog_release(s->env.catalog, c->host, c->domain, c->policy, err);
    checkpoint_list_done(&rows);
    return rc;
}

void release_due(struct scheduler *s)
{
    struct cover_list all = {0};
    struct job_ids ids = {0};
    struct err err = ERR_INIT;
    int rc;

    if (!s->settled || s->jobs.draining || clock_watch_doubt(s))
        return;
    rc = note_old_ones(s, &err);
    if (rc == 0)
        rc = catalog_coverage(s->env.catalog, &all, &err);
    for (size_t i = 0; i < all.n && rc == 0; i++)
        if (all.items[i].away != 0 && env_now(&s->jobs) - all.items[i].away >= RELEASE_GRACE_S)
            rc = release_of(s, &all.items[i], &ids, &err);
    if (rc < 0)
        catalog_trouble(&s->jobs, "release checkpoints", &err);
    cover_list_done(&all);
    free(ids.items);
}

/* ---- on request ---- */

static int release_meant(struct scheduler *s, const struct checkpoint_list *rows,
                         const struct domain_search *one, struct job_ids *ret, struct err *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct checkpoint *k = &rows->items[i];

        if (one->text && (!str_eq(one->host, k->host) || !str_eq(one->domain, k->domain)))
            continue;
        if (k->state == CHECKPOINT_CURRENT && *k->policy && (is_left(s, k) || is_nowhere(s, k)) &&
            release(s, k, "asked for by hand: no policy needs it", ret, err) < 0)
            return -1;
    }
    return 0;
}

int release_now(struct scheduler *s, const char *domain, struct job_ids *ret, struct err *err)
{
    CLEANUP(domain_search_done) struct domain_search one = {.text = domain};
    struct checkpoint_list rows = {0};
    int rc;

    if (env_refuse_draining(&s->jobs, err) < 0 ||
        catalog_checkpoints(s->env.catalog, NULL, NULL, &rows, err) < 0)
        return -1;
    for (size_t i = 0; domain && i < rows.n; i++)
        domain_search_offer(&one, rows.items[i].host, rows.items[i].domain);
    rc = domain ? domain_search_end(&one, err) : 0;
    if (rc == 0 && domain && !one.host)
        rc = err_set(err, ERR_NOTFOUND, "no domain '%s' has a checkpoint", domain);
    if (rc == 0)
        rc = release_meant(s, &rows, &one, ret, err);
    checkpoint_list_done(&rows);
    return rc;
}
