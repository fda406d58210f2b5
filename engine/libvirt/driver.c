/* SPDX-License-Identifier: MIT */
#include "engine/libvirt/driver.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/libvirt_uri.h"
#include "engine/libvirt/begin.h"
#include "engine/libvirt/checkpoint.h"
#include "engine/libvirt/compare.h"
#include "engine/libvirt/host.h"
#include "engine/libvirt/images.h"
#include "engine/libvirt/inspect.h"
#include "engine/libvirt/jobs.h"
#include "engine/libvirt/task.h"
#include "engine/libvirt/trial.h"

/* Libvirt waits for 30 seconds for a domain that another call holds. */
#define ANSWERS_S 30

static void driver_free(struct hypervisor *hv)
{
    struct libvirt_host *h = libvirt_host_of(hv);

    h->listener = NULL;
    libvirt_images_free(h);
    libvirt_tasks_drop(h);
    libvirt_host_done(h);
    libvirt_jobs_free(h);
    free((char *)h->elsewhere.address);
    free((char *)h->elsewhere.certificates);
    free((char *)h->elsewhere.scratch);
    free(h);
}

static void note_elsewhere(struct libvirt_host *h, const struct libvirt_config *c)
{
    h->elsewhere.address = c->address ? xstrdup(c->address) : libvirt_uri_host(c->uri);
    h->elsewhere.certificates = xstrdup(c->certificates);
    h->elsewhere.scratch = xstrdup(c->scratch);
    h->hv.elsewhere = &h->elsewhere;
}

struct hypervisor *libvirt_hypervisor_new(struct ev_loop *loop, const struct libvirt_config *c)
{
    static const struct hypervisor_ops ops = {
        .domains = libvirt_domains,
        .connected = libvirt_connected,
        .inspect = libvirt_inspect,
        .backup_begin = libvirt_backup_begin,
        .job_stats = libvirt_job_stats,
        .abort_job = libvirt_abort_job,
        .job_forget = libvirt_job_forget,
        .allocation = libvirt_allocation,
        .checkpoint_create = libvirt_checkpoint_create,
        .checkpoint_delete = libvirt_checkpoint_delete,
        .checkpoint_redefine = libvirt_checkpoint_redefine,
        .trial = libvirt_trial,
        .thaw = libvirt_thaw,
        .owe_thaw = libvirt_owe_thaw,
        .listen = libvirt_listen,
        .free = driver_free,
    };
    struct libvirt_host *h = xcalloc(1, sizeof(*h));

    h->loop = loop;
    h->hear = &libvirt_jobs_hear;
    libvirt_host_start(h, c->uri, c->program);
    h->hv = (struct hypervisor){
        .ops = &ops,
        .can = HV_COMPARES | (h->local ? HV_OFFLINE : 0),
        .patience = ANSWERS_S,
    };
    if (!h->local)
        note_elsewhere(h, c);
    return &h->hv;
}
