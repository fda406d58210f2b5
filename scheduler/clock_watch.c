/* SPDX-License-Identifier: MIT
 *
 * Whether the wall clock is to be believed.  It is held against the time since the boot, which
 * nobody sets: when the kernel says that it was set, at each step that the daemon makes anyway (a
 * job that is queued, begins or ends, a due time, a request, the hourly housekeeping), and at its
 * start against what the catalog says of the last time that it was believed.  An idle daemon does
 * not wake up for it.  A clock that was set is logged and said in status, and all due times are
 * looked at again.  While it is not set, and for a week after it went far ahead, nothing is let go.
 *
 * A clock that is slewed takes the time since the boot along, and is no business of ours.  A
 * suspend to RAM counts in both (CLOCK_BOOTTIME, base/uptime.h).  A machine that is put back to a
 * snapshot shows the old time until somebody sets it: that is seen then.
 *
 * In the catalog, among what was seen, kind "clock": "believed" (state: uptime, boot, ahead_ms),
 * "set" (the last time that somebody set it) and "hold" (state: on, over).
 */
#include "scheduler/clock_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/clock_doubt.h"
#include "policies/dates.h"
#include "scheduler/core.h"

#define NOTICED_S 30  /* a step of less is not worth a word */
#define SAVED_S 3600  /* so often it is written down that the clock is believed */
#define BOOTING_S 600 /* a clock that is set forward so soon after the boot was about to be */

static void put(struct scheduler *s, const char *name, const char *state, const char *problem,
                int64_t at)
{
    struct err err = ERR_INIT;

    if (catalog_seen_put(s->env.catalog, "clock", name, state, problem, NULL, at, &err) < 0)
        catalog_trouble(&s->jobs, "record the clock", &err);
}

static void believe(struct scheduler *s, int64_t now)
{
    CLEANUP_FREE char *state = NULL;

    if (clock_is_unset(now) || s->clock.held_since)
        return;
    state = xasprintf("%" PRId64 " %s %" PRId64, sched_uptime(s),
                      s->env.clock->ops->boot(s->env.clock), s->clock.ahead_ms);
    put(s, "believed", state, NULL, now);
    s->clock.saved = sched_uptime(s);
    s->clock.believed = now;
}

static void begin_hold(struct scheduler *s, int64_t from, int64_t now)
{
    char was[TIMEFMT_MAX], is[TIMEFMT_MAX], until[TIMEFMT_MAX];
    CLEANUP_FREE char *why = xasprintf(
        "the clock went ahead, from %s to %s: nothing is let go until %s, for the dates may "
        "be wrong",
        time_local(from, was), time_local(now, is), time_local(now + CLOCK_HOLD_S, until));

    log_warning("%s", why);
    s->clock.held_since = now;
    snprintf(s->clock.why, sizeof(s->clock.why), "%s", why);
    put(s, "hold", "on", why, now);
}

static void end_hold(struct scheduler *s, int64_t now)
{
    log_notice("points may be let go again");
    s->clock.held_since = 0;
    put(s, "hold", "over", NULL, now);
}

static void note_unset(struct scheduler *s, int64_t now)
{
    char shows[TIMEFMT_MAX];

    if (s->clock.unset == clock_is_unset(now))
        return;
    s->clock.unset = !s->clock.unset;
    if (s->clock.unset)
        log_error("the clock is not set (it shows %s): backups run as time goes by, and nothing is "
                  "let go",
                  time_local(now, shows));
    else
        log_notice("the clock is set: it shows %s", time_local(now, shows));
}

/* The clock was moved by so many seconds since the last look. */
static void on_set(struct scheduler *s, int64_t moved, int64_t now)
{
    char by[TIMEFMT_MAX], shows[TIMEFMT_MAX];
    CLEANUP_FREE char *text =
        xasprintf("the clock was set %s by %s, to %s", moved > 0 ? "forward" : "back",
                  duration_text(moved > 0 ? moved : -moved, by), time_local(now, shows));

    log_warning("%s", text);
    if ((moved > DATE_SLACK && sched_uptime(s) > BOOTING_S) || moved < -DATE_SLACK)
        put(s, "set", moved > 0 ? "forward" : "back", text, now);
}

static int64_t ahead_ms(struct scheduler *s)
{
    return s->env.clock->ops->ahead_ms(s->env.clock);
}

/* By so many seconds it was set.  Two clocks of whole seconds would be wrong by one, and tell of
 * 59m 59s where somebody set it back by an hour. */
