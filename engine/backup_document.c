/* SPDX-License-Identifier: MIT
 *
 * A backup that was asked for, made whole, and held against what the domain has.  Whatever is wrong
 * is found here, before anything starts at the hypervisor.
 */
#include "engine/backup_document.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/text.h"

void backup_document_free(struct backup_document *d)
{
    if (!d)
        return;
    strlist_done(&d->strings);
    strlist_done(&d->names);
    free(d->disks.items);
    free(d->marks.items);
    free(d->taking_part.items);
    free(d);
}

struct completion {
    struct backup_document *d;
    const struct domain_facts *facts;
    const struct strlist *checkpoint;
    const struct backup_defaults *defaults;
};

/* Takes over s. */
static const char *keep(struct backup_document *d, char *s)
{
    strlist_add(&d->strings, s);
    free(s);
    return d->strings.items[d->strings.n - 1];
}

static int disk_error(const char *disk, enum err_code code, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int disk_error(const char *disk, enum err_code code, struct err *err, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(err, code, "%s", text);
    return err_wrap(err, "disk '%s'", CLIP(disk));
}

static const char *place_name(const struct completion *c)
{
    return c->d->request.mode == MODE_PUSH ? "target" : "scratch";
}

/* ---- which disks ---- */

static int no_such_disk(const struct domain_facts *f, const char *name, struct err *err)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    char list[160] = "";

    domain_facts_names(f, &names);
    for (size_t i = 0; i < names.n; i++) {
        size_t len = strlen(list);

        snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", CLIP(names.items[i]));
    }
    return disk_error(name, ERR_NOTFOUND, err, "the domain has no such disk; it has %s", list);
}

int backup_document_check_disks(const struct backup_document *d, const struct domain_facts *facts,
                                struct err *err)
{
    if (facts->disks.n == 0 && facts->asides.n == 0)
        return err_set(err, ERR_NOTFOUND, "the domain has no disks");
    for (size_t i = 0; i < d->disks.n; i++) {
        const struct disk_facts *f = domain_facts_any(facts, d->disks.items[i].name);

        if (!f)
            return no_such_disk(facts, d->disks.items[i].name, err);
        if (f->empty && d->marks.items[i].takes_part)
            return disk_error(f->name, ERR_INVALID, err, "it has no medium; backup='no' says so");
    }
    return 0;
}

static void take_part(struct completion *c, const struct disk_facts *f)
{
    struct backup_document *d = c->d;
    struct backup_disk disk = {
        .name = keep(d, xstrdup(f->name)),
        .base = d->incremental,
        .format = "qcow2",
    };

    *VEC_ADD(&d->disks) = disk;
    *VEC_ADD(&d->taking_part) = disk;
    VEC_ADD(&d->marks)->takes_part = true;
}

static int choose_disks(struct completion *c, struct err *err)
{
    struct backup_document *d = c->d;
    CLEANUP(strlist_done) struct strlist names = {0};

    if (backup_document_check_disks(d, c->facts, err) < 0)
        return -1;
    if (d->all_disks && c->facts->disks.n == 0)
        return err_set(err, ERR_NOTFOUND,
                       "the domain has read-only disks alone, which are backed up by name only");
    for (size_t i = 0; d->all_disks && d->disks.n < c->facts->disks.n; i++)
        take_part(c, &c->facts->disks.items[i]);
    domain_facts_names(c->facts, &names);
    for (size_t i = 0; i < names.n; i++)
        if (!strlist_has(&d->names, names.items[i]))
            strlist_add(&d->names, names.items[i]);
    d->request.disks = d->taking_part.items;
    d->request.n_disks = d->taking_part.n;
    d->request.listed = &d->names;
    return 0;
}

/* ---- checkpoints ---- */

static int check_base(const struct completion *c, const struct disk_facts *f, const char *base,
                      struct err *err)
{
    const struct bitmap_facts *b = disk_facts_checkpoint(f, base);

    if (!domain_facts_disk(c->facts, f->name))
        return disk_error(f->name, ERR_UNSUPPORTED, err,
                          "incremental='%s': %s cannot hold checkpoints; backupmode='full' backs "
                          "it up",
                          CLIP(base), disk_facts_aside(f));
    if (!f->trackable)
        return disk_error(f->name, ERR_UNSUPPORTED, err,
                          "incremental='%s': its image (%s) cannot hold checkpoints, only qcow2 "
                          "version 3 can; backupmode='full' backs it up",
                          CLIP(base), f->format ? f->format : "of no known format");
    if (!b)
        return disk_error(f->name, ERR_NOTFOUND, err,
                          "incremental='%s': the disk has no such checkpoint", CLIP(base));
    if (b->inconsistent)
        return disk_error(f->name, ERR_CORRUPT, err,
                          "incremental='%s': the checkpoint is inconsistent, for QEMU was not shut "
                          "down properly; only a full backup can follow",
                          CLIP(base));
    if (!b->recording)
        return disk_error(f->name, ERR_CORRUPT, err,
                          "incremental='%s': the checkpoint does not record changes; only a full "
                          "backup can follow",
                          CLIP(base));
    return 0;
}

