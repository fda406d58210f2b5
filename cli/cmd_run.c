/* SPDX-License-Identifier: MIT
 *
 * vmkeep run: a backup now.
 */
#include <stdio.h>
#include <string.h>

#include "cli/start_jobs.h"

static const char help[] =
    "Usage: vmkeep run [--level full|incremental] [--wait] [--json] POLICY|DOMAIN\n"
    "\n"
    "Asks the daemon for a backup now: of every domain that POLICY covers, or of DOMAIN under every\n"
    "policy that covers it.\n"
    "\n"
    "  --level LEVEL   full or incremental; without it what the policy usually makes. An\n"
    "                  incremental becomes a full where changes were not tracked\n"
    "  --wait          wait for the jobs to end; Ctrl-C ends the waiting, not the jobs\n"
    "  --json          print {jobs: [{id, domain, host, policy}]}, with --wait outcome and reason too\n"
    "  --help          print this text and exit\n"
    "\n"
    "Exit status: 0 queued, with --wait all jobs were a success; 1 failed, with --wait all jobs did;\n"
    "2 bad usage or configuration, 3 some jobs failed, 4 no such policy or domain, 5 its backup runs\n"
    "already, 6 the daemon cannot be reached, 130 interrupted.\n"
    "\n"
    "Examples:\n"
    "  vmkeep run nightly\n"
    "  vmkeep run web01 --level full --wait\n";

int cmd_run(int argc, char **argv)
{
    static const struct option options[] = {{"level", required_argument, NULL, 'l'},
                                            {"wait", no_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct config *config = NULL;
    const char *level = NULL;
    enum backup_level ignored;
    bool wait = false, json = false;
    int c, code;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        if (c == 'l')
            level = optarg;
        wait = wait || c == 'w';
        json = json || c == 'j';
    }
    if (level && level_from_name(level, &ignored) < 0)
        return cli_usage("run", "--level: '%s' is neither full nor incremental", level);
    if (argc - optind != 1)
        return cli_usage("run", "name one policy or domain (see 'vmkeep run --help')");
    code = cli_load_config(&config);
    if (code == EXIT_DONE)
        code = start_jobs(config, "run",
                          json_pack("{s:s, s:s*}", "target", argv[optind], "level", level), wait,
                          json);
    config_free(config);
    return code;
}
