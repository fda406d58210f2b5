/* SPDX-License-Identifier: MIT
 *
 * The queue of messages: one at a time to each target, in their order; what fails is tried again.
 *
 * A message is marked in the catalog before it is sent, and deleted after
 * (storage/catalog/catalog_notify.h): a daemon that dies in between repeats it.
 */
#include "notify/notifier_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/notice.h"
#include "storage/catalog/catalog_notify.h"

#define FIRST_PAUSE_S 30
#define PAUSE_MAX_S 3600
#define PAUSE_DOUBLED_MAX 7
#define PUMP_EVERY_S 600.0 /* whatever befalls the clock */
#define TRIES_MIN 8        /* before one is given up, for a clock that leaps makes all too old */

/* From one try to the next, after so many failed ones. */
static int64_t pause_after(int64_t tries)
{
    int64_t ret = FIRST_PAUSE_S << (tries > PAUSE_DOUBLED_MAX ? PAUSE_DOUBLED_MAX : tries);

    return ret > PAUSE_MAX_S ? PAUSE_MAX_S : ret;
}

void outbox_kick(struct notifier *n)
{
    n->env.clock->ops->stop(n->env.clock, &n->pump);
    n->env.clock->ops->after(n->env.clock, &n->pump, 0);
}

/* ---- one message ---- */

static void log_failure(const struct outlet *o, bool given_up)
{
    if (given_up)
        log_error("notifications: %s: %s: the message is given up", o->name, o->problem.msg);
    else if (o->tries == 0)
        log_warning("notifications: %s: %s: it is tried again", o->name, o->problem.msg);
}

/* What has become of the message is recorded.  False: the catalog cannot be written now; it is
 * recorded later, and until then nothing else is sent to the target, nor the same again. */
static bool record_end(struct outlet *o)
{
    struct notifier *n = o->n;
    int64_t now = notifier_now(n), next = now + pause_after(o->tries);
    bool failed = o->problem.code != ERR_NONE;
    struct err err = ERR_INIT;
    int rc;

    if (next > o->expires && (o->is_late || o->tries >= TRIES_MIN))
        next = 0;
    if (failed)
        rc = catalog_message_failed(n->env.catalog, o->message, now, next, o->problem.msg, &err);
    else
        rc = catalog_message_sent(n->env.catalog, o->message, now, &err);
    if (rc < 0) {
        notifier_trouble(o->name, &err);
        return false;
    }
    if (failed)
        log_failure(o, next == 0);
    o->ended = false;
    o->message = 0;
    return true;
}

static void note_end(struct outlet *o, const struct err *problem)
{
    o->problem = problem ? *problem : (struct err)ERR_INIT;
    o->ended = true;
    record_end(o);
}

/* One that did not arrive is sent with the next look. */
static void note_ping(struct outlet *o, const struct err *problem)
{
    struct notifier *n = o->n;
    struct err err = ERR_INIT;

    if (problem)
        o->pinged = -1;
    if (catalog_target_tried(n->env.catalog, o->name, false, problem ? problem->msg : NULL,
                             notifier_now(n), &err) < 0)
        notifier_trouble(o->name, &err);
}

static void on_sent(void *ctx, const struct err *problem)
{
    struct outlet *o = ctx;

    o->sending = NULL;
    if (o->gone)
        o->message = 0;
    else if (o->message)
        note_end(o, problem);
    else
        note_ping(o, problem);
    outbox_kick(o->n);
}

/* When the first message's turn is, after it was seen to; 0: nothing waits. */
static int64_t send_first(struct outlet *o, const struct message *m, int64_t now)
{
    struct notifier *n = o->n;
    struct config_target target;
    struct err err = ERR_INIT;
    bool go;

    if (m->next > now && m->next - now <= PAUSE_MAX_S)
        return m->next;
    if (!outlet_config(n, o->name, &target))
        return 0;
    if (catalog_message_begin(n->env.catalog, m->id, now, &go, &err) < 0) {
        notifier_trouble(o->name, &err);
        return now + FIRST_PAUSE_S;
    }
    o->message = m->id;
    o->tries = m->tries;
    o->expires = m->expires;
    o->is_late = strcmp(m->kind, "ping") == 0;
    if (go)
        o->sending = n->env.send(n->env.ctx, &target, m->body, on_sent, o, &err);
    else
        err_set(&err, ERR_CANCELED, "the daemon ended twice while a message was being sent");
    if (o->sending)
        return 0;
    note_end(o, &err);
    return now + FIRST_PAUSE_S;
}

