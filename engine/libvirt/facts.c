/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/libvirt/checkpoint_facts.h"
#include "engine/libvirt/compare_place.h"
#include "engine/libvirt/domain_xml.h"

#define AWAY "it has been migrated to another host, which has its disks now"

void libvirt_look_done(struct libvirt_look *l)
{
    record_done(&libvirt_answer_domain, &l->domain);
    record_done(&libvirt_answer_checkpoints, &l->checkpoints);
    record_done(&libvirt_answer_xml, &l->backup);
    file_list_done(&l->files);
}

/* ---- the domain ---- */

static bool is_deaf(const struct libvirt_domain_answer *d)
{
    return str_eq(d->control, "error") || (str_eq(d->control, "occupied") && d->blocks.n == 0);
}

/* By a call, not by a job, which is said to be in the way. */
static bool is_held(const struct libvirt_domain_answer *d)
{
    return d->live && d->held && !d->job;
}

bool libvirt_look_has_backup(const struct libvirt_look *l)
{
    return l->domain.job && str_eq(l->domain.operation, "backup");
}

bool libvirt_look_may_ask_qemu(const struct libvirt_look *l)
{
    return l->domain.live && !is_deaf(&l->domain) && (!l->domain.job || libvirt_look_has_backup(l));
}

/* Its images are for the other host alone, even while no lock there tells: one that was paused on
 * its way takes none until it goes on. */
static bool is_away(const struct libvirt_domain_answer *d)
{
    return !d->live && str_eq(d->reason, "migrated");
}

/* A guest that sleeps or is going down has its QEMU, which can be asked. */
static enum domain_state state_of(const struct libvirt_domain_answer *d)
{
    if (!d->live)
        return DOMAIN_SHUTOFF;
    if (str_eq(d->state, "running") || str_eq(d->state, "blocked"))
        return DOMAIN_RUNNING;
    return DOMAIN_PAUSED;
}

static char *problem_of(const struct libvirt_domain_answer *d)
{
    if (d->live && str_eq(d->control, "error"))
        return xstrdup("libvirt has lost its connection to QEMU");
    if (d->live && is_deaf(d))
        return xasprintf("its QEMU has not answered libvirt for %" PRIu64 " s",
                         d->control_ms / 1000);
    if (is_held(d))
        return xstrdup(
            "another call to libvirt holds it, so libvirt does not tell its disks' sizes");
    if (d->live && str_eq(d->reason, "io-error"))
        return xstrdup("the guest is stopped by an I/O error");
    if (str_eq(d->state, "crashed") || str_eq(d->reason, "crashed"))
        return xstrdup("the guest has crashed");
    return NULL;
}

