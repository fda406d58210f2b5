/* SPDX-License-Identifier: MIT
 *
 * serve: what jobs are given.
 */
#ifndef VMKEEP_SCHEDULER_SERVE_H
#define VMKEEP_SCHEDULER_SERVE_H

struct job_env_ops;

extern const struct job_env_ops scheduler_serves;

#endif
