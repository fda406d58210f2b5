/* SPDX-License-Identifier: MIT
 *
 * request: short work on a domain that is no job: a chain of ops, and an answer.
 */
#ifndef VMKEEP_JOBS_REQUEST_H
#define VMKEEP_JOBS_REQUEST_H

#include "engine/checkpoint_document.h"
#include "jobs/api.h"
#include "jobs/claims.h"
#include "jobs/compared.h"
#include "jobs/env.h"

struct request {
    struct job_env *env;
    struct host *host;
    char *domain;
    bool exclusive; /* no job of the domain starts meanwhile */
    const char *what;
    struct op *op;
    /* The op has ended well: starts the next one into t->op, or leaves t->answer; -1: *err. */
    int (*next)(struct request *t, struct err *err);
    /* The op has failed, with *err: 0: go on with next; -1: that is the answer. NULL: it is. */
    int (*failed)(struct request *t, struct err *err);
    struct api_answer answer; /* of what is below, or the catalog's, or a running job's */
    struct api_reply reply;

    struct domain_facts *facts;
    struct hv_job_stats stats;
    int64_t job;
    struct checkpoint_document *document;
    struct compared maps;
    struct view_list views;
    struct checkpoint_document shown; /* borrows from views */
    struct strlist doomed, deleted;
    size_t doomed_next;
    char *name;
    bool size, no_domain, metadata, validate, quiesce;
    int what_to_delete; /* enum api_delete */
};

/* NULL when it has been answered already (refused). */
struct request *request_new(struct job_env *e, const char *domain, struct api_reply reply);
/* Looks at the domain, then goes on with next. */
void request_look(struct request *t, int (*next)(struct request *t, struct err *err));
void request_on_op(void *ctx, const struct err *err);
void request_finish(struct request *t, const struct err *err);
/* An request that nothing else may disturb; NULL when it has been refused. */
struct request *request_exclusive(struct job_env *e, const char *domain, const char *what,
                                  struct api_reply reply);
int request_no_checkpoint(const struct request *t, const char *name, struct err *err);

void request_claims(const struct request *t, struct job_claims *ret);
void requests_free(struct job_env *e);

#endif
