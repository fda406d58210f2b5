/* SPDX-License-Identifier: MIT
 *
 * Private to report/gather: the disks' part of the status.
 */
#ifndef VMKEEP_REPORT_GATHER_STATUS_PRIV_H
#define VMKEEP_REPORT_GATHER_STATUS_PRIV_H

#include "report/gather/status.h"

/* The policies that select a domain; borrowed from the configuration. */
struct policies {
    const struct config_policy **items;
    size_t n, cap;
};

/* What is attached to the domain and in no backup, by its nature or by the policies' disks.
 * seen: the domain's. */
void status_add_disks(const struct policies *selecting, const struct seen_disk_list *seen,
                      struct status_domain *ret);

/* What is in the policy's second repositories, and what is to be copied yet.  active: jobs. */
int status_add_copies(const struct status_sources *s, const struct domain_name *d,
                      const struct config_policy *policy, const struct job_list *active,
                      struct status_policy *ret, struct err *err);

/* What the policy's next backup takes, as the last of that level did, where the repository may not
 * have so much room. */
int status_add_needs(const struct status_sources *s, const struct domain_name *d,
                     const struct config_policy *policy, enum backup_level next,
                     struct status_policy *ret, struct err *err);

/* failed: catalog_failures.  The copies of ret are there already. */
void status_add_failures(const struct seen_list *failed, const struct domain_name *d,
                         const struct config_policy *policy, struct status_policy *ret);

/* The chain's length, and sizes: what monitoring asks for. */
int status_add_figures(const struct status_sources *s, const struct domain_name *d,
                       const struct point_list *points, struct status_policy *ret, struct err *err);

/* How long its file systems were frozen for a backup, and whether they perhaps are. */
int status_add_freeze(const struct status_sources *s, const struct domain_name *d,
                      struct status_domain *ret, struct err *err);

/* What was made of the domains on the last days; their policies are there already. */
int status_add_days(const struct status_sources *s, struct status *status, struct err *err);

/* What was read of the policy's points; points: the domain's. */
int status_add_reads(struct catalog *catalog, const struct config_policy *policy,
                     const struct point_list *points, int64_t now, struct status_policy *ret,
                     struct err *err);

/* Of the domain's points, all of them: those that the looks found not whole are so, and what stands
 * on them.  NULL: nobody has looked. */
bool status_looks_lost(const struct status_looks *looks, const struct domain_name *d);
void status_mark_lost(const struct status_looks *looks, struct point_list *points);

/* Of the domain's points, those that are of none of these policies. */
void status_count_uncovered(const struct policies *selecting, const struct point_list *points,
                            struct status_domain *ret);

/* Repositories as they were seen last, and as the looks say; used: only these; NULL: all. */
int status_add_repositories(const struct status_sources *s, const struct strlist *used,
                            struct status *ret, struct err *err);

int status_tell_of_crash(const struct status_sources *s, struct status *ret, struct err *err);
int status_warn_of_targets(const struct status_sources *s, struct status *ret, struct err *err);
/* Hosts that were never reached, as far as anybody knows: the domains of others are unreachable. */
int status_warn_of_hosts(const struct status_sources *s, const struct domain_names *known,
                         struct status *ret, struct err *err);

#endif
