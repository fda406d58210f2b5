/* SPDX-License-Identifier: MIT
 *
 * vmkeep domjobabort: ends the backup of a domain that runs.
 */
#include <stdio.h>

#include "cli/client.h"

static const char help[] =
    "Usage: vmkeep domjobabort DOMAIN\n"
    "\n"
    "Ends the job of the domain that runs, and returns when it is over. For a pull begun by hand\n"
    "that is its good end. A push is aborted: what it has written is removed, and so is the\n"
    "checkpoint made with it. A scheduled backup is cancelled, as by 'vmkeep cancel'.\n"
    "\n"
    "  --domain DOMAIN   the same, by name\n"
    "  --help            print this text and exit\n"
    "\n"
    "Exit status: 0 it is over, 1 failed, 2 bad usage or configuration, 4 no such domain, or no job\n"
    "of it runs, 6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep domjobabort web01\n";

static int abort_job(const char *domain)
{
    const struct client_request request = {.cmd = "abort",
                                           .args = json_pack("{s:s}", "domain", domain)};
    struct config *config = NULL;
    json_t *result = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &result);
    else
        json_decref(request.args);
    json_decref(result);
    config_free(config);
    return code;
}

int cmd_domjobabort(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *domain = NULL;
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        domain = optarg;
    }
    domain = cli_operand(argc, argv, domain);
    if (!domain || optind != argc)
        return cli_usage("domjobabort", "name one domain (see 'vmkeep domjobabort --help')");
    return abort_job(domain);
}
