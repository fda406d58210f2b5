/* SPDX-License-Identifier: MIT
 *
 * Where, on the line of a schedule's elapses, what has been dealt with ends, and how close two runs
 * may follow one another, whatever was done to the clock.
 *
 * What the catalog says was written by clocks that may have been wrong, so it is taken by what
 * nobody can set.  If the last run was made since this machine was booted, it is known how long
 * ago that was: by the clock of now it was then, and what elapses after that is due, whatever
 * time that run was given.  If it was made before, only times that the clock can have shown by
 * then, so before the boot as the clock has it now, are believed.
 */
#include "policies/plan_priv.h"

#include "base/cleanup.h"
#include "policies/dates.h"

#define ELAPSES_TRIED 400
#define OFF_AT_MOST_S (INT64_C(30) * 86400)

#define GAPS_TRIED 2000
#define GAPS_S (4 * 366 * (int64_t)86400)

bool plan_elapse(const struct calspec_list *list, const struct zone *zone, int64_t after,
                 int64_t *ret)
{
    bool found = false;

    for (size_t i = 0; i < list->n; i++) {
        int64_t t;

        if (!calspec_next(list->items[i], zone, after, &t) || (found && t >= *ret))
            continue;
        *ret = t;
        found = true;
    }
    return found;
}

/* The next elapse of the schedule, of either level. */
static bool next_of_both(const struct config_policy *policy, const struct zone *zone, int64_t after,
                         int64_t *ret)
{
    int64_t full, incremental;
    bool has_full = plan_elapse(&policy->full, zone, after, &full);
    bool has_incremental = plan_elapse(&policy->incremental, zone, after, &incremental);

    if (!has_full && !has_incremental)
        return false;
    *ret = !has_full ? incremental : !has_incremental || full < incremental ? full : incremental;
    return true;
}

int64_t plan_shortest_distance(const struct config_policy *policy, const struct zone *zone)
{
    int64_t last, next, ret = 0;

    if (!next_of_both(policy, zone, DATE_FIRST, &last))
        return 0;
    for (int i = 0; i < ELAPSES_TRIED && next_of_both(policy, zone, last, &next); i++) {
        if (ret == 0 || next - last < ret)
            ret = next - last;
        last = next;
    }
    return ret;
}

int64_t plan_longest_distance(const struct config_policy *policy, const struct zone *zone)
{
    int64_t last, next, ret = 0;

    if (!next_of_both(policy, zone, DATE_FIRST, &last))
        return 0;
    for (int i = 0; i < GAPS_TRIED && last < DATE_FIRST + GAPS_S; i++) {
        if (!next_of_both(policy, zone, last, &next))
            break;
        if (next - last > ret)
            ret = next - last;
        last = next;
    }
    return ret;
}

int64_t plan_gap(const struct plan_history *h)
{
    return h->distance / 10;
}

int64_t plan_since_last(const struct plan_history *h, int64_t now)
{
    int64_t by_clock = now - h->last_created;

    if (!h->last_due)
        return INT64_MAX;
    if (h->ago >= 0)
        return h->ago;
    /* A clock that says that the machine was off for so long may be wrong: only what has gone by
     * since the boot is sure.  If it is right, the run that was missed comes that much later. */
    if (by_clock > OFF_AT_MOST_S)
        return h->uptime;
    return by_clock > h->uptime ? by_clock : h->uptime;
}

/* The last run is of this boot: how far the clock has been moved since. */
static int64_t clock_moved(const struct plan_history *h, int64_t now)
{
    return now - h->ago - h->last_created;
}

static bool is_small(int64_t moved)
{
    return moved >= -DATE_SLACK && moved <= DATE_SLACK;
}

static int64_t baseline(const struct plan_history *h, int64_t started, int64_t now)
{
    int64_t since = h->since <= now ? h->since : started, ret;

    if (!h->last_due)
        return since;
    if (h->ago < 0) {
        ret = h->before;
        if (!ret && h->since > now)
            return started;
    } else if (is_small(clock_moved(h, now)) && h->last_due <= now + DATE_SLACK) {
        ret = h->last_due;
    } else {
        /* The clock was moved, or a retry has the due time that a wrong clock had given its run.
         * What elapses right after that run is due as well: plan_next makes it wait. */
        ret = now - h->ago;
    }
    return h->since <= now && h->since > ret ? h->since : ret;
}

/* Times count from 1970, and 0 is none: a clock that was set to that year may have it that the
 * daemon was started before. */
int64_t plan_baseline(const struct plan_history *h, int64_t started, int64_t now)
{
    int64_t ret = baseline(h, started, now);

    return ret > 0 ? ret : 0;
}

/* How far the elapse is from the one before it. */
static int64_t distance_before(const struct config_policy *policy, const struct zone *zone,
                               int64_t elapse)
{
    int64_t before = elapse, t;

    for (int64_t back = 3600; back < INT64_C(800) * 86400 && before == elapse; back *= 3)
        for (t = elapse - back; next_of_both(policy, zone, t, &t) && t < elapse;)
            before = t;
    return elapse - before;
}

bool plan_is_repeated(const struct config_policy *policy, const struct zone *zone,
                      const struct plan_history *h, int64_t elapse, int64_t now)
{
    int64_t since = plan_since_last(h, now);

    for (size_t i = 0; i < h->n_dues; i++) {
        if (h->dues[i] != elapse)
            continue;
        if (elapse > now)
            since += elapse - now;
        return since < distance_before(policy, zone, elapse) / 2;
    }
    return false;
}
