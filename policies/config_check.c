/* SPDX-License-Identifier: MIT
 *
 * What can only be judged of the whole configuration: names that must differ, names that must be
 * there, and what is allowed but hardly meant.
 */
#include "policies/config_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/libvirt_uri.h"
#include "base/text.h"
#include "policies/config_promises.h"
#include "policies/selection.h"

#define LISTED_MAX 8

/* A text of the file that is compared with others. */
struct entry {
    char *text; /* owned */
    const struct config_place *place;
};

struct entries {
    struct entry *items;
    size_t n, cap;
};

/* member: what the text is the value of; one that could not be read is left out. */
static void entries_add(struct entries *e, const struct config_reader *r, char *const *member)
{
    const struct config_place *place = config_place_of(r, member);

    if (place)
        *VEC_ADD(e) = (struct entry){xstrdup(*member), place};
}

static int by_text(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->text, y->text);

    if (order == 0)
        order = x->place->line - y->place->line;
    return order ? order : x->place->column - y->place->column;
}

static void entries_sort(struct entries *e)
{
    if (e->n > 0)
        qsort(e->items, e->n, sizeof(*e->items), by_text);
}

static void entries_done(struct entries *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->items[i].text);
    free(e->items);
    *e = (struct entries){0};
}

/* Reports each text that stands there more than once, and empties the list. */
static void want_different(struct config_reader *r, struct entries *e)
{
    entries_sort(e);
    for (size_t i = 1; i < e->n; i++)
        if (strcmp(e->items[i - 1].text, e->items[i].text) == 0)
            config_report_at(r, e->items[i].place, false, "'%s' is there twice, also on line %d",
                             e->items[i].text, e->items[i - 1].place->line);
    entries_done(e);
}

static void check_names(struct config_reader *r, const struct config *c)
{
    struct entries names = {0};

    for (size_t i = 0; i < c->hosts.n; i++)
        entries_add(&names, r, &c->hosts.items[i].name);
    want_different(r, &names);
    for (size_t i = 0; i < c->repositories.n; i++)
        entries_add(&names, r, &c->repositories.items[i].name);
    want_different(r, &names);
    for (size_t i = 0; i < c->policies.n; i++)
        entries_add(&names, r, &c->policies.items[i].name);
    want_different(r, &names);
}

static void check_domains(struct config_reader *r, const struct config_host *h,
                          struct entries *sockets)
{
    struct entries names = {0}, disks = {0};

    for (size_t i = 0; i < h->domains.n; i++) {
        struct config_domain *d = &h->domains.items[i];

        entries_add(&names, r, &d->name);
        entries_add(sockets, r, &d->qmp);
        for (size_t k = 0; k < d->disks.n; k++)
            entries_add(&disks, r, &d->disks.items[k].name);
        want_different(r, &disks);
    }
    want_different(r, &names);
}

static void check_elsewhere(struct config_reader *r, const struct config_host *h,
                            const struct config_place *at)
{
    if (at && (h->driver != DRIVER_LIBVIRT || !h->uri || libvirt_uri_is_local(h->uri)))
        config_report_at(r, at, false, "only a libvirt on another machine has one");
}

/* Of fe80::1%eth0 QEMU over there would listen on all addresses that it has. */
static void check_address(struct config_reader *r, const struct config_host *h)
{
    CLEANUP_FREE char *host = h->address ? xstrdup(h->address) : libvirt_uri_host(h->uri);

    if (strchr(host, '%'))
        config_report_at(
            r, config_place_of(r, h->address ? &h->address : &h->uri), false,
            "an address with an interface (%%) is one of this machine's alone: give an 'address' "
            "without one, or a name, by which its exports are read");
}

static void check_driver(struct config_reader *r, const struct config_host *h)
{
    const struct config_place *host = config_place_of_item(r, h);
    const struct config_place *uri = config_place_of(r, &h->uri);
    const struct config_place *domains = config_place_of(r, &h->domains);

    if (!config_place_of(r, &h->driver))
        return;
    if (h->driver == DRIVER_LIBVIRT && domains)
        config_report_at(r, domains, false, "only driver qemu wants a list; libvirt has its own");
    if (h->driver == DRIVER_LIBVIRT && !uri)
        config_report_at(r, host, false,
                         "'uri' is missing (driver libvirt needs one, such as qemu:///system)");
    if (h->driver == DRIVER_QEMU && uri)
        config_report_at(r, uri, false, "only driver libvirt has a URI");
    check_elsewhere(r, h, config_place_of(r, &h->address));
    if (h->driver == DRIVER_LIBVIRT && uri && !libvirt_uri_is_local(h->uri))
        check_address(r, h);
    check_elsewhere(r, h, config_place_of(r, &h->scratch));
}

