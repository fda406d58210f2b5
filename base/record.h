/* SPDX-License-Identifier: MIT
 *
 * record: structs as JSON and back, by a table of their members, from one process to another.
 *
 * What comes back is what went in.  A text that is not UTF-8 (a path may be any bytes) is an object
 * {"percent": "/caf%E9"}, a number beyond 63 bits a text of its digits.  What is NULL, 0, false or
 * empty is left out, and what is left out is that.  What is read is checked: a key that the table
 * has not, a value of another type, and a required one that is missing are ERR_INVALID, which names
 * where ("plan: disks: 2: length: is not a whole number").
 */
#ifndef VMKEEP_BASE_RECORD_H
#define VMKEEP_BASE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum field_kind {
    FIELD_TEXT,   /* char *, or const char * */
    FIELD_CHARS,  /* char[size] */
    FIELD_INT64,  /* int64_t */
    FIELD_UINT64, /* uint64_t */
    FIELD_UINT32, /* uint32_t: a user, a group, a process */
    FIELD_INT,    /* int */
    FIELD_BOOL,   /* bool */
    FIELD_WORD,   /* an enum, as one of words */
    FIELD_TEXTS,  /* struct strlist */
    FIELD_RECORD, /* a struct, as `of` says */
    FIELD_LIST,   /* a VEC of these */
};

struct record;

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    bool required; /* it must be there; a text must not be empty */
    bool pointer;  /* of TEXTS, RECORD, LIST: to such a one, or NULL */
    size_t size;
    const char *const *words; /* NULL-terminated */
    const struct record *of;
};

struct record {
    const struct field *fields;
    size_t n, size;
};

/* FIELD(struct point, created, INT64, .required = true) */
#define FIELD(type, member, kind_, ...)                                                            \
    {                                                                                              \
        .key = #member, .kind = FIELD_##kind_, .offset = offsetof(type, member), __VA_ARGS__       \
    }
#define RECORD(type, fields_)                                                                      \
    {                                                                                              \
        .fields = (fields_), .n = ARRAY_LEN(fields_), .size = sizeof(type)                         \
    }

/* An object; the caller's. */
json_t *record_write(const struct record *r, const void *value);

/* Into *ret, which is zeroed first.  What it fills in is the caller's, to be released with
 * record_done; nothing after an error. */
int record_read(const struct record *r, const json_t *json, void *ret, struct err *err);

/* Frees what record_read has filled in, and zeroes it. */
void record_done(const struct record *r, void *value);

/* A text by itself; NULL is null. The caller's. */
json_t *record_text(const char *s);
/* NULL, with *err: it is none. Caller frees. */
char *record_read_text(const json_t *json, struct err *err);

/* How errors travel: code, errno, text. */
extern const struct record record_err;

#endif
