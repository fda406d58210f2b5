/* SPDX-License-Identifier: MIT */
#include "web/places.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/preview.h"
#include "report/gather/due_json.h"
#include "report/gather/month.h"
#include "report/html.h"
#include "report/json.h"
#include "storage/catalog/catalog_room.h"

#define NEXT_SHOWN 10
#define NEXT_OF_KIND 4
#define MONTHS_AHEAD 1  /* beside this one */
#define MONTHS_KEPT 12  /* whose ends are shown, */
#define RUNS_SHOWN 3000 /* while there are no more than these */

static FILE *begin(struct text *t)
{
    FILE *ret = open_memstream(&t->text, &t->n);

    if (!ret)
        abort(); /* there is no memory */
    return ret;
}

/* ---- a repository ---- */

static const struct status_repository *find_repository(const struct status *s, const char *name)
{
    for (size_t i = 0; i < s->repositories.n; i++)
        if (str_eq(s->repositories.items[i].name, name))
            return &s->repositories.items[i];
    return NULL;
}

static json_t *room_json(const struct room_list *room)
{
    json_t *ret = json_array();

    for (size_t i = 0; room && i < room->n; i++)
        json_array_append_new(
            ret, json_pack("{s:o, s:o, s:o}", "at", report_json_time(room->items[i].at), "free",
                           report_json_number((int64_t)room->items[i].free), "total",
                           report_json_number((int64_t)room->items[i].total)));
    return ret;
}

int places_repository(const struct status_sources *d, const struct snapshot *s, const char *name,
                      bool json, struct text *ret, struct err *err)
{
    CLEANUP(repository_rooms_done) struct repository_rooms rooms = {0};
    struct html_repository page = {&s->status, find_repository(&s->status, name), NULL};
    FILE *out;

    if (!page.repository)
        return err_set(err, ERR_NOTFOUND, "%s: no such repository", CLIP(name));
    if (catalog_rooms(d->catalog, &rooms, err) < 0)
        return -1;
    page.room = repository_rooms_find(&rooms, name);
    out = begin(ret);
    if (json)
        report_json_print(json_pack("{s:o, s:o}", "repository",
                                    report_repository_json(page.repository), "room",
                                    room_json(page.room)),
                          out);
    else
        report_html_repository(&page, out);
    fclose(out);
    return 0;
}

/* ---- a policy ---- */

static void add_calendars(const struct calspec_list *specs, const char *kind,
                          struct html_policy *page)
{
    for (size_t i = 0; i < specs->n; i++)
        *VEC_ADD(&page->calendars) = (struct html_calendar){kind, calspec_format(specs->items[i])};
}

static void look_ahead(const struct config_policy *p, const struct zone *zone, int64_t now,
                       struct preview *ret)
{
    const struct month_date today = month_date_of(zone, now);
    int64_t ends[MONTHS_KEPT], begin;

    for (int i = 0; i < MONTHS_KEPT; i++) {
        struct month_date last = month_end_of(&today, i);

        month_span(zone, &today, &last, &begin, &ends[i]);
    }
    preview_make(p, zone, now, ends, MONTHS_KEPT, RUNS_SHOWN, ret);
}

static void add_kept(const struct preview *preview, struct html_policy *page)
{
    for (size_t i = 0; i < preview->spans.n; i++) {
        const struct preview_span *s = &preview->spans.items[i];
        struct html_kept *kept = VEC_ADD(&page->kept);

        kept->at = s->at;
        for (size_t k = 0; k < s->kept.n; k++)
            *VEC_ADD(&kept->points) =
                (struct html_kept_point){s->kept.items[k].at, s->kept.items[k].full};
    }
}

static json_t *calendars_json(const struct html_policy *page)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < page->calendars.n; i++)
        json_array_append_new(ret, json_pack("{s:s, s:o}", "kind", page->calendars.items[i].kind,
                                             "expression",
                                             report_json_text(page->calendars.items[i].text)));
    return ret;
}

static json_t *domains_json(const struct html_policy *page)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < page->status->domains.n; i++)
        for (size_t k = 0; k < page->status->domains.items[i].policies.n; k++) {
            const struct status_domain *d = &page->status->domains.items[i];

            if (str_eq(d->policies.items[k].name, page->name))
                json_array_append_new(ret, json_pack("{s:o, s:o, s:o}", "host",
                                                     report_json_text(d->host), "domain",
                                                     report_json_text(d->domain), "policy",
                                                     report_policy_json(&d->policies.items[k])));
        }
    return ret;
}

static json_t *policy_json(const struct html_policy *page, const struct dues *dues,
                           const struct preview *preview, const struct zone *zone)
{
    json_t *kept = json_array();

    for (size_t i = 0; i < preview->spans.n; i++)
        json_array_append_new(kept, kept_json(&preview->spans.items[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "name",
                     report_json_text(page->name), "repository", report_json_text(page->repository),
                     "rpo_seconds", page->rpo ? report_json_number(page->rpo) : json_null(),
                     "calendars", calendars_json(page), "cut", dues->cut, "due",
                     dues_json(dues, zone), "kept", kept, "domains", domains_json(page));
}

static void fill(const struct config_policy *p, const struct dues *dues, struct html_policy *page)
{
    size_t shown[DUE_KIND_COUNT] = {0};

    add_calendars(&p->full, "Full", page);
    add_calendars(&p->incremental, "Incremental", page);
    add_calendars(&p->verify.schedule, "Verify", page);
    for (size_t i = 0; i < p->copy_to.n; i++)
        add_calendars(&p->copy_to.items[i].schedule, "Copy", page);
    for (size_t i = 0; i < dues->n && page->next.n < NEXT_SHOWN; i++)
        if (dues->items[i].at > page->status->now && shown[dues->items[i].kind]++ < NEXT_OF_KIND)
            *VEC_ADD(&page->next) =
                (struct html_due){dues->items[i].at, due_kind_name(dues->items[i].kind)};
}

static void policy_done(struct html_policy *page)
{
    for (size_t i = 0; i < page->calendars.n; i++)
        free(page->calendars.items[i].text);
    free(page->calendars.items);
    free(page->next.items);
    for (size_t i = 0; i < page->kept.n; i++)
        free(page->kept.items[i].points.items);
    free(page->kept.items);
}

int places_policy(const struct status_sources *d, const struct snapshot *s, const char *name,
                  bool json, struct text *ret, struct err *err)
{
    const struct config_policy *p = config_policy_find(d->config, name);
    struct month_view months = {.title = name};
    struct html_policy page = {.status = &s->status, .name = name, .months = &months};
    struct preview preview = {0};
    struct dues dues;
    int64_t from, to;
    FILE *out;

    if (!p)
        return err_set(err, ERR_NOTFOUND, "%s: no such policy", CLIP(name));
    page.repository = p->repository;
    page.rpo = p->rpo;
    months.from = month_date_of(d->zone, s->status.now);
    months.to = month_end_of(&months.from, MONTHS_AHEAD);
    month_span(d->zone, &months.from, &months.to, &from, &to);
    due_between(p, d->zone, from, to, &dues);
    month_gather(&dues, d->zone, &months);
    fill(p, &dues, &page);
    look_ahead(p, d->zone, s->status.now, &preview);
    add_kept(&preview, &page);
    out = begin(ret);
    if (json)
        report_json_print(policy_json(&page, &dues, &preview, d->zone), out);
    else
        report_html_policy(&page, out);
    fclose(out);
    policy_done(&page);
    preview_done(&preview);
    month_view_done(&months);
    free(dues.items);
    return 0;
}
