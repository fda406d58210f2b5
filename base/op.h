/* SPDX-License-Identifier: MIT
 *
 * op: the contract of every asynchronous operation in vmkeep.
 *
 * 1. Starting one returns an op, and done runs exactly once, later, from the loop, never from
 *    inside the start; or it returns NULL with *err set, and done never runs.
 * 2. op_cancel is a request.  done still runs: with ERR_CANCELED, or with success if the
 *    operation won the race.
 * 3. After a cancel, done runs within a bounded time of the operation's own (it kills its child,
 *    drops its connection), even if the peer hangs.
 * 4. The op is dead once done has been entered; results that the start was given a pointer for
 *    are complete then, and untouched when done gets an error.
 */
#ifndef VMKEEP_BASE_OP_H
#define VMKEEP_BASE_OP_H

struct err;

/* err: NULL means success; else borrowed for the call. */
typedef void (*op_done)(void *ctx, const struct err *err);

/* Embedded as first member of whatever an operation needs. */
struct op {
    void (*cancel)(struct op *op);
};

static inline void op_cancel(struct op *op)
{
    if (op)
        op->cancel(op);
}

#endif
