/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-dumpxml: a checkpoint as libvirt would describe it.
 */
#include <stdio.h>

#include "cli/client.h"
#include "cli/xpath.h"

static const char help[] =
    "Usage: vmkeep checkpoint-dumpxml DOMAIN CHECKPOINT [--size] [--no-domain]\n"
    "                                 [--xpath EXPRESSION [--wrap]]\n"
    "\n"
    "Prints the checkpoint's XML.\n"
    "\n"
    "  --size                with the bytes of each disk that an incremental from it would copy now\n"
    "  --no-domain           without <domain>\n"
    "  --security-info       taken for virsh's sake: there is nothing to hide in it\n"
    "  --xpath EXPRESSION    only what it selects, one a line; nothing selected: exit status 1\n"
    "  --wrap                ... as one document, in <nodes>\n"
    "  --checkpointname CHECKPOINT, --domain DOMAIN   the same, by name\n"
    "  --help                print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain or checkpoint,\n"
    "6 the daemon cannot be reached.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-dumpxml web01 monday --size\n";

static int dump(json_t *args, const struct xpath *xpath)
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
        code = xpath_print(xpath, xml);
    json_decref(result);
    config_free(config);
    return code;
}

int cmd_checkpoint_dumpxml(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"checkpointname", required_argument, NULL, 'C'},
                                            {"size", no_argument, NULL, 's'},
                                            {"no-domain", no_argument, NULL, 'n'},
                                            {"security-info", no_argument, NULL, 'i'},
                                            {"xpath", required_argument, NULL, 'x'},
                                            {"wrap", no_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *domain = NULL, *name = NULL;
    struct xpath xpath = {0};
    bool size = false, no_domain = false;
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
        xpath.expression = c == 'x' ? optarg : xpath.expression;
        xpath.wrap = xpath.wrap || c == 'w';
        size = size || c == 's';
        no_domain = no_domain || c == 'n';
    }
    domain = cli_operand(argc, argv, domain);
    name = cli_operand(argc, argv, name);
    if (!domain || !name || optind != argc)
        return cli_usage("checkpoint-dumpxml",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-dumpxml --help')");
    return dump(json_pack("{s:s, s:s, s:b, s:b}", "domain", domain, "name", name, "size", size,
                          "no_domain", no_domain),
                &xpath);
}
