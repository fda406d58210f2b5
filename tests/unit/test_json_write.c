/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/json_write.h"

static void is_as_jansson_writes_it(json_t *value)
{
    CLEANUP_FREE char *want = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    CLEANUP_FREE char *have = NULL;
    size_t len;
    FILE *out = open_memstream(&have, &len);

    assert_non_null(value);
    json_write(value, 0, out);
    fclose(out);
    assert_string_equal(have, want);
    json_decref(value);
}

static void any_text(void **state)
{
    char all[129];

    (void)state;
    for (int i = 0; i < 128; i++)
        all[i] = (char)i;
    all[128] = '\0';
    is_as_jansson_writes_it(json_stringn(all, 128));
    is_as_jansson_writes_it(json_string(""));
    is_as_jansson_writes_it(json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe / \"q\" \\"));
    is_as_jansson_writes_it(json_pack("{s:s}", all + 1, all + 1));
}

static void any_value(void **state)
{
    (void)state;
    is_as_jansson_writes_it(json_pack("[b, b, n, f, f, I, I, I]", 1, 0, 0.1, 1e300, (json_int_t)0,
                                      (json_int_t)INT64_MIN, (json_int_t)INT64_MAX));
    is_as_jansson_writes_it(json_pack("[]"));
    is_as_jansson_writes_it(json_pack("{}"));
    is_as_jansson_writes_it(json_pack("{s:[[], {}, [{s:i, s:[s, s]}]], s:{s:{s:n}}}", "z", "b", 1,
                                      "a", "x", "y", "c", "d", "e"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text),
        cmocka_unit_test(any_value),
    };

    return cmocka_run_group_tests_name("json_write", tests, NULL, NULL);
}
