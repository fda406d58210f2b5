/* SPDX-License-Identifier: MIT */
#include "scheduler/unfinished.h"

#include <string.h>

#include "base/cleanup.h"
#include "jobs/prune.h"
#include "scheduler/core.h"

static void finish(struct scheduler *s, const char *host, const char *domain, const char *policy,
                   const char *repository)
{
    struct err err = ERR_INIT;
    struct job_run *r;

    if (prune_queue(&s->jobs, host, domain, policy, repository, "what was interrupted is finished",
                    &r, &err) < 0)
        catalog_trouble(&s->jobs, "queue what was interrupted", &err);
}

/* Points that were going, of whomever: a domain that nobody covers any more, too. */
static void finish_points(struct scheduler *s)
{
    CLEANUP(point_list_done) struct point_list going = {0};
    struct err err = ERR_INIT;

    if (catalog_points_going(s->env.catalog, &going, &err) < 0) {
        catalog_trouble(&s->jobs, "find what was interrupted", &err);
        return;
    }
    for (size_t i = 0; i < going.n; i++) {
        const struct point *p = &going.items[i];

        if (repo_find(&s->jobs, p->repository))
            finish(s, p->host, p->domain, p->policy, p->repository);
    }
}

static bool drops_checkpoints(struct scheduler *s, const struct cover *c)
{
    struct checkpoint_list rows = {0};
    struct err err = ERR_INIT;
    bool ret = false;

    if (catalog_checkpoints(s->env.catalog, c->host, c->domain, &rows, &err) == 0)
        for (size_t i = 0; i < rows.n; i++)
            ret = ret || (rows.items[i].state == CHECKPOINT_DROPPING &&
                          strcmp(rows.items[i].policy, c->policy) == 0);
    checkpoint_list_done(&rows);
    return ret;
}

void unfinished_prune(struct scheduler *s)
{
    finish_points(s);
    for (size_t i = 0; i < s->covers.n; i++) {
        const struct cover *c = &s->covers.items[i];

        if (drops_checkpoints(s, c))
            finish(s, c->host, c->domain, c->policy,
                   config_policy_find(s->config, c->policy)->repository);
    }
}
