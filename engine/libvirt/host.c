/* SPDX-License-Identifier: MIT
 *
 * The list of domains is asked for whenever libvirt tells that one came or went, and after each
 * connection: events are reasons to ask, and say nothing by themselves.  It costs two calls,
 * whatever the number of domains; what happens while it is under way has it asked again.
 */
#include "engine/libvirt/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define LIST_S 40.0
#define RELIST_S 10.0

/* ---- telling ---- */

void libvirt_host_tell(struct libvirt_host *h, enum hv_event_type type, const char *domain)
{
    struct libvirt_told *t;

    for (size_t i = 0; i < h->tell.n; i++)
        if (h->tell.items[i].type == type && str_eq(h->tell.items[i].domain, domain))
            return;
    t = VEC_ADD(&h->tell);
    t->type = type;
    t->domain = xstrdup(domain);
    if (!ev_is_active(&h->telling))
        ev_timer_start(h->loop, &h->telling);
}

/* Each may have more to be told, or another listener. */
static void on_telling(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct libvirt_host *h = w->data;
    VEC(struct libvirt_told) tell = {h->tell.items, h->tell.n, h->tell.cap};

    (void)loop;
    (void)revents;
    memset(&h->tell, 0, sizeof(h->tell));
    for (size_t i = 0; i < tell.n; i++) {
        const struct hv_event event = {.type = tell.items[i].type, .domain = tell.items[i].domain};

        if (h->listener)
            h->listener(h->listener_ctx, &event);
        free(tell.items[i].domain);
    }
    free(tell.items);
}

void libvirt_listen(struct hypervisor *hv, hv_event_fn fn, void *ctx)
{
    struct libvirt_host *h = libvirt_host_of(hv);

    h->listener = fn;
    h->listener_ctx = ctx;
}

static void tell_all(struct libvirt_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++)
        libvirt_host_tell(h, HV_EVENT_DOMAIN, h->domains.items[i].name);
}

/* ---- the list ---- */

static const struct libvirt_domain *find(const struct libvirt_host *h, const char *name)
{
    for (size_t i = 0; i < h->domains.n; i++)
        if (strcmp(h->domains.items[i].name, name) == 0)
            return &h->domains.items[i];
    return NULL;
}

const struct libvirt_domain *libvirt_host_domain(struct libvirt_host *h, const char *name,
                                                 struct err *err)
{
    const struct libvirt_domain *ret;

    if (!libvirt_domains(&h->hv, NULL, err)) {
        err->code = ERR_REMOTE;
        return NULL;
    }
    ret = find(h, name);
    if (!ret) {
        err_set(err, ERR_NOTFOUND, "the host has no domain '%s'", name);
        return NULL;
    }
    return peer_is_up(h->peer, err) ? ret : NULL;
}

int libvirt_host_look(struct libvirt_host *h, const char *name, const struct libvirt_domain **ret,
                      struct err *ret_away, struct err *err)
{
    *ret = libvirt_host_domain(h, name, ret_away);
    if (*ret || (h->known && ret_away->code != ERR_NOTFOUND))
        return 0;
    *err = *ret_away;
    return -1;
}

bool libvirt_domains(struct hypervisor *hv, struct strlist *ret, struct err *why)
{
    const struct libvirt_host *h = libvirt_host_of(hv);

    for (size_t i = 0; ret && h->known && i < h->domains.n; i++)
        strlist_add(ret, h->domains.items[i].name);
    if (h->known || !why)
        return h->known;
    if (!peer_is_up(h->peer, why))
        return false;
    if (h->unknown_why.code != ERR_NONE)
        *why = h->unknown_why;
    else
        err_set(why, ERR_REMOTE, "it has not told its domains yet");
    return false;
}

bool libvirt_connected(struct hypervisor *hv, struct err *why)
{
    return peer_is_up(libvirt_host_of(hv)->peer, why);
}

static void domains_clear(struct libvirt_host *h)
{
    for (size_t i = 0; i < h->domains.n; i++) {
        free(h->domains.items[i].name);
        free(h->domains.items[i].uuid);
    }
    free(h->domains.items);
    memset(&h->domains, 0, sizeof(h->domains));
}

static bool has_same_names(const struct libvirt_host *h, const struct libvirt_entries *e)
{
    for (size_t i = 0; i < e->domains.n; i++)
        if (!find(h, e->domains.items[i].name))
            return false;
    return e->domains.n == h->domains.n;
}

