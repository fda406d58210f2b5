/* SPDX-License-Identifier: MIT */
#include "engine/xml/checkpoint_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "engine/xml/xml.h"

/* ---- what may stand where ---- */

static const struct xml_shape name_shape = {.name = "name", .has_text = true};
static const struct xml_shape description_shape = {.name = "description", .has_text = true};
static const struct xml_shape created_shape = {.name = "creationTime", .has_text = true};
static const struct xml_shape parent_shape = {
    .name = "parent",
    .children = (const struct xml_shape *const[]){&name_shape, NULL},
};
/* The domain's whole definition, as libvirt writes it. */
static const struct xml_shape domain_shape = {.name = "domain", .open = true};
static const struct xml_shape disk_shape = {
    .name = "disk",
    .attributes = (const char *const[]){"name", "checkpoint", "bitmap", "size", NULL},
    .repeats = true,
};
static const struct xml_shape disks_shape = {
    .name = "disks",
    .children = (const struct xml_shape *const[]){&disk_shape, NULL},
};
static const struct xml_shape checkpoint_shape = {
    .name = "domaincheckpoint",
    .children = (const struct xml_shape *const[]){&name_shape, &description_shape, &created_shape,
                                                  &parent_shape, &domain_shape, &disks_shape, NULL},
    .refused =
        (const struct xml_refusal[]){
            {"inactiveDomain", "a checkpoint is of disks, and brings back no definition"},
            {"memory", "a checkpoint is of disks, without the guest's memory"},
            {"state", "a checkpoint is of disks, and knows no state of the guest"},
            {NULL, NULL},
        },
};

/* ---- reading ---- */

struct reader {
    struct checkpoint_document *d;
    struct strlist strings;
    struct err *err;
};

static int check_name(struct reader *r, const struct _xmlNode *node, const char *what,
                      const char *name)
{
    if (name_is_checkpoint(name))
        return 0;
    return xml_error(node, ERR_INVALID, r->err,
                     "%s'%s' is no checkpoint's name: letters, digits, '_', '-' and '.' make one",
                     what, CLIP(name));
}

/* A <name> in root, or in what else has one. */
static int read_name(struct reader *r, const struct _xmlNode *parent, char **ret)
{
    const struct _xmlNode *node = xml_child(parent, "name");
    const char *name = xml_text(node, &r->strings);

    if (!name)
        return 0;
    if (check_name(r, node, "", name) < 0)
        return -1;
    *ret = xstrdup(name);
    return 0;
}

static int read_parent(struct reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "parent");

    if (!node)
        return 0;
    if (!xml_child(node, "name"))
        return xml_error(node, ERR_INVALID, r->err, "<name> is missing");
    return read_name(r, node, &r->d->parent);
}

static int read_created(struct reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "creationTime");
    const char *text = xml_text(node, &r->strings);

    if (!text || parse_int(text, 0, INT64_MAX, &r->d->created))
        return 0;
    return xml_error(node, ERR_INVALID, r->err, "'%s': it must be a number of seconds", CLIP(text));
}

