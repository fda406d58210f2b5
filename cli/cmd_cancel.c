/* SPDX-License-Identifier: MIT
 *
 * vmkeep cancel: a job that shall not go on.
 */
#include <stdio.h>

#include "base/text.h"
#include "cli/client.h"

static const char help[] =
    "Usage: vmkeep cancel JOB\n"
    "\n"
    "Asks the daemon to cancel a job that is queued or running. What it has made is removed; the\n"
    "points before it, and what the next incremental needs, stay.\n"
    "\n"
    "  --help   print this text and exit\n"
    "\n"
    "Exit status: 0 the job is being cancelled, 1 failed, 2 bad usage or configuration, 4 no such\n"
    "job is queued or running, 6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep jobs --active\n"
    "  vmkeep cancel 812\n";

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

int cmd_cancel(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int64_t job;

    switch (cli_option(argc, argv, options)) {
    case '?':
        return EXIT_USAGE;
    case 'h':
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (argc - optind != 1)
        return cli_usage("cancel", "name one job (see 'vmkeep cancel --help')");
    if (!parse_int(argv[optind], 1, INT64_MAX, &job))
        return cli_usage("cancel", "'%s' is not a job's number", argv[optind]);
    return cancel(job);
}
