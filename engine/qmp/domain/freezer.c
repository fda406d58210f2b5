/* SPDX-License-Identifier: MIT */
#include "engine/qmp/domain/freezer.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/qmp/wire/agent.h"

#define FREEZE_SHARE 0.8 /* of the limit, so that time is left for the transaction */
#define THAW_TRY_S 5.0
#define THAW_WAIT_S 10.0 /* how long others wait for a thaw */
#define PAUSE_FIRST_S 1.0
#define PAUSE_LAST_S 60.0

enum freezer_state {
    F_UNKNOWN, /* a former life may have frozen it */
    F_FREEZING,
    F_FROZEN, /* or it may be */
    F_THAWING,
    F_THAWED,
};

struct freezer {
    struct ev_loop *loop;
    struct agent *agent;
    enum freezer_state state;
    int tries;       /* that were in vain */
    struct err last; /* how the last try to thaw ended */
    ev_timer again;  /* the next try to thaw */
    double pause_s;
    ev_timer waiting; /* for how long done waits for the thaw */
    freezer_done done;
    void *done_ctx;
    struct freezer_owner owner;
    double frozen_at;
    int frozen_ms;
};

static double monotonic(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void tell(struct freezer *f, const struct err *err)
{
    freezer_done done = f->done;

    f->done = NULL;
    ev_timer_stop(f->loop, &f->waiting);
    if (done)
        done(f->done_ctx, err);
    else if (!err)
        f->owner.thawed(f->owner.ctx);
}

/* A refusal leaves nothing frozen, and a question that was not sent does neither. */
static void on_frozen(void *ctx, bool uncertain, const struct err *err)
{
    struct freezer *f = ctx;

    f->state = err && !uncertain ? F_THAWED : F_FROZEN;
    f->frozen_at = monotonic();
    tell(f, err);
}

void freezer_freeze(struct freezer *f, int limit_s, freezer_done done, void *ctx)
{
    f->state = F_FREEZING;
    f->frozen_ms = 0;
    f->done = done;
    f->done_ctx = ctx;
    agent_call(f->agent, "guest-fsfreeze-freeze", limit_s * FREEZE_SHARE, on_frozen, f);
}

/* A socket that nobody serves any more: QEMU is gone, and with it what was frozen.  Unless QEMU
 * still answers: then somebody has taken the socket away. */
static bool is_gone(const struct freezer *f, const struct err *err)
{
    return (err->sys == ENOENT || err->sys == ECONNREFUSED) && !f->owner.is_there(f->owner.ctx);
}

static void on_thawed(void *ctx, bool uncertain, const struct err *err)
{
    struct freezer *f = ctx;

    (void)uncertain;
    if (err && !is_gone(f, err)) {
        f->last = *err;
        f->tries++;
        log_debug("thaw: %s", err->msg);
        ev_timer_set(&f->again, f->pause_s, 0);
        ev_timer_start(f->loop, &f->again);
        f->pause_s = f->pause_s * 2 < PAUSE_LAST_S ? f->pause_s * 2 : PAUSE_LAST_S;
        return;
    }
    if (f->frozen_at > 0)
        f->frozen_ms = (int)((monotonic() - f->frozen_at) * 1000);
    f->frozen_at = 0;
    f->state = F_THAWED;
    agent_hang_up(f->agent);
    tell(f, err);
}

static void thaw_again(struct freezer *f)
{
    f->state = F_THAWING;
    agent_call(f->agent, "guest-fsfreeze-thaw", THAW_TRY_S, on_thawed, f);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    thaw_again(w->data);
}

static void on_waited(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct freezer *f = w->data;

    (void)loop;
    (void)revents;
    if (f->state == F_THAWED)
        tell(f, NULL);
    else if (f->last.code != ERR_NONE)
        tell(f, &f->last);
    else
        tell(f, &(struct err){.code = ERR_TIMEOUT, .msg = "guest agent: no answer to the thaw"});
}

void freezer_thaw(struct freezer *f, freezer_done done, void *ctx)
{
    assert(f->state != F_FREEZING);
    f->done = done;
    f->done_ctx = ctx;
    ev_timer_stop(f->loop, &f->waiting);
    ev_timer_set(&f->waiting, f->state == F_THAWED ? 0 : THAW_WAIT_S, 0);
    if (done)
        ev_timer_start(f->loop, &f->waiting);
    if (f->state == F_THAWED || f->state == F_THAWING)
        return;
    f->last = ERR_INIT;
    f->tries = 0;
    f->pause_s = PAUSE_FIRST_S;
    thaw_again(f);
}

bool freezer_is_thawed(const struct freezer *f)
{
    return f->state == F_THAWED;
}

int freezer_thaw_tries(const struct freezer *f, const char **ret_why)
{
    *ret_why = f->last.msg;
    return f->state == F_THAWING ? f->tries : 0;
}

int freezer_frozen_ms(const struct freezer *f)
{
    return f->frozen_ms;
}

bool freezer_is_idle(const struct freezer *f)
{
    return f->state == F_UNKNOWN || f->state == F_THAWED;
}

double freezer_frozen_for(const struct freezer *f)
{
    return f->frozen_at > 0 ? monotonic() - f->frozen_at : -1;
}

struct freezer *freezer_new(struct ev_loop *loop, const char *path,
                            const struct freezer_owner *owner)
{
    struct freezer *f = xcalloc(1, sizeof(*f));

    f->loop = loop;
    f->agent = agent_new(loop, path);
    f->owner = *owner;
    ev_timer_init(&f->again, on_again, 0, 0);
    ev_timer_init(&f->waiting, on_waited, 0, 0);
    f->again.data = f->waiting.data = f;
    return f;
}

void freezer_free(struct freezer *f)
{
    if (!f)
        return;
    if (f->state == F_FREEZING || f->state == F_FROZEN)
        agent_blurt(f->agent, "guest-fsfreeze-thaw");
    ev_timer_stop(f->loop, &f->again);
    ev_timer_stop(f->loop, &f->waiting);
    agent_free(f->agent);
    free(f);
}
