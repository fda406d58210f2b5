/* SPDX-License-Identifier: MIT
 *
 * <domainbackup>, read.  What may stand where is in the tables; what depends on the mode and on the
 * disk's type is in the code below them.
 */
#include "engine/backup_xml.h"

#include <limits.h>
#include <string.h>
#include <sys/un.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/xml.h"

#define EXPORT_NAME_MAX 4096    /* NBD's longest string (nbd/nbd.h of QEMU: NBD_MAX_STRING_SIZE) */
#define BITMAP_NAME_MAX 1023    /* QEMU's longest (BDRV_BITMAP_MAX_NAME_SIZE) */
#define HOST_NAME_BYTES_MAX 255 /* RFC 1035 */

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define SHAPES(...)                                                                                \
    (const struct xml_shape *const[])                                                              \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define REFUSALS(...)                                                                              \
    (const struct xml_refusal[])                                                                   \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }

/* ---- what may stand where ---- */

static const struct xml_shape secret_shape = {
    .name = "secret",
    .attributes = NAMES("type", "uuid", "usage"),
};
static const struct xml_shape encryption_shape = {
    .name = "encryption",
    .attributes = NAMES("format", "engine"),
    .children = SHAPES(&secret_shape),
    .refused =
        REFUSALS({"cipher", "QEMU's default cipher is used"}, {"ivgen", "QEMU's default is used"}),
};
static const struct xml_shape host_shape = {
    .name = "host",
    .attributes = NAMES("transport", "name", "port", "socket"),
};
#define PLACE_REFUSALS                                                                             \
    {"seclabel", "files keep the labels that the host's rules give them"},                         \
        {"@fdgroup", "no file descriptors are passed to vmkeepd"},                                 \
        {"@startupPolicy", "a place that is missing is an error"},                                 \
        {"dataStore", "an image's data and metadata are in one file"},                             \
        {"backingStore", "the image stands alone, or on what its author gives it"},                \
        {"slices", "an image takes up the whole file or device"},                                  \
        {"reservations", "persistent reservations are for a guest's disks"},                       \
        {"metadata_cache", "QEMU's default is used"}, {"auth", "NBD has no user names"},           \
    {                                                                                              \
        "@tlsHostname", "the certificate must be of the host that is connected to"                 \
    }
static const struct xml_shape target_shape = {
    .name = "target",
    .attributes = NAMES("file", "dev", "protocol", "name", "tls"),
    .children = SHAPES(&encryption_shape, &host_shape),
    .refused = REFUSALS(PLACE_REFUSALS),
};
static const struct xml_shape scratch_shape = {
    .name = "scratch",
    .attributes = NAMES("file", "dev"),
    .children = SHAPES(&encryption_shape),
    .refused = REFUSALS(PLACE_REFUSALS),
};
static const struct xml_shape driver_shape = {
    .name = "driver",
    .attributes = NAMES("type"),
};
static const struct xml_shape disk_shape = {
    .name = "disk",
    .attributes = NAMES("name", "backup", "backupmode", "incremental", "exportname", "exportbitmap",
                        "type", "index"),
    .children = SHAPES(&target_shape, &scratch_shape, &driver_shape),
    .repeats = true,
};
static const struct xml_shape disks_shape = {
    .name = "disks",
    .children = SHAPES(&disk_shape),
};
static const struct xml_shape incremental_shape = {.name = "incremental", .has_text = true};
static const struct xml_shape server_shape = {
    .name = "server",
    .attributes = NAMES("transport", "name", "port", "socket", "tls"),
    .refused = REFUSALS({"@fdgroup", "no file descriptors are passed to vmkeepd"}),
};
static const struct xml_shape backup_shape = {
    .name = "domainbackup",
    .attributes = NAMES("mode"),
    .children = SHAPES(&incremental_shape, &server_shape, &disks_shape),
    .refused = REFUSALS({"memory", "a backup is of disks, without the guest's memory"},
                        {"vmstate", "a backup is of disks, without the guest's memory"}),
};

/* ---- values ---- */

struct reader {
    struct backup_document *d;
    struct err *err;
};

static struct xml_value value(struct reader *r, const struct _xmlNode *node, const char *attribute)
{
    return (struct xml_value){node, attribute, xml_attribute(node, attribute, &r->d->strings)};
}

