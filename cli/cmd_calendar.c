/* SPDX-License-Identifier: MIT
 *
 * vmkeep calendar: when calendar expressions elapse.  It needs no daemon, catalog or configuration,
 * so a schedule can be tried before it is written down; and what the configured policies are due
 * for, as months.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/calendar_months.h"
#include "policies/calendar.h"

#define COUNT_MAX 100000

struct arguments {
    int64_t after;
    int64_t count; /* 0: not given */
    struct calendar_months months;
    const char *after_text; /* NULL: now */
    bool utc, json;
    struct strlist expressions;
};

static int parse_after(struct arguments *args, struct err *err)
{
    CLEANUP_FREE char *in_utc = NULL;

    args->after = (int64_t)time(NULL);
    if (!args->after_text)
        return 0;
    in_utc = xasprintf("%s UTC", args->after_text);
    if (args->utc && time_parse(in_utc, &args->after, err) == 0)
        return 0; /* it had no zone of its own */
    if (time_parse(args->after_text, &args->after, err) < 0)
        return err_wrap(err, "--after");
    return 0;
}

static void print_text(const struct arguments *args, const struct calspec *spec,
                       const struct zone *zone)
{
    int64_t t = args->after;

    for (int64_t i = 0; i < args->count; i++) {
        char time[TIMEFMT_MAX];

        if (!calspec_next(spec, zone, t, &t)) {
            if (i == 0)
                puts("never");
            return;
        }
        puts(args->utc ? time_utc(t, time) : time_rfc3339_local(t, time));
    }
}

static void print_json(const struct arguments *args, const char *expression,
                       const struct calspec *spec, const struct zone *zone)
{
    CLEANUP_FREE char *normalized = calspec_format(spec);
    json_t *next = json_array(), *object;
    int64_t t = args->after;

    for (int64_t i = 0; i < args->count && calspec_next(spec, zone, t, &t); i++) {
        char time[TIMEFMT_MAX];

        json_array_append_new(next, json_string(time_utc(t, time)));
    }
    object = json_pack("{s:s, s:s, s:o}", "expression", expression, "normalized", normalized,
                       "next", next);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* All expressions are read before the first is answered, so that an error leaves no half answer. */
static int parse_expressions(const struct arguments *args, struct calspec **specs, struct err *err)
{
    for (size_t i = 0; i < args->expressions.n; i++)
        if (calspec_parse(args->expressions.items[i], &specs[i], err) < 0)
            return -1;
    return 0;
}

static int answer(const struct arguments *args, struct err *err)
{
    size_t n = args->expressions.n;
    struct calspec **specs = xcalloc(n, sizeof(*specs));
    struct zone *zone = NULL;
    int rc = zone_open(NULL, &zone, err);

    if (rc == 0)
        rc = parse_expressions(args, specs, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (args->json)
            print_json(args, args->expressions.items[i], specs[i], zone);
        else
            print_text(args, specs[i], zone);
    }
    for (size_t i = 0; i < n; i++)
        calspec_free(specs[i]);
    free(specs);
    zone_free(zone);
    return rc;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;
    bool months = a->months.from || a->months.to || a->months.policy;
    struct err err = ERR_INIT;

    if (months && (a->expressions.n > 0 || a->after_text || a->count || a->utc))
        return cli_usage("calendar", "--from, --to and --policy are of the configured "
                                     "policies: they go with --json alone");
    a->months.json = a->json;
    if (months)
        return calendar_months(&a->months);
    if (a->expressions.n == 0)
        return cli_usage("calendar", "%s (see 'vmkeep calendar --help')", cmd_calendar.wants);
    a->count = a->count ? a->count : 1;
    if (parse_after(a, &err) < 0 || answer(a, &err) < 0)
        return cli_fail("calendar", &err);
    return EXIT_DONE;
}

const struct command cmd_calendar = {
    .name = "calendar",
    .summary = "when a calendar expression elapses",
    .about =
        (const char *const[]){
            "Prints when each calendar expression elapses next, one time a line, or 'never'. "
            "Expressions are those of systemd.time(7), CALENDAR EVENTS. One without a time zone "
            "follows the local clock. A time that the clock skips elapses right after the gap, one "
            "that comes twice the first time; where the hour is *, elapses follow elapsed time "
            "instead. Times are whole seconds: a fraction elapses with the second that it lies in, "
            "as systemd-analyze shows it.",
            "With --from, --to or --policy it shows when the configuration's policies are due, "
            "as a grid of days for each month and policy, by the daemon's time zone; days on "
            "which the clock changes are noted below. These are due times: what is made up for, "
            "tried again or waits for its turn is not among them.",
            NULL},
    .synopses = (const char *const[]){"[--after TIME] [--count N] [--utc] [--json] EXPRESSION...",
                                      "[--from DATE] [--to DATE] [--policy POLICY] [--json]", NULL},
    .operands =
        (const struct command_operand[]){{OPERANDS("EXPRESSION", expressions), .optional = true},
                                         {0}},
    .options =
        (const struct command_option[]){
            {TEXT("after", "TIME", after_text,
                  "look for elapses after this time: YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339 "
                  "(default: now)")},
            {NUMBER("count", "N", count, 1, COUNT_MAX,
                    "how many elapses of each expression (default: 1)")},
            {FLAG(
                "utc", utc,
                "print times in UTC, and read a TIME without a zone as UTC; expressions without a "
                "zone still follow the local clock")},
            {FLAG("json", json,
                  "one object a line: {expression, normalized, next: [times in UTC]}; of "
                  "policies: {from, to, policies: [{policy, cut, due: [{at, local, kind}]}]}, as "
                  "api-v1.schema.json describes it under months")},
            {TEXT("from", "DATE", months.from,
                  "of policies, from this day on: YYYY-MM-DD, or YYYY-MM (default: today)")},
            {TEXT("to", "DATE", months.to,
                  "up to this day, which is shown (default: the end of that month)")},
            {TEXT("policy", "POLICY", months.policy, "of this policy alone"), .words = WORD_POLICY},
            {0}},
    .wants = "no expression is given",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_USAGE,
                                            "bad usage or configuration, or a bad expression"},
                                           {EXIT_NOT_FOUND, "no such policy"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep calendar 'Mon..Sat 02:30'",
                              "vmkeep calendar --count 5 '*-*~1 22:00' 'Sun 04:00 Europe/Prague'",
                              "vmkeep calendar --after '2026-03-28 12:00' --count 3 02:30",
                              "vmkeep calendar --from 2027-03 --to 2027-04 --policy nightly", NULL},
    ARGUMENTS,
    .run = run,
};