/* 0: there is nothing to wait for. */
static int64_t pump_outlet(struct outlet *o)
{
    struct notifier *n = o->n;
    struct message m = {0};
    struct err err = ERR_INIT;
    int64_t ret = 0, now = notifier_now(n);
    bool found;

    if (o->sending || o->gone)
        return 0;
    if (o->ended && !record_end(o))
        return now + FIRST_PAUSE_S;
    if (catalog_message_first(n->env.catalog, o->name, &m, &found, &err) < 0) {
        notifier_trouble(o->name, &err);
        return now + FIRST_PAUSE_S;
    }
    if (found)
        ret = send_first(o, &m, now);
    message_done(&m);
    return ret;
}

void outbox_pump(void *notifier)
{
    struct notifier *n = notifier;
    int64_t now = notifier_now(n), first = now + (int64_t)PUMP_EVERY_S;

    for (size_t i = 0; i < n->outlets.n; i++) {
        int64_t next = pump_outlet(n->outlets.items[i]);

        if (next && next < first)
            first = next;
    }
    n->env.clock->ops->after(n->env.clock, &n->pump, first > now ? (double)(first - now) : 0);
}

/* ---- pings ---- */

static void ping(struct outlet *o, const struct config_target *t, bool failing, const char *summary)
{
    struct notifier *n = o->n;
    int64_t elapsed = n->env.clock->ops->elapsed(n->env.clock);
    struct err err = ERR_INIT;
    json_t *notice;
    char *body;

    if (o->sending ||
        (o->pinged >= 0 && o->failing == failing && elapsed - o->pinged < t->healthchecks.every))
        return;
    notice = notice_ping(failing ? "fail" : "", NULL, summary, n->env.machine, notifier_now(n));
    body = json_dumps(notice, JSON_COMPACT);
    json_decref(notice);
    o->pinged = elapsed;
    o->failing = failing;
    o->message = 0;
    o->sending = n->env.send(n->env.ctx, t, body, on_sent, o, &err);
    free(body);
    if (!o->sending)
        note_ping(o, &err);
}

void outbox_ping_all(struct notifier *n, const struct condition_list *conditions,
                     const char *summary)
{
    for (size_t i = 0; i < n->outlets.n; i++) {
        struct outlet *o = n->outlets.items[i];
        const struct config_target *t = config_target_find(n->config, o->name);
        bool failing = false;

        if (!t || !config_url_given(&t->healthchecks.at))
            continue;
        for (size_t k = 0; k < conditions->n; k++)
            failing = failing || t->conditions & 1U << conditions->items[k].kind;
        ping(o, t, failing, summary);
    }
}

/* ---- tests ---- */

struct test {
    struct notifier *n;
    char *target;
    op_done done;
    void *ctx;
};

static void on_tested(void *ctx, const struct err *problem)
{
    struct test *t = ctx;
    struct err err = ERR_INIT;

    if (catalog_target_tried(t->n->env.catalog, t->target, true, problem ? problem->msg : NULL,
                             notifier_now(t->n), &err) < 0)
        notifier_trouble(t->target, &err);
    t->done(t->ctx, problem);
    outbox_kick(t->n);
    free(t->target);
    free(t);
}

int outbox_test(struct notifier *n, const char *target, op_done done, void *ctx, struct err *err)
{
    struct config_target config;
    struct test *t;
    json_t *notice;
    char *body;

    if (!outlet_config(n, target, &config))
        return err_set(err, ERR_NOTFOUND, "no target of notifications is called '%s'",
                       CLIP(target));
    notice = config_url_given(&config.healthchecks.at)
                 ? notice_ping("log", NULL, "A test, sent by `vmkeep notify test`.", n->env.machine,
                               notifier_now(n))
                 : notice_test(target, n->env.machine, notifier_now(n));
    body = json_dumps(notice, JSON_COMPACT);
    json_decref(notice);
    t = xcalloc(1, sizeof(*t));
    *t = (struct test){n, xstrdup(target), done, ctx};
    if (!n->env.send(n->env.ctx, &config, body, on_tested, t, err)) {
        free(t->target);
        free(t);
        free(body);
        return -1;
    }
    free(body);
    return 0;
}
