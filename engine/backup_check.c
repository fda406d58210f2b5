/* SPDX-License-Identifier: MIT */
#include "engine/backup_check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"

#define SECTOR 512

static int check_address(const struct backup_address *a, const char *what, struct err *err)
{
    size_t socket_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (a->transport == TRANSPORT_TCP)
        return 0;
    if (!a->socket || a->socket[0] != '/')
        return err_set(err, ERR_INVALID, "%s: socket '%s' is not an absolute path", what,
                       a->socket ? a->socket : "");
    if (strlen(a->socket) > socket_max)
        return err_set(err, ERR_INVALID, "%s: socket '%s' is longer than %zu bytes", what,
                       a->socket, socket_max);
    return 0;
}

static int check_place(const struct backup_request *r, const struct backup_disk *disk,
                       struct err *err)
{
    const char *what = r->mode == MODE_PUSH ? "target" : "scratch";
    const struct backup_place *place = &disk->place;

    if (place->type == PLACE_NETWORK && r->mode == MODE_PULL)
        return err_set(err, ERR_UNSUPPORTED, "disk %s: scratch space cannot be behind a network",
                       disk->name);
    if (place->type == PLACE_NETWORK)
        return check_address(&place->peer, "target", err) < 0 ? err_wrap(err, "disk %s", disk->name)
                                                              : 0;
    if (!place->path || place->path[0] != '/')
        return err_set(err, ERR_INVALID, "disk %s: %s '%s' is not an absolute path", disk->name,
                       what, place->path ? place->path : "");
    if (place->encryption.secret && !place->encryption.secret_file)
        return err_set(err, ERR_NOTFOUND, "disk %s: secret '%s' is not configured", disk->name,
                       place->encryption.secret);
    if (place->encryption.secret && !str_eq(disk->format, "qcow2"))
        return err_set(err, ERR_UNSUPPORTED, "disk %s: only format qcow2 can be encrypted",
                       disk->name);
    return 0;
}

static int check_format(const struct backup_request *r, const struct backup_disk *disk,
                        struct err *err)
{
    if (r->mode == MODE_PULL && !str_eq(disk->format, "qcow2"))
        return err_set(err, ERR_UNSUPPORTED,
                       "disk %s: scratch space of format '%s'; only qcow2 can be", disk->name,
                       disk->format ? disk->format : "");
    if (!str_eq(disk->format, "qcow2") && !str_eq(disk->format, "raw"))
        return err_set(err, ERR_UNSUPPORTED, "disk %s: cannot write format '%s'", disk->name,
                       disk->format ? disk->format : "");
    if (disk->base && !str_eq(disk->format, "qcow2"))
        return err_set(err, ERR_UNSUPPORTED, "disk %s: an incremental backup needs format qcow2",
                       disk->name);
    if (disk->place.type == PLACE_NETWORK && !str_eq(disk->format, "raw") && !r->reuse_external)
        return err_set(err, ERR_UNSUPPORTED,
                       "disk %s: an NBD target of format '%s' must exist already (reuse-external)",
                       disk->name, disk->format);
    return 0;
}

static int check_disk_request(const struct backup_request *r, size_t i, struct err *err)
{
    const struct backup_disk *disk = &r->disks[i];

    for (size_t k = 0; k < i; k++)
        if (strcmp(r->disks[k].name, disk->name) == 0)
            return err_set(err, ERR_INVALID, "disk %s is named twice", disk->name);
    if (check_place(r, disk, err) < 0 || check_format(r, disk, err) < 0)
        return -1;
    if (disk->track && !r->checkpoint)
        return err_set(err, ERR_INVALID, "disk %s: there is no checkpoint to take it into",
                       disk->name);
    return 0;
}

int backup_check_request(const struct backup_request *r, struct err *err)
{
    if (r->mode == MODE_PULL && check_address(&r->server, "server", err) < 0)
        return -1;
    if (r->checkpoint && !name_is_checkpoint(r->checkpoint))
        return err_set(err, ERR_INVALID, "'%s' is no name for a checkpoint", r->checkpoint);
    if (r->n_disks == 0)
        return err_set(err, ERR_INVALID, "no disk is to be backed up");
    for (size_t i = 0; i < r->n_disks; i++)
        if (check_disk_request(r, i, err) < 0)
            return -1;
    return 0;
}

