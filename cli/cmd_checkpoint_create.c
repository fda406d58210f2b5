/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-create: a checkpoint without a backup.
 */
#include <stdio.h>

#include "cli/document.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep checkpoint-create DOMAIN [CHECKPOINT.xml] [--quiesce]\n"
    "                                [--redefine [--redefine-validate]]\n"
    "\n"
    "Makes a checkpoint: from now on the domain's changes are tracked under its name, on all the\n"
    "disks that CHECKPOINT.xml names, or that can be tracked, at one instant. It stays until\n"
    "somebody deletes it. Without CHECKPOINT.xml it is named after the time.\n"
    "\n"
    "  --xmlfile FILE        the same as CHECKPOINT.xml; - reads standard input\n"
    "  --quiesce             with the guest's file systems frozen through its agent, or not at all\n"
    "  --redefine            the disks have its bitmaps already: only record what CHECKPOINT.xml\n"
    "                        (as checkpoint-dumpxml prints it) says of it\n"
    "  --redefine-validate   and see first that every bitmap is there, and good\n"
    "  --help                print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage, configuration or document, 4 no such domain or\n"
    "disk, 5 a job of the domain runs, 6 the daemon cannot be reached, 7 a bitmap is no good.\n"
    "\n"
    "Example:\n"
    "  vmkeep checkpoint-create web01 monday.xml\n";

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

int cmd_checkpoint_create(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"xmlfile", required_argument, NULL, 'x'},
                                            {"quiesce", no_argument, NULL, 'q'},
                                            {"redefine", no_argument, NULL, 'r'},
                                            {"redefine-validate", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct arguments a = {0};
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        a.domain = c == 'D' ? optarg : a.domain;
        a.file = c == 'x' ? optarg : a.file;
        a.quiesce = a.quiesce || c == 'q';
        a.redefine = a.redefine || c == 'r';
        a.validate = a.validate || c == 'v';
    }
    a.domain = cli_operand(argc, argv, a.domain);
    a.file = cli_operand(argc, argv, a.file);
    if (!a.domain || optind != argc)
        return cli_usage("checkpoint-create",
                         "a domain and one document at most (see 'vmkeep checkpoint-create "
                         "--help')");
    if (a.validate && !a.redefine)
        return cli_usage("checkpoint-create", "--redefine-validate goes with --redefine");
    if (a.redefine && !a.file)
        return cli_usage("checkpoint-create", "--redefine needs the checkpoint's document");
    if (a.redefine && a.quiesce)
        return cli_usage("checkpoint-create", "--redefine goes without --quiesce");
    return create(&a);
}
