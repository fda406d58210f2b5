/* SPDX-License-Identifier: MIT */
#include "tests/support/backup_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct backup_disk push_disks[] = {
    {.name = "vda",
     .format = "qcow2",
     .place = {.type = PLACE_FILE,
               .path = "/srv/b/a 'b' \"c\" <d> & \xc3\xa9\t.qcow2",
               .encryption = {.secret = "it's \"mine\""}},
     .index = 1},
    {.name = "sdb",
     .base = "cp-1.a_B",
     .format = "qcow2",
     .place = {.type = PLACE_BLOCK,
               .path = "/dev/vg/b",
               .encryption = {.secret = "0f0e0d0c0b0a09080706050403020100", .by_uuid = true}},
     .index = 2},
    {.name = "hdc", .format = "raw", .place = {.type = PLACE_FILE, .path = "/srv/b/hdc.raw"}},
};

static const struct backup_disk network_disks[] = {
    {.name = "vda",
     .format = "raw",
     .place = {.type = PLACE_NETWORK,
               .peer = {.host = "nas.example", .tls = true},
               .export_name = "web01/vda"},
     .index = 1},
    {.name = "vdb",
     .format = "raw",
     .place = {.type = PLACE_NETWORK, .peer = {.host = "::1", .port = 10810}},
     .index = 2},
    {.name = "vdc",
     .base = "cp1",
     .format = "qcow2",
     .place = {.type = PLACE_NETWORK,
               .peer = {.transport = TRANSPORT_UNIX, .socket = "/run/nbd", .tls = true},
               .export_name = "c"},
     .index = 3},
};

static const struct backup_disk pull_disks[] = {
    {.name = "vda",
     .format = "qcow2",
     .place = {.type = PLACE_FILE, .path = "/s/vda", .encryption = {.secret = "u"}},
     .export_name = "vda"},
    {.name = "vdb",
     .base = "cp1",
     .format = "qcow2",
     .place = {.type = PLACE_BLOCK, .path = "/dev/s"},
     .export_name = "a name",
     .export_bitmap = "backup-vdb"},
};

static const struct backup_disk increments[] = {
    {.name = "vda",
     .base = "cp1",
     .format = "qcow2",
     .place = {.type = PLACE_FILE, .path = "/b/vda"}},
    {.name = "vdb",
     .base = "cp2",
     .format = "qcow2",
     .place = {.type = PLACE_FILE, .path = "/b/vdb"}},
};

#define DISKS(a) .disks = (a), .n_disks = ARRAY_LEN(a)

const struct backup_request sample_requests[] = {
    {.mode = MODE_PUSH, DISKS(push_disks)},
    {.mode = MODE_PUSH, DISKS(increments)},
    {.mode = MODE_PULL, .server = {.host = "localhost", .port = 10809}, DISKS(pull_disks)},
    {.mode = MODE_PULL, .server = {.host = "0.0.0.0", .tls = true}, DISKS(pull_disks)},
    {.mode = MODE_PULL,
     .server = {.transport = TRANSPORT_UNIX, .socket = "/run/s", .tls = true},
     DISKS(pull_disks)},
    {.mode = MODE_PUSH, DISKS(network_disks)},
};
const size_t n_sample_requests = ARRAY_LEN(sample_requests);

static void same(bool are, const char *what, const char *disk)
{
    if (are)
        return;
    fprintf(stderr, "two requests differ in %s%s%s\n", what, disk ? " of disk " : "",
            disk ? disk : "");
    abort();
}

static void same_address(const struct backup_address *a, const struct backup_address *b,
                         const char *disk)
{
    same(a->transport == b->transport, "transport", disk);
    same(str_eq(a->host, b->host), "host", disk);
    same(a->port == b->port, "port", disk);
    same(str_eq(a->socket, b->socket), "socket", disk);
    same(a->tls == b->tls, "tls", disk);
}

static void same_place(const struct backup_place *a, const struct backup_place *b, const char *disk)
{
    same(a->type == b->type, "type", disk);
    same(str_eq(a->path, b->path), "path", disk);
    same_address(&a->peer, &b->peer, disk);
    same(str_eq(a->export_name, b->export_name), "the target's export", disk);
    same(str_eq(a->encryption.secret, b->encryption.secret), "secret", disk);
    same(a->encryption.by_uuid == b->encryption.by_uuid, "kind of secret", disk);
}

static void same_disk(const struct backup_disk *a, const struct backup_disk *b)
{
    same(str_eq(a->name, b->name), "name", a->name);
    same(str_eq(a->base, b->base), "base", a->name);
    same(str_eq(a->format, b->format), "format", a->name);
    same_place(&a->place, &b->place, a->name);
    same(str_eq(a->export_name, b->export_name), "export", a->name);
    same(str_eq(a->export_bitmap, b->export_bitmap), "export's bitmap", a->name);
    same(a->index == b->index, "index", a->name);
}

void assert_requests_equal(const struct backup_request *a, const struct backup_request *b)
{
    same(a->mode == b->mode, "mode", NULL);
    same_address(&a->server, &b->server, NULL);
    same(a->n_disks == b->n_disks, "number of disks", NULL);
    for (size_t i = 0; i < a->n_disks; i++)
        same_disk(&a->disks[i], &b->disks[i]);
}
