/* SPDX-License-Identifier: MIT
 *
 * What can only be judged of a target of notifications as a whole.
 */
#include "policies/config_priv.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void complain(struct config_reader *r, const struct config_place *at, const char *why)
{
    if (at)
        config_report_at(r, at, false, "%s", why);
}

static void check_url(struct config_reader *r, const struct config_url *u,
                      const struct config_place *item)
{
    const struct config_place *file = config_place_of(r, &u->url_file);

    if (u->url && u->url_file)
        complain(r, file, "url is there, too: leave one of them out");
    else if (u->ca && !config_url_given(u))
        complain(r, item, "url or url_file is missing");
}

static void check_mail(struct config_reader *r, const struct config_mail *m)
{
    const struct config_place *via = config_place_of(r, &m->via);
    const char *host = strstr(m->via ? m->via : "", "://");
    bool smtp = host && (starts_with(m->via, "smtp://") || starts_with(m->via, "smtps://"));

    for (size_t i = 0; i < m->to.n; i++)
        if (strpbrk(m->to.items[i], " \t,;<>\"") || m->to.items[i][0] == '-')
            complain(r, config_place_of(r, &m->to),
                     "each is a plain address, such as ops@example.org");
    if (m->from && (strpbrk(m->from, " \t,;<>\"") || m->from[0] == '-'))
        complain(r, config_place_of(r, &m->from),
                 "it is a plain address, such as vmkeep@example.org");
    if (via && !str_eq(m->via, "sendmail") && (!smtp || !host[3] || strpbrk(host + 3, "/@ ")))
        complain(r, via, "it is sendmail, or smtp:// or smtps:// with HOST[:PORT]");
    if (!smtp && (m->credentials || m->ca))
        complain(r, config_place_of(r, m->credentials ? &m->credentials : &m->ca),
                 "only smtp:// and smtps:// have one");
}

static size_t kinds_of(const struct config_target *t)
{
    return (size_t)(t->mail.to.n > 0) + config_url_given(&t->webhook.at) +
           config_url_given(&t->healthchecks.at) + (t->command.n > 0);
}

static void check_kind(struct config_reader *r, const struct config_target *t,
                       const struct config_place *item)
{
    size_t kinds = kinds_of(t);

    if (kinds == 0)
        complain(r, item,
                 "it does not say who is told: one of mail, webhook and healthchecks (with a url "
                 "or url_file), command");
    else if (kinds > 1)
        complain(
            r, item,
            "it names several who are told: make a target of each, for each is told by itself");
}

/* A check knows no more than well and not well, and Alertmanager takes alerts. */
static void check_what(struct config_reader *r, const struct config_target *t,
                       const struct config_place *item)
{
    const struct config_place *report = config_place_of(r, &t->report);
    bool check = config_url_given(&t->healthchecks.at);

    if (report && (check || t->webhook.format == WEBHOOK_ALERTMANAGER))
        complain(r, report, check ? "a check takes no reports" : "Alertmanager takes no reports");
    else if (!report && !t->conditions && kinds_of(t) > 0)
        complain(r, item, "it is told nothing: give it conditions, or a report");
}

static void check_target(struct config_reader *r, const struct config_target *t)
{
    const struct config_place *item = config_place_of_item(r, t);

    check_kind(r, t, item);
    check_url(r, &t->webhook.at, item);
    check_url(r, &t->healthchecks.at, item);
    check_mail(r, &t->mail);
    check_what(r, t, item);
    if (t->command.n > 0 && t->command.items[0][0] != '/')
        complain(r, config_place_of(r, &t->command),
                 "a program is named by its absolute path (it must begin with '/')");
}

/* The names under which the catalog knows what each was told. */
static void check_names(struct config_reader *r, const struct config *c)
{
    for (size_t i = 0; i < c->notify.n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct config_target *a = &c->notify.items[k], *b = &c->notify.items[i];
            CLEANUP_FREE char *why = xasprintf(
                "target %zu is called '%s', too: give each a name of its own", k + 1, a->name);

            if (kinds_of(a) && kinds_of(b) && str_eq(a->name, b->name)) {
                complain(r, config_place_of_item(r, b), why);
                break;
            }
        }
}

void config_check_notify(struct config_reader *r, const struct config *c)
{
    for (size_t i = 0; i < c->notify.n; i++)
        check_target(r, &c->notify.items[i]);
    check_names(r, c);
    for (size_t i = 0; i < c->policies.n; i++)
        check_url(r, &c->policies.items[i].healthchecks,
                  config_place_of_item(r, &c->policies.items[i]));
}