/* An attribute that has no meaning where it stands. */
static int refuse(struct reader *r, const struct _xmlNode *node, const char *attribute,
                  const char *why)
{
    struct xml_value v = value(r, node, attribute);

    if (!v.value)
        return 0;
    return xml_error(node, ERR_INVALID, r->err, "%s='%s': %s", attribute, CLIP(v.value), why);
}

static int read_path(struct reader *r, const struct _xmlNode *node, const char *attribute,
                     size_t max, const char **ret)
{
    struct xml_value v = value(r, node, attribute);

    if (!v.value)
        return xml_error(node, ERR_INVALID, r->err, "%s= is missing", attribute);
    if (v.value[0] != '/' || !v.value[1])
        return xml_error(node, ERR_INVALID, r->err, "%s='%s' is not an absolute path", attribute,
                         CLIP(v.value));
    if (strlen(v.value) > max)
        return xml_error(node, ERR_INVALID, r->err, "%s='%s' is longer than %zu bytes", attribute,
                         CLIP(v.value), max);
    *ret = v.value;
    return 0;
}

static int read_name(struct reader *r, const struct _xmlNode *node, const char *attribute,
                     size_t max, const char **ret)
{
    struct xml_value v = value(r, node, attribute);

    if (!v.value)
        return 0;
    if (!*v.value)
        return xml_error(node, ERR_INVALID, r->err, "%s='' is empty", attribute);
    if (strlen(v.value) > max)
        return xml_error(node, ERR_INVALID, r->err, "%s='%s' is longer than %zu bytes", attribute,
                         CLIP(v.value), max);
    *ret = v.value;
    return 0;
}

static int read_checkpoint(struct reader *r, const struct _xmlNode *node, const char *what,
                           const char *name)
{
    if (!name || name_is_checkpoint(name))
        return 0;
    return xml_error(node, ERR_INVALID, r->err,
                     "%s'%s' is no checkpoint's name: letters, digits, '_', '-' and '.' make one",
                     what, CLIP(name));
}

/* ---- addresses ---- */

static int read_tcp(struct reader *r, const struct _xmlNode *node, int64_t port_min,
                    struct backup_address *ret)
{
    struct xml_value port = value(r, node, "port");
    int64_t n = 0;

    if (refuse(r, node, "socket", "only transport='unix' has one") < 0 ||
        read_name(r, node, "name", HOST_NAME_BYTES_MAX, &ret->host) < 0 ||
        xml_number(&port, port_min, UINT16_MAX, &n, r->err) < 0)
        return -1;
    ret->port = (uint16_t)n;
    return 0;
}

static int read_unix(struct reader *r, const struct _xmlNode *node, struct backup_address *ret)
{
    if (refuse(r, node, "name", "only transport='tcp' has one") < 0 ||
        refuse(r, node, "port", "only transport='tcp' has one") < 0)
        return -1;
    return read_path(r, node, "socket", sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
                     &ret->socket);
}

static int read_address(struct reader *r, const struct _xmlNode *node, int64_t port_min,
                        struct backup_address *ret)
{
    static const char *const transports[] = {"tcp", "unix", NULL};
    struct xml_value v = value(r, node, "transport");
    int transport = TRANSPORT_TCP;

    if (str_eq(v.value, "fd") || str_eq(v.value, "rdma") || str_eq(v.value, "vsock"))
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "transport='%s' is not supported: 'tcp' and 'unix' are", v.value);
    if (xml_word(&v, transports, &transport, r->err) < 0)
        return -1;
    ret->transport = (enum transport)transport;
    return transport == TRANSPORT_TCP ? read_tcp(r, node, port_min, ret) : read_unix(r, node, ret);
}

static int read_server(struct reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "server");
    struct backup_address *server = &r->d->request.server;
    struct xml_value tls = value(r, node, "tls");

    if (r->d->request.mode == MODE_PUSH && node)
        return xml_error(node, ERR_INVALID, r->err, "only a backup with mode='pull' has a server");
    if (node && (xml_bool(&tls, &server->tls, r->err) < 0 || read_address(r, node, 0, server) < 0))
        return -1;
    if (r->d->request.mode == MODE_PULL && server->transport == TRANSPORT_TCP && !server->host)
        server->host = "localhost";
    return 0;
}

