/* SPDX-License-Identifier: MIT
 *
 * vmkeep event: waits for backups to end.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/ended.h"
#include "cli/names.h"

#define ANSWER_S 20

static const char help[] =
    "Usage: vmkeep event [DOMAIN] [--event job-completed|--all] [--loop] [--timeout SECONDS]\n"
    "                    [--timestamp] [--json]\n"
    "       vmkeep event --list\n"
    "\n"
    "Waits for a backup to end, of any domain or of DOMAIN, scheduled or begun by hand, and prints\n"
    "how. It says 'listening' on standard error when it hears: ends that came before are not told.\n"
    "'vmkeep backup-begin --wait' misses none, and 'vmkeep domjobinfo --completed' has the last one.\n"
    "\n"
    "  --domain DOMAIN     the same, by name\n"
    "  --event EVENT       job-completed, which is the default\n"
    "  --all               all events that there are: the same\n"
    "  --list              print the names of all events and exit\n"
    "  --timestamp         the time (UTC) before each; with --json there is none\n"
    "  --loop              go on after the first one\n"
    "  --timeout SECONDS   wait no longer than that\n"
    "  --json              print each as one line of JSON: {event, job, host, domain, operation,\n"
    "                      kind, mode, outcome, success, errmsg, time_elapsed, disk_total,\n"
    "                      disk_processed, disk_remaining, temp_used, temp_total}\n"
    "  --help              print this text and exit\n"
    "\n"
    "Exit status: 0 an event came, 1 none came in time, or failed, 2 bad usage or configuration,\n"
    "6 the daemon cannot be reached, or went away, 130 interrupted.\n"
    "\n"
    "Example:\n"
    "  vmkeep event web01 --timeout 3600 --json | jq .success\n";

struct wait {
    bool loop, json, timestamp;
    size_t heard;
    bool enough;
};

static void on_event(void *ctx, const json_t *event)
{
    struct wait *w = ctx;

    if (!ended_is(event)) {
        fputs("listening\n", stderr); /* from here on nothing is missed */
        return;
    }
    w->heard++;
    w->enough = !w->loop;
    if (w->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        ended_print(event, w->timestamp);
    }
    fflush(stdout);
}

static int listen_to(const struct config *config, const char *domain, int limit_s, struct wait *w)
{
    const struct client_request request = {
        .cmd = "events",
        .args = domain ? json_pack("{s:s}", "domain", domain) : NULL,
        .event = on_event,
        .ctx = w,
        .enough = &w->enough,
        .limit_s = limit_s,
    };
    struct err err = ERR_INIT;
    json_t *result = NULL;
    bool reached;
    int code;

    if (client_ask(config, &request, ANSWER_S, &result, &reached, &err) == 0) {
        json_decref(result);
        return EXIT_DONE;
    }
    if (err.code == ERR_TIMEOUT && reached) {
        if (w->heard > 0)
            return EXIT_DONE;
        err_set(&err, ERR_TIMEOUT, "no backup ended within %d s", limit_s);
    }
    code = cli_fail(NULL, &err);
    return reached || code == EXIT_INTERRUPTED ? code : EXIT_NO_DAEMON;
}

/* A name that no domain bears would be waited for in vain. */
static int check_domain(const struct config *config, const char *text)
{
    struct domain_name d = {0};
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == EXIT_DONE && domain_find(config, catalog, text, &d, &err) < 0)
        code = cli_fail(NULL, &err);
    domain_name_done(&d);
    catalog_close(catalog);
    return code;
}

int cmd_event(int argc, char **argv)
{
    static const struct option options[] = {
        {"domain", required_argument, NULL, 'D'},  {"event", required_argument, NULL, 'e'},
        {"all", no_argument, NULL, 'a'},           {"list", no_argument, NULL, 'L'},
        {"timestamp", no_argument, NULL, 's'},     {"loop", no_argument, NULL, 'l'},
        {"timeout", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    struct config *config = NULL;
    struct wait w = {0};
    const char *domain = NULL;
    int64_t limit = 0;
    int c, code;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        if (c == 't' && !parse_int(optarg, 1, 1000000000, &limit))
            return cli_usage("event", "--timeout: '%s' is not a number of seconds", optarg);
        if (c == 'e' && strcmp(optarg, "job-completed") != 0)
            return cli_usage("event", "--event: '%s' is none; there is job-completed", optarg);
        if (c == 'L') {
            puts("job-completed");
            return EXIT_DONE;
        }
        domain = c == 'D' ? optarg : domain;
        w.timestamp = w.timestamp || c == 's';
        w.loop = w.loop || c == 'l';
        w.json = w.json || c == 'j';
    }
    domain = cli_operand(argc, argv, domain);
    if (optind < argc)
        return cli_usage("event", "one domain at most (see 'vmkeep event --help')");
    code = cli_load_config(&config);
    if (code == EXIT_DONE && domain)
        code = check_domain(config, domain);
    if (code == EXIT_DONE)
        code = listen_to(config, domain, (int)limit, &w);
    config_free(config);
    return code;
}
