/* SPDX-License-Identifier: MIT
 *
 * vmkeep check: validates a configuration without touching anything, with the code by which the
 * daemon reads it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/check_idle.h"
#include "cli/check_look.h"
#include "cli/cli.h"
#include "report/json.h"
#include "report/wrap.h"

static void print_json(const struct diagnostics *diags)
{
    json_t *list = json_array();

    for (size_t i = 0; i < diags->n; i++) {
        const struct diagnostic *d = &diags->items[i];

        json_array_append_new(
            list, json_pack("{s:o, s:i, s:i, s:s, s:o}", "file", report_json_text(d->file), "line",
                            d->line, "column", d->column, "severity",
                            d->warning ? "warning" : "error", "text", report_json_text(d->text)));
    }
    report_json_print(list, stdout);
}

static void print_summary(const char *path, const struct config *c)
{
    CLEANUP_FREE char *label = xasprintf("%s: ok: ", path);

    print_paragraphf(stdout, 2, label, "%zu host%s, %zu repositor%s, %zu polic%s", c->hosts.n,
                     plural_s(c->hosts.n), c->repositories.n, c->repositories.n == 1 ? "y" : "ies",
                     c->policies.n, c->policies.n == 1 ? "y" : "ies");
}

static int check(const char *path, bool json)
{
    CLEANUP(config_file_done) struct config_file f = {0};
    char when[TIMEFMT_MAX];
    int64_t read;

    if (config_file_read(path, &f)) {
        check_idle(path, f.config, &f.diags);
        check_look(path, f.config, &f.diags);
    }
    if (json)
        print_json(&f.diags);
    else
        diagnostics_print(&f.diags, stderr);
    if (f.missing && !json)
        fprintf(stderr, "vmkeep: check: `vmkeep %s%s%sinit` makes one\n",
                str_eq(path, CONFIG_DEFAULT) ? "" : "--config ",
                str_eq(path, CONFIG_DEFAULT) ? "" : path, str_eq(path, CONFIG_DEFAULT) ? "" : " ");
    if (f.config && !json)
        print_summary(path, f.config);
    if (f.config && !json && config_copy_differs(&f, &read))
        print_paragraphf(stdout, 0, "",
                         "vmkeepd goes by what it read at %s, which is not this: `vmkeep reload`",
                         time_local(read, when));
    return f.config ? EXIT_DONE : EXIT_USAGE;
}

struct arguments {
    const char *file;
    bool json;
};

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return check(a->file ? a->file : cli_config_path(), a->json);
}

const struct command cmd_check = {
    .name = "check",
    .summary = "validate the configuration",
    .about =
        (const char *const[]){
            "Validates FILE, or else the configuration in use (see --config). All errors and "
            "warnings are printed to standard error, each with file, line and column; nothing is "
            "changed. What the daemon runs on is its configuration at the last start or reload; "
            "where that is another one, it is said.",
            "It warns of what is allowed and hardly meant, of promises that the schedule itself "
            "breaks, of agents that a policy requires and that are not configured; of policies "
            "and globs of disks that select nothing, by what is configured and what vmkeepd has "
            "seen; and, by looking, of repositories that are missing, read-only, or on one file "
            "system with the images, and of configured images that are missing, or encrypted: "
            "their copies in a repository are not; of sockets where nothing is; of what pulls "
            "from other machines need; and of files and programs that `notify` names and that "
            "are not there, or that others may read. "
            "What has to be tried, vmkeep doctor tries.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("FILE", file), .optional = true, .words = WORD_FILE}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json,
                  "print an array of {file, line, column, severity, text} to standard output "
                  "instead; severity is error or warning; line 0 is the file as a whole")},
            {0}},
    .wants = "one FILE at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "no errors, though there may be warnings"},
                                           {EXIT_USAGE, "errors, or bad usage"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep check",
                                      "vmkeep check ./config.new && systemctl reload vmkeepd",
                                      "vmkeep check --json | "
                                      "jq -r '.[] | select(.severity == \"error\").text'",
                                      NULL},
    ARGUMENTS,
    .run = run,
};
