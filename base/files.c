/* SPDX-License-Identifier: MIT */
#include "base/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/ask.h"
#include "base/cleanup.h"

/* The list alone is the answer. */
struct answer_of_files {
    struct file_list files;
};

static const char *const types[] = {"regular", "block", "other", NULL};
const char *const files_words[] = {"files-look", "files-touch",  "files-sync", "files-write-out",
                                   "files-make", "files-remove", "files-try"};

static const struct field fact_fields[] = {
    FIELD(struct file_fact, path, TEXT, .required = true),
    FIELD(struct file_fact, is_open, BOOL),
    FIELD(struct file_fact, has_name, BOOL),
    FIELD(struct file_fact, missing, INT),
    FIELD(struct file_fact, type, WORD, .words = types),
    FIELD(struct file_fact, device, UINT64),
    FIELD(struct file_fact, inode, UINT64),
    FIELD(struct file_fact, size, UINT64),
    FIELD(struct file_fact, changed, INT64),
    FIELD(struct file_fact, identity, TEXT),
    FIELD(struct file_fact, unreadable, INT),
    FIELD(struct file_fact, qcow2, UINT32),
    FIELD(struct file_fact, end, UINT64),
    FIELD(struct file_fact, space_free, UINT64),
    FIELD(struct file_fact, space_total, UINT64),
    FIELD(struct file_fact, busy, BOOL),
    FIELD(struct file_fact, no_locks, INT),
    FIELD(struct file_fact, locked, BOOL),
    FIELD(struct file_fact, error, RECORD, .pointer = true, .of = &record_err),
};
static const struct record fact = RECORD(struct file_fact, fact_fields);

static const struct field answer_fields[] = {
    FIELD(struct answer_of_files, files, LIST, .of = &fact),
};
const struct record files_answer_record = RECORD(struct answer_of_files, answer_fields);

static const struct field request_fields[] = {
    FIELD(struct files_request, pid, UINT32),
    FIELD(struct files_request, names, TEXTS, .pointer = true),
    FIELD(struct files_request, closely, TEXTS, .pointer = true),
    FIELD(struct files_request, uid, UINT32),
    FIELD(struct files_request, gid, UINT32),
};
const struct record files_request_record = RECORD(struct files_request, request_fields);

struct op *files_ask(struct ev_loop *loop, enum files_what what, const struct files_request *q,
                     double timeout_s, struct file_list *ret, op_done done, void *ctx,
                     struct err *err)
{
    const struct ask ask = {
        files_words[what],     &files_request_record, &files_answer_record, q, ret,
        .timeout_s = timeout_s};

    return ask_start(loop, &ask, done, ctx, err);
}

static const struct file_fact *find(const struct file_list *l, const char *path, bool is_open)
{
    const struct file_fact *found = NULL;

    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].path, path) == 0 && (!found || l->items[i].is_open == is_open))
            found = &l->items[i];
    return found;
}

const struct file_fact *file_find(const struct file_list *l, const char *path)
{
    return find(l, path, true);
}

const struct file_fact *file_find_named(const struct file_list *l, const char *path)
{
    return find(l, path, false);
}

bool file_is_same(const struct file_fact *a, const struct file_fact *b)
{
    return a && b && !a->missing && !b->missing && a->device == b->device && a->inode == b->inode;
}

void file_list_move(struct file_list *to, struct file_list *from)
{
    for (size_t i = 0; i < from->n; i++)
        *VEC_ADD(to) = from->items[i];
    free(from->items);
    *from = (struct file_list){0};
}

void file_list_done(struct file_list *l)
{
    record_done(&files_answer_record, l);
}
