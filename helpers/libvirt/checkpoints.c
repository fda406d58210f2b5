/* SPDX-License-Identifier: MIT
 *
 * A domain's checkpoints: libvirt's record of them, and their bitmaps with it.
 */
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "helpers/libvirt/libvirt.h"

/* libvirt 9.0 looks a checkpoint up, then waits until it may ask QEMU for the size, and reads on in
 * what it has found.  Of a checkpoint that was deleted meanwhile libvirtd dies (SIGSEGV in
 * qemuCheckpointGetXMLDesc).  So of one domain none is measured while one is deleted; for the same
 * job they would wait in libvirtd. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static VEC(char *) held; /* UUIDs of domains */

static size_t find_held(const char *uuid)
{
    size_t i = 0;

    while (i < held.n && !str_eq(held.items[i], uuid))
        i++;
    return i;
}

static void hold(virDomainCheckpointPtr c, char *uuid)
{
    if (virDomainGetUUIDString(virDomainCheckpointGetDomain(c), uuid) < 0)
        uuid[0] = '\0';
    pthread_mutex_lock(&lock);
    while (find_held(uuid) < held.n)
        pthread_cond_wait(&released, &lock);
    *VEC_ADD(&held) = xstrdup(uuid);
    pthread_mutex_unlock(&lock);
}

static void release(const char *uuid)
{
    size_t i;

    pthread_mutex_lock(&lock);
    i = find_held(uuid);
    free(held.items[i]);
    held.items[i] = held.items[--held.n];
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

static char *measure(virDomainCheckpointPtr c, unsigned flags)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *ret;

    hold(c, uuid);
    ret = virDomainCheckpointGetXMLDesc(c, flags | VIR_DOMAIN_CHECKPOINT_XML_SIZE);
    release(uuid);
    return ret;
}

int checkpoint_delete(virDomainCheckpointPtr c, unsigned flags)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    int rc;

    hold(c, uuid);
    rc = virDomainCheckpointDelete(c, flags);
    release(uuid);
    return rc;
}

static void read_checkpoint(virDomainCheckpointPtr c, bool size, struct libvirt_checkpoint *ret)
{
    virDomainCheckpointPtr parent = virDomainCheckpointGetParent(c, 0);
    const unsigned flags = VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN;

    ret->name = xstrdup(virDomainCheckpointGetName(c));
    if (parent)
        ret->parent = xstrdup(virDomainCheckpointGetName(parent));
    if (parent)
        virDomainCheckpointFree(parent);
    if (size) {
        ret->xml = measure(c, flags);
        if (!ret->xml)
            ret->problem = xstrdup(virGetLastErrorMessage());
    }
    if (!ret->xml)
        ret->xml = virDomainCheckpointGetXMLDesc(c, flags);
}

/* Parents first. */
static int list_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_checkpoints *ret = answer;
    virDomainCheckpointPtr *all = NULL;
    int n = virDomainListAllCheckpoints(dom, &all, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);

    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct libvirt_checkpoint *c = VEC_ADD(&ret->checkpoints);

        read_checkpoint(all[i], q->size, c);
        if (!c->xml && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT) { /* since deleted */
            free(c->name);
            free(c->parent);
            free(c->problem);
            ret->checkpoints.n--;
        }
        virDomainCheckpointFree(all[i]);
    }
    free(all);
    return 0;
}
SERVICE_OF_DOMAIN(list)

static int create_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    unsigned flags = (q->redefine ? VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE : 0) |
                     (q->validate ? VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE : 0);
    virDomainCheckpointPtr c = virDomainCheckpointCreateXML(dom, q->checkpoint, flags);

    (void)answer;
    if (!c)
        return -1;
    virDomainCheckpointFree(c);
    return 0;
}
SERVICE_OF_DOMAIN(create)

static int delete_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    virDomainCheckpointPtr c = virDomainCheckpointLookupByName(dom, q->checkpoint, 0);
    int rc;

    (void)answer;
    if (!c)
        return -1;
    rc = checkpoint_delete(c,
                           (q->metadata ? VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY : 0) |
                               (q->children ? VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN : 0) |
                               (q->children_only ? VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY : 0));
    if (rc < 0)
        libvirt_keep_error();
    virDomainCheckpointFree(c);
    return rc;
}
SERVICE_OF_DOMAIN(delete)

const struct service checkpoint_services[] = {
    {"checkpoints", "all of a domain, parents first", &libvirt_request_checkpoints,
     &libvirt_answer_checkpoints, run_list},
    {"checkpoint-create", "make one, or define one again", &libvirt_request_checkpoint_create, NULL,
     run_create},
    {"checkpoint-delete", "delete one, or libvirt's record of it only",
     &libvirt_request_checkpoint_delete, NULL, run_delete},
};
const size_t n_checkpoint_services = ARRAY_LEN(checkpoint_services);
