/* SPDX-License-Identifier: MIT */
#include "helpers/libvirt/fits.h"

#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

struct fitting {
    virConnectPtr conn;
    const xmlDoc *doc;
    struct strlist *ret;
};

static void lack(const struct fitting *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void lack(const struct fitting *f, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    if (!strlist_has(f->ret, text))
        strlist_add(f->ret, text);
}

/* ---- XPath ---- */

static xmlXPathObject *evaluate(const xmlDoc *doc, const char *xpath)
{
    xmlXPathContext *ctx = xmlXPathNewContext((xmlDoc *)doc);
    xmlXPathObject *ret = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);

    xmlXPathFreeContext(ctx);
    return ret;
}

char *fits_value(const xmlDoc *doc, const char *xpath)
{
    xmlXPathObject *o = evaluate(doc, xpath);
    const char *text = o && o->stringval ? (const char *)o->stringval : "";
    char *ret = *text ? xstrdup(text) : NULL;

    xmlXPathFreeObject(o);
    return ret;
}

/* Calls fn with each value that xpath finds. */
static void each(const struct fitting *f, const char *xpath,
                 void (*fn)(const struct fitting *f, const char *value))
{
    xmlXPathObject *o = evaluate(f->doc, xpath);

    for (int i = 0; o && o->nodesetval && i < o->nodesetval->nodeNr; i++) {
        xmlChar *value = xmlNodeGetContent(o->nodesetval->nodeTab[i]);

        if (value && *value)
            fn(f, (const char *)value);
        xmlFree(value);
    }
    xmlXPathFreeObject(o);
}

/* ---- who it is ---- */

static void taken(const struct fitting *f, virDomainPtr there, const char *what, const char *value)
{
    if (!there)
        return;
    lack(f, "the %s %s is taken, by domain '%s'", what, value, virDomainGetName(there));
    virDomainFree(there);
}

static void fits_identity(const struct fitting *f)
{
    CLEANUP_FREE char *name = fits_value(f->doc, "string(/domain/name)");
    CLEANUP_FREE char *uuid = fits_value(f->doc, "string(/domain/uuid)");

    if (name)
        taken(f, virDomainLookupByName(f->conn, name), "name", name);
    if (uuid)
        taken(f, virDomainLookupByUUIDString(f->conn, uuid), "UUID", uuid);
}

/* ---- what it runs on ---- */

static void fits_firmware(const struct fitting *f, const char *capabilities)
{
    CLEANUP_FREE char *loader = fits_value(f->doc, "string(/domain/os/loader)");
    CLEANUP_FREE char *wanted = loader ? xasprintf("<value>%s</value>", loader) : NULL;

    /* One of somebody's own, which is not in libvirt's list, is used as well if it is there. */
    if (wanted && strstr(capabilities, "<loader supported='yes'") &&
        !strstr(capabilities, wanted) && !path_exists(loader))
        lack(f, "firmware %s is none that the host offers", loader);
}

static void fits_machine(const struct fitting *f)
{
    CLEANUP_FREE char *emulator = fits_value(f->doc, "string(/domain/devices/emulator)");
    CLEANUP_FREE char *arch = fits_value(f->doc, "string(/domain/os/type/@arch)");
    CLEANUP_FREE char *machine = fits_value(f->doc, "string(/domain/os/type/@machine)");
    CLEANUP_FREE char *type = fits_value(f->doc, "string(/domain/@type)");
    char *capabilities = virConnectGetDomainCapabilities(f->conn, emulator, arch, machine, type, 0);

    if (capabilities)
        fits_firmware(f, capabilities);
    else if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        lack(f, "emulator %s, machine %s, %s: %s", emulator ? emulator : "(default)",
             machine ? machine : "(default)", type ? type : "(default)", virGetLastErrorMessage());
    free(capabilities);
}

/* ---- what it is connected to ---- */

static void fits_network(const struct fitting *f, const char *name)
{
    virNetworkPtr network = virNetworkLookupByName(f->conn, name);

    if (!network) {
        if (virGetLastErrorCode() == VIR_ERR_NO_NETWORK)
            lack(f, "network '%s' is not defined", name);
        return;
    }
    if (virNetworkIsActive(network) == 0)
        lack(f, "network '%s' is not active", name);
    virNetworkFree(network);
}

/* The host's devices of a kind have it?  True also if the host does not tell. */
static bool has_device(virConnectPtr conn, unsigned kind, const char *element, const char *value)
{
    virNodeDevicePtr *all = NULL;
    CLEANUP_FREE char *wanted = xasprintf("<%s>%s</%s>", element, value, element);
    int n = virConnectListAllNodeDevices(conn, &all, kind);
    bool ret = n <= 0;

    for (int i = 0; i < n; i++) {
        char *xml = virNodeDeviceGetXMLDesc(all[i], 0);

        ret = ret || !xml || strstr(xml, wanted);
        free(xml);
        virNodeDeviceFree(all[i]);
    }
    free(all);
    return ret;
}

static void fits_bridge(const struct fitting *f, const char *name)
{
    if (!has_device(f->conn, VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET, "interface", name))
        lack(f, "network interface '%s' is not there", name);
}

static void fits_pool(const struct fitting *f, const char *name)
{
    virStoragePoolPtr pool = virStoragePoolLookupByName(f->conn, name);

    if (pool)
        virStoragePoolFree(pool);
    else if (virGetLastErrorCode() == VIR_ERR_NO_STORAGE_POOL)
        lack(f, "storage pool '%s' is not defined", name);
}

static void fits_devices(const struct fitting *f)
{
    xmlXPathObject *o = evaluate(f->doc, "/domain/devices/hostdev[@type='pci']/source/address");

    for (int i = 0; o && o->nodesetval && i < o->nodesetval->nodeNr; i++) {
        static const char *const parts[] = {"domain", "bus", "slot", "function"};
        unsigned long at[ARRAY_LEN(parts)];
        virNodeDevicePtr device;
        char name[64];

        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            xmlChar *v = xmlGetProp(o->nodesetval->nodeTab[i], (const xmlChar *)parts[k]);

            at[k] = v ? strtoul((const char *)v, NULL, 0) : 0;
            xmlFree(v);
        }
        snprintf(name, sizeof(name), "pci_%04lx_%02lx_%02lx_%lx", at[0], at[1], at[2], at[3]);
        device = virNodeDeviceLookupByName(f->conn, name);
        if (device)
            virNodeDeviceFree(device);
        else if (virGetLastErrorCode() == VIR_ERR_NO_NODE_DEVICE)
            lack(f, "PCI device %04lx:%02lx:%02lx.%lx is not there", at[0], at[1], at[2], at[3]);
    }
    xmlXPathFreeObject(o);
}

void fits_host(virConnectPtr conn, const xmlDoc *doc, struct strlist *ret)
{
    const struct fitting f = {conn, doc, ret};

    fits_identity(&f);
    fits_machine(&f);
    each(&f, "/domain/devices/interface[@type='network']/source/@network", fits_network);
    each(&f, "/domain/devices/interface[@type='bridge']/source/@bridge", fits_bridge);
    each(&f, "/domain/devices/interface[@type='direct']/source/@dev", fits_bridge);
    each(&f, "/domain/devices/disk[@type='volume']/source/@pool", fits_pool);
    fits_devices(&f);
}
