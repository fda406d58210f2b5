/* SPDX-License-Identifier: MIT
 *
 * Of the status: what was made of each domain on each of the last days, local ones, today last.  A
 * day on which a policy was due and nothing came of it is missed; but not before the domain's first
 * backup that is known, and today only an hour after it was due.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "policies/calendar.h"
#include "report/gather/status_priv.h"
#include "storage/catalog/catalog_figures.h"

#define LATE 3600

struct days {
    int64_t starts[STATUS_DAYS + 1]; /* the last one is when today ends */
    struct status_domain **sorted;
    size_t n;
};

static void find_starts(int64_t now, int64_t starts[STATUS_DAYS + 1])
{
    for (int i = 0; i <= STATUS_DAYS; i++) {
        time_t t = (time_t)now;
        struct tm tm;

        localtime_r(&t, &tm);
        tm.tm_mday -= STATUS_DAYS - 1 - i;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_isdst = -1;
        starts[i] = (int64_t)mktime(&tm);
    }
}

/* -1: none of them. */
static int day_of(const struct days *days, int64_t t)
{
    int i = STATUS_DAYS - 1;

    if (t < days->starts[0] || t >= days->starts[STATUS_DAYS])
        return -1;
    while (days->starts[i] > t)
        i--;
    return i;
}

static int compare(const void *a, const void *b)
{
    const struct status_domain *x = *(struct status_domain *const *)a;
    const struct status_domain *y = *(struct status_domain *const *)b;
    int c = strcmp(x->host, y->host);

    return c ? c : strcmp(x->domain, y->domain);
}

static struct status_domain *find(const struct days *days, const char *host, const char *domain)
{
    const struct status_domain key = {.host = (char *)host, .domain = (char *)domain};
    const struct status_domain *of = &key;
    struct status_domain **at = bsearch(&of, days->sorted, days->n, sizeof(*days->sorted), compare);

    return at ? *at : NULL;
}

/* The best that came of the day stands for it. */
static void on_backup(void *arg, const struct catalog_backup *b)
{
    static const unsigned char order[] = {
        [DAY_NONE] = 0, [DAY_MISSED] = 1, [DAY_FAILED] = 2, [DAY_INCREMENTAL] = 3, [DAY_FULL] = 4};
    const struct days *days = arg;
    struct status_domain *d = find(days, b->host, b->domain);
    int day = day_of(days, b->ended);
    unsigned char kind = b->outcome == OUTCOME_SKIPPED   ? DAY_MISSED
                         : b->outcome != OUTCOME_SUCCESS ? DAY_FAILED
                         : b->level == LEVEL_FULL        ? DAY_FULL
                                                         : DAY_INCREMENTAL;

    if (d && day >= 0 && order[kind] > order[d->days[day]])
        d->days[day] = kind;
}

static void add_due(const struct calspec_list *specs, const struct zone *zone, int64_t now,
                    const struct days *days, bool due[STATUS_DAYS])
{
    for (size_t i = 0; i < specs->n; i++) {
        int64_t t = days->starts[0] - 1;

        while (calspec_next(specs->items[i], zone, t, &t) && t < now - LATE) {
            int day = day_of(days, t);

            if (day < 0)
                break;
            due[day] = true;
            t = days->starts[day + 1] - 1;
        }
    }
}

static void mark_missed(struct status_domain *d, bool (*due)[STATUS_DAYS],
                        const struct config *config, int64_t first)
{
    bool began = d->last_point && d->last_point < first;

    for (size_t day = 0; day < STATUS_DAYS; day++) {
        began = began || d->days[day] != DAY_NONE;
        for (size_t i = 0; i < d->policies.n && began && d->days[day] == DAY_NONE; i++) {
            const struct config_policy *p = config_policy_find(config, d->policies.items[i].name);

            if (p && due[p - config->policies.items][day])
                d->days[day] = DAY_MISSED;
        }
    }
}

int status_add_days(const struct status_sources *s, struct status *status, struct err *err)
{
    const struct config *config = s->config;
    bool(*due)[STATUS_DAYS] = xcalloc(config->policies.n + 1, sizeof(*due));
    struct days days = {.n = status->domains.n};
    int rc;

    days.sorted = xcalloc(days.n + 1, sizeof(*days.sorted));
    for (size_t i = 0; i < days.n; i++)
        days.sorted[i] = &status->domains.items[i];
    qsort(days.sorted, days.n, sizeof(*days.sorted), compare);
    find_starts(s->now, days.starts);
    rc = catalog_backups_since(s->catalog, days.starts[0], on_backup, &days, err);
    for (size_t i = 0; i < config->policies.n; i++) {
        add_due(&config->policies.items[i].incremental, s->zone, s->now, &days, due[i]);
        add_due(&config->policies.items[i].full, s->zone, s->now, &days, due[i]);
    }
    for (size_t i = 0; i < days.n; i++) {
        mark_missed(&status->domains.items[i], due, config, days.starts[0]);
        status->domains.items[i].has_days = true;
    }
    free(days.sorted);
    free(due);
    return rc;
}
