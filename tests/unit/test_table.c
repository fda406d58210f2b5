/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "report/wrap.h"

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

/* When neither narrower columns nor the last one below help, a row takes several lines. */
static void a_row_is_folded(void **state)
{
    static const char *const titles[] = {"/DOMAIN", "POLICY", ">SIZE", "~WHY"};
    CLEANUP(table_freep) struct table *t = table_new(titles, 4);
    CLEANUP_FREE char *text = NULL;

    (void)state;
    setenv("COLUMNS", "40", 1);
    table_cell(t, "hypervisor-of-the-basement/mail");
    table_cell(t, "weekly-for-the-auditors");
    table_cell(t, "12 MiB");
    table_cell(t, "because it is so");
    table_cell(t, "a/b");
    table_cell(t, "p");
    table_cell(t, "1 B");
    table_cell(t, NULL);
    text = printed(t);
    unsetenv("COLUMNS");
    assert_string_equal(text, "DOMAIN\n"
                              "  POLICY                     SIZE\n"
                              "hypervisor-of-the-basement/mail\n"
                              "  weekly-for-the-auditors  12 MiB\n"
                              "    because it is so\n"
                              "a/b\n"
                              "  p                           1 B\n");
}

static char *paragraph(size_t indent, const char *label, const char *words)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    setenv("COLUMNS", "40", 1);
    print_paragraph(out, indent, label, words);
    unsetenv("COLUMNS");
    fclose(out);
    return text;
}

static void paragraphs_have_labels(void **state)
{
    static const struct {
        size_t indent;
        const char *label, *words, *want;
    } cases[] = {
        {7, "  why: ", "as it is", "  why: as it is\n"},
        {7, "  why: ", "one two three four five six seven eight",
         "  why: one two three four five six seven\n       eight\n"},
        {4, "label: ", "one two three four five six seven eight nine ten",
         "label: one two three four five six seven\n    eight nine ten\n"},
        /* A word that cannot be parted has a line of its own. */
        {7, "  why: ", "/a/path/that/is/as/long/as/a/line/can/be: gone",
         "  why:\n       /a/path/that/is/as/long/as/a/line/can/be:\n       gone\n"},
        {2, "a label as long as the line itself: ", "words",
         "a label as long as the line itself:\n  words\n"},
        {2, "  ", "/a/path/that/is/as/long/as/a/line/can/be: gone",
         "  /a/path/that/is/as/long/as/a/line/can/be:\n  gone\n"},
        {5, "\033[32mok\033[0m   ", "it is", "\033[32mok\033[0m   it is\n"},
        {3, "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *got = paragraph(cases[i].indent, cases[i].label, cases[i].words);

        assert_string_equal(got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_harmless),          cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_value_may_start_with_the_mark), cmocka_unit_test(a_row_is_folded),
        cmocka_unit_test(paragraphs_have_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
