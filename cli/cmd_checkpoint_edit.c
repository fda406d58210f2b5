/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-edit: what is known of a checkpoint, changed in an editor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/document.h"
#include "cli/xpath.h"
#include "report/table.h"

#define DOCUMENT_MAX_BYTES ((size_t)256 * 1024)

/* The program's words, the file after them; the shell takes them apart. */
static int run_editor(const char *path)
{
    const char *visual = getenv("VISUAL"), *editor = visual && *visual ? visual : getenv("EDITOR");
    CLEANUP_FREE char *command = xasprintf("%s \"$1\"", editor && *editor ? editor : "vi");
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return EXIT_DONE;
    fprintf(stderr, "vmkeep: checkpoint-edit: '%s' failed; nothing was changed\n",
            editor && *editor ? editor : "vi");
    return EXIT_FAILED;
}

static int edit_file(const char *before, char **ret)
{
    char path[] = "/tmp/vmkeep-checkpoint-XXXXXX";
    CLEANUP_CLOSE int fd = mkostemp(path, O_CLOEXEC);
    struct err err = ERR_INIT;
    size_t len = strlen(before);
    int code;

    if (fd < 0 || write(fd, before, len) != (ssize_t)len) {
        err_set(&err, ERR_IO, "%s: it cannot be written", path);
        code = cli_fail(NULL, &err);
    } else {
        code = run_editor(path);
    }
    if (code == EXIT_DONE && read_file(path, DOCUMENT_MAX_BYTES, ret, NULL, &err) < 0)
        code = cli_fail(NULL, &err);
    unlink(path);
    return code;
}

static int redefine(const struct config *config, const char *domain, const char *name,
                    const char *xml)
{
    const struct document_names names = {0};
    CLEANUP_FREE char *now = xpath_text("string(/domaincheckpoint/name)", xml);
    json_t *args, *result = NULL;
    int code;

    if (now && strcmp(now, name) != 0)
        return cli_usage("checkpoint-edit", "it was called '%s', and cannot become '%s'", name,
                         now);
    args = json_pack("{s:s, s:s, s:b}", "domain", domain, "xml", xml, "redefine", 1);
    if (!args)
        return cli_usage("checkpoint-edit", "the document is not UTF-8 text");
    code = document_ask(config, &(struct client_request){.cmd = "checkpoint-create", .args = args},
                        &names, &result);
    json_decref(result);
    if (code != EXIT_DONE)
        return code;
    fputs("Checkpoint ", stdout);
    print_plain(name, stdout);
    puts(" edited.");
    return EXIT_DONE;
}

static int edit(const char *domain, const char *name)
{
    json_t *args = json_pack("{s:s, s:s}", "domain", domain, "name", name), *result = NULL;
    CLEANUP_FREE char *after = NULL;
    struct config *config = NULL;
    const char *before;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &(struct client_request){.cmd = "checkpoint-dumpxml", .args = args},
                       &result);
    else
        json_decref(args);
    before = json_string_value(json_object_get(result, "xml"));
    if (code == EXIT_DONE && before)
        code = edit_file(before, &after);
    if (code == EXIT_DONE && str_eq(after, before)) {
        fputs("Checkpoint ", stdout);
        print_plain(name, stdout);
        puts(" XML configuration not changed.");
    } else if (code == EXIT_DONE && after) {
        code = redefine(config, domain, name, after);
    }
    json_decref(result);
    config_free(config);
    return code;
}

struct arguments {
    const char *domain, *name;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return edit(a->domain, a->name);
}

const struct command cmd_checkpoint_edit = {
    .name = "checkpoint-edit",
    .summary = "change what is known of a checkpoint",
    .about =
        (const char *const[]){
            "Opens the checkpoint's XML in $VISUAL, $EDITOR or vi, and records what was changed, "
            "as 'vmkeep checkpoint-create --redefine' does: description, time, parent and disks. "
            "Its name stays.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, CHECKPOINT_OPERAND, {0}},
    .wants = "name a domain and a checkpoint",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done, or nothing was changed"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage, configuration or document"},
                                           {EXIT_NOT_FOUND, "no such domain or checkpoint"},
                                           {EXIT_BUSY, "it cannot be changed now"},
                                           {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                           {0}},
    .examples = (const char *const[]){"EDITOR=nano vmkeep checkpoint-edit web01 monday", NULL},
    ARGUMENTS,
    .run = run,
};
