/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What libvirt is asked for, as its documents; and what they tell.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_DOCUMENTS_H
#define VMKEEP_ENGINE_LIBVIRT_DOCUMENTS_H

#include "engine/hypervisor.h"

/* Before anything is asked: what libvirt could never do is refused, too. */
int libvirt_check_request(const struct backup_request *r, struct err *err);
/* Does it fit the domain? */
int libvirt_check_domain(const struct backup_request *r, const struct domain_facts *facts,
                         struct err *err);

/* Those that take no part are left out, for libvirt then leaves them out.  Caller frees. */
char *libvirt_backup_xml(const struct backup_request *r);
/* NULL: none of the disks is tracked. */
char *libvirt_checkpoint_xml(const struct backup_request *r);
/* Of those disks alone.  created: its time, of one that is defined again; 0: it is new. */
char *libvirt_checkpoint_of(const char *name, const struct strlist *disks, int64_t created);

/* The document of a backup that runs. */
struct libvirt_running_disk {
    char *name, *path;
    int index; /* "vda[3]", by which its target or scratch is known; 0: not told */
};
struct libvirt_running {
    enum backup_mode mode;
    uint16_t port;
    VEC(struct libvirt_running_disk) disks;
};
int libvirt_running_read(const char *xml, struct libvirt_running *ret, struct err *err);
/* One of its disks is written to that place. */
bool libvirt_running_is(const struct libvirt_running *r, const char *place);
void libvirt_running_done(struct libvirt_running *r);

#endif
