/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/domain_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/xml/xml.h"

typedef const struct _xmlNode node;

#define BYTES_MAX ((size_t)8 << 20)
#define DEPTH 250 /* libxml2, by which libvirt reads it, stops at 256 */
#define CHAIN_MAX 200
#define AGENT "org.qemu.guest_agent.0"

static const char *attribute(node *n, const char *name, struct strlist *arena)
{
    const char *ret = xml_attribute(n, name, arena);

    return ret && *ret ? ret : NULL;
}

static bool is(node *n, const char *name, const char *value, struct strlist *arena)
{
    return str_eq(xml_attribute(n, name, arena), value);
}

/* ---- where an image is ---- */

static void add_file(struct domain_facts *f, const char *path)
{
    if (path && path[0] == '/' && !strlist_has(&f->files, path))
        strlist_add(&f->files, path);
}

/* A file's, or a block device's; NULL: neither. */
static const char *path_of(node *source, struct strlist *arena)
{
    const char *ret = attribute(source, "file", arena);

    return ret ? ret : attribute(source, "dev", arena);
}

/* An image and all below it. */
static void add_chain(struct domain_facts *f, node *above, struct strlist *arena)
{
    for (int i = 0; above && i < CHAIN_MAX; i++) {
        node *source = xml_child(above, "source");

        add_file(f, path_of(source, arena));
        add_file(f, path_of(xml_child(xml_child(source, "dataStore"), "source"), arena));
        above = xml_child(above, "backingStore");
    }
}

static char *hosts_of(node *source, struct strlist *arena)
{
    char *ret = xstrdup("");

    for (node *host = xml_child(source, "host"); host; host = xml_next(host)) {
        const char *name = attribute(host, "name", arena), *port = attribute(host, "port", arena);
        char *more = xasprintf("%s%s%s%s%s", ret, *ret ? "," : "", name ? name : "",
                               port ? ":" : "", port ? port : "");

        free(ret);
        ret = more;
    }
    return ret;
}

/* "nbd+unix:///export?socket=/run/nbd.sock", "rbd://ceph1:6789,ceph2/pool/image" */
static char *address_of(node *source, struct strlist *arena)
{
    const char *protocol = attribute(source, "protocol", arena);
    const char *name = attribute(source, "name", arena);
    const char *socket = attribute(xml_child(source, "host"), "socket", arena);
    CLEANUP_FREE char *hosts = socket ? xstrdup("") : hosts_of(source, arena);

    return xasprintf("%s%s://%s/%s%s%s", protocol ? protocol : "unknown", socket ? "+unix" : "",
                     hosts, name ? name : "", socket ? "?socket=" : "", socket ? socket : "");
}

static char *identity_of(node *disk, node *source, struct strlist *arena)
{
    const char *pool = attribute(source, "pool", arena);
    const char *volume = attribute(source, "volume", arena);

    if (is(disk, "type", "network", arena))
        return address_of(source, arena);
    if (is(disk, "type", "volume", arena) && pool && volume)
        return xasprintf("volume %s of pool %s", volume, pool);
    return NULL;
}

/* ---- a disk ---- */

/* Why no backup takes it; NULL: one does. */
static const char *cannot(node *disk, struct strlist *arena)
{
    if (is(disk, "type", "vhostuser", arena))
        return "a vhost-user disk, whose data QEMU does not see";
    if (is(disk, "type", "dir", arena))
        return "a folder that is shown as a disk";
    if (is(disk, "device", "lun", arena))
        return "a passed-through LUN, whose writes go past QEMU";
    if (xml_child(disk, "shareable"))
        return "a disk shared with other domains, whose writes go past a copy";
    if (xml_child(disk, "transient"))
        return "a transient disk, which libvirt does not back up";
    if (is(xml_child(disk, "target"), "bus", "sd", arena))
        return "an SD card, which libvirt does not back up";
    return NULL;
}

static bool has_source(node *disk, node *source, struct strlist *arena)
{
    return path_of(source, arena) || attribute(source, "volume", arena) ||
           attribute(source, "protocol", arena) || is(disk, "type", "vhostuser", arena) ||
           is(disk, "type", "nvme", arena) || attribute(source, "dir", arena);
}

/* Without one libvirt gives QEMU none either, whose own is this for writes. */
static enum write_errors write_errors_of(node *disk, struct strlist *arena)
{
    const char *policy = attribute(xml_child(disk, "driver"), "error_policy", arena);

    for (enum write_errors e = WRITE_ERRORS_STOP; e <= WRITE_ERRORS_IGNORE; e++)
        if (str_eq(policy, write_errors_name(e)))
            return e;
    return WRITE_ERRORS_ENOSPACE;
}

