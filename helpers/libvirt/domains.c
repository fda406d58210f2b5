/* SPDX-License-Identifier: MIT
 *
 * What there is: the host, its domains, and one of them with its disks.
 */
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"

#define DEAF_MS 2000
#define HELD_MS 3000 /* a call that holds a domain for longer is no short one */
#define HELD_AGAIN_MS 200

static const struct record nothing = {.size = 1};

/* ---- the host ---- */

static char *version_text(unsigned long v)
{
    return xasprintf("%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

static int host(const void *request, void *answer, struct err *err)
{
    struct libvirt_host_answer *h = answer;
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

static struct libvirt_entry *add_entry(virDomainPtr dom, bool persistent,
                                       struct libvirt_entries *ret)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    struct libvirt_entry *e;

    if (virDomainGetUUIDString(dom, uuid) < 0)
        return NULL;
    e = VEC_ADD(&ret->domains);
    e->name = xstrdup(virDomainGetName(dom));
    e->uuid = xstrdup(uuid);
    e->persistent = persistent;
    e->active = virDomainGetID(dom) != (unsigned)-1;
    return e;
}

static void add_details(virDomainPtr dom, struct libvirt_entry *e)
{
    virDomainJobInfo job;
    int state, reason;

    if (virDomainGetState(dom, &state, &reason, 0) == 0)
        e->state = xstrdup(word_of(words_state, state));
    e->checkpoints = virDomainListAllCheckpoints(dom, NULL, 0) > 0;
    e->job = e->active && virDomainGetJobInfo(dom, &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE;
}

/* Twice asked, whatever the number of domains: those of each kind. */
static int list(bool persistent, bool brief, struct libvirt_entries *ret)
{
    virDomainPtr *all = NULL;
    int n = virConnectListAllDomains(connection(), &all,
                                     persistent ? VIR_CONNECT_LIST_DOMAINS_PERSISTENT
                                                : VIR_CONNECT_LIST_DOMAINS_TRANSIENT);

    for (int i = 0; i < n; i++) {
        struct libvirt_entry *e = add_entry(all[i], persistent, ret);

        if (e && !brief)
            add_details(all[i], e);
        virDomainFree(all[i]);
    }
    free(all);
    return n < 0 ? -1 : 0;
}

static int domains(const void *request, void *answer, struct err *err)
{
    bool brief = ((const struct libvirt_request *)request)->brief;

    if (list(true, brief, answer) < 0 || list(false, brief, answer) < 0)
        return libvirt_error(err);
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

static bool has_stat(const virDomainStatsRecord *r, unsigned i, const char *what)
{
    unsigned long long value;
    char key[VIR_TYPED_PARAM_FIELD_LENGTH];

    snprintf(key, sizeof(key), "block.%u.%s", i, what);
    return virTypedParamsGetULLong(r->params, r->nparams, key, &value) == 1;
}

/* Of a disk's images the top one comes first. */
static void take_blocks(const virDomainStatsRecord *r, struct libvirt_domain_answer *d)
{
    unsigned n = 0;

    virTypedParamsGetUInt(r->params, r->nparams, "block.count", &n);
    d->held = n > 0;
    for (unsigned i = 0; i < n; i++) {
        struct libvirt_block *b = VEC_ADD(&d->blocks);

        b->name = stat_text(r, i, "name");
        b->path = stat_text(r, i, "path");
        b->capacity = stat_number(r, i, "capacity");
        b->allocation = stat_number(r, i, "allocation");
        b->physical = stat_number(r, i, "physical");
        /* Its requests only QEMU has counted; it has a capacity if there is a medium in it. */
        if (has_stat(r, i, "rd.reqs") || b->capacity > 0)
            d->held = false;
    }
}

/* Not waiting for a domain that another call holds, as one is for a moment that libvirtd comes back
 * to after a start of its own: what only QEMU tells is left out then. */
static int read_blocks(virDomainPtr dom, struct libvirt_domain_answer *d)
{
    virDomainPtr doms[] = {dom, NULL};
    virDomainStatsRecordPtr *records = NULL;
    int got = virDomainListGetStats(doms, VIR_DOMAIN_STATS_BLOCK, &records,
                                    VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    if (got < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
        return 0;
    if (got < 0)
        return -1;
    if (got > 0)
        take_blocks(records[0], d);
    virDomainStatsRecordListFree(records);
    return 0;
}

static void forget_blocks(struct libvirt_domain_answer *d)
{
    while (d->blocks.n > 0) {
        struct libvirt_block *b = &d->blocks.items[--d->blocks.n];

        free(b->name);
        free(b->path);
    }
}

/* Of one that is held, again. */
static int read_running_blocks(virDomainPtr dom, struct libvirt_domain_answer *d)
{
    for (int left = HELD_MS / HELD_AGAIN_MS;; left--) {
        if (read_blocks(dom, d) < 0)
            return -1;
        if (!d->held || left <= 0)
            return 0;
        forget_blocks(d);
        usleep(HELD_AGAIN_MS * 1000);
    }
}

/* A block job that is no part of a domain's job: nobody holds the domain for it. */
static void read_block_jobs(virDomainPtr dom, struct libvirt_domain_answer *d)
{
    virDomainBlockJobInfo info;

    for (size_t i = 0; i < d->blocks.n; i++)
        if (virDomainGetBlockJobInfo(dom, d->blocks.items[i].name, &info, 0) == 1)
            d->blocks.items[i].job = xstrdup(word_of(words_block_job, (int)info.type));
}

/* A call that QEMU does not answer holds its domain for as long: whoever asks QEMU next waits, and
 * keeps one of libvirtd's threads.  This one asks nobody. */
static bool is_deaf(virDomainPtr dom, struct libvirt_domain_answer *d)
{
    virDomainControlInfo info;

    if (virDomainGetControlInfo(dom, &info, 0) < 0 || info.state == VIR_DOMAIN_CONTROL_OK)
        return false;
    d->control = xstrdup(word_of(words_control, (int)info.state));
    d->control_ms = info.stateTime;
    return info.state == VIR_DOMAIN_CONTROL_ERROR ||
           (info.state == VIR_DOMAIN_CONTROL_OCCUPIED && info.stateTime >= DEAF_MS);
}

static bool may_arrive(int paused)
{
    return paused == VIR_DOMAIN_PAUSED_MIGRATION || paused == VIR_DOMAIN_PAUSED_STARTING_UP;
}

/* Of a migration the figures are only where it begins; where it ends, libvirt refuses them. */
static void read_job(virDomainPtr dom, bool arrives, struct libvirt_domain_answer *d)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, n = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (virDomainGetJobStats(dom, &type, &params, &n, 0) < 0) {
        bool begins = libvirt_backup_begins();

        if (!arrives && !begins)
            return;
        d->job = xstrdup(word_of(words_job, VIR_DOMAIN_JOB_UNBOUNDED));
        d->operation =
            xstrdup(begins ? WORD_BACKUP_BEGINS
                           : word_of(words_operation, VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN));
        return;
    }
    if (type == VIR_DOMAIN_JOB_NONE)
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

/* With its secrets, if the connection may have them. */
static char *document(virDomainPtr dom, unsigned flags, struct libvirt_domain_answer *d)
{
    char *ret = d->no_secrets ? NULL : virDomainGetXMLDesc(dom, flags | VIR_DOMAIN_XML_SECURE);
    int code = virGetLastErrorCode();

    if (ret || (!d->no_secrets && code != VIR_ERR_OPERATION_DENIED &&
                code != VIR_ERR_ACCESS_DENIED && code != VIR_ERR_AUTH_FAILED))
        return ret;
    if (!d->no_secrets)
        d->no_secrets = xstrdup(virGetLastErrorMessage());
    return virDomainGetXMLDesc(dom, flags);
}

static int domain_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_domain_answer *d = answer;
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
    if (runs(state) && !(d->live = document(dom, 0, d)))
        return -1;
    if (d->persistent && !(d->inactive = document(dom, VIR_DOMAIN_XML_INACTIVE, d)))
        return -1;
    d->autostart = virDomainGetAutostart(dom, &autostart) == 0 && autostart == 1;
    d->saved = virDomainHasManagedSaveImage(dom, 0) == 1;
    if (runs(state) && is_deaf(dom, d))
        return 0;
    if (runs(state)) /* waits for who waits for QEMU */
        read_job(dom, state == VIR_DOMAIN_PAUSED && may_arrive(reason), d);
    if (runs(state) && str_eq(d->operation, "migration-in"))
        return 0;
    if ((runs(state) ? read_running_blocks(dom, d) : read_blocks(dom, d)) < 0)
        return -1;
    if (!runs(state) && d->inactive)
        volumes_place(d->inactive, d);
    if (runs(state) && !d->job)
        read_block_jobs(dom, d);
    return 0;
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
    {"host", "who is connected: names and versions", &nothing, &libvirt_answer_host, host},
    {"domains", "all domains, in short", &libvirt_request_domains, &libvirt_answer_domains,
     domains},
    {"domain", "one: documents, state, job, sizes of its disks", &libvirt_request_domain,
     &libvirt_answer_domain, run_domain},
    {"domain-xml", "one's document, with secrets if that is asked for", &libvirt_request_xml,
     &libvirt_answer_xml, run_xml},
};
const size_t n_domain_services = ARRAY_LEN(domain_services);
