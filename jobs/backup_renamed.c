/* SPDX-License-Identifier: MIT
 *
 * A domain that was renamed begins anew; its points of before stand under its old name.
 */
#include "base/cleanup.h"
#include "base/timefmt.h"
#include "jobs/backup_run.h"

char *backup_renamed(const struct job_run *r)
{
    const struct backup_run *run = backup_of(r);
    CLEANUP_FREE char *name = xasprintf("%s/%s", r->row.host, r->row.domain);
    CLEANUP_FREE char *was = NULL;
    struct err ignored = ERR_INIT;
    char until[TIMEFMT_MAX];
    int64_t at = 0;

    if (run->has_base || !run->hv.facts->uuid ||
        catalog_gone_name(r->env->catalog, name, run->hv.facts->uuid, &was, &at, &ignored) < 0 ||
        !was)
        return NULL;
    return xasprintf("; the domain was '%s' until %s, under which its older points stay", was,
                     time_local(at, until));
}
