/* SPDX-License-Identifier: MIT
 *
 * What is asked of vmkeep-store about repositories, and what it answers, as records (base/record.h,
 * base/ask.h).  storage/store/store.c asks; helpers/store does it.
 */
#ifndef VMKEEP_STORAGE_STORE_STORE_RECORDS_H
#define VMKEEP_STORAGE_STORE_STORE_RECORDS_H

#include "base/record.h"
#include "storage/repository/adopt.h"
#include "storage/verify/proof.h"
#include "storage/repository/repository.h"
#include "storage/store/scratch.h"
#include "storage/store/store_parts.h"
#include "storage/repository/survey.h"
#include "storage/repository/unknown.h"

/* All that a request can say; each record takes its part of it.  Borrowed by who asks, of the
 * reader's own (record_done) for who does it. */
struct store_request {
    const char *repository;   /* its path */
    const char *id;           /* that it must have; NULL: any */
    const char *secret, *key; /* the file of its key, and what that is called; NULL: none */
    const struct owner *self;
    int64_t now;
    bool may_begin;
    bool may_be_empty;           /* what holds nothing yet is no error, and has no id */
    const char *scratch_dir;     /* whose space is asked for, too */
    const char *point, *into;    /* into: what point is merged into */
    const struct point_pin *pin; /* that it is to have; NULL: none */
    const char *disk;            /* that is to be proven, of it: */
    struct sample sample;        /* so much, */
    uint64_t bandwidth;          /* no faster */
    const struct point *plan;
    const struct point_origin *origin;
    const struct store_scratch *scratch;
    enum point_made made;
    const struct survey_scope *scope;
    const struct unknown_asker *asker;
    const struct strlist *points;
    const struct store_catalog *catalog;
    enum image_compression compress;
    uint64_t reserve;
    bool into_reserve;
    const char *from, *from_id; /* another repository, and the id that it must have; NULL: any */
    const char *from_secret, *from_key; /* and its key */
};

extern const struct record store_request_probe, store_request_space, store_request_survey,
    store_request_examine, store_request_keep_catalog, store_request_check_chain,
    store_request_prepare, store_request_publish, store_request_discard, store_request_remove,
    store_request_pin, store_request_merge, store_request_prove, store_request_bring,
    store_request_view, store_request_scratch;

extern const struct record store_answer_probe;   /* struct store_space */
extern const struct record store_answer_survey;  /* struct survey */
extern const struct record store_answer_examine; /* struct unknown */
extern const struct record store_answer_publish; /* struct point */
extern const struct record store_answer_prove;   /* struct proof */
extern const struct record store_answer_view;    /* struct repository_view */
extern const struct record store_answer_scratch; /* struct scratch_look */

/* Parts of them, for others: a struct owned. */
extern const struct record store_record_owned;

#endif
