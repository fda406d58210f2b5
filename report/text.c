/* SPDX-License-Identifier: MIT */
#include "report/text.h"

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
    fprintf(out, " runs since %s: %lld job%s running, %lld queued\n\n",
            time_local(d->started, started), (long long)d->jobs_running,
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

static void print_domains(const struct status *s, FILE *out)
{
    static const char *const titles[] = {"DOMAIN", "STATUS", "LAST POINT", "NEXT RUN", "WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < s->domains.n; i++)
        add_domain(t, &s->domains.items[i], s->now);
    table_print(t, out);
    if (s->domains.n == 0)
        fputs("No domains are known.\n", out);
    for (size_t i = 0; i < s->domains.n; i++) {
        const struct status_domain *d = &s->domains.items[i];

        print_frozen(d, out);
        print_note(d, "guest-safe copy not possible: ", d->unsafe, out);
        print_note(d, "", d->aside, out);
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
        table_cell_coloured(t, r->problem ? COLOUR_RED : COLOUR_NONE,
                            r->problem ? r->problem
                            : r->state ? r->state
                                       : "not seen yet");
        table_cell(t, r->has_space ? size_text(r->free, size) : NULL);
        table_cell(t, r->has_space ? size_text(r->total, size) : NULL);
        table_cell(t, r->path);
    }
    if (s->repositories.n > 0)
        fputc('\n', out);
    table_print(t, out);
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