/* ---- places ---- */

static bool is_uuid(const char *s)
{
    size_t hex = 0, len = strlen(s);

    for (size_t i = 0; i < len; i++) {
        bool dash = len == 36 && (i == 8 || i == 13 || i == 18 || i == 23);

        if (dash ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]))
            return false;
        hex += !dash;
    }
    return hex == 32;
}

static int read_secret(struct reader *r, const struct _xmlNode *encryption,
                       struct backup_encryption *ret)
{
    const struct _xmlNode *node = xml_child(encryption, "secret");
    const char *type = xml_attribute(node, "type", &r->d->strings);
    const char *uuid = xml_attribute(node, "uuid", &r->d->strings);
    const char *usage = xml_attribute(node, "usage", &r->d->strings);

    if (!node)
        return xml_error(encryption, ERR_INVALID, r->err, "<secret> is missing");
    if (!str_eq(type, "passphrase"))
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "type='%s' is not supported: a secret is a 'passphrase'",
                         CLIP(type ? type : ""));
    if (!uuid == !usage)
        return xml_error(node, ERR_INVALID, r->err,
                         "a secret is named by uuid= or by usage=, one of them");
    if (uuid && !is_uuid(uuid))
        return xml_error(node, ERR_INVALID, r->err, "uuid='%s' is not a UUID", CLIP(uuid));
    ret->by_uuid = uuid != NULL;
    return read_name(r, node, uuid ? "uuid" : "usage", BITMAP_NAME_MAX, &ret->secret);
}

static int read_encryption(struct reader *r, const struct _xmlNode *place,
                           const struct backup_disk *disk, struct backup_encryption *ret)
{
    const struct _xmlNode *node = xml_child(place, "encryption");
    const char *format = xml_attribute(node, "format", &r->d->strings);
    const char *engine = xml_attribute(node, "engine", &r->d->strings);

    if (!node)
        return 0;
    if (!str_eq(format, "luks"))
        return xml_error(node, ERR_UNSUPPORTED, r->err, "format='%s' is not supported: 'luks' is",
                         CLIP(format ? format : ""));
    if (engine && !str_eq(engine, "qemu"))
        return xml_error(node, ERR_UNSUPPORTED, r->err, "engine='%s' is not supported: 'qemu' is",
                         CLIP(engine));
    if (disk->place.type == PLACE_NETWORK)
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "an NBD server's storage is not encrypted from here");
    if (!str_eq(disk->format, "qcow2"))
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "an image of format '%s' is not encrypted: qcow2 can be", disk->format);
    return read_secret(r, node, ret);
}

static int read_network(struct reader *r, const struct _xmlNode *node, struct backup_place *ret)
{
    const struct _xmlNode *host = xml_child(node, "host");
    struct xml_value protocol = value(r, node, "protocol");
    struct xml_value tls = value(r, node, "tls");

    if (!str_eq(protocol.value, "nbd"))
        return xml_error(node, ERR_UNSUPPORTED, r->err, "protocol='%s' is not supported: 'nbd' is",
                         CLIP(protocol.value ? protocol.value : ""));
    if (!host)
        return xml_error(node, ERR_INVALID, r->err, "<host> is missing");
    if (refuse(r, node, "file", "a disk with type='network' has a <host>") < 0 ||
        refuse(r, node, "dev", "a disk with type='network' has a <host>") < 0 ||
        xml_bool(&tls, &ret->peer.tls, r->err) < 0 || read_address(r, host, 1, &ret->peer) < 0 ||
        read_name(r, node, "name", EXPORT_NAME_MAX, &ret->export_name) < 0)
        return -1;
    if (ret->peer.transport == TRANSPORT_TCP && !ret->peer.host)
        return xml_error(host, ERR_INVALID, r->err, "name= is missing");
    return 0;
}

