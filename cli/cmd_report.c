/* SPDX-License-Identifier: MIT
 *
 * vmkeep report: what came of a period, as text, as a page, for programs, or as the message that
 * targets of notifications are sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "report/gather/report.h"
#include "report/json.h"
#include "report/notice.h"

#define MACHINE_BYTES 256

struct arguments {
    bool json, html, message;
    const char *since, *policy;
};

/* "7d": so long ago; else a time. */
static int read_since(const char *text, int64_t now, int64_t *ret, struct err *err)
{
    struct err other = ERR_INIT;
    int64_t length;

    if (duration_parse(text, &length, &other) == 0) {
        *ret = length < now ? now - length : 0;
        return 0;
    }
    if (time_parse(text, ret, &other) < 0)
        return err_set(err, ERR_INVALID,
                       "'%s' is neither a duration, such as 7d, nor a time (YYYY-MM-DD [HH:MM])",
                       CLIP(text));
    if (*ret > now)
        return err_set(err, ERR_INVALID, "%s is not over yet", CLIP(text));
    return 0;
}

static int print(const struct arguments *a, const struct report *r)
{
    json_t *message;

    if (a->html)
        report_html(r, stdout);
    else if (a->json)
        report_json_print(report_json(r), stdout);
    else if (a->message) {
        message = notice_report(r);
        json_dumpf(message, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(message);
    } else {
        report_text(r, stdout);
    }
    return EXIT_DONE;
}

static int gather(const struct arguments *a, struct status_sources *s, struct status *status,
                  struct report *r, struct err *err)
{
    if (read_since(a->since, s->now, &r->since, err) < 0)
        return err_wrap(err, "--since");
    if (a->policy && !cli_find_policy(s->config, a->policy, err))
        return -1;
    if (sources_gather(s, NULL, status, err) < 0)
        return -1;
    r->status = status;
    return report_gather(s->catalog, r, err);
}

static int report(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    char machine[MACHINE_BYTES] = "";
    struct report r = {.machine = machine, .policy = a->policy};
    struct status_sources sources = {0};
    struct status status = {0};
    struct err err = ERR_INIT;
    int rc = sources_open(config, catalog, &sources, &err), code;

    if (gethostname(machine, sizeof(machine) - 1) < 0 || !*machine)
        snprintf(machine, sizeof(machine), "localhost");
    rc = rc < 0 ? rc : gather(a, &sources, &status, &r, &err);
    code = rc < 0 ? cli_fail("report", &err) : print(a, &r);
    report_done(&r);
    status_done(&status);
    sources_done(&sources);
    return code;
}

static int run(void *arguments)
{
    return cli_with_catalog(report, arguments);
}

const struct command cmd_report = {
    .name = "report",
    .summary = "what came of the last days, and how it stands",
    .about =
        (const char *const[]){
            "Tells of a period that ends now: how many backups there were and how they ended, what "
            "needs somebody and what to do about it, as status has it now; then a row a domain, "
            "the worst first, with its last failure; the repositories, how they grow and when they "
            "are full; and the other jobs. The first line is the subject of the mail that notify "
            "sends: see `report` of a target in vmkeep-config(5).",
            "Growth is a straight line through what was used of the repository's file system on "
            "each of the last 30 days, as vmkeepd saw it: with all else that lies there. Three "
            "days have to be known before it is told.",
            "Its exit status says whether the report was made, and not how it stands: that is what "
            "status is for.",
            NULL},
    .options =
        (const struct command_option[]){
            {TEXT("since", "PERIOD", since,
                  "how long the period is, such as 7d, or when it began: YYYY-MM-DD [HH:MM[:SS]], "
                  "or RFC 3339 (default: 7d)")},
            {TEXT("policy", "POLICY", policy, "of this policy alone"), .words = WORD_POLICY},
            {FLAG("html", html, "print a page for a browser: one file that loads nothing"),
             .rivals = 1},
            {FLAG("json", json,
                  "print {version, machine, policy, since, until, subject, severity, reasons, "
                  "backups: {success, failed, aborted, skipped, bytes}, other_jobs, domains: "
                  "[{host, domain, status, reason, backups, last_failure, last_point, next_run}], "
                  "repositories: [{name, free, total, written, growth_per_day, full_at}]}, as "
                  "api-v1.schema.json describes it under report"),
             .rivals = 1},
            {FLAG("message", message,
                  "print the message that targets of notifications are sent, as JSON: subject, "
                  "text and html are in it"),
             .rivals = 1},
            {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "printed, however it stands"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such policy, or no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep report --since 30d",
                                      "vmkeep report --html > /tmp/report.html",
                                      "vmkeep report --json | jq -r .subject", NULL},
    ARGUMENTS,
    .defaults = &(const struct arguments){.since = "7d"},
    .run = run,
};
