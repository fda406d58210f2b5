/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/doctor*.c: one look at everything, and each part of it.
 *
 * All are asked at once.  What has not answered within DOCTOR_LIMIT_S is answered for as late; the
 * doctor itself stays until all of it has come to an end.
 */
#ifndef VMKEEP_SCHEDULER_DOCTOR_PRIV_H
#define VMKEEP_SCHEDULER_DOCTOR_PRIV_H

#include "base/files.h"
#include "jobs/request.h"
#include "scheduler/core.h"

#define DOCTOR_LIMIT_S 10

struct doctor;

/* A repository that a push of the domain goes to. */
struct doctor_target {
    char *repository, *path;
};

/* A domain that is looked at; then its targets are tried, one after another. */
struct doctor_visit {
    struct doctor *d;
    struct looked_domain found;
    VEC(struct doctor_target) targets;
    size_t next; /* of them, to be tried */
    struct hv_trial trial;
    bool over;
};

/* A repository: looked at, then a file is made in it and removed. */
struct doctor_probe {
    struct doctor *d;
    struct repo *repo;
    struct op *op;
    struct looked_repository found;
    struct strlist file; /* its name */
    size_t step;         /* with it */
    struct file_list made;
    bool over;
};

/* What is asked about; host NULL: everything, domain NULL: all that the host has. */
struct doctor_scope {
    char *host, *domain;
};

struct doctor {
    struct scheduler *s;
    struct doctor_scope scope;
    struct api_reply reply;
    struct alarm limit;
    VEC(struct doctor_visit *) visits;
    VEC(struct doctor_probe *) probes;
    size_t waiting;
    void (*one_less)(struct doctor *d); /* of them */
    bool answered;
    unsigned n_files; /* names that were given */
};

/* doctor_domain.c */
void doctor_visit(struct doctor *d, const char *host, const char *domain);
/* The host itself. problem NULL: it can be asked. */
void doctor_visit_host(struct doctor *d, const char *host, const char *problem);
void doctor_visit_late(struct doctor_visit *v);
void doctor_visit_free(struct doctor_visit *v);

/* doctor_scope.c */
/* text: HOST, HOST/, DOMAIN, HOST/DOMAIN.  ret: released whatever comes of it. */
int doctor_scope_find(struct scheduler *s, const char *text, struct doctor_scope *ret,
                      struct err *err);
void doctor_scope_done(struct doctor_scope *s);
/* Do the domains that are visited have, or get, anything in that repository? */
bool doctor_scope_has(const struct doctor *d, const struct repo *r);

/* doctor_repository.c */
/* The name of a file to be made and removed in that directory.  Caller frees. */
char *doctor_file(struct doctor *d, const char *dir);
void doctor_probe(struct doctor *d, struct repo *r);
void doctor_probe_late(struct doctor_probe *p);
void doctor_probe_free(struct doctor_probe *p);

#endif