static void check_hosts(struct config_reader *r, const struct config *c)
{
    struct entries sockets = {0};

    for (size_t i = 0; i < c->hosts.n; i++) {
        check_driver(r, &c->hosts.items[i]);
        check_domains(r, &c->hosts.items[i], &sockets);
    }
    want_different(r, &sockets); /* a QMP socket takes one client, and is one domain's */
}

/* "//srv/./backup" as "/srv/backup/". */
static char *plain_path(const char *path)
{
    char *ret = xcalloc(strlen(path) + 2, 1), *out = ret;

    *out++ = '/';
    while (*(path += strspn(path, "/"))) {
        size_t len = strcspn(path, "/");

        if (len != 1 || *path != '.') {
            memcpy(out, path, len);
            out[len] = '/';
            out += len + 1;
        }
        path += len;
    }
    return ret;
}

/* No two the same, and none within another. Whatever lies within a path follows it at once when
 * they are sorted, so neighbours are all that must be compared. */
static void check_repositories(struct config_reader *r, const struct config *c)
{
    struct entries paths = {0};

    for (size_t i = 0; i < c->repositories.n; i++)
        entries_add(&paths, r, &c->repositories.items[i].path);
    for (size_t i = 0; i < paths.n; i++) {
        char *given = paths.items[i].text;

        paths.items[i].text = plain_path(given);
        free(given);
    }
    entries_sort(&paths);
    for (size_t i = 1; i < paths.n; i++) {
        const struct entry *outer = &paths.items[i - 1], *e = &paths.items[i];

        if (strcmp(outer->text, e->text) == 0)
            config_report_at(r, e->place, false,
                             "this directory is a repository already, also on line %d",
                             outer->place->line);
        else if (starts_with(e->text, outer->text))
            config_report_at(r, e->place, false, "lies within another repository, on line %d",
                             outer->place->line);
    }
    entries_done(&paths);
}

/* "a (line 12), b (line 15)". Caller frees. */
static char *list_repositories(const struct config_reader *r, const struct config *c)
{
    char *ret = xstrdup("");
    size_t listed = 0;

    for (size_t i = 0; i < c->repositories.n && listed < LISTED_MAX; i++) {
        const struct config_place *place = config_place_of(r, &c->repositories.items[i].name);
        char *old = ret;

        if (!place)
            continue;
        ret = xasprintf("%s%s%s (line %d)", old, listed++ ? ", " : "",
                        c->repositories.items[i].name, place->line);
        free(old);
    }
    return ret;
}

static const char *nearest_repository(const struct config *c, const char *name)
{
    CLEANUP_FREE const char **names = xcalloc(c->repositories.n, sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; i < c->repositories.n; i++)
        if (c->repositories.items[i].name)
            names[n++] = c->repositories.items[i].name;
    return nearest_word(name, names, n);
}

static void check_reference(struct config_reader *r, const struct config *c, char *const *name)
{
    const struct config_place *place = config_place_of(r, name);
    CLEANUP_FREE char *known = NULL;
    const char *near;

    if (!place || config_repository_find(c, *name))
        return;
    known = list_repositories(r, c);
    near = nearest_repository(c, *name);
    if (near)
        config_report_at(r, place, false,
                         "no repository is called '%s'; did you mean '%s'? known: %s", *name, near,
                         known);
    else
        config_report_at(r, place, false, "no repository is called '%s'; known: %s", *name,
                         *known ? known : "none");
}

static void list_secrets(const struct config *c, char **ret)
{
    *ret = xstrdup("");
    for (size_t i = 0; i < c->secrets.n && i < LISTED_MAX; i++) {
        CLEANUP_FREE char *old = *ret;

        *ret = xasprintf("%s%s%s", old, *old ? ", " : "",
                         c->secrets.items[i].name ? c->secrets.items[i].name : "?");
    }
}

/* Compressed clusters of an encrypted image are written by QEMU as they are. */
static void check_encryption(struct config_reader *r, const struct config *c,
                             const struct config_repository *repo)
{
    const struct config_place *place = config_place_of(r, &repo->secret);
    CLEANUP_FREE char *known = NULL;

    if (!place)
        return;
    list_secrets(c, &known);
    if (!config_secret_find(c, repo->secret))
        config_report_at(r, place, false, "no secret is called '%s'; known: %s", repo->secret,
                         *known ? known : "none");
    if (repo->compress != COMPRESS_OFF)
        config_report_at(
            r, place, false,
            "not together with compress: %s: QEMU would write what it compresses in clear text; "
            "leave one of them out",
            compression_name(repo->compress));
}

