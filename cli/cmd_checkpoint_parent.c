/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-parent: the checkpoint before one.
 */
#include <stdio.h>

#include "cli/checkpoint_tree.h"
#include "cli/cli.h"
#include "report/table.h"

static int print_parent(const char *domain, const char *name)
{
    const json_t *k = NULL;
    json_t *list = NULL;
    struct err err = ERR_INIT;
    const char *parent;
    int code = checkpoint_ask_one(domain, name, &list, &k);

    if (code != EXIT_DONE)
        return code;
    parent = json_string_value(json_object_get(k, "parent"));
    if (parent) {
        print_plain(parent, stdout);
        putchar('\n');
    } else {
        err_set(&err, ERR_NOTFOUND, "checkpoint '%s' has no parent", name);
        code = cli_fail(NULL, &err);
    }
    json_decref(list);
    return code;
}

struct arguments {
    const char *domain, *name;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return print_parent(a->domain, a->name);
}

const struct command cmd_checkpoint_parent = {
    .name = "checkpoint-parent",
    .summary = "the checkpoint before one",
    .about =
        (const char *const[]){
            "Prints the name of the checkpoint's parent; one that has none is an error.", NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, CHECKPOINT_OPERAND, {0}},
    .wants = "name a domain and a checkpoint",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND,
                                            "no such domain or checkpoint, or it has no parent"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-parent web01 tuesday", NULL},
    ARGUMENTS,
    .run = run,
};
