/* SPDX-License-Identifier: MIT
 *
 * The sum of a status: all its reasons in a row, how bad it is, and the line that says so.
 */
#include "report/model.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

static void tell(const struct reason_list *l, const struct status_about *about,
                 status_on_reason *each, void *arg)
{
    for (size_t i = 0; i < l->n; i++)
        each(arg, about, &l->items[i]);
}

void status_reasons(const struct status *s, status_on_reason *each, void *arg)
{
    tell(&s->daemon.reasons, &(struct status_about){.daemon = true}, each, arg);
    for (size_t i = 0; i < s->domains.n; i++) {
        const struct status_domain *d = &s->domains.items[i];

        for (size_t k = 0; k < d->policies.n; k++)
            tell(&d->policies.items[k].reasons,
                 &(struct status_about){.domain = d, .policy = &d->policies.items[k]}, each, arg);
        tell(&d->reasons, &(struct status_about){.domain = d}, each, arg);
    }
    for (size_t i = 0; i < s->repositories.n; i++)
        tell(&s->repositories.items[i].reasons,
             &(struct status_about){.repository = &s->repositories.items[i]}, each, arg);
    tell(&s->warnings, &(struct status_about){0}, each, arg);
}

static void note_severity(void *arg, const struct status_about *about, const struct reason *r)
{
    enum severity *worst = arg;

    (void)about;
    if (r->severity > *worst)
        *worst = r->severity;
}

enum severity status_severity(const struct status *s)
{
    enum severity ret = SEVERITY_NOTE;

    status_reasons(s, note_severity, &ret);
    return ret;
}

static void count_act(void *arg, const struct status_about *about, const struct reason *r)
{
    struct status_counts *n = arg;

    if (r->severity != SEVERITY_ACT || about->daemon || about->repository)
        return;
    n->acts++;
    if (!strlist_has(&n->codes, reason_name(r->code)))
        strlist_add(&n->codes, reason_name(r->code));
}

void status_counts_done(struct status_counts *n)
{
    strlist_done(&n->codes);
}

/* "2 more things to see to: points-bad, unreachable" */
static char *acts_text(const struct status_counts *n)
{
    char *ret = xasprintf("%zu more thing%s to see to: ", n->acts, plural_s(n->acts));

    for (size_t i = 0; i < n->codes.n; i++) {
        char *old = ret;

        ret = xasprintf("%s%s%s", old, i > 0 ? ", " : "", n->codes.items[i]);
        free(old);
    }
    return ret;
}

struct status_counts status_count(const struct status *s)
{
    struct status_counts ret = {0};

    for (size_t i = 0; i < s->domains.n; i++)
        ret.domains[s->domains.items[i].protection]++;
    for (size_t i = 0; i < s->repositories.n; i++)
        ret.repositories += reasons_severity(&s->repositories.items[i].reasons) != SEVERITY_NOTE;
    status_reasons(s, count_act, &ret);
    return ret;
}

/* "1 domain at risk, 2 protected": the worst first. Caller frees. */
static char *domains_text(const struct status_counts *n)
{
    static const enum protection order[] = {PROTECTION_AT_RISK, PROTECTION_NONE, PROTECTION_GOOD,
                                            PROTECTION_LEFT_OUT, PROTECTION_GONE};
    char *ret = NULL;

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        size_t count = n->domains[order[i]];
        char *old = ret;

        if (count == 0)
            continue;
        ret = old ? xasprintf("%s, %zu %s", old, count, protection_name(order[i]))
                  : xasprintf("%zu domain%s %s", count, plural_s(count), protection_name(order[i]));
        free(old);
    }
    return ret ? ret : xstrdup("no domains are known");
}

static void append(char **text, char *more)
{
    char *old = *text;

    *text = xasprintf("%s; %s", old, more);
    free(old);
    free(more);
}

static const char *daemon_text(const struct status_daemon *d)
{
    switch (d->reasons.n > 0 ? d->reasons.items[0].code : REASON_KEPT) {
    case REASON_DAEMON_DOWN:
        return "vmkeepd is not running";
    case REASON_DAEMON_SILENT:
        return "vmkeepd does not answer";
    case REASON_DAEMON_DENIED:
        return "vmkeepd may not be asked";
    case REASON_CATALOG:
        return "vmkeepd cannot write to its catalog";
    default:
        return NULL;
    }
}

char *status_summary(const struct status *s)
{
    static const char *const words[] = {
        [SEVERITY_NOTE] = "OK", [SEVERITY_ACT] = "ACT", [SEVERITY_RISK] = "NOT PROTECTED"};
    CLEANUP(status_counts_done) struct status_counts n = status_count(s);
    const char *daemon = daemon_text(&s->daemon);
    char *domains = domains_text(&n);
    char *ret = xasprintf("%s: %s", words[status_severity(s)], domains);

    free(domains);
    if (daemon)
        append(&ret, xstrdup(daemon));
    if (n.repositories > 0)
        append(&ret, xasprintf("%zu repositor%s to see to", n.repositories,
                               n.repositories == 1 ? "y" : "ies"));
    if (n.acts > 0)
        append(&ret, acts_text(&n));
    return ret;
}
