/* SPDX-License-Identifier: MIT
 *
 * host: what the files of a simulated host know of one another.
 *
 *   guest.c            guests, their disks, and QEMU's end
 *   host.c             what a host tells: its domains, facts, events
 *   host_domains.c     which domains it has, and when it tells
 *   host_libvirt.c     what is otherwise at a host that behaves like libvirt
 *   host_images.c      what is otherwise of a domain that is shut off
 *   host_backup.c      backup jobs
 *   host_checkpoint.c  checkpoints alone, and what disks hold
 */
#ifndef VMKEEP_TESTS_SIM_HOST_H
#define VMKEEP_TESTS_SIM_HOST_H

#include "tests/simulation/sim.h"

/* ---- guest.c ---- */

struct sim_disk *sim_disk_find(struct sim_domain *d, const char *name);
/* Its part of a checkpoint. */
struct sim_bitmap *sim_bitmap_of(struct sim_disk *d, const char *checkpoint);
void sim_bitmap_add(struct sim_disk *d, const char *name);
void sim_bitmap_remove(struct sim_disk *d, const char *name);
void sim_job_drop(struct sim_domain *d);

/* ---- host.c ---- */

/* The daemon hears of it a little later; perhaps twice, or never. */
void host_tell(struct sim_domain *d, enum hv_event_type type);
struct sim_domain *host_domain(struct hypervisor *hv, const char *name);
/* It serves one of its clients, the oldest. */
bool host_serves(const struct hypervisor *hv);

/* Results are filled in when the answer comes. */
struct answer {
    struct sim_domain *d;
    struct sim_hypervisor *hv;
    char tag[HV_TAG_MAX], place[SIM_TEXT];
    struct hv_job_stats *stats;
    struct domain_facts **facts;
    bool fails, effect;
};

/* The daemon may die here. */
struct answer *answer_new(struct hypervisor *hv, const char *domain);
struct answer *answer_about(struct hypervisor *hv, const struct hv_job *job);
/* The job that is meant is there. */
bool answer_is_job(const struct answer *a);
/* Ends an operation that has had its effect, or not, by now. */
struct op *answer_acted(struct answer *a, op_done done, void *ctx);

/* ---- host_domains.c ---- */

/* The daemon has made it: it tells its domains at once, or later. */
void host_connects(struct sim_hypervisor *hv);

/* ---- host_libvirt.c ---- */

/* The driver hears of the job's end. */
void libvirt_knows(struct sim_hypervisor *hv, const struct sim_job *j);
/* By now it has: its figures stay, and it goes. */
void libvirt_ended(struct sim_domain *d);
/* Of a job that does not run. */
bool libvirt_stats(struct sim_hypervisor *hv, const struct sim_domain *d, const char *tag,
                   struct hv_job_stats *ret);
void libvirt_forget(struct sim_hypervisor *hv, const char *tag);
bool libvirt_is_foreign(const struct sim_domain *d);
/* It runs no more, or another QEMU runs it. */
void libvirt_stopped(struct sim_domain *d);

/* ---- host_images.c ---- */

/* Its QEMU does, or its images can be read without. */
bool host_answers(const struct sim_domain *d);
/* ERR_BUSY while they must not be changed. */
int images_check_idle(const struct sim_domain *d, struct err *err);
/* A copy of them begins. */
void images_begin(struct sim_domain *d);
/* The driver goes, and the processes that it has made. */
void images_let_go(struct sim_hypervisor *hv);

/* ---- the operations ---- */

bool host_list(struct hypervisor *hv, struct strlist *ret, struct err *why);

struct op *host_backup_begin(struct hypervisor *hv, const struct backup_request *q,
                             struct backup_begun *ret, op_done done, void *ctx, struct err *err);
struct op *host_job_stats(struct hypervisor *hv, const struct hv_job *job, struct hv_job_stats *ret,
                          op_done done, void *ctx, struct err *err);
struct op *host_abort_job(struct hypervisor *hv, const struct hv_job *job, op_done done, void *ctx,
                          struct err *err);
struct op *host_job_forget(struct hypervisor *hv, const struct hv_job *job, op_done done, void *ctx,
                           struct err *err);
struct op *host_checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                  const struct strlist *disks, bool quiesce, op_done done,
                                  void *ctx, struct err *err);
struct op *host_checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                  op_done done, void *ctx, struct err *err);
struct op *host_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                           struct allocation *items, size_t n, op_done done, void *ctx,
                           struct err *err);

#endif
