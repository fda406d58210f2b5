/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  A domain's facts, of what libvirt and the host's files told.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_FACTS_H
#define VMKEEP_ENGINE_LIBVIRT_FACTS_H

#include "base/files.h"
#include "engine/hypervisor.h"
#include "engine/libvirt/beside.h"
#include "engine/libvirt/wire.h"

/* What was asked, one after another; each may need what came before it. */
struct libvirt_look {
    struct libvirt_domain_answer domain;
    struct libvirt_checkpoints checkpoints;
    struct libvirt_text backup; /* the document of the backup that runs; NULL: none does */
    enum libvirt_at at;         /* whose machine it is */
    bool local;                 /* it is this one: */
    struct file_list files;     /* the images, as they lie here */
};

void libvirt_look_done(struct libvirt_look *l);

/* May QEMU be asked, without waiting for a job that is no backup?  Then checkpoints tell sizes. */
bool libvirt_look_may_ask_qemu(const struct libvirt_look *l);
bool libvirt_look_has_backup(const struct libvirt_look *l);

/* Of the domain's answer alone: its state, its document, and what that says.  A document that
 * cannot be read makes the domain unreachable, and says so.  Takes what it needs out of l. */
void libvirt_facts_begin(struct libvirt_look *l, struct domain_facts *ret);
/* Then, once all was asked, the rest. */
void libvirt_facts_end(const struct libvirt_look *l, struct domain_facts *ret);

#endif
