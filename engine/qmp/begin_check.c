/* SPDX-License-Identifier: MIT
 *
 * What a backup is refused for.  QEMU itself would accept some of it: a bitmap that does not
 * record, for one, of which it would make an increment with holes.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/qmp/begin.h"
#include "engine/qmp/tasks.h"

static int check_disk_request(const struct backup_request *r, size_t i, struct err *err)
{
    const struct backup_disk *disk = &r->disks[i];

    for (size_t k = 0; k < i; k++)
        if (strcmp(r->disks[k].name, disk->name) == 0)
            return err_set(err, ERR_INVALID, "disk %s is named twice", disk->name);
    if (!disk->place.path || disk->place.path[0] != '/')
        return err_set(err, ERR_INVALID, "disk %s: target '%s' is not an absolute path", disk->name,
                       disk->place.path ? disk->place.path : "");
    if (!str_eq(disk->format, "qcow2") && !str_eq(disk->format, "raw"))
        return err_set(err, ERR_UNSUPPORTED, "disk %s: cannot write format '%s'", disk->name,
                       disk->format ? disk->format : "");
    if (disk->base && !str_eq(disk->format, "qcow2"))
        return err_set(err, ERR_UNSUPPORTED, "disk %s: an incremental backup needs format qcow2",
                       disk->name);
    if (disk->track && !r->checkpoint)
        return err_set(err, ERR_INVALID, "disk %s: there is no checkpoint to take it into",
                       disk->name);
    return 0;
}

int begin_check_request(const struct backup_request *r, struct err *err)
{
    if (r->mode == MODE_PULL)
        return err_set(err, ERR_UNSUPPORTED, "mode pull is not supported by this driver yet");
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
    const struct bitmap_facts *bitmap = disk_facts_bitmap(&disk->source->facts, disk->base);

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

static int check_target(struct begin *b, struct begin_disk *disk, struct err *err)
{
    struct stat st;
    bool there = lstat(disk->target, &st) == 0;

    if (there && !b->reuse_external)
        return err_set(err, ERR_EXISTS, "disk %s: target %s exists", disk->name, disk->target);
    if (b->reuse_external && stat(disk->target, &st) < 0)
        return err_set(err, ERR_NOTFOUND, "disk %s: target %s does not exist", disk->name,
                       disk->target);
    disk->is_device = there && S_ISBLK(st.st_mode);
    return 0;
}

static int check_disk(struct begin *b, struct begin_disk *disk, struct err *err)
{
    disk->source = view_find_disk(&b->look.view, disk->name);
    if (!disk->source)
        return err_set(err, ERR_NOTFOUND, "no disk '%s'", disk->name);
    if (disk->base && check_base(disk, err) < 0)
        return -1;
    if (disk->track && checkpoint_check(disk->source, b->checkpoint, err) < 0)
        return -1;
    return check_target(b, disk, err);
}

const char *begin_check_quiesce(const struct begin *b)
{
    if (!b->task.domain->freezer)
        return "no guest agent is configured";
    if (!b->look.view.running)
        return "the guest does not run";
    if (b->look.view.frozen_mark)
        return "the guest agent has not confirmed the thaw of an earlier backup";
    return NULL;
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
    if (str_eq(v->status, "io-error"))
        return err_set(err, ERR_BUSY, "the guest is stopped by an I/O error");
    for (size_t i = 0; i < b->disks.n; i++)
        if (check_disk(b, &b->disks.items[i], err) < 0)
            return -1;
    return 0;
}
