/* SPDX-License-Identifier: MIT
 *
 * A repository that is lost for ever: it leaves the catalog, and one of its name in the
 * configuration is a new one from then on.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "scheduler/core.h"
#include "scheduler/copies.h"
#include "scheduler/resources.h"
#include "scheduler/scheduler.h"
#include "scheduler/watch.h"

/* A job that works there, or has points there in hand. */
static const struct job_run *at_work(const struct scheduler *s, const struct catalog_lost *lost)
{
    for (size_t i = 0; i < s->jobs.runs.n; i++) {
        const struct job_run *r = s->jobs.runs.items[i];

        if (!r->admitted)
            continue;
        if (str_eq(r->row.repository, lost->name))
            return r;
        for (size_t k = 0; k < lost->points.n; k++)
            if (str_eq(r->row.host, lost->points.items[k].host) &&
                str_eq(r->row.domain, lost->points.items[k].domain) &&
                str_eq(r->row.repository, lost->points.items[k].repository))
                return r;
    }
    return NULL;
}

int scheduler_forget_repository(struct scheduler *s, const char *what, size_t *ret_points,
                                struct err *err)
{
    CLEANUP(catalog_lost_done) struct catalog_lost lost = {0};
    const struct job_run *busy;

    if (env_refuse_draining(&s->jobs, err) < 0 ||
        catalog_lost(s->env.catalog, what, &lost, err) < 0)
        return -1;
    busy = at_work(s, &lost);
    if (busy)
        return err_set(err, ERR_BUSY,
                       "repository %s: job %lld works there; wait for it, or 'vmkeep cancel %lld'",
                       what, (long long)busy->row.id, (long long)busy->row.id);
    if (catalog_repository_forget(s->env.catalog, what, env_now(&s->jobs), ret_points, err) < 0)
        return -1;
    log_notice("repository %s is lost for ever: %zu point%s left the catalog", what, *ret_points,
               plural_s(*ret_points));
    if (lost.name || !lost.by_id)
        resources_renew_repo(s, lost.name ? lost.name : what);
    watch_all(s);
    copies_consider(s);
    return 0;
}
