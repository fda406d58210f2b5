/* SPDX-License-Identifier: MIT
 *
 * retention: which restore points a policy still needs, each with the reason.
 *
 * The rules are restic's (`restic forget`): each stands alone and sees all points, newest first; a
 * point that any rule keeps is kept.  A count rule keeps the newest point of each of the last N
 * periods that have one; while its count is not used up it keeps the oldest point too.  -1 counts
 * without end.  `within D` keeps what is younger than D, counted back by the calendar from the
 * newest point that is not in the future, strictly after; `within-daily D` keeps the newest point
 * of each day in that span, and so on.  Periods are those of the zone given; weeks are ISO weeks;
 * the hour that a clock set back shows twice is one hour.
 *
 * Times that lie ahead of now (a clock was wrong) are set aside: kept, but in no rule, so that they
 * push nothing out; see policies/dates.h.
 */
#ifndef VMKEEP_POLICIES_RETENTION_H
#define VMKEEP_POLICIES_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/model.h"
#include "policies/zone.h"

enum retention_period {
    PERIOD_ALL, /* every point its own: "last", "within" */
    PERIOD_HOURLY,
    PERIOD_DAILY,
    PERIOD_WEEKLY,
    PERIOD_MONTHLY,
    PERIOD_YEARLY,
    PERIOD_COUNT
};

/* "1y2m3d4h": calendar years, months, days, and hours. */
struct span {
    int years, months, days, hours;
};

struct retention {
    int count[PERIOD_COUNT];          /* last, hourly ... yearly; 0: no such rule; -1: all */
    struct span within[PERIOD_COUNT]; /* all zero: no such rule */
};

/* "last", "hourly" ...; "within", "within-hourly" .... */
const char *retention_rule_name(enum retention_period period, bool within);

/* Units y m d h, each at most once, in that order; never empty. */
int span_parse(const char *s, struct span *ret, struct err *err);
bool span_is_set(const struct span *s);
char *span_format(const struct span *s); /* caller frees */

/* One rule from its name and value, as the configuration and the command line give it:
 * ("daily", "7"), ("within-weekly", "2m"). ERR_NOTFOUND: no such rule. */
int retention_set(struct retention *r, const char *rule, const char *value, struct err *err);

/* False when there are no rules at all, which keeps everything. */
bool retention_is_set(const struct retention *r);

struct retention_verdict {
    bool keep;
    bool held;        /* kept for one reason only: a kept point stands on it. Whoever can merge its
                      blocks into that point may let it go. */
    bool sound;       /* it counts: good, rightly dated, seen whole, on whole ones */
    bool whole_below; /* nothing that it stands on is damaged or missing */
    char *reasons;    /* "last 3, daily (2026-11-23)"; for a pruned one why not. One line */
    struct strlist why;   /* the same, one by one */
    struct strlist codes; /* of each, a word: the rule's name or "oldest", "no-rules", "no-rule",
                             "newest", "pinned", "needed", "damaged", "missing", "deleting",
                             "clock",
                             "set-aside", "broken-chain", "not-seen" */
};

/* What the rules say of bare times, without chains: for `vmkeep retention`.
 * times: any order.  ret: n verdicts in the same order, to be freed by retention_verdicts_free. */
void retention_apply(const struct retention *r, const struct zone *zone, const int64_t *times,
                     size_t n, int64_t now, struct retention_verdict **ret);

/* What to do with the points of one (domain, policy): the rules, and beyond them the promises: what
 * is pinned (base/pin.h; it counts for the rules like any other) is never let go, nor the newest
 * good point is never let go ("newest good point"), nor one that a kept point stands on by
 * its disks or its parent, directly or not ("ID stands on it"), nor anything when there are no
 * rules, nor anything by a clock that is not set.
 *
 * whole: one a point: its files, and those of all that it stands on, were seen whole in this run,
 * so others may be let go for its sake; NULL: none was.  A point that was not seen counts for no
 * rule and is kept.  So is one that is damaged or missing ("left for you to decide"), or stands on
 * such a one.
 *
 * A point whose date cannot be right is set aside: no rule sees it.  It is kept until 30 days after
 * its date, or after that of the next one made if that is later, and while it is needed or no other
 * is good.
 *
 * Points in state POINT_DELETING are already let go: keep false; what they stand on is kept only if
 * a kept point stands on them. points: all there are, any order, borrowed.  ret: one verdict a
 * point, same order. */
void retention_plan(const struct retention *r, const struct zone *zone,
                    const struct point_list *points, const bool *whole, int64_t now,
                    struct retention_verdict **ret);

void retention_verdicts_free(struct retention_verdict *v, size_t n);

#endif