static int read_local(struct reader *r, const struct _xmlNode *node, struct backup_place *ret)
{
    bool block = ret->type == PLACE_BLOCK;
    const char *why = "only a disk with type='network' has it";
    const struct _xmlNode *host = xml_child(node, "host");

    if (host)
        return xml_error(host, ERR_INVALID, r->err, "%s", why);
    if (refuse(r, node, "protocol", why) < 0 || refuse(r, node, "name", why) < 0 ||
        refuse(r, node, "tls", why) < 0 ||
        refuse(r, node, block ? "file" : "dev",
               block ? "a disk with type='block' has dev="
                     : "a disk with type='file' has file=, one with type='block' has dev=") < 0)
        return -1;
    return read_path(r, node, block ? "dev" : "file", PATH_MAX - 1, &ret->path);
}

static int read_place(struct reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    bool push = r->d->request.mode == MODE_PUSH;
    const struct _xmlNode *place = xml_child(node, push ? "target" : "scratch");
    const struct _xmlNode *other = xml_child(node, push ? "scratch" : "target");

    if (other)
        return xml_error(other, ERR_INVALID, r->err, "a backup with mode='%s' has a <%s>",
                         push ? "push" : "pull", push ? "target" : "scratch");
    if (!place && disk->place.type != PLACE_FILE)
        return xml_error(node, ERR_INVALID, r->err, "type='%s' needs a <%s>",
                         disk->place.type == PLACE_BLOCK ? "block" : "network",
                         push ? "target" : "scratch");
    if (!place) {
        disk->place.type = PLACE_NONE;
        return 0;
    }
    if ((disk->place.type == PLACE_NETWORK ? read_network(r, place, &disk->place)
                                           : read_local(r, place, &disk->place)) < 0)
        return -1;
    return read_encryption(r, place, disk, &disk->place.encryption);
}

/* ---- disks ---- */

static int read_type(struct reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    static const char *const types[] = {"file", "block", "network", NULL};
    struct xml_value v = value(r, node, "type");
    int type = 0;

    if (xml_word(&v, types, &type, r->err) < 0)
        return -1;
    disk->place.type = (enum place_type)(PLACE_FILE + type);
    if (disk->place.type == PLACE_NETWORK && r->d->request.mode == MODE_PULL)
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "type='network' is not supported: scratch space must be on this host");
    return 0;
}

static int read_format(struct reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    const struct _xmlNode *driver = xml_child(node, "driver");
    const char *type = xml_attribute(driver, "type", &r->d->strings);

    if (driver && !type)
        return xml_error(driver, ERR_INVALID, r->err, "type= is missing");
    disk->format = type ? type : disk->place.type == PLACE_NETWORK ? "raw" : "qcow2";
    if (r->d->request.mode == MODE_PULL && !str_eq(disk->format, "qcow2"))
        return xml_error(driver, ERR_UNSUPPORTED, r->err,
                         "type='%s' is not supported: scratch space is always qcow2",
                         CLIP(disk->format));
    if (!str_eq(disk->format, "qcow2") && !str_eq(disk->format, "raw"))
        return xml_error(driver, ERR_UNSUPPORTED, r->err,
                         "type='%s' is not supported: 'qcow2' and 'raw' are", CLIP(disk->format));
    if (disk->base && !str_eq(disk->format, "qcow2"))
        return xml_error(driver ? driver : node, ERR_UNSUPPORTED, r->err,
                         "an increment cannot be %s, where zeroes look like what has not changed: "
                         "<driver type='qcow2'/> is needed",
                         disk->format);
    return 0;
}

static int read_mode(struct reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    static const char *const modes[] = {"full", "incremental", NULL};
    struct xml_value v = value(r, node, "backupmode");
    const char *own = xml_attribute(node, "incremental", &r->d->strings);
    int mode = 0;

    if (xml_word(&v, modes, &mode, r->err) < 0 || read_checkpoint(r, node, "incremental=", own) < 0)
        return -1;
    if (v.value && mode == 0 && own)
        return xml_error(node, ERR_INVALID, r->err,
                         "backupmode='full' and incremental='%s' contradict each other", CLIP(own));
    if (!v.value || mode == 1)
        disk->base = own ? own : r->d->incremental;
    if (mode == 1 && !disk->base)
        return xml_error(node, ERR_INVALID, r->err,
                         "backupmode='incremental' needs a checkpoint: incremental='NAME', or "
                         "<incremental>NAME</incremental> for all disks");
    return 0;
}

