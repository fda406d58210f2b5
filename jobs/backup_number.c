/* SPDX-License-Identifier: MIT
 *
 * Before a backup makes anything: was its number used before?
 *
 * A catalog that was put back to an older state gives numbers a second time, until a look at the
 * repository (compare.c) has raised them above all that is there.  A repository that is away when
 * the daemon starts is looked at when it answers again, and the first who finds it there may be a
 * backup: that one waits for the look.
 *
 * It does not wait for ever.  Where the look fails again and again, though the repository answers
 * (a directory of another domain cannot be read, say), the backup gives way, as one that may be
 * tried again.  After GIVES_WAY_MAX of them in a row, which is before the last retry of a policy's
 * run, the next one goes on: no backups at all would be worse than a number that two jobs bear.
 * What it makes does no harm to what is there, for a name that is taken is refused.
 */
#include "jobs/backup_run.h"

#include "base/log.h"
#include "base/mark.h"

#define LOOK_AGAIN_S 60.0
#define LOOKS_S 300
#define GIVES_WAY_MAX 3

struct op *backup_start_numbering(struct job_run *r, struct err *err)
{
    struct backup_run *run = backup_of(r);

    (void)err;
    run->numbering_since = env_elapsed(r->env);
    if (r->repo->compared)
        return NULL;
    MARK("a backup waits until its repository is compared");
    job_meets(r, &(struct obstacle){.code = OBSTACLE_COMPARISON});
    r->env->ops->answers(r->repo);
    job_wait(r, LOOK_AGAIN_S);
    return NULL;
}

/* The look has failed for as long as it was waited for. */
static int do_without(struct job_run *r)
{
    static const char unknown[] = "it could not be found out which jobs have made points there, "
                                  "and a catalog that was put back to an older state would use "
                                  "their numbers again";

    if (r->repo->gave_way < GIVES_WAY_MAX) {
        MARK("a backup gives way to a look that fails");
        r->repo->gave_way++;
        err_set(&r->err, ERR_BUSY, "repository %s: %s", r->repo->name, unknown);
        return B_FAILED;
    }
    MARK("a backup goes on without a look that fails");
    log_warning(
        "job=%lld domain=%s/%s repository %s: %s; %u backups have given way to that, this one "
        "goes on",
        (long long)r->row.id, r->row.host, r->row.domain, r->repo->name, unknown,
        r->repo->gave_way);
    return B_SURVEYING;
}

int backup_after_numbering(struct job_run *r)
{
    struct backup_run *run = backup_of(r);

    if (job_is_bad(r))
        return B_FAILED;
    if (r->repo->compared)
        return B_SURVEYING;
    if (env_elapsed(r->env) - run->numbering_since >= LOOKS_S)
        return do_without(r);
    job_meets(r, &(struct obstacle){.code = OBSTACLE_COMPARISON});
    r->env->ops->answers(r->repo);
    job_wait(r, LOOK_AGAIN_S);
    return JOB_STAYS;
}
