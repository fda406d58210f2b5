/* SPDX-License-Identifier: MIT
 *
 * vmkeep event: waits for backups to end.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/ended.h"
#include "report/gather/domains.h"

#define ANSWER_S 20

struct wait {
    bool loop, json, timestamp;
    size_t heard;
    bool enough;
};

struct arguments {
    const char *domain, *event;
    int64_t limit_s;
    bool all, list;
    struct wait wait;
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

    if (client_ask(config, &request, ANSWER_S, &result, &reached, &err) == 0) {
        json_decref(result);
        return EXIT_DONE;
    }
    if (err.code == ERR_TIMEOUT && reached) {
        if (w->heard > 0)
            return EXIT_DONE;
        err_set(&err, ERR_TIMEOUT, "no backup ended within %d s", limit_s);
    }
    return client_failed(&err, reached);
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

static int run(void *arguments)
{
    struct arguments *a = arguments;
    struct config *config = NULL;
    int code;

    if (a->list) {
        puts("job-completed");
        return EXIT_DONE;
    }
    code = cli_load_config(&config);
    if (code == EXIT_DONE && a->domain)
        code = check_domain(config, a->domain);
    if (code == EXIT_DONE)
        code = listen_to(config, a->domain, (int)a->limit_s, &a->wait);
    config_free(config);
    return code;
}

const struct command cmd_event = {
    .name = "event",
    .summary = "wait for backups to end",
    .synopses = (const char *const[]){"[DOMAIN] [--event job-completed|--all] [--loop] "
                                      "[--timeout SECONDS] [--timestamp] [--json]",
                                      "--list", NULL},
    .about =
        (const char *const[]){
            "Waits for a backup to end, of any domain or of DOMAIN, scheduled or begun by hand, "
            "and prints how. It says 'listening' on standard error when it hears: ends that came "
            "before are not told. 'vmkeep backup-begin --wait' misses none, and 'vmkeep domjobinfo "
            "--completed' has the last one.",
            NULL},
    .operands = (const struct command_operand[]){{OPERAND("DOMAIN", domain), .by_name = "domain",
                                                  .optional = true, .words = WORD_DOMAIN},
                                                 {0}},
    .options =
        (const struct command_option[]){
            {TEXT("event", "EVENT", event, "job-completed, which is the default"),
             .choices = (const char *const[]){"job-completed", NULL}},
            {FLAG("all", all, "all events that there are: the same")},
            {FLAG("list", list, "print the names of all events and exit")},
            {FLAG("timestamp", wait.timestamp,
                  "the time (UTC) before each; with --json there is "
                  "none")},
            {FLAG("loop", wait.loop, "go on after the first one")},
            {NUMBER("timeout", "SECONDS", limit_s, 1, 1000000000, "wait no longer than that")},
            {FLAG(
                "json", wait.json,
                "print each as one line of JSON: {event, job, host, domain, operation, kind, mode, "
                "outcome, success, errmsg, time_elapsed, disk_total, disk_processed, "
                "disk_remaining, temp_used, temp_total}")},
            {0}},
    .wants = "one domain at most",
    .exits = (const struct command_exit[]){{EXIT_DONE, "an event came"},
                                           {EXIT_FAILED, "none came in time, or failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NO_DAEMON,
                                            "the daemon cannot be reached, or went away"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep event web01 --timeout 3600 --json | jq .success", NULL},
    ARGUMENTS,
    .run = run,
};
