/* SPDX-License-Identifier: MIT */
#include "policies/merged.h"

#include "base/text.h"

static bool disk_is_believed(const struct point_list *known, const struct point_disk *is,
                             const char *stood_on, const struct strlist *gone,
                             struct strlist *ret_into)
{
    for (size_t steps = 0; !str_eq(stood_on, is->backing); steps++) {
        const struct point *below = stood_on ? point_list_find(known, stood_on) : NULL;
        const struct point_disk *d = below ? point_find_disk(below, is->name) : NULL;

        if (!d || steps == known->n || !strlist_has(gone, stood_on))
            return false;
        if (!strlist_has(ret_into, stood_on))
            strlist_add(ret_into, stood_on);
        stood_on = d->backing;
    }
    return true;
}

bool merged_is_believed(const struct point_list *known, const struct point *is,
                        const struct strlist *gone, struct strlist *ret_into)
{
    const struct point *was = point_list_find(known, is->id);

    if (!was || was->disks.n != is->disks.n)
        return false;
    for (size_t i = 0; i < is->disks.n; i++) {
        const struct point_disk *d = point_find_disk(was, is->disks.items[i].name);

        if (!d || !disk_is_believed(known, &is->disks.items[i], d->backing, gone, ret_into))
            return false;
    }
    return true;
}
