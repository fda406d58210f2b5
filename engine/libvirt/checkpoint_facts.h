/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  What libvirt's documents of checkpoints and of a backup that runs
 * tell of a domain.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_CHECKPOINT_FACTS_H
#define VMKEEP_ENGINE_LIBVIRT_CHECKPOINT_FACTS_H

#include "engine/hypervisor.h"
#include "engine/libvirt/wire.h"

/* Adds the disk's bitmaps.  Of checkpoints that were asked for their sizes, libvirt (9.0) tells
 * none of a disk whose bitmap is missing or broken: that one is inconsistent.  When QEMU cannot
 * add a disk's bitmaps up (its image was resized above a snapshot), no disk's size is told, and
 * the disks are that are as large as QEMU says. */
void libvirt_bitmaps(const struct libvirt_checkpoints *all, bool sized, struct disk_facts *disk);

/* The path of the first disk that takes part; NULL: it has none.  Caller frees. */
char *libvirt_backup_place(const char *xml);

#endif
