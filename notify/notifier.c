/* SPDX-License-Identifier: MIT */
#include "notify/notifier_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "notify/told.h"
#include "storage/catalog/catalog_notify.h"

#define LOOK_EVERY_S 60
#define LOOK_SOON_S 2 /* jobs end together: one look for all */
#define LOOK_COST 10  /* of the time a tenth is spent in looking, at most */
#define RUNS_SOON_S 1.0
#define KEPT_S (INT64_C(7) * 86400)
#define BLIND_KEY "daemon look"
#define BLIND_S 600 /* for so long looks may fail before that is a condition itself */

/* ---- outlets ---- */

static void want_outlet(struct notifier *n, const char *name)
{
    struct outlet *o;

    for (size_t i = 0; i < n->outlets.n; i++) {
        if (strcmp(n->outlets.items[i]->name, name) == 0) {
            n->outlets.items[i]->gone = false;
            return;
        }
    }
    o = xcalloc(1, sizeof(*o));
    *o = (struct outlet){.n = n, .name = xstrdup(name), .pinged = -1};
    *VEC_ADD(&n->outlets) = o;
}

/* One that is being sent to goes when that has ended (outbox.c). */
static void drop_outlets(struct notifier *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->outlets.n; i++) {
        struct outlet *o = n->outlets.items[i];

        if (!o->gone || o->sending) {
            n->outlets.items[kept++] = o;
            continue;
        }
        free(o->name);
        free(o);
    }
    n->outlets.n = kept;
}

static void set_outlets(struct notifier *n)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    struct err err = ERR_INIT;

    for (size_t i = 0; i < n->config->notify.n; i++)
        strlist_add(&names, n->config->notify.items[i].name);
    for (size_t i = 0; i < n->config->policies.n; i++) {
        const struct config_policy *p = &n->config->policies.items[i];
        CLEANUP_FREE char *name = notifier_policy_target(p->name);

        if (config_url_given(&p->healthchecks))
            strlist_add(&names, name);
    }
    for (size_t i = 0; i < n->outlets.n; i++)
        n->outlets.items[i]->gone = true;
    for (size_t i = 0; i < names.n; i++)
        want_outlet(n, names.items[i]);
    drop_outlets(n);
    if (catalog_targets_keep(n->env.catalog, &names, &err) < 0)
        notifier_trouble("targets that are gone stay in the catalog", &err);
}

/* ---- looks ---- */

/* The rest of what it was told stays as it is. */
static void keep_told(struct told_list *l, const char *key)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->items[i].condition, key) == 0)
            l->items[kept++] = l->items[i];
        else
            told_done(&l->items[i]);
    }
    l->n = kept;
}

/* alone: nothing but this one is known of; NULL: conditions are all that fires. */
static void tell_target(struct notifier *n, const struct config_target *t,
                        const struct condition_list *conditions, const char *alone)
{
    CLEANUP(told_list_done) struct told_list was = {0};
    CLEANUP(telling_done) struct telling telling = {0};
    int64_t now = notifier_now(n);
    struct message m = {
        .kind = (char *)"conditions", .created = now, .expires = now + KEPT_S, .next = now};
    struct target_news news = {.target = t->name, .at = now};
    struct err err = ERR_INIT;
    json_t *notice = NULL;

    if (catalog_told(n->env.catalog, t->name, &was, &err) < 0) {
        notifier_trouble(t->name, &err);
        return;
    }
    if (alone)
        keep_told(&was, alone);
    told_decide(&was, conditions, t->conditions, now, &telling);
    if (telling.events.n > 0) {
        notice = notice_conditions(&telling.events, n->env.machine, now);
        m.subject = (char *)json_string_value(json_object_get(notice, "subject"));
        m.body = json_dumps(notice, JSON_COMPACT);
        news.message = &m;
    }
    news.put = telling.put.items;
    news.n_put = telling.put.n;
    news.gone = &telling.gone;
    if ((news.message || news.n_put > 0 || telling.gone.n > 0) &&
        catalog_tell(n->env.catalog, &news, &err) < 0)
        notifier_trouble(t->name, &err);
    free(m.body);
    json_decref(notice);
}

static int read_conditions(const char *seen, struct condition_list *ret, char **ret_summary,
                           struct err *err)
{
    json_error_t bad;
    json_t *json = json_loads(seen ? seen : "", 0, &bad), *item;
    const json_t *list = json_object_get(json, "conditions");
    size_t i;
    int rc = 0;

    if (!json_is_array(list))
        rc = err_set(err, ERR_PROTOCOL, "what fires cannot be read: %s", json ? seen : bad.text);
    json_array_foreach(list, i, item) {
        if (rc == 0 && (rc = condition_read(item, VEC_ADD(ret), err)) < 0)
            err_wrap(err, "condition %zu", i);
    }
    *ret_summary = xstrdup(json_string_value(json_object_get(json, "summary")));
    json_decref(json);
    return rc;
}

static void tell_targets(struct notifier *n, const struct condition_list *conditions,
                         const char *alone)
{
    for (size_t i = 0; i < n->config->notify.n; i++)
        if (!config_url_given(&n->config->notify.items[i].healthchecks.at))
            tell_target(n, &n->config->notify.items[i], conditions, alone);
    outbox_kick(n);
}

static int take_look(struct notifier *n, struct err *err)
{
    CLEANUP(condition_list_done) struct condition_list conditions = {0};
    CLEANUP_FREE char *summary = NULL;

    if (read_conditions(n->seen, &conditions, &summary, err) < 0)
        return -1;
    tell_targets(n, &conditions, NULL);
    outbox_ping_all(n, &conditions, summary ? summary : "");
    n->blind = -1;
    return 0;
}