static int check_tracked(const struct completion *c, const struct backup_disk *disk,
                         const struct disk_facts *f, struct err *err)
{
    if (!disk->track || f->trackable)
        return 0;
    if (!domain_facts_disk(c->facts, disk->name))
        return disk_error(f->name, ERR_UNSUPPORTED, err,
                          "%s cannot hold a checkpoint; checkpoint='no' leaves it out",
                          disk_facts_aside(f));
    return disk_error(f->name, ERR_UNSUPPORTED, err,
                      "its image (%s) cannot hold a checkpoint, only qcow2 version 3 can; "
                      "checkpoint='no' leaves it out",
                      f->format ? f->format : "of no known format");
}

static bool is_tracked(const struct strlist *checkpoint, const char *name)
{
    for (size_t i = 0; checkpoint && i < checkpoint->n; i++)
        if (strcmp(checkpoint->items[i], name) == 0)
            return true;
    return false;
}

static int check_checkpoint(const struct completion *c, struct err *err)
{
    for (size_t i = 0; c->checkpoint && i < c->checkpoint->n; i++) {
        bool taken = false;

        for (size_t k = 0; k < c->d->taking_part.n; k++)
            taken |= strcmp(c->d->taking_part.items[k].name, c->checkpoint->items[i]) == 0;
        if (!taken)
            return disk_error(c->checkpoint->items[i], ERR_INVALID, err,
                              "the checkpoint takes it in, but it is not backed up");
    }
    return 0;
}

/* ---- places ---- */

/* A name can be made up beside a regular file: beside a device, it would be in /dev. */
static int make_name(struct completion *c, struct backup_disk *disk, const struct disk_facts *f,
                     struct err *err)
{
    const char *dir = c->d->request.mode == MODE_PULL ? c->defaults->scratch_dir : NULL;
    const char *domain = c->d->request.domain;

    if (dir) {
        CLEANUP_FREE char *first = domain ? name_escape(domain) : NULL;
        CLEANUP_FREE char *second = name_escape(disk->name);

        disk->place.path = keep(c->d, xasprintf("%s/%s%s%s.%" PRId64, dir, first ? first : "",
                                                first ? "." : "", second, c->defaults->now));
    } else if (!f->image || f->image[0] != '/' || f->special) {
        return disk_error(disk->name, ERR_INVALID, err,
                          "its image is not a file that a name could be made of: "
                          "<%s file='/...'/> is needed",
                          place_name(c));
    } else {
        disk->place.path = keep(c->d, xasprintf("%s.%" PRId64, f->image, c->defaults->now));
    }
    disk->place.type = PLACE_FILE;
    return 0;
}

static int complete_place(struct completion *c, size_t i, const struct disk_facts *f,
                          struct err *err)
{
    struct backup_disk *disk = &c->d->taking_part.items[i];

    if (disk->place.type == PLACE_NETWORK) {
        if (str_eq(disk->format, "raw") || c->d->request.reuse_external)
            return 0;
        return disk_error(disk->name, ERR_UNSUPPORTED, err,
                          "an NBD server's export is not made into a %s image: it must be one "
                          "already (reuse-external)",
                          disk->format);
    }
    if (disk->place.type == PLACE_NONE && make_name(c, disk, f, err) < 0)
        return -1;
    if (strlen(disk->place.path) >= PATH_MAX)
        return disk_error(disk->name, ERR_INVALID, err, "%s '%s' is longer than %d bytes",
                          place_name(c), CLIP(disk->place.path), PATH_MAX - 1);
    return 0;
}

/* ---- exports ---- */

static int complete_export(struct completion *c, size_t i, struct err *err)
{
    struct backup_disk *disk = &c->d->taking_part.items[i];

    if (c->d->request.mode == MODE_PUSH)
        return 0;
    if (!disk->export_name)
        disk->export_name = disk->name;
    if (!disk->export_bitmap && disk->base)
        disk->export_bitmap = keep(c->d, xasprintf("backup-%s", disk->name));
    for (size_t k = 0; k < i; k++)
        if (strcmp(c->d->taking_part.items[k].export_name, disk->export_name) == 0)
            return disk_error(disk->name, ERR_INVALID, err,
                              "exportname='%s' is that of disk '%s' too", CLIP(disk->export_name),
                              CLIP(c->d->taking_part.items[k].name));
    return 0;
}

/* ---- */

static int complete_disk(struct completion *c, size_t i, struct err *err)
{
    struct backup_disk *disk = &c->d->taking_part.items[i];
    const struct disk_facts *f = domain_facts_any(c->facts, disk->name);

    disk->track = is_tracked(c->checkpoint, disk->name);
    disk->index = (int)i + 1;
    if (check_tracked(c, disk, f, err) < 0)
        return -1;
    if (disk->base && check_base(c, f, disk->base, err) < 0)
        return -1;
    return complete_place(c, i, f, err) < 0 ? -1 : complete_export(c, i, err);
}

int backup_document_complete(struct backup_document *d, const struct domain_facts *facts,
                             const struct strlist *checkpoint,
                             const struct backup_defaults *defaults, struct err *err)
{
    struct completion c = {d, facts, checkpoint, defaults};

    if (choose_disks(&c, err) < 0 || check_checkpoint(&c, err) < 0)
        return -1;
    for (size_t i = 0; i < d->taking_part.n; i++)
        if (complete_disk(&c, i, err) < 0)
            return -1;
    return 0;
}
