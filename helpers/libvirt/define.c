/* SPDX-License-Identifier: MIT
 *
 * A domain that comes to this host: it is defined, never over one that is there, and started; and
 * where the host keeps images.
 */
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "helpers/libvirt/fits.h"
#include "helpers/libvirt/libvirt.h"
#include "storage/definition/define_records.h"

/* ---- a document ---- */

static void free_doc(xmlDoc **doc)
{
    xmlFreeDoc(*doc);
}

static int read_document(const char *xml, const char *root, xmlDoc **ret, struct err *err)
{
    xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

    if (!doc || doc->intSubset ||
        !xmlStrEqual(xmlDocGetRootElement(doc)->name, (const xmlChar *)root)) {
        xmlFreeDoc(doc);
        return err_set(err, ERR_INVALID, "is no document of a %s", root);
    }
    *ret = doc;
    return 0;
}

/* ---- what it would lack ---- */

static int fits(const void *request, void *answer, struct err *err)
{
    const struct define_request *q = request;
    struct define_lacks *ret = answer;
    CLEANUP(free_doc) xmlDoc *doc = NULL;

    if (read_document(q->xml, "domain", &doc, err) < 0)
        return -1;
    fits_host(connection(), doc, &ret->lacks);
    virResetLastError();
    return 0;
}

/* ---- defined ---- */

static int refuse_taken(virDomainPtr there, const char *what, const char *value, struct err *err)
{
    if (!there)
        return 0;
    err_set(err, ERR_EXISTS, "a domain with the %s %s is there already: '%s'", what, value,
            virDomainGetName(there));
    virDomainFree(there);
    return -1;
}

/* libvirt takes a document of a UUID that it knows for a change of that domain. */
static int check_is_new(const xmlDoc *doc, struct err *err)
{
    CLEANUP_FREE char *name = fits_value(doc, "string(/domain/name)");
    CLEANUP_FREE char *uuid = fits_value(doc, "string(/domain/uuid)");

    if (!name)
        return err_set(err, ERR_INVALID, "the domain has no name");
    if (refuse_taken(virDomainLookupByName(connection(), name), "name", name, err) < 0)
        return -1;
    return uuid ? refuse_taken(virDomainLookupByUUIDString(connection(), uuid), "UUID", uuid, err)
                : 0;
}

static int define(const void *request, void *answer, struct err *err)
{
    const struct define_request *q = request;
    struct define_answer *ret = answer;
    CLEANUP(free_doc) xmlDoc *doc = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainPtr dom;

    if (read_document(q->xml, "domain", &doc, err) < 0 || check_is_new(doc, err) < 0)
        return -1;
    dom = virDomainDefineXMLFlags(connection(), q->xml, VIR_DOMAIN_DEFINE_VALIDATE);
    if (!dom)
        return libvirt_error(err);
    virDomainGetUUIDString(dom, uuid);
    ret->name = xstrdup(virDomainGetName(dom));
    ret->uuid = xstrdup(uuid);
    virDomainFree(dom);
    return 0;
}

static int start_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)q;
    (void)answer;
    return virDomainCreate(dom);
}
SERVICE_OF_DOMAIN(start)

/* ---- pools ---- */

static int describe_pool(virStoragePoolPtr pool, struct define_pool *ret, struct err *err)
{
    char *xml = virStoragePoolGetXMLDesc(pool, 0);
    CLEANUP(free_doc) xmlDoc *doc = NULL;
    int rc = xml ? read_document(xml, "pool", &doc, err) : libvirt_error(err);

    free(xml);
    if (rc < 0)
        return -1;
    ret->path = fits_value(doc, "string(/pool/target/path)");
    ret->type = fits_value(doc, "string(/pool/@type)");
    ret->active = virStoragePoolIsActive(pool) == 1;
    return 0;
}

/* What there is instead; libvirt says only that this one is not. */
static int no_such_pool(struct err *err)
{
    virStoragePoolPtr *all = NULL;
    struct err said = ERR_INIT;
    CLEANUP_FREE char *names = xstrdup("");
    int n;

    libvirt_error(&said);
    n = said.code == ERR_NOTFOUND ? virConnectListAllStoragePools(connection(), &all, 0) : -1;
    for (int i = 0; i < n; i++) {
        CLEANUP_FREE char *before = TAKE_PTR(names);

        names = xasprintf("%s%s%s", before, *before ? ", " : "", virStoragePoolGetName(all[i]));
        virStoragePoolFree(all[i]);
    }
    free(all);
    if (n < 0)
        return err_set(err, said.code, "%s", said.msg);
    if (n == 0)
        return err_set(err, said.code, "%s; there is none here: give --to DIR instead of --pool",
                       said.msg);
    return err_set(err, said.code, "%s; there are: %s; or give --to DIR instead of --pool",
                   said.msg, names);
}

static int pool(const void *request, void *answer, struct err *err)
{
    const struct define_request *q = request;
    virStoragePoolPtr p = virStoragePoolLookupByName(connection(), q->pool);
    int rc;

    if (!p)
        return no_such_pool(err);
    rc = describe_pool(p, answer, err);
    virStoragePoolFree(p);
    return rc;
}

static int pool_refresh(const void *request, void *answer, struct err *err)
{
    const struct define_request *q = request;
    virStoragePoolPtr p = virStoragePoolLookupByName(connection(), q->pool);
    int rc = p ? virStoragePoolRefresh(p, 0) : -1;

    (void)answer;
    if (rc < 0)
        libvirt_error(err);
    if (p)
        virStoragePoolFree(p);
    return rc < 0 ? -1 : 0;
}

const struct service define_services[] = {
    {"fits", "what a domain needs that this host lacks", &define_request_xml, &define_answer_lacks,
     fits},
    {"define", "define a domain, never over another one", &define_request_xml,
     &define_answer_defined, define},
    {"start", "start a domain", &libvirt_request_domain, NULL, run_start},
    {"pool", "where a pool keeps its images", &define_request_pool, &define_answer_pool, pool},
    {"pool-refresh", "have a pool look at its images again", &define_request_pool, NULL,
     pool_refresh},
};
const size_t n_define_services = ARRAY_LEN(define_services);