static int read_disk(struct reader *r, const struct _xmlNode *node)
{
    static const char *const words[] = {"no", "bitmap", NULL};
    const char *name = xml_attribute(node, "name", &r->strings);
    const char *bitmap = xml_attribute(node, "bitmap", &r->strings);
    struct xml_value mode = {node, "checkpoint", xml_attribute(node, "checkpoint", &r->strings)};
    struct xml_value size = {node, "size", xml_attribute(node, "size", &r->strings)};
    struct checkpoint_document_disk *disk;
    int tracked = 1;
    int64_t bytes = 0;

    if (!name || !*name)
        return xml_error(node, ERR_INVALID, r->err, "name= is missing: which disk?");
    for (size_t i = 0; i < r->d->disks.n; i++)
        if (strcmp(r->d->disks.items[i].name, name) == 0)
            return xml_error(node, ERR_INVALID, r->err, "it is listed twice");
    if (xml_word(&mode, words, &tracked, r->err) < 0 ||
        xml_number(&size, 0, INT64_MAX, &bytes, r->err) < 0)
        return -1;
    if (!tracked && (bitmap || size.value))
        return xml_error(node, ERR_INVALID, r->err, "%s='%s': a disk with checkpoint='no' has none",
                         bitmap ? "bitmap" : "size", CLIP(bitmap ? bitmap : size.value));
    if (bitmap && check_name(r, node, "bitmap=", bitmap) < 0)
        return -1;
    disk = VEC_ADD(&r->d->disks);
    disk->name = xstrdup(name);
    disk->tracked = tracked == 1;
    disk->bitmap = xstrdup(bitmap);
    disk->has_size = size.value != NULL;
    disk->size = (uint64_t)bytes;
    return 0;
}

static int read_disks(struct reader *r, const struct _xmlNode *root)
{
    const struct _xmlNode *node = xml_child(root, "disks");

    r->d->all_disks = node == NULL;
    for (const struct _xmlNode *n = xml_child(node, "disk"); n; n = xml_next(n))
        if (read_disk(r, n) < 0)
            return -1;
    if (node && r->d->disks.n == 0)
        return xml_error(node, ERR_INVALID, r->err,
                         "it lists no <disk>; without it, all disks are taken in that can be");
    return 0;
}

static int read_root(struct reader *r, const struct _xmlNode *root)
{
    struct checkpoint_document *d = r->d;

    d->description = xstrdup(xml_text(xml_child(root, "description"), &r->strings));
    d->domain = xstrdup(xml_text(xml_child(xml_child(root, "domain"), "name"), &r->strings));
    if (read_name(r, root, &d->name) < 0 || read_parent(r, root) < 0 || read_created(r, root) < 0)
        return -1;
    return read_disks(r, root);
}

int checkpoint_document_parse(const char *xml, size_t len, struct checkpoint_document **ret,
                              struct err *err)
{
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    struct reader r = {.err = err};
    int rc;

    if (xml_read(xml, len, &checkpoint_shape, &doc, err) < 0)
        return -1;
    r.d = xcalloc(1, sizeof(*r.d));
    rc = read_root(&r, xml_root(doc));
    strlist_done(&r.strings);
    if (rc < 0)
        checkpoint_document_free(r.d);
    else
        *ret = r.d;
    return rc;
}

/* ---- writing ---- */

static void put_disk(struct xml_writer *w, const struct checkpoint_document_disk *d)
{
    xml_open(w, "disk");
    xml_put(w, "name", d->name);
    xml_put(w, "checkpoint", d->tracked ? "bitmap" : "no");
    xml_put(w, "bitmap", d->tracked ? d->bitmap : NULL);
    if (d->tracked && d->has_size)
        xml_put_number(w, "size", d->size);
    xml_close(w);
}

char *checkpoint_document_format(const struct checkpoint_document *d)
{
    struct xml_writer *w = xml_writer_new();
    CLEANUP_FREE char *created = d->created ? xasprintf("%" PRId64, d->created) : NULL;

    xml_open(w, "domaincheckpoint");
    xml_put_element(w, "name", d->name);
    xml_put_element(w, "description", d->description);
    if (d->parent) {
        xml_open(w, "parent");
        xml_put_element(w, "name", d->parent);
        xml_close(w);
    }
    xml_put_element(w, "creationTime", created);
    if (d->disks.n > 0)
        xml_open(w, "disks");
    for (size_t i = 0; i < d->disks.n; i++)
        put_disk(w, &d->disks.items[i]);
    if (d->disks.n > 0)
        xml_close(w);
    if (d->domain) {
        xml_open(w, "domain");
        xml_put_element(w, "name", d->domain);
        xml_close(w);
    }
    xml_close(w);
    return xml_writer_end(w);
}
