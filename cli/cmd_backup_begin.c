/* SPDX-License-Identifier: MIT
 *
 * vmkeep backup-begin: a backup by hand, as the documents say.
 */
#include <stdio.h>

#include "cli/document.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep backup-begin DOMAIN [BACKUP.xml [CHECKPOINT.xml]] [--reuse-external] [--json]\n"
    "\n"
    "Begins a backup that no policy asked for, as libvirt's virDomainBackupBegin does. BACKUP.xml\n"
    "says which disks, whether the hypervisor pushes them into files or exports them to be pulled,\n"
    "and for an incremental from which checkpoint; without it all disks are pushed in full into\n"
    "files beside their images. With CHECKPOINT.xml a checkpoint is made at the same instant, from\n"
    "which a later incremental can start. Returns when the backup has begun: 'vmkeep event', started\n"
    "before, tells of its end, 'vmkeep domjobinfo' shows how far it is, 'vmkeep domjobabort' ends\n"
    "it. A pull goes on until then. The checkpoint counts from the good end on; when the backup\n"
    "fails or is aborted, the checkpoint and the files that were made for it are removed.\n"
    "\n"
    "  --backupxml FILE       the same as BACKUP.xml; - reads standard input\n"
    "  --checkpointxml FILE   the same as CHECKPOINT.xml\n"
    "  --reuse-external       the files that BACKUP.xml names exist already, made by you\n"
    "  --json                 print {job, checkpoint, unsafe}\n"
    "  --help                 print this text and exit\n"
    "\n"
    "Exit status: 0 it has begun, 1 failed, 2 bad usage, configuration or document, 4 no such\n"
    "domain, disk or checkpoint, 5 another job of the domain runs, 6 the daemon cannot be reached,\n"
    "7 a checkpoint is inconsistent.\n"
    "\n"
    "Example:\n"
    "  vmkeep backup-begin web01 full.xml checkpoint.xml && vmkeep domjobinfo web01\n";

struct arguments {
    const char *domain;
    struct document_names files;
    bool reuse, json;
};

static int begin(const struct arguments *a, const struct config *config)
{
    json_t *args = json_pack("{s:s, s:b}", "domain", a->domain, "reuse_external", a->reuse);
    const struct client_request request = {.cmd = "backup-begin", .args = args};
    const char *unsafe;
    json_t *result = NULL;
    int code = args ? EXIT_DONE : cli_usage("backup-begin", "the domain's name is not UTF-8");

    if (code == EXIT_DONE && a->files.backup)
        code = document_add(args, "backup_xml", a->files.backup);
    if (code == EXIT_DONE && a->files.checkpoint)
        code = document_add(args, "checkpoint_xml", a->files.checkpoint);
    if (code != EXIT_DONE) {
        json_decref(args);
        return code;
    }
    code = document_ask(config, &request, &a->files, &result);
    if (code != EXIT_DONE)
        return code;
    unsafe = json_string_value(json_object_get(result, "unsafe"));
    if (a->json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        puts("Backup started");
    }
    if (unsafe && *unsafe) {
        fputs("vmkeep: guest-safe copy not possible: ", stderr);
        print_plain(unsafe, stderr);
        fputc('\n', stderr);
    }
    json_decref(result);
    return EXIT_DONE;
}

/* -1: go on. */
static int take_files(int argc, char **argv, struct arguments *a)
{
    if (optind == argc)
        return cli_usage("backup-begin", "name a domain (see 'vmkeep backup-begin --help')");
    a->domain = argv[optind++];
    if (optind < argc && !a->files.backup)
        a->files.backup = argv[optind++];
    if (optind < argc && !a->files.checkpoint)
        a->files.checkpoint = argv[optind++];
    if (optind < argc)
        return cli_usage("backup-begin", "'%s': unexpected argument", argv[optind]);
    if (a->files.backup && a->files.checkpoint && a->files.backup[0] == '-' &&
        !a->files.backup[1] && a->files.checkpoint[0] == '-' && !a->files.checkpoint[1])
        return cli_usage("backup-begin", "only one document can come from standard input");
    return -1;
}

int cmd_backup_begin(int argc, char **argv)
{
    static const struct option options[] = {{"backupxml", required_argument, NULL, 'b'},
                                            {"checkpointxml", required_argument, NULL, 'c'},
                                            {"reuse-external", no_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct config *config = NULL;
    struct arguments a = {0};
    int c, code;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        if (c == 'b')
            a.files.backup = optarg;
        if (c == 'c')
            a.files.checkpoint = optarg;
        a.reuse = a.reuse || c == 'r';
        a.json = a.json || c == 'j';
    }
    code = take_files(argc, argv, &a);
    if (code >= 0)
        return code;
    code = cli_load_config(&config);
    if (code == EXIT_DONE)
        code = begin(&a, config);
    config_free(config);
    return code;
}
