/* SPDX-License-Identifier: MIT
 *
 * Private to jobs/.  How a job is known again at its hypervisor, where that bears no tags, and how
 * its end is found out that nobody saw, where that keeps no ended job.
 */
#ifndef VMKEEP_JOBS_HV_AT_HOST_H
#define VMKEEP_JOBS_HV_AT_HOST_H

#include "jobs/hv_session.h"

/* Before it begins: what it will be known by is written down, or it must not begin. */
int hv_record_place(struct job_run *r, const struct backup_request *request, struct err *err);
/* Borrowed of r. */
struct hv_job hv_job_of(struct job_run *r);
/* The hypervisor says that it runs. */
void hv_saw_running(struct job_run *r);
/* It says that it knows nothing of it; h->stats has its last job.  HV_BAD_END: r->err. */
enum hv_verdict hv_settle_unseen(struct job_run *r);

#endif
