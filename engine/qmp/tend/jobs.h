/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The operations job_stats, abort_job and job_forget of
 * engine/hypervisor.h, and tending. */
#ifndef VMKEEP_ENGINE_QMP_JOBS_H
#define VMKEEP_ENGINE_QMP_JOBS_H

#include "engine/qmp/domain/domain.h"

struct op *job_stats_start(struct domain *d, const char *tag, struct hv_job_stats *ret,
                           op_done done, void *ctx, struct err *err);
struct op *job_abort_start(struct domain *d, const char *tag, op_done done, void *ctx,
                           struct err *err);
struct op *job_forget_start(struct domain *d, const char *tag, op_done done, void *ctx,
                            struct err *err);
/* See struct qmp_hypervisor. */
void tend_domain(struct domain *d);

#endif
