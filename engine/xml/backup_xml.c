/* SPDX-License-Identifier: MIT
 *
 * <domainbackup>, read.  What may stand where is in the tables; what depends on the mode and on the
 * disk's type is in the code below them.
 */
#include "engine/xml/backup_xml.h"
#include "engine/xml/backup_xml_priv.h"

#include <limits.h>
#include <string.h>
#include <sys/un.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/xml/xml.h"

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
static const struct xml_shape seclabel_shape = {
    .name = "seclabel",
    .attributes = NAMES("model", "relabel", "labelskip"),
    .refused = REFUSALS({"label", OWN_LABELS}),
    .repeats = true,
};
#define PLACE_REFUSALS                                                                             \
    {"@fdgroup", "no file descriptors are passed to vmkeepd"},                                     \
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
    .children = SHAPES(&encryption_shape, &host_shape, &seclabel_shape),
    .refused = REFUSALS(PLACE_REFUSALS),
};
static const struct xml_shape scratch_shape = {
    .name = "scratch",
    .attributes = NAMES("file", "dev"),
    .children = SHAPES(&encryption_shape, &seclabel_shape),
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

static int read_checkpoint(struct backup_reader *r, const struct _xmlNode *node, const char *what,
                           const char *name)
{
    if (!name || name_is_checkpoint(name))
        return 0;
    return xml_error(node, ERR_INVALID, r->err,
                     "%s'%s' is no checkpoint's name: letters, digits, '_', '-' and '.' make one",
                     what, CLIP(name));
}

/* ---- disks ---- */

static int read_type(struct backup_reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    static const char *const types[] = {"file", "block", "network", NULL};
    struct xml_value v = backup_xml_value(r, node, "type");
    int type = 0;

    if (xml_word(&v, types, &type, r->err) < 0)
        return -1;
    disk->place.type = (enum place_type)(PLACE_FILE + type);
    if (disk->place.type == PLACE_NETWORK && r->d->request.mode == MODE_PULL)
        return xml_error(node, ERR_UNSUPPORTED, r->err,
                         "type='network' is not supported: scratch space must be on this host");
    return 0;
}

static int read_format(struct backup_reader *r, const struct _xmlNode *node,
                       struct backup_disk *disk)
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

static int read_mode(struct backup_reader *r, const struct _xmlNode *node, struct backup_disk *disk)
{
    static const char *const modes[] = {"full", "incremental", NULL};
    struct xml_value v = backup_xml_value(r, node, "backupmode");
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

static int read_export(struct backup_reader *r, const struct _xmlNode *node,
                       struct backup_disk *disk)
{
    const char *pull_only = "only a backup with mode='pull' exports its disks";

    if (r->d->request.mode == MODE_PUSH)
        return backup_xml_refuse(r, node, "exportname", pull_only) < 0
                   ? -1
                   : backup_xml_refuse(r, node, "exportbitmap", pull_only);
    if (!disk->base &&
        backup_xml_refuse(r, node, "exportbitmap",
                          "only an incremental backup has one, and this disk's is full") < 0)
        return -1;
    return backup_xml_name(r, node, "exportname", EXPORT_NAME_MAX, &disk->export_name) < 0
               ? -1
               : backup_xml_name(r, node, "exportbitmap", BITMAP_NAME_MAX, &disk->export_bitmap);
}

static int read_disk(struct backup_reader *r, const struct _xmlNode *node)
{
    struct backup_document *d = r->d;
    struct backup_disk disk = {.name = xml_attribute(node, "name", &d->strings)};
    struct xml_value backup = backup_xml_value(r, node, "backup");
    struct xml_value index = backup_xml_value(r, node, "index");
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
        backup_xml_place(r, node, &disk) < 0 || read_export(r, node, &disk) < 0)
        return -1;
    disk.index = (int)n;
    strlist_add(&d->names, disk.name);
    *VEC_ADD(&d->disks) = disk;
    VEC_ADD(&d->marks)->takes_part = takes_part;
    if (takes_part)
        *VEC_ADD(&d->taking_part) = disk;
    return 0;
}

static int read_disks(struct backup_reader *r, const struct _xmlNode *root)
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
    d->request.listed = d->names.n ? &d->names : NULL;
    return 0;
}

static int read_incremental(struct backup_reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "incremental");
    const char *name = xml_text(node, &r->d->strings);

    r->d->incremental = (char *)name;
    r->d->request.incremental = name;
    return read_checkpoint(r, node, "", name);
}

static int read_root(struct backup_reader *r, const struct _xmlNode *root)
{
    static const char *const modes[] = {"push", "pull", NULL};
    struct xml_value v = backup_xml_value(r, root, "mode");
    int mode = 0;

    if (xml_word(&v, modes, &mode, r->err) < 0)
        return -1;
    r->d->request.mode = mode == 0 ? MODE_PUSH : MODE_PULL;
    if (read_incremental(r, root) < 0 || backup_xml_server(r, root) < 0)
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
    if (read_root(&(struct backup_reader){d, err}, xml_root(doc)) < 0) {
        backup_document_free(d);
        return -1;
    }
    *ret = d;
    return 0;
}
