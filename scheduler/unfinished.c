/* SPDX-License-Identifier: MIT */
#include "scheduler/unfinished.h"

#include <string.h>

#include "base/cleanup.h"
#include "jobs/prune.h"
#include "scheduler/core.h"
#include "storage/catalog_copy.h"

/* Copies that were interrupted have left something, or a prune of copies has. */
static void prune_copies(struct scheduler *s, const struct cover *c, const struct config_policy *p)
{
    for (size_t i = 0; i < p->copy_to.n; i++) {
        const char *repository = p->copy_to.items[i].repository;
        CLEANUP(point_list_done) struct point_list copies = {0};
        struct err err = ERR_INIT;
        struct job_run *r;
        bool some = false;

        if (catalog_copies_in(s->env.catalog, c->host, c->domain, c->policy, repository, &copies,
                              &err) < 0)
            return;
        for (size_t k = 0; k < copies.n; k++)
            some = some || copies.items[k].state == POINT_DELETING;
        if (some && prune_queue(&s->jobs, c->host, c->domain, c->policy, repository,
                                "after a start: what was interrupted is finished", &r, &err) < 0)
            catalog_trouble(&s->jobs, "queue what was interrupted", &err);
    }
}

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
        prune_copies(s, c, p);
    }
}
