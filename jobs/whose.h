/* SPDX-License-Identifier: MIT
 *
 * whose: who makes a backup that is somebody else's, told by the file that it writes.  Another
 * daemon that looks after the host names its files as we do, by its catalog and its job:
 *
 *     TIME.POLICY@CATALOG-JOB.partial/DISK     a push into its repository
 *     SCRATCH/CATALOG-JOB/N.qcow2              a pull through scratch space of its own machine
 *     SCRATCH/vmkeep-CATALOG-JOB.DISK, IMAGE.vmkeep-CATALOG-JOB     ... of another one
 */
#ifndef VMKEEP_JOBS_WHOSE_H
#define VMKEEP_JOBS_WHOSE_H

/* "job 3 of another vmkeep (catalog 0a1b2c3d)" or "a backup that is not vmkeep's".  Caller
 * frees. */
char *whose(const char *place);

#endif
