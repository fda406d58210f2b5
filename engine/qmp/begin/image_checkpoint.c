/* SPDX-License-Identifier: MIT */
#include "engine/qmp/begin/image_checkpoint.h"

#include "base/cleanup.h"
#include "engine/backup_check.h"
#include "engine/qmp/begin/checkpoint.h"
#include "engine/qmp/offline/offline.h"

static int check_new(const struct image_checkpoint *c, const char *name,
                     const struct strlist *disks, struct err *err)
{
    for (size_t i = 0; i < disks->n; i++) {
        const struct image *image = images_find(&c->images, disks->items[i]);

        if (!image)
            return err_set(err, ERR_NOTFOUND, "no disk '%s'", disks->items[i]);
        if (backup_check_track(&image->facts, name, err) < 0)
            return -1;
    }
    return 0;
}

static void list_bitmaps(struct image_checkpoint *c, const struct disk_facts *disk,
                         const char *name)
{
    for (size_t i = 0; i < disk->bitmaps.n; i++) {
        if (!checkpoint_has(name, &disk->bitmaps.items[i]))
            continue;
        strlist_add(&c->todo, disk->name);
        strlist_add(&c->bitmaps, disk->bitmaps.items[i].name);
    }
}

/* The images have been read: which of them are to be changed? */
static int list(struct image_checkpoint *c, const struct domain *d, const char *name,
                const struct strlist *disks, struct err *err)
{
    /* What an image says of its bitmaps while somebody has it open is old. */
    if (images_check_free(&c->images, err) < 0)
        return -1;
    if (disks && check_new(c, name, disks, err) < 0)
        return -1;
    for (size_t i = 0; disks && i < disks->n; i++) {
        CLEANUP_FREE char *bitmap = domain_bitmap(d, name, disks->items[i]);

        strlist_add(&c->todo, disks->items[i]);
        strlist_add(&c->bitmaps, bitmap);
    }
    for (size_t i = 0; !disks && i < c->images.items.n; i++)
        list_bitmaps(c, &c->images.items.items[i].facts, name);
    return c->todo.n ? offline_check_idle(d, err) : 0;
}

/* True: suspended. */
static bool change_next(struct image_checkpoint *c, struct task *t, const char *name, bool create)
{
    const struct image *image;
    size_t now;

    if (c->asked && !c->undoing) {
        image = images_find(&c->images, c->todo.items[c->next - 1]);
        /* What goes wrong in creating one is undone, the failed disk's too. */
        if (image_bitmap_ended(t, image, &c->err) < 0) {
            err_wrap(&c->err, "%s checkpoint '%s'", create ? "make" : "remove", name);
            if (!create)
                return false;
            c->undoing = true;
        }
    }
    c->asked = true;
    if (c->undoing ? c->next == 0 : c->next == c->todo.n)
        return false;
    now = c->undoing ? --c->next : c->next++;
    image = images_find(&c->images, c->todo.items[now]);
    if (create && !c->undoing)
        image_bitmap_add(t, image, c->bitmaps.items[now]);
    else
        image_bitmap_remove(t, image, c->bitmaps.items[now]);
    return true;
}

bool image_checkpoint_step(struct image_checkpoint *c, struct task *t, const char *name,
                           const struct strlist *disks, struct err *err)
{
    enum look_result result;

    if (!c->started) {
        c->started = true;
        images_start(&c->images, t, disks);
        return true;
    }
    if (!c->listed) {
        result = images_step(&c->images, t, err);
        if (result == LOOK_WAITING)
            return true;
        if (result == LOOK_FAILED || list(c, t->domain, name, disks, err) < 0)
            return false;
        c->listed = true;
    }
    if (change_next(c, t, name, disks != NULL))
        return true;
    *err = c->err;
    return false;
}

void image_checkpoint_done(struct image_checkpoint *c)
{
    images_done(&c->images);
    strlist_done(&c->todo);
    strlist_done(&c->bitmaps);
}
