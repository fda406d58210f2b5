/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-delete: lets go of checkpoints that were made by hand.
 */
#include <stdio.h>

#include "cli/client.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep checkpoint-delete DOMAIN CHECKPOINT [--children|--children-only] [--metadata]\n"
    "       vmkeep checkpoint-delete DOMAIN --for-revert\n"
    "\n"
    "Deletes a checkpoint; its children become those of its parent. Refused are checkpoints that\n"
    "vmkeep did not make, and the one that the next incremental of a policy starts from. Of several,\n"
    "all are deleted or, when one of them cannot be, none.\n"
    "\n"
    "  --children        the checkpoint and everything that came after it\n"
    "  --children-only   everything that came after it, but not the checkpoint itself\n"
    "  --metadata        only what vmkeep knows of it; its bitmaps stay, as 'forgotten': they can be\n"
    "                    deleted later, or told again by checkpoint-create --redefine\n"
    "  --checkpointname CHECKPOINT, --domain DOMAIN   the same, by name\n"
    "  --for-revert      every checkpoint of the domain, those of policies too, whose next backups are\n"
    "                    fulls then: QEMU reverts no disk to an internal snapshot that has one\n"
    "  --help            print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or checkpoint,\n"
    "5 it is in use, 6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-delete web01 monday --children\n";

static int delete (json_t *args)
{
    const struct client_request request = {.cmd = "checkpoint-delete", .args = args};
    struct config *config = NULL;
    json_t *result = NULL, *name;
    size_t i;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &result);
    else
        json_decref(args);
    json_array_foreach(json_object_get(result, "deleted"), i, name) {
        fputs("Domain checkpoint ", stdout);
        print_plain(json_string_value(name), stdout);
        puts(" deleted");
    }
    json_decref(result);
    config_free(config);
    return code;
}

int cmd_checkpoint_delete(int argc, char **argv)
{
    static const struct option options[] = {
        {"domain", required_argument, NULL, 'D'}, {"checkpointname", required_argument, NULL, 'C'},
        {"children", no_argument, NULL, 'c'},     {"children-only", no_argument, NULL, 'o'},
        {"metadata", no_argument, NULL, 'm'},     {"for-revert", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *domain = NULL, *name = NULL;
    bool children = false, only = false, metadata = false, revert = false;
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
        children = children || c == 'c';
        only = only || c == 'o';
        metadata = metadata || c == 'm';
        revert = revert || c == 'r';
    }
    if (children && only)
        return cli_usage("checkpoint-delete", "--children and --children-only exclude one another");
    domain = cli_operand(argc, argv, domain);
    if (revert && (name || children || only || metadata))
        return cli_usage("checkpoint-delete", "--for-revert goes with no other option");
    if (revert && domain && optind == argc)
        return delete (json_pack("{s:s, s:b}", "domain", domain, "for_revert", 1));
    name = cli_operand(argc, argv, name);
    if (revert || !domain || !name || optind != argc)
        return cli_usage("checkpoint-delete",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-delete --help')");
    return delete (json_pack("{s:s, s:s, s:b, s:b, s:b}", "domain", domain, "name", name,
                             "children", children, "children_only", only, "metadata", metadata));
}