/* One that changed its kind between the two calls may be listed twice. */
static void take_entries(struct libvirt_host *h)
{
    domains_clear(h);
    for (size_t i = 0; i < h->entries.domains.n; i++) {
        struct libvirt_entry *e = &h->entries.domains.items[i];
        struct libvirt_domain *d;

        if (!e->name || !e->uuid || find(h, e->name))
            continue;
        d = VEC_ADD(&h->domains);
        d->name = TAKE_PTR(e->name);
        d->uuid = TAKE_PTR(e->uuid);
        d->persistent = e->persistent;
        d->active = e->active;
    }
    h->known = true;
}

static void ask_list(struct libvirt_host *h);

static void listed(struct libvirt_host *h)
{
    bool changed = !h->known || !has_same_names(h, &h->entries);

    take_entries(h);
    if (changed)
        libvirt_host_tell(h, HV_EVENT_DOMAINS, NULL);
    if (h->look_at_all)
        tell_all(h);
    h->look_at_all = false;
}

/* Until it can be had, what was known stands. */
static void on_listed(void *ctx, const struct err *err)
{
    struct libvirt_host *h = ctx;

    h->listing = NULL;
    h->unknown_why = err ? *err : ERR_INIT;
    if (!err && !h->stale)
        listed(h);
    record_done(&libvirt_answer_domains, &h->entries);
    if (!h->peer)
        return;
    if (h->stale)
        ask_list(h);
    else if (err && peer_is_up(h->peer, NULL))
        ev_timer_start(h->loop, &h->relist);
}

static void on_relist(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    ask_list(w->data);
}

static void ask_list(struct libvirt_host *h)
{
    const struct libvirt_request q = {.brief = true};
    const struct peer_ask ask = {.what = "domains",
                                 .request = &libvirt_request_domains,
                                 .value = &q,
                                 .answer = &libvirt_answer_domains,
                                 .ret = &h->entries,
                                 .timeout_s = LIST_S};

    ev_timer_stop(h->loop, &h->relist);
    ev_timer_set(&h->relist, RELIST_S, 0.0);
    h->stale = h->listing != NULL;
    if (!h->listing)
        h->listing = peer_ask(h->peer, &ask, on_listed, h, &h->unknown_why);
}

/* ---- what the peer tells ---- */

static void on_up(void *ctx)
{
    struct libvirt_host *h = ctx;

    h->down_since = 0;
    h->look_at_all = true;
    ask_list(h);
    h->hear->up(h);
}

static void on_down(void *ctx, const struct err *why)
{
    struct libvirt_host *h = ctx;

    (void)why;
    if (!h->down_since)
        h->down_since = (int64_t)ev_now(h->loop);
    h->stale = false;
    tell_all(h);
    if (!h->known)
        libvirt_host_tell(h, HV_EVENT_DOMAINS, NULL);
}

static bool may_change_the_list(const char *change)
{
    static const char *const changes[] = {"defined", "undefined", "started", "stopped"};

    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        if (str_eq(change, changes[i]))
            return true;
    return false;
}

static void on_event(void *ctx, const json_t *event)
{
    struct libvirt_host *h = ctx;
    const char *what = json_string_value(json_object_get(event, "what"));
    const char *domain = json_string_value(json_object_get(event, "domain"));
    const char *change = json_string_value(json_object_get(event, "change"));

    if (!what || !domain)
        return;
    if (strcmp(what, "domain") == 0 && may_change_the_list(change))
        ask_list(h);
    if (strcmp(what, "domain") == 0 || strcmp(what, "device") == 0)
        libvirt_host_tell(h, HV_EVENT_DOMAIN, domain);
    h->hear->event(h, domain, event);
}

/* ---- */

void libvirt_host_start(struct libvirt_host *h, const char *uri, const char *program)
{
    static const struct peer_events events = {on_up, on_down, on_event};

    ev_timer_init(&h->telling, on_telling, 0.0, 0.0);
    h->telling.data = h;
    ev_timer_init(&h->relist, on_relist, RELIST_S, 0.0);
    h->relist.data = h;
    h->at = libvirt_at(uri);
    h->local = h->at != LIBVIRT_REMOTE;
    h->peer = peer_new(h->loop, uri, program, &events, h);
}

void libvirt_host_done(struct libvirt_host *h)
{
    struct peer *peer = TAKE_PTR(h->peer);

    peer_free(peer);
    ev_timer_stop(h->loop, &h->telling);
    ev_timer_stop(h->loop, &h->relist);
    for (size_t i = 0; i < h->tell.n; i++)
        free(h->tell.items[i].domain);
    free(h->tell.items);
    domains_clear(h);
}
