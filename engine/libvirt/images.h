/* SPDX-License-Identifier: MIT
 *
 * Private to engine/libvirt.  Domains that are shut off, of a libvirt on this machine: libvirt
 * itself backs up none of them, so their images are worked on by what does that for hosts without
 * libvirt (qmp_images_new; engine/qmp/offline/offline.h has how, and what holds: the images are
 * copied read-only and without locks, a domain that libvirt starts meanwhile is never turned away,
 * and a copy that somebody has written beneath is given up).
 *
 * What is libvirt's way there, so that the two go on from one another:
 * - A checkpoint's bitmap has the checkpoint's name on each disk.
 * - Of a checkpoint that is made so, libvirt gets a record at once (checkpoint-create with
 *   "redefine").  Should that be lost, it is defined again, and held against the bitmaps, by the
 *   next backup of the domain that runs (jobs/leftovers.c).
 * - Checkpoints of other people's are in the images and in libvirt's records, and stay in both.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_IMAGES_H
#define VMKEEP_ENGINE_LIBVIRT_IMAGES_H

#include "engine/libvirt/host.h"

/* Is it one whose images are to be worked on? */
bool libvirt_images_can(const struct libvirt_host *h, const struct domain_facts *f);
/* They are told where these are.  NULL: a disk is none that can be worked on so, and *err says why;
 * or something is at work on it.  Else what works on them, of the host's name for the domain. */
struct hypervisor *libvirt_images(struct libvirt_host *h, const char *domain,
                                  const struct domain_facts *f, struct err *err);
/* Who has a job of that tag on a domain's images, whether it is still shut off or not; NULL: it is
 * none of these. */
struct hypervisor *libvirt_images_with(const struct libvirt_host *h, const struct hv_job *job);

/* What the images say themselves is added to what libvirt has told of the domain.  Takes what it
 * needs out of `said`. */
void libvirt_images_add(struct domain_facts *f, struct domain_facts *said);
/* Nothing of the kind is possible, and the facts say why. */
void libvirt_images_cannot(struct domain_facts *f, const struct err *why);

/* All that waits for it ends, from inside; there is none any more after that. */
void libvirt_images_free(struct libvirt_host *h);

#endif
