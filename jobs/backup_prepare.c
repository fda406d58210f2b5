/* SPDX-License-Identifier: MIT
 *
 * The point's directory is made: its images, empty, and how its domain is started.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "jobs/backup_run.h"

/* How a domain that is shut off is started is not known: what its last point has, of when it
 * ran. */
static void last_definition(struct job_run *r, struct definition_list *ret)
{
    const struct backup_run *run = backup_of(r);

    if (run->has_base && run->hv.facts->definitions.n == 0)
        definition_list_add(ret, "qemu.args", NULL,
                            xasprintf("%s/%s/qemu.args", r->repo->path, run->base.id));
}

struct op *backup_prepare(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);
    CLEANUP(definition_list_done) struct definition_list kept = {0};
    const struct point_origin origin = {
        .definitions = run->hv.facts->definitions.n ? &run->hv.facts->definitions : &kept,
        .uid = run->hv.facts->uid,
        .gid = run->hv.facts->gid,
    };
    struct store_scratch scratch = backup_plan_scratch(r);
    CLEANUP(owned_list_done) struct owned_list owned = {0};

    if (run->hv.facts->secrets)
        log_notice("job=%lld domain=%s/%s %u secret%s of QEMU's command line %s left out of %s",
                   (long long)r->row.id, r->row.host, r->row.domain, run->hv.facts->secrets,
                   run->hv.facts->secrets == 1 ? "" : "s",
                   run->hv.facts->secrets == 1 ? "is" : "are",
                   run->hv.facts->definitions.items[0].name);
    r->env->ops->owned(r->env, r, &owned);
    scratch.owned = &owned;
    last_definition(r, &kept);
    run->reached = MADE_PARTIAL;
    return r->repo->store->ops->prepare(r->repo->store, &r->row.plan, &origin, &scratch, job_on_op,
                                        r, err);
}
