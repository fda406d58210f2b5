/* SPDX-License-Identifier: MIT */
#include "scheduler/unfinished.h"

#include <string.h>

#include "jobs/prune.h"
#include "scheduler/core.h"

static bool needs_prune(struct scheduler *s, const struct cover *c)
{
    const struct point_filter filter = {.host = c->host, .domain = c->domain, .policy = c->policy};
    struct checkpoint_list rows = {0};
    struct point_list points = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_points(s->env.catalog, &filter, &points, &err) == 0)
        for (size_t i = 0; i < points.n; i++)
            ret = ret || points.items[i].state == POINT_DELETING;
    if (catalog_checkpoints(s->env.catalog, c->host, c->domain, &rows, &err) == 0)
        for (size_t i = 0; i < rows.n; i++)
            ret = ret || (rows.items[i].state == CHECKPOINT_DROPPING &&
                          strcmp(rows.items[i].policy, c->policy) == 0);
    point_list_done(&points);
    checkpoint_list_done(&rows);
    return ret;
}

void unfinished_prune(struct scheduler *s)
{
    for (size_t i = 0; i < s->covers.n; i++) {
        const struct cover *c = &s->covers.items[i];
        const struct config_policy *p = config_policy_find(s->config, c->policy);
        struct err err = ERR_INIT;
        struct job_run *r;

        if (needs_prune(s, c) &&
            prune_queue(&s->jobs, c->host, c->domain, c->policy, p->repository,
                        "after a start: what was interrupted is finished", &r, &err) < 0)
            catalog_trouble(&s->jobs, "queue what was interrupted", &err);
    }
}
