/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/record.h"

enum color { RED, GREEN };
static const char *const colors[] = {"red", "green", NULL};

struct part {
    const char *name;
    uint64_t length;
};

struct thing {
    const char *text;
    char chars[8];
    int64_t time;
    uint64_t size;
    uint32_t user;
    int level;
    bool flag;
    enum color color;
    struct strlist names;
    const struct strlist *more;
    struct part part;
    const struct part *other;
    VEC(struct part) parts;
};

static const struct field part_fields[] = {
    FIELD(struct part, name, TEXT, .required = true),
    FIELD(struct part, length, UINT64),
};
static const struct record part = RECORD(struct part, part_fields);

/* A part by value may be missing, so its own fields are not required there. */
static const struct field plain_fields[] = {FIELD(struct part, name, TEXT)};
static const struct record plain = RECORD(struct part, plain_fields);

static const struct field thing_fields[] = {
    FIELD(struct thing, text, TEXT),
    FIELD(struct thing, chars, CHARS, .size = 8),
    FIELD(struct thing, time, INT64),
    FIELD(struct thing, size, UINT64),
    FIELD(struct thing, user, UINT32),
    FIELD(struct thing, level, INT),
    FIELD(struct thing, flag, BOOL),
    FIELD(struct thing, color, WORD, .words = colors),
    FIELD(struct thing, names, TEXTS),
    FIELD(struct thing, more, TEXTS, .pointer = true),
    FIELD(struct thing, part, RECORD, .of = &plain),
    FIELD(struct thing, other, RECORD, .pointer = true, .of = &part),
    FIELD(struct thing, parts, LIST, .of = &part),
};
static const struct record thing = RECORD(struct thing, thing_fields);

/* As one text, by way of which records go. */
static char *written(const struct record *r, const void *value)
{
    json_t *json = record_write(r, value);
    char *ret = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return ret;
}

static int read_text(const struct record *r, const char *text, void *ret, struct err *err)
{
    json_t *json = json_loads(text, 0, NULL);
    int rc;

    assert_non_null(json);
    rc = record_read(r, json, ret, err);
    json_decref(json);
    return rc;
}

static void all_kinds(void **state)
{
    char a[] = "a", none[] = "", bytes[] = "\xff\xfe", *names[] = {a, none, bytes};
    struct part parts[] = {{"one", 1}, {"two", UINT64_MAX}};
    struct strlist empty = {0};
    struct thing in = {
        .text = "caf\xc3\xa9 \"quoted\"\n",
        .chars = "1234567",
        .time = INT64_MIN,
        .size = (uint64_t)INT64_MAX + 1,
        .user = UINT32_MAX,
        .level = -1,
        .flag = true,
        .color = GREEN,
        .names = {names, 3, 3},
        .more = &empty,
        .part = {.name = "by value"},
        .other = &parts[1],
    };
    CLEANUP_FREE char *text = NULL, *again = NULL;
    struct err err = ERR_INIT;
    struct thing out;

    (void)state;
    in.parts.items = parts;
    in.parts.n = 2;
    text = written(&thing, &in);
    assert_int_equal(read_text(&thing, text, &out, &err), 0);
    assert_string_equal(out.text, in.text);
    assert_string_equal(out.chars, in.chars);
    assert_true(out.time == in.time && out.size == in.size && out.user == in.user);
    assert_true(out.level == -1 && out.flag && out.color == GREEN);
    assert_int_equal(out.names.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(out.names.items[i], names[i]);
    assert_true(out.more && out.more->n == 0);
    assert_string_equal(out.part.name, "by value");
    assert_true(out.other->length == UINT64_MAX);
    assert_int_equal(out.parts.n, 2);
    assert_string_equal(out.parts.items[0].name, "one");
    again = written(&thing, &out);
    assert_string_equal(again, text);
    record_done(&thing, &out);
    assert_true(!out.text && !out.more && out.names.n == 0);
}

static void nothing_is_an_empty_object(void **state)
{
    struct thing in = {0}, out;
    struct err err = ERR_INIT;
    CLEANUP_FREE char *text = written(&thing, &in);

    (void)state;
    assert_string_equal(text, "{\"color\":\"red\",\"part\":{}}");
    assert_int_equal(read_text(&thing, "{}", &out, &err), 0);
    assert_memory_equal(&out, &in, sizeof(in));
    assert_int_equal(read_text(&thing, "{\"text\": null, \"more\": null}", &out, &err), 0);
    assert_memory_equal(&out, &in, sizeof(in));
}

/* Every byte that a C text can have, and what looks like an escape. */
static void any_bytes(void **state)
{
    char every[256] = {0};
    const char *const texts[] = {every, "100%", "%FF", "\xc3", "/tmp/\xe9 %41", "\xed\xa0\x80"};

    (void)state;
    for (int i = 1; i < 256; i++)
        every[i - 1] = (char)i;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_t *json = record_text(texts[i]);
        CLEANUP_FREE char *line = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY), *back = NULL;
        json_t *read = json_loads(line, JSON_DECODE_ANY, NULL);
        struct err err = ERR_INIT;

        back = record_read_text(read, &err);
        assert_non_null(back);
        assert_string_equal(back, texts[i]);
        json_decref(json);
        json_decref(read);
    }
}

static void refusals(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"[]", "is not an object"},
        {"{\"texts\": 1}", "'texts' is not known"},
        {"{\"text\": 1}", "text: is not a text"},
        {"{\"text\": {\"percent\": \"%4\"}}", "text: is not a text"},
        {"{\"text\": {\"percent\": \"%00\"}}", "text: is not a text"},
        {"{\"text\": {\"percent\": \"a\", \"more\": 1}}", "text: is not a text"},
        {"{\"chars\": \"12345678\"}", "chars: is longer than 7 bytes"},
        {"{\"time\": 1.5}", "time: is not a whole number"},
        {"{\"size\": -1}", "size: is out of range"},
        {"{\"size\": \"12\"}", "size: is not a whole number"},
        {"{\"size\": \"18446744073709551616\"}", "size: is not a whole number"},
        {"{\"user\": 4294967296}", "user: is out of range"},
        {"{\"level\": 2147483648}", "level: is out of range"},
        {"{\"flag\": 0}", "flag: is not true or false"},
        {"{\"color\": \"blue\"}", "color: is no word that is known there"},
        {"{\"names\": \"a\"}", "names: is not a list"},
        {"{\"names\": [\"a\", 2]}", "names: 1: is not a text"},
        {"{\"other\": {}}", "other: name: is missing"},
        {"{\"other\": {\"name\": null}}", "other: name: is missing"},
        {"{\"other\": {\"name\": \"\"}}", "other: name: is empty"},
        {"{\"parts\": [{\"name\": \"a\"}, {\"name\": \"b\", \"length\": true}]}",
         "parts: 1: length: is not a whole number"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        struct thing out;

        assert_int_equal(read_text(&thing, cases[i].text, &out, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.msg, cases[i].why);
        assert_null(out.text);
    }
}

static void errors_travel(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        struct err in = {.code = (enum err_code)code, .sys = 5}, out, err = ERR_INIT;
        CLEANUP_FREE char *text = NULL;

        memset(in.msg, 'x', sizeof(in.msg) - 1);
        in.msg[0] = '\xe9';
        text = written(&record_err, &in);
        assert_int_equal(read_text(&record_err, text, &out, &err), 0);
        assert_memory_equal(&out, &in, sizeof(in));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds),     cmocka_unit_test(nothing_is_an_empty_object),
        cmocka_unit_test(any_bytes),     cmocka_unit_test(refusals),
        cmocka_unit_test(errors_travel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
