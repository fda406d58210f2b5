/* SPDX-License-Identifier: MIT */
#include "storage/merge/merge_seal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/images/image_run.h"

#define PIECE_MIN (UINT64_C(1) << 20)
#define PIECE_MAX (UINT64_C(1) << 40)
#define PIECE_FIRST (UINT64_C(1) << 30)
#define WRITE_MAX (UINT64_C(1) << 30) /* qemu-io takes less than 2 GiB at once */
#define COMMANDS_MAX 256              /* of one qemu-io */

struct sealing {
    const char *image;
    proc_watch watch;
    void *ctx;
    struct strlist commands; /* of qemu-io */
};

static int write_zeroes(struct sealing *s, struct err *err)
{
    int rc = image_io(s->image, "--discard=ignore", &s->commands, s->watch, s->ctx, err);

    strlist_done(&s->commands);
    return rc;
}

static int seal_run(struct sealing *s, uint64_t at, uint64_t length, struct err *err)
{
    while (length > 0) {
        uint64_t n = length < WRITE_MAX ? length : WRITE_MAX;
        CLEANUP_FREE char *command = xasprintf("write -q -z %" PRIu64 " %" PRIu64, at, n);

        strlist_add(&s->commands, command);
        if (s->commands.n == COMMANDS_MAX && write_zeroes(s, err) < 0)
            return -1;
        at += n;
        length -= n;
    }
    return 0;
}

/* *ret_cut: the answer was longer than what is kept of one, so it has to be asked for less. */
static int seal_piece(struct sealing *s, uint64_t at, uint64_t length, bool *ret_cut,
                      struct err *err)
{
    CLEANUP_FREE char *from = xasprintf("%" PRIu64, at), *n = xasprintf("%" PRIu64, length);
    const char *argv[] = {"qemu-img", "map", "--output=json", "-f", "qcow2", "-s", from,
                          "-l",       n,     s->image,        NULL};
    CLEANUP_FREE char *out = NULL;
    json_t *o, *run;
    size_t i;
    int rc = 0;

    if (image_run(argv, s->image, s->watch, s->ctx, &out, err) < 0)
        return -1;
    o = json_loads(out, 0, NULL);
    *ret_cut = !o;
    json_array_foreach(o, i, run) {
        json_int_t start, bytes, depth;
        int present;

        if (rc == 0 && json_unpack(run, "{s:I, s:I, s:I, s:b}", "start", &start, "length", &bytes,
                                   "depth", &depth, "present", &present) < 0)
            rc = err_set(err, ERR_INTERNAL, "qemu-img map: an answer that is none: %s", out);
        if (rc == 0 && (depth > 0 || !present))
            rc = seal_run(s, (uint64_t)start, (uint64_t)bytes, err);
    }
    json_decref(o);
    return rc;
}

int merge_seal(const char *image, uint64_t from, uint64_t to, proc_watch watch, void *ctx,
               struct err *err)
{
    struct sealing s = {.image = image, .watch = watch, .ctx = ctx};
    uint64_t piece = PIECE_FIRST;
    int rc = 0;

    while (rc == 0 && from < to) {
        uint64_t n = to - from < piece ? to - from : piece;
        bool cut = false;

        rc = seal_piece(&s, from, n, &cut, err);
        if (rc == 0 && cut && n <= PIECE_MIN)
            rc = err_set(err, ERR_INTERNAL, "qemu-img map: an answer that is none");
        from += rc == 0 && !cut ? n : 0;
        piece = cut ? n / 2 : piece < PIECE_MAX ? piece * 2 : piece;
    }
    if (rc == 0 && s.commands.n > 0)
        rc = write_zeroes(&s, err);
    strlist_done(&s.commands);
    return rc;
}
