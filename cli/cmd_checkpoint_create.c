/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-create: a checkpoint without a backup.
 */
#include <stdio.h>

#include "cli/document.h"
#include "report/table.h"

struct arguments {
    const char *domain, *file;
    bool redefine, validate, quiesce;
};

static int create(const struct arguments *a)
{
    const struct document_names names = {.checkpoint = a->file};
    json_t *args = json_pack("{s:s, s:b, s:b, s:b}", "domain", a->domain, "redefine", a->redefine,
                             "validate", a->validate, "quiesce", a->quiesce);
    const struct client_request request = {.cmd = "checkpoint-create", .args = args};
    struct config *config = NULL;
    json_t *result = NULL;
    int code = args ? cli_load_config(&config)
                    : cli_usage("checkpoint-create", "the domain's name is not UTF-8");

    if (code == EXIT_DONE && a->file)
        code = document_add(args, "xml", a->file);
    if (code == EXIT_DONE)
        code = document_ask(config, &request, &names, &result);
    else
        json_decref(args);
    if (code == EXIT_DONE) {
        const char *name = json_string_value(json_object_get(result, "name"));

        fputs("Domain checkpoint ", stdout);
        print_plain(name ? name : "", stdout);
        puts(a->redefine ? " redefined" : " created");
    }
    json_decref(result);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (a->redefine && !a->file)
        return cli_usage("checkpoint-create", "--redefine needs the checkpoint's document");
    if (a->redefine && a->quiesce)
        return cli_usage("checkpoint-create", "--redefine goes without --quiesce");
    return create(a);
}

const struct command cmd_checkpoint_create = {
    .name = "checkpoint-create",
    .summary = "make a checkpoint",
    .about =
        (const char *const[]){
            "Makes a checkpoint without a backup: from now on the domain's changes are tracked "
            "under its name, on all the disks that CHECKPOINT.xml names, or that can be tracked, "
            "at one instant. It stays until somebody deletes it. Without CHECKPOINT.xml it is "
            "named after the time.",
            NULL},
    .operands =
        (const struct command_operand[]){DOMAIN_OPERAND,
                                         {OPERAND("CHECKPOINT.xml", file), .by_name = "xmlfile",
                                          .same = "the same, by name; - is standard input",
                                          .optional = true, .words = WORD_FILE},
                                         {0}},
    .options =
        (const struct command_option[]){
            {FLAG("quiesce", quiesce,
                  "with the guest's file systems frozen through its agent, or not at all")},
            {FLAG("redefine", redefine,
                  "the disks have its bitmaps already: only record what CHECKPOINT.xml (as 'vmkeep "
                  "checkpoint-dumpxml' prints it) says of it")},
            {FLAG("redefine-validate", validate, "see first that every bitmap is there, and good"),
             .with = "redefine"},
            {0}},
    .wants = "a domain and one document at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage, configuration or document"},
                                           {EXIT_NOT_FOUND, "no such domain or disk"},
                                           {EXIT_BUSY, "a job of the domain runs"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "a bitmap is no good"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-create web01 monday.xml", NULL},
    ARGUMENTS,
    .run = run,
};
