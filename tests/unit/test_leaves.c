/* SPDX-License-Identifier: MIT
 *
 * The expected digests were computed by a few lines of Python, with hashlib alone. */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "storage/digest/leaves.h"

static unsigned char data[TREE_LEAF];

/* A leaf whose first bytes are c, and the others zero. */
static void set_leaf(struct leaves *l, uint64_t leaf, int c, size_t bytes)
{
    unsigned char digest[TREE_DIGEST];

    memset(data, 0, sizeof(data));
    memset(data, c, bytes);
    leaf_digest(data, digest);
    leaves_set(l, leaf, digest);
}

static void assert_content(const struct leaves *l, const char *hex)
{
    unsigned char content[TREE_DIGEST], again[TREE_DIGEST];
    CLEANUP_FREE char *text = NULL;

    leaves_content(l, content);
    text = content_text(content);
    assert_string_equal(text + strlen(CONTENT_PREFIX), hex);
    assert_int_equal(content_parse(text, again), 0);
    assert_memory_equal(content, again, TREE_DIGEST);
}

static void zeroes(void **state)
{
    CLEANUP(leaves_done) struct leaves l = {0};

    (void)state;
    assert_content(&l, "9ae9826b7c307ff8c34122c91914c02b057d765f1c33e1cd1314378f99168cee");
    leaves_resize(&l, 1 << 20);
    assert_content(&l, "fecedfd8dd119339229fae9773685ad87b493b8e7adaa2920b570d5085d0693c");
    set_leaf(&l, 3, 0, TREE_LEAF); /* zeroes that were written are zeroes */
    assert_content(&l, "fecedfd8dd119339229fae9773685ad87b493b8e7adaa2920b570d5085d0693c");
}

static void small_disks(void **state)
{
    CLEANUP(leaves_done) struct leaves l = {0};

    (void)state;
    leaves_resize(&l, TREE_LEAF);
    set_leaf(&l, 0, 'x', TREE_LEAF);
    assert_content(&l, "83a7f2ee27c9f9831062cb54727992c3e3b89267d47c1d1ea0fa29076c08d223");
    leaves_resize(&l, 100000);
    set_leaf(&l, 1, 'x', 100000 - TREE_LEAF);
    assert_content(&l, "35971188896cd72210b717edd608402800263199c20bf2f81fd0fed62de41283");
}

static void levels(void **state)
{
    CLEANUP(leaves_done) struct leaves l = {0};

    (void)state;
    leaves_resize(&l, 2000 * TREE_LEAF - 1);
    for (uint64_t i = 0; i < 2000; i++)
        set_leaf(&l, i, (int)(i % 256), i < 1999 ? TREE_LEAF : TREE_LEAF - 1);
    assert_content(&l, "ca8f4f8609b1e7f6ea3301a884c28866aff9dee951c5950c816a520106b03b90");
    leaves_resize(&l, 0);
    leaves_resize(&l, (1024 * 1024 + 1) * TREE_LEAF);
    set_leaf(&l, 1024 * 1024, 'x', TREE_LEAF);
    assert_content(&l, "6f0884fac3f96984d2d55401fce768d4f4b653e5965b91f03777284fb691e351");
}

static void what_was_cut_off_does_not_come_back(void **state)
{
    CLEANUP(leaves_done) struct leaves l = {0};

    (void)state;
    leaves_resize(&l, 1 << 20);
    set_leaf(&l, 2, 'x', TREE_LEAF);
    set_leaf(&l, 15, 'x', TREE_LEAF);
    leaves_resize(&l, 2 * TREE_LEAF);
    leaves_resize(&l, 1 << 20);
    assert_content(&l, "fecedfd8dd119339229fae9773685ad87b493b8e7adaa2920b570d5085d0693c");
}

static void words_that_are_no_content(void **state)
{
    static const char *const bad[] = {
        "",
        "blake3:00",
        "sha256-tree:",
        "sha256-tree:12",
        "sha256-tree:GA00000000000000000000000000000000000000000000000000000000000000",
        "sha256-tree:000000000000000000000000000000000000000000000000000000000000000000",
    };
    unsigned char ret[TREE_DIGEST];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(content_parse(bad[i], ret), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroes),
        cmocka_unit_test(small_disks),
        cmocka_unit_test(levels),
        cmocka_unit_test(what_was_cut_off_does_not_come_back),
        cmocka_unit_test(words_that_are_no_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
