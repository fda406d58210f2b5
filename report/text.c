/* SPDX-License-Identifier: MIT */
#include "report/text.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "report/table.h"

static void print_daemon(const struct status_daemon *d, FILE *out)
{
    char started[TIMEFMT_MAX];

    if (!d->running) {
        fputs("vmkeepd: ", out);
        print_plain(d->problem ? d->problem : "not running", out);
        fputs("\n\n", out);
        return;
    }
    fputs("vmkeepd ", out);
    print_plain(d->version ? d->version : "", out);
    /* A clock without a battery may have stood at 0 when it began. */
    fprintf(out, " runs%s%s: %lld job%s running, %lld queued\n\n", d->started ? " since " : "",
            d->started ? time_local(d->started, started) : "", (long long)d->jobs_running,
            d->jobs_running == 1 ? "" : "s", (long long)d->jobs_queued);
}

static void add_domain(struct table *t, const struct status_domain *d, int64_t now)
{
    enum table_colour colour = d->protection == PROTECTION_GOOD ? COLOUR_GREEN : COLOUR_RED;
    char last[TIMEFMT_MAX], next[TIMEFMT_MAX];

    table_cellf(t, "%s/%s", d->host, d->domain);
    table_cell_coloured(t, colour, protection_name(d->protection));
    table_cell(t, time_local(d->last_point, last));
    table_cell(t, d->next_run && d->next_run < now ? "overdue" : time_local(d->next_run, next));
    table_cell(t, d->reason);
}

static void print_note(const struct status_domain *d, const char *what, const char *text, FILE *out)
{
    if (!text)
        return;
    fputs("note: ", out);
    print_plain(d->host, out);
    fputc('/', out);
    print_plain(d->domain, out);
    fprintf(out, ": %s", what);
    print_plain(text, out);
    fputc('\n', out);
}

static void print_frozen(const struct status_domain *d, FILE *out)
{
    char since[TIMEFMT_MAX];
    CLEANUP_FREE char *text = NULL;

    if (!d->frozen_since)
        return;
    text = xasprintf("the guest's file systems are perhaps frozen since %s: %s",
                     time_local(d->frozen_since, since), STATUS_THAW_ADVICE);
    print_note(d, "", text, out);
}

static void print_bad_points(const struct status_domain *d, FILE *out)
{
    CLEANUP_FREE char *text =
        d->bad_points ? xasprintf("%s; %s", d->bad_points, STATUS_POINTS_ADVICE) : NULL;

    print_note(d, "", text, out);
}

/* "not backed up: cd (an empty drive), vdb (a policy's disks leave it out)" */
static void print_left_out(const struct status_domain *d, FILE *out)
{
    char *text = NULL;

    for (size_t i = 0; i < d->left_out.n; i++) {
        const struct status_left_out *k = &d->left_out.items[i];
        char *more = xasprintf("%s%s%s (%s)", text ? text : "", text ? ", " : "", k->name, k->why);

        free(text);
        text = more;
    }
    print_note(d, "not backed up: ", text, out);
    free(text);
}

/* The worst first: at risk, unprotected, protected; of these by what else there is to say. */
static int rank(const struct status_domain *d)
{
    static const int of[] = {
        [PROTECTION_AT_RISK] = 0, [PROTECTION_NONE] = 2, [PROTECTION_GOOD] = 4};

    return of[d->protection] + (d->frozen_since || d->bad_points ? 0 : 1);
}

static const struct status_domain **worst_first(const struct status *s)
{
    const struct status_domain **ret = xcalloc(s->domains.n + 1, sizeof(*ret));
    size_t n = 0;

    for (int r = 0; r < 6; r++)
        for (size_t i = 0; i < s->domains.n; i++)
            if (rank(&s->domains.items[i]) == r)
                ret[n++] = &s->domains.items[i];
    return ret;
}

static void print_domains(const struct status *s, FILE *out)
{
    static const char *const titles[] = {"DOMAIN", "STATUS", "LAST POINT", "NEXT RUN", "WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    CLEANUP_FREE const struct status_domain **order = worst_first(s);

    for (size_t i = 0; i < s->domains.n; i++)
        add_domain(t, order[i], s->now);
    table_print(t, out);
    if (s->domains.n == 0)
        fputs("No domains are known.\n", out);
    for (size_t i = 0; i < s->domains.n; i++) {
        const struct status_domain *d = order[i];

        print_frozen(d, out);
        print_bad_points(d, out);
        print_note(d, "guest-safe copy not possible: ", d->unsafe, out);
        print_note(d, "", d->aside, out);
        print_left_out(d, out);
    }
}

static void print_repositories(const struct status *s, FILE *out)
{
    static const char *const titles[] = {"REPOSITORY", "STATE", ">FREE", ">OF", "PATH"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < s->repositories.n; i++) {
        const struct status_repository *r = &s->repositories.items[i];
        char size[SIZE_TEXT_MAX];

        table_cell(t, r->name);
        /* Why it is one stands below the table, which it would make as wide as itself. */
        table_cell_coloured(t, r->problem ? COLOUR_RED : COLOUR_NONE,
                            r->problem ? "problem"
                            : r->state ? r->state
                                       : "not seen yet");
        table_cell(t, r->has_space ? size_text(r->free, size) : NULL);
        table_cell(t, r->has_space ? size_text(r->total, size) : NULL);
        table_cell(t, r->path);
    }
    if (s->repositories.n > 0)
        fputc('\n', out);
    table_print(t, out);
    for (size_t i = 0; i < s->repositories.n; i++) {
        const struct status_repository *r = &s->repositories.items[i];
        CLEANUP_FREE char *text =
            r->problem ? xasprintf("repository %s: %s; see 'vmkeep doctor'", r->name, r->problem)
                       : NULL;

        if (!text)
            continue;
        fputs("note: ", out);
        print_plain(text, out);
        fputc('\n', out);
    }
}

void report_status_text(const struct status *s, FILE *out)
{
    print_daemon(&s->daemon, out);
    print_domains(s, out);
    print_repositories(s, out);
    for (size_t i = 0; i < s->warnings.n; i++) {
        fputs(i == 0 ? "\nwarning: " : "warning: ", out);
        print_plain(s->warnings.items[i], out);
        fputc('\n', out);
    }
}
