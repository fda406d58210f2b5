/* SPDX-License-Identifier: MIT */
#include "mover/map_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/support/test.h"

#define K UINT64_C(1024)

static void assert_run(const struct map *m, size_t i, uint64_t offset, uint64_t length,
                       enum map_kind kind)
{
    assert_true(i < m->runs.n);
    assert_int_equal(m->runs.items[i].offset, offset);
    assert_int_equal(m->runs.items[i].length, length);
    assert_int_equal(m->runs.items[i].kind, kind);
}

static void test_neighbours_become_one(void **state)
{
    CLEANUP(map_done) struct map m = {.size = 1024 * K};

    (void)state;
    map_add(&m, 128 * K, MAP_DATA);
    map_add(&m, 64 * K, MAP_DATA);
    map_add(&m, 64 * K, MAP_ZERO);
    map_add(&m, 64 * K, MAP_SKIP);
    map_add(&m, 704 * K, MAP_DATA);
    assert_int_equal(m.runs.n, 3);
    assert_run(&m, 0, 0, 192 * K, MAP_DATA);
    assert_run(&m, 1, 192 * K, 64 * K, MAP_ZERO);
    assert_run(&m, 2, 320 * K, 704 * K, MAP_DATA);
    assert_int_equal(m.bytes, 960 * K);
}

/* Zeroes that were asked for beside a part that was not: the other part may hold data. */
static void test_a_mixed_cluster_is_copied(void **state)
{
    CLEANUP(map_done) struct map m = {.size = 192 * K};

    (void)state;
    map_add(&m, 96 * K, MAP_SKIP);
    map_add(&m, 96 * K, MAP_ZERO);
    assert_int_equal(m.runs.n, 2);
    assert_run(&m, 0, 64 * K, 64 * K, MAP_DATA);
    assert_run(&m, 1, 128 * K, 64 * K, MAP_ZERO);
}

static void test_the_last_cluster_may_be_short(void **state)
{
    CLEANUP(map_done) struct map m = {.size = 64 * K + 3};

    (void)state;
    map_add(&m, 64 * K + 1, MAP_SKIP);
    map_add(&m, 2, MAP_ZERO);
    assert_int_equal(m.runs.n, 1);
    assert_run(&m, 0, 64 * K, 3, MAP_DATA);
    assert_int_equal(m.end, m.size);
}

/* Against a byte map of the disk in units of 4 KiB. */
static void test_random_parts(void **state)
{
    enum { UNITS = 1003, PER_CLUSTER = 16 };

    (void)state;
    srandom(1);
    for (int round = 0; round < 200; round++) {
        CLEANUP(map_done) struct map m = {.size = UNITS * 4 * K};
        enum map_kind kinds[UNITS] = {MAP_SKIP};
        uint64_t bytes = 0, end = 0;

        for (size_t at = 0, n; at < UNITS; at += n) {
            enum map_kind kind = (enum map_kind)(random() % 3);

            n = 1 + (size_t)random() % 60;
            n = n < UNITS - at ? n : UNITS - at;
            for (size_t i = 0; i < n; i++)
                kinds[at + i] = kind;
            map_add(&m, n * 4 * K, kind);
        }
        for (size_t i = 0; i < m.runs.n; i++) {
            const struct map_run *r = &m.runs.items[i];

            assert_true(r->offset >= end && r->offset % MAP_CLUSTER == 0);
            end = r->offset + r->length;
            bytes += r->length;
            assert_true(end % MAP_CLUSTER == 0 || end == m.size);
        }
        assert_int_equal(bytes, m.bytes);
        for (size_t at = 0; at < UNITS; at += PER_CLUSTER) {
            enum map_kind want = kinds[at], got = MAP_SKIP;

            for (size_t i = at; i < UNITS && i < at + PER_CLUSTER; i++)
                want = kinds[i] == want ? want : MAP_DATA;
            for (size_t i = 0; i < m.runs.n; i++)
                if (m.runs.items[i].offset <= at * 4 * K &&
                    at * 4 * K < m.runs.items[i].offset + m.runs.items[i].length)
                    got = m.runs.items[i].kind;
            assert_int_equal(got, want);
        }
    }
}

