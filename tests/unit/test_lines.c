/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/lines.h"

static void put(struct lines *l, const char *bytes, size_t n)
{
    while (n > 0) {
        size_t room;
        char *to = lines_room(l, &room);

        assert_true(room >= 4096);
        if (room > n)
            room = n;
        memcpy(to, bytes, room);
        lines_put(l, room);
        bytes += room;
        n -= room;
    }
}

static void assert_next(struct lines *l, const char *want, size_t len)
{
    size_t n;
    char *line = lines_next(l, &n);

    assert_non_null(line);
    assert_int_equal(n, len);
    assert_memory_equal(line, want, len + 1); /* its NUL, too */
}

static void assert_no_more(struct lines *l, size_t unfinished)
{
    size_t n;

    assert_null(lines_next(l, &n));
    assert_int_equal(lines_unfinished(l), unfinished);
}

static void several_at_once(void **state)
{
    static const char text[] = "one\ntwo\r\n\n\r\nwith\0nul\nlast\rof";
    struct lines l = {0};

    (void)state;
    assert_no_more(&l, 0);
    put(&l, text, sizeof(text) - 1);
    assert_next(&l, "one", 3);
    assert_next(&l, "two", 3);
    assert_next(&l, "", 0);
    assert_next(&l, "", 0);
    assert_next(&l, "with\0nul", 8);
    assert_no_more(&l, 7);
    put(&l, "\n", 1);
    assert_next(&l, "last\rof", 7);
    assert_no_more(&l, 0);
    assert_null(l.data); /* idle, it holds no memory */
    lines_done(&l);
}

static void a_byte_at_a_time(void **state)
{
    static const char text[] = "ab\r\ncd\n";
    struct lines l = {0};

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < 3; i++) {
            put(&l, text + i, 1);
            assert_no_more(&l, i + 1);
        }
        put(&l, text + 3, 1);
        assert_next(&l, "ab", 2);
        put(&l, text + 4, 3);
        assert_next(&l, "cd", 2);
    }
    assert_no_more(&l, 0);
}

static void a_long_one(void **state)
{
    const size_t size = 3000000;
    char *text = calloc(size + 1, 1);
    struct lines l = {0};

    (void)state;
    memset(text, 'x', size);
    put(&l, text, size);
    assert_no_more(&l, size);
    put(&l, "\nnext", 5);
    assert_next(&l, text, size);
    assert_no_more(&l, 4);
    lines_done(&l);
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(a_byte_at_a_time),
        cmocka_unit_test(a_long_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
