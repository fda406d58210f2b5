/* SPDX-License-Identifier: MIT */
#include "daemon/drivers.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/libvirt/driver.h"
#include "engine/qmp/driver.h"

static struct hypervisor *open_qemu(struct ev_loop *loop, const struct config_host *host,
                                    struct err *err)
{
    static const char *const formats[] = {[IMAGE_QCOW2] = "qcow2", [IMAGE_RAW] = "raw"};
    struct qmp_domain_config *domains = xcalloc(host->domains.n, sizeof(*domains));
    struct hypervisor *ret;

    (void)err;
    for (size_t i = 0; i < host->domains.n; i++) {
        const struct config_domain *c = &host->domains.items[i];
        struct qmp_disk_config *disks = xcalloc(c->disks.n, sizeof(*disks));

        for (size_t k = 0; k < c->disks.n; k++)
            disks[k] = (struct qmp_disk_config){c->disks.items[k].name, c->disks.items[k].image,
                                                formats[c->disks.items[k].format]};
        domains[i] = (struct qmp_domain_config){.name = c->name,
                                                .qmp = c->qmp,
                                                .agent = c->agent,
                                                .disks = disks,
                                                .n_disks = c->disks.n,
                                                .tls_certificates = host->tls_certificates,
                                                .tls_no_verify = !host->tls_verify};
    }
    ret = qmp_hypervisor_new(loop, domains, host->domains.n);
    for (size_t i = 0; i < host->domains.n; i++)
        free((void *)domains[i].disks);
    free(domains);
    return ret;
}

static struct hypervisor *open_libvirt(struct ev_loop *loop, const struct config_host *host,
                                       struct err *err)
{
    (void)err;
    return libvirt_hypervisor_new(loop,
                                  &(struct libvirt_config){.uri = host->uri,
                                                           .address = host->address,
                                                           .certificates = host->tls_certificates,
                                                           .scratch = host->scratch});
}

struct hypervisor *driver_open(struct ev_loop *loop, const struct config_host *host,
                               struct err *err)
{
    static struct hypervisor *(*const open[])(struct ev_loop *, const struct config_host *,
                                              struct err *) = {
        [DRIVER_QEMU] = open_qemu,
        [DRIVER_LIBVIRT] = open_libvirt,
    };

    return open[host->driver](loop, host, err);
}
