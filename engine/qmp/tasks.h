/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operations of the driver, one file each; they keep the contract of
 * engine/hypervisor.h, where they are described. */
#ifndef VMKEEP_ENGINE_QMP_TASKS_H
#define VMKEEP_ENGINE_QMP_TASKS_H

#include "engine/qmp/domain/domain.h"

/* inspect.c */
struct op *inspect_start(struct domain *d, struct domain_facts **ret, op_done done, void *ctx);

/* Who the domain's QEMU runs as: the owner of files that it is to open. */
void domain_user(const struct domain *d, uid_t *uid, gid_t *gid);

/* begin.c */
struct op *begin_start(struct domain *d, const struct backup_request *request,
                       struct backup_begun *ret, op_done done, void *ctx, struct err *err);

/* jobs.c */
struct op *job_stats_start(struct domain *d, const char *tag, struct hv_job_stats *ret,
                           op_done done, void *ctx, struct err *err);
struct op *job_abort_start(struct domain *d, const char *tag, op_done done, void *ctx,
                           struct err *err);
struct op *job_forget_start(struct domain *d, const char *tag, op_done done, void *ctx,
                            struct err *err);
/* Looks after our jobs and the guest without being asked to: after events, and when a connection
 * has been made. */
void tend_domain(struct domain *d);

/* allocation.c */
struct op *allocation_start(struct domain *d, const char *tag, struct allocation *items, size_t n,
                            op_done done, void *ctx);

/* checkpoint.c */
/* May the disk take in a new checkpoint of that name? */
int checkpoint_check(const struct view_disk *disk, const char *name, struct err *err);
/* Is it one of the checkpoint's? */
bool checkpoint_has(const char *checkpoint, const struct bitmap_facts *bitmap);
struct op *checkpoint_create_start(struct domain *d, const char *name, const struct strlist *disks,
                                   bool quiesce, op_done done, void *ctx, struct err *err);
struct op *checkpoint_delete_start(struct domain *d, const char *name, op_done done, void *ctx);

#endif
