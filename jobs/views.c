/* SPDX-License-Identifier: MIT
 *
 * Checkpoints as they are: each row of the catalog with the bitmaps of its name, and the bitmaps
 * that no row names.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "jobs/views.h"

const char *view_state_name(enum view_state v)
{
    static const char *const words[] = {"consistent", "inconsistent", "missing",
                                        "forgotten",  "foreign",      "unknown"};

    return words[v];
}

void views_done(struct view_list *l)
{
    for (size_t i = 0; i < l->views.n; i++) {
        struct view *v = &l->views.items[i];

        for (size_t k = 0; k < v->disks.n; k++)
            free(v->disks.items[k].name);
        free(v->disks.items);
        free(v->name);
    }
    free(l->views.items);
    checkpoint_list_done(&l->rows);
    strlist_done(&l->gone);
    *l = (struct view_list){0};
}

const struct view *views_find(const struct view_list *l, const char *name)
{
    for (size_t i = 0; i < l->views.n; i++)
        if (strcmp(l->views.items[i].name, name) == 0)
            return &l->views.items[i];
    return NULL;
}

static struct view_disk *find_disk(struct view *v, const char *name)
{
    for (size_t i = 0; i < v->disks.n; i++)
        if (strcmp(v->disks.items[i].name, name) == 0)
            return &v->disks.items[i];
    return NULL;
}

static void add_bitmap(struct view *v, const struct disk_facts *disk, const struct bitmap_facts *b)
{
    struct view_disk *d = find_disk(v, disk->name);

    if (!d) {
        d = VEC_ADD(&v->disks);
        d->name = xstrdup(disk->name);
        d->capacity = disk->capacity;
    }
    d->bitmap = b;
}

static enum view_state judge(const struct view *v, bool is_ours, bool can_tell)
{
    size_t there = 0;
    bool whole = true;

    if (!can_tell)
        return VIEW_UNKNOWN;
    for (size_t i = 0; i < v->disks.n; i++) {
        const struct bitmap_facts *b = v->disks.items[i].bitmap;

        there += b != NULL;
        whole = whole && b && !b->inconsistent && b->recording;
    }
    if (there == 0)
        return VIEW_MISSING;
    if (!v->row)
        return is_ours ? VIEW_FORGOTTEN : VIEW_FOREIGN;
    return whole ? VIEW_CONSISTENT : VIEW_INCONSISTENT;
}

static struct view *view_of(struct view_list *l, const char *name)
{
    struct view *v = (struct view *)views_find(l, name);

    if (v)
        return v;
    v = VEC_ADD(&l->views);
    v->name = xstrdup(name);
    return v;
}

int views_load(struct catalog *catalog, const char *host, const char *domain,
               const struct domain_facts *f, struct view_list *ret, struct err *err)
{
    bool can_tell =
        f && f->state != DOMAIN_UNREACHABLE && (f->state != DOMAIN_SHUTOFF || f->disks.n > 0);

    if (catalog_checkpoints(catalog, host, domain, &ret->rows, err) < 0 ||
        catalog_checkpoints_gone(catalog, host, domain, &ret->gone, err) < 0)
        return -1;
    for (size_t i = 0; i < ret->rows.n; i++) {
        const struct checkpoint *row = &ret->rows.items[i];
        struct view *v = view_of(ret, row->name);

        v->row = row;
        for (size_t k = 0; k < row->disks.n; k++)
            *VEC_ADD(&v->disks) = (struct view_disk){xstrdup(row->disks.items[k].name),
                                                     row->disks.items[k].capacity, NULL};
    }
    for (size_t i = 0; can_tell && i < f->disks.n; i++)
        for (size_t k = 0; k < f->disks.items[i].bitmaps.n; k++) {
            const struct bitmap_facts *b = &f->disks.items[i].bitmaps.items[k];
            CLEANUP_FREE char *checkpoint = bitmap_checkpoint(b->name);

            add_bitmap(view_of(ret, checkpoint), &f->disks.items[i], b);
        }
    for (size_t i = 0; i < ret->views.n; i++)
        ret->views.items[i].state =
            judge(&ret->views.items[i],
                  catalog_checkpoint_is_ours(catalog, ret->views.items[i].name) ||
                      strlist_has(&ret->gone, ret->views.items[i].name),
                  can_tell);
    return 0;
}

bool view_descends(const struct view_list *l, const struct view *a, const char *b)
{
    /* A damaged catalog may run in a circle. */
    for (size_t left = l->views.n; a && a->row && a->row->parent && left > 0; left--) {
        if (strcmp(a->row->parent, b) == 0)
            return true;
        a = views_find(l, a->row->parent);
    }
    return false;
}
