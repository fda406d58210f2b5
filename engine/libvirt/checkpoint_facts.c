/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/checkpoint_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/xml/xml.h"

typedef const struct _xmlNode node;

#define BYTES_MAX ((size_t)8 << 20)

static node *disk_named(node *root, const char *name, struct strlist *arena)
{
    for (node *n = xml_child(xml_child(root, "disks"), "disk"); n; n = xml_next(n))
        if (str_eq(xml_attribute(n, "name", arena), name))
            return n;
    return NULL;
}

/* "... Bitmaps are of different sizes (destination size is 33554432, source size is 16777216) and
 * can't be merged": seen in QEMU 7.2.  The destination is as large as the disk is now.  Whatever
 * else a size was not told for says nothing of the bitmap. */
static bool is_to_blame(const char *problem, uint64_t capacity)
{
    static const char words[] = "different sizes (destination size is ";
    const char *at = strstr(problem, words);
    uint64_t size;

    return at && sscanf(at + strlen(words), "%" SCNu64, &size) == 1 && size == capacity;
}

static void take_size(const struct libvirt_checkpoint *c, bool sized, node *disk,
                      const struct disk_facts *d, struct strlist *arena, struct bitmap_facts *b)
{
    const char *text = xml_attribute(disk, "size", arena);
    int64_t size;

    if (text && parse_int(text, 0, INT64_MAX, &size)) {
        b->dirty = (uint64_t)size;
        return;
    }
    b->dirty = d->capacity;
    b->at_most = true;
    b->inconsistent = sized && (!c->problem || is_to_blame(c->problem, d->capacity));
}

static void take_checkpoint(const struct libvirt_checkpoint *c, bool sized, struct disk_facts *d)
{
    static const struct xml_shape shape = {
        .name = "domaincheckpoint", .open = true, .bytes = BYTES_MAX};
    CLEANUP(strlist_done) struct strlist arena = {0};
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    struct err ignored = ERR_INIT;
    struct bitmap_facts *b;
    node *disk;

    if (!c->name || !c->xml || xml_read(c->xml, strlen(c->xml), &shape, &doc, &ignored) < 0)
        return;
    disk = disk_named(xml_root(doc), d->name, &arena);
    if (!str_eq(xml_attribute(disk, "checkpoint", &arena), "bitmap"))
        return;
    b = VEC_ADD(&d->bitmaps);
    b->name = checkpoint_bitmap(c->name, d->name);
    b->recording = true;
    take_size(c, sized, disk, d, &arena, b);
}

void libvirt_bitmaps(const struct libvirt_checkpoints *all, bool sized, struct disk_facts *disk)
{
    for (size_t i = 0; i < all->checkpoints.n; i++)
        take_checkpoint(&all->checkpoints.items[i], sized, disk);
}

static const char *path_of(node *disk, struct strlist *arena)
{
    node *place = xml_child(disk, "target");
    const char *ret;

    if (!place)
        place = xml_child(disk, "scratch");
    ret = xml_attribute(place, "file", arena);
    return ret ? ret : xml_attribute(place, "dev", arena);
}

char *libvirt_backup_place(const char *xml)
{
    static const struct xml_shape shape = {
        .name = "domainbackup", .open = true, .bytes = BYTES_MAX};
    CLEANUP(strlist_done) struct strlist arena = {0};
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    struct err ignored = ERR_INIT;

    if (xml_read(xml, strlen(xml), &shape, &doc, &ignored) < 0)
        return NULL;
    for (node *n = xml_child(xml_child(xml_root(doc), "disks"), "disk"); n; n = xml_next(n))
        if (!str_eq(xml_attribute(n, "backup", &arena), "no"))
            return xstrdup(path_of(n, &arena));
    return NULL;
}
