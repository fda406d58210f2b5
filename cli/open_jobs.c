/* SPDX-License-Identifier: MIT */
#include "cli/open_jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/client.h"
#include "report/wrap.h"

static bool is_down(const struct open_jobs *o)
{
    return o->asked && o->daemon.problem && sources_none_runs(o->daemon.error);
}

bool open_jobs_interrupted(struct open_jobs *o, const struct job *j)
{
    if (j->state == JOB_ENDED)
        return false;
    if (!o->asked)
        sources_ask_daemon(o->config, &o->daemon);
    o->asked = true;
    return j->state == JOB_RUNNING && is_down(o);
}

const char *open_jobs_state(struct open_jobs *o, const struct job *j)
{
    return open_jobs_interrupted(o, j) ? "interrupted" : job_state_name(j->state);
}

void open_jobs_tell(const struct open_jobs *o)
{
    struct err err = ERR_INIT;

    if (!o->asked || !o->daemon.problem)
        return;
    err_set(&err, o->daemon.error, "%s%s", o->daemon.problem,
            is_down(o) ? "; it settles what it left open when it starts" : "");
    cli_fail(NULL, &err);
    client_advise(&err);
}

void open_jobs_done(struct open_jobs *o)
{
    free(o->daemon.problem);
    free(o->daemon.version);
    free(o->daemon.catalog_problem);
}
