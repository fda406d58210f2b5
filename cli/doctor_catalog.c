/* SPDX-License-Identifier: MIT
 *
 * What the catalog, and the owners of a repository's directories, tell a doctor: the same as
 * `status`, with what to do about it.
 */
#include "cli/doctor.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/condition.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/points_look.h"
#include "cli/repository_look.h"
#include "cli/sources.h"
#include "cli/store_ask.h"
#include "storage/catalog/catalog_notify.h"

#define OWNERS_S 20

#define UNSEEN_S (INT64_C(30) * 86400)

static void check_domain(struct findings *l, const struct status_domain *d, int64_t now)
{
    CLEANUP_FREE char *about = xasprintf("%s/%s", d->host, d->domain);

    if (d->protection == PROTECTION_NONE)
        doctor_add(l, about, "policy", false,
                   "name it in a policy's `domains`, or in `unprotected`, then `vmkeep reload`",
                   "no policy selects it: it gets no backups");
    if (d->policies.n > 0 && str_eq(d->state, "unreachable") && d->last_point &&
        now - d->last_point > UNSEEN_S)
        doctor_add(l, about, "seen", false,
                   "see that it runs where the configuration says; or take it out of the policies, "
                   "or name it in `unprotected`",
                   "it cannot be reached, and nothing was seen of it for 30 days%s",
                   d->last_point ? "" : ", or ever");
    for (size_t i = 0; i < d->policies.n; i++) {
        const struct status_policy *p = &d->policies.items[i];

        if (p->lacks)
            doctor_add(l, about, "disks", false,
                       "bring it back (the configuration's disks, when it is shut off), or leave "
                       "it out on purpose with a \"!\" in the policy's disks",
                       "the newest point of policy %s lacks disk %s", p->name, p->lacks);
    }
    for (size_t i = 0; i < d->left_out.n; i++)
        if (d->left_out.items[i].by == LEFT_OUT_ON_PURPOSE)
            doctor_add(l, about, "disks", true, NULL, "%s is not backed up: %s",
                       d->left_out.items[i].name, d->left_out.items[i].why);
    for (size_t i = 0; i < d->reasons.n; i++)
        if (d->reasons.items[i].code == REASON_DISK_FORGOTTEN)
            doctor_add(l, about, "disks", false, "change the policy; see vmkeep-config(5)", "%s",
                       d->reasons.items[i].text);
    if (d->bad_points)
        doctor_add(l, about, "points", false, STATUS_POINTS_ADVICE, "%s", d->bad_points);
}

static const char *warning_is_of(enum reason_code code)
{
    return code == REASON_CRASHED ? "vmkeepd" : code == REASON_CLOCK ? "clock" : "configuration";
}

static void add_warnings(struct findings *l, const struct reason_list *warnings)
{
    for (size_t i = 0; i < warnings->n; i++) {
        const struct reason *r = &warnings->items[i];

        if (r->code == REASON_UNSENT)
            continue; /* told with its target */
        doctor_add(l, warning_is_of(r->code), "warning", r->severity == SEVERITY_NOTE,
                   r->advice ? r->advice : "change the policy; see vmkeep-config(5)", "%s",
                   r->text);
    }
}

