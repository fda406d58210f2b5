/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"

static void escape_is_reversible_and_stays_inside(void **state)
{
    static const char *const names[] = {"web01", "..",        ".",    ".hidden",
                                        "a/b",   "../../etc", "100%", "h\xc3\xa4user",
                                        "a b",   "%41",       "x\ny"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *e = name_escape(names[i]), *back = name_unescape(e);

        assert_null(strchr(e, '/'));
        assert_int_not_equal(e[0], '.');
        assert_string_equal(back, names[i]);
        free(e);
        free(back);
    }
}

static void only_our_own_escapes_are_read(void **state)
{
    (void)state;
    assert_null(name_unescape("%4"));
    assert_null(name_unescape("%zz"));
    assert_null(name_unescape("%41")); /* an A needs no escape */
    assert_null(name_unescape("a/b"));
    assert_null(name_unescape(".x"));
}

static void checkpoints(void **state)
{
    (void)state;
    assert_true(name_is_checkpoint("vmkeep-3f2a-12"));
    assert_false(name_is_checkpoint(""));
    assert_false(name_is_checkpoint(".x"));
    assert_false(name_is_checkpoint("a b"));
}

static void expect_bitmap(const char *checkpoint, const char *disk, const char *bitmap)
{
    CLEANUP_FREE char *made = checkpoint_bitmap(checkpoint, disk);
    CLEANUP_FREE char *back = bitmap_checkpoint(made);

    assert_string_equal(made, bitmap);
    assert_string_equal(back, checkpoint);
}

static void bitmaps(void **state)
{
    (void)state;
    expect_bitmap("vmkeep-0123abcd-12", "vda", "vmkeep-0123abcd-12.vda");
    expect_bitmap("vmkeep-0123abcd-12", "device[0].x", "vmkeep-0123abcd-12.device%5B0%5D.x");
    expect_bitmap("monday", "vda", "monday");
    expect_bitmap("vmkeep-0123abcd-x", "vda", "vmkeep-0123abcd-x");
    expect_bitmap("monday.vda", "vda", "monday.vda");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_is_reversible_and_stays_inside),
        cmocka_unit_test(only_our_own_escapes_are_read),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(bitmaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
