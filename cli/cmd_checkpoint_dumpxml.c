/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-dumpxml: a checkpoint as libvirt would describe it.
 */
#include <stdio.h>

#include "cli/client.h"

static const char help[] =
    "Usage: vmkeep checkpoint-dumpxml DOMAIN CHECKPOINT [--size] [--no-domain]\n"
    "\n"
    "Prints the checkpoint's XML.\n"
    "\n"
    "  --size        with the bytes of each disk that an incremental from it would copy now\n"
    "  --no-domain   without <domain>\n"
    "  --help        print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or checkpoint,\n"
    "6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-dumpxml web01 monday --size\n";

static int dump(json_t *args)
{
    const struct client_request request = {.cmd = "checkpoint-dumpxml", .args = args};
    struct config *config = NULL;
    json_t *result = NULL;
    const char *xml;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &result);
    else
        json_decref(args);
    xml = json_string_value(json_object_get(result, "xml"));
    if (xml)
        fputs(xml, stdout);
    json_decref(result);
    config_free(config);
    return code;
}

int cmd_checkpoint_dumpxml(int argc, char **argv)
{
    static const struct option options[] = {{"size", no_argument, NULL, 's'},
                                            {"no-domain", no_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    bool size = false, no_domain = false;
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        size = size || c == 's';
        no_domain = no_domain || c == 'n';
    }
    if (argc - optind != 2)
        return cli_usage("checkpoint-dumpxml",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-dumpxml --help')");
    return dump(json_pack("{s:s, s:s, s:b, s:b}", "domain", argv[optind], "name", argv[optind + 1],
                          "size", size, "no_domain", no_domain));
}
