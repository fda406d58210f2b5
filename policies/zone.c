/* SPDX-License-Identifier: MIT
 *
 * A zone is a row of stretches of time with one offset each.  Whatever happens at a change of the
 * clock follows from walking along them: a local time is looked for in one stretch after the other,
 * and the first stretch that begins beyond it shows that the clock has skipped it.
 */
#include "policies/zone.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "policies/civil.h"
#include "policies/tzfile.h"

#define ZONE_DIR "/usr/share/zoneinfo"
#define LOCAL_ZONE "/etc/localtime"
#define ZONE_FILE_MAX (1024 * 1024)

#define INSTANT_MIN INT64_C(-62135596800)
#define INSTANT_MAX INT64_C(253402300799)

/* No local time is farther than this from its instant, even across a change. */
#define CHANGE_MAX (2 * TZ_OFFSET_MAX)

struct zone {
    struct tz_data data;
};

static int load(const char *path, struct tz_data *ret, struct err *err)
{
    CLEANUP_FREE char *data = NULL;
    size_t len;

    if (read_file(path, ZONE_FILE_MAX, &data, &len, err) < 0)
        return -1;
    if (tz_data_parse(data, len, ret, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

static char *zone_path(const char *name)
{
    const char *dir = getenv("TZDIR");

    if (name[0] == '/')
        return xstrdup(name);
    return xasprintf("%s/%s", dir && *dir ? dir : ZONE_DIR, name);
}

/* Names are files below the zone directory; dots would lead out of it. */
static bool is_zone_name(const char *name)
{
    if (!*name || name[0] == '/' || name[strlen(name) - 1] == '/' || strstr(name, "//"))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("-_+/", *name))
            return false;
    return true;
}

static int load_named(const char *name, struct tz_data *ret, struct err *err)
{
    CLEANUP_FREE char *path = NULL;

    if (strcasecmp(name, "UTC") == 0)
        return 0;
    if (!is_zone_name(name))
        return err_set(err, ERR_NOTFOUND, "'%s' is not the name of a time zone", name);
    path = zone_path(name);
    if (load(path, ret, err) < 0) {
        if (err->code == ERR_NOTFOUND || err->code == ERR_IO)
            return err_set(err, ERR_NOTFOUND, "this system has no time zone '%s'", name);
        return -1;
    }
    return 0;
}

/* As the C library reads TZ: a file, else a rule, else UTC. Only a file that is there and cannot be
 * used is an error, for then other programs may show other times than we do. */
static int load_local(struct tz_data *ret, struct err *err)
{
    const char *tz = getenv("TZ");
    CLEANUP_FREE char *path = NULL;

    if (tz && *tz == ':')
        tz++;
    if (tz && !*tz)
        return 0;
    path = zone_path(tz ? tz : LOCAL_ZONE);
    if (load(path, ret, err) == 0)
        return 0;
    if (tz && tz_rule_parse(tz, &ret->rule) == 0) {
        ret->has_rule = true;
        return 0;
    }
    return err->code == ERR_NOTFOUND ? 0 : -1;
}

int zone_open(const char *name, struct zone **ret, struct err *err)
{
    struct tz_data data = {0};

    if ((name ? load_named(name, &data, err) : load_local(&data, err)) < 0)
        return -1;
    *ret = xcalloc(1, sizeof(**ret));
    (*ret)->data = data;
    return 0;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    tz_data_done(&z->data);
    free(z);
}

/* Keeps sums from overflowing. */
static int64_t clamp(int64_t t)
{
    return t < INSTANT_MIN ? INSTANT_MIN : t > INSTANT_MAX ? INSTANT_MAX : t;
}

/* How many transitions are at or before t. */
static size_t transitions_until(const struct tz_data *d, int64_t t)
{
    size_t low = 0, high = d->transitions.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (d->transitions.items[mid].at <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int zone_offset(const struct zone *z, int64_t t)
{
    const struct tz_data *d = &z->data;
    size_t n;

    t = clamp(t);
    n = transitions_until(d, t);
    if (n == d->transitions.n && d->has_rule)
        return tz_rule_offset(&d->rule, t);
    return n > 0 ? d->transitions.items[n - 1].offset : d->first_offset;
}

int64_t zone_next_change(const struct zone *z, int64_t t)
{
    const struct tz_data *d = &z->data;
    size_t n;

    t = clamp(t);
    n = transitions_until(d, t);
    if (n < d->transitions.n)
        return d->transitions.items[n].at;
    return d->has_rule ? tz_rule_next_change(&d->rule, t) : INT64_MAX;
}

void zone_wall(const struct zone *z, int64_t t, struct wall *ret)
{
    int64_t local = clamp(t) + zone_offset(z, t);
    int64_t days = floor_div(local, DAY_SECONDS);
    int second = (int)(local - days * DAY_SECONDS);
    int64_t year;

    civil_from_days(days, &year, &ret->month, &ret->day);
    ret->year = (int)year;
    ret->hour = second / 3600;
    ret->minute = second / 60 % 60;
    ret->second = second % 60;
}

int64_t zone_instant(const struct zone *z, const struct wall *w, bool *ret_skipped)
{
    int64_t days = days_from_civil(w->year, w->month, w->day);
    int64_t local = clamp(days * DAY_SECONDS + w->hour * 3600 + w->minute * 60 + w->second);
    bool skipped = false;
    int64_t start, t;

    if (local > INSTANT_MAX - 2 * CHANGE_MAX)
        local = INSTANT_MAX - 2 * CHANGE_MAX;
    start = local - CHANGE_MAX; /* the clock has surely not come to the local time yet */
    for (;;) {
        int64_t end = zone_next_change(z, start);

        t = local - zone_offset(z, start);
        if (t < start) {
            t = start;
            skipped = true;
            break;
        }
        if (t < end)
            break;
        start = end;
    }
    if (ret_skipped)
        *ret_skipped = skipped;
    return t;
}

int wall_weekday(const struct wall *w)
{
    return weekday_of_days(days_from_civil(w->year, w->month, w->day));
}
