/* SPDX-License-Identifier: MIT */
#include "jobs/obstacle.h"

#include <stdio.h>

#include "base/text.h"

const char *obstacle_code_name(enum obstacle_code code)
{
    static const char *const words[] = {
        "none",       "start",        "stop", "limit",  "host-limit", "repository-limit",
        "kind-limit", "host-changed", "host", "guest",  "chain",      "comparison",
        "catalog",    "answer",       "thaw", "others", "reader"};

    return words[code];
}

/* "job 12 (full of policy nightly)" */
static void job_words(const struct job *j, char ret[ERR_MSG_MAX])
{
    const char *what = str_eq(j->kind, JOB_BACKUP) ? level_name(j->level) : j->kind;

    if (!j->id)
        snprintf(ret, ERR_MSG_MAX, "a backup by hand that is just being begun");
    else if (str_eq(j->kind, JOB_BACKUP_BEGIN))
        snprintf(ret, ERR_MSG_MAX, "job %lld (%s by hand)", (long long)j->id, level_name(j->level));
    else
        snprintf(ret, ERR_MSG_MAX, "job %lld (%s%s%s)", (long long)j->id, what,
                 *j->policy ? " of policy " : "", j->policy);
}

static void other_text(const struct obstacle *o, char ret[ERR_MSG_MAX])
{
    char who[ERR_MSG_MAX];

    if (o->job)
        job_words(o->job, who);
    else
        snprintf(who, sizeof(who), "%s", o->request ? o->request : "somebody else");
    if (o->code == OBSTACLE_GUEST)
        snprintf(ret, ERR_MSG_MAX, "%.400s of the same domain", who);
    else
        snprintf(ret, ERR_MSG_MAX, "%.400s, which works on the same points", who);
}

static void limit_text(const struct obstacle *o, char ret[ERR_MSG_MAX])
{
    const char *jobs = o->limit == 1 ? "job runs" : "jobs run";

    if (o->code == OBSTACLE_LIMIT)
        snprintf(ret, ERR_MSG_MAX, "a place: %d %s at once (limits.jobs)", o->limit, jobs);
    else if (o->code == OBSTACLE_HOST_LIMIT)
        snprintf(ret, ERR_MSG_MAX, "a place at host %s: %d %s there at once (limits.jobs_per_host)",
                 o->name, o->limit, jobs);
    else if (o->code == OBSTACLE_KIND_LIMIT)
        snprintf(ret, ERR_MSG_MAX, "a place: %d %s %s at once (limits.%s)", o->limit, o->name, jobs,
                 o->name);
    else
        snprintf(ret, ERR_MSG_MAX,
                 "a place in repository %s: %d %s there at once (limits.jobs_per_repository)",
                 o->name, o->limit, jobs);
}

static void own_text(const struct obstacle *o, char ret[ERR_MSG_MAX])
{
    const char *colon = o->problem ? ": " : "", *problem = o->problem ? o->problem : "";

    if (o->code == OBSTACLE_COMPARISON)
        snprintf(ret, ERR_MSG_MAX, "a look at repository %s, which is tried once a minute",
                 o->name);
    else if (o->code == OBSTACLE_CATALOG)
        snprintf(ret, ERR_MSG_MAX, "the catalog, which cannot be written%s%s", colon, problem);
    else if (o->code == OBSTACLE_READER)
        snprintf(ret, ERR_MSG_MAX, "somebody who reads what is to go%s%s", colon, problem);
    else if (o->code == OBSTACLE_OTHERS)
        snprintf(ret, ERR_MSG_MAX,
                 "somebody else to be done with the domain, %d minutes at most%s%s",
                 OTHERS_WAIT_S / 60, colon, problem);
    else if (o->code == OBSTACLE_THAW)
        snprintf(ret, ERR_MSG_MAX,
                 "the guest's agent to thaw its file systems, tried %d time%s in vain%s%s",
                 o->tries, plural_s((size_t)o->tries), colon, problem);
    else
        snprintf(ret, ERR_MSG_MAX, "an answer of host %s, asked %d time%s in vain%s%s", o->name,
                 o->tries, plural_s((size_t)o->tries), colon, problem);
}

void obstacle_text(const struct obstacle *o, char ret[ERR_MSG_MAX])
{
    switch (o->code) {
    case OBSTACLE_NONE:
    case OBSTACLE_CODE_COUNT:
        snprintf(ret, ERR_MSG_MAX, "nothing: it begins at once");
        break;
    case OBSTACLE_START:
        snprintf(ret, ERR_MSG_MAX, "the daemon's first look at hosts and repositories");
        break;
    case OBSTACLE_STOP:
        snprintf(ret, ERR_MSG_MAX, "the daemon's next start: it is being stopped");
        break;
    case OBSTACLE_HOST_CHANGED:
        snprintf(ret, ERR_MSG_MAX,
                 "the other jobs of host %s to end: the configuration has changed it", o->name);
        break;
    case OBSTACLE_HOST:
        snprintf(ret, ERR_MSG_MAX, "host %s to tell which domains it has", o->name);
        break;
    case OBSTACLE_LIMIT:
    case OBSTACLE_HOST_LIMIT:
    case OBSTACLE_REPO_LIMIT:
    case OBSTACLE_KIND_LIMIT:
        limit_text(o, ret);
        break;
    case OBSTACLE_GUEST:
    case OBSTACLE_CHAIN:
        other_text(o, ret);
        break;
    case OBSTACLE_COMPARISON:
    case OBSTACLE_CATALOG:
    case OBSTACLE_ANSWER:
    case OBSTACLE_THAW:
    case OBSTACLE_OTHERS:
    case OBSTACLE_READER:
        own_text(o, ret);
        break;
    }
}
