/* SPDX-License-Identifier: MIT */
#include "storage/repository/unknown.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/catalog_copies.h"
#include "storage/repository/owner.h"
#include "storage/repository/repository_priv.h"

void unknown_point_done(struct unknown_point *p)
{
    free(p->id);
    free(p->catalog);
    free(p->checkpoint);
    *p = (struct unknown_point){0};
}

void unknown_done(struct unknown *u)
{
    for (size_t i = 0; i < u->points.n; i++)
        unknown_point_done(&u->points.items[i]);
    free(u->points.items);
    *u = (struct unknown){0};
}

/* One that cannot be read is as good as none. */
static bool read_owner(const char *repository, const char *id, struct owner *ret)
{
    CLEANUP_CLOSE int dir = -1;
    struct err ignored = ERR_INIT;
    bool found = false;

    return find_domain_dir(repository, id, &dir, &ignored) == 0 && dir >= 0 &&
           owner_read(dir, id, ret, &found, &ignored) == 0 && found;
}

/* False: it is no business of ours. */
static bool judge(const struct unknown_asker *asker, const struct owner *owner, const char *maker,
                  struct unknown_point *u)
{
    CLEANUP(owner_done) struct owner here = {0};
    const char *whose = owner ? owner->catalog : maker;

    owner_here(asker->id, asker->path, &here);
    if (!whose || str_eq(whose, asker->id))
        u->whose = UNKNOWN_OURS;
    else if (!owner)
        u->whose = UNKNOWN_STRAY;
    else if (owner_is_same_place(owner, &here))
        u->whose = UNKNOWN_FORMER;
    else
        return false;
    u->catalog = xstrdup(whose);
    return true;
}

static void examine(const char *repository, const struct unknown_asker *asker, const char *id,
                    const struct owner *owner, struct unknown *ret)
{
    CLEANUP_FREE char *maker = NULL;
    int64_t job;
    enum point_presence presence;
    struct unknown_point u = {0};
    struct point p = {0};
    struct err ignored = ERR_INIT;

    point_id_maker(id, &maker, &job);
    if (!judge(asker, owner, maker, &u))
        return;
    if (repository_find(repository, id, &presence, &p, &ignored) == 0 &&
        presence == POINT_PUBLISHED)
        u.checkpoint = xstrdup(p.checkpoint);
    u.id = xstrdup(id);
    *VEC_ADD(&ret->points) = u;
    point_done(&p);
}

int unknown_examine(const char *repository, const struct unknown_asker *asker,
                    const struct strlist *ids, struct unknown *ret, struct err *err)
{
    struct catalog_copies copies = {0};
    struct owner owner = {0};
    bool owned = false;

    if (catalog_copies_list(repository, &copies, err) < 0)
        return -1;
    for (size_t i = 0; i < copies.n; i++)
        if (str_eq(copies.items[i].id, asker->id) && copies.items[i].job > ret->last_job)
            ret->last_job = copies.items[i].job;
    catalog_copies_done(&copies);
    for (size_t i = 0; i < ids->n; i++) {
        const char *id = ids->items[i];

        /* They come by domain: its owner is read once. */
        if (i == 0 || !point_ids_share_domain(id, ids->items[i - 1])) {
            owner_done(&owner);
            owner = (struct owner){0};
            owned = read_owner(repository, id, &owner);
        }
        examine(repository, asker, id, owned ? &owner : NULL, ret);
    }
    owner_done(&owner);
    return 0;
}