static int64_t moved_by(int64_t ahead_then_ms, int64_t ahead_now_ms)
{
    int64_t ms = ahead_now_ms - ahead_then_ms;

    return (ms + (ms < 0 ? -500 : 500)) / 1000;
}

void clock_watch_look(struct scheduler *s)
{
    int64_t ahead = ahead_ms(s), moved = moved_by(s->clock.ahead_ms, ahead);
    int64_t now = env_now(&s->jobs), uptime = sched_uptime(s), elapsed = uptime - s->clock.uptime;
    int64_t last = s->clock.wall;

    if (clock_is_unset(
            last)) { /* what it showed before that counts, and nobody knows how long ago */
        last = s->clock.believed;
        elapsed = -1;
    }
    note_unset(s, now);
    if (moved > NOTICED_S || moved < -NOTICED_S)
        on_set(s, moved, now);
    if (s->clock.held_since && !clock_hold_lasts(s->clock.held_since, now))
        end_hold(s, now);
    if (!s->clock.held_since && clock_leapt(last, elapsed, uptime, now))
        begin_hold(s, last, now);
    s->clock.wall = now;
    s->clock.uptime = uptime;
    s->clock.ahead_ms = ahead;
    if (moved > NOTICED_S || moved < -NOTICED_S || uptime - s->clock.saved >= SAVED_S)
        believe(s, now);
    if (moved > NOTICED_S || moved < -NOTICED_S)
        s->told.clock_was_set(s);
}

static void on_clock_set(void *ctx)
{
    clock_watch_look(ctx);
}

/* What a former life believed, against what the clock shows now. */
static void compare_with(struct scheduler *s, const struct seen *believed)
{
    int64_t now = env_now(&s->jobs), uptime = sched_uptime(s), elapsed = -1, then = 0, ahead = 0,
            moved;
    char boot[40] = "";
    int n = sscanf(believed->state, "%" SCNd64 " %39s %" SCNd64, &then, boot, &ahead);

    if (n >= 2 && then <= uptime && strcmp(boot, s->env.clock->ops->boot(s->env.clock)) == 0)
        elapsed = uptime - then;
    if (n == 2) /* a daemon of before wrote it */
        ahead = (believed->at - then) * 1000;
    s->clock.believed = believed->at;
    moved = elapsed >= 0         ? moved_by(ahead, s->clock.ahead_ms)
            : now < believed->at ? now - believed->at
                                 : 0;
    if (moved > DATE_SLACK || moved < -DATE_SLACK)
        on_set(s, moved, now);
    if (!s->clock.held_since && clock_leapt(believed->at, elapsed, uptime, now))
        begin_hold(s, believed->at, now);
}

static const struct seen *find(const struct seen_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return &l->items[i];
    return NULL;
}

void clock_watch_start(struct scheduler *s)
{
    struct seen_list rows = {0};
    const struct seen *hold, *believed;
    int64_t ahead = ahead_ms(s), now = env_now(&s->jobs);
    struct err err = ERR_INIT;

    s->clock.when_set = (struct alarm){.fire = on_clock_set, .ctx = s};
    s->clock.ahead_ms = ahead;
    s->clock.wall = now;
    s->clock.uptime = sched_uptime(s);
    note_unset(s, now);
    if (catalog_seen(s->env.catalog, "clock", &rows, &err) < 0)
        catalog_trouble(&s->jobs, "read of the clock", &err);
    hold = find(&rows, "hold");
    believed = find(&rows, "believed");
    if (hold && strcmp(hold->state, "on") == 0) {
        s->clock.held_since = hold->at;
        snprintf(s->clock.why, sizeof(s->clock.why), "%s", hold->problem ? hold->problem : "");
        if (!clock_hold_lasts(hold->at, now))
            end_hold(s, now);
    }
    if (believed)
        compare_with(s, believed);
    seen_list_done(&rows);
    believe(s, now);
    s->env.clock->ops->when_set(s->env.clock, &s->clock.when_set);
}

void clock_watch_stop(struct scheduler *s)
{
    s->env.clock->ops->stop(s->env.clock, &s->clock.when_set);
}

const char *clock_watch_doubt(struct scheduler *s)
{
    if (moved_by(s->clock.ahead_ms, ahead_ms(s)) > NOTICED_S)
        clock_watch_look(s);
    if (clock_is_unset(env_now(&s->jobs)))
        return "the clock is not set";
    return s->clock.held_since ? s->clock.why : NULL;
}
