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

struct arguments {
    struct retention rules;
    bool utc, json;
};

struct input {
    struct strlist text; /* as given */
    VEC(int64_t) times;
};

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

static int set_rule(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    return retention_set(&a->rules, name, value, err);
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct input in = {0};
    struct err err = ERR_INIT;
    int rc;

    if (a->utc)
        setenv("TZ", "UTC0", 1); /* for time_parse */
    rc = read_times(stdin, &in, &err);
    if (rc == 0)
        rc = judge(a, &in, &err);
    if (rc < 0)
        cli_fail("retention", &err);
    strlist_done(&in.text);
    free(in.times.items);
    return rc < 0 ? EXIT_USAGE : EXIT_DONE;
}

const struct command cmd_retention = {
    .name = "retention",
    .summary = "what retention rules make of a list of times",
    .synopses = (const char *const[]){"[--utc] [--json] --RULE N|SPAN ...", NULL},
    .about =
        (const char *const[]){
            "Reads times from standard input, one a line, and prints for each, separated by tabs, "
            "the time, 'keep' or 'prune', and the reasons. Blank lines and lines that begin with # "
            "are skipped. A time is YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339. The rules are "
            "those of 'keep' in vmkeep-config(5).",
            "A time that any rule keeps is kept; without rules everything is kept. A time that "
            "lies more than five minutes ahead of now is set aside: it is kept, and no rule sees "
            "it.",
            "N is a number; -1 or unlimited: all. Of rules that count periods, only periods that "
            "have a time count, and while fewer than N are found, the oldest of all is kept too. A "
            "SPAN is such as 14d, 1y6m or 1y2m3d4h, and is measured back from the newest time.",
            NULL},
    .options =
        (const struct command_option[]){
            {READ("last", "N", set_rule, "the newest N")},
            {READ("hourly", "N", set_rule, "the newest of each of the last N hours")},
            {READ("daily", "N", set_rule, "the newest of each of the last N days")},
            {READ("weekly", "N", set_rule, "the newest of each of the last N weeks")},
            {READ("monthly", "N", set_rule, "the newest of each of the last N months")},
            {READ("yearly", "N", set_rule, "the newest of each of the last N years")},
            {READ("within", "SPAN", set_rule, "all within the span")},
            {READ("within-hourly", "SPAN", set_rule, "the newest of each hour within the span")},
            {READ("within-daily", "SPAN", set_rule, "the newest of each day within the span")},
            {READ("within-weekly", "SPAN", set_rule, "the newest of each week within the span")},
            {READ("within-monthly", "SPAN", set_rule, "the newest of each month within the span")},
            {READ("within-yearly", "SPAN", set_rule, "the newest of each year within the span")},
            {FLAG("utc", utc, "periods are UTC's, and so are times without a zone")},
            {FLAG("json", json, "print an array of {time, keep, reasons}")},
            {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_USAGE, "bad usage, or bad input"},
                                           {0}},
    .examples =
        (const char *const[]){
            "vmkeep retention --last 3 --daily 7 --weekly 4 < times",
            "seq 99 | xargs -I{} date -d '{} days ago' +%F | vmkeep retention --monthly 9", NULL},
    ARGUMENTS,
    .run = run,
};
