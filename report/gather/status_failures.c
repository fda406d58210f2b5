/* SPDX-License-Identifier: MIT
 *
 * Of the status: jobs beside backups that failed, and have not succeeded since.
 */
#include "base/cleanup.h"
#include "report/gather/status_priv.h"
#include "storage/catalog/catalog_failure.h"

static void add(const struct seen_list *failed, const struct domain_name *d, const char *kind,
                const char *repository, struct status_policy *ret)
{
    const struct job of = {.host = d->host,
                           .domain = d->domain,
                           .policy = ret->name,
                           .kind = (char *)kind,
                           .repository = (char *)repository};
    const struct seen *f = catalog_failure_find(failed, &of);

    if (f)
        *VEC_ADD(&ret->failures) =
            (struct status_failure){xstrdup(kind), xstrdup(repository), xstrdup(f->problem), f->at};
}

void status_add_failures(const struct seen_list *failed, const struct domain_name *d,
                         const struct config_policy *policy, struct status_policy *ret)
{
    if (failed->n == 0)
        return;
    add(failed, d, JOB_PRUNE, policy->repository, ret);
    add(failed, d, JOB_VERIFY, policy->repository, ret);
    for (size_t i = 0; i < policy->copy_to.n; i++) {
        const char *to = policy->copy_to.items[i].repository;

        add(failed, d, JOB_PRUNE, to, ret);
        add(failed, d, JOB_VERIFY, to, ret);
        if (ret->copies.items[i].behind == 0) /* else it is told of that */
            add(failed, d, JOB_COPY, to, ret);
    }
}
