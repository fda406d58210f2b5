/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_failure.h"

#include "base/cleanup.h"
#include "base/text.h"

#define KIND "failed-job"

/* None of the names has a tab. */
static char *name_of(const struct job *j)
{
    return xasprintf("%s/%s\t%s\t%s\t%s", j->host, j->domain, j->policy, j->kind, j->repository);
}

int catalog_failure_note(struct catalog *c, const struct job *j, int64_t now, struct err *err)
{
    CLEANUP_FREE char *name = name_of(j);
    CLEANUP_FREE char *problem =
        xasprintf("job %lld: %s", (long long)j->id, j->reason ? j->reason : "no reason recorded");

    if (j->outcome == OUTCOME_SUCCESS)
        return catalog_seen_forget(c, KIND, name, err);
    if (j->outcome != OUTCOME_FAILED)
        return 0;
    return catalog_seen_put(c, KIND, name, "failed", problem, NULL, now, err);
}

int catalog_failures(struct catalog *c, struct seen_list *ret, struct err *err)
{
    return catalog_seen(c, KIND, ret, err);
}

const struct seen *catalog_failure_find(const struct seen_list *l, const struct job *of)
{
    CLEANUP_FREE char *name = l->n > 0 ? name_of(of) : NULL;

    return name ? seen_list_find(l, name) : NULL;
}
