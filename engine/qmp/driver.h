/* SPDX-License-Identifier: MIT
 *
 * qmp/driver: the hypervisor interface over QMP, for QEMU processes that nobody else manages.
 *
 * Each domain has a QMP socket that is vmkeep's own (QEMU serves one client a socket, others wait
 * for their greeting), and may have one of the guest agent.  The connection is kept; when it is
 * lost it is made again with growing pauses, 1 s to 60 s, and at once when an operation needs it.
 */
#ifndef VMKEEP_ENGINE_QMP_DRIVER_H
#define VMKEEP_ENGINE_QMP_DRIVER_H

#include "engine/hypervisor.h"

struct ev_loop;

struct qmp_disk_config {
    const char *name; /* target */
    const char *image;
    const char *format; /* "qcow2", "raw"; NULL: qcow2.  Used while the domain is shut off. */
};

struct qmp_domain_config {
    const char *name;
    const char *qmp;   /* socket path */
    const char *agent; /* socket path, or NULL */
    const struct qmp_disk_config *disks;
    size_t n_disks;
    /* Pull with TLS, and targets with TLS: directory with ca-cert.pem, server-cert.pem,
     * server-key.pem, client-cert.pem, client-key.pem, read by QEMU; NULL: /etc/pki/qemu. */
    const char *tls_certificates;
    bool tls_no_verify; /* clients need no certificate */
};

/* Copies what it is given; connects in the background; does not fail. */
struct hypervisor *qmp_hypervisor_new(struct ev_loop *loop, const struct qmp_domain_config *domains,
                                      size_t n);

#endif