static int read_export(struct reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    const char *pull_only = "only a backup with mode='pull' exports its disks";

    if (r->d->request.mode == MODE_PUSH)
        return refuse(r, node, "exportname", pull_only) < 0
                   ? -1
                   : refuse(r, node, "exportbitmap", pull_only);
    if (!disk->base && refuse(r, node, "exportbitmap",
                              "only an incremental backup has one, and this disk's is full") < 0)
        return -1;
    return read_name(r, node, "exportname", EXPORT_NAME_MAX, &disk->export_name) < 0
               ? -1
               : read_name(r, node, "exportbitmap", BITMAP_NAME_MAX, &disk->export_bitmap);
}

static int read_disk(struct reader *r, const struct _xmlNode *node)
{
    struct backup_document *d = r->d;
    struct backup_disk disk = {.name = xml_attribute(node, "name", &d->strings)};
    struct xml_value backup = value(r, node, "backup");
    struct xml_value index = value(r, node, "index");
    bool takes_part = true;
    int64_t n = 0;

    if (!disk.name || !*disk.name)
        return xml_error(node, ERR_INVALID, r->err, "name= is missing: which disk?");
    for (size_t i = 0; i < d->disks.n; i++)
        if (strcmp(d->disks.items[i].name, disk.name) == 0)
            return xml_error(node, ERR_INVALID, r->err, "it is listed twice");
    if (xml_bool(&backup, &takes_part, r->err) < 0 ||
        xml_number(&index, 1, INT_MAX, &n, r->err) < 0 || read_mode(r, node, &disk) < 0 ||
        read_type(r, node, &disk) < 0 || read_format(r, node, &disk) < 0 ||
        read_place(r, node, &disk) < 0 || read_export(r, node, &disk) < 0)
        return -1;
    disk.index = (int)n;
    *VEC_ADD(&d->disks) = disk;
    VEC_ADD(&d->marks)->takes_part = takes_part;
    if (takes_part)
        *VEC_ADD(&d->taking_part) = disk;
    return 0;
}

static int read_disks(struct reader *r, const struct _xmlNode *root)
{
    struct backup_document *d = r->d;
    const struct _xmlNode *node = xml_child(root, "disks");

    d->all_disks = node == NULL;
    for (const struct _xmlNode *n = xml_child(node, "disk"); n; n = xml_next(n))
        if (read_disk(r, n) < 0)
            return -1;
    if (node && d->disks.n == 0)
        return xml_error(node, ERR_INVALID, r->err,
                         "it lists no <disk>; without it, all disks are backed up");
    if (node && d->taking_part.n == 0)
        return xml_error(node, ERR_INVALID, r->err,
                         "no disk is backed up: every one has backup='no'");
    d->request.disks = d->taking_part.items;
    d->request.n_disks = d->taking_part.n;
    return 0;
}

static int read_incremental(struct reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "incremental");
    const char *name = xml_text(node, &r->d->strings);

    r->d->incremental = (char *)name;
    return read_checkpoint(r, node, "", name);
}

static int read_root(struct reader *r, const struct _xmlNode *root)
{
    static const char *const modes[] = {"push", "pull", NULL};
    struct xml_value v = value(r, root, "mode");
    int mode = 0;

    if (xml_word(&v, modes, &mode, r->err) < 0)
        return -1;
    r->d->request.mode = mode == 0 ? MODE_PUSH : MODE_PULL;
    if (read_incremental(r, root) < 0 || read_server(r, root) < 0)
        return -1;
    return read_disks(r, root);
}

int backup_document_parse(const char *xml, size_t len, struct backup_document **ret,
                          struct err *err)
{
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    struct backup_document *d;

    if (xml_read(xml, len, &backup_shape, &doc, err) < 0)
        return -1;
    d = xcalloc(1, sizeof(*d));
    if (read_root(&(struct reader){d, err}, xml_root(doc)) < 0) {
        backup_document_free(d);
        return -1;
    }
    *ret = d;
    return 0;
}

void backup_document_free(struct backup_document *d)
{
    if (!d)
        return;
    strlist_done(&d->strings);
    free(d->disks.items);
    free(d->marks.items);
    free(d->taking_part.items);
    free(d);
}
