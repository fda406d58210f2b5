/* SPDX-License-Identifier: MIT
 *
 * vmkeep simulate: what a policy will have made and kept, and how much room that takes, years
 * ahead.  It needs no daemon and no catalog: a policy can be tried before it is believed.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/calendar_months.h"
#include "policies/preview.h"
#include "report/gather/month.h"
#include "report/gather/due_json.h"
#include "report/json.h"
#include "report/table.h"

#define DAY INT64_C(86400)
#define YEARS 3
#define YEARS_MAX 20
#define DAYS_MAX 7305
#define EACH_DAY 31 /* up to so many days, each is shown; else months */
#define RUNS_MAX 40000
#define CHANGE 0.03

struct arguments {
    const char *policy, *from_text;
    int64_t years, days; /* 0: not given */
    double change;       /* of a disk in a day; 0 to 1 */
    uint64_t full;       /* bytes of one; 0: not known */
    bool json;
};

struct simulation {
    const struct arguments *args;
    int64_t from, until;
    size_t asked; /* ends */
    struct preview preview;
};

static int set_change(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;
    char *end;
    double v = strtod(value, &end);

    (void)name;
    if (end == value || !str_eq(end, "%") || !isfinite(v) || v < 0 || v > 100)
        return err_set(err, ERR_INVALID, "'%s' is no change rate (want 0%% to 100%% a day)",
                       CLIP(value));
    a->change = v / 100;
    return 0;
}

static int set_full(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    (void)name;
    return size_parse(value, &a->full, err);
}

/* ---- the ends that are shown ---- */

struct ends {
    VEC(int64_t) at;
};

static void find_ends(struct simulation *s, const struct zone *zone, struct ends *ret)
{
    const struct arguments *a = s->args;
    struct month_date day = month_date_of(zone, s->from), last;
    int64_t begin, end;

    if (a->days) {
        s->until = s->from + a->days * DAY;
    } else {
        last = month_end_of(&day, (int)(a->years ? a->years : YEARS) * 12 - 1);
        month_span(zone, &day, &last, &begin, &s->until);
    }
    do {
        last = a->days && a->days <= EACH_DAY ? day : month_end_of(&day, 0);
        month_span(zone, &day, &last, &begin, &end);
        end = end < s->until ? end : s->until;
        *VEC_ADD(&ret->at) = end;
        day = month_date_of(zone, end);
    } while (end < s->until);
    s->asked = ret->at.n;
}

/* ---- what is said of it ---- */

static void put_room(const struct simulation *s, const struct preview_span *span, char *buf,
                     size_t size)
{
    double fulls = preview_room(span, s->args->change);
    char text[SIZE_TEXT_MAX];

    if (s->args->full)
        snprintf(buf, size, "%s", size_text((uint64_t)(fulls * (double)s->args->full), text));
    else
        snprintf(buf, size, "%.1f", fulls);
}

