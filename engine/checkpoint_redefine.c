/* SPDX-License-Identifier: MIT
 *
 * A checkpoint whose bitmaps are there, held against what the domain has.
 */
#include <string.h>

#include "base/text.h"
#include "engine/checkpoint_document.h"
#include "engine/checkpoint_document_priv.h"

/* Without <disks>: all that have a bitmap of its name. */
static void list_those_that_have_it(struct checkpoint_document *d, const struct domain_facts *facts)
{
    for (size_t i = 0; i < facts->disks.n; i++) {
        struct checkpoint_document_disk *disk;

        if (!disk_facts_bitmap(&facts->disks.items[i], d->name))
            continue;
        disk = VEC_ADD(&d->disks);
        disk->name = xstrdup(facts->disks.items[i].name);
        disk->tracked = true;
    }
}

static int validate_disk(const struct disk_facts *f, const char *name, struct err *err)
{
    const struct bitmap_facts *b = disk_facts_bitmap(f, name);

    if (!b)
        return err_set(err, ERR_NOTFOUND, "disk '%s': it has no bitmap '%s'", CLIP(f->name),
                       CLIP(name));
    if (b->inconsistent)
        return err_set(err, ERR_CORRUPT, "disk '%s': its bitmap '%s' is inconsistent",
                       CLIP(f->name), CLIP(name));
    if (!b->recording)
        return err_set(err, ERR_CORRUPT, "disk '%s': its bitmap '%s' does not record changes",
                       CLIP(f->name), CLIP(name));
    return 0;
}

int checkpoint_document_redefine(struct checkpoint_document *d, const struct domain_facts *facts,
                                 bool validate, struct err *err)
{
    bool any = false;

    if (!d->name)
        return err_set(err, ERR_INVALID, "<name> is missing: which checkpoint is redefined?");
    if (!d->created)
        return err_set(err, ERR_INVALID,
                       "<creationTime> is missing: a checkpoint that is redefined "
                       "has one");
    if (d->all_disks && d->disks.n == 0)
        list_those_that_have_it(d, facts);
    for (size_t i = 0; i < d->disks.n; i++) {
        const struct disk_facts *f = checkpoint_document_resolve(d, i, facts, err);

        if (!f)
            return -1;
        any |= d->disks.items[i].tracked;
        if (validate && d->disks.items[i].tracked && validate_disk(f, d->name, err) < 0)
            return -1;
    }
    checkpoint_document_list_rest(d, facts);
    if (any)
        return 0;
    return d->all_disks ? err_set(err, ERR_NOTFOUND, "no disk has a bitmap '%s'", CLIP(d->name))
                        : err_set(err, ERR_INVALID,
                                  "the checkpoint takes in no disk: every one has checkpoint='no'");
}
