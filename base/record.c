/* SPDX-License-Identifier: MIT */
#include "base/record.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define PERCENT "percent"

/* Every VEC and strlist looks like this. */
struct list {
    void *items;
    size_t n, cap;
};

static void *member_of(const struct field *f, const void *value)
{
    char *at = (char *)value + f->offset;

    return f->pointer ? *(void **)at : at;
}

/* ---- texts ---- */

static char *escape(const char *s)
{
    char *ret = xcalloc(strlen(s) * 3 + 1, 1), *to = ret;

    for (; *s; s++)
        if (*s > ' ' && *s < 0x7f && *s != '%')
            *to++ = *s;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*s);
    return ret;
}

static int hex(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* NULL: an escape that escape does not make. */
static char *unescape(const char *s)
{
    CLEANUP_FREE char *ret = xcalloc(strlen(s) + 1, 1);
    char *to = ret;

    for (; *s; s++) {
        if (*s != '%') {
            *to++ = *s;
            continue;
        }
        if (hex(s[1]) < 0 || hex(s[2]) < 0 || (s[1] == '0' && s[2] == '0'))
            return NULL;
        *to++ = (char)(hex(s[1]) << 4 | hex(s[2]));
        s += 2;
    }
    return TAKE_PTR(ret);
}

json_t *record_text(const char *s)
{
    json_t *ret = s ? json_string(s) : json_null();

    if (!ret) {
        CLEANUP_FREE char *escaped = escape(s);

        ret = json_pack("{s:s}", PERCENT, escaped);
    }
    return ret;
}

char *record_read_text(const json_t *json, struct err *err)
{
    const char *escaped = json_string_value(json_object_get(json, PERCENT));
    char *ret;

    if (json_is_string(json))
        return xstrdup(json_string_value(json));
    ret = escaped && json_object_size(json) == 1 ? unescape(escaped) : NULL;
    if (!ret)
        err_set(err, ERR_INVALID, "is not a text");
    return ret;
}

/* ---- writing ---- */

static json_t *number(uint64_t v)
{
    char digits[24];

    if (v <= INT64_MAX)
        return json_integer((json_int_t)v);
    snprintf(digits, sizeof(digits), "%" PRIu64, v);
    return json_string(digits);
}

static json_t *texts(const struct list *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(ret, record_text(((char **)l->items)[i]));
    return ret;
}

static json_t *list(const struct record *of, const struct list *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(ret, record_write(of, (const char *)l->items + i * of->size));
    return ret;
}

/* NULL: it is left out. */
static json_t *write_number(const struct field *f, const void *at)
{
    switch (f->kind) {
    case FIELD_INT64:
        return *(const int64_t *)at ? json_integer(*(const int64_t *)at) : NULL;
    case FIELD_UINT64:
        return *(const uint64_t *)at ? number(*(const uint64_t *)at) : NULL;
    case FIELD_UINT32:
        return *(const uint32_t *)at ? json_integer(*(const uint32_t *)at) : NULL;
    case FIELD_INT:
        return *(const int *)at ? json_integer(*(const int *)at) : NULL;
    default: /* FIELD_BOOL */
        return *(const bool *)at ? json_true() : NULL;
    }
}

/* An empty list behind a pointer is something else than none. */
static json_t *write_field(const struct field *f, const void *value)
{
    const void *at = member_of(f, value);

    switch (f->kind) {
    case FIELD_TEXT:
        return *(char *const *)at ? record_text(*(char *const *)at) : NULL;
    case FIELD_CHARS:
        return *(const char *)at ? record_text(at) : NULL;
    case FIELD_WORD:
        return json_string(f->words[*(const int *)at]);
    case FIELD_TEXTS:
        return at && (f->pointer || ((const struct list *)at)->n) ? texts(at) : NULL;
    case FIELD_LIST:
        return at && (f->pointer || ((const struct list *)at)->n) ? list(f->of, at) : NULL;
    case FIELD_RECORD:
        return at ? record_write(f->of, at) : NULL;
    default:
        return write_number(f, at);
    }
}

json_t *record_write(const struct record *r, const void *value)
{
    json_t *ret = json_object();

    for (size_t i = 0; i < r->n; i++) {
        json_t *item = write_field(&r->fields[i], value);

        if (item)
            json_object_set_new(ret, r->fields[i].key, item);
    }
    return ret;
}

/* ---- reading ---- */

static int not_a(const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "is not %s", what);
}

/* What is beyond 63 bits comes as digits, as number() has written it. */
static int read_large(const json_t *json, uint64_t *ret, struct err *err)
{
    const char *s = json_string_value(json);
    char again[24];

    if (!s)
        return not_a("a whole number", err);
    *ret = strtoull(s, NULL, 10);
    snprintf(again, sizeof(again), "%" PRIu64, *ret);
    return *ret > INT64_MAX && strcmp(s, again) == 0 ? 0 : not_a("a whole number", err);
}

static int read_number(const struct field *f, const json_t *json, void *at, struct err *err)
{
    json_int_t v = json_integer_value(json);

    if (f->kind == FIELD_UINT64 && json_is_string(json))
        return read_large(json, at, err);
    if (!json_is_integer(json))
        return not_a("a whole number", err);
    if ((f->kind != FIELD_INT64 && f->kind != FIELD_INT && v < 0) ||
        (f->kind == FIELD_UINT32 && v > UINT32_MAX) ||
        (f->kind == FIELD_INT && (v < INT32_MIN || v > INT32_MAX)))
        return err_set(err, ERR_INVALID, "is out of range");
    if (f->kind == FIELD_INT64)
        *(int64_t *)at = v;
    else if (f->kind == FIELD_UINT64)
        *(uint64_t *)at = (uint64_t)v;
    else if (f->kind == FIELD_UINT32)
        *(uint32_t *)at = (uint32_t)v;
    else
        *(int *)at = (int)v;
    return 0;
}

