/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/libvirt/begin.h"

static const char *keep(struct libvirt_begin *b, const char *s)
{
    if (!s)
        return NULL;
    strlist_add(&b->strings, s);
    return b->strings.items[b->strings.n - 1];
}

static void keep_disk(struct libvirt_begin *b, const struct backup_disk *from)
{
    struct backup_disk *disk = VEC_ADD(&b->disks);
    CLEANUP_FREE char *bitmap = xasprintf("backup-%s", from->name);

    *disk = *from;
    disk->index = 0; /* it is for output, and the schema takes it as nothing else */
    disk->name = keep(b, from->name);
    disk->base = keep(b, from->base);
    disk->format = keep(b, from->format);
    disk->place.path = keep(b, from->place.path);
    disk->place.export_name = keep(b, from->place.export_name);
    disk->place.encryption.secret = keep(b, from->place.encryption.secret);
    disk->place.encryption.secret_file = keep(b, from->place.encryption.secret_file);
    disk->export_name = NULL;
    disk->export_bitmap = NULL;
    if (b->request.mode != MODE_PULL)
        return;
    disk->export_name = keep(b, from->export_name ? from->export_name : from->name);
    if (from->base)
        disk->export_bitmap = keep(b, from->export_bitmap ? from->export_bitmap : bitmap);
}

struct libvirt_begin *libvirt_begin_new(const struct backup_request *r)
{
    struct libvirt_begin *b = xcalloc(1, sizeof(*b));

    b->request = *r;
    b->request.freeze_s = r->freeze_s > 0 ? r->freeze_s : FREEZE_S;
    b->request.tag = keep(b, r->tag);
    b->request.checkpoint = keep(b, r->checkpoint);
    b->request.server.host = keep(b, r->server.host);
    b->request.server.socket = keep(b, r->server.socket);
    b->request.scratch = NULL;
    b->request.incremental = NULL;
    b->request.listed = NULL;
    for (size_t i = 0; i < r->n_disks; i++)
        keep_disk(b, &r->disks[i]);
    b->request.disks = b->disks.items;
    return b;
}

void libvirt_begin_release(struct libvirt_task *t)
{
    struct libvirt_begin *b = (struct libvirt_begin *)t;

    strlist_done(&b->strings);
    free(b->disks.items);
    domain_facts_free(b->facts);
    file_list_done(&b->places);
    free(b->output);
    record_done(&libvirt_answer_job, &b->figures);
    record_done(&libvirt_answer_checkpoints, &b->checkpoints);
    free(b);
}
