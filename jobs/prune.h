/* SPDX-License-Identifier: MIT
 *
 * prune: restore points that retention needs no more are let go of.
 */
#ifndef VMKEEP_JOBS_PRUNE_H
#define VMKEEP_JOBS_PRUNE_H

#include "jobs/job.h"
#include "policies/letting_go.h"

extern const struct job_type prune_type;

/* The points of a domain under a policy in a repository. */
struct prune_scope {
    const char *host, *domain, *policy, *repository;
    /* The repositories whose points were seen in this run; NULL: judge by what is known, to see
     * whether a prune is worth it. */
    const struct strlist *looked;
    const struct strlist *held; /* ids of those that cannot go now; NULL: none */
};

/* Judges all points of (host, domain) under the policy, by its rules while it covers the domain
 * (else by none: they stay, and only what is being deleted goes), and apart from them, by their own
 * rules, the copies of such in the repository: stores the reasons, and lists those in the
 * repository that can go, and how. */
int prune_judge(struct job_env *e, const struct prune_scope *of, struct letting_go_list *doomed,
                struct err *err);
int prune_queue(struct job_env *e, const char *host, const char *domain, const char *policy,
                const char *repository, const char *why, struct job_run **ret, struct err *err);

/* Judges, and queues a prune if that would let something go. */
int prune_queue_if_due(struct job_env *e, const struct prune_scope *of, const char *why,
                       struct err *err);

#endif