/* Each in another repository. */
static void check_copies(struct config_reader *r, const struct config *c,
                         const struct config_policy *p)
{
    struct entries names = {0};

    for (size_t i = 0; i < p->copy_to.n; i++) {
        struct config_copies *copy = &p->copy_to.items[i];

        check_reference(r, c, &copy->repository);
        if (copy->repository && str_eq(copy->repository, p->repository))
            config_report_at(r, config_place_of(r, &copy->repository), false,
                             "'%s' is the policy's own repository; copies go into another one",
                             copy->repository);
        entries_add(&names, r, &copy->repository);
    }
    want_different(r, &names);
}

/* A pull's socket is made in a directory of the job's there. */
static void check_scratch(struct config_reader *r, const struct config_policy *p)
{
    const struct config_place *place = config_place_of(r, &p->scratch);

    if (p->mode == MODE_PULL && p->scratch && strlen(p->scratch) > CONFIG_SCRATCH_PULL_MAX)
        config_report_at(
            r, place ? place : config_place_of(r, &p->mode), false,
            "scratch '%s' is too long for a socket in it: mode pull needs at most %d bytes",
            p->scratch, CONFIG_SCRATCH_PULL_MAX);
}

void config_check_errors(struct config_reader *r, const struct config *config)
{
    check_names(r, config);
    check_hosts(r, config);
    check_repositories(r, config);
    for (size_t i = 0; i < config->repositories.n; i++)
        check_encryption(r, config, &config->repositories.items[i]);
    for (size_t i = 0; i < config->policies.n; i++)
        check_reference(r, config, &config->policies.items[i].repository);
    for (size_t i = 0; i < config->policies.n; i++)
        check_copies(r, config, &config->policies.items[i]);
    for (size_t i = 0; i < config->policies.n; i++)
        check_scratch(r, &config->policies.items[i]);
    config_check_notify(r, config);
    config_check_web(r, config);
}

static bool only_takes_away(const struct strlist *globs)
{
    for (size_t i = 0; i < globs->n; i++)
        if (globs->items[i][0] != '!')
            return false;
    return true;
}

static bool selects_any(const struct config *c, const struct config_policy *p)
{
    for (size_t i = 0; i < c->hosts.n; i++) {
        const struct config_host *h = &c->hosts.items[i];

        for (size_t k = 0; k < h->domains.n; k++)
            if (selection_matches_domain(&p->domains, h->name, h->domains.items[k].name))
                return true;
    }
    return false;
}

/* Are all domains known from the configuration alone? */
static bool knows_domains(const struct config *c)
{
    for (size_t i = 0; i < c->hosts.n; i++)
        if (c->hosts.items[i].driver != DRIVER_QEMU)
            return false;
    return c->hosts.n > 0; /* without hosts there is a warning for that already */
}

/* Who writes 30m may have minutes in mind, as in 'rpo'. */
static bool looks_like_minutes(const struct span *s)
{
    return s->months > 12 && !s->years && !s->days && !s->hours;
}

static void warn_of_keep(struct config_reader *r, const struct retention *keep)
{
    const struct config_place *place = config_place_of(r, keep);

    if (place && !retention_is_set(keep))
        config_report_at(r, place, true,
                         "no rule counts more than 0: every point is kept, for ever");
    for (int p = 0; p < PERIOD_COUNT; p++)
        if (looks_like_minutes(&keep->within[p]))
            config_report_at(r, place, true,
                             "%s: %dm is %d months: a span has no minutes (hours are h, as in 12h)",
                             retention_rule_name((enum retention_period)p, true),
                             keep->within[p].months, keep->within[p].months);
}

static void warn_of_policy(struct config_reader *r, const struct config *c,
                           const struct config_policy *p)
{
    const struct config_place *domains = config_place_of(r, &p->domains);
    const struct config_place *disks = config_place_of(r, &p->disks);

    if (p->incremental.n == 0 && p->full.n == 0)
        config_report_at(r, config_place_of_item(r, p), true,
                         "has no schedule: it runs only when it is asked to");
    if (only_takes_away(&p->domains))
        config_report_at(r, domains, true,
                         "selects no domain: every glob takes away; put \"*\" before them");
    else if (knows_domains(c) && !selects_any(c, p))
        config_report_at(r, domains, true, "selects none of the hosts' domains");
    if (disks && only_takes_away(&p->disks))
        config_report_at(r, disks, true,
                         "selects no disk: every glob takes away; put \"*\" before them");
    warn_of_keep(r, &p->keep);
}

