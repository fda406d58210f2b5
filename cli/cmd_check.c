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
#include "cli/cli.h"
#include "report/json.h"
#include "storage/qcow2_links.h"

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

static void print_count(const char *sep, size_t n, const char *one, const char *many)
{
    printf("%s%zu %s", sep, n, n == 1 ? one : many);
}

static void print_summary(const char *path, const struct config *c)
{
    printf("%s: ok: ", path);
    print_count("", c->hosts.n, "host", "hosts");
    print_count(", ", c->repositories.n, "repository", "repositories");
    print_count(", ", c->policies.n, "policy", "policies");
    putchar('\n');
}

/* Of what the configuration names, what can be seen by looking: copies of an encrypted disk are not
 * encrypted. */
static void look_at_images(const char *path, const struct config *c, struct diagnostics *diags)
{
    for (size_t i = 0; i < c->hosts.n; i++) {
        const struct config_host *h = &c->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++) {
            const struct config_domain *d = &h->domains.items[k];

            for (size_t n = 0; n < d->disks.n; n++) {
                CLEANUP(qcow2_links_done) struct qcow2_links links = {0};

                if (d->disks.items[n].format == IMAGE_QCOW2)
                    qcow2_links_read(d->disks.items[n].image, &links);
                if (links.encrypted)
                    diagnostics_add(diags, path, 0, 0, true,
                                    "disk '%s' of domain '%s/%s' is encrypted, and its copies in a "
                                    "repository are in clear text",
                                    d->disks.items[n].name, h->name, d->name);
            }
        }
    }
}

static int check(const char *path, bool json)
{
    CLEANUP(config_file_done) struct config_file f = {0};

    if (config_file_read(path, &f))
        look_at_images(path, f.config, &f.diags);
    if (json)
        print_json(&f.diags);
    else
        diagnostics_print(&f.diags, stderr);
    if (f.config && !json)
        print_summary(path, f.config);
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
            "changed. What the daemon runs on is its configuration at the last start or reload.",
            "It warns of configured images that are encrypted: their copies in a repository are "
            "not.",
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
