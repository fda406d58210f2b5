/* SPDX-License-Identifier: MIT
 *
 * Checkpoints of a simulated host, made alone and deleted; and its disks held against what they
 * were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "tests/simulation/by_hand.h"
#include "tests/simulation/host.h"

struct op *host_checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                  op_done done, void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain);
    struct sim_world *w = a->d->host->w;
    struct err refusal = ERR_INIT;
    char catalog[9] = "";

    (void)err;
    if (hand_is(name))
        hand_check_deletion(w->acting, name);
    else if (sscanf(name, "vmkeep-%8[0-9a-f]-", catalog) != 1 ||
             sim_daemon_of(w, catalog) != w->acting)
        sim_broken("the daemon deletes a checkpoint that is not its own: %s", name);
    if (images_check_idle(a->d, &refusal) < 0) {
        free(a);
        return sim_op(w, &refusal, done, ctx);
    }
    for (size_t i = 0; a->effect && host_answers(a->d) && i < a->d->disks.n; i++) {
        CLEANUP_FREE char *own = checkpoint_bitmap(name, a->d->disks.items[i].name);

        sim_bitmap_remove(&a->d->disks.items[i], own);
    }
    return answer_acted(a, done, ctx);
}

static int refuse_checkpoint(struct sim_domain *d, const char *name, const struct strlist *disks,
                             struct err *err)
{
    if (!host_answers(d))
        return err_set(err, ERR_REMOTE, "%s is down", d->name);
    if (images_check_idle(d, err) < 0)
        return -1;
    for (size_t i = 0; i < disks->n; i++) {
        struct sim_disk *disk = sim_disk_find(d, disks->items[i]);

        if (!disk || disk->raw)
            return err_set(err, ERR_UNSUPPORTED, "disk %s holds no bitmaps", disks->items[i]);
        if (sim_bitmap_find(disk, name))
            return err_set(err, ERR_EXISTS, "disk %s has a bitmap %s", disks->items[i], name);
    }
    return 0;
}

struct op *host_checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                  const struct strlist *disks, bool quiesce, op_done done,
                                  void *ctx, struct err *err)
{
    struct answer *a = answer_new(hv, domain);
    struct sim_world *w = a->d->host->w;
    struct err refusal = ERR_INIT;

    (void)quiesce;
    (void)err;
    sim_guest_writes(a->d);
    if (refuse_checkpoint(a->d, name, disks, &refusal) < 0) {
        free(a);
        return sim_op(w, &refusal, done, ctx);
    }
    for (size_t i = 0; a->effect && i < disks->n; i++) {
        struct sim_disk *disk = sim_disk_find(a->d, disks->items[i]);

        sim_bitmap_add(disk, name);
        sim_bitmap_find(disk, name)->saved = !a->d->up;
        w->counts.image_checkpoints += !a->d->up;
        hand_instant_of_checkpoint(disk, name);
        a->d->compared = true; /* until it has been told what its disks hold */
    }
    sim_guest_writes(a->d);
    return answer_acted(a, done, ctx);
}

/* ---- held against what they were ---- */

struct comparison {
    struct sim_domain *d;
    struct allocation *items;
    size_t n;
    bool fails;
};

/* PATH/HOST/DOMAIN/POINT/FILE: its point's disk. */
static bool held_then(const struct sim_domain *d, const struct allocation *a, uint32_t *blocks)
{
    const char *from = a->was_image + strlen(a->was_image);
    CLEANUP_FREE char *id = NULL;

    for (int slashes = 0; from > a->was_image; from--)
        if (from[-1] == '/' && ++slashes == 4)
            break;
    id = xasprintf("%.*s", (int)(strrchr(from, '/') - from), from);
    return sim_restore(&d->host->w->repo, id, a->disk, blocks);
}

/* Where there is data, a bit a block. */
static uint32_t data_of(const uint32_t *blocks)
{
    uint32_t ret = 0;

    for (uint32_t i = 0; i < SIM_BLOCKS; i++)
        ret |= (uint32_t)(blocks[i] != 0) << i;
    return ret;
}

static bool had_data(const struct sim_domain *d, const struct allocation *a, uint32_t *ret)
{
    uint32_t then[SIM_BLOCKS];

    if (a->was_map)
        return sscanf(a->was_map, "data %x", ret) == 1;
    if (!held_then(d, a, then))
        return false;
    *ret = data_of(then);
    return true;
}

/* The one that is asked about right after it was made, and whose it is. */
static const char *newest_by_hand(const struct sim_disk *disk)
{
    for (size_t i = disk->bitmaps.n; i-- > 0;)
        if (hand_is(disk->bitmaps.items[i].name))
            return disk->bitmaps.items[i].name;
    return NULL;
}

static void map_disk(struct sim_disk *disk, struct allocation *a)
{
    const char *newest = disk ? newest_by_hand(disk) : NULL;

    if (!disk) {
        a->contradiction = xstrdup("it is not there");
        return;
    }
    a->map = xasprintf("data %x", data_of(disk->blocks));
    if (newest)
        hand_mapped(newest, disk->name);
}

static void compare(struct sim_domain *d, struct allocation *a)
{
    struct sim_disk *disk = sim_disk_find(d, a->disk);
    const struct sim_bitmap *b = disk && a->bitmap ? sim_bitmap_find(disk, a->bitmap) : NULL;
    uint32_t then;

    if (!a->bitmap) {
        map_disk(disk, a);
        return;
    }
    if (!b || !had_data(d, a, &then)) {
        a->contradiction = xstrdup("it cannot be compared");
        return;
    }
    if (then & ~data_of(disk->blocks) & ~b->dirty)
        a->contradiction =
            xasprintf("it reads as zeroes in blocks %x", then & ~data_of(disk->blocks) & ~b->dirty);
    d->host->w->counts.contradictions += a->contradiction != NULL;
    d->host->w->counts.hand_contradictions += a->contradiction && hand_is(a->bitmap);
}

static int give_comparison(void *arg, struct err *err)
{
    struct comparison c = *(struct comparison *)arg;

    free(arg);
    if (c.fails || !host_answers(c.d))
        return err_set(err, ERR_REMOTE, "no connection");
    c.d->compared = false;
    for (size_t i = 0; i < c.n; i++) {
        compare(c.d, &c.items[i]);
        c.d->compared = c.d->compared || c.items[i].bitmap;
    }
    return 0;
}

struct op *host_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                           struct allocation *items, size_t n, op_done done, void *ctx,
                           struct err *err)
{
    struct answer *a = answer_new(hv, domain);
    struct comparison *c = xcalloc(1, sizeof(*c));

    (void)tag;
    (void)err;
    *c = (struct comparison){.d = a->d, .items = items, .n = n, .fails = a->fails};
    free(a);
    return sim_op_with(c->d->host->w, give_comparison, c, done, ctx);
}
