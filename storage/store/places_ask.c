/* SPDX-License-Identifier: MIT */
#include "storage/store/places_ask.h"

#include "base/ask.h"
#include "base/cleanup.h"
#include "storage/store/store_records.h"

#define CHECK_S 120.0
#define MAKE_S 60.0
#define CLEAR_S 60.0

static const char *const uses[] = {"new", "there", "device", "socket", "directory", NULL};
static const char *const made_whats[] = {"target", "scratch", "socket", NULL};

static const struct field wish_fields[] = {
    FIELD(struct place_wish, use, WORD, .words = uses),
    FIELD(struct place_wish, what, TEXT, .required = true),
    FIELD(struct place_wish, disk, TEXT),
    FIELD(struct place_wish, path, TEXT, .required = true),
};
static const struct record wish = RECORD(struct place_wish, wish_fields);

static const struct field made_fields[] = {
    FIELD(struct made, what, WORD, .words = made_whats),
    FIELD(struct made, path, TEXT, .required = true),
    FIELD(struct made, device, UINT64),
    FIELD(struct made, inode, UINT64),
    FIELD(struct made, born, INT64),
};
static const struct record made = RECORD(struct made, made_fields);

#define MADE                                                                                       \
    FIELD(struct places_request, made, LIST, .required = true, .pointer = true, .of = &made)
#define TAG FIELD(struct places_request, tag, TEXT, .required = true)

static const struct field check_fields[] = {
    FIELD(struct places_request, owned, LIST, .required = true, .pointer = true,
          .of = &store_record_owned),
    FIELD(struct places_request, wishes, LIST, .required = true, .pointer = true, .of = &wish),
};
const struct record places_request_check = RECORD(struct places_request, check_fields);

static const struct field make_fields[] = {
    MADE,
    TAG,
    FIELD(struct places_request, scratch, TEXT, .required = true),
    FIELD(struct places_request, uid, UINT32),
    FIELD(struct places_request, gid, UINT32),
};
const struct record places_request_make = RECORD(struct places_request, make_fields);

static const struct field made_answer_fields[] = {
    FIELD(struct places_made, made, LIST, .of = &made),
};
const struct record places_answer_make = RECORD(struct places_made, made_answer_fields);

static const struct field name_fields[] = {MADE, TAG};
const struct record places_request_name = RECORD(struct places_request, name_fields);

static const struct field clear_fields[] = {
    MADE,
    TAG,
    FIELD(struct places_request, scratch, TEXT),
    FIELD(struct places_request, targets, BOOL),
};
const struct record places_request_clear = RECORD(struct places_request, clear_fields);

static const struct field sweep_fields[] = {
    FIELD(struct places_request, scratch, TEXT, .required = true),
    FIELD(struct places_request, prefix, TEXT, .required = true),
    FIELD(struct places_request, next_job, INT64, .required = true),
    FIELD(struct places_request, keep, TEXTS, .required = true, .pointer = true),
};
const struct record places_request_sweep = RECORD(struct places_request, sweep_fields);

/* ---- asking ---- */

struct op *places_ask_check(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err)
{
    const struct ask ask = {"places-check", &places_request_check, NULL, q,
                            NULL,           .timeout_s = CHECK_S};

    return ask_start(loop, &ask, done, ctx, err);
}

struct op *places_ask_make(struct ev_loop *loop, const struct places_request *q,
                           struct made_list *ret, op_done done, void *ctx, struct err *err)
{
    _Static_assert(offsetof(struct places_made, made) == 0, "the list alone is the answer");
    const struct ask ask = {"places-make", &places_request_make, &places_answer_make, q,
                            ret,           .timeout_s = MAKE_S};

    return ask_start(loop, &ask, done, ctx, err);
}

struct op *places_ask_name(struct ev_loop *loop, const struct places_request *q, op_done done,
                           void *ctx, struct err *err)
{
    const struct ask ask = {"places-name", &places_request_name, NULL, q,
                            NULL,          .timeout_s = MAKE_S};

    return ask_start(loop, &ask, done, ctx, err);
}

struct op *places_ask_clear(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err)
{
    const struct ask ask = {"places-clear", &places_request_clear, NULL, q,
                            NULL,           .timeout_s = CLEAR_S};

    return ask_start(loop, &ask, done, ctx, err);
}

struct op *places_ask_sweep(struct ev_loop *loop, const struct places_request *q, op_done done,
                            void *ctx, struct err *err)
{
    const struct ask ask = {"scratch-sweep",     &places_request_sweep, NULL, q, NULL,
                            .timeout_s = CLEAR_S};

    return ask_start(loop, &ask, done, ctx, err);
}
