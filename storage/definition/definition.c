/* SPDX-License-Identifier: MIT
 *
 * The document is kept as it is, but for what is named here: what libvirt adds to a domain that
 * runs (aliases, ids, names of taps and sockets, labels), what says where the domain's disks were,
 * and, for a domain that is to run beside the old one, what only one domain can have.
 */
#include "storage/definition/definition.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/definition_priv.h"

void definition_done(struct definition *d)
{
    free(d->xml);
    free(d->name);
    strlist_done(&d->notes);
    *d = (struct definition){0};
}

/* ---- the document ---- */

static void free_doc(xmlDoc **doc)
{
    xmlFreeDoc(*doc);
}

/* libvirt's documents have no DOCTYPE, so none is read: no entities, and nothing is fetched. */
static int read_document(const char *what, const char *text, xmlDoc **ret, struct err *err)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    const size_t len = strlen(text);
    CLEANUP(free_doc) xmlDoc *doc = NULL;
    const xmlNode *root;

    if (len > DEFINITION_MAX)
        return err_set(err, ERR_INVALID, "%s: more than %zu MiB", what, DEFINITION_MAX >> 20);
    doc = xmlReadMemory(text, (int)len, NULL, NULL, options);
    if (!doc) {
        const xmlError *e = xmlGetLastError();

        return err_set(err, ERR_INVALID, "%s: line %d: not well-formed XML: %.*s", what,
                       e ? e->line : 0, e && e->message ? (int)strcspn(e->message, "\n") : 0,
                       e && e->message ? e->message : "");
    }
    if (doc->intSubset)
        return err_set(err, ERR_INVALID, "%s: has a DOCTYPE", what);
    root = xmlDocGetRootElement(doc);
    if (!definition_is(root, "domain"))
        return err_set(err, ERR_INVALID, "%s: <%s> is no domain's definition", what,
                       root ? CLIP((const char *)root->name) : "");
    *ret = TAKE_PTR(doc);
    return 0;
}

static char *document_text(xmlDoc *doc)
{
    CLEANUP_FREE char *ret = NULL;
    xmlChar *text = NULL;
    int len = 0;

    xmlDocDumpFormatMemory(doc, &text, &len, 1);
    ret = xstrdup((const char *)text);
    xmlFree(text);
    return TAKE_PTR(ret);
}

/* ---- who it is ---- */

static void set_name(const struct rewriting *w, xmlNode *root)
{
    xmlNode *name = definition_child(root, "name");

    if (w->r->name && name) {
        definition_set_text(name, w->r->name);
    } else if (w->r->name) {
        definition_add(root, "name", w->r->name);
    }
    name = definition_child(root, "name");
    w->ret->name = definition_text(name);
}

/* The firmware tells the guest the domain's UUID, and libvirt refuses two that differ. */
static void forget_smbios_uuid(xmlNode *root)
{
    xmlNode *sysinfo = definition_child(root, "sysinfo");
    xmlNode *system = sysinfo ? definition_child(sysinfo, "system") : NULL;
    xmlNode *next;

    for (xmlNode *n = system ? system->children : NULL; n; n = next) {
        CLEANUP_FREE char *name = definition_attribute(n, "name");

        next = n->next;
        if (definition_is(n, "entry") && str_eq(name, "uuid"))
            definition_remove(n);
    }
}

static void new_identity(xmlNode *root)
{
    xmlNode *genid = definition_child(root, "genid");

    definition_remove(definition_child(root, "uuid"));
    forget_smbios_uuid(root);
    if (genid)
        definition_set_text(genid, "");
}

/* ---- what is beside its devices ---- */

static void set_nvram(const struct rewriting *w, xmlNode *root)
{
    xmlNode *os = definition_child(root, "os");
    xmlNode *nvram = os ? definition_child(os, "nvram") : NULL;

    if (!nvram)
        return;
    if (w->r->nvram) {
        definition_set_text(nvram, w->r->nvram);
    } else if (w->r->same_identity) {
        return;
    } else {
        CLEANUP_FREE char *path = definition_text(nvram);

        /* libvirt makes one of the template, named after the domain. */
        while (nvram->children)
            definition_remove(nvram->children);
        definition_note(w, "UEFI variables: begin anew from the firmware's template%s%s%s",
                        path && *path ? " (were " : "", path && *path ? path : "",
                        path && *path ? ")" : "");
    }
    xmlUnsetProp(nvram, (const xmlChar *)"type");
}

