/* SPDX-License-Identifier: MIT
 *
 * A domain that is shut off, and whose images are to be replaced: what must be known of it, and
 * that its checkpoints are no more.
 */
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/words.h"
#include "storage/definition/define_records.h"

/* All of them, the newest first, to each of which fn is called. */
static int each_checkpoint(virDomainPtr dom, int (*fn)(virDomainCheckpointPtr c, void *ctx),
                           void *ctx)
{
    virDomainCheckpointPtr *all = NULL;
    int n = virDomainListAllCheckpoints(dom, &all, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
    int rc = n < 0 ? -1 : 0;

    if (n < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
        rc = 0;
    for (int i = n - 1; i >= 0; i--) {
        if (rc == 0)
            rc = fn(all[i], ctx);
        virDomainCheckpointFree(all[i]);
    }
    free(all);
    return rc;
}

static int add_name(virDomainCheckpointPtr c, void *ctx)
{
    strlist_add(ctx, virDomainCheckpointGetName(c));
    return 0;
}

static int offline_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct define_offline *ret = answer;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int state, reason;

    (void)q;
    if (virDomainGetUUIDString(dom, uuid) < 0 || virDomainGetState(dom, &state, &reason, 0) < 0)
        return -1;
    ret->uuid = xstrdup(uuid);
    ret->state = xstrdup(word_of(words_state, state));
    ret->shutoff = state == VIR_DOMAIN_SHUTOFF;
    ret->saved = virDomainHasManagedSaveImage(dom, 0) == 1;
    ret->away = ret->shutoff && reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
    ret->xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
    return ret->xml ? each_checkpoint(dom, add_name, &ret->checkpoints) : -1;
}
SERVICE_OF_DOMAIN(offline)

/* Their bitmaps have gone with the images. */
static int forget(virDomainCheckpointPtr c, void *ctx)
{
    (void)ctx;
    return checkpoint_delete(c, VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY);
}

static int ghosts_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)q;
    (void)answer;
    return each_checkpoint(dom, forget, NULL);
}
SERVICE_OF_DOMAIN(ghosts)

const struct service replace_services[] = {
    {"offline", "what of a domain matters to who replaces its images", &libvirt_request_domain,
     &define_answer_offline, run_offline},
    {"ghosts", "forget all checkpoints of a domain whose images were replaced",
     &libvirt_request_domain, NULL, run_ghosts},
};
const size_t n_replace_services = ARRAY_LEN(replace_services);
