/* SPDX-License-Identifier: MIT
 *
 * What there is: the host, its domains, and one of them with its disks.
 */
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"

/* ---- records ---- */

static const struct record nothing = {.size = 1};

static const struct field domain_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
};
const struct record libvirt_request_domain = RECORD(struct libvirt_request, domain_fields);

static const struct field xml_request_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, secure, BOOL),
    FIELD(struct libvirt_request, inactive, BOOL),
};
static const struct record xml_request = RECORD(struct libvirt_request, xml_request_fields);

static const struct field xml_fields[] = {FIELD(struct libvirt_text, xml, TEXT)};
const struct record libvirt_answer_xml = RECORD(struct libvirt_text, xml_fields);

struct host {
    char *hostname, *uri, *kind, *version, *library;
    bool secure;
};

static const struct field host_fields[] = {
    FIELD(struct host, hostname, TEXT), FIELD(struct host, uri, TEXT),
    FIELD(struct host, kind, TEXT),     FIELD(struct host, version, TEXT),
    FIELD(struct host, library, TEXT),  FIELD(struct host, secure, BOOL),
};
static const struct record host_record = RECORD(struct host, host_fields);

struct entry {
    char *name, *uuid, *state;
    bool persistent, checkpoints, job;
};

static const struct field entry_fields[] = {
    FIELD(struct entry, name, TEXT),        FIELD(struct entry, uuid, TEXT),
    FIELD(struct entry, state, TEXT),       FIELD(struct entry, persistent, BOOL),
    FIELD(struct entry, checkpoints, BOOL), FIELD(struct entry, job, BOOL),
};
static const struct record entry_record = RECORD(struct entry, entry_fields);

struct entries {
    VEC(struct entry) domains;
};

static const struct field entries_fields[] = {
    FIELD(struct entries, domains, LIST, .of = &entry_record)};
static const struct record entries_record = RECORD(struct entries, entries_fields);

struct block {
    char *name, *path;
    uint64_t capacity, allocation, physical;
};

static const struct field block_fields[] = {
    FIELD(struct block, name, TEXT),       FIELD(struct block, path, TEXT),
    FIELD(struct block, capacity, UINT64), FIELD(struct block, allocation, UINT64),
    FIELD(struct block, physical, UINT64),
};
static const struct record block_record = RECORD(struct block, block_fields);

struct domain {
    char *name, *uuid, *state, *reason;
    char *live, *inactive; /* XML */
    char *job, *operation;
    bool persistent, autostart, saved;
    VEC(struct block) blocks;
};

static const struct field domain_answer_fields[] = {
    FIELD(struct domain, name, TEXT),       FIELD(struct domain, uuid, TEXT),
    FIELD(struct domain, state, TEXT),      FIELD(struct domain, reason, TEXT),
    FIELD(struct domain, live, TEXT),       FIELD(struct domain, inactive, TEXT),
    FIELD(struct domain, job, TEXT),        FIELD(struct domain, operation, TEXT),
    FIELD(struct domain, persistent, BOOL), FIELD(struct domain, autostart, BOOL),
    FIELD(struct domain, saved, BOOL),      FIELD(struct domain, blocks, LIST, .of = &block_record),
};
static const struct record domain_record = RECORD(struct domain, domain_answer_fields);

/* ---- the host ---- */

