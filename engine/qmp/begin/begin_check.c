/* SPDX-License-Identifier: MIT
 *
 * What a backup is refused for.  QEMU itself would accept some of it: a bitmap that does not
 * record, for one, of which it would make an increment with holes.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/backup_check.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/begin/checkpoint.h"
#include "engine/qmp/begin/checkpoint_quiesce.h"
#include "engine/qmp/domain/side.h"

#define IOTHREAD_EXPORTS_MAJOR 9
#define PLACES_S 60.0

int begin_check_request(const struct backup_request *r, struct err *err)
{
    if (tag_check(r->tag, err) < 0)
        return -1;
    if (r->n_disks == 0 || r->n_disks > JOB_DISKS_MAX)
        return err_set(err, ERR_INVALID, "%zu disks: 1 to %d can be backed up together", r->n_disks,
                       JOB_DISKS_MAX);
    return backup_check_request(r, err);
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

static int check_target(struct begin *b, struct begin_disk *disk, struct err *err)
{
    const struct backup_place_check c = {
        .disk = disk->name,
        .what = b->mode == MODE_PUSH ? "target" : "scratch",
        .place = &disk->place,
        .format = disk->format,
        .capacity = disk->source->facts.capacity,
        .reuse_external = b->reuse_external,
    };

    if (!is_looked_at(b, disk))
        return 0;
    return backup_check_place(&c, file_find_named(&b->places, disk->place.path), &disk->is_device,
                              err);
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
    if (disk->base && backup_check_base(&disk->source->facts, disk->base, err) < 0)
        return -1;
    if (disk->track && backup_check_track(&disk->source->facts, b->checkpoint, err) < 0)
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
