/* SPDX-License-Identifier: MIT
 *
 * claims: what a job keeps from others while it runs, and whether two get in each other's way.
 */
#ifndef VMKEEP_JOBS_CLAIMS_H
#define VMKEEP_JOBS_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

/* The points of a domain under a policy. */
enum chain_claim {
    CHAIN_NONE,
    CHAIN_READ,   /* they are read: none may go */
    CHAIN_COPY,   /* the same, and copies of them are made in another repository */
    CHAIN_EXTEND, /* one is added, at the end */
    CHAIN_CUT,    /* some go, or are made anew */
};

#define CLAIMS_REPOSITORIES_MAX 4

/* All borrowed. */
struct job_claims {
    const char *host, *domain, *policy;
    bool guest; /* what the hypervisor has of the domain: its jobs, its bitmaps */
    enum chain_claim chain;
    /* A place in each. Several may work in one: how many is a limit, and no conflict. */
    const char *repositories[CLAIMS_REPOSITORIES_MAX];
    size_t n_repositories;
    bool limited; /* it counts against the limits: in all, and at its host */
};

void claims_add_repository(struct job_claims *c, const char *name); /* "" and twice: nothing */

/* What two cannot have both. */
enum claim { CLAIM_NONE, CLAIM_GUEST, CLAIM_CHAIN };

/* Symmetrical. CLAIM_NONE: they are not in each other's way. */
enum claim claims_conflict(const struct job_claims *a, const struct job_claims *b);

#endif