static void warn_of_host(struct config_reader *r, const struct config_host *h)
{
    if (h->driver == DRIVER_QEMU && h->domains.n == 0)
        config_report_at(r, config_place_of_item(r, h), true,
                         "has no domains: nothing of it is backed up");
}

/* A glob that names nothing was mistyped, or what it named is gone. */
static void warn_of_idle_globs(struct config_reader *r, const struct config *c)
{
    for (size_t i = 0; i < c->unprotected.n; i++) {
        const char *glob = c->unprotected.items[i];
        const struct strlist one = {.items = &c->unprotected.items[i], .n = 1};
        bool found = *glob == '!';

        for (size_t h = 0; h < c->hosts.n && !found; h++)
            for (size_t k = 0; k < c->hosts.items[h].domains.n && !found; k++)
                found = selection_matches_domain(&one, c->hosts.items[h].name,
                                                 c->hosts.items[h].domains.items[k].name);
        if (!found)
            config_report_at(r, config_place_of(r, &c->unprotected), true, "'%s' matches no domain",
                             glob);
    }
}

/* A policy that selects a domain has the last word. */
static void warn_of_unprotected(struct config_reader *r, const struct config *c,
                                const struct config_host *h, const struct config_domain *d)
{
    if (!selection_matches_domain(&c->unprotected, h->name, d->name))
        return;
    for (size_t i = 0; i < c->policies.n; i++)
        if (selection_matches_domain(&c->policies.items[i].domains, h->name, d->name))
            config_report_at(r, config_place_of(r, &c->unprotected), true,
                             "%s/%s is left out here, and policy '%s' backs it up all the same",
                             h->name, d->name, c->policies.items[i].name);
}

static void warn_of_promises(struct config_reader *r, const struct config *c,
                             const struct config_policy *p, const struct zone *zone)
{
    const struct config_place *rpo = config_place_of(r, &p->rpo);
    const struct config_place *quiesce = config_place_of(r, &p->quiesce);
    CLEANUP_FREE char *late = zone && rpo ? config_broken_rpo(p, zone) : NULL;
    const struct config_place *max_age = config_place_of(r, &p->verify.max_age);
    CLEANUP_FREE char *old = zone && max_age ? config_broken_max_age(p, zone) : NULL;
    CLEANUP_FREE char *loud = quiesce ? config_broken_quiesce(c, p) : NULL;

    if (late)
        config_report_at(r, rpo, true, "%s", late);
    if (old)
        config_report_at(r, max_age, true, "%s", old);
    if (loud)
        config_report_at(r, quiesce, true, "%s", loud);
}

/* Summer time moves a gap by an hour at most, so which zone it is does not matter. */
static void warn_of_all_promises(struct config_reader *r, const struct config *c)
{
    struct err ignored = ERR_INIT; /* without a zone database nothing is said */
    struct zone *zone = NULL;

    if (zone_open("UTC", &zone, &ignored) < 0)
        zone = NULL;
    for (size_t i = 0; i < c->policies.n; i++)
        warn_of_promises(r, c, &c->policies.items[i], zone);
    zone_free(zone);
}

void config_check_warnings(struct config_reader *r, const struct config *config)
{
    if (config->hosts.n == 0)
        config_report(r, 0, 0, true, "there are no hosts: nothing is backed up");
    if (config->policies.n == 0)
        config_report(r, 0, 0, true, "there are no policies: nothing is backed up");
    for (size_t i = 0; i < config->hosts.n; i++)
        warn_of_host(r, &config->hosts.items[i]);
    for (size_t i = 0; i < config->policies.n; i++)
        warn_of_policy(r, config, &config->policies.items[i]);
    warn_of_all_promises(r, config);
    config_check_calendars(r, config);
    if (config->unprotected.n > 0 && only_takes_away(&config->unprotected))
        config_report_at(r, config_place_of(r, &config->unprotected), true,
                         "leaves no domain out: every glob takes away");
    if (knows_domains(config))
        warn_of_idle_globs(r, config);
    for (size_t i = 0; i < config->hosts.n; i++)
        for (size_t k = 0; k < config->hosts.items[i].domains.n; k++)
            warn_of_unprotected(r, config, &config->hosts.items[i],
                                &config->hosts.items[i].domains.items[k]);
}
