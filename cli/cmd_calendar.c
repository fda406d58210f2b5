/* SPDX-License-Identifier: MIT
 *
 * vmkeep calendar: when calendar expressions elapse.  It needs no daemon, catalog or configuration,
 * so a schedule can be tried before it is written down.
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
#include "policies/calendar.h"

#define COUNT_MAX 100000

static const char help[] =
    "Usage: vmkeep calendar [--utc] [--after TIME] [--count N] [--json] EXPRESSION...\n"
    "\n"
    "Prints when each calendar expression elapses next, one time a line, or 'never'.\n"
    "Expressions are those of systemd.time(7), CALENDAR EVENTS. One without a time zone follows\n"
    "the local clock. A time that the clock skips elapses right after the gap, one that comes "
    "twice\n"
    "the first time; where the hour is *, elapses follow elapsed time instead.\n"
    "\n"
    "  --after TIME   look for elapses after this time: YYYY-MM-DD [HH:MM[:SS]], local, or RFC "
    "3339\n"
    "                 (default: now)\n"
    "  --count N      how many elapses of each expression (default 1)\n"
    "  --utc          print times in UTC, and read a TIME without a zone as UTC; expressions\n"
    "                 without a zone still follow the local clock\n"
    "  --json         one object a line: {expression, normalized, next: [times in UTC]}\n"
    "  --help         this text\n"
    "\n"
    "Exit status: 0 done, 2 wrong usage or a bad expression.\n"
    "\n"
    "Examples:\n"
    "  vmkeep calendar 'Mon..Sat 02:30'\n"
    "  vmkeep calendar --count 5 '*-*~1 22:00' 'Sun 04:00 Europe/Prague'\n"
    "  vmkeep calendar --after '2026-03-28 12:00' --count 3 02:30     over a change of the clock\n";

struct arguments {
    int64_t after;
    int64_t count;
    const char *after_text; /* NULL: now */
    bool utc, json, help;
    char **expressions;
    int n_expressions;
};

enum { OPT_AFTER = 1000, OPT_COUNT, OPT_HELP, OPT_JSON, OPT_UTC };

static const struct option options[] = {
    {"after", required_argument, NULL, OPT_AFTER}, {"count", required_argument, NULL, OPT_COUNT},
    {"help", no_argument, NULL, OPT_HELP},         {"json", no_argument, NULL, OPT_JSON},
    {"utc", no_argument, NULL, OPT_UTC},           {0},
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

/* 0, or an exit code when the error has been printed. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
    struct err err = ERR_INIT;
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == OPT_HELP)
            ret->help = true;
        else if (c == OPT_JSON)
            ret->json = true;
        else if (c == OPT_UTC)
            ret->utc = true;
        else if (c == OPT_AFTER)
            ret->after_text = optarg;
        else if (!parse_int(optarg, 1, COUNT_MAX, &ret->count))
            return cli_usage(argv[0], "--count: '%s' is not a number from 1 to %d", optarg,
                             COUNT_MAX);
    }
    if (ret->help)
        return 0;
    ret->expressions = argv + optind;
    ret->n_expressions = argc - optind;
    if (ret->n_expressions == 0)
        return cli_usage(argv[0], "no expression is given (see 'vmkeep calendar --help')");
    return parse_after(ret, &err) < 0 ? cli_fail(argv[0], &err) : 0;
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
    for (int i = 0; i < args->n_expressions; i++)
        if (calspec_parse(args->expressions[i], &specs[i], err) < 0)
            return -1;
    return 0;
}

static int answer(const struct arguments *args, struct err *err)
{
    size_t n = (size_t)args->n_expressions;
    struct calspec **specs = xcalloc(n, sizeof(*specs));
    struct zone *zone = NULL;
    int rc = zone_open(NULL, &zone, err);

    if (rc == 0)
        rc = parse_expressions(args, specs, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (args->json)
            print_json(args, args->expressions[i], specs[i], zone);
        else
            print_text(args, specs[i], zone);
    }
    for (size_t i = 0; i < n; i++)
        calspec_free(specs[i]);
    free(specs);
    zone_free(zone);
    return rc;
}

int cmd_calendar(int argc, char **argv)
{
    struct arguments args = {.count = 1};
    struct err err = ERR_INIT;
    int rc = parse_arguments(argc, argv, &args);

    if (rc != 0)
        return rc;
    if (args.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    return answer(&args, &err) < 0 ? cli_fail(argv[0], &err) : EXIT_DONE;
}
