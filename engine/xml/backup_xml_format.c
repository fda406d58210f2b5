/* SPDX-License-Identifier: MIT
 *
 * <domainbackup>, written.
 */
#include <string.h>

#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/xml.h"

static const char *const types[] = {
    [PLACE_NONE] = "file",
    [PLACE_FILE] = "file",
    [PLACE_BLOCK] = "block",
    [PLACE_NETWORK] = "network",
};

static void put_address(struct xml_writer *w, const struct backup_address *a)
{
    xml_put(w, "transport", a->transport == TRANSPORT_UNIX ? "unix" : "tcp");
    if (a->transport == TRANSPORT_UNIX) {
        xml_put(w, "socket", a->socket);
        return;
    }
    xml_put(w, "name", a->host ? a->host : "localhost");
    if (a->port)
        xml_put_number(w, "port", a->port);
}

static void put_encryption(struct xml_writer *w, const struct backup_encryption *e)
{
    if (!e->secret)
        return;
    xml_open(w, "encryption");
    xml_put(w, "format", "luks");
    xml_open(w, "secret");
    xml_put(w, "type", "passphrase");
    xml_put(w, e->by_uuid ? "uuid" : "usage", e->secret);
    xml_close(w);
    xml_close(w);
}

static void put_place(struct xml_writer *w, const char *element, const struct backup_place *p)
{
    if (p->type == PLACE_NONE)
        return;
    xml_open(w, element);
    if (p->type == PLACE_NETWORK) {
        xml_put(w, "protocol", "nbd");
        xml_put(w, "name", p->export_name);
        xml_put(w, "tls", p->peer.tls ? "yes" : NULL);
        xml_open(w, "host");
        put_address(w, &p->peer);
        xml_close(w);
    } else {
        xml_put(w, p->type == PLACE_BLOCK ? "dev" : "file", p->path);
    }
    put_encryption(w, &p->encryption);
    xml_close(w);
}

static void put_disk(struct xml_writer *w, enum backup_mode mode, const struct backup_disk *d)
{
    bool pull = mode == MODE_PULL;

    xml_open(w, "disk");
    xml_put(w, "name", d->name);
    xml_put(w, "backup", "yes");
    xml_put(w, "type", types[d->place.type]);
    xml_put(w, "backupmode", d->base ? "incremental" : "full");
    xml_put(w, "incremental", d->base);
    xml_put(w, "exportname", pull ? d->export_name : NULL);
    xml_put(w, "exportbitmap", pull ? d->export_bitmap : NULL);
    if (d->index > 0)
        xml_put_number(w, "index", (uint64_t)d->index);
    /* The schema has no <driver> without a <scratch>. */
    if (d->format && !(pull && d->place.type == PLACE_NONE)) {
        xml_open(w, "driver");
        xml_put(w, "type", d->format);
        xml_close(w);
    }
    put_place(w, pull ? "scratch" : "target", &d->place);
    xml_close(w);
}

static const struct backup_disk *find_disk(const struct backup_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_disks; i++)
        if (strcmp(r->disks[i].name, name) == 0)
            return &r->disks[i];
    return NULL;
}

static void put_listed(struct xml_writer *w, const struct backup_request *r, const char *name)
{
    const struct backup_disk *d = find_disk(r, name);

    if (d) {
        put_disk(w, r->mode, d);
        return;
    }
    xml_open(w, "disk");
    xml_put(w, "name", name);
    xml_put(w, "backup", "no");
    xml_close(w);
}

static void put_disks(struct xml_writer *w, const struct backup_request *r)
{
    size_t n = r->listed ? r->listed->n : r->n_disks;

    if (n == 0)
        return;
    xml_open(w, "disks");
    for (size_t i = 0; i < n; i++)
        put_listed(w, r, r->listed ? r->listed->items[i] : r->disks[i].name);
    xml_close(w);
}

static const char *common_base(const struct backup_request *r)
{
    const char *base = NULL;

    for (size_t i = 0; i < r->n_disks; i++) {
        const char *one = r->disks[i].base;

        if (one && base && strcmp(one, base) != 0)
            return NULL;
        base = one ? one : base;
    }
    return base;
}

char *backup_document_format(const struct backup_request *request)
{
    struct xml_writer *w = xml_writer_new();

    xml_open(w, "domainbackup");
    xml_put(w, "mode", mode_name(request->mode));
    xml_put_element(w, "incremental",
                    request->incremental ? request->incremental : common_base(request));
    if (request->mode == MODE_PULL) {
        xml_open(w, "server");
        put_address(w, &request->server);
        xml_put(w, "tls", request->server.tls ? "yes" : NULL);
        xml_close(w);
    }
    put_disks(w, request);
    xml_close(w);
    return xml_writer_end(w);
}
