/* SPDX-License-Identifier: MIT */
#include <libxml/tree.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/definition_priv.h"

static const struct definition_disk *restored(const struct definition_request *r, const char *name)
{
    for (size_t i = 0; name && i < r->n_disks; i++)
        if (strcmp(r->disks[i].name, name) == 0)
            return &r->disks[i];
    return NULL;
}

static char *target_of(const xmlNode *disk)
{
    const xmlNode *target = definition_child(disk, "target");

    return target ? definition_attribute(target, "dev") : NULL;
}

static xmlNode *disk_of(const xmlNode *devices, const char *name)
{
    for (xmlNode *n = devices->children; n; n = n->next) {
        CLEANUP_FREE char *target = definition_is(n, "disk") ? target_of(n) : NULL;

        if (target && strcmp(target, name) == 0)
            return n;
    }
    return NULL;
}

/* What it was made of, for people. */
static char *source_text(const xmlNode *disk)
{
    static const char *const attributes[] = {"file", "dev", "name", "volume", "path", "dir"};
    const xmlNode *source = definition_child(disk, "source");

    for (size_t i = 0; source && i < ARRAY_LEN(attributes); i++) {
        char *ret = definition_attribute(source, attributes[i]);

        if (ret)
            return ret;
    }
    return NULL;
}

/* It is a plain file now, whatever it was: a volume, a device, an image in the network, with a
 * chain below it, encrypted or being mirrored. */
static void point_at(const struct rewriting *w, xmlNode *disk, const struct definition_disk *d)
{
    static const char *const gone[] = {"source",     "backingStore", "mirror",
                                       "encryption", "auth",         "transient"};
    xmlNode *driver = definition_child(disk, "driver"), *source;

    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        definition_remove(definition_child(disk, gone[i]));
    definition_set(disk, "type", "file");
    definition_set(disk, "device", "disk");
    xmlUnsetProp(disk, (const xmlChar *)"rawio");
    xmlUnsetProp(disk, (const xmlChar *)"sgio");
    if (!driver)
        driver = definition_add(disk, "driver", NULL);
    definition_set(driver, "name", "qemu");
    definition_set(driver, "type", w->r->format);
    source = definition_add(disk, "source", NULL);
    definition_set(source, "file", d->path);
}

/* A medium may be missing where the domain comes to. */
static void keep_medium(xmlNode *disk)
{
    xmlNode *source = definition_child(disk, "source");
    CLEANUP_FREE char *type = definition_attribute(disk, "type");

    definition_remove(definition_child(disk, "backingStore"));
    if (!source)
        return;
    xmlUnsetProp(source, (const xmlChar *)"index");
    if (str_eq(type, "file")) {
        definition_set(source, "startupPolicy", "optional");
    } else {
        definition_remove(source);
        definition_set(disk, "type", "file");
    }
}

static void rewrite_disk(const struct rewriting *w, xmlNode *disk)
{
    CLEANUP_FREE char *name = target_of(disk);
    CLEANUP_FREE char *device = definition_attribute(disk, "device");
    CLEANUP_FREE char *was = source_text(disk);
    const struct definition_disk *d = restored(w->r, name);

    if (d) {
        point_at(w, disk, d);
    } else if (str_eq(device, "cdrom") || str_eq(device, "floppy")) {
        keep_medium(disk);
    } else if (w->r->same_identity) {
        definition_note(w, "disk %s (%s): not in the point, stays as it is", name ? name : "?",
                        was ? was : "no file");
    } else {
        definition_note(w, "disk %s (%s): not in the point, left out", name ? name : "?",
                        was ? was : "no file");
        definition_remove(disk);
    }
}

/* It came after the domain was defined, or the definition is another one by now. */
static void add_missing(const struct rewriting *w, xmlNode *devices, const xmlNode *live,
                        const struct definition_disk *d)
{
    const xmlNode *ran = live ? disk_of(live, d->name) : NULL;
    xmlNode *disk;

    if (!ran) {
        definition_note(w, "disk %s: not in the definition; attach %s by hand", d->name, d->path);
        return;
    }
    disk = xmlAddChild(devices, xmlDocCopyNode((xmlNode *)ran, devices->doc, 1));
    definition_remove(definition_child(disk, "alias"));
    definition_remove(definition_child(disk, "address"));
    point_at(w, disk, d);
}

void definition_disks(const struct rewriting *w, xmlNode *devices, const xmlNode *live)
{
    xmlNode *next;

    for (size_t i = 0; i < w->r->n_disks; i++)
        if (!disk_of(devices, w->r->disks[i].name))
            add_missing(w, devices, live, &w->r->disks[i]);
    for (xmlNode *n = devices->children; n; n = next) {
        next = n->next;
        if (definition_is(n, "disk"))
            rewrite_disk(w, n);
    }
}

static bool is_medium(const xmlNode *disk)
{
    CLEANUP_FREE char *device = definition_attribute(disk, "device");

    return str_eq(device, "cdrom") || str_eq(device, "floppy");
}

static char *of_child(const xmlNode *disk, const char *child, const char *attribute)
{
    const xmlNode *n = definition_child(disk, child);

    return n ? definition_attribute(n, attribute) : NULL;
}

void definition_disk_images(const xmlNode *devices, struct definition_images *ret)
{
    for (const xmlNode *n = devices->children; n; n = n->next) {
        struct definition_image *image;
        char *name = definition_is(n, "disk") && !is_medium(n) ? target_of(n) : NULL;

        if (!name)
            continue;
        image = VEC_ADD(&ret->disks);
        image->name = name;
        image->format = of_child(n, "driver", "type");
        image->path = of_child(n, "source", "file");
    }
}
