/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-parent: the checkpoint before one.
 */
#include <stdio.h>

#include "cli/checkpoint_tree.h"
#include "cli/cli.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep checkpoint-parent DOMAIN CHECKPOINT\n"
    "\n"
    "Prints the name of the checkpoint's parent; one that has none is an error.\n"
    "\n"
    "  --domain DOMAIN               the same, by name\n"
    "  --checkpointname CHECKPOINT   the same, by name\n"
    "  --help                        print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or checkpoint, or\n"
    "it has no parent, 6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-parent web01 tuesday\n";

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

int cmd_checkpoint_parent(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"checkpointname", required_argument, NULL, 'C'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *domain = NULL, *name = NULL;
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        domain = c == 'D' ? optarg : domain;
        name = c == 'C' ? optarg : name;
    }
    domain = cli_operand(argc, argv, domain);
    name = cli_operand(argc, argv, name);
    if (!domain || !name || optind != argc)
        return cli_usage("checkpoint-parent",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-parent --help')");
    return print_parent(domain, name);
}
