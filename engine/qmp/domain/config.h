/* SPDX-License-Identifier: MIT
 *
 * qmp/config: a domain as it is configured. */
#ifndef VMKEEP_ENGINE_QMP_CONFIG_H
#define VMKEEP_ENGINE_QMP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct qmp_disk_config {
    const char *name; /* target */
    const char *image;
    const char *format; /* "qcow2", "raw"; NULL: qcow2.  Used while the domain is shut off. */
};

struct qmp_domain_config {
    const char *name;
    const char *qmp;   /* socket path; NULL: its images are all there is of it (driver.h) */
    const char *agent; /* socket path, or NULL */
    const struct qmp_disk_config *disks;
    size_t n_disks;
    /* Pull with TLS, and targets with TLS: directory with ca-cert.pem, server-cert.pem,
     * server-key.pem, client-cert.pem, client-key.pem, read by QEMU; NULL: /etc/pki/qemu. */
    const char *tls_certificates;
    bool tls_no_verify; /* clients need no certificate */
    bool shared_names;  /* a checkpoint's bitmaps bear its name on every disk, as libvirt has it */
};

#endif
