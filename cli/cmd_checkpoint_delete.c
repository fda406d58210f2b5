/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-delete: lets go of checkpoints that were made by hand.
 */
#include <stdio.h>

#include "cli/client.h"
#include "report/table.h"

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

struct arguments {
    const char *domain, *name;
    bool children, only, metadata, revert;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (a->revert && (a->name || a->children || a->only || a->metadata))
        return cli_usage("checkpoint-delete",
                         "--for-revert goes with no other option, and with no checkpoint");
    if (a->revert)
        return delete (json_pack("{s:s, s:b}", "domain", a->domain, "for_revert", 1));
    if (!a->name)
        return cli_usage("checkpoint-delete",
                         "name a domain and a checkpoint (see 'vmkeep checkpoint-delete --help')");
    return delete (json_pack("{s:s, s:s, s:b, s:b, s:b}", "domain", a->domain, "name", a->name,
                             "children", a->children, "children_only", a->only, "metadata",
                             a->metadata));
}

enum { RIVALS_CHILDREN = 1 };

const struct command cmd_checkpoint_delete = {
    .name = "checkpoint-delete",
    .summary = "delete a checkpoint",
    .synopses = (const char *const[]){"DOMAIN CHECKPOINT [--children|--children-only] [--metadata]",
                                      "DOMAIN --for-revert", NULL},
    .about =
        (const char *const[]){
            "Deletes a checkpoint; its children become those of its parent. Refused are "
            "checkpoints that vmkeep did not make, and the one that the next incremental of a "
            "policy starts from, as long as that policy covers the domain. Of several, all are "
            "deleted or, when one of them cannot be, none.",
            NULL},
    .operands =
        (const struct command_operand[]){DOMAIN_OPERAND,
                                         {OPERAND("CHECKPOINT", name), .by_name = "checkpointname",
                                          .optional = true, .words = WORD_CHECKPOINT},
                                         {0}},
    .options =
        (const struct command_option[]){
            {FLAG("children", children, "the checkpoint and everything that came after it"),
             .rivals = RIVALS_CHILDREN},
            {FLAG("children-only", only,
                  "everything that came after it, but not the checkpoint itself"),
             .rivals = RIVALS_CHILDREN},
            {FLAG("metadata", metadata,
                  "only what vmkeep knows of it; its bitmaps stay, as 'forgotten': they can be "
                  "deleted later, or told again by checkpoint-create --redefine")},
            {FLAG("for-revert", revert,
                  "every checkpoint of the domain, those of policies too, whose next backups are "
                  "fulls then: QEMU reverts no disk to an internal snapshot that has one")},
            {0}},
    .wants = "name a domain and a checkpoint",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain or checkpoint"},
                                           {EXIT_BUSY, "it is in use"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-delete web01 monday --children", NULL},
    ARGUMENTS,
    .run = run,
};
