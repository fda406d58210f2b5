/* SPDX-License-Identifier: MIT
 *
 * Where volumes are: a document names them by pool and name (<source pool='P' volume='V'/>), and
 * libvirt tells their paths by itself only of a domain that runs.
 */
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "helpers/libvirt/libvirt.h"

/* Caller frees; NULL: it cannot be told (its pool is not active, or has no such volume). */
static char *path_of(const char *pool, const char *volume)
{
    virStoragePoolPtr p = virStoragePoolLookupByName(connection(), pool);
    virStorageVolPtr v = p ? virStorageVolLookupByName(p, volume) : NULL;
    char *ret = v ? virStorageVolGetPath(v) : NULL;

    if (v)
        virStorageVolFree(v);
    if (p)
        virStoragePoolFree(p);
    virResetLastError();
    return ret;
}

static struct libvirt_block *block_named(struct libvirt_domain_answer *d, const char *name)
{
    struct libvirt_block *b;

    for (size_t i = 0; i < d->blocks.n; i++)
        if (str_eq(d->blocks.items[i].name, name))
            return &d->blocks.items[i];
    b = VEC_ADD(&d->blocks);
    b->name = xstrdup(name);
    return b;
}

/* That of a descendant, by its XPath; "" when there is none.  Caller frees. */
static char *text_at(xmlNodePtr node, xmlXPathContextPtr at, const char *path)
{
    xmlXPathObjectPtr found = xmlXPathNodeEval(node, (const xmlChar *)path, at);
    xmlChar *text = found ? xmlXPathCastToString(found) : NULL;
    char *ret = xstrdup(text ? (const char *)text : "");

    xmlFree(text);
    xmlXPathFreeObject(found);
    return ret;
}

static void place(xmlNodePtr disk, xmlXPathContextPtr at, struct libvirt_domain_answer *d)
{
    char *pool = text_at(disk, at, "source/@pool"), *volume = text_at(disk, at, "source/@volume");
    char *name = text_at(disk, at, "target/@dev");
    struct libvirt_block *b = block_named(d, name);

    if (!b->path)
        b->path = path_of(pool, volume);
    free(pool);
    free(volume);
    free(name);
}

void volumes_place(const char *xml, struct libvirt_domain_answer *d)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "domain.xml", NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlXPathContextPtr at = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found =
        at ? xmlXPathEval(
                 (const xmlChar
                      *)"/domain/devices/disk[@type='volume'][source/@volume][target/@dev]",
                 at)
           : NULL;
    const xmlNodeSet *disks = found ? found->nodesetval : NULL;

    for (int i = 0; disks && i < disks->nodeNr; i++)
        place(disks->nodeTab[i], at, d);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(at);
    xmlFreeDoc(doc);
}