/* ---- against the domain ---- */

int backup_check_base(const struct disk_facts *disk, const char *base, struct err *err)
{
    const struct bitmap_facts *bitmap = disk_facts_checkpoint(disk, base);

    if (!bitmap)
        return err_set(err, ERR_NOTFOUND, "disk %s: checkpoint '%s' is not there", disk->name,
                       base);
    if (bitmap->inconsistent)
        return err_set(err, ERR_CORRUPT,
                       "disk %s: checkpoint '%s' is inconsistent: QEMU was not shut down properly",
                       disk->name, base);
    if (!bitmap->recording)
        return err_set(err, ERR_CORRUPT, "disk %s: checkpoint '%s' does not record changes",
                       disk->name, base);
    if (bitmap->busy)
        return err_set(err, ERR_BUSY, "disk %s: checkpoint '%s' is in use", disk->name, base);
    return 0;
}

int backup_check_track(const struct disk_facts *disk, const char *checkpoint, struct err *err)
{
    if (!disk->trackable)
        return err_set(err, ERR_UNSUPPORTED,
                       "disk %s: its format (%s) cannot hold a checkpoint; qcow2 version 3 can",
                       disk->name, disk->format);
    if (disk_facts_checkpoint(disk, checkpoint))
        return err_set(err, ERR_EXISTS, "disk %s: checkpoint '%s' exists already", disk->name,
                       checkpoint);
    return 0;
}

/* ---- places ---- */

static int check_new(const struct backup_place_check *c, const struct file_fact *f, struct err *err)
{
    if (f->has_name)
        return err_set(err, ERR_EXISTS, "disk %s: %s %s exists", c->disk, c->what, c->place->path);
    if (f->missing != ENOENT) /* who cannot look does not know that it is free */
        return err_errno(err, f->missing, "disk %s: %s %s cannot be looked at", c->disk, c->what,
                         c->place->path);
    return 0;
}

/* A raw target, which QEMU takes only if it is of the disk's size.  A device may be larger. */
static int check_raw(const struct backup_place_check *c, const struct file_fact *f, bool device,
                     struct err *err)
{
    uint64_t size = (f->end + SECTOR - 1) / SECTOR * SECTOR;

    if (f->unreadable) /* QEMU's to say */
        return 0;
    if (device ? size >= c->capacity : size == c->capacity)
        return 0;
    return err_set(err, ERR_INVALID, "disk %s: target %s has %" PRIu64 " bytes, the disk %" PRIu64,
                   c->disk, c->place->path, f->end, c->capacity);
}

static int check_there(const struct backup_place_check *c, const struct file_fact *f, bool *device,
                       struct err *err)
{
    if (f->missing == ENOENT)
        return err_set(err, ERR_NOTFOUND, "disk %s: %s %s does not exist", c->disk, c->what,
                       c->place->path);
    if (f->missing)
        return err_errno(err, f->missing, "disk %s: %s %s cannot be looked at", c->disk, c->what,
                         c->place->path);
    *device = f->type == FILE_BLOCK;
    if (c->place->type == PLACE_BLOCK && !*device)
        return err_set(err, ERR_INVALID, "disk %s: %s %s is not a block device", c->disk, c->what,
                       c->place->path);
    if (f->busy)
        return err_set(err, ERR_BUSY,
                       "disk %s: %s %s is in use (mounted, or part of another device)", c->disk,
                       c->what, c->place->path);
    return str_eq(c->format, "raw") ? check_raw(c, f, *device, err) : 0;
}

int backup_check_place(const struct backup_place_check *c, const struct file_fact *found,
                       bool *ret_device, struct err *err)
{
    if (!found)
        return err_set(err, ERR_INTERNAL, "disk %s: %s %s was not looked at", c->disk, c->what,
                       c->place->path);
    if (c->place->type == PLACE_FILE && !c->reuse_external)
        return check_new(c, found, err);
    return check_there(c, found, ret_device, err);
}
