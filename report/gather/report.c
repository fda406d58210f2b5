/* SPDX-License-Identifier: MIT */
#include "report/gather/report.h"

#include "base/text.h"
#include "storage/catalog/catalog_figures.h"

static void on_ended(void *arg, const struct catalog_ended *j)
{
    const struct report_job job = {.id = j->id,
                                   .kind = j->kind,
                                   .host = j->host,
                                   .domain = j->domain,
                                   .policy = j->policy,
                                   .repository = j->repository,
                                   .reason = j->reason,
                                   .backup = str_eq(j->kind, JOB_BACKUP),
                                   .outcome = j->outcome,
                                   .bytes = j->bytes};
    struct report *r = arg;

    if (j->ended <= r->status->now)
        report_add_job(r, &job);
}

int report_gather(struct catalog *catalog, struct report *r, struct err *err)
{
    report_begin(r);
    if (catalog_ended_since(catalog, r->since, on_ended, r, err) < 0)
        return -1;
    report_sort(r);
    return 0;
}