static void read_image(node *disk, struct disk_facts *d, struct strlist *arena)
{
    node *source = xml_child(disk, "source");
    const char *path = path_of(source, arena);
    const char *format = attribute(xml_child(disk, "driver"), "type", arena);

    d->image = xstrdup(path);
    d->identity = path ? NULL : identity_of(disk, source, arena);
    d->format = xstrdup(format ? format : "raw");
    d->trackable = strcmp(d->format, "qcow2") == 0;
    d->special = is(disk, "type", "block", arena) || is(disk, "type", "nvme", arena);
    d->encrypted = xml_child(source, "encryption") || xml_child(disk, "encryption");
}

static void read_disk(node *disk, struct domain_facts *f, struct strlist *arena)
{
    const char *name = attribute(xml_child(disk, "target"), "dev", arena);
    const char *why = cannot(disk, arena);
    node *source = xml_child(disk, "source"), *mirror = xml_child(disk, "mirror");
    struct disk_facts d = {0};

    if (!name)
        return;
    d.removable = is(disk, "device", "cdrom", arena) || is(disk, "device", "floppy", arena);
    d.empty = !has_source(disk, source, arena);
    d.name = xstrdup(name);
    d.device = xstrdup(attribute(xml_child(disk, "alias"), "name", arena));
    d.cannot = xstrdup(d.empty ? NULL : why);
    d.busy = mirror != NULL;
    d.write_errors = write_errors_of(disk, arena);
    if (!d.empty)
        read_image(disk, &d, arena);
    add_chain(f, disk, arena);
    add_file(f, path_of(mirror, arena));
    add_chain(f, mirror, arena);
    if (d.removable || d.empty || why || xml_child(disk, "readonly"))
        *VEC_ADD(&f->asides) = d;
    else
        *VEC_ADD(&f->disks) = d;
}

/* ---- the domain ---- */

/* "+64055:+64055"; names are not looked up, for that may hang. */
static bool read_label(const char *label, uid_t *uid, gid_t *gid)
{
    unsigned long u, g;
    int end = 0;

    if (!label || sscanf(label, "+%lu:+%lu%n", &u, &g, &end) != 2 || label[end])
        return false;
    *uid = (uid_t)u;
    *gid = (gid_t)g;
    return true;
}

/* Where libvirt does not change the user, QEMU's is libvirtd's: ours, where one runs as we do. */
static void read_user(node *root, struct domain_facts *f, struct strlist *arena)
{
    f->uid = geteuid();
    f->gid = getegid();
    for (node *n = xml_child(root, "seclabel"); n; n = xml_next(n))
        if (is(n, "model", "dac", arena) &&
            read_label(xml_text(xml_child(n, "label"), arena), &f->uid, &f->gid))
            return;
}

/* type='none': it is there, and not for this domain. */
static void read_confinement(node *root, struct domain_facts *f, struct strlist *arena)
{
    static const char *const models[][2] = {{"apparmor", "AppArmor"}, {"selinux", "SELinux"}};

    for (node *n = xml_child(root, "seclabel"); n; n = xml_next(n))
        for (size_t i = 0; i < ARRAY_LEN(models) && !f->confined; i++)
            if (is(n, "model", models[i][0], arena) && !is(n, "type", "none", arena))
                f->confined = xstrdup(models[i][1]);
}

/* They are block devices of QEMU's, too. */
static void add_firmware(node *os, struct domain_facts *f, struct strlist *arena)
{
    node *nvram = xml_child(os, "nvram");

    add_file(f, xml_text(xml_child(os, "loader"), arena));
    if (xml_child(nvram, "source"))
        add_chain(f, nvram, arena);
    else
        add_file(f, xml_text(nvram, arena));
}

static const struct xml_shape shape = {
    .name = "domain", .open = true, .bytes = BYTES_MAX, .depth = DEPTH};

int libvirt_domain_xml(const char *xml, struct domain_facts *ret, struct err *err)
{
    CLEANUP(strlist_done) struct strlist arena = {0};
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    node *root;

    if (xml_read(xml, strlen(xml), &shape, &doc, err) < 0)
        return err_wrap(err, "the domain's XML");
    root = xml_root(doc);
    ret->uuid = xstrdup(xml_text(xml_child(root, "uuid"), &arena));
    for (node *n = xml_child(xml_child(root, "devices"), "disk"); n; n = xml_next(n))
        read_disk(n, ret, &arena);
    add_firmware(xml_child(root, "os"), ret, &arena);
    read_user(root, ret, &arena);
    read_confinement(root, ret, &arena);
    return 0;
}

bool libvirt_domain_has_agent(const char *xml)
{
    CLEANUP(strlist_done) struct strlist arena = {0};
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    struct err ignored = ERR_INIT;

    if (xml_read(xml, strlen(xml), &shape, &doc, &ignored) < 0)
        return false;
    for (node *n = xml_child(xml_child(xml_root(doc), "devices"), "channel"); n; n = xml_next(n))
        if (is(xml_child(n, "target"), "name", AGENT, &arena))
            return true;
    return false;
}
