/* SPDX-License-Identifier: MIT
 *
 * vmkeep backup-dumpxml: the document of the backup that runs, every default filled in.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "report/gather/domains.h"
#include "cli/xpath.h"

struct arguments {
    const char *domain;
    struct xpath xpath;
};

static int dump(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct domain_name d = {0};
    struct job_filter filter = {.active = true};
    struct job_list jobs = {0};
    struct err err = ERR_INIT;
    const char *document = NULL;
    int code = EXIT_DONE;

    if (domain_find(config, catalog, a->domain, &d, &err) < 0)
        return cli_fail(NULL, &err);
    filter.host = d.host;
    filter.domain = d.domain;
    if (catalog_jobs(catalog, &filter, &jobs, &err) < 0)
        code = cli_fail(NULL, &err);
    for (size_t i = 0; i < jobs.n; i++)
        if (jobs.items[i].state == JOB_RUNNING && jobs.items[i].document)
            document = jobs.items[i].document;
    if (document) {
        code = xpath_print(&a->xpath, document);
    } else if (code == EXIT_DONE) {
        err_set(&err, ERR_NOTFOUND, "%s/%s: no backup of it runs", d.host, d.domain);
        code = cli_fail(NULL, &err);
    }
    job_list_done(&jobs);
    domain_name_done(&d);
    return code;
}

static int run(void *arguments)
{
    return cli_with_catalog(dump, arguments);
}

const struct command cmd_backup_dumpxml = {
    .name = "backup-dumpxml",
    .summary = "the XML of the backup that runs",
    .about =
        (const char *const[]){
            "Prints the XML of the domain's backup that runs, scheduled or begun by hand, with all "
            "that was left to be chosen: file names, the port of a pull, export and bitmap names. "
            "Works while the daemon is down.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("xpath", "EXPRESSION", xpath.expression,
                  "only what it selects, one a line; nothing selected: exit status 1")},
            {FLAG("wrap", xpath.wrap, "as one document, in <nodes>"), .with = "xpath", .lax = true},
            {0}},
    .wants = "name one domain",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "done"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such domain, no backup of it runs, or "
                                                       "no catalog yet"},
                                      {EXIT_DAMAGED, "the catalog is damaged"},
                                      {0}},
    .examples =
        (const char *const[]){"vmkeep backup-dumpxml web01 --xpath 'string(//server/@port)'", NULL},
    ARGUMENTS,
    .run = run,
};