/* Who cannot see must not be taken for one who sees nothing: that is told, and no more; checks are
 * not pinged. */
static void be_blind(struct notifier *n, const struct err *err)
{
    CLEANUP(condition_list_done) struct condition_list l = {0};
    int64_t elapsed = n->env.clock->ops->elapsed(n->env.clock);

    notifier_trouble("the status could not be gathered", err);
    if (n->blind < 0)
        n->blind = elapsed;
    if (elapsed - n->blind < BLIND_S)
        return;
    *VEC_ADD(&l) = (struct condition){
        .kind = CONDITION_DAEMON,
        .what = xstrdup(condition_words[CONDITION_DAEMON]),
        .key = xstrdup(BLIND_KEY),
        .about = xstrdup("look"),
        .severity = SEVERITY_RISK,
        .text = xasprintf("how it stands with the backups cannot be told, so nobody is told of "
                          "anything else: %s",
                          err->msg),
        .advice = xstrdup("`vmkeep notify conditions` shows the same"),
    };
    tell_targets(n, &l, BLIND_KEY);
}

/* In so many seconds, or before; but a look that takes long is not taken often, and whoever has
 * many jobs must not put it off with each of them. */
static void look_later(struct notifier *n, int64_t seconds)
{
    int64_t now = n->env.clock->ops->elapsed(n->env.clock), at = now + seconds;

    if (at < n->rest_until)
        at = n->rest_until;
    if (n->look.armed && n->look_at <= at)
        return;
    n->look_at = at;
    n->env.clock->ops->stop(n->env.clock, &n->look);
    n->env.clock->ops->after(n->env.clock, &n->look, (double)(at - now));
}

static void on_look(void *ctx, const struct err *err)
{
    struct notifier *n = ctx;
    int64_t now = n->env.clock->ops->elapsed(n->env.clock);
    struct err bad = ERR_INIT;

    n->looking = NULL;
    n->rest_until = now + (now - n->look_began) * LOOK_COST;
    if (err)
        be_blind(n, err);
    else if (take_look(n, &bad) < 0)
        be_blind(n, &bad);
    free(n->seen);
    n->seen = NULL;
    look_later(n, n->look_again ? LOOK_SOON_S : LOOK_EVERY_S);
    n->look_again = false;
}

static void start_look(void *ctx)
{
    struct notifier *n = ctx;
    struct err err = ERR_INIT;

    if (n->looking || n->config->notify.n == 0)
        return;
    n->look_began = n->env.clock->ops->elapsed(n->env.clock);
    n->looking = n->env.look(n->env.ctx, &n->seen, on_look, n, &err);
    if (n->looking)
        return;
    be_blind(n, &err);
    look_later(n, LOOK_EVERY_S);
}

void notifier_poke(struct notifier *n)
{
    if (n->looking)
        n->look_again = true;
    else
        look_later(n, LOOK_SOON_S);
}

void notifier_job(struct notifier *n, const char *policy, bool is_new)
{
    if (!strlist_has(&n->jobs_of, policy))
        strlist_add(&n->jobs_of, policy);
    if (!is_new && n->runs.armed)
        return;
    n->env.clock->ops->stop(n->env.clock, &n->runs);
    n->env.clock->ops->after(n->env.clock, &n->runs, is_new ? 0 : RUNS_SOON_S);
}

int notifier_test(struct notifier *n, const char *target, op_done done, void *ctx, struct err *err)
{
    return outbox_test(n, target, done, ctx, err);
}

/* ---- life ---- */

/* The machine's may have changed since. */
static void open_zone(struct notifier *n)
{
    struct zone *zone = NULL;
    struct err err = ERR_INIT;

    if (zone_open(NULL, &zone, &err) < 0) {
        notifier_trouble("reports go by UTC", &err);
        zone_open("UTC", &zone, &err);
    }
    zone_free(n->zone);
    n->zone = zone;
}

static void start(struct notifier *n)
{
    open_zone(n);
    set_outlets(n);
    for (size_t i = 0; i < n->config->policies.n; i++)
        notifier_job(n, n->config->policies.items[i].name, true);
    if (!n->looking)
        look_later(n, LOOK_SOON_S);
    n->env.clock->ops->stop(n->env.clock, &n->reports);
    n->env.clock->ops->after(n->env.clock, &n->reports, RUNS_SOON_S);
    outbox_kick(n);
}

struct notifier *notifier_new(const struct notifier_env *env, const struct config *config)
{
    struct notifier *n = xcalloc(1, sizeof(*n));

    n->env = *env;
    n->config = config;
    n->blind = -1;
    n->look = (struct alarm){.fire = start_look, .ctx = n};
    n->pump = (struct alarm){.fire = outbox_pump, .ctx = n};
    n->runs = (struct alarm){.fire = runs_check, .ctx = n};
    n->reports = (struct alarm){.fire = reports_check, .ctx = n};
    start(n);
    return n;
}

void notifier_reload(struct notifier *n, const struct config *config)
{
    n->config = config;
    start(n);
}

void notifier_free(struct notifier *n)
{
    if (!n)
        return;
    n->env.clock->ops->stop(n->env.clock, &n->look);
    n->env.clock->ops->stop(n->env.clock, &n->pump);
    n->env.clock->ops->stop(n->env.clock, &n->runs);
    n->env.clock->ops->stop(n->env.clock, &n->reports);
    zone_free(n->zone);
    free(n->seen);
    free(n->reported);
    report_order_done(&n->order);
    strlist_done(&n->jobs_of);
    strlist_done(&n->runs_of);
    for (size_t i = 0; i < n->outlets.n; i++) {
        free(n->outlets.items[i]->name);
        free(n->outlets.items[i]);
    }
    free(n->outlets.items);
    free(n);
}
