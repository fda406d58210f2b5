/* SPDX-License-Identifier: MIT
 *
 * ask: one request to vmkeep-store, the program that does all work on files that may hang, or to
 * another one that speaks like it, such as vmkeep-libvirt.
 *
 * It is started for the request alone, reads it as a line of JSON, and answers in lines:
 *
 *   {"do": "check-chain", "repository": "/srv/backup", "point": "..."}
 *
 *   {"at": "/srv/backup"}                                      works on that now; any number
 *   {"event": {...}}                                           any number; how it goes on
 *   {"done": {...}}                                            the last, when all went well
 *   {"error": {"code": "notfound", "errno": 2, "text": "..."}} the last, when not
 *
 * So a file system that hangs costs one process, and the error names the file.  Requests and
 * answers are records (base/record.h); docs/man/vmkeep-store.1 has them.
 */
#ifndef VMKEEP_BASE_ASK_H
#define VMKEEP_BASE_ASK_H

#include "base/op.h"
#include "base/record.h"

struct ev_loop;

struct ask {
    const char *what;                              /* to do */
    const struct record *request, *answer;         /* answer NULL: success or an error alone */
    const void *value;                             /* the request; borrowed for the start */
    void *ret;                                     /* the caller's, released with record_done */
    double timeout_s;                              /* 0: none */
    double idle_timeout_s;                         /* from one line to the next; 0: none */
    const char *program;                           /* of ours; NULL: vmkeep-store */
    const char *argument;                          /* that it is started with; NULL: none */
    void (*event)(void *ctx, const json_t *event); /* told of each event; may be NULL */
    void *event_ctx;
};

/* ERR_TIMEOUT names what it worked on.  Else the error is what the program says, or how it has
 * ended. */
struct op *ask_start(struct ev_loop *loop, const struct ask *ask, op_done done, void *ctx,
                     struct err *err);

/* ---- its lines ---- */

/* A request, without the line's end.  Caller frees. */
char *ask_request(const struct ask *ask);

/* What has been answered so far.  Zeroed, it is nothing. */
struct answer {
    char *at;       /* NULL: not told */
    json_t *result; /* of "done"; NULL: not yet */
    struct err err; /* of "error"; ERR_NONE: none */
};

/* ERR_PROTOCOL: it is no line of an answer, or comes after the last. */
int answer_read(struct answer *a, const char *line, struct err *err);
void answer_done(struct answer *a);

#endif
