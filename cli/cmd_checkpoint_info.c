/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-info: a checkpoint's place among the others.
 */
#include <stdio.h>

#include "cli/checkpoint_tree.h"
#include "cli/cli.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep checkpoint-info DOMAIN CHECKPOINT\n"
    "\n"
    "Prints the checkpoint's name, domain, state (see 'vmkeep checkpoint-list --help') and parent,\n"
    "and how many children and descendants it has.\n"
    "\n"
    "  --domain DOMAIN               the same, by name\n"
    "  --checkpointname CHECKPOINT   the same, by name\n"
    "  --help                        print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or checkpoint,\n"
    "6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-info web01 monday\n";

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

int cmd_checkpoint_info(int argc, char **argv)
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
        return cli_usage("checkpoint-info",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-info --help')");
    return info(domain, name);
}