static char *foreign_job_of(const struct libvirt_domain_answer *d)
{
    static const char *const names[][2] = {
        {"save", "libvirt's save"},
        {"restore", "libvirt's restore"},
        {"dump", "libvirt's dump"},
        {"snapshot", "libvirt's snapshot"},
        {"snapshot-revert", "libvirt's return to a snapshot"},
        {"snapshot-delete", "libvirt's deletion of a snapshot"},
        {"migration-in", "a migration to this host"},
        {"migration-out", "a migration away from this host"},
        {"backup-begins",
         "a backup that libvirt begins (if it stays so, libvirtd was killed in it, and keeps the "
         "domain from all backups until it is shut off and started)"},
    };

    if (!d->job || str_eq(d->operation, "backup"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(d->operation, names[i][0]))
            return xstrdup(names[i][1]);
    return xasprintf("libvirt's job '%s'", d->operation ? d->operation : "unknown");
}

static void unreachable(struct domain_facts *f, char *why)
{
    f->state = DOMAIN_UNREACHABLE;
    free(f->problem);
    f->problem = why;
}

/* The definition that stays, the one that runs, and what belongs to the domain besides. */
static void keep_definitions(const struct libvirt_domain_answer *d, enum libvirt_at at,
                             struct domain_facts *ret)
{
    const char *stays = d->inactive ? d->inactive : d->live;

    definition_list_add(&ret->definitions, "domain.xml", xstrdup(stays), NULL);
    if (d->live && d->inactive)
        definition_list_add(&ret->definitions, "domain.live.xml", xstrdup(d->live), NULL);
    if (stays && d->no_secrets)
        definition_list_beside(&ret->definitions, "secrets", NULL, NULL, xstrdup(d->no_secrets));
    if (stays)
        libvirt_beside(d->live ? d->live : stays, at, &ret->definitions);
}

/* Sockets and scratch files are in directories of ours, which QEMU must get into. */
static char *why_apart(const struct domain_facts *f)
{
    if (f->uid == geteuid() || is_in_group(f->gid))
        return NULL;
    return xasprintf("vmkeepd runs as user %u, who is not in group %u, as which its QEMU runs",
                     (unsigned)geteuid(), (unsigned)f->gid);
}

void libvirt_facts_begin(struct libvirt_look *l, struct domain_facts *ret)
{
    struct libvirt_domain_answer *d = &l->domain;
    char *xml = d->live ? d->live : d->inactive;
    struct err err = ERR_INIT;

    ret->frozen_for = -1;
    ret->state = state_of(d);
    ret->problem = problem_of(d);
    ret->foreign_job = foreign_job_of(d);
    ret->lasting = d->persistent;
    if ((d->live && is_deaf(d)) || is_held(d))
        ret->state = DOMAIN_UNREACHABLE;
    keep_definitions(d, l->at, ret);
    if (!xml)
        unreachable(ret, xstrdup("libvirt does not tell its definition"));
    else if (is_away(d))
        unreachable(ret, xstrdup(AWAY));
    else if (libvirt_domain_xml(xml, ret, &err) < 0)
        unreachable(ret, xstrdup(err.msg));
    if (l->local && xml && ret->state != DOMAIN_UNREACHABLE)
        ret->apart = why_apart(ret);
}

/* ---- its disks ---- */

static const struct libvirt_block *block_of(const struct libvirt_domain_answer *d, const char *disk)
{
    for (size_t i = 0; i < d->blocks.n; i++)
        if (str_eq(d->blocks.items[i].name, disk))
            return &d->blocks.items[i];
    return NULL;
}

static void take_block(const struct libvirt_block *b, struct domain_facts *f, struct disk_facts *d)
{
    if (!b)
        return;
    d->capacity = b->capacity;
    d->allocated = b->physical && b->physical < b->capacity ? b->physical : b->capacity;
    d->busy = d->busy || (b->job && !str_eq(b->job, "backup"));
    /* Of a volume, which the document names by its pool. */
    if (d->image || d->empty || !b->path || b->path[0] != '/')
        return;
    d->image = xstrdup(b->path);
    if (!strlist_has(&f->files, b->path))
        strlist_add(&f->files, b->path);
}

/* Of a file on another machine the name has to do. */
static void take_file(const struct libvirt_look *l, struct disk_facts *d)
{
    const struct file_fact *file =
        l->local && d->image ? file_find_named(&l->files, d->image) : NULL;

    if (file && file->identity) {
        free(d->identity);
        d->identity = xstrdup(file->identity);
        d->special = file->type != FILE_REGULAR;
    } else if (!l->local && d->image && !d->identity) {
        d->identity = xstrdup(d->image);
    }
    if (file && file->qcow2 && file->qcow2 < 3)
        d->trackable = false;
}

/* QEMU can do better, but libvirt does not have it do so. */
#define UNSAFE "under libvirt a guest's write fails when a copy's target or scratch space is full"

static void finish_disk(const struct libvirt_look *l, struct domain_facts *f, struct disk_facts *d)
{
    d->unsafe = xstrdup(UNSAFE);
    take_block(block_of(&l->domain, d->name), f, d);
    take_file(l, d);
    libvirt_bitmaps(&l->checkpoints, libvirt_look_may_ask_qemu(l), d);
}

/* The first file that it writes to, as it was begun with. */
static char *place_of(const struct libvirt_look *l)
{
    return libvirt_look_has_backup(l) && l->backup.xml ? libvirt_backup_place(l->backup.xml) : NULL;
}

void libvirt_facts_end(const struct libvirt_look *l, struct domain_facts *ret)
{
    for (size_t i = 0; i < ret->disks.n; i++)
        finish_disk(l, ret, &ret->disks.items[i]);
    for (size_t i = 0; i < ret->asides.n; i++)
        finish_disk(l, ret, &ret->asides.items[i]);
    ret->job_place = place_of(l);
    ret->job_tag = libvirt_compare_tag(ret->job_place);
    if (ret->job_tag)
        free(TAKE_PTR(ret->job_place));
    /* One that cannot be named is in the way all the same. */
    if (libvirt_look_has_backup(l) && !ret->job_place && !ret->job_tag && !ret->foreign_job)
        ret->foreign_job = xstrdup("a backup of which libvirt does not tell where it writes");
}
