/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"1KiB", 1024},
                {"10GiB", UINT64_C(10) << 30},
                {"2 TiB", UINT64_C(2) << 40}};
    static const char *const bad[] = {"",    "-1",     "GiB",         "1G",
                                      "1GB", "1.5GiB", "99999999TiB", "99999999999999999999"};
    struct err err = ERR_INIT;
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(size_parse(good[i].text, &v, &err), 0);
        assert_int_equal(v, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(size_parse(bad[i], &v, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"90s", 90}, {"26h", 93600}, {"1d12h", 129600}, {"2w", 1209600}, {"1h 30m", 5400}};
    static const char *const bad[] = {"", "5", "h", "1y", "1h x", "9999999999999999w", "-1h"};
    struct err err = ERR_INIT;
    int64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(duration_parse(good[i].text, &v, &err), 0);
        assert_int_equal(v, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(duration_parse(bad[i], &v, &err), -1);
}

static void plurals(void **state)
{
    (void)state;
    assert_string_equal(plural_s(0), "s");
    assert_string_equal(plural_s(1), "");
    assert_string_equal(plural_s(2), "s");
}

static void sizes_for_people(void **state)
{
    char buf[SIZE_TEXT_MAX];

    (void)state;
    assert_string_equal(size_text(0, buf), "0 B");
    assert_string_equal(size_text(1023, buf), "1.00 KiB");
    assert_string_equal(size_text(1536, buf), "1.50 KiB");
    assert_string_equal(size_text(UINT64_C(100) << 30, buf), "100 GiB");
    assert_string_equal(size_text(UINT64_MAX, buf), "16.0 EiB");
}

static void nearest(void **state)
{
    static const char *const words[] = {"daily", "weekly", "monthly"};
    static const char *const domains[] = {"db01", "mail", "web01"};

    (void)state;
    assert_string_equal(nearest_word("dayly", words, 3), "daily");
    assert_string_equal(nearest_word("weekli", words, 3), "weekly");
    assert_null(nearest_word("repository", words, 3));
    /* A swapped pair is one edit, and no farther than two letters that are wrong. */
    assert_string_equal(nearest_word("wbe01", domains, 3), "web01");
    assert_string_equal(nearest_word("ewb01", domains, 3), "web01");
}

static void errors_gather_context(void **state)
{
    struct err err = ERR_INIT;
    char longtext[ERR_MSG_MAX + 50];

    (void)state;
    assert_int_equal(err_errno(&err, 28, "write %s", "x"), -1);
    assert_int_equal(err.code, ERR_NOSPACE);
    err_wrap(&err, "disk %s", "vda");
    assert_string_equal(err.msg, "disk vda: write x: No space left on device");
    err_set(&err, ERR_REMOTE, "two\nlines");
    assert_string_equal(err.msg, "two lines");
    memset(longtext, 'x', sizeof(longtext) - 1);
    longtext[sizeof(longtext) - 1] = '\0';
    err_wrap(&err, "%s", longtext);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

/* What is too long ends with a whole word, and is seen to. */
static void cuts_at_words(void **state)
{
    char buf[20];

    (void)state;
    snprintf(buf, sizeof(buf), "%s", "one two three four five");
    text_cut(buf, sizeof(buf));
    assert_string_equal(buf, "one two three ...");
    snprintf(buf, sizeof(buf), "%s", "one two three");
    text_cut(buf, sizeof(buf));
    assert_string_equal(buf, "one two three");
    snprintf(buf, sizeof(buf), "%s", "a/very/long/word/that/is/all");
    text_cut(buf, sizeof(buf));
    assert_string_equal(buf, "a/very/long/wor ...");
    snprintf(buf, sizeof(buf), "%s", "aaaaaaaaaaaaaa\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4");
    text_cut(buf, sizeof(buf));
    assert_string_equal(buf, "aaaaaaaaaaaaaa ...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(plurals),
        cmocka_unit_test(sizes_for_people),
        cmocka_unit_test(cuts_at_words),
        cmocka_unit_test(nearest),
        cmocka_unit_test(errors_gather_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
