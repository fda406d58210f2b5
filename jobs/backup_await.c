/* SPDX-License-Identifier: MIT
 *
 * A finished copy that cannot be published, for its repository is not there: it was not mounted
 * when the machine came up again, say.  The copy is worth more than another one: the job looks for
 * the repository for as long as the policy's retries would last, and then gives the copy up.
 *
 * Whether the repository is away, or the copy itself, one error does not tell.  So the repository
 * is probed; when it answers, publishing is tried once more, and an error then is the copy's own.
 *
 * A backup that has copied nothing yet fails instead: its policy's retries find the repository.
 */
#include "base/log.h"
#include "base/mark.h"
#include "jobs/backup_run.h"
#include "policies/plan.h"

#define LOOK_AGAIN_S 30.0

/* Worth another try as a read error is, which is what it is recorded as. */
static void count_as_passing(struct err *err)
{
    switch (err->code) {
    case ERR_CANCELED:
    case ERR_DENIED:
    case ERR_EXISTS:
        return;
    default:
        MARK("what a repository fails with may pass");
        if (!err_is_transient(err->code))
            err->code = ERR_IO;
    }
}

int backup_unless_refused(struct job_run *r, int next, int instead)
{
    bool said = r->err.code != ERR_NONE; /* that scratch space runs full, say */

    if (!job_is_bad(r))
        return next;
    count_as_passing(&r->err);
    if (r->err.code == ERR_NOSPACE && !said)
        err_wrap(&r->err, "repository %s: no room; make some there", r->repo->name);
    return instead;
}

bool backup_waits_for_repository(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (r->canceled || run->found_again ||
        (r->op_err.code != ERR_NOTFOUND && r->op_err.code != ERR_TIMEOUT))
        return false;
    run->missed = r->op_err;
    if (run->awaits_since == 0) {
        MARK("a finished copy waits for its repository");
        run->awaits_since = env_elapsed(r->env);
        log_warning("job=%lld domain=%s/%s the copy is finished, but cannot be published: %s; its "
                    "repository is waited for, %d minutes at most",
                    (long long)r->row.id, r->row.host, r->row.domain, r->op_err.msg,
                    PLAN_RETRIES_S / 60);
    }
    return true;
}

struct op *backup_start_awaiting(struct job_run *r, struct err *err)
{
    (void)err;
    job_wait(r, LOOK_AGAIN_S);
    return NULL;
}

static int give_up(struct job_run *r)
{
    const struct backup_run *run = backup_of(r);

    MARK("a finished copy is given up, for its repository does not come back");
    r->err = run->missed;
    count_as_passing(&r->err);
    err_wrap(&r->err, "the copy was finished, and its repository was waited for in vain for %d min",
             PLAN_RETRIES_S / 60);
    return B_ABORTING;
}

int backup_after_awaiting(struct job_run *r)
{
    return job_unless_bad(r, B_LOOKING_FOR, B_ABORTING);
}

int backup_after_looking_for(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (r->canceled) {
        job_is_bad(r);
        return B_ABORTING;
    }
    r->env->ops->saw_repo(r->repo, &run->space, r->op_err.code != ERR_NONE ? &r->op_err : NULL);
    if (r->op_err.code == ERR_NONE) {
        MARK("the repository that a finished copy waits for answers");
        run->found_again = true;
        return B_PUBLISHING;
    }
    run->missed = r->op_err;
    return env_elapsed(r->env) - run->awaits_since < PLAN_RETRIES_S ? B_AWAITING : give_up(r);
}
