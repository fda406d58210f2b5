/* SPDX-License-Identifier: MIT
 *
 * A domain's checkpoints: libvirt's record of them, and their bitmaps with it.
 */
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"

static const struct field list_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, size, BOOL),
};
static const struct record list_request = RECORD(struct libvirt_request, list_fields);

static const struct field create_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, checkpoint, TEXT, .required = true),
    FIELD(struct libvirt_request, redefine, BOOL),
    FIELD(struct libvirt_request, validate, BOOL),
};
static const struct record create_request = RECORD(struct libvirt_request, create_fields);

static const struct field delete_fields[] = {
    FIELD(struct libvirt_request, domain, TEXT, .required = true),
    FIELD(struct libvirt_request, uuid, TEXT),
    FIELD(struct libvirt_request, checkpoint, TEXT, .required = true),
    FIELD(struct libvirt_request, metadata, BOOL),
    FIELD(struct libvirt_request, children, BOOL),
    FIELD(struct libvirt_request, children_only, BOOL),
};
static const struct record delete_request = RECORD(struct libvirt_request, delete_fields);

struct checkpoint {
    char *name, *parent, *xml;
    char *problem; /* why its size cannot be told: a bitmap of it is missing or broken */
};

static const struct field checkpoint_fields[] = {
    FIELD(struct checkpoint, name, TEXT),
    FIELD(struct checkpoint, parent, TEXT),
    FIELD(struct checkpoint, xml, TEXT),
    FIELD(struct checkpoint, problem, TEXT),
};
static const struct record checkpoint_record = RECORD(struct checkpoint, checkpoint_fields);

struct checkpoints {
    VEC(struct checkpoint) checkpoints;
};

static const struct field checkpoints_fields[] = {
    FIELD(struct checkpoints, checkpoints, LIST, .of = &checkpoint_record)};
static const struct record checkpoints_record = RECORD(struct checkpoints, checkpoints_fields);

/* ---- */

static void read_checkpoint(virDomainCheckpointPtr c, bool size, struct checkpoint *ret)
{
    virDomainCheckpointPtr parent = virDomainCheckpointGetParent(c, 0);
    const unsigned flags = VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN;

    ret->name = xstrdup(virDomainCheckpointGetName(c));
    if (parent)
        ret->parent = xstrdup(virDomainCheckpointGetName(parent));
    if (parent)
        virDomainCheckpointFree(parent);
    if (size) {
        ret->xml = virDomainCheckpointGetXMLDesc(c, flags | VIR_DOMAIN_CHECKPOINT_XML_SIZE);
        if (!ret->xml)
            ret->problem = xstrdup(virGetLastErrorMessage());
    }
    if (!ret->xml)
        ret->xml = virDomainCheckpointGetXMLDesc(c, flags);
}

/* Parents first. */
static int list_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct checkpoints *ret = answer;
    virDomainCheckpointPtr *all = NULL;
    int n = virDomainListAllCheckpoints(dom, &all, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);

    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        read_checkpoint(all[i], q->size, VEC_ADD(&ret->checkpoints));
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
    rc = virDomainCheckpointDelete(
        c, (q->metadata ? VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY : 0) |
               (q->children ? VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN : 0) |
               (q->children_only ? VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY : 0));
    virDomainCheckpointFree(c);
    return rc;
}
SERVICE_OF_DOMAIN(delete)

const struct service checkpoint_services[] = {
    {"checkpoints", "all of a domain, parents first", &list_request, &checkpoints_record, run_list},
    {"checkpoint-create", "make one, or define one again", &create_request, NULL, run_create},
    {"checkpoint-delete", "delete one, or libvirt's record of it only", &delete_request, NULL,
     run_delete},
};
const size_t n_checkpoint_services = ARRAY_LEN(checkpoint_services);
