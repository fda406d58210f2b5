/* SPDX-License-Identifier: MIT
 *
 * vmkeep backup-dumpxml: the document of the backup that runs, every default filled in.
 */
#include <stdio.h>

#include "cli/names.h"
#include "cli/xpath.h"

static const char help[] =
    "Usage: vmkeep backup-dumpxml DOMAIN [--xpath EXPRESSION [--wrap]]\n"
    "\n"
    "Prints the XML of the domain's backup that runs, scheduled or begun by hand, with all that was\n"
    "left to be chosen: file names, the port of a pull, export and bitmap names. Works while the\n"
    "daemon is down.\n"
    "\n"
    "  --xpath EXPRESSION   only what it selects, one a line; nothing selected: exit status 1\n"
    "  --wrap               ... as one document, in <nodes>\n"
    "  --help               print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain, no backup of it\n"
    "runs, or no catalog yet, 7 the catalog is damaged.\n"
    "\n"
    "Example:\n"
    "  vmkeep backup-dumpxml web01 --xpath 'string(//server/@port)'\n";

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

int cmd_backup_dumpxml(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'D'},
                                            {"xpath", required_argument, NULL, 'x'},
                                            {"wrap", no_argument, NULL, 'w'},
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
        a.xpath.expression = c == 'x' ? optarg : a.xpath.expression;
        a.xpath.wrap = a.xpath.wrap || c == 'w';
    }
    a.domain = cli_operand(argc, argv, a.domain);
    if (!a.domain || optind != argc)
        return cli_usage("backup-dumpxml", "name one domain (see 'vmkeep backup-dumpxml --help')");
    return cli_with_catalog(dump, &a);
}
