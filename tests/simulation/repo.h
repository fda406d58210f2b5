/* SPDX-License-Identifier: MIT
 *
 * Private to the simulated repository: repo.c changes it, repo_look.c looks at it, repo_checks.c
 * judges what is removed from it. */
#ifndef VMKEEP_TESTS_SIM_REPO_H
#define VMKEEP_TESTS_SIM_REPO_H

#include "tests/simulation/sim.h"

struct sim_store {
    struct store store;
    struct store_ops ops;
    struct sim_repo *repo;
};

static inline struct sim_repo *sim_store_repo(struct store *s)
{
    return ((struct sim_store *)s)->repo;
}

/* repo.c */
/* The repository that the daemon means is there. */
bool sim_store_is_there(struct store *s);
/* Why the repository that is there, or is not, cannot serve; ERR_NONE: it can. */
void sim_store_refuse(struct store *s, struct err *refusal);
/* The end of an operation whose effect is done: with *refusal if that is set, else as drawn. */
struct op *sim_store_end(struct store *s, bool fails, struct err *refusal, op_done done, void *ctx);

/* repo_look.c */
struct op *sim_survey(struct store *s, const struct survey_scope *scope, struct survey *ret,
                      op_done done, void *ctx, struct err *err);
struct op *sim_examine(struct store *s, const struct unknown_asker *asker,
                       const struct strlist *ids, struct unknown *ret, op_done done, void *ctx,
                       struct err *err);
struct op *sim_keep_catalog(struct store *s, const struct store_catalog *catalog, op_done done,
                            void *ctx, struct err *err);
bool sim_is_owner(const struct sim_repo *r, const char *domain);
/* As its owner's file: one catalog after another of one place has it. */
void sim_own(struct sim_repo *r, const char *domain);

/* repo_checks.c */
/* The last good point of a (domain, policy) is never removed, nor one that another stands on, nor,
 * by the rules, any while the catalog does not know all of them. */
/* into: the point that it is merged into; NULL: it is only removed. */
void sim_check_removal(struct store *s, const char *id, const char *into, bool by_rules);
uint64_t sim_room(const struct sim_repo *r);

/* tests/simulation/merges.c */
struct op *sim_merge(struct store *s, const struct store_merge *what, struct point *ret,
                     op_done done, void *ctx, struct err *err);
/* tests/simulation/bring.c */
struct op *sim_bring(struct store *s, const struct store_bring *what, op_done done, void *ctx,
                     struct err *err);
/* tests/simulation/proofs.c */
struct op *sim_prove(struct store *s, const struct store_proof *what, struct proof *ret,
                     op_done done, void *ctx, struct err *err);
void sim_stored_remove(struct sim_repo *r, const char *id, bool published);
/* pins.c */
/* By its file: then a remove, or a merge, refuses. */
bool sim_is_pinned(struct sim_repo *r, const char *id);
/* Somebody restores all that the domain has, from now on for some seconds. */
void sim_read(struct sim_repo *r, const char *domain);
/* Neither pinned nor read: or why it cannot go. */
int sim_check_free(struct sim_repo *r, const char *id, struct err *err);
struct op *sim_pin(struct store *s, const char *id, const struct point_pin *pin, op_done done,
                   void *ctx, struct err *err);
/* The job's number was never seen before: not on what is there now. */
void sim_check_number(const struct sim_repo *r, const struct point *plan);

#endif
