/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-info: a checkpoint's place among the others.
 */
#include <stdio.h>

#include "cli/checkpoint_tree.h"
#include "cli/cli.h"
#include "report/table.h"

static void line(const char *label, const char *value)
{
    printf("%-15s ", label);
    print_plain(value ? value : "-", stdout);
    putchar('\n');
}

static int info(const char *domain, const char *name)
{
    const json_t *k = NULL;
    json_t *list = NULL;
    int code = checkpoint_ask_one(domain, name, &list, &k);

    if (code != EXIT_DONE)
        return code;
    line("Name:", name);
    line("Domain:", domain);
    line("State:", json_string_value(json_object_get(k, "state")));
    line("Parent:", json_string_value(json_object_get(k, "parent")));
    printf("%-15s %zu\n", "Children:", checkpoint_children(list, k));
    printf("%-15s %zu\n", "Descendants:", checkpoint_descendants(list, k));
    json_decref(list);
    return EXIT_DONE;
}

struct arguments {
    const char *domain, *name;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return info(a->domain, a->name);
}

const struct command cmd_checkpoint_info = {
    .name = "checkpoint-info",
    .summary = "a checkpoint's place among the others",
    .about =
        (const char *const[]){
            "Prints the checkpoint's name, domain, state (see 'vmkeep checkpoint-list --help') and "
            "parent, and how many children and descendants it has.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, CHECKPOINT_OPERAND, {0}},
    .wants = "name a domain and a checkpoint",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain or checkpoint"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-info web01 monday", NULL},
    ARGUMENTS,
    .run = run,
};
