/* SPDX-License-Identifier: MIT
 *
 * The sum first, then what is wrong with the daemon, then the domains, the worst first: a row for
 * each policy of each, and below it, where there is something to say, why, and what to do.
 */
#include "report/text.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/table.h"
#include "report/wrap.h"

#define WHY "  why: "
#define NOTE "  note: "
#define DO "  do: "

static void print_line(const char *text, FILE *out)
{
    print_paragraph(out, 0, "", text);
}

/* The line that a monitoring system shows is one, however long it is. */
static void print_first(const char *text, FILE *out)
{
    if (isatty(fileno(out))) {
        print_line(text, out);
    } else {
        print_plain(text, out);
        fputc('\n', out);
    }
}

static void print_daemon(const struct status_daemon *d, FILE *out)
{
    CLEANUP_FREE char *line = NULL;
    CLEANUP_FREE char *why = reasons_text(&d->reasons);
    CLEANUP_FREE char *advice = reasons_advice(&d->reasons);
    char started[TIMEFMT_MAX];

    /* A clock without a battery may have stood at 0 when it began. */
    if (d->running)
        line = xasprintf(
            "vmkeepd %s %s%s%s: %lld job%s running, %lld queued", d->version ? d->version : "",
            d->starting ? "is starting, and looks at hosts and repositories" : "runs",
            d->started ? " since " : "", d->started ? time_local(d->started, started) : "",
            (long long)d->jobs_running, plural_s((uint64_t)d->jobs_running),
            (long long)d->jobs_queued);
    else
        line = xasprintf("vmkeepd: %s", d->problem ? d->problem : "not running");
    print_line(line, out);
    if (d->running && *why)
        print_paragraph(out, text_width(WHY), WHY, why);
    if (advice)
        print_paragraph(out, text_width(DO), DO, advice);
}

/* ---- domains ---- */

/* Those of at least that severity, or all, joined; NULL: none. Caller frees.  What is so of all
 * domains of a host is said once, below. */
static char *select_texts(const struct reason_list *l, bool serious)
{
    struct reason_list some = {0};
    char *ret;

    for (size_t i = 0; i < l->n; i++)
        if ((l->items[i].severity != SEVERITY_NOTE) == serious && l->items[i].code != REASON_UNSAFE)
            *VEC_ADD(&some) = l->items[i];
    ret = some.n > 0 ? reasons_text(&some) : NULL;
    free(some.items);
    return ret;
}

static void add_reasons(struct table *t, const struct reason_list *l)
{
    CLEANUP_FREE char *why = select_texts(l, true);
    CLEANUP_FREE char *note = select_texts(l, false);
    CLEANUP_FREE char *advice = reasons_advice(l);

    table_note(t, WHY, why);
    if (why)
        table_note(t, DO, advice);
    table_note(t, NOTE, note);
    if (!why)
        table_note(t, DO, advice);
}

static void add_when(struct table *t, const struct status_policy *p, int64_t now)
{
    char text[TIMEFMT_MAX];

    /* One that looks at its domain first is not written down as running yet. */
    if (p->active && p->is_running)
        table_cell(t, "runs now");
    else if (p->active)
        table_cellf(t, "job %lld", (long long)p->active);
    else if (!p->next_run)
        table_cell(t, NULL);
    else if (p->next_run < now)
        table_cell(t, "overdue");
    else
        table_cellf(t, "in %s", duration_text(p->next_run - now, text));
}

static void add_age(struct table *t, int64_t point, int64_t now)
{
    char text[TIMEFMT_MAX];

    if (point)
        table_cellf(t, "%s ago", duration_text(now - point, text));
    else
        table_cell(t, NULL);
}

/* What to say of a policy below its row: all of it where it is not well, its last failure where it
 * is. */
static void add_policy_reasons(struct table *t, const struct status_policy *p)
{
    CLEANUP_FREE char *all = reasons_text(&p->reasons);
    CLEANUP_FREE char *advice = reasons_advice(&p->reasons);

    if (p->reasons.n == 1 && p->reasons.items[0].code == REASON_KEPT)
        return;
    table_note(t, reasons_severity(&p->reasons) == SEVERITY_NOTE ? NOTE : WHY, all);
    if (p->counts || reasons_severity(&p->reasons) != SEVERITY_NOTE)
        table_note(t, DO, advice);
}

/* In how many the newest good point lies. */
static void add_places(struct table *t, const struct status_policy *p)
{
    size_t n = p->last_good != 0;

    for (size_t i = 0; i < p->copies.n; i++)
        n += p->copies.items[i].has_newest;
    table_cellf(t, "%zu", n);
}

static void add_policy(struct table *t, const struct status_domain *d,
                       const struct status_policy *p, int64_t now, bool places)
{
    bool good = p->protection == PROTECTION_GOOD;
    char rpo[TIMEFMT_MAX];

    table_cellf(t, "%s/%s", d->host, d->domain);
    table_cell(t, p->name);
    if (!p->counts && !good)
        table_cell(t, "no promise");
    else
        table_cell_coloured(t, good ? COLOUR_GREEN : COLOUR_RED, protection_name(p->protection));
    add_age(t, p->last_good, now);
    table_cell(t, p->rpo ? duration_text(p->rpo, rpo) : NULL);
    add_when(t, p, now);
    if (places)
        add_places(t, p);
    add_policy_reasons(t, p);
}

