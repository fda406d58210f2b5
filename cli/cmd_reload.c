/* SPDX-License-Identifier: MIT
 *
 * vmkeep reload: what SIGHUP does, with an answer.
 */
#include <stdio.h>

#include "cli/client.h"

struct arguments {
    char unused;
};

static int run(void *arguments)
{
    const struct client_request request = {.cmd = "reload"};
    struct config *config = NULL;
    json_t *result = NULL;
    int code = cli_load_config_strictly(&config);

    (void)arguments;
    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &result);
    else
        fputs("vmkeep: reload: the daemon was not told, and goes by its former configuration\n",
              stderr);
    if (code == EXIT_DONE)
        printf("vmkeepd has read its configuration again\n");
    json_decref(result);
    config_free(config);
    return code;
}

const struct command cmd_reload = {
    .name = "reload",
    .summary = "make the daemon read its configuration again",
    .about =
        (const char *const[]){
            "The configuration is read here first: one with errors is not brought to the daemon, "
            "and each error is told, as by vmkeep check. Then the daemon reads it, and says "
            "whether it goes by it now. Jobs that run are not disturbed. 'systemctl reload "
            "vmkeepd' does the same.",
            NULL},
    .exits = (const struct command_exit[]){{EXIT_DONE, "the daemon goes by the new configuration"},
                                           {EXIT_FAILED, "the daemon keeps to its former one"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep check ./config.new",
                                      "cp config.new /etc/vmkeep/config && vmkeep reload", NULL},
    ARGUMENTS,
    .run = run,
};