static void add(struct map *m, uint64_t offset, uint64_t length)
{
    *VEC_ADD(&m->runs) = (struct map_run){offset * K, length * K, MAP_DATA};
}

static void test_what_is_elsewhere_is_taken_away(void **state)
{
    CLEANUP(map_done) struct map a = {0}, b = {0};

    (void)state;
    add(&a, 0, 64);     /* before all of b */
    add(&a, 128, 256);  /* cut at both ends and in the middle */
    add(&a, 512, 64);   /* covered */
    add(&a, 1024, 128); /* as it is in b */
    add(&a, 2048, 64);  /* behind all of b */
    add(&b, 64, 128);
    add(&b, 256, 64);
    add(&b, 320, 0);
    add(&b, 352, 400);
    add(&b, 1024, 128);
    map_subtract(&a, &b);
    assert_int_equal(a.runs.n, 4);
    assert_run(&a, 0, 0, 64 * K, MAP_DATA);
    assert_run(&a, 1, 192 * K, 64 * K, MAP_DATA);
    assert_run(&a, 2, 320 * K, 32 * K, MAP_DATA);
    assert_run(&a, 3, 2048 * K, 64 * K, MAP_DATA);
    map_subtract(&a, &a);
    assert_int_equal(a.runs.n, 0);
}

static int read_text(const char *text, struct map *ret, struct err *err)
{
    CLEANUP_FCLOSE FILE *in = fmemopen((void *)text, strlen(text), "r");

    assert_non_null(in);
    return map_read(in, "map", ret, err);
}

static void assert_no_map(const char *text, const char *why)
{
    CLEANUP(map_done) struct map m = {0};
    struct err err = ERR_INIT;

    if (read_text(text, &m, &err) == 0)
        fail_msg("taken for a map: %s", text);
    assert_string_equal(err.msg, why);
    assert_int_equal(err.code, ERR_CORRUPT);
}

static void test_a_map_is_read_as_it_was_printed(void **state)
{
    static const char text[] = "0 65536\n196608 3\ntotal 2 65539\n";
    CLEANUP(map_done) struct map m = {0};
    CLEANUP_FREE char *again = NULL;
    struct err err = ERR_INIT;
    size_t len;
    FILE *out = open_memstream(&again, &len);

    (void)state;
    assert_int_equal(read_text(text, &m, &err), 0);
    assert_run(&m, 0, 0, 64 * K, MAP_DATA);
    assert_run(&m, 1, 192 * K, 3, MAP_DATA);
    map_print(&m, 0, out);
    fclose(out);
    assert_string_equal(again, text);
}

static void test_what_was_not_printed_is_no_map(void **state)
{
    (void)state;
    assert_no_map("0 65536\n", "map: its end is missing");
    assert_no_map("0 65536\ntotal 2 65536\n", "map: its end is missing");
    assert_no_map("65536 65536\n0 65536\ntotal 2 131072\n", "map: line 2 is no range");
    assert_no_map("0 0\ntotal 1 0\n", "map: line 1 is no range");
    assert_no_map("0\ntotal 1 0\n", "map: line 1 is no range");
    assert_no_map("18446744073709551615 2\ntotal 1 2\n", "map: line 1 is no range");
    /* What the C library makes a number of. */
    assert_no_map("+0 65536\ntotal 1 65536\n", "map: line 1 is no range");
    assert_no_map("0 -65536\ntotal 1 18446744073709486080\n", "map: line 1 is no range");
    assert_no_map("0 36893488147419103232\ntotal 1 18446744073709551615\n",
                  "map: line 1 is no range");
    assert_no_map("0  65536\n\ntotal 1 65536\n", "map: line 1 is no range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_elsewhere_is_taken_away),
        cmocka_unit_test(test_neighbours_become_one),
        cmocka_unit_test(test_a_mixed_cluster_is_copied),
        cmocka_unit_test(test_the_last_cluster_may_be_short),
        cmocka_unit_test(test_random_parts),
        cmocka_unit_test(test_a_map_is_read_as_it_was_printed),
        cmocka_unit_test(test_what_was_not_printed_is_no_map),
    };

    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