static void add_domain(struct table *t, const struct status_domain *d, int64_t now, bool places)
{
    for (size_t i = 0; i < d->policies.n; i++)
        add_policy(t, d, &d->policies.items[i], now, places);
    if (d->policies.n == 0) {
        table_cellf(t, "%s/%s", d->host, d->domain);
        table_cell(t, NULL);
        table_cell_coloured(t, d->protection == PROTECTION_NONE ? COLOUR_RED : COLOUR_NONE,
                            protection_name(d->protection));
        add_age(t, d->last_point, now);
        table_cell(t, NULL);
        table_cell(t, NULL);
        if (places)
            table_cell(t, NULL);
    }
    add_reasons(t, &d->reasons);
}

static bool has_copies(const struct status *s)
{
    for (size_t i = 0; i < s->domains.n; i++)
        for (size_t k = 0; k < s->domains.items[i].policies.n; k++)
            if (s->domains.items[i].policies.items[k].copies.n > 0)
                return true;
    return false;
}

static void print_domains(const struct status *s, FILE *out)
{
    static const char *const titles[] = {"/DOMAIN",  "POLICY",   "STATUS", "LAST POINT",
                                         "PROMISED", "NEXT RUN", ">PLACES"};
    bool places = has_copies(s);
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles) - !places);

    for (int r = 0; r < STATUS_RANKS; r++)
        for (size_t i = 0; i < s->domains.n; i++)
            if (status_rank(&s->domains.items[i]) == r)
                add_domain(t, &s->domains.items[i], s->now, places);
    table_print_or(t, "No domains are known: they are those of the hosts in the configuration.",
                   out);
}

/* ---- the rest ---- */

static void print_repositories(const struct status *s, FILE *out)
{
    static const char *const titles[] = {"REPOSITORY", "STATE", ">FREE", ">OF", "/PATH"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < s->repositories.n; i++) {
        const struct status_repository *r = &s->repositories.items[i];
        bool fine = reasons_severity(&r->reasons) == SEVERITY_NOTE;
        char size[SIZE_TEXT_MAX];

        table_cell(t, r->name);
        table_cell_coloured(t, fine ? COLOUR_NONE : COLOUR_RED,
                            !fine      ? "problem"
                            : r->state ? r->state
                                       : "not seen yet");
        table_cell(t, r->has_space ? size_text(r->free, size) : NULL);
        table_cell(t, r->has_space ? size_text(r->total, size) : NULL);
        table_cell(t, r->path);
        add_reasons(t, &r->reasons);
    }
    if (s->repositories.n > 0)
        fputc('\n', out);
    table_print(t, out);
}

static const char *unsafe_text(const struct status_domain *d)
{
    for (size_t i = 0; i < d->reasons.n; i++)
        if (d->reasons.items[i].code == REASON_UNSAFE)
            return d->reasons.items[i].text;
    return NULL;
}

/* Each text once, with the domains of which it is true. */
static void print_unsafe(const struct status *s, FILE *out)
{
    CLEANUP(strlist_done) struct strlist told = {0};

    for (size_t i = 0; i < s->domains.n; i++) {
        const char *text = unsafe_text(&s->domains.items[i]);
        char *line;

        if (!text || strlist_has(&told, text))
            continue;
        line = xasprintf("note: %s:", text);
        for (size_t k = i; k < s->domains.n; k++) {
            const struct status_domain *d = &s->domains.items[k];
            CLEANUP_FREE char *before = line;

            line = str_eq(unsafe_text(d), text)
                       ? xasprintf("%s%s %s/%s", before, k == i ? "" : ",", d->host, d->domain)
                       : xstrdup(before);
        }
        if (told.n == 0)
            fputc('\n', out);
        print_line(line, out);
        free(line);
        strlist_add(&told, text);
    }
}

static void print_warnings(const struct status *s, FILE *out)
{
    for (size_t i = 0; i < s->warnings.n; i++) {
        const struct reason *w = &s->warnings.items[i];
        CLEANUP_FREE char *text =
            xasprintf("%s: %s", w->severity == SEVERITY_NOTE ? "note" : "warning", w->text);

        if (i == 0)
            fputc('\n', out);
        print_line(text, out);
        if (w->advice)
            print_paragraph(out, text_width(DO), DO, w->advice);
    }
}

void report_status_text(const struct status *s, FILE *out)
{
    CLEANUP_FREE char *summary = status_summary(s);

    print_first(summary, out);
    fputc('\n', out);
    print_daemon(&s->daemon, out);
    fputc('\n', out);
    print_domains(s, out);
    print_repositories(s, out);
    print_unsafe(s, out);
    print_warnings(s, out);
}
