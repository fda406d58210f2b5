/* SPDX-License-Identifier: MIT */
#include "tests/simulation/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* splitmix64 */
static uint64_t next(struct sim_world *w)
{
    uint64_t z = (w->rng += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t sim_random(struct sim_world *w, uint32_t below)
{
    return (uint32_t)(next(w) % below);
}

bool sim_chance(struct sim_world *w, int in_10000)
{
    return in_10000 > 0 && (int)sim_random(w, 10000) < in_10000;
}

int64_t sim_wall(const struct sim_world *w)
{
    return w->now_ms / 1000 + w->wall_offset;
}

void sim_broken(const char *fmt, ...)
{
    va_list ap;

    fputs("BROKEN: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

static void add_event(struct sim_world *w, struct sim_event e)
{
    e.order = w->order++;
    *VEC_ADD(&w->events) = e;
}

void sim_at(struct sim_world *w, int64_t after_ms, bool of_daemon, void (*fn)(void *), void *ctx)
{
    add_event(w, (struct sim_event){.at_ms = w->now_ms + after_ms,
                                    .daemon = of_daemon ? w->acting : 0,
                                    .fn = fn,
                                    .ctx = ctx});
}

void sim_at_owned(struct sim_world *w, int64_t after_ms, void (*fn)(void *), void *ctx)
{
    add_event(w, (struct sim_event){.at_ms = w->now_ms + after_ms,
                                    .daemon = w->acting,
                                    .fn = fn,
                                    .ctx = ctx,
                                    .owned = true});
}

static void remove_event(struct sim_world *w, size_t i)
{
    w->events.items[i] = w->events.items[--w->events.n];
}

/* Wall-clock alarms are due by the wall clock as it stands now. */
static int64_t due_ms(const struct sim_world *w, const struct sim_event *e)
{
    if (e->alarm && e->alarm->kind == ALARM_AT)
        return (e->alarm->u.sim_at - w->wall_offset) * 1000;
    return e->at_ms;
}

bool sim_step(struct sim_world *w, int64_t until_ms)
{
    size_t first = 0;
    int64_t at = INT64_MAX;
    struct sim_event e;

    for (size_t i = 0; i < w->events.n; i++) {
        int64_t due = due_ms(w, &w->events.items[i]);

        if (due < at || (due == at && w->events.items[i].order < w->events.items[first].order)) {
            at = due;
            first = i;
        }
    }
    if (w->events.n == 0 || at > until_ms) {
        w->now_ms = until_ms;
        return false;
    }
    e = w->events.items[first];
    remove_event(w, first);
    if (at > w->now_ms)
        w->now_ms = at;
    w->counts.events++;
    sim_act_as(w, e.daemon);
    if (e.alarm) {
        e.alarm->armed = false;
        e.alarm->fire(e.alarm->ctx);
    } else {
        e.fn(e.ctx);
    }
    return true;
}

void sim_act_as(struct sim_world *w, int daemon)
{
    w->acting = daemon;
    w->catalog = w->daemons[daemon].catalog;
    w->catalog_id = w->daemons[daemon].catalog_id;
}

int sim_daemon_of(const struct sim_world *w, const char *catalog)
{
    for (int d = 1; d <= SIM_DAEMONS; d++)
        for (size_t i = 0; i < w->daemons[d].ids.n; i++)
            if (str_eq(w->daemons[d].ids.items[i].id, catalog))
                return d;
    return 0;
}

void sim_note_catalog(struct sim_world *w, int daemon, const char *id)
{
    if (sim_daemon_of(w, id) == 0)
        snprintf(VEC_ADD(&w->daemons[daemon].ids)->id, 16, "%s", id);
}

void sim_drop_daemon(struct sim_world *w, int daemon)
{
    for (size_t i = w->events.n; i-- > 0;) {
        if (w->events.items[i].daemon != daemon)
            continue;
        if (w->events.items[i].owned)
            free(w->events.items[i].ctx);
        remove_event(w, i);
    }
    w->daemons[daemon].host->clients.n = 0;
    w->daemons[daemon].can_kill = false;
    w->daemons[daemon].when_set = NULL;
}

void sim_maybe_kill(struct sim_world *w)
{
    bool *can = &w->daemons[w->acting].can_kill;

    if (!*can || !sim_chance(w, w->faults.kill_daemon))
        return;
    *can = false;
    w->counts.kills++;
    longjmp(w->killed, 1);
}

/* ---- the clock ---- */

void sim_reboot(struct sim_world *w)
{
    w->booted_ms = w->now_ms;
    snprintf(w->boot, sizeof(w->boot), "boot-%" PRId64, w->now_ms);
}

static struct sim_world *world_of(struct clock *c)
{
    return CONTAINER_OF(c, struct sim_world, clock);
}

static int64_t clock_now(struct clock *c)
{
    return sim_wall(world_of(c));
}

static int64_t clock_elapsed(struct clock *c)
{
    return world_of(c)->now_ms / 1000;
}

static int64_t clock_elapsed_ms(struct clock *c)
{
    return world_of(c)->now_ms;
}

static int64_t clock_uptime(struct clock *c)
{
    return (world_of(c)->now_ms - world_of(c)->booted_ms) / 1000;
}

static int64_t clock_ahead_ms(struct clock *c)
{
    struct sim_world *w = world_of(c);

    return (sim_wall(w) - w->now_ms / 1000) * 1000 + w->booted_ms;
}

static const char *clock_boot(struct clock *c)
{
    return world_of(c)->boot;
}

static void clock_stop(struct clock *c, struct alarm *a)
{
    struct sim_world *w = world_of(c);

    if (a->armed && a->kind == ALARM_WHEN_SET)
        w->daemons[w->acting].when_set = NULL;
    for (size_t i = 0; a->armed && i < w->events.n; i++) {
        if (w->events.items[i].alarm == a) {
            remove_event(w, i);
            break;
        }
    }
    a->armed = false;
}

static void clock_at(struct clock *c, struct alarm *a, int64_t at)
{
    clock_stop(c, a);
    a->armed = true;
    a->kind = ALARM_AT;
    a->u.sim_at = at;
    add_event(world_of(c), (struct sim_event){.daemon = world_of(c)->acting, .alarm = a});
}

static void clock_after(struct clock *c, struct alarm *a, double seconds)
{
    struct sim_world *w = world_of(c);

    clock_stop(c, a);
    a->armed = true;
    a->kind = ALARM_AFTER;
    add_event(w, (struct sim_event){.at_ms = w->now_ms + (int64_t)(seconds * 1000),
                                    .daemon = w->acting,
                                    .alarm = a});
}

static void clock_when_set(struct clock *c, struct alarm *a)
{
    struct sim_world *w = world_of(c);

    a->armed = true;
    a->kind = ALARM_WHEN_SET;
    w->daemons[w->acting].when_set = a;
}

void sim_set_clock(struct sim_world *w, int64_t by)
{
    int acting = w->acting;

    w->wall_offset += by;
    for (int d = 1; d <= SIM_DAEMONS; d++) {
        struct alarm *a = w->daemons[d].when_set;

        if (!a)
            continue;
        sim_act_as(w, d);
        sim_at(w, 0, true, a->fire, a->ctx);
    }
    sim_act_as(w, acting);
}

void sim_clock_init(struct sim_world *w)
{
    static const struct clock_ops ops = {
        clock_now,        clock_elapsed, clock_at,   clock_after,    clock_stop,
        clock_elapsed_ms, clock_uptime,  clock_boot, clock_ahead_ms, clock_when_set};

    w->clock.ops = &ops;
    sim_reboot(w);
}

/* ---- operations ---- */

struct sim_operation {
    struct op op;
    struct sim_world *w;
    struct err err;
    int (*work)(void *arg, struct err *err);
    void *arg;
    op_done done;
    void *ctx;
};

static void complete(void *ctx)
{
    struct sim_operation o, *alive = ctx; /* what it tells meanwhile may cancel it */

    sim_maybe_kill(alive->w);
    if (alive->err.code == ERR_NONE && alive->work)
        alive->work(alive->arg, &alive->err);
    sim_maybe_kill(alive->w);
    o = *alive;
    free(alive);
    o.done(o.ctx, o.err.code == ERR_NONE ? NULL : &o.err);
}

/* The op ends as cancelled, or wins the race. */
static void cancel(struct op *op)
{
    struct sim_operation *o = (struct sim_operation *)op;

    if (o->err.code == ERR_NONE && sim_chance(o->w, 5000))
        err_set(&o->err, ERR_CANCELED, "canceled");
}

struct op *sim_op_with(struct sim_world *w, int (*work)(void *arg, struct err *err), void *arg,
                       op_done done, void *ctx)
{
    struct sim_operation *o = xcalloc(1, sizeof(*o));
    int64_t ms = 1 + sim_random(w, 50);

    if (sim_chance(w, w->faults.op_slow))
        ms = 1000 * (1 + sim_random(w, 60));
    ms += w->slow_ms;
    w->slow_ms = 0;
    o->op.cancel = cancel;
    o->w = w;
    o->work = work;
    o->arg = arg;
    o->done = done;
    o->ctx = ctx;
    sim_at_owned(w, ms, complete, o);
    sim_maybe_kill(w);
    return &o->op;
}

struct op *sim_op(struct sim_world *w, const struct err *err, op_done done, void *ctx)
{
    struct op *op = sim_op_with(w, NULL, NULL, done, ctx);

    if (err)
        ((struct sim_operation *)op)->err = *err;
    return op;
}

void sim_op_slow(struct sim_world *w, struct op *op, int64_t ms)
{
    for (size_t i = 0; i < w->events.n; i++)
        if (w->events.items[i].ctx == op)
            w->events.items[i].at_ms += ms;
}

bool sim_op_fails(struct sim_world *w, bool *ret_effect)
{
    *ret_effect = true;
    if (!sim_chance(w, w->faults.op_fails))
        return false;
    w->counts.op_faults++;
    *ret_effect = sim_chance(w, 5000);
    return true;
}
