/* SPDX-License-Identifier: MIT
 *
 * start_jobs: asks the daemon for jobs, and waits for their ends where that is wanted.
 */
#ifndef VMKEEP_CLI_START_JOBS_H
#define VMKEEP_CLI_START_JOBS_H

#include <jansson.h>

#include "cli/cli.h"

/* cmd: run, prune ...  args: taken over.  Prints the new jobs, or with wait how they end, and their
 * progress on standard error.  Returns the exit code: of waited-for jobs EXIT_DONE when all were a
 * success, EXIT_FAILED when none was, EXIT_PARTLY. */
int start_jobs(const struct config *config, const char *cmd, json_t *args, bool wait, bool json);

/* The same, for who needs the configuration for nothing else. */
int start_jobs_only(const char *cmd, json_t *args, bool wait, bool json);

/* What commands have in common that only ask for jobs. */
#define WAIT_OPTION                                                                                \
    {                                                                                              \
        FLAG("wait", wait, "wait for the jobs to end; Ctrl-C ends the waiting, not the jobs")      \
    }
#define STARTED_EXITS                                                                              \
    {EXIT_DONE, "queued, with --wait all were a success"},                                         \
        {EXIT_FAILED, "failed, with --wait all jobs did, or were skipped"},                        \
        {EXIT_USAGE, "bad usage or configuration"},                                                \
    {                                                                                              \
        EXIT_PARTLY, "some jobs failed, or were skipped"                                           \
    }

#endif
