/* SPDX-License-Identifier: MIT
 *
 * What is asked for, kept for as long as the beginning takes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/qmp/begin/begin.h"

static const char *keep(struct begin *b, const char *s)
{
    if (!s)
        return NULL;
    strlist_add(&b->strings, s);
    return b->strings.items[b->strings.n - 1];
}

static void keep_address(struct begin *b, struct backup_address *a)
{
    a->host = keep(b, a->host);
    a->socket = keep(b, a->socket);
}

static void keep_disk(struct begin *b, const struct domain *d, const struct backup_disk *from)
{
    struct begin_disk *disk = VEC_ADD(&b->disks);
    CLEANUP_FREE char *bitmap = xasprintf("backup-%s", from->name);
    CLEANUP_FREE char *own = NULL;

    disk->name = keep(b, from->name);
    disk->base = keep(b, from->base);
    disk->format = keep(b, from->format);
    disk->export_name = keep(b, from->export_name ? from->export_name : from->name);
    disk->export_bitmap = keep(b, from->export_bitmap ? from->export_bitmap : bitmap);
    disk->track = from->track;
    if (from->track && b->checkpoint) {
        own = domain_bitmap(d, b->checkpoint, from->name);
        disk->bitmap = keep(b, own);
    }
    disk->place = from->place;
    disk->place.path = keep(b, from->place.path);
    disk->place.export_name = keep(b, from->place.export_name);
    disk->place.encryption.secret = keep(b, from->place.encryption.secret);
    disk->place.encryption.secret_file = keep(b, from->place.encryption.secret_file);
    keep_address(b, &disk->place.peer);
}

struct begin *begin_new(const struct domain *d, const struct backup_request *r)
{
    struct begin *b = xcalloc(1, sizeof(*b));

    snprintf(b->tag, sizeof(b->tag), "%s", r->tag);
    b->checkpoint = keep(b, r->checkpoint);
    b->scratch = keep(b, r->scratch);
    b->mode = r->mode;
    b->server = r->server;
    keep_address(b, &b->server);
    b->quiesce = r->quiesce;
    b->freeze_s = r->freeze_s > 0 ? r->freeze_s : FREEZE_S;
    b->reuse_external = r->reuse_external;
    b->made_empty = r->made_empty;
    b->bandwidth = r->bandwidth;
    for (size_t i = 0; i < r->n_disks; i++)
        keep_disk(b, d, &r->disks[i]);
    return b;
}
