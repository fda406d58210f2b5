/* SPDX-License-Identifier: MIT */
#include "storage/catalog/catalog_room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/timefmt.h"

#define KIND "room"
#define DAY_LENGTH 10 /* "2026-11-23 REPOSITORY" is a row's name */
#define KEPT_S (INT64_C(400) * 86400)

static int forget_old(struct catalog *c, int64_t now, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};

    if (catalog_seen(c, KIND, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].at < now - KEPT_S &&
            catalog_seen_forget(c, KIND, rows.items[i].name, err) < 0)
            return -1;
    return 0;
}

int catalog_room_put(struct catalog *c, const char *repository, const struct room_sample *sample,
                     struct err *err)
{
    char day[TIMEFMT_MAX], room[48];
    CLEANUP_FREE char *name =
        xasprintf("%.*s %s", DAY_LENGTH, time_utc(sample->at, day), repository);

    snprintf(room, sizeof(room), "%" PRIu64 " %" PRIu64, sample->free, sample->total);
    if (catalog_seen_put(c, KIND, name, room, NULL, NULL, sample->at, err) < 0)
        return -1;
    return forget_old(c, sample->at, err);
}

const struct room_list *repository_rooms_find(const struct repository_rooms *l,
                                              const char *repository)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].repository, repository) == 0)
            return &l->items[i].samples;
    return NULL;
}

static struct room_list *list_of(struct repository_rooms *l, const char *repository)
{
    struct repository_room *r;

    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].repository, repository) == 0)
            return &l->items[i].samples;
    r = VEC_ADD(l);
    *r = (struct repository_room){.repository = xstrdup(repository)};
    return &r->samples;
}

/* What cannot be read tells nothing. */
static void add_row(struct repository_rooms *l, const struct seen *row)
{
    struct room_sample s = {.at = row->at};

    if (strlen(row->name) > DAY_LENGTH + 1 &&
        sscanf(row->state, "%" SCNu64 " %" SCNu64, &s.free, &s.total) == 2 && s.free <= s.total)
        *VEC_ADD(list_of(l, row->name + DAY_LENGTH + 1)) = s;
}

int catalog_rooms(struct catalog *c, struct repository_rooms *ret, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};

    *ret = (struct repository_rooms){0};
    if (catalog_seen(c, KIND, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n; i++)
        add_row(ret, &rows.items[i]);
    return 0;
}

void repository_rooms_done(struct repository_rooms *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].repository);
        free(l->items[i].samples.items);
    }
    free(l->items);
    *l = (struct repository_rooms){0};
}
