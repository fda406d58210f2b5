/* SPDX-License-Identifier: MIT
 *
 * vmkeep retention: what retention rules would keep of the times on standard input.  It needs no
 * daemon, catalog or configuration, so rules can be tried before they are believed.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/retention.h"

static const char help[] =
    "Usage: vmkeep retention [--utc] [--json] --RULE N ...\n"
    "\n"
    "Reads times from standard input, one a line, and prints for each whether the rules keep it:\n"
    "TIME<TAB>keep|prune<TAB>reasons. Blank lines and lines that begin with # are skipped.\n"
    "A time is YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339. A time that any rule keeps is kept;\n"
    "without rules everything is kept. A time that lies more than five minutes ahead of now is set\n"
    "aside: it is kept, and no rule sees it.\n"
    "\n"
    "Rules that count (N: a number; -1 or unlimited: all):\n"
    "  --last N                  the newest N\n"
    "  --hourly N, --daily N, --weekly N, --monthly N, --yearly N\n"
    "                            the newest of each of the last N such periods that have one;\n"
    "                            while fewer than N are found, the oldest of all too\n"
    "Rules that measure (SPAN: such as 14d, 1y6m or 1y2m3d4h), back from the newest time:\n"
    "  --within SPAN             all within the span\n"
    "  --within-hourly SPAN, --within-daily SPAN, --within-weekly SPAN, --within-monthly SPAN,\n"
    "  --within-yearly SPAN      the newest of each such period within the span\n"
    "\n"
    "  --utc                     periods are UTC's, and so are times without a zone\n"
    "  --json                    an array of {time, keep, reasons}\n"
    "  --help                    this text\n"
    "\n"
    "Exit status: 0 done, 2 wrong usage or input.\n"
    "\n"
    "Examples:\n"
    "  vmkeep retention --last 3 --daily 7 --weekly 4 < times\n"
    "  seq 0 400 | xargs -I{} date -d '{} days ago' +%F | vmkeep retention --monthly 12\n"
    "  vmkeep points web01 --json | jq -r '.[].created' | vmkeep retention --within 14d\n";

enum { OPT_HELP = 1000, OPT_JSON, OPT_UTC };

struct arguments {
    struct retention rules;
    bool utc, json, help;
};

struct input {
    struct strlist text; /* as given */
    VEC(int64_t) times;
};

/* One long option for each rule, and the three others. Rule options have the value 1 + their place.
 */
static void fill_options(struct option *o)
{
    int value = 1;

    for (int within = 0; within <= 1; within++)
        for (enum retention_period p = PERIOD_ALL; p < PERIOD_COUNT; p++)
            *o++ =
                (struct option){retention_rule_name(p, within), required_argument, NULL, value++};
    *o++ = (struct option){"utc", no_argument, NULL, OPT_UTC};
    *o++ = (struct option){"json", no_argument, NULL, OPT_JSON};
    *o++ = (struct option){"help", no_argument, NULL, OPT_HELP};
    *o = (struct option){0};
}

static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
    struct option options[2 * PERIOD_COUNT + 4];
    struct err err = ERR_INIT;
    int c;

    fill_options(options);
    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return -1;
        if (c == OPT_HELP)
            ret->help = true;
        else if (c == OPT_JSON)
            ret->json = true;
        else if (c == OPT_UTC)
            ret->utc = true;
        else if (retention_set(&ret->rules, options[c - 1].name, optarg, &err) < 0) {
            cli_usage("retention", "--%s: %s", options[c - 1].name, err.msg);
            return -1;
        }
    }
    if (optind < argc) {
        cli_usage("retention", "'%s': no arguments are taken; times come from standard input",
                  argv[optind]);
        return -1;
    }
    return 0;
}

static char *trim(char *line)
{
    size_t len;

    line += strspn(line, " \t\r\n");
    len = strlen(line);
    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        line[--len] = '\0';
    return line;
}

static int read_times(FILE *in, struct input *ret, struct err *err)
{
    CLEANUP_FREE char *line = NULL;
    size_t size = 0;
    ssize_t len;

    for (int n = 1; (len = getline(&line, &size, in)) >= 0; n++) {
        const char *text;
        int64_t t;

        if (strlen(line) != (size_t)len)
            return err_set(err, ERR_INVALID, "line %d: holds a zero byte", n);
        text = trim(line);
        if (!*text || *text == '#')
            continue;
        if (time_parse(text, &t, err) < 0)
            return err_wrap(err, "line %d", n);
        strlist_add(&ret->text, text);
        *VEC_ADD(&ret->times) = t;
    }
    if (ferror(in))
        return err_set(err, ERR_IO, "standard input cannot be read");
    return 0;
}

static void print_text(const struct input *in, const struct retention_verdict *v)
{
    for (size_t i = 0; i < in->times.n; i++)
        printf("%s\t%s\t%s\n", in->text.items[i], v[i].keep ? "keep" : "prune", v[i].reasons);
}

static void print_json(const struct input *in, const struct retention_verdict *v)
{
    json_t *all = json_array();

    for (size_t i = 0; i < in->times.n; i++) {
        char time[TIMEFMT_MAX];
        json_t *reasons = json_array();

        for (size_t k = 0; k < v[i].why.n; k++)
            json_array_append_new(reasons, json_string(v[i].why.items[k]));
        json_array_append_new(all, json_pack("{s:s, s:b, s:o}", "time",
                                             time_utc(in->times.items[i], time), "keep", v[i].keep,
                                             "reasons", reasons));
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static int judge(const struct arguments *args, const struct input *in, struct err *err)
{
    struct retention_verdict *verdicts = NULL;
    struct zone *zone = NULL;

    if (zone_open(args->utc ? "UTC" : NULL, &zone, err) < 0)
        return -1;
    retention_apply(&args->rules, zone, in->times.items, in->times.n, (int64_t)time(NULL),
                    &verdicts);
    zone_free(zone);
    (args->json ? print_json : print_text)(in, verdicts);
    retention_verdicts_free(verdicts, in->times.n);
    return 0;
}

int cmd_retention(int argc, char **argv)
{
    struct arguments args = {0};
    struct input in = {0};
    struct err err = ERR_INIT;
    int rc;

    if (parse_arguments(argc, argv, &args) < 0)
        return EXIT_USAGE;
    if (args.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (args.utc)
        setenv("TZ", "UTC0", 1); /* for time_parse */
    rc = read_times(stdin, &in, &err);
    if (rc == 0)
        rc = judge(&args, &in, &err);
    if (rc < 0)
        cli_fail("retention", &err);
    strlist_done(&in.text);
    free(in.times.items);
    return rc < 0 ? EXIT_USAGE : EXIT_DONE;
}
