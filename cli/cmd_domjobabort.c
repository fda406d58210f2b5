/* SPDX-License-Identifier: MIT
 *
 * vmkeep domjobabort: ends the backup of a domain that runs.
 */
#include <stdio.h>

#include "cli/client.h"

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

struct arguments {
    const char *domain;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return abort_job(a->domain);
}

const struct command cmd_domjobabort = {
    .name = "domjobabort",
    .summary = "end the backup of a domain",
    .about =
        (const char *const[]){
            "Ends the job of the domain that runs, and returns when it is over. For a pull begun "
            "by hand that is its good end. A push is aborted: what it has written is removed, and "
            "so is the checkpoint made with it. A scheduled backup is cancelled, as by 'vmkeep "
            "cancel'.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, {0}},
    .wants = "name one domain",
    .exits = (const struct command_exit[]){{EXIT_DONE, "it is over"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain, or no job of it runs"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep domjobabort web01", NULL},
    ARGUMENTS,
    .run = run,
};