static int read_word(const struct field *f, const json_t *json, int *ret, struct err *err)
{
    const char *s = json_string_value(json);

    for (int i = 0; s && f->words[i]; i++)
        if (strcmp(s, f->words[i]) == 0) {
            *ret = i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "is no word that is known there");
}

static int read_chars(const struct field *f, const json_t *json, char *ret, struct err *err)
{
    CLEANUP_FREE char *s = record_read_text(json, err);

    if (!s)
        return -1;
    if (strlen(s) >= f->size)
        return err_set(err, ERR_INVALID, "is longer than %zu bytes", f->size - 1);
    strcpy(ret, s);
    return 0;
}

static int read_texts(const json_t *json, struct list *ret, struct err *err)
{
    if (!json_is_array(json))
        return not_a("a list", err);
    for (size_t i = 0; i < json_array_size(json); i++) {
        CLEANUP_FREE char *s = record_read_text(json_array_get(json, i), err);

        if (!s)
            return err_wrap(err, "%zu", i);
        strlist_add((struct strlist *)ret, s);
    }
    return 0;
}

static int read_list(const struct record *of, const json_t *json, struct list *ret, struct err *err)
{
    if (!json_is_array(json))
        return not_a("a list", err);
    for (size_t i = 0; i < json_array_size(json); i++) {
        ret->items = vec_grow(ret->items, ret->n, &ret->cap, of->size);
        if (record_read(of, json_array_get(json, i), (char *)ret->items + ret->n * of->size, err) <
            0)
            return err_wrap(err, "%zu", i);
        ret->n++;
    }
    return 0;
}

static size_t size_behind(const struct field *f)
{
    return f->kind == FIELD_RECORD ? f->of->size : sizeof(struct list);
}

static int read_field(const struct field *f, const json_t *json, void *value, struct err *err)
{
    void *at;

    if (f->pointer)
        *(void **)((char *)value + f->offset) = xcalloc(1, size_behind(f));
    at = member_of(f, value);
    switch (f->kind) {
    case FIELD_TEXT:
        *(char **)at = record_read_text(json, err);
        if (*(char **)at && f->required && !**(char **)at)
            return err_set(err, ERR_INVALID, "is empty");
        return *(char **)at ? 0 : -1;
    case FIELD_CHARS:
        return read_chars(f, json, at, err);
    case FIELD_WORD:
        return read_word(f, json, at, err);
    case FIELD_TEXTS:
        return read_texts(json, at, err);
    case FIELD_LIST:
        return read_list(f->of, json, at, err);
    case FIELD_RECORD:
        return record_read(f->of, json, at, err);
    case FIELD_BOOL:
        *(bool *)at = json_is_true(json);
        return json_is_boolean(json) ? 0 : not_a("true or false", err);
    default:
        return read_number(f, json, at, err);
    }
}

static const struct field *find_field(const struct record *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->fields[i].key, key) == 0)
            return &r->fields[i];
    return NULL;
}

static bool is_missing(const json_t *json)
{
    return !json || json_is_null(json);
}

static int read_fields(const struct record *r, const json_t *json, void *ret, struct err *err)
{
    const char *key;
    json_t *item;

    if (!json_is_object(json))
        return not_a("an object", err);
    json_object_foreach((json_t *)json, key, item) {
        const struct field *f = find_field(r, key);

        if (!f)
            return err_set(err, ERR_INVALID, "'%.64s' is not known", key);
        if (!is_missing(item) && read_field(f, item, ret, err) < 0)
            return err_wrap(err, "%s", key);
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].required && is_missing(json_object_get(json, r->fields[i].key)))
            return err_set(err, ERR_INVALID, "%s: is missing", r->fields[i].key);
    return 0;
}

int record_read(const struct record *r, const json_t *json, void *ret, struct err *err)
{
    memset(ret, 0, r->size);
    if (read_fields(r, json, ret, err) == 0)
        return 0;
    record_done(r, ret);
    return -1;
}

/* ---- releasing ---- */

static void done_list(const struct field *f, struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (f->kind == FIELD_TEXTS)
            free(((char **)l->items)[i]);
        else
            record_done(f->of, (char *)l->items + i * f->of->size);
    free(l->items);
}

static void done_field(const struct field *f, void *value)
{
    void *at = member_of(f, value);

    if (f->kind == FIELD_TEXT)
        free(*(char **)at);
    if (at && (f->kind == FIELD_TEXTS || f->kind == FIELD_LIST))
        done_list(f, at);
    if (at && f->kind == FIELD_RECORD)
        record_done(f->of, at);
    if (f->pointer)
        free(at);
}

void record_done(const struct record *r, void *value)
{
    for (size_t i = 0; i < r->n; i++)
        done_field(&r->fields[i], value);
    memset(value, 0, r->size);
}

/* ---- errors ---- */

static const struct field err_fields[] = {
    {.key = "code",
     .kind = FIELD_WORD,
     .offset = offsetof(struct err, code),
     .required = true,
     .words = err_code_names},
    {.key = "errno", .kind = FIELD_INT, .offset = offsetof(struct err, sys)},
    {.key = "text", .kind = FIELD_CHARS, .offset = offsetof(struct err, msg), .size = ERR_MSG_MAX},
};

const struct record record_err = RECORD(struct err, err_fields);
