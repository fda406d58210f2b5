/* SPDX-License-Identifier: MIT */
#include "daemon/web.h"

#include <ev.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/text.h"

#define PAUSE_S 1.0 /* doubled each time that it ends, up to: */
#define PAUSE_MAX_S 60.0
#define STEADY_S 60.0 /* one that ran for so long was well */

struct web {
    struct ev_loop *loop;
    const char *config_path;
    char *address; /* NULL: it is not to run */
    struct op *op; /* NULL: it does not run */
    ev_timer again;
    double pause_s;
    ev_tstamp began;
};

static void begin(struct web *w);

static void on_line(void *ctx, const char *line)
{
    (void)ctx;
    log_notice("%s", line);
}

static void pause_then_begin(struct web *w, const char *why)
{
    if (ev_now(w->loop) - w->began > STEADY_S)
        w->pause_s = PAUSE_S;
    log_warning("the status page is not served: %s; tried again in %.0f s", why, w->pause_s);
    ev_timer_set(&w->again, w->pause_s, 0);
    ev_timer_start(w->loop, &w->again);
    w->pause_s = w->pause_s * 2 < PAUSE_MAX_S ? w->pause_s * 2 : PAUSE_MAX_S;
}

/* One that was cancelled was to read its configuration again, or to stop. */
static void on_end(void *ctx, const struct err *err)
{
    struct web *w = ctx;

    w->op = NULL;
    if (!w->address)
        return;
    if (err && err->code == ERR_CANCELED)
        begin(w);
    else
        pause_then_begin(w, err ? err->msg : "vmkeep-web has ended");
}

static void begin(struct web *w)
{
    CLEANUP_FREE char *program = proc_program_path("vmkeep-web");
    const char *argv[] = {program, "--config", w->config_path, "--listen", w->address, NULL};
    const struct proc_spec spec = {.argv = argv, .line = on_line};
    struct err err = ERR_INIT;

    w->began = ev_now(w->loop);
    w->op = proc_start(w->loop, &spec, NULL, on_end, w, &err);
    if (!w->op)
        pause_then_begin(w, err.msg);
}

static void on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
    (void)loop;
    (void)revents;
    begin(t->data);
}

struct web *web_new(struct ev_loop *loop, const char *config_path)
{
    struct web *w = xcalloc(1, sizeof(*w));

    w->loop = loop;
    w->config_path = config_path;
    w->pause_s = PAUSE_S;
    ev_timer_init(&w->again, on_again, 0, 0);
    w->again.data = w;
    return w;
}

void web_set(struct web *w, const char *address)
{
    free(w->address);
    w->address = xstrdup(address);
    ev_timer_stop(w->loop, &w->again);
    w->pause_s = PAUSE_S;
    if (w->op)
        op_cancel(w->op); /* it begins anew when it has ended */
    else if (w->address)
        begin(w);
}

void web_free(struct web *w)
{
    if (!w)
        return;
    ev_timer_stop(w->loop, &w->again);
    free(w->address);
    free(w);
}
