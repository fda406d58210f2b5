/* SPDX-License-Identifier: MIT
 *
 * host: what the files of a simulated host know of one another.
 *
 *   guest.c            guests, their disks, and QEMU's end
 *   host.c             what a host tells: its domains, facts, events
 *   host_domains.c     which domains it has, and when it tells
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
    char tag[64];
    struct hv_job_stats *stats;
    struct domain_facts **facts;
    bool fails, effect;
};

/* The daemon may die here. */
struct answer *answer_new(struct hypervisor *hv, const char *domain, const char *tag);
/* Ends an operation that has had its effect, or not, by now. */
struct op *answer_acted(struct answer *a, op_done done, void *ctx);

/* ---- host_domains.c ---- */

/* The daemon has made it: it tells its domains at once, or later. */
void host_connects(struct sim_hypervisor *hv);

/* ---- the operations ---- */

bool host_list(struct hypervisor *hv, struct strlist *ret, struct err *why);

struct op *host_backup_begin(struct hypervisor *hv, const struct backup_request *q,
                             struct backup_begun *ret, op_done done, void *ctx, struct err *err);
struct op *host_job_stats(struct hypervisor *hv, const char *domain, const char *tag,
                          struct hv_job_stats *ret, op_done done, void *ctx, struct err *err);
struct op *host_abort_job(struct hypervisor *hv, const char *domain, const char *tag, op_done done,
                          void *ctx, struct err *err);
struct op *host_job_forget(struct hypervisor *hv, const char *domain, const char *tag, op_done done,
                           void *ctx, struct err *err);
struct op *host_checkpoint_create(struct hypervisor *hv, const char *domain, const char *name,
                                  const struct strlist *disks, bool quiesce, op_done done,
                                  void *ctx, struct err *err);
struct op *host_checkpoint_delete(struct hypervisor *hv, const char *domain, const char *name,
                                  op_done done, void *ctx, struct err *err);
struct op *host_allocation(struct hypervisor *hv, const char *domain, const char *tag,
                           struct allocation *items, size_t n, op_done done, void *ctx,
                           struct err *err);

#endif
