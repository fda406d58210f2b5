/* SPDX-License-Identifier: MIT
 *
 * vmkeep status: are the promises kept?
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "cli/client.h"
#include "cli/facts.h"
#include "cli/names.h"
#include "report/json.h"
#include "report/text.h"

#define DAEMON_TIMEOUT_S 3

static const char help[] =
    "Usage: vmkeep status [--json] [DOMAIN]...\n"
    "\n"
    "Tells for every domain whether it is protected, at risk or unprotected, and why; its last good\n"
    "point and its next run; then the repositories, and policies that match no domain. Of DOMAINs\n"
    "given, tells just of these. A domain is at risk when it has no good point yet, or when a policy\n"
    "promises something (rpo) and its last good point is older than that, whatever the last job\n"
    "said; unprotected when no policy selects it. Works while the daemon is down. Promises and next\n"
    "runs are those of the configuration as it is in the file, reloaded or not.\n"
    "\n"
    "  --json   print {daemon, domains, repositories, warnings}\n"
    "  --help   print this text and exit\n"
    "\n"
    "Exit status: 0 all is well, 3 a domain is at risk or unprotected, a guest is perhaps frozen, or\n"
    "there is a warning; 1 failed, 2 bad usage or configuration, 4 no such domain, or no catalog\n"
    "yet, 7 the catalog is damaged.\n"
    "\n"
    "Examples:\n"
    "  vmkeep status\n"
    "  vmkeep status --json | jq -r '.domains[] | select(.protected | not) | .domain'\n";

static void read_answer(const json_t *answer, struct status_daemon *d)
{
    struct err err = ERR_INIT;
    const char *version = NULL, *started = NULL;
    json_int_t pid = 0, running = 0, queued = 0;

    json_unpack((json_t *)answer, "{s?I, s?s, s?s, s?I, s?I}", "pid", &pid, "version", &version,
                "started", &started, "running", &running, "queued", &queued);
    d->running = true;
    d->pid = pid;
    d->version = xstrdup(version);
    d->jobs_running = running;
    d->jobs_queued = queued;
    if (started && time_parse(started, &d->started, &err) < 0)
        d->started = 0;
}

static void ask_daemon(const struct config *config, struct status_daemon *d)
{
    const struct client_request request = {.cmd = "status"};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached;

    if (client_ask(config, &request, DAEMON_TIMEOUT_S, &answer, &reached, &err) == 0)
        read_answer(answer, d);
    else
        d->problem = xstrdup(err.msg);
    json_decref(answer);
}

struct arguments {
    bool json;
    int n_names;
    char **names;
};

static int find_domains(const struct arguments *a, const struct facts *f, struct domain_names *ret,
                        struct err *err)
{
    struct domain_name found;

    for (int i = 0; i < a->n_names; i++) {
        if (domain_find(f->config, f->catalog, a->names[i], &found, err) < 0)
            return -1;
        *VEC_ADD(ret) = found;
    }
    return 0;
}

static int report(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    const struct facts f = {.config = config, .catalog = catalog, .now = time(NULL)};
    struct domain_names only = {0};
    struct status status = {0};
    struct err err = ERR_INIT;
    int rc = find_domains(a, &f, &only, &err), code;

    if (rc == 0) {
        ask_daemon(config, &status.daemon);
        rc = facts_status(&f, a->n_names > 0 ? &only : NULL, &status, &err);
    }
    if (rc < 0)
        code = cli_fail(NULL, &err);
    else
        code = status_is_good(&status) ? EXIT_DONE : EXIT_PARTLY;
    if (rc == 0 && a->json)
        report_json_print(report_status_json(&status), stdout);
    else if (rc == 0)
        report_status_text(&status, stdout);
    domain_names_done(&only);
    status_done(&status);
    return code;
}

int cmd_status(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct arguments a = {0};
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        a.json = true;
    }
    a.n_names = argc - optind;
    a.names = argv + optind;
    return cli_with_catalog(report, &a);
}
