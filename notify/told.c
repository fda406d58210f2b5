/* SPDX-License-Identifier: MIT */
#include "notify/told.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DAY INT64_C(86400)
#define DOUBLED_MAX 4

int64_t told_pause(int64_t times)
{
    int64_t doubled = times < 1 ? 0 : times - 1;

    return DAY << (doubled > DOUBLED_MAX ? DOUBLED_MAX : doubled);
}

static const struct told *find_told(const struct told_list *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].condition, key) == 0)
            return &l->items[i];
    return NULL;
}

static const struct condition *find_condition(const struct condition_list *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].key, key) == 0)
            return &l->items[i];
    return NULL;
}

static char *facts_of(const struct condition *c)
{
    json_t *json = condition_json(c);
    char *ret = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(json);
    return ret;
}

/* A clock that was set back must not keep it silent for longer than a pause. */
static bool is_due(const struct told *t, int64_t now)
{
    return now >= t->again || t->again - now > told_pause(t->times);
}

static void add_firing(const struct told *was, const struct condition *c, int64_t now,
                       struct telling *ret)
{
    int64_t times = was ? was->times + 1 : 1;
    struct notice_event event = {.what = was ? NOTICE_AGAIN : NOTICE_FIRING,
                                 .since = was ? was->since : now};

    event.condition = condition_copy(c);
    *VEC_ADD(&ret->events) = event;
    *VEC_ADD(&ret->put) = (struct told){.condition = xstrdup(c->key),
                                        .facts = facts_of(c),
                                        .since = event.since,
                                        .times = times,
                                        .again = now + told_pause(times)};
}

/* What was known of it then; false: its facts are of a version that had others. */
static bool condition_then(const struct told *was, struct condition *ret)
{
    struct err err = ERR_INIT;
    json_t *facts = json_loads(was->facts, 0, NULL);
    bool read = facts && condition_read(facts, ret, &err) == 0;

    json_decref(facts);
    return read;
}

/* was: what it was told, and is to know no more if it is over, or nothing that it wants. */
static void settle(const struct told *was, const struct condition_list *now_firing, unsigned kinds,
                   int64_t now, struct telling *ret)
{
    struct notice_event event = {.what = NOTICE_RESOLVED, .since = was->since, .ended = now};
    bool wanted = condition_then(was, &event.condition) && kinds & 1U << event.condition.kind;
    bool fires = wanted && find_condition(now_firing, was->condition);

    if (!fires)
        strlist_add(&ret->gone, was->condition);
    if (wanted && !fires)
        *VEC_ADD(&ret->events) = event;
    else
        condition_done(&event.condition);
}

void told_decide(const struct told_list *was, const struct condition_list *now_firing,
                 unsigned kinds, int64_t now, struct telling *ret)
{
    *ret = (struct telling){0};
    for (size_t i = 0; i < now_firing->n; i++) {
        const struct condition *c = &now_firing->items[i];
        const struct told *t = find_told(was, c->key);

        if (kinds & 1U << c->kind && (!t || is_due(t, now)))
            add_firing(t, c, now, ret);
    }
    for (size_t i = 0; i < was->n; i++)
        settle(&was->items[i], now_firing, kinds, now, ret);
}

void telling_done(struct telling *t)
{
    notice_event_list_done(&t->events);
    for (size_t i = 0; i < t->put.n; i++)
        told_done(&t->put.items[i]);
    free(t->put.items);
    strlist_done(&t->gone);
}
