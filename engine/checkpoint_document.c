/* SPDX-License-Identifier: MIT
 *
 * A new checkpoint, made whole and held against what the domain has.
 */
#include "engine/checkpoint_document.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/checkpoint_document_priv.h"

void checkpoint_document_free(struct checkpoint_document *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->disks.n; i++) {
        free(d->disks.items[i].name);
        free(d->disks.items[i].bitmap);
    }
    free(d->disks.items);
    free(d->name);
    free(d->description);
    free(d->parent);
    free(d->domain);
    free(d);
}

struct completion {
    struct checkpoint_document *d;
    const struct domain_facts *facts;
    const struct strlist *backup_disks;
};

static bool is_backed_up(const struct completion *c, const char *name)
{
    for (size_t i = 0; c->backup_disks && i < c->backup_disks->n; i++)
        if (strcmp(c->backup_disks->items[i], name) == 0)
            return true;
    return c->backup_disks == NULL;
}

/* What libvirt ignores of a new checkpoint's document. */
static void forget_output(struct checkpoint_document *d, int64_t now)
{
    d->created = now;
    free(TAKE_PTR(d->parent));
    free(TAKE_PTR(d->domain));
    for (size_t i = 0; i < d->disks.n; i++) {
        d->disks.items[i].has_size = false;
        d->disks.items[i].size = 0;
    }
}

static void list_all(struct completion *c)
{
    for (size_t i = 0; i < c->facts->disks.n; i++) {
        const struct disk_facts *f = &c->facts->disks.items[i];
        struct checkpoint_document_disk *disk;

        if (!f->trackable || !is_backed_up(c, f->name))
            continue;
        disk = VEC_ADD(&c->d->disks);
        disk->name = xstrdup(f->name);
        disk->tracked = true;
    }
}

/* By its target, or by its image's path if no other disk has that. */
static const struct disk_facts *find(const struct domain_facts *facts, const char *name,
                                     struct err *err)
{
    const struct disk_facts *found = domain_facts_any(facts, name);
    CLEANUP(strlist_done) struct strlist names = {0};
    char list[160] = "";

    if (found)
        return found;
    domain_facts_names(facts, &names);
    for (size_t i = 0; i < names.n; i++) {
        const struct disk_facts *f = domain_facts_any(facts, names.items[i]);
        size_t len = strlen(list);

        snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", CLIP(names.items[i]));
        if (!str_eq(f->image, name))
            continue;
        if (found) {
            err_set(err, ERR_INVALID, "disk '%s': it is the image of more than one disk",
                    CLIP(name));
            return NULL;
        }
        found = f;
    }
    if (!found)
        err_set(err, ERR_NOTFOUND, "disk '%s': the domain has no such disk; it has %s", CLIP(name),
                *list ? list : "none");
    return found;
}

static int check_tracked(const struct completion *c, const struct disk_facts *f, struct err *err)
{
    if (!is_backed_up(c, f->name))
        return err_set(err, ERR_INVALID,
                       "disk '%s': it is not backed up, so the backup's checkpoint cannot take it "
                       "in; checkpoint='no' leaves it out",
                       CLIP(f->name));
    if (!domain_facts_disk(c->facts, f->name))
        return err_set(err, ERR_UNSUPPORTED,
                       "disk '%s': %s cannot hold a checkpoint; checkpoint='no' leaves it out",
                       CLIP(f->name), disk_facts_aside(f));
    if (!f->trackable)
        return err_set(err, ERR_UNSUPPORTED,
                       "disk '%s': its image (%s) cannot hold a checkpoint, only qcow2 version 3 "
                       "can; checkpoint='no' leaves it out",
                       CLIP(f->name), f->format ? f->format : "of no known format");
    return 0;
}

/* On whichever disk: deleting the checkpoint would take it along. */
static int check_new(const struct completion *c, struct err *err)
{
    for (size_t i = 0; i < c->facts->disks.n; i++)
        if (disk_facts_bitmap(&c->facts->disks.items[i], c->d->name))
            return err_set(err, ERR_EXISTS, "disk '%s': it has a checkpoint '%s' already",
                           CLIP(c->facts->disks.items[i].name), CLIP(c->d->name));
    return 0;
}

void checkpoint_document_list_rest(struct checkpoint_document *d, const struct domain_facts *facts)
{
    CLEANUP(strlist_done) struct strlist names = {0};

    domain_facts_names(facts, &names);
    for (size_t i = 0; i < names.n; i++) {
        bool listed = false;

        for (size_t k = 0; k < d->disks.n; k++)
            listed = listed || strcmp(d->disks.items[k].name, names.items[i]) == 0;
        if (!listed)
            VEC_ADD(&d->disks)->name = xstrdup(names.items[i]);
    }
}

const struct disk_facts *checkpoint_document_resolve(struct checkpoint_document *d, size_t i,
                                                     const struct domain_facts *facts,
                                                     struct err *err)
{
    struct checkpoint_document_disk *disk = &d->disks.items[i];
    const struct disk_facts *f = find(facts, disk->name, err);

    if (!f)
        return NULL;
    free(disk->name);
    disk->name = xstrdup(f->name);
    for (size_t k = 0; k < i; k++) {
        if (strcmp(d->disks.items[k].name, disk->name) == 0) {
            err_set(err, ERR_INVALID, "disk '%s': it is listed twice", CLIP(disk->name));
            return NULL;
        }
    }
    if (!disk->tracked)
        return f;
    if (disk->bitmap && strcmp(disk->bitmap, d->name) != 0) {
        err_set(err, ERR_UNSUPPORTED,
                "disk '%s': bitmap='%s' is not supported: a bitmap bears its checkpoint's name, "
                "'%s'",
                CLIP(f->name), CLIP(disk->bitmap), CLIP(d->name));
        return NULL;
    }
    free(disk->bitmap);
    disk->bitmap = xstrdup(d->name);
    return f;
}

static int complete_disk(struct completion *c, size_t i, struct err *err)
{
    const struct disk_facts *f = checkpoint_document_resolve(c->d, i, c->facts, err);

    if (!f)
        return -1;
    return c->d->disks.items[i].tracked ? check_tracked(c, f, err) : 0;
}

int checkpoint_document_complete(struct checkpoint_document *d, const struct domain_facts *facts,
                                 const struct strlist *backup_disks, int64_t now, struct err *err)
{
    struct completion c = {d, facts, backup_disks};
    bool any = false;

    forget_output(d, now);
    if (!d->name)
        d->name = xasprintf("%" PRId64, now);
    if (d->all_disks && d->disks.n == 0)
        list_all(&c);
    for (size_t i = 0; i < d->disks.n; i++) {
        if (complete_disk(&c, i, err) < 0)
            return -1;
        any |= d->disks.items[i].tracked;
    }
    checkpoint_document_list_rest(d, facts);
    if (any)
        return check_new(&c, err);
    return err_set(err, ERR_INVALID,
                   d->all_disks ? "none of the disks can hold a checkpoint: only qcow2 "
                                  "version 3 images can"
                                : "the checkpoint takes in no disk: every one has "
                                  "checkpoint='no'");
}
