/* SPDX-License-Identifier: MIT
 *
 * vmkeep backup-begin: a backup by hand, as the documents say.
 */
#include <stdio.h>

#include "base/text.h"
#include "cli/document.h"
#include "cli/ended.h"
#include "report/table.h"

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
    if (!a->files.backup)
        fputs("vmkeep: no BACKUP.xml: each disk goes in full to a file beside its image; 'vmkeep "
              "backup-dumpxml' names them while it runs\n",
              stderr);
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

static int begin_only(const struct arguments *a, const struct config *config)
{
    json_t *answer = NULL;
    int code = begin(a, config, &answer);

    if (code == EXIT_DONE && a->json)
        print_json(answer);
    json_decref(answer);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct config *config = NULL;
    int code;

    if (str_eq(a->files.backup, "-") && str_eq(a->files.checkpoint, "-"))
        return cli_usage("backup-begin", "only one document can come from standard input");
    code = cli_load_config(&config);
    if (code == EXIT_DONE)
        code = a->wait ? begin_and_wait(a, config) : begin_only(a, config);
    config_free(config);
    return code;
}

const struct command cmd_backup_begin = {
    .name = "backup-begin",
    .summary = "begin a backup by hand, from libvirt's XML",
    .about =
        (const char *const[]){
            "Begins a backup that no policy asked for, as libvirt's virDomainBackupBegin does. "
            "BACKUP.xml says which disks, whether the hypervisor pushes them into files or exports "
            "them to be pulled, and for an incremental from which checkpoint; without it all disks "
            "are pushed in full into files beside their images. With CHECKPOINT.xml a checkpoint "
            "is made at the same instant, from which a later incremental can start.",
            "It starts at once or is refused: a domain has one job at a time, and scheduled "
            "backups wait for this one. It makes no restore point, and no policy's chain depends "
            "on it.",
            "The command returns when the backup has begun, with --wait when it has ended: 'vmkeep "
            "domjobinfo' shows how far it is, 'vmkeep domjobabort' ends it. A pull goes on until "
            "then, and that is its good end. The checkpoint counts from the good end on; when the "
            "backup fails or a push is aborted, the checkpoint and the files that were made for it "
            "are removed.",
            NULL},
    .operands =
        (const struct command_operand[]){
            DOMAIN_OPERAND,
            {OPERAND("BACKUP.xml", files.backup), .by_name = "backupxml",
             .same = "the same, by name; - is standard input", .optional = true,
             .words = WORD_FILE},
            {OPERAND("CHECKPOINT.xml", files.checkpoint), .by_name = "checkpointxml",
             .same = "the same, by name; - is standard input", .optional = true,
             .words = WORD_FILE},
            {0}},
    .options =
        (const struct command_option[]){
            {FLAG("reuse-external", reuse,
                  "the files that BACKUP.xml names exist already, made by you")},
            {FLAG("wait", wait,
                  "wait for its end, and print that as 'vmkeep event' does; it listens before it "
                  "begins, so that no end is missed")},
            {FLAG("json", json,
                  "print {job, checkpoint, unsafe}; with --wait also ended, the event")},
            {0}},
    .wants = "name a domain, and two documents at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "it has begun (--wait: ended well)"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage, configuration or document"},
                                           {EXIT_NOT_FOUND, "no such domain, disk or checkpoint"},
                                           {EXIT_BUSY, "another job of the domain runs"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "a checkpoint is inconsistent"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep backup-begin web01 full.xml checkpoint.xml --wait", NULL},
    ARGUMENTS,
    .run = run,
};
