/* SPDX-License-Identifier: MIT */
#include "jobs/trouble.h"

#include "base/log.h"
#include "base/mark.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "jobs/env.h"

#define LOOK_S 30.0
/* Longer than anybody pauses who will try to write again (scheduler/coverage.c). */
#define QUIET_S 70

/* It may go on for as long as somebody does not make room, or mount something. */
static bool may_last(enum err_code code)
{
    return code == ERR_NOSPACE || code == ERR_IO || code == ERR_DENIED;
}

static void look(void *ctx)
{
    struct job_env *e = ctx;
    struct trouble *t = &e->trouble;
    int64_t now = env_elapsed(e);
    char lasted[TIMEFMT_MAX];
    struct err err = ERR_INIT;

    if (catalog_try(e->catalog, env_now(e), &err) < 0 || now - t->last < QUIET_S) {
        e->clock->ops->after(e->clock, &t->alarm, LOOK_S);
        return;
    }
    MARK("the catalog can be written again");
    log_notice("catalog: it can be written again, after %s in which %u write%s failed",
               duration_text(now - t->since, lasted), t->failures, plural_s(t->failures));
    t->code = ERR_NONE;
}

static void begin(struct job_env *e, enum err_code code)
{
    struct trouble *t = &e->trouble;

    *t = (struct trouble){
        .code = code,
        .since = env_elapsed(e),
        .last = env_elapsed(e),
        .failures = 1,
        .alarm = {.fire = look, .ctx = e},
    };
    e->clock->ops->after(e->clock, &t->alarm, LOOK_S);
}

void catalog_trouble(struct job_env *e, const char *what, const struct err *err)
{
    struct trouble *t = &e->trouble;

    if (t->code != ERR_NONE && t->code == err->code) {
        t->last = env_elapsed(e);
        t->failures++;
        log_debug("catalog: cannot %s: %s", what, err->msg);
        return;
    }
    if (t->code != ERR_NONE || !may_last(err->code)) {
        log_error("catalog: cannot %s: %s", what, err->msg);
        return;
    }
    log_error("catalog: cannot %s: %s; no more is said of it until it can be written again", what,
              err->msg);
    begin(e, err->code);
}

void trouble_stop(struct job_env *e)
{
    e->clock->ops->stop(e->clock, &e->trouble.alarm);
}
