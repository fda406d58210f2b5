/* SPDX-License-Identifier: MIT
 *
 * Private to scheduler/: what the parts of the backup API share.
 *
 *   api_job.c         the state machine of a backup begun by hand
 *   api_begin.c       its documents, from XML to the committed row
 *   api_compare.c     what its disks were, and are
 *   api_places.c      its files and its socket: checked, made, removed
 *   api_errand.c        short work on a domain that is no job
 *   api_checkpoint.c  checkpoints made and described by hand
 *   api_delete.c      checkpoints deleted by hand
 *   api_redefine.c    what is known of checkpoints that are there, told again
 *   api_view.c        checkpoints as they are: the catalog's rows and the real bitmaps, joined
 *   api_doctor.c      a fresh look at everything
 */
#ifndef VMKEEP_SCHEDULER_API_PRIV_H
#define VMKEEP_SCHEDULER_API_PRIV_H

#include "engine/xml/backup_xml.h"
#include "engine/xml/checkpoint_xml.h"
#include "scheduler/scheduler_priv.h"

/* The host and domain that are meant. *ret_domain: caller frees. */
int api_find_domain(struct scheduler *s, const char *text, struct host **ret_host,
                    char **ret_domain, struct err *err);

/* ERR_BUSY, naming the job or errand that works on the domain now. */
int api_refuse_busy(const struct scheduler *s, const struct host *h, const char *domain,
                    struct err *err);

/* ERR_REMOTE when its disks and bitmaps cannot be told. */
int facts_can_look(const struct domain_facts *f, struct err *err);
/* ERR_REMOTE when nothing can be begun or made there now. */
int facts_can_begin(const struct domain_facts *f, struct err *err);

/* Both documents against what the domain has. */
int api_documents_complete(struct run *r, struct err *err);
/* What of the request is not in its written form. */
void api_document_adopt(struct run *r);
/* ERR_INVALID: only vmkeep itself may choose such a name. */
int api_check_name(const char *name, struct err *err);
/* Its row. */
int api_job_commit(struct run *r, struct err *err);

/* api_places.c.  Each starts a child; NULL without *err: there is nothing to wait for. */
struct op *api_places_check(struct run *r, struct err *err);
struct op *api_places_make(struct run *r, struct err *err);
struct op *api_places_clear(struct run *r, bool targets, struct err *err);
/* api_places_make has ended: what was made is written down. */
int api_places_made(struct run *r, struct err *err);
struct op *api_places_name(struct run *r, struct err *err);
/* What a former life has made. */
void api_places_resume(struct run *r);

/* api_compare.c.  The disks of an increment, for compared_start; and whether they fit: ERR_CORRUPT
 * names the ranges. */
int api_compare_list(struct run *r, struct err *err);
int api_compare_judge(struct run *r, struct err *err);
/* The disks of a checkpoint by hand that has just been made, to be mapped; and what came of it. */
int api_map_list(struct scheduler *s, const char *host, const char *domain, const char *checkpoint,
                 struct compared *ret, struct err *err);
void api_map_keep(struct scheduler *s, const char *host, const char *domain, const char *checkpoint,
                  const struct compared *maps, const struct err *failed);

/* Short work on a domain: a chain of ops, and an answer. */
struct errand {
    struct scheduler *s;
    struct host *host;
    char *domain;
    bool exclusive; /* no job of the domain starts meanwhile */
    const char *what;
    struct op *op;
    /* The op has ended well: starts the next one into t->op, or leaves t->answer; -1: *err. */
    int (*next)(struct errand *t, struct err *err);
    /* The op has failed, with *err: 0: go on with next; -1: that is the answer. NULL: it is. */
    int (*failed)(struct errand *t, struct err *err);
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
struct errand *errand_new(struct scheduler *s, const char *domain, struct api_reply reply);
/* Looks at the domain, then goes on with next. */
void errand_look(struct errand *t, int (*next)(struct errand *t, struct err *err));
void errand_on_op(void *ctx, const struct err *err);
void errand_finish(struct errand *t, const struct err *err);
/* An errand that nothing else may disturb; NULL when it has been refused. */
struct errand *errand_exclusive(struct scheduler *s, const char *domain, const char *what,
                                struct api_reply reply);
int errand_no_checkpoint(const struct errand *t, const char *name, struct err *err);
/* After a look: what t->document says of a checkpoint is recorded. */
int api_redefine(struct errand *t, struct err *err);

/* facts: borrowed for as long as the list lives. */
int views_load(struct errand *t, struct view_list *ret, struct err *err);
void views_done(struct view_list *l);
const struct view *views_find(const struct view_list *l, const char *name);
/* Is a a descendant of b? */
bool view_descends(const struct view_list *l, const struct view *a, const char *b);

#endif
