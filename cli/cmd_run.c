/* SPDX-License-Identifier: MIT
 *
 * vmkeep run: a backup now.
 */
#include <stdio.h>
#include <string.h>

#include "cli/start_jobs.h"

struct arguments {
    const char *target, *level;
    bool wait, json;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return start_jobs_only("run", json_pack("{s:s, s:s*}", "target", a->target, "level", a->level),
                           a->wait, a->json);
}

const struct command cmd_run = {
    .name = "run",
    .summary = "start a backup now",
    .about =
        (const char *const[]){
            "Asks the daemon for a backup now: of every domain that POLICY covers, or of DOMAIN "
            "under every policy that covers it. Without --wait, how the jobs end is to be asked "
            "for: 'vmkeep jobs'.",
            "A domain of which a backup of that policy is queued or running already gets no second "
            "one. With --wait that job is waited for, where it does what is asked for (a full does "
            "for an incremental); that is said: joined job 12. Without --wait it is refused when "
            "there is nothing else to start.",
            "On a terminal a line on standard error tells how far a job is, or what it waits for. "
            "Ctrl-C ends the waiting; the jobs go on, and it is said how to cancel them. "
            "The exit status with --wait is that of the jobs.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("POLICY|DOMAIN", target), .words = WORD_POLICY | WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("level", "full|incremental", level,
                  "without it what the policy usually makes; an incremental becomes a full where "
                  "changes were not tracked"),
             .choices = (const char *const[]){"full", "incremental", NULL}},
            WAIT_OPTION,
            {FLAG("json", json,
                  "print {jobs: [{id, domain, host, policy, joined}]}, with --wait outcome, "
                  "reason and reasons too")},
            {0}},
    .wants = "name one policy or domain",
    .exits = (const struct command_exit[]){STARTED_EXITS,
                                           {EXIT_NOT_FOUND, "no such policy or domain"},
                                           {EXIT_BUSY, "its backup runs already"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep run nightly", "vmkeep run web01 --level full --wait", NULL},
    ARGUMENTS,
    .run = run,
};
