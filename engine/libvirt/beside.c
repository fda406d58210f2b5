/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/beside.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/libvirt_uri.h"
#include "base/text.h"
#include "engine/xml/xml.h"

typedef const struct _xmlNode node;

#define BYTES_MAX ((size_t)8 << 20)
#define DEPTH 250
#define SWTPM "/var/lib/libvirt/swtpm" /* of Debian's, Fedora's and SUSE's libvirt alike */

struct looking {
    enum libvirt_at at;
    struct strlist *arena;
    struct definition_list *ret;
};

enum libvirt_at libvirt_at(const char *uri)
{
    if (!libvirt_uri_is_local(uri))
        return LIBVIRT_REMOTE;
    return starts_with(strstr(uri, "://") + 3, "/session") ? LIBVIRT_SESSION : LIBVIRT_SYSTEM;
}

/* path NULL: it is no file. */
static void add(const struct looking *l, const char *what, const char *name, const char *path)
{
    char *lacks = NULL;

    if (!path || path[0] != '/')
        lacks = xstrdup("it is in no file of the host");
    else if (l->at == LIBVIRT_REMOTE)
        lacks = xasprintf("%s: the host is another machine", path);
    definition_list_beside(l->ret, what, name, xstrdup(path), lacks);
}

/* ---- firmware, kernel ---- */

static void add_nvram(const struct looking *l, node *nvram)
{
    node *source = xml_child(nvram, "source");
    const char *path = source ? xml_attribute(source, "file", l->arena) : NULL;

    if (nvram)
        add(l, "UEFI variables", "nvram.fd", path ? path : xml_text(nvram, l->arena));
}

static void add_boot(const struct looking *l, node *os, const char *element)
{
    const char *path = xml_text(xml_child(os, element), l->arena);

    if (path && *path)
        add(l, element, NULL, path);
}

/* ---- TPM ---- */

/* Of swtpm, as libvirt has it keep its state; newer ones may tell where that is. */
static char *state_of(const struct looking *l, node *backend, const char *uuid)
{
    const char *dir = xml_attribute(xml_child(backend, "source"), "path", l->arena);
    const char *version = xml_attribute(backend, "version", l->arena);
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool old = str_eq(version, "1.2");
    const char *file = old ? "tpm-00.permall" : "tpm2-00.permall";
    const char *sub = old ? "tpm1.2" : "tpm2";

    if (dir && str_eq(xml_attribute(xml_child(backend, "source"), "type", l->arena), "file"))
        return xstrdup(dir);
    if (dir)
        return xasprintf("%s/%s", dir, file);
    if (l->at != LIBVIRT_SESSION)
        return xasprintf("%s/%s/%s/%s", SWTPM, uuid, sub, file);
    if (config && *config)
        return xasprintf("%s/libvirt/qemu/swtpm/%s/%s/%s", config, uuid, sub, file);
    return xasprintf("%s/.config/libvirt/qemu/swtpm/%s/%s/%s", home ? home : "", uuid, sub, file);
}

static void add_tpm(const struct looking *l, node *tpm, const char *uuid)
{
    node *backend = xml_child(tpm, "backend");
    const char *type = xml_attribute(backend, "type", l->arena);
    CLEANUP_FREE char *path = NULL;

    if (!tpm || !uuid)
        return;
    if (!str_eq(type, "emulator")) {
        definition_list_beside(l->ret, "TPM state", "tpm.permall", NULL,
                               xasprintf("it is in the host's own TPM (%s)", type ? type : "?"));
        return;
    }
    path = state_of(l, backend, uuid);
    add(l, "TPM state", "tpm.permall", path);
}

/* ---- */

static const struct xml_shape shape = {
    .name = "domain", .open = true, .bytes = BYTES_MAX, .depth = DEPTH};

void libvirt_beside(const char *xml, enum libvirt_at at, struct definition_list *ret)
{
    CLEANUP(strlist_done) struct strlist arena = {0};
    CLEANUP(xml_freep) struct _xmlDoc *doc = NULL;
    const struct looking l = {at, &arena, ret};
    struct err ignored = ERR_INIT; /* who read the document before has told of it */
    node *root, *os;

    if (xml_read(xml, strlen(xml), &shape, &doc, &ignored) < 0)
        return;
    root = xml_root(doc);
    os = xml_child(root, "os");
    add_nvram(&l, xml_child(os, "nvram"));
    add_boot(&l, os, "kernel");
    add_boot(&l, os, "initrd");
    add_tpm(&l, xml_child(xml_child(root, "devices"), "tpm"),
            xml_text(xml_child(root, "uuid"), &arena));
}