static char *version_text(unsigned long v)
{
    return xasprintf("%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

static int host(const void *request, void *answer, struct err *err)
{
    struct host *h = answer;
    unsigned long hypervisor = 0, library = 0;
    const char *kind = virConnectGetType(connection());

    (void)request;
    h->hostname = virConnectGetHostname(connection());
    h->uri = virConnectGetURI(connection());
    if (!kind || !h->hostname || !h->uri || virConnectGetVersion(connection(), &hypervisor) < 0 ||
        virConnectGetLibVersion(connection(), &library) < 0)
        return libvirt_error(err);
    h->kind = xstrdup(kind);
    h->version = version_text(hypervisor);
    h->library = version_text(library);
    h->secure = virConnectIsSecure(connection()) == 1;
    return 0;
}

/* ---- its domains ---- */

static bool runs(int state)
{
    return state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_NOSTATE;
}

/* A domain that goes meanwhile is left out. */
static void list_one(virDomainPtr dom, struct entries *ret)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    int state, reason, persistent = virDomainIsPersistent(dom);
    struct entry *e;

    if (persistent < 0 || virDomainGetState(dom, &state, &reason, 0) < 0 ||
        virDomainGetUUIDString(dom, uuid) < 0)
        return;
    e = VEC_ADD(&ret->domains);
    e->name = xstrdup(virDomainGetName(dom));
    e->uuid = xstrdup(uuid);
    e->state = xstrdup(word_of(words_state, state));
    e->persistent = persistent == 1;
    e->checkpoints = virDomainListAllCheckpoints(dom, NULL, 0) > 0;
    if (runs(state)) {
        virDomainJobInfo job;

        e->job = virDomainGetJobInfo(dom, &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE;
    }
}

static int domains(const void *request, void *answer, struct err *err)
{
    virDomainPtr *all = NULL;
    int n = virConnectListAllDomains(connection(), &all, 0);

    (void)request;
    if (n < 0)
        return libvirt_error(err);
    for (int i = 0; i < n; i++) {
        list_one(all[i], answer);
        virDomainFree(all[i]);
    }
    free(all);
    return 0;
}

/* ---- one ---- */

static uint64_t stat_number(const virDomainStatsRecord *r, unsigned i, const char *what)
{
    unsigned long long ret = 0;
    char key[VIR_TYPED_PARAM_FIELD_LENGTH];

    snprintf(key, sizeof(key), "block.%u.%s", i, what);
    virTypedParamsGetULLong(r->params, r->nparams, key, &ret);
    return ret;
}

static char *stat_text(const virDomainStatsRecord *r, unsigned i, const char *what)
{
    const char *ret = NULL;
    char key[VIR_TYPED_PARAM_FIELD_LENGTH];

    snprintf(key, sizeof(key), "block.%u.%s", i, what);
    virTypedParamsGetString(r->params, r->nparams, key, &ret);
    return xstrdup(ret);
}

/* Not waiting for a domain that another job holds: the sizes are left out then. */
static int read_blocks(virDomainPtr dom, struct domain *d)
{
    virDomainPtr doms[] = {dom, NULL};
    virDomainStatsRecordPtr *records = NULL;
    unsigned n = 0;
    int got = virDomainListGetStats(doms, VIR_DOMAIN_STATS_BLOCK, &records,
                                    VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    if (got < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
        return 0;
    if (got < 0)
        return -1;
    if (got > 0)
        virTypedParamsGetUInt(records[0]->params, records[0]->nparams, "block.count", &n);
    for (unsigned i = 0; i < n; i++) {
        struct block *b = VEC_ADD(&d->blocks);

        b->name = stat_text(records[0], i, "name");
        b->path = stat_text(records[0], i, "path");
        b->capacity = stat_number(records[0], i, "capacity");
        b->allocation = stat_number(records[0], i, "allocation");
        b->physical = stat_number(records[0], i, "physical");
    }
    virDomainStatsRecordListFree(records);
    return 0;
}

static void read_job(virDomainPtr dom, struct domain *d)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, n = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (virDomainGetJobStats(dom, &type, &params, &n, 0) < 0 || type == VIR_DOMAIN_JOB_NONE)
        return;
    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    d->job = xstrdup(word_of(words_job, type));
    d->operation = xstrdup(word_of(words_operation, operation));
    virTypedParamsFree(params, n);
}

static const char *reason_of(int state, int reason)
{
    if (state == VIR_DOMAIN_PAUSED)
        return word_of(words_paused, reason);
    return state == VIR_DOMAIN_SHUTOFF ? word_of(words_shutoff, reason) : NULL;
}

/* The documents as they are without secrets; domain-xml gives them with. */
static int domain_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct domain *d = answer;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int state, reason, autostart = 0, persistent = virDomainIsPersistent(dom);

    (void)q;
    if (persistent < 0 || virDomainGetUUIDString(dom, uuid) < 0 ||
        virDomainGetState(dom, &state, &reason, 0) < 0)
        return -1;
    d->name = xstrdup(virDomainGetName(dom));
    d->uuid = xstrdup(uuid);
    d->state = xstrdup(word_of(words_state, state));
    d->reason = xstrdup(reason_of(state, reason));
    d->persistent = persistent == 1;
    if (runs(state) && !(d->live = virDomainGetXMLDesc(dom, 0)))
        return -1;
    if (d->persistent && !(d->inactive = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE)))
        return -1;
    d->autostart = virDomainGetAutostart(dom, &autostart) == 0 && autostart == 1;
    d->saved = virDomainHasManagedSaveImage(dom, 0) == 1;
    if (runs(state))
        read_job(dom, d);
    return read_blocks(dom, d);
}
SERVICE_OF_DOMAIN(domain)

static int xml_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_text *ret = answer;

    ret->xml = virDomainGetXMLDesc(dom, (q->secure ? VIR_DOMAIN_XML_SECURE : 0) |
                                            (q->inactive ? VIR_DOMAIN_XML_INACTIVE : 0));
    return ret->xml ? 0 : -1;
}
SERVICE_OF_DOMAIN(xml)

const struct service domain_services[] = {
    {"host", "who is connected: names and versions", &nothing, &host_record, host},
    {"domains", "all domains, in short", &nothing, &entries_record, domains},
    {"domain", "one: documents, state, job, sizes of its disks", &libvirt_request_domain,
     &domain_record, run_domain},
    {"domain-xml", "one's document, with secrets if that is asked for", &xml_request,
     &libvirt_answer_xml, run_xml},
};
const size_t n_domain_services = ARRAY_LEN(domain_services);