static void print_table(const struct simulation *s)
{
    const char *titles[] = {"UNTIL", ">MADE", ">LET GO", ">KEPT", ">FULLS", "OLDEST", ">ROOM"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    size_t made = 0, kept = 0;

    for (size_t i = 0; i < s->preview.spans.n; i++) {
        const struct preview_span *span = &s->preview.spans.items[i];
        size_t more = span->made - made;
        char at[TIMEFMT_MAX], room[SIZE_TEXT_MAX + 8];

        table_cellf(t, "%.10s", time_local(span->at - 1, at));
        table_cellf(t, "%zu", more);
        table_cellf(t, "%zu", kept + more - span->kept.n);
        table_cellf(t, "%zu", span->kept.n);
        table_cellf(t, "%zu", preview_fulls(span));
        if (span->kept.n > 0)
            table_cellf(t, "%.10s", time_local(span->kept.items[0].at, at));
        else
            table_cell(t, NULL);
        put_room(s, span, room, sizeof(room));
        table_cell(t, room);
        made = span->made;
        kept = span->kept.n;
    }
    table_print(t, stdout);
}

static void print_text(const struct simulation *s)
{
    CLEANUP_FREE char *text = NULL;
    char at[TIMEFMT_MAX], full[SIZE_TEXT_MAX];

    print_table(s);
    if (s->preview.spans.n < s->asked) {
        text = xasprintf("There are more than %d runs until %.10s: --days shows a shorter time.",
                         RUNS_MAX, time_local(s->until, at));
    } else if (s->preview.spans.items[s->asked - 1].made == 0) {
        text = xstrdup("Its calendars make no backup in this time.");
    } else {
        text = xasprintf("Of one domain whose backups begin at %.16s, if all that is due is made "
                         "and %g%% of its disks changes in a day. ROOM is %s%s.",
                         time_local(s->from, at), s->args->change * 100,
                         s->args->full ? "what is kept takes, with fulls of " : "in fulls",
                         s->args->full ? size_text(s->args->full, full) : "");
    }
    if (s->preview.spans.n > 0)
        putchar('\n');
    print_wrapped(stdout, text, 0, 0);
}

static json_t *span_json(const struct simulation *s, const struct preview_span *span)
{
    double fulls = preview_room(span, s->args->change);
    json_t *ret = kept_json(span);

    json_object_set_new(ret, "room_fulls", json_real(fulls));
    json_object_set_new(ret, "room_bytes",
                        s->args->full ? json_integer((json_int_t)(fulls * (double)s->args->full))
                                      : json_null());
    return ret;
}

static void print_json(const struct simulation *s)
{
    json_t *kept = json_array();

    for (size_t i = 0; i < s->preview.spans.n; i++)
        json_array_append_new(kept, span_json(s, &s->preview.spans.items[i]));
    report_json_print(json_pack("{s:o, s:o, s:o, s:f, s:b, s:o}", "policy",
                                report_json_text(s->args->policy), "from",
                                report_json_time(s->from), "to", report_json_time(s->until),
                                "change_per_day", s->args->change, "cut",
                                s->preview.spans.n < s->asked, "kept", kept),
                      stdout);
}

/* ---- the command ---- */

static int simulate(const struct arguments *args, const struct config *config, struct err *err)
{
    const struct config_policy *p = cli_find_policy(config, args->policy, err);
    struct simulation s = {.args = args, .from = (int64_t)time(NULL)};
    struct ends ends = {0};
    struct zone *zone = NULL;

    if (!p)
        return -1;
    if (args->from_text && time_parse(args->from_text, &s.from, err) < 0)
        return err_wrap(err, "--from");
    if (calendar_zone(config, &zone, err) < 0)
        return -1;
    find_ends(&s, zone, &ends);
    preview_make(p, zone, s.from, ends.at.items, ends.at.n, RUNS_MAX, &s.preview);
    (args->json ? print_json : print_text)(&s);
    preview_done(&s.preview);
    free(ends.at.items);
    zone_free(zone);
    return 0;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct config *config = NULL;
    struct err err = ERR_INIT;
    int code;

    if (a->years && a->days)
        return cli_usage("simulate", "--years and --days are two ways to say the same");
    code = cli_load_config(&config);
    if (code == EXIT_DONE && simulate(a, config, &err) < 0)
        code = cli_fail("simulate", &err);
    config_free(config);
    return code;
}

const struct command cmd_simulate = {
    .name = "simulate",
    .summary = "what a policy will have made and kept, years ahead",
    .about =
        (const char *const[]){
            "Prints what there will be of a domain whose backups begin now, at the end of each "
            "month (with --days of up to 31, of each day): how many points were made and let go "
            "in it, how many are kept then, how many of them are fulls, from when the oldest is, "
            "and how much room they take. It follows the policy's calendars, full_after and keep; "
            "it needs neither daemon nor catalog, and changes nothing.",
            "Room is told in fulls: 3.5 means three and a half times what a full of the domain "
            "takes; with --full in bytes. An increment is as large as what has changed since the "
            "point before it that is still there, for what is let go in between is merged. "
            "Windows, retries and what cannot be made are not looked at, nor copies.",
            NULL},
    .operands =
        (const struct command_operand[]){{OPERAND("POLICY", policy), .words = WORD_POLICY}, {0}},
    .options =
        (const struct command_option[]){
            {NUMBER("years", "N", years, 1, YEARS_MAX, "so many years ahead (default: 3)")},
            {NUMBER("days", "N", days, 1, DAYS_MAX, "so many days ahead, instead")},
            {READ("change-rate", "PERCENT", set_change,
                  "how much of its disks changes in a day (default: 3%)")},
            {READ("full", "SIZE", set_full, "how large a full is, such as 100GiB")},
            {TEXT("from", "TIME", from_text,
                  "as if backups began then: YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339 "
                  "(default: now)")},
            {FLAG("json", json,
                  "print {policy, from, to, change_per_day, cut, kept: [{at, made, points, fulls, "
                  "oldest, room_fulls, room_bytes}]}, as api-v1.schema.json describes it under "
                  "simulation; made counts from the beginning")},
            {0}},
    .wants = "no policy is given",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such policy"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep simulate nightly",
                                      "vmkeep simulate nightly --years 10 --change-rate 1%",
                                      "vmkeep simulate nightly --days 14 --full 200GiB", NULL},
    ARGUMENTS,
    .defaults = &(const struct arguments){.change = CHANGE},
    .run = run,
};
