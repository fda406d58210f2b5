/* SPDX-License-Identifier: MIT
 *
 * vmkeep cancel: a job that shall not go on.
 */
#include <stdio.h>

#include "base/text.h"
#include "cli/client.h"

static int cancel(int64_t job)
{
    const struct client_request request = {.cmd = "cancel",
                                           .args = json_pack("{s:I}", "job", (json_int_t)job)};
    struct config *config = NULL;
    json_t *result = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &result);
    else
        json_decref(request.args);
    if (code == EXIT_DONE)
        printf("job %lld is being cancelled\n", (long long)job);
    json_decref(result);
    config_free(config);
    return code;
}

struct arguments {
    const char *job;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    int64_t job;

    if (!parse_int(a->job, 1, INT64_MAX, &job))
        return cli_usage("cancel", "'%s' is not a job's number", a->job);
    return cancel(job);
}

const struct command cmd_cancel = {
    .name = "cancel",
    .summary = "cancel a job",
    .about =
        (const char *const[]){
            "Asks the daemon to cancel a job that is queued or running. What it has made is "
            "removed; the restore points before it, and what the next incremental needs, stay.",
            NULL},
    .operands = (const struct command_operand[]){{OPERAND("JOB", job), .words = WORD_JOB}, {0}},
    .wants = "name one job",
    .exits = (const struct command_exit[]){{EXIT_DONE, "the job is being cancelled"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such job is queued or running"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep jobs --active", "vmkeep cancel 812", NULL},
    ARGUMENTS,
    .run = run,
};
