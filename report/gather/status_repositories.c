/* SPDX-License-Identifier: MIT
 *
 * status: repositories, as the daemon saw them last and as they are now.
 */
#include "report/gather/status_priv.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "storage/catalog/catalog_room.h"

static void set_problem(struct status_repository *r, char *problem)
{
    free(r->problem);
    r->problem = problem;
    free(r->state);
    r->state = xstrdup("problem");
}

/* What the daemon found wrong may lie deeper than a look goes: it stays until it looks again. */
static void add_look(const struct status_look *look, struct status_repository *r)
{
    if (!look->looked)
        return;
    r->has_space = look->has_space;
    r->read_only = look->read_only;
    r->free = look->free;
    r->total = look->total;
    r->is_silent = look->is_silent;
    if (look->problem)
        set_problem(r, xstrdup(look->problem));
    else if (r->problem) {
        set_problem(
            r, xasprintf("%s (so vmkeepd saw it last; the repository is there now)", r->problem));
        r->is_back = true;
    }
}

static void add_repository(const struct status_sources *s, size_t i, const struct seen_list *seen,
                           const struct seen_list *differences,
                           const struct repository_rooms *rooms, struct status *ret)
{
    const struct config_repository *c = &s->config->repositories.items[i];
    const struct seen *last = seen_list_find(seen, c->name);
    const struct seen *difference = seen_list_find(differences, c->name);
    const struct room_list *room = repository_rooms_find(rooms, c->name);
    struct status_repository *r = VEC_ADD(&ret->repositories);

    r->name = xstrdup(c->name);
    r->path = xstrdup(c->path);
    r->reserve = c->reserve;
    r->key = xstrdup(config_key_file(s->config, c));
    r->state = last ? xstrdup(last->state) : NULL;
    r->problem = last ? xstrdup(last->problem) : NULL;
    /* The catalog is older than what lies there, or the reverse. */
    r->difference = difference ? xstrdup(difference->problem) : NULL;
    if (room)
        r->trend = room_trend(room, c->reserve, s->now);
    if (s->looks)
        add_look(&s->looks->items[i], r);
}

int status_add_repositories(const struct status_sources *s, const struct strlist *used,
                            struct status *ret, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list seen = {0};
    CLEANUP(seen_list_done) struct seen_list differences = {0};
    CLEANUP(repository_rooms_done) struct repository_rooms rooms = {0};

    if (catalog_seen(s->catalog, "repository", &seen, err) < 0 ||
        catalog_seen(s->catalog, "difference", &differences, err) < 0 ||
        catalog_rooms(s->catalog, &rooms, err) < 0)
        return -1;
    for (size_t i = 0; i < s->config->repositories.n; i++)
        if (!used || strlist_has(used, s->config->repositories.items[i].name))
            add_repository(s, i, &seen, &differences, &rooms, ret);
    return 0;
}

void status_looks_done(struct status_looks *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].problem);
        survey_losses_done(&l->items[i].losses);
    }
    free(l->items);
    *l = (struct status_looks){0};
}
