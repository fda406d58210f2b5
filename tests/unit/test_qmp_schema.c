/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "engine/qmp/wire/command.h"
#include "engine/qmp/wire/schema.h"

/* As QEMU describes itself, cut down. */
static const char text[] =
    "[{'meta-type': 'command', 'name': 'blockdev-backup', 'arg-type': '12', 'ret-type': '0'},"
    " {'meta-type': 'command', 'name': 'quit', 'arg-type': '0', 'ret-type': '0'},"
    " {'meta-type': 'object', 'name': '0', 'members': []},"
    " {'meta-type': 'object', 'name': '12', 'members': ["
    "  {'name': 'device', 'type': 'str'},"
    "  {'name': 'on-cbw-error', 'default': null, 'type': '9'}]}]";

static json_t *parse(const char *s)
{
    char copy[2048];
    json_t *ret;

    assert_true(strlen(s) < sizeof(copy));
    strcpy(copy, s);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    ret = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(ret);
    return ret;
}

static void arguments(void **state)
{
    static const char *const others[] = {"null",
                                         "{}",
                                         "[]",
                                         "[1]",
                                         "[{'name': 'blockdev-backup'}]",
                                         "[{'name': 'blockdev-backup', 'arg-type': '12'}]"};
    json_t *schema = parse(text);

    (void)state;
    assert_true(schema_has_argument(schema, "blockdev-backup", "on-cbw-error"));
    assert_false(schema_has_argument(schema, "blockdev-backup", "cbw-timeout"));
    assert_false(schema_has_argument(schema, "quit", "on-cbw-error"));
    assert_false(schema_has_argument(schema, "nothing", "on-cbw-error"));
    json_decref(schema);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        schema = parse(others[i]);
        assert_false(schema_has_argument(schema, "blockdev-backup", "on-cbw-error"));
        json_decref(schema);
    }
    assert_false(schema_has_argument(NULL, "blockdev-backup", "on-cbw-error"));
}

static void check(json_t *action, const char *expected)
{
    json_t *want = expected ? json_string(expected) : NULL;
    json_t *got = json_object_get(json_object_get(action, "data"), "on-cbw-error");

    assert_true(want ? json_equal(got, want) : got == NULL);
    json_decref(want);
    json_decref(action);
}

/* Only a QEMU that knows the word is told it. */
static void backups(void **state)
{
    const struct copy_options plain = {0}, breaks = {.breaks_snapshot = true};

    (void)state;
    check(action_backup("j", "a", "t", &breaks), "break-snapshot");
    check(action_backup("j", "a", "t", &plain), NULL);
    check(action_fleece("j", "a", "t", true), "break-snapshot");
    check(action_fleece("j", "a", "t", false), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arguments), cmocka_unit_test(backups)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
