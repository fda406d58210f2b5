/* SPDX-License-Identifier: MIT */
#include "base/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc_priv.h"

#define PROGRAM "vmkeep-store"
#define LINE_SHOWN 100

/* One request under way. */
struct asked {
    struct op op; /* first: a struct op * is a struct asked * */
    struct op *child;
    char *program;
    const struct record *record;
    void *ret;
    struct answer answer;
    struct err bad; /* a line that was none */
    void (*event)(void *ctx, const json_t *event);
    void *event_ctx;
    op_done done;
    void *ctx;
};

/* ---- lines ---- */

char *ask_request(const struct ask *ask)
{
    json_t *json = record_write(ask->request, ask->value);
    json_t *line = json_pack("{s:s}", "do", ask->what);
    char *ret;

    json_object_update_missing(line, json);
    ret = json_dumps(line, JSON_COMPACT);
    json_decref(json);
    json_decref(line);
    return ret;
}

static int read_error(struct answer *a, const json_t *error, struct err *err)
{
    if (record_read(&record_err, error, &a->err, err) < 0)
        return -1;
    return a->err.code != ERR_NONE ? 0 : err_set(err, ERR_PROTOCOL, "an error that is none");
}

static int read_object(struct answer *a, json_t *line, struct err *err)
{
    json_t *at = json_object_get(line, "at"), *done = json_object_get(line, "done"),
           *error = json_object_get(line, "error");

    if (json_object_size(line) != 1)
        return err_set(err, ERR_PROTOCOL, "not an object of one");
    if (json_object_get(line, "event"))
        return 0;
    if (error)
        return read_error(a, error, err);
    if (json_is_object(done)) {
        a->result = json_incref(done);
        return 0;
    }
    if (!at)
        return err_set(err, ERR_PROTOCOL, "neither at, event, done nor error");
    free(a->at);
    a->at = record_read_text(at, err);
    return a->at ? 0 : -1;
}

int answer_read(struct answer *a, const char *line, struct err *err)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    if (!json)
        rc = err_set(err, ERR_PROTOCOL, "no JSON");
    else if ((a->result || a->err.code != ERR_NONE) && !json_object_get(json, "event"))
        rc = err_set(err, ERR_PROTOCOL, "a line after the last");
    else
        rc = read_object(a, json, err);
    json_decref(json);
    if (rc == 0)
        return 0;
    err->code = ERR_PROTOCOL;
    return err_wrap(err, "it answers '%.*s'", LINE_SHOWN, line);
}

void answer_done(struct answer *a)
{
    free(a->at);
    json_decref(a->result);
    *a = (struct answer){0};
}

/* ---- on the loop ---- */

static void asked_free(struct asked *q)
{
    answer_done(&q->answer);
    free(q->program);
    free(q);
}

static void asked_cancel(struct op *op)
{
    op_cancel(((struct asked *)op)->child);
}

static void tell_event(const struct asked *q, const char *line)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const json_t *event = json_object_get(json, "event");

    if (event)
        q->event(q->event_ctx, event);
    json_decref(json);
}

static void on_line(void *ctx, const char *line)
{
    struct asked *q = ctx;

    if (q->bad.code == ERR_NONE && answer_read(&q->answer, line, &q->bad) < 0)
        err_wrap(&q->bad, "%s", proc_name(q->program));
    else if (q->bad.code == ERR_NONE && q->event)
        tell_event(q, line);
}

/* All of it or nothing. */
static int take_result(const struct asked *q, struct err *err)
{
    CLEANUP_FREE void *value = q->record ? xcalloc(1, q->record->size) : NULL;

    if (!q->record)
        return 0;
    if (record_read(q->record, q->answer.result, value, err) < 0) {
        err->code = ERR_PROTOCOL;
        return err_wrap(err, "%s: its answer", proc_name(q->program));
    }
    memcpy(q->ret, value, q->record->size);
    return 0;
}

static int judge(const struct asked *q, const struct err *child, struct err *err)
{
    if (child && child->code == ERR_TIMEOUT && q->answer.at)
        return err_set(err, ERR_TIMEOUT, "%s does not answer", q->answer.at);
    if (child && (child->code == ERR_CANCELED || child->code == ERR_TIMEOUT)) {
        *err = *child;
        return -1;
    }
    if (q->bad.code != ERR_NONE) {
        *err = q->bad;
        return -1;
    }
    if (q->answer.err.code != ERR_NONE) {
        *err = q->answer.err;
        return -1;
    }
    if (child) {
        *err = *child;
        return -1;
    }
    if (!q->answer.result)
        return err_set(err, ERR_PROTOCOL, "%s: it has ended without an answer",
                       proc_name(q->program));
    return take_result(q, err);
}

static void on_child(void *ctx, const struct err *child)
{
    struct asked *q = ctx;
    op_done done = q->done;
    void *done_ctx = q->ctx;
    struct err err = ERR_INIT;
    bool ok = judge(q, child, &err) == 0;

    asked_free(q);
    done(done_ctx, ok ? NULL : &err);
}

struct op *ask_start(struct ev_loop *loop, const struct ask *ask, op_done done, void *ctx,
                     struct err *err)
{
    char *program = proc_program_path(ask->program ? ask->program : PROGRAM);
    CLEANUP_FREE char *line = ask_request(ask);
    CLEANUP_FREE char *input = xasprintf("%s\n", line);
    const char *argv[] = {program, ask->argument, NULL};
    const struct proc_spec spec = {.argv = argv,
                                   .input = input,
                                   .timeout_s = ask->timeout_s,
                                   .idle_timeout_s = ask->idle_timeout_s,
                                   .line = on_line};
    struct asked *q = xcalloc(1, sizeof(*q));

    q->op.cancel = asked_cancel;
    q->program = program;
    q->record = ask->answer;
    q->ret = ask->ret;
    q->done = done;
    q->ctx = ctx;
    q->event = ask->event;
    q->event_ctx = ask->event_ctx;
    q->child = proc_start(loop, &spec, NULL, on_child, q, err);
    if (!q->child) {
        asked_free(q);
        return NULL;
    }
    return &q->op;
}
