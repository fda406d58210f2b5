/* SPDX-License-Identifier: MIT
 *
 * vmkeep backup-begin: a backup by hand, as the documents say.
 */
#include <stdio.h>

#include "cli/document.h"
#include "cli/ended.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep backup-begin DOMAIN [BACKUP.xml [CHECKPOINT.xml]] [--reuse-external] [--wait]\n"
    "                           [--json]\n"
    "\n"
    "Begins a backup that no policy asked for, as libvirt's virDomainBackupBegin does. BACKUP.xml\n"
    "says which disks, whether the hypervisor pushes them into files or exports them to be pulled,\n"
    "and for an incremental from which checkpoint; without it all disks are pushed in full into\n"
    "files beside their images. With CHECKPOINT.xml a checkpoint is made at the same instant, from\n"
    "which a later incremental can start. Returns when the backup has begun, with --wait when it has\n"
    "ended: 'vmkeep domjobinfo' shows how far it is, 'vmkeep domjobabort' ends it. A pull goes on\n"
    "until then. The checkpoint counts from the good end on; when the backup fails or is aborted, the\n"
    "checkpoint and the files that were made for it are removed.\n"
    "\n"
    "  --domain DOMAIN        the same as DOMAIN\n"
    "  --backupxml FILE       the same as BACKUP.xml; - reads standard input\n"
    "  --checkpointxml FILE   the same as CHECKPOINT.xml\n"
    "  --reuse-external       the files that BACKUP.xml names exist already, made by you\n"
    "  --wait                 wait for its end, and print that as 'vmkeep event' does: none is missed\n"
    "  --json                 print {job, checkpoint, unsafe}; with --wait also ended, the event\n"
    "  --help                 print this text and exit\n"
    "\n"
    "Exit status: 0 it has begun (--wait: ended well), 1 failed, 2 bad usage, configuration or\n"
    "document, 4 no such domain, disk or checkpoint, 5 another job of the domain runs, 6 the daemon\n"
    "cannot be reached, 7 a checkpoint is inconsistent.\n"
    "\n"
    "Example:\n"
    "  vmkeep backup-begin web01 full.xml checkpoint.xml --wait\n";

struct arguments {
    const char *domain;
    struct document_names files;
    bool reuse, json, wait;
};

/* One that waits listens before it begins, so that no end is missed. */
struct waiting {
    const struct arguments *a;
    const struct config *config;
    bool begun, enough;
    json_t *answer; /* of the beginning */
    json_t *end;    /* its event */
    int code;
};

/* *ret: {job, checkpoint, unsafe}, or an exit code when the error has been printed. */
static int begin(const struct arguments *a, const struct config *config, json_t **ret)
{
    json_t *args = json_pack("{s:s, s:b}", "domain", a->domain, "reuse_external", a->reuse);
    const struct client_request request = {.cmd = "backup-begin", .args = args};
    const char *unsafe;
    int code = args ? EXIT_DONE : cli_usage("backup-begin", "the domain's name is not UTF-8");

    if (code == EXIT_DONE && a->files.backup)
        code = document_add(args, "backup_xml", a->files.backup);
    if (code == EXIT_DONE && a->files.checkpoint)
        code = document_add(args, "checkpoint_xml", a->files.checkpoint);
    if (code != EXIT_DONE) {
        json_decref(args);
        return code;
    }
    code = document_ask(config, &request, &a->files, ret);
    if (code != EXIT_DONE)
        return code;
    if (!a->json) {
        puts("Backup started");
        fflush(stdout);
    }
    unsafe = json_string_value(json_object_get(*ret, "unsafe"));
    if (unsafe && *unsafe) {
        fputs("vmkeep: guest-safe copy not possible: ", stderr);
        print_plain(unsafe, stderr);
        fputc('\n', stderr);
    }
    return EXIT_DONE;
}

static void print_json(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
}

static void on_event(void *ctx, const json_t *event)
{
    struct waiting *w = ctx;

    if (!ended_is(event)) {
        if (w->begun)
            return;
        w->begun = true;
        w->code = begin(w->a, w->config, &w->answer);
        w->enough = w->code != EXIT_DONE;
        return;
    }
    if (!w->answer || !json_equal(json_object_get(event, "job"), json_object_get(w->answer, "job")))
        return;
    w->enough = true;
    w->end = json_deep_copy(event);
    w->code = json_is_true(json_object_get(event, "success")) ? EXIT_DONE : EXIT_FAILED;
}

static int begin_and_wait(const struct arguments *a, const struct config *config)
{
    struct waiting w = {.a = a, .config = config};
    const struct client_request request = {
        .cmd = "events", .event = on_event, .ctx = &w, .enough = &w.enough};
    json_t *result = NULL;
    int code = cli_ask(config, &request, &result);

    if (code == EXIT_DONE)
        code = w.code;
    else if (w.answer)
        fputs("vmkeep: the backup goes on; 'vmkeep domjobinfo' tells how far it is\n", stderr);
    if (w.end && a->json) {
        json_object_set(w.answer, "ended", w.end);
        print_json(w.answer);
    } else if (w.end) {
        ended_print(w.end, false);
    }
    json_decref(result);
    json_decref(w.answer);
    json_decref(w.end);
    return code;
}

static int run(const struct arguments *a, const struct config *config)
{
    json_t *answer = NULL;
    int code;

    if (a->wait)
        return begin_and_wait(a, config);
    code = begin(a, config, &answer);
    if (code == EXIT_DONE && a->json)
        print_json(answer);
    json_decref(answer);
    return code;
}

/* -1: go on. */
static int take_files(int argc, char **argv, struct arguments *a)
{
    a->domain = cli_operand(argc, argv, a->domain);
    if (!a->domain)
        return cli_usage("backup-begin", "name a domain (see 'vmkeep backup-begin --help')");
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
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"wait", no_argument, NULL, 'w'},
                                            {"backupxml", required_argument, NULL, 'b'},
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
        a.domain = c == 'D' ? optarg : a.domain;
        a.wait = a.wait || c == 'w';
        a.reuse = a.reuse || c == 'r';
        a.json = a.json || c == 'j';
    }
    code = take_files(argc, argv, &a);
    if (code >= 0)
        return code;
    code = cli_load_config(&config);
    if (code == EXIT_DONE)
        code = run(&a, config);
    config_free(config);
    return code;
}
