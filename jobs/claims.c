/* SPDX-License-Identifier: MIT */
#include "jobs/claims.h"

#include <assert.h>

#include "base/text.h"

void claims_add_repository(struct job_claims *c, const char *name)
{
    if (!name || !*name)
        return;
    for (size_t i = 0; i < c->n_repositories; i++)
        if (str_eq(c->repositories[i], name))
            return;
    assert(c->n_repositories < CLAIMS_REPOSITORIES_MAX);
    c->repositories[c->n_repositories++] = name;
}

/* What is added at the end leaves alone what is read, and what is read may be read twice; but one
 * copy stands on another. */
static bool chains_conflict(enum chain_claim a, enum chain_claim b)
{
    static const bool table[][5] = {
        [CHAIN_NONE] = {false, false, false, false, false},
        [CHAIN_READ] = {false, false, false, false, true},
        [CHAIN_COPY] = {false, false, true, false, true},
        [CHAIN_EXTEND] = {false, false, false, true, true},
        [CHAIN_CUT] = {false, true, true, true, true},
    };

    return table[a][b];
}

enum claim claims_conflict(const struct job_claims *a, const struct job_claims *b)
{
    if (!str_eq(a->domain, b->domain) || !str_eq(a->host, b->host))
        return CLAIM_NONE;
    if (a->guest && b->guest)
        return CLAIM_GUEST;
    return str_eq(a->policy, b->policy) && chains_conflict(a->chain, b->chain) ? CLAIM_CHAIN
                                                                               : CLAIM_NONE;
}
