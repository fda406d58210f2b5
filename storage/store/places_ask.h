/* SPDX-License-Identifier: MIT
 *
 * places_ask: the places of backups, looked at, made and removed by vmkeep-store (base/ask.h), for
 * the loop.  What each does, and how it fails: places.h, made.h, scratch.h.  What is handed over is
 * borrowed for the start.
 */
#ifndef VMKEEP_STORAGE_STORE_PLACES_ASK_H
#define VMKEEP_STORAGE_STORE_PLACES_ASK_H

#include "base/op.h"
#include "base/record.h"
#include "storage/places/made.h"
#include "storage/places/places.h"

struct ev_loop;

struct place_wishes {
    struct place_wish *items;
    size_t n, cap;
};

/* All that a request can say; each takes its part of it. */
struct places_request {
    const struct owned_list *owned;
    const struct place_wishes *wishes;
    const struct made_list *made;
    const char *scratch; /* the directory; NULL: none */
    const char *tag;     /* the job's */
    uint32_t uid, gid;   /* who writes to what is made */
    bool targets;        /* they go too */
    const char *prefix;  /* of tags */
    int64_t next_job;    /* those from this one on are not touched */
    const struct strlist *keep;
};

/* places_check: owned, wishes. */
struct op *places_ask_check(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err);

/* scratch_prepare, then made_create: made, scratch, tag, uid, gid. */
struct op *places_ask_make(struct ev_loop *loop, const struct places_request *q,
                           struct made_list *ret, op_done done, void *ctx, struct err *err);

/* made_name: made, tag. */
struct op *places_ask_name(struct ev_loop *loop, const struct places_request *q, op_done done,
                           void *ctx, struct err *err);

/* made_clear, and scratch_discard: made, scratch, tag, targets. */
struct op *places_ask_clear(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err);

/* scratch_sweep: scratch, prefix, next_job, keep. */
struct op *places_ask_sweep(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err);

extern const struct record places_request_check, places_request_make, places_request_name,
    places_request_clear, places_request_sweep;
extern const struct record places_answer_make; /* struct places_made */

/* The list alone is the answer. */
struct places_made {
    struct made_list made;
};

#endif