static void no_command_line(const struct rewriting *w, xmlNode *root)
{
    xmlNode *next;

    for (xmlNode *n = root->children; n; n = next) {
        next = n->next;
        if (!definition_is(n, "commandline"))
            continue;
        definition_note(w, "options given to QEMU past libvirt (<%s:commandline>): left out",
                        n->ns && n->ns->prefix ? (const char *)n->ns->prefix : "qemu");
        definition_remove(n);
    }
}

static void forget_labels(xmlNode *root)
{
    for (xmlNode *n = root->children; n; n = n->next) {
        CLEANUP_FREE char *type = definition_attribute(n, "type");

        if (!definition_is(n, "seclabel") || !str_eq(type, "dynamic"))
            continue;
        definition_remove(definition_child(n, "label"));
        definition_remove(definition_child(n, "imagelabel"));
    }
}

/* What libvirt calls its devices; those that begin so were named by somebody. */
static void forget_aliases(xmlNode *devices)
{
    for (xmlNode *n = devices->children; n; n = n->next) {
        xmlNode *alias = definition_child(n, "alias");
        CLEANUP_FREE char *name = alias ? definition_attribute(alias, "name") : NULL;

        if (alias && (!name || strncmp(name, "ua-", 3) != 0))
            definition_remove(alias);
    }
}

/* ---- all of it ---- */

static void rewrite_devices(const struct rewriting *w, xmlNode *devices, const xmlNode *live)
{
    forget_aliases(devices);
    definition_disks(w, devices, live);
    definition_devices(w, devices);
}

static void rewrite(const struct rewriting *w, xmlNode *root, const xmlNode *live)
{
    xmlNode *devices = definition_child(root, "devices");

    xmlUnsetProp(root, (const xmlChar *)"id");
    set_name(w, root);
    forget_labels(root);
    set_nvram(w, root);
    if (!w->r->same_identity) {
        new_identity(root);
        no_command_line(w, root);
    }
    if (!devices)
        devices = definition_add(root, "devices", NULL);
    rewrite_devices(w, devices, live ? definition_child(live, "devices") : NULL);
}

int definition_rewrite(const struct definition_request *r, struct definition *ret, struct err *err)
{
    struct definition result = {0};
    const struct rewriting w = {r, &result};
    CLEANUP(free_doc) xmlDoc *doc = NULL;
    CLEANUP(free_doc) xmlDoc *live = NULL;

    if (read_document("domain.xml", r->xml, &doc, err) < 0 ||
        (r->live && read_document("domain.live.xml", r->live, &live, err) < 0))
        return -1;
    rewrite(&w, xmlDocGetRootElement(doc), live ? xmlDocGetRootElement(live) : NULL);
    if (!result.name || !*result.name) {
        definition_done(&result);
        return err_set(err, ERR_INVALID, "domain.xml: the domain has no name");
    }
    result.xml = document_text(doc);
    *ret = result;
    return 0;
}

/* ---- what it has ---- */

int definition_images(const char *xml, struct definition_images *ret, struct err *err)
{
    CLEANUP(free_doc) xmlDoc *doc = NULL;
    const xmlNode *root, *devices;

    *ret = (struct definition_images){0};
    if (read_document("the definition", xml, &doc, err) < 0)
        return -1;
    root = xmlDocGetRootElement(doc);
    devices = definition_child(root, "devices");
    ret->uuid = definition_text(definition_child(root, "uuid"));
    if (devices)
        definition_disk_images(devices, ret);
    return 0;
}

void definition_images_done(struct definition_images *images)
{
    for (size_t i = 0; i < images->disks.n; i++) {
        free(images->disks.items[i].name);
        free(images->disks.items[i].format);
        free(images->disks.items[i].path);
    }
    free(images->disks.items);
    free(images->uuid);
    *images = (struct definition_images){0};
}
