/* SPDX-License-Identifier: MIT */
#include "cli/calendar_months.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "report/gather/due_json.h"
#include "report/gather/month.h"
#include "report/json.h"

#define MONTHS_MAX 36

struct days_span {
    struct month_date from, to;
    int64_t begin, end;
};

/* "2026-11-23", or "2026-11": its first day, or its last. */
static int read_date(const char *text, bool last, struct month_date *ret, struct err *err)
{
    int end = 0, end_of_month = 0;
    int n =
        sscanf(text, "%4d-%2d%n-%2d%n", &ret->year, &ret->month, &end_of_month, &ret->day, &end);

    if (n == 2 && (size_t)end_of_month == strlen(text) && ret->month >= 1 && ret->month <= 12) {
        ret->day = 1;
        if (last)
            *ret = month_end_of(ret, 0);
    } else if (n != 3 || (size_t)end != strlen(text) || ret->month < 1 || ret->month > 12 ||
               ret->day < 1 || ret->day > month_end_of(ret, 0).day) {
        return err_set(err, ERR_INVALID, "'%s' is not a date (want YYYY-MM-DD, or YYYY-MM)",
                       CLIP(text));
    }
    if (ret->year < 1970 || ret->year > 2199)
        return err_set(err, ERR_INVALID, "%s: only the years 1970 to 2199 are known", CLIP(text));
    return 0;
}

static int read_span(const struct calendar_months *m, const struct zone *zone,
                     struct days_span *ret, struct err *err)
{
    ret->from = month_date_of(zone, time(NULL));
    if (m->from && read_date(m->from, false, &ret->from, err) < 0)
        return err_wrap(err, "--from");
    ret->to = month_end_of(&ret->from, 0);
    if (m->to && read_date(m->to, true, &ret->to, err) < 0)
        return err_wrap(err, "--to");
    month_span(zone, &ret->from, &ret->to, &ret->begin, &ret->end);
    if (ret->end <= ret->begin)
        return err_set(err, ERR_INVALID, "--to is before --from");
    if ((ret->to.year - ret->from.year) * 12 + ret->to.month - ret->from.month >= MONTHS_MAX)
        return err_set(err, ERR_INVALID, "at most %d months are shown at a time", MONTHS_MAX);
    return 0;
}

static void print_policy(const struct config_policy *p, const struct zone *zone,
                         const struct days_span *span)
{
    struct month_view view = {.title = p->name, .from = span->from, .to = span->to};
    struct dues dues;

    due_between(p, zone, span->begin, span->end, &dues);
    month_gather(&dues, zone, &view);
    month_text(&view, stdout);
    month_view_done(&view);
    free(dues.items);
}

static json_t *policy_json(const struct config_policy *p, const struct zone *zone,
                           const struct days_span *span)
{
    json_t *list;
    struct dues dues;

    due_between(p, zone, span->begin, span->end, &dues);
    list = dues_json(&dues, zone);
    free(dues.items);
    return json_pack("{s:o, s:b, s:o}", "policy", report_json_text(p->name), "cut", dues.cut, "due",
                     list);
}

static void print(const struct calendar_months *m, const struct config *config,
                  const struct zone *zone, const struct days_span *span)
{
    json_t *policies = json_array();

    if (!m->json)
        printf("%s\n\n", month_legend);
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];

        if (m->policy && !str_eq(m->policy, p->name))
            continue;
        if (m->json)
            json_array_append_new(policies, policy_json(p, zone, span));
        else
            print_policy(p, zone, span);
    }
    if (m->json)
        report_json_print(json_pack("{s:o, s:o, s:O}", "from", report_json_time(span->begin), "to",
                                    report_json_time(span->end), "policies", policies),
                          stdout);
    json_decref(policies);
}

int calendar_zone(const struct config *config, struct zone **ret, struct err *err)
{
    struct catalog *catalog = NULL;
    struct err none = ERR_INIT;
    int rc;

    if (catalog_open(config->catalog, CATALOG_READ, &catalog, &none) < 0)
        return zone_open(NULL, ret, err);
    rc = sources_zone(catalog, ret, err);
    catalog_close(catalog);
    return rc;
}

int calendar_months(const struct calendar_months *m)
{
    struct config *config = NULL;
    struct zone *zone = NULL;
    struct days_span span;
    struct err err = ERR_INIT;
    int code = cli_load_config(&config), rc = 0;

    if (code != EXIT_DONE)
        return code;
    if (m->policy && !cli_find_policy(config, m->policy, &err))
        rc = -1;
    rc = rc < 0 ? rc : calendar_zone(config, &zone, &err);
    rc = rc < 0 ? rc : read_span(m, zone, &span, &err);
    if (rc < 0)
        code = cli_fail("calendar", &err);
    else
        print(m, config, zone, &span);
    zone_free(zone);
    config_free(config);
    return code;
}