static bool is_known(const struct status *s, const char *name)
{
    for (size_t i = 0; i < s->domains.n; i++) {
        CLEANUP_FREE char *host = name_escape(s->domains.items[i].host);
        CLEANUP_FREE char *domain = name_escape(s->domains.items[i].domain);
        CLEANUP_FREE char *known = xasprintf("%s/%s", host, domain);

        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

/* As owner_text, with the time as people have it. */
static char *owner_for_people(const struct owner *o)
{
    char used[TIMEFMT_MAX];

    return xasprintf("vmkeep on %s (catalog %s, %s; last used %s)", o->machine, o->catalog,
                     o->catalog_path, time_local(o->used, used));
}

/* Two daemons may share a repository as long as their domains differ. */
static void check_owners(struct findings *l, const struct status *s,
                         const struct config_repository *c, const char *ours)
{
    CLEANUP_FREE char *about = xasprintf("repository %s", c->name);
    struct repository_view view = {0};
    struct err err = ERR_INIT;

    if (store_ask_view(c->path, OWNERS_S, &view, &err) < 0) {
        if (err.code == ERR_TIMEOUT) /* else it is told already that it cannot be used */
            doctor_add(l, about, "owner", false, "see why the file system is slow, or hangs", "%s",
                       err.msg);
        return;
    }
    for (size_t i = 0; i < view.domains.n; i++) {
        const struct repository_domain *d = &view.domains.items[i];
        CLEANUP_FREE char *owner = NULL;

        if (!d->problem && (!d->owned || strcmp(d->owner.catalog, ours) == 0))
            continue;
        owner = d->problem ? xstrdup(d->problem) : owner_for_people(&d->owner);
        doctor_add(l, about, "owner", !is_known(s, d->name),
                   "give one of the two another name of its host, or another repository, or take "
                   "it over with `vmkeep repository adopt`; see repositories.md",
                   "%s belongs to %s: no job of ours works there", d->name, owner);
    }
    repository_view_done(&view);
}

/* Those that answer: the others are told of, and would be waited for once more. */
static void check_all_owners(struct findings *l, const struct status *s,
                             const struct config *config, const struct status_looks *looks,
                             const char *ours)
{
    for (size_t i = 0; i < config->repositories.n; i++)
        if (!looks->items[i].problem)
            check_owners(l, s, &config->repositories.items[i], ours);
}

/* ---- notifications ---- */

static void check_target(struct findings *l, const struct config_target *t,
                         const struct target_state_list *states)
{
    const struct target_state *s = target_state_find(states, t->name);
    CLEANUP_FREE char *about = xasprintf("target %s", t->name);
    CLEANUP_FREE char *test = xasprintf("`vmkeep notify test %s`", t->name);
    char tested[TIMEFMT_MAX];

    if (s && s->problem)
        doctor_add(l, about, "notify", false, test, "it takes no notifications: %s", s->problem);
    else if (!s || !s->tested)
        doctor_add(l, about, "notify", false, test, "it was never tested");
    else
        doctor_add(l, about, "notify", true, NULL, "tested at %s", time_local(s->tested, tested));
}

static bool hears_of(const struct config *config, enum condition_kind kind)
{
    for (size_t i = 0; i < config->notify.n; i++)
        if (config->notify.items[i].conditions & 1U << kind)
            return true;
    return false;
}

static int check_targets(struct findings *l, const struct config *config, struct catalog *catalog,
                         struct err *err)
{
    CLEANUP(target_state_list_done) struct target_state_list states = {0};

    if (catalog_targets(catalog, &states, err) < 0)
        return -1;
    for (size_t i = 0; i < config->notify.n; i++)
        check_target(l, &config->notify.items[i], &states);
    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];
        CLEANUP_FREE char *about = xasprintf("policy %s", p->name);

        if (p->rpo && !hears_of(config, CONDITION_AT_RISK))
            doctor_add(l, about, "notify", false,
                       "name who is told in `notify` of the configuration, see vmkeep-config(5)",
                       "it makes a promise, and nobody is told when that is broken");
    }
    return 0;
}

static int list_domains(const struct config *config, struct catalog *catalog,
                        const struct doctor_about *about, struct domain_names *ret, struct err *err)
{
    CLEANUP(domain_names_done) struct domain_names known = {0};

    if (about->domain)
        domain_names_add(ret, about->host, about->domain);
    if (about->domain || !about->host)
        return 0;
    if (domains_known(config, catalog, &known, err) < 0)
        return -1;
    for (size_t i = 0; i < known.n; i++)
        if (strcmp(known.items[i].host, about->host) == 0)
            domain_names_add(ret, known.items[i].host, known.items[i].domain);
    return 0;
}

static int gather(const struct config *config, struct catalog *catalog,
                  const struct doctor_about *about, struct status_looks *looks, struct status *ret,
                  struct err *err)
{
    struct status_sources s = {0};
    CLEANUP(domain_names_done) struct domain_names names = {0};
    const struct domain_names *only = about->host ? &names : NULL;
    int rc = sources_open(config, catalog, &s, err);

    if (rc == 0)
        rc = list_domains(config, catalog, about, &names, err);
    if (rc == 0)
        rc = repository_look(config, NULL, catalog, looks, err);
    if (rc == 0)
        rc = points_look(config, catalog, only, looks, err);
    s.looks = looks;
    if (rc == 0)
        rc = status_gather(&s, only, ret, err);
    sources_done(&s);
    return rc;
}

static int examine(struct findings *l, const struct config *config, struct catalog *catalog,
                   const struct doctor_about *about, struct status *status, struct err *err)
{
    CLEANUP(status_looks_done) struct status_looks looks = {0};

    if (gather(config, catalog, about, &looks, status, err) < 0)
        return -1;
    for (size_t i = 0; i < status->domains.n; i++)
        check_domain(l, &status->domains.items[i], status->now);
    add_warnings(l, &status->warnings);
    if (!about->host && check_targets(l, config, catalog, err) < 0)
        return -1;
    if (!about->host)
        check_all_owners(l, status, config, &looks, catalog_id(catalog));
    return 0;
}

int doctor_catalog(struct findings *l, const struct config *config,
                   const struct doctor_about *about)
{
    struct catalog *catalog = NULL;
    struct status status = {.daemon.running = true}; /* it has answered */
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == EXIT_DONE && examine(l, config, catalog, about, &status, &err) < 0)
        code = cli_fail(NULL, &err);
    status_done(&status);
    catalog_close(catalog);
    return code;
}
