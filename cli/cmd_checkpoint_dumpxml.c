/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-dumpxml: a checkpoint as libvirt would describe it.
 */
#include <stdio.h>

#include "cli/client.h"
#include "cli/xpath.h"

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

struct arguments {
    const char *domain, *name;
    struct xpath xpath;
    bool size, no_domain, security_info;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return dump(json_pack("{s:s, s:s, s:b, s:b}", "domain", a->domain, "name", a->name, "size",
                          a->size, "no_domain", a->no_domain),
                &a->xpath);
}

const struct command cmd_checkpoint_dumpxml = {
    .name = "checkpoint-dumpxml",
    .summary = "the XML of a checkpoint",
    .about = (const char *const[]){"Prints the checkpoint's XML.", NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, CHECKPOINT_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("size", size,
                  "with the bytes of each disk that an incremental from it would copy now")},
            {FLAG("no-domain", no_domain, "without <domain>")},
            {FLAG("security-info", security_info,
                  "taken for virsh's sake: there is nothing to hide in it")},
            {TEXT("xpath", "EXPRESSION", xpath.expression,
                  "only what it selects, one a line; nothing selected: exit status 1")},
            {FLAG("wrap", xpath.wrap, "as one document, in <nodes>"), .with = "xpath", .lax = true},
            {0}},
    .wants = "name a domain and a checkpoint",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain or checkpoint"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-dumpxml web01 monday --size", NULL},
    ARGUMENTS,
    .run = run,
};
