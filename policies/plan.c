/* SPDX-License-Identifier: MIT
 *
 * When the next backup is due.
 *
 * The elapses of a schedule are points on a line, and a baseline divides those that have been dealt
 * with from those that have not: the latest due time that a job was made for, or when the policy
 * began to select the domain.  Between the baseline and now lies what is due; behind now, what
 * comes. Answering with the latest elapse that is due moves the baseline over all of them at once,
 * so any number of missed runs costs one.
 */
#include "policies/plan_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/dates.h"

#define LAST_SECOND INT64_C(253402214400) /* of the year 9999, in any zone */
#define DUE_NOW 60 /* what came due this short a time ago is not called missed */

static const int retry_after[] = {300, 600, 1200}; /* PLAN_RETRIES_S in all */

/* The latest elapse in (after, until]. Bisects: a year of missed minutes is quickly passed over. */
static bool latest_elapse(const struct calspec_list *list, const struct zone *zone, int64_t after,
                          int64_t until, int64_t *ret)
{
    int64_t low = after, high = until, t;

    if (!plan_elapse(list, zone, after, &t) || t > until)
        return false;
    /* There is an elapse in (low, until], and none in (high, until]. */
    *ret = t;
    low = t - 1;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (plan_elapse(list, zone, middle, &t) && t <= until) {
            *ret = t;
            low = t - 1;
        } else {
            high = middle;
        }
    }
    return true;
}

/* The normal form of the expression that elapses at t; caller frees. */
static char *expression_at(const struct calspec_list *list, const struct zone *zone, int64_t t)
{
    for (size_t i = 0; i < list->n; i++) {
        int64_t next;

        if (calspec_next(list->items[i], zone, t - 1, &next) && next == t)
            return calspec_format(list->items[i]);
    }
    return NULL;
}

static const char *wall_text(const struct zone *zone, int64_t t, char *buf, size_t size)
{
    struct wall w;

    if (t < 0 || t > LAST_SECOND) {
        snprintf(buf, size, "@%" PRId64, t);
        return buf;
    }
    zone_wall(zone, t, &w);
    snprintf(buf, size, "%04d-%02d-%02d %02d:%02d", w.year, w.month, w.day, w.hour, w.minute);
    return buf;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A recorded time that the clock cannot have shown yet; 0: none. */
static int64_t lies_ahead(const struct plan_history *history, int64_t now)
{
    if (history->last_due > now + DATE_SLACK)
        return history->last_due;
    return history->since > now + DATE_SLACK ? history->since : 0;
}

/* What the schedule alone says. prompt_from: what is due before that was missed. */
static bool next_scheduled(const struct config_policy *policy, const struct zone *zone,
                           int64_t after, int64_t prompt_from, int64_t now, struct plan_due *ret)
{
    int64_t full, incremental, decisive;
    bool has_full = latest_elapse(&policy->full, zone, after, now, &full);
    bool has_incremental = latest_elapse(&policy->incremental, zone, after, now, &incremental);
    CLEANUP_FREE char *expression = NULL;
    char when[TIMEFMT_MAX];

    *ret = (struct plan_due){0};
    if (has_full || has_incremental) {
        ret->level = has_full ? LEVEL_FULL : LEVEL_INCREMENTAL;
        ret->at = !has_full ? incremental : !has_incremental ? full : later(full, incremental);
    } else {
        has_full = plan_elapse(&policy->full, zone, after, &full);
        has_incremental = plan_elapse(&policy->incremental, zone, after, &incremental);
        if (!has_full && !has_incremental)
            return false;
        ret->level =
            has_full && (!has_incremental || full <= incremental) ? LEVEL_FULL : LEVEL_INCREMENTAL;
        ret->at = ret->level == LEVEL_FULL ? full : incremental;
    }
    ret->due = ret->at;
    decisive = ret->level == LEVEL_FULL ? full : incremental;
    ret->missed = decisive < prompt_from;
    expression = expression_at(ret->level == LEVEL_FULL ? &policy->full : &policy->incremental,
                               zone, decisive);
    snprintf(ret->why, sizeof(ret->why), "%s%s: %s, %.80s",
             ret->missed ? "missed at " : "scheduled",
             ret->missed ? wall_text(zone, decisive, when, sizeof(when)) : "",
             level_name(ret->level), expression ? expression : "");
    return true;
}

static bool next_retry(const struct config_policy *policy, const struct zone *zone,
                       const struct plan_history *history, int64_t started, int64_t prompt_from,
                       int64_t now, struct plan_due *ret)
{
    char when[TIMEFMT_MAX];
    int tries = (int)ARRAY_LEN(retry_after);

    if (!history->has_attempt || !history->failed || history->failures > tries)
        return false;
    *ret = (struct plan_due){.due = history->last_due, .level = history->last_level, .retry = true};
    /* An end that lies ahead (the clock was set back) tells nothing: try now. */
    ret->at =
        history->last_end > now
            ? now
            : history->last_end + retry_after[history->failures > 0 ? history->failures - 1 : 0];
    ret->missed = ret->at < prompt_from;
    if (!policy->catch_up && started <= now && ret->at < started)
        return false;
    snprintf(ret->why, sizeof(ret->why), "retry %d of %d: %s, after the failure at %s",
             history->failures > 0 ? history->failures : 1, tries, level_name(ret->level),
             wall_text(zone, history->last_end, when, sizeof(when)));
    return true;
}

__attribute__((format(printf, 2, 3))) static void add_why(struct plan_due *due, const char *fmt,
                                                          ...)
{
    size_t len = strlen(due->why);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(due->why + len, sizeof(due->why) - len, fmt, ap);
    va_end(ap);
}

/* No two runs follow one another too closely, whatever the schedule and the clock say. */
static void keep_distance(const struct plan_history *history, int64_t now, struct plan_due *due)
{
    int64_t since = plan_since_last(history, now), gap = plan_gap(history);

    if (since >= gap || due->at >= now + gap - since)
        return;
    due->at = now + gap - since;
    add_why(due, "; a while after the run before");
}

bool plan_next(const struct config_policy *policy, const struct zone *zone,
               const struct plan_history *history, int64_t started, int64_t now,
               struct plan_due *ret)
{
    int64_t prompt_from = started <= now ? later(started, now - DUE_NOW) : now - DUE_NOW;
    int64_t ahead = lies_ahead(history, now), after = plan_baseline(history, started, now);
    struct plan_due scheduled, retry;
    char when[TIMEFMT_MAX];
    bool has_scheduled, has_retry;

    if (!policy->catch_up)
        after = later(after, prompt_from - 1);
    has_scheduled = next_scheduled(policy, zone, after, prompt_from, now, &scheduled);
    while (has_scheduled && plan_is_repeated(policy, zone, history, scheduled.due, now))
        has_scheduled = next_scheduled(policy, zone, scheduled.due, prompt_from, now, &scheduled);
    if (has_scheduled)
        keep_distance(history, now, &scheduled);
    has_retry = next_retry(policy, zone, history, started, prompt_from, now, &retry);
    if (!has_scheduled && !has_retry)
        return false;
    /* A scheduled time that has come does the retry's work too. */
    if (has_retry && (!has_scheduled || (scheduled.due > now && retry.at < scheduled.at)))
        *ret = retry;
    else
        *ret = scheduled;
    if (ahead)
        add_why(ret, "; the clock was set back: %s, which lies ahead of it, is ignored",
                wall_text(zone, ahead, when, sizeof(when)));
    return true;
}
