/* SPDX-License-Identifier: MIT
 *
 * <domainbackup>'s places and addresses: <server>, <target>, <scratch>.
 */
#include <limits.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "engine/xml/backup_xml_priv.h"

#define HOST_NAME_BYTES_MAX 255 /* RFC 1035 */

struct xml_value backup_xml_value(struct backup_reader *r, const struct _xmlNode *node,
                                  const char *attribute)
{
    return (struct xml_value){node, attribute, xml_attribute(node, attribute, &r->d->strings)};
}

/* An attribute that has no meaning where it stands. */
int backup_xml_refuse(struct backup_reader *r, const struct _xmlNode *node, const char *attribute,
                      const char *why)
{
    struct xml_value v = backup_xml_value(r, node, attribute);

    if (!v.value)
        return 0;
    return xml_error(node, ERR_INVALID, r->err, "%s='%s': %s", attribute, CLIP(v.value), why);
}

static int read_path(struct backup_reader *r, const struct _xmlNode *node, const char *attribute,
                     size_t max, const char **ret)
{
    struct xml_value v = backup_xml_value(r, node, attribute);

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

int backup_xml_name(struct backup_reader *r, const struct _xmlNode *node, const char *attribute,
                    size_t max, const char **ret)
{
    struct xml_value v = backup_xml_value(r, node, attribute);

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

/* ---- addresses ---- */

static int read_tcp(struct backup_reader *r, const struct _xmlNode *node, int64_t port_min,
                    struct backup_address *ret)
{
    struct xml_value port = backup_xml_value(r, node, "port");
    int64_t n = 0;

    if (backup_xml_refuse(r, node, "socket", "only transport='unix' has one") < 0 ||
        backup_xml_name(r, node, "name", HOST_NAME_BYTES_MAX, &ret->host) < 0 ||
        xml_number(&port, port_min, UINT16_MAX, &n, r->err) < 0)
        return -1;
    ret->port = (uint16_t)n;
    return 0;
}

static int read_unix(struct backup_reader *r, const struct _xmlNode *node,
                     struct backup_address *ret)
{
    if (backup_xml_refuse(r, node, "name", "only transport='tcp' has one") < 0 ||
        backup_xml_refuse(r, node, "port", "only transport='tcp' has one") < 0)
        return -1;
    return read_path(r, node, "socket", sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
                     &ret->socket);
}

static int read_address(struct backup_reader *r, const struct _xmlNode *node, int64_t port_min,
                        struct backup_address *ret)
{
    static const char *const transports[] = {"tcp", "unix", NULL};
    struct xml_value v = backup_xml_value(r, node, "transport");
    int transport = TRANSPORT_TCP;

    if (str_eq(v.value, "fd") || str_eq(v.value, "rdma") || str_eq(v.value, "vsock"))
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "transport='%s' is not supported: 'tcp' and 'unix' are", v.value);
    if (xml_word(&v, transports, &transport, r->err) < 0)
        return -1;
    ret->transport = (enum transport)transport;
    return transport == TRANSPORT_TCP ? read_tcp(r, node, port_min, ret) : read_unix(r, node, ret);
}

int backup_xml_server(struct backup_reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "server");
    struct backup_address *server = &r->d->request.server;
    struct xml_value tls = backup_xml_value(r, node, "tls");

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

static int read_secret(struct backup_reader *r, const struct _xmlNode *encryption,
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
    return backup_xml_name(r, node, uuid ? "uuid" : "usage", BITMAP_NAME_MAX, &ret->secret);
}

static int read_encryption(struct backup_reader *r, const struct _xmlNode *place,
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

static int read_network(struct backup_reader *r, const struct _xmlNode *node,
                        struct backup_place *ret)
{
    const struct _xmlNode *host = xml_child(node, "host");
    struct xml_value protocol = backup_xml_value(r, node, "protocol");
    struct xml_value tls = backup_xml_value(r, node, "tls");

    if (!str_eq(protocol.value, "nbd"))
        return xml_error(node, ERR_UNSUPPORTED, r->err, "protocol='%s' is not supported: 'nbd' is",
                         CLIP(protocol.value ? protocol.value : ""));
    if (!host)
        return xml_error(node, ERR_INVALID, r->err, "<host> is missing");
    if (backup_xml_refuse(r, node, "file", "a disk with type='network' has a <host>") < 0 ||
        backup_xml_refuse(r, node, "dev", "a disk with type='network' has a <host>") < 0 ||
        xml_bool(&tls, &ret->peer.tls, r->err) < 0 || read_address(r, host, 1, &ret->peer) < 0 ||
        backup_xml_name(r, node, "name", EXPORT_NAME_MAX, &ret->export_name) < 0)
        return -1;
    if (ret->peer.transport == TRANSPORT_TCP && !ret->peer.host)
        return xml_error(host, ERR_INVALID, r->err, "name= is missing");
    return 0;
}

static int read_local(struct backup_reader *r, const struct _xmlNode *node,
                      struct backup_place *ret)
{
    bool block = ret->type == PLACE_BLOCK;
    const char *why = "only a disk with type='network' has it";
    const struct _xmlNode *host = xml_child(node, "host");

    if (host)
        return xml_error(host, ERR_INVALID, r->err, "%s", why);
    if (backup_xml_refuse(r, node, "protocol", why) < 0 ||
        backup_xml_refuse(r, node, "name", why) < 0 || backup_xml_refuse(r, node, "tls", why) < 0 ||
        backup_xml_refuse(
            r, node, block ? "file" : "dev",
            block ? "a disk with type='block' has dev="
                  : "a disk with type='file' has file=, one with type='block' has dev=") < 0)
        return -1;
    return read_path(r, node, block ? "dev" : "file", PATH_MAX - 1, &ret->path);
}

/* relabel='no' asks for what is done anyway. */
static int read_labels(struct backup_reader *r, const struct _xmlNode *place)
{
    for (const struct _xmlNode *n = xml_child(place, "seclabel"); n; n = xml_next(n)) {
        struct xml_value relabel = backup_xml_value(r, n, "relabel");
        struct xml_value skip = backup_xml_value(r, n, "labelskip");

        if (!str_eq(relabel.value, "no") && !str_eq(skip.value, "yes"))
            return xml_error(n, ERR_UNSUPPORTED, r->err,
                             "not supported: " OWN_LABELS "; relabel='no' says so");
    }
    return 0;
}

int backup_xml_place(struct backup_reader *r, const struct _xmlNode *node, struct backup_disk *disk)
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
    return read_labels(r, place) < 0 ? -1
                                     : read_encryption(r, place, disk, &disk->place.encryption);
}
