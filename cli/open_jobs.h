/* SPDX-License-Identifier: MIT
 *
 * open_jobs: jobs that have not ended by the catalog, while nobody may be at work on them.
 */
#ifndef VMKEEP_CLI_OPEN_JOBS_H
#define VMKEEP_CLI_OPEN_JOBS_H

#include "cli/sources.h"

struct open_jobs {
    const struct config *config;
    struct status_daemon daemon; /* asked for when the first such job is met */
    bool asked;
};

/* The job's state in a word: one that runs by the catalog is interrupted while no daemon does. */
const char *open_jobs_state(struct open_jobs *o, const struct job *j);
bool open_jobs_interrupted(struct open_jobs *o, const struct job *j);
/* Says on standard error that the daemon is down, where that matters to what was asked. */
void open_jobs_tell(const struct open_jobs *o);
void open_jobs_done(struct open_jobs *o);

#endif
