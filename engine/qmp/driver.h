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
#include "engine/qmp/domain/config.h"

struct ev_loop;

/* Copies what it is given; connects in the background; does not fail. */
struct hypervisor *qmp_hypervisor_new(struct ev_loop *loop, const struct qmp_domain_config *domains,
                                      size_t n);

/* The images of domains that another driver's host has, for as long as these are shut off: one of
 * the same kind, whose domains have no QEMU, and no socket.  That one of them has been started is
 * seen by its images alone (offline/offline.h).  It has none at first. */
struct hypervisor *qmp_images_new(struct ev_loop *loop);
/* What a domain's images are now.  Copied.  ERR_BUSY: something is at work on other ones. */
int qmp_images_set(struct hypervisor *images, const struct qmp_domain_config *domain,
                   struct err *err);
/* The tag of the backup that is there, running or ended; NULL: none, or no such domain. */
const char *qmp_images_tag(struct hypervisor *images, const char *domain);

#endif
