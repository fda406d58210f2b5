/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/backup_check.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"

int libvirt_check_request(const struct backup_request *r, struct err *err)
{
    if (backup_check_request(r, err) < 0)
        return -1;
    for (size_t i = 0; i < r->n_disks; i++)
        if (r->disks[i].place.type == PLACE_NETWORK)
            return err_set(err, ERR_UNSUPPORTED,
                           "disk %s: libvirt cannot push to an NBD server: give a file or a block"
                           " device",
                           r->disks[i].name);
    return 0;
}

/* ---- against the domain ---- */

static int check_disk(const struct backup_request *r, const struct backup_disk *disk,
                      const struct domain_facts *facts, struct err *err)
{
    const struct disk_facts *f = domain_facts_any(facts, disk->name);

    if (!f)
        return err_set(err, ERR_NOTFOUND, "no disk '%s'", disk->name);
    if (f->empty)
        return err_set(err, ERR_INVALID, "disk %s: it has no medium", disk->name);
    if (f->busy)
        return err_set(err, ERR_BUSY, "disk %s: another job uses it", disk->name);
    if (disk->base && backup_check_base(f, disk->base, err) < 0)
        return -1;
    if (disk->track && backup_check_track(f, r->checkpoint, err) < 0)
        return -1;
    if (disk->base && r->mode == MODE_PULL && disk->export_bitmap &&
        disk_facts_bitmap(f, disk->export_bitmap))
        return err_set(err, ERR_EXISTS, "disk %s: exportbitmap '%s' is the name of a checkpoint",
                       disk->name, disk->export_bitmap);
    return 0;
}

static int check_state(const struct domain_facts *facts, struct err *err)
{
    if (facts->state == DOMAIN_UNREACHABLE)
        return err_set(err, ERR_REMOTE, "%s", facts->problem ? facts->problem : "unreachable");
    if (facts->job_place)
        return err_set(err, ERR_BUSY, "a backup job into %s runs", facts->job_place);
    if (facts->job_tag)
        return err_set(err, ERR_BUSY,
                       facts->state == DOMAIN_SHUTOFF
                           ? "another backup of its images is still there"
                           : "its disks are being held against what they were");
    if (facts->state == DOMAIN_SHUTOFF && facts->problem)
        return err_set(err, facts->foreign_job ? ERR_BUSY : ERR_UNSUPPORTED, "%s", facts->problem);
    if (facts->foreign_job)
        return err_set(err, ERR_BUSY, "%s runs", facts->foreign_job);
    return 0;
}

int libvirt_check_domain(const struct backup_request *r, const struct domain_facts *facts,
                         struct err *err)
{
    if (check_state(facts, err) < 0)
        return -1;
    for (size_t i = 0; i < r->n_disks; i++)
        if (check_disk(r, &r->disks[i], facts, err) < 0)
            return -1;
    return 0;
}

/* ---- written ---- */

char *libvirt_backup_xml(const struct backup_request *r)
{
    struct backup_request alone = *r;

    alone.incremental = NULL;
    alone.listed = NULL;
    return backup_document_format(&alone);
}

static struct checkpoint_document_disk *add_disk(struct checkpoint_document *d, const char *name)
{
    struct checkpoint_document_disk *disk = VEC_ADD(&d->disks);

    disk->name = xstrdup(name);
    disk->tracked = true;
    return disk;
}

char *libvirt_checkpoint_xml(const struct backup_request *r)
{
    struct strlist disks = {0};
    char *ret;

    for (size_t i = 0; r->checkpoint && i < r->n_disks; i++)
        if (r->disks[i].track)
            strlist_add(&disks, r->disks[i].name);
    ret = disks.n > 0 ? libvirt_checkpoint_of(r->checkpoint, &disks, 0) : NULL;
    strlist_done(&disks);
    return ret;
}

char *libvirt_checkpoint_of(const char *name, const struct strlist *disks, int64_t created)
{
    struct checkpoint_document *d = xcalloc(1, sizeof(*d));
    char *ret;

    d->name = xstrdup(name);
    d->created = created;
    for (size_t i = 0; i < disks->n; i++) {
        struct checkpoint_document_disk *disk = add_disk(d, disks->items[i]);

        if (created)
            disk->bitmap = xstrdup(name);
    }
    ret = checkpoint_document_format(d);
    checkpoint_document_free(d);
    return ret;
}

/* ---- read ---- */

int libvirt_running_read(const char *xml, struct libvirt_running *ret, struct err *err)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;

    *ret = (struct libvirt_running){0};
    if (!xml || backup_document_parse(xml, strlen(xml), &d, err) < 0)
        return err_wrap(err, "the backup that runs");
    ret->mode = d->request.mode;
    ret->port = d->request.server.port;
    for (size_t i = 0; i < d->disks.n; i++) {
        const struct backup_disk *from = &d->disks.items[i];
        struct libvirt_running_disk *disk;

        if (!d->marks.items[i].takes_part)
            continue;
        disk = VEC_ADD(&ret->disks);
        disk->name = xstrdup(from->name);
        disk->path = xstrdup(from->place.path);
        disk->index = from->index;
    }
    return 0;
}

bool libvirt_running_is(const struct libvirt_running *r, const char *place)
{
    for (size_t i = 0; place && i < r->disks.n; i++)
        if (str_eq(r->disks.items[i].path, place))
            return true;
    return false;
}

void libvirt_running_done(struct libvirt_running *r)
{
    for (size_t i = 0; i < r->disks.n; i++) {
        free(r->disks.items[i].name);
        free(r->disks.items[i].path);
    }
    free(r->disks.items);
    *r = (struct libvirt_running){0};
}
