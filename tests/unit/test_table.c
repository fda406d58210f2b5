/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "report/table.h"

static void plain_text_is_harmless(void **state)
{
    static const char *const cases[][2] = {
        {"web01", "web01"},
        {"", ""},
        {"a\tb\nc\033[31m\177", "a?b?c?[31m?"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xbe", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xbe"},
        {"\xc2\x9b"
         "31m",
         "??31m"},                    /* a control character in two bytes */
        {"\xff\xc3", "??"},           /* never a first byte; cut off */
        {"\xe2\x82", "??"},           /* cut off */
        {"\xc0\x8a\xed\xa0", "????"}, /* more bytes than needed */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *got = plain_text(cases[i][0]);

        assert_string_equal(got, cases[i][1]);
    }
}

static char *printed(const struct table *t)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    table_print(t, out);
    fclose(out);
    return text;
}

static void columns_are_aligned(void **state)
{
    static const char *const titles[] = {"NAME", ">SIZE", "WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, 3);
    CLEANUP_FREE char *none = printed(t);
    CLEANUP_FREE char *text = NULL;

    (void)state;
    assert_string_equal(none, "");
    table_cell(t, "a\xc3\xa4");
    table_cellf(t, "%d", 12345);
    table_cell_coloured(t, COLOUR_RED, "because");
    table_cell(t, "longer");
    table_cell(t, NULL);
    table_cell(t, "");
    text = printed(t);
    assert_string_equal(text, "NAME     SIZE  WHY\n"
                              "a\xc3\xa4      12345  because\n"
                              "longer      -  -\n");
}

/* Only titles are marked. */
static void a_value_may_start_with_the_mark(void **state)
{
    static const char *const titles[] = {"A", ">B"};
    CLEANUP(table_freep) struct table *t = table_new(titles, 2);
    CLEANUP_FREE char *text = NULL;

    (void)state;
    table_cell(t, ">x");
    table_cell(t, ">y");
    text = printed(t);
    assert_string_equal(text, "A    B\n>x  >y\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_harmless),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_value_may_start_with_the_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
