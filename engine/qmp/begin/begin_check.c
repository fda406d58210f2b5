/* SPDX-License-Identifier: MIT
 *
 * What a backup is refused for.  QEMU itself would accept some of it: a bitmap that does not
 * record, for one, of which it would make an increment with holes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/begin/checkpoint.h"
#include "engine/qmp/begin/checkpoint_quiesce.h"
#include "engine/qmp/domain/side.h"

#define IOTHREAD_EXPORTS_MAJOR 9
#define PLACES_S 60.0

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

int begin_check_request(const struct backup_request *r, struct err *err)
{
    if (r->mode == MODE_PULL && check_address(&r->server, "server", err) < 0)
        return -1;
    if (tag_check(r->tag, err) < 0)
        return -1;
    if (r->checkpoint && !name_is_checkpoint(r->checkpoint))
        return err_set(err, ERR_INVALID, "'%s' is no name for a checkpoint", r->checkpoint);
    if (r->n_disks == 0 || r->n_disks > JOB_DISKS_MAX)
        return err_set(err, ERR_INVALID, "%zu disks: 1 to %d can be backed up together", r->n_disks,
                       JOB_DISKS_MAX);
    for (size_t i = 0; i < r->n_disks; i++)
        if (check_disk_request(r, i, err) < 0)
            return -1;
    return 0;
}

static int check_base(const struct begin_disk *disk, struct err *err)
{
    const struct bitmap_facts *bitmap = disk_facts_checkpoint(&disk->source->facts, disk->base);

    if (!bitmap)
        return err_set(err, ERR_NOTFOUND, "disk %s: checkpoint '%s' is not there", disk->name,
                       disk->base);
    if (bitmap->inconsistent)
        return err_set(err, ERR_CORRUPT,
                       "disk %s: checkpoint '%s' is inconsistent: QEMU was not shut down properly",
                       disk->name, disk->base);
    if (!bitmap->recording)
        return err_set(err, ERR_CORRUPT, "disk %s: checkpoint '%s' does not record changes",
                       disk->name, disk->base);
    if (bitmap->busy)
        return err_set(err, ERR_BUSY, "disk %s: checkpoint '%s' is in use", disk->name, disk->base);
    return 0;
}

static bool is_looked_at(const struct begin *b, const struct begin_disk *disk)
{
    return disk->place.type != PLACE_NETWORK && !disk->place.made &&
           !(b->mode == MODE_PULL && b->task.domain->side->no_writer);
}

bool begin_look_at_places(struct begin *b)
{
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.closely = &paths};

    for (size_t i = 0; i < b->disks.n; i++)
        if (is_looked_at(b, &b->disks.items[i]))
            strlist_add(&paths, b->disks.items[i].place.path);
    if (paths.n == 0)
        return false;
    task_files(&b->task, FILES_LOOK, &q, PLACES_S);
    return true;
}

static int check_new(const struct begin_disk *disk, const char *what, const struct file_fact *f,
                     struct err *err)
{
    if (f->has_name)
        return err_set(err, ERR_EXISTS, "disk %s: %s %s exists", disk->name, what,
                       disk->place.path);
    if (f->missing != ENOENT) /* who cannot look does not know that it is free */
        return err_errno(err, f->missing, "disk %s: %s %s cannot be looked at", disk->name, what,
                         disk->place.path);
    return 0;
}

static int check_there(struct begin_disk *disk, const char *what, const struct file_fact *f,
                       struct err *err)
{
    if (f->missing == ENOENT)
        return err_set(err, ERR_NOTFOUND, "disk %s: %s %s does not exist", disk->name, what,
                       disk->place.path);
    if (f->missing)
        return err_errno(err, f->missing, "disk %s: %s %s cannot be looked at", disk->name, what,
                         disk->place.path);
    disk->is_device = f->type == FILE_BLOCK;
    if (disk->place.type == PLACE_BLOCK && !disk->is_device)
        return err_set(err, ERR_INVALID, "disk %s: %s %s is not a block device", disk->name, what,
                       disk->place.path);
    if (f->busy)
        return err_set(err, ERR_BUSY,
                       "disk %s: %s %s is in use (mounted, or part of another device)", disk->name,
                       what, disk->place.path);
    return str_eq(disk->format, "raw") ? begin_check_raw(disk, f, err) : 0;
}

static int check_target(struct begin *b, struct begin_disk *disk, struct err *err)
{
    const char *what = b->mode == MODE_PUSH ? "target" : "scratch";
    const struct file_fact *f;

    if (!is_looked_at(b, disk))
        return 0;
    f = file_find_named(&b->places, disk->place.path);
    if (!f)
        return err_set(err, ERR_INTERNAL, "disk %s: %s %s was not looked at", disk->name, what,
                       disk->place.path);
    return disk->place.type == PLACE_FILE && !b->reuse_external ? check_new(disk, what, f, err)
                                                                : check_there(disk, what, f, err);
}

static int check_disk(struct begin *b, struct begin_disk *disk, struct err *err)
{
    disk->source = view_find_disk(&b->look.view, disk->name);
    if (!disk->source) {
        disk->source = view_find_aside(&b->look.view, disk->name);
        disk->still = true;
    }
    if (!disk->source)
        return err_set(err, ERR_NOTFOUND, "no disk '%s'", disk->name);
    if (disk->source->facts.empty)
        return err_set(err, ERR_INVALID, "disk %s: it has no medium", disk->name);
    if (disk->base && check_base(disk, err) < 0)
        return -1;
    if (disk->track && checkpoint_check(disk->source, b->checkpoint, err) < 0)
        return -1;
    if (disk->base && b->mode == MODE_PULL &&
        disk_facts_bitmap(&disk->source->facts, disk->export_bitmap))
        return err_set(err, ERR_EXISTS, "disk %s: exportbitmap '%s' is the name of a checkpoint",
                       disk->name, disk->export_bitmap);
    return check_target(b, disk, err);
}

const char *begin_check_quiesce(const struct begin *b)
{
    return domain_cannot_freeze(b->task.domain, &b->look.view);
}

/* QEMU 7.2 with Debian's security fixes aborts when an NBD client of such a disk disconnects
 * (nbd_blockdev_client_closed: not in the main thread); 9.0 has that right. */
static int check_iothreads(const struct begin *b, struct err *err)
{
    int major;

    if (b->mode != MODE_PULL || !b->look.view.iothreads)
        return 0;
    major = qmp_client_major(b->task.domain->client);
    if (major >= IOTHREAD_EXPORTS_MAJOR)
        return 0;
    return err_set(
        err, ERR_UNSUPPORTED,
        "the domain has iothreads, and QEMU %d may crash when it exports their disks: use"
        " mode push",
        major);
}

int begin_check_domain(struct begin *b, struct err *err)
{
    const struct view *v = &b->look.view;
    char tag[HV_TAG_MAX];

    for (size_t i = 0; i < v->jobs.n; i++)
        if (job_id_parse(v->jobs.items[i].id, tag, NULL))
            return err_set(err, ERR_BUSY, "backup job %s %s", tag,
                           v->jobs.items[i].concluded ? "has ended, but is still there" : "runs");
    if (v->foreign_job)
        return err_set(err, ERR_BUSY, "%s runs", v->foreign_job);
    if (check_iothreads(b, err) < 0)
        return -1;
    if (str_eq(v->status, "io-error"))
        return err_set(err, ERR_BUSY, "the guest is stopped by an I/O error");
    for (size_t i = 0; i < b->disks.n; i++)
        if (check_disk(b, &b->disks.items[i], err) < 0)
            return -1;
    return 0;
}
