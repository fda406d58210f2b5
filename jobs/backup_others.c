/* SPDX-License-Identifier: MIT
 *
 * Somebody else is at work on the domain: another tool's backup, a migration, a program that has an
 * image open.  Nothing was touched yet, so the backup gives its place to others and waits for its
 * turn again, until that has ended, for some minutes at most.  What takes longer is named as the
 * reason why it has failed, and the policy's retries come back to it.
 */
#include "base/log.h"
#include "base/mark.h"
#include "jobs/backup_run.h"

#define LOOK_AGAIN_S 5.0

static bool give_up(struct job_run *r)
{
    const struct err was = r->err;
    const int64_t waited_s = env_elapsed(r->env) - backup_of(r)->others_since;

    MARK("a backup gives up what somebody else is at work on");
    err_set(&r->err, was.code, "%s; that was waited for, %lld minutes", was.msg,
            (long long)waited_s / 60);
    return false;
}

bool backup_waits_for_others(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (r->canceled || r->err.code != ERR_BUSY)
        return false;
    if (run->others_since == 0) {
        MARK("a backup waits for what somebody else does with the domain");
        run->others_since = env_elapsed(r->env);
        log_info("job=%lld domain=%s/%s waits, %d minutes at most: %s", (long long)r->row.id,
                 r->row.host, r->row.domain, OTHERS_WAIT_S / 60, r->err.msg);
    }
    if (env_elapsed(r->env) - run->others_since >= OTHERS_WAIT_S)
        return give_up(r);
    job_meets(r, &(struct obstacle){.code = OBSTACLE_OTHERS, .problem = r->err.msg});
    r->obstacle.since = run->others_since;
    r->err = ERR_INIT;
    r->env->ops->rest(r, LOOK_AGAIN_S);
    return true;
}
