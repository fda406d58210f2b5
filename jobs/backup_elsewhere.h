/* SPDX-License-Identifier: MIT
 *
 * backup_elsewhere: pulls from a host that is another machine (struct hv_elsewhere).  It serves the
 * disks over TCP, with TLS and to clients with a certificate alone; its scratch space is over
 * there, and made by the hypervisor.
 */
#ifndef VMKEEP_JOBS_BACKUP_ELSEWHERE_H
#define VMKEEP_JOBS_BACKUP_ELSEWHERE_H

#include "jobs/backup_run.h"

/* NULL: the job's host is this machine, or not known. */
const struct hv_elsewhere *backup_elsewhere(const struct job_run *r);

/* Where the disk's scratch space is over there; caller frees.  NULL: no place is known for it. */
char *backup_elsewhere_scratch(const struct job_run *r, const char *disk, struct err *err);

struct backup_address backup_elsewhere_server(const struct hv_elsewhere *e);

/* Where the disk of that number is read, once it has begun; caller frees. */
char *backup_elsewhere_source(const struct job_run *r, size_t disk);

/* Of a begin that failed: what a push over there needs. */
void backup_elsewhere_explain_begin(const struct job_run *r, struct err *err);
/* Of a pull's copy that failed: what it was read with. */
void backup_elsewhere_explain_pull(const struct job_run *r, struct err *err);

#endif
