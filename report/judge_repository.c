/* SPDX-License-Identifier: MIT
 *
 * The judgement of a repository: is it there, and is there room for what comes next?
 */
#include "report/judge_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"

#define DAY INT64_C(86400)
#define TREND_DAYS 21
#define FULL_SOON_DAYS 14
#define LEAST_FREE (UINT64_C(1) << 20) /* what the smallest backup takes */

static bool has_room(const struct status_repository *r, uint64_t bytes)
{
    return r->free > r->reserve && r->free - r->reserve >= bytes;
}

/* Backups that come next, and take more than there is: each by itself. */
static void judge_needs(struct status_repository *r, const struct status *s)
{
    const struct status_domain *first = NULL;
    char need[SIZE_TEXT_MAX], avail[SIZE_TEXT_MAX], reserve[SIZE_TEXT_MAX], more[40] = "";
    uint64_t most = 0;
    size_t n = 0;

    for (size_t i = 0; i < s->domains.n; i++)
        for (size_t k = 0; k < s->domains.items[i].policies.n; k++) {
            const struct status_policy *p = &s->domains.items[i].policies.items[k];

            if (!str_eq(p->repository, r->name) || has_room(r, p->next_needs) || !p->next_needs)
                continue;
            n++;
            if (p->next_needs <= most)
                continue;
            most = p->next_needs;
            first = &s->domains.items[i];
        }
    if (n > 1)
        snprintf(more, sizeof(more), " (and of %zu more)", n - 1);
    if (first)
        reason_add(&r->reasons, REASON_TIGHT, STATUS_ROOM_ADVICE,
                   "%s: no room for the next backup of %s/%s%s, which takes about %s: %s free, %s "
                   "reserved",
                   r->path, first->host, first->domain, more, size_text(most, need),
                   size_text(r->free, avail), size_text(r->reserve, reserve));
}

/* In its first weeks a repository takes its first fulls, and lets nothing go: that is no trend. */
static void judge_trend(struct status_repository *r, int64_t now)
{
    char rate[SIZE_TEXT_MAX], in[TIMEFMT_MAX];

    if (!r->trend.full_at || r->trend.days < TREND_DAYS ||
        r->trend.full_at - now >= FULL_SOON_DAYS * DAY)
        return;
    reason_add(&r->reasons, REASON_FULL_SOON, STATUS_ROOM_ADVICE,
               "%s: it has grown by %s a day for %d days, and is full in %s if that goes on",
               r->path, size_text((uint64_t)r->trend.per_day, rate), r->trend.days,
               duration_text(r->trend.full_at - now, in));
}

char *status_repository_advice(const char *name)
{
    return xasprintf("mount it, or correct its path or its permissions; if it is lost for good, "
                     "`vmkeep repository forget %s`, or, where another disk takes its place, "
                     "`vmkeep repository adopt %s` with vmkeepd stopped",
                     name, name);
}

/* What is wrong with a key says which file it is. */
static char *problem_advice(const struct status_repository *r, const struct status *s)
{
    if (r->is_back)
        return xstrdup(s->daemon.running ? "`vmkeep reload` has vmkeepd look again now; else it "
                                           "does by itself, within an hour"
                                         : "vmkeepd looks again when it starts");
    if (r->is_silent)
        return xstrdup(STATUS_DEAD_ADVICE);
    if (r->key && strstr(r->problem, r->key))
        return xstrdup("put its key back where `secrets` of the configuration names it, from where "
                       "you keep it besides; without it no point there can be made or read");
    if (strstr(r->problem, "no key was given"))
        return xstrdup("name its key in the configuration, as that says, then `vmkeep reload`");
    return status_repository_advice(r->name);
}

bool judge_differs(const struct status_repository *r)
{
    return r->difference && !(r->problem && strstr(r->difference, r->problem));
}

void judge_repository(struct status_repository *r, const struct status *s)
{
    CLEANUP_FREE char *advice = r->problem ? problem_advice(r, s) : NULL;
    char avail[SIZE_TEXT_MAX], reserve[SIZE_TEXT_MAX];

    if (r->problem)
        reason_add(&r->reasons, REASON_REPOSITORY, advice, "%s", r->problem);
    else if (r->read_only)
        reason_add(&r->reasons, REASON_READ_ONLY,
                   "see in `dmesg` why, mend that, and `mount -o remount,rw` it",
                   "%s: its file system is read-only: no backup can be written", r->path);
    if (r->has_space && (r->free < LEAST_FREE || r->free < r->reserve))
        reason_add(&r->reasons, REASON_FULL, STATUS_ROOM_ADVICE,
                   "%s: no room for backups: %s free, %s reserved", r->path,
                   size_text(r->free, avail), size_text(r->reserve, reserve));
    else if (r->has_space) {
        judge_needs(r, s);
        judge_trend(r, s->now);
    }
    if (judge_differs(r))
        reason_add(&r->reasons, REASON_DIFFERENCE, STATUS_DIFFERENCE_ADVICE, "%s", r->difference);
}
