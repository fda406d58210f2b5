/* SPDX-License-Identifier: MIT */
#include "mover/stretches.h"

#include "base/cleanup.h"
#include "storage/digest/tree.h"
#include "tests/support/test.h"

#define LEAF TREE_LEAF

struct scene {
    struct host_map host;
    struct map map, rest;
    struct stretches stretches;
};

static void scene_done(struct scene *s)
{
    free(s->host.runs.items);
    map_done(&s->map);
    map_done(&s->rest);
    stretches_done(&s->stretches);
}

static void add(struct scene *s, uint64_t length, uint32_t layer, uint64_t at)
{
    *VEC_ADD(&s->host.runs) =
        (struct host_run){.offset = s->host.size, .length = length, .at = at, .layer = layer};
    s->host.size += length;
}

static void add_zeroes(struct scene *s, uint64_t length)
{
    add(s, length, 0, 0);
    s->host.runs.items[s->host.runs.n - 1].zero = true;
}

static void make(struct scene *s, uint64_t from, uint64_t to)
{
    *VEC_ADD(&s->map.runs) = (struct map_run){from, to - from, MAP_DATA};
    stretches_make(&s->host, &s->map, &s->stretches, &s->rest);
}

static void assert_piece(struct scene *s, uint32_t layer, uint64_t at, uint64_t length,
                         const uint64_t *offsets)
{
    struct stretch_piece p;

    assert_true(stretches_next(&s->stretches, 4 * LEAF, &p));
    assert_int_equal(p.layer, layer);
    assert_int_equal(p.at, at);
    assert_int_equal(p.length, length);
    for (uint64_t n = 0; n < length; n += LEAF)
        assert_int_equal(stretches_offset(&s->stretches, &p, n), offsets[n / LEAF]);
}

static void assert_end(struct scene *s)
{
    struct stretch_piece p;

    assert_false(stretches_next(&s->stretches, 4 * LEAF, &p));
}

static void test_the_order_is_that_of_the_files(void **state)
{
    CLEANUP(scene_done) struct scene s = {0};

    (void)state;
    add(&s, LEAF, 0, 30 * LEAF);
    add(&s, 2 * LEAF, 1, 7 * LEAF);
    add(&s, LEAF, 0, 29 * LEAF);
    add(&s, LEAF, 0, 20 * LEAF);
    make(&s, 0, 5 * LEAF);
    assert_piece(&s, 0, 20 * LEAF, LEAF, (uint64_t[]){4 * LEAF});
    assert_piece(&s, 0, 29 * LEAF, 2 * LEAF, (uint64_t[]){3 * LEAF, 0});
    assert_piece(&s, 1, 7 * LEAF, 2 * LEAF, (uint64_t[]){LEAF, 2 * LEAF});
    assert_end(&s);
    assert_int_equal(s.rest.runs.n, 0);
}

static void test_no_piece_is_longer_than_asked_for(void **state)
{
    CLEANUP(scene_done) struct scene s = {0};

    (void)state;
    add(&s, 3 * LEAF, 0, 10 * LEAF);
    add(&s, 6 * LEAF, 0, 13 * LEAF);
    make(&s, 0, 9 * LEAF);
    assert_piece(&s, 0, 10 * LEAF, 4 * LEAF, (uint64_t[]){0, LEAF, 2 * LEAF, 3 * LEAF});
    assert_piece(&s, 0, 14 * LEAF, 4 * LEAF, (uint64_t[]){4 * LEAF, 5 * LEAF, 6 * LEAF, 7 * LEAF});
    assert_piece(&s, 0, 18 * LEAF, LEAF, (uint64_t[]){8 * LEAF});
    assert_end(&s);
}

static void assert_rest(const struct scene *s, size_t i, uint64_t from, uint64_t to)
{
    assert_true(i < s->rest.runs.n);
    assert_int_equal(s->rest.runs.items[i].offset, from);
    assert_int_equal(s->rest.runs.items[i].length, to - from);
    assert_int_equal(s->rest.runs.items[i].kind, MAP_DATA);
}

/* A leaf of two files, one with a hole in it, and the last one of a disk, which is short. */
static void test_a_leaf_in_parts_is_left(void **state)
{
    CLEANUP(scene_done) struct scene s = {0};

    (void)state;
    add(&s, LEAF + 4096, 0, 0);
    add(&s, 2 * LEAF - 4096, 1, 512);
    add(&s, LEAF, 0, 40 * LEAF);
    add_zeroes(&s, 4096);
    add(&s, LEAF - 4096, 0, 50 * LEAF);
    add(&s, LEAF, 0, 60 * LEAF);
    add(&s, 512, 0, 61 * LEAF);
    make(&s, 0, 6 * LEAF + 512);
    assert_piece(&s, 0, 0, LEAF, (uint64_t[]){0});
    assert_piece(&s, 0, 40 * LEAF, LEAF, (uint64_t[]){3 * LEAF});
    assert_piece(&s, 0, 60 * LEAF, LEAF, (uint64_t[]){5 * LEAF});
    assert_piece(&s, 1, 512 + LEAF - 4096, LEAF, (uint64_t[]){2 * LEAF});
    assert_end(&s);
    assert_int_equal(s.rest.runs.n, 3);
    assert_rest(&s, 0, LEAF, 2 * LEAF);
    assert_rest(&s, 1, 4 * LEAF, 5 * LEAF);
    assert_rest(&s, 2, 6 * LEAF, 6 * LEAF + 512);
}

static void test_only_what_the_map_asks_for(void **state)
{
    CLEANUP(scene_done) struct scene s = {0};

    (void)state;
    add(&s, 10 * LEAF, 0, 100 * LEAF);
    *VEC_ADD(&s.map.runs) = (struct map_run){LEAF, LEAF, MAP_DATA};
    *VEC_ADD(&s.map.runs) = (struct map_run){3 * LEAF, LEAF, MAP_ZERO};
    make(&s, 5 * LEAF, 7 * LEAF);
    assert_piece(&s, 0, 101 * LEAF, LEAF, (uint64_t[]){LEAF});
    assert_piece(&s, 0, 105 * LEAF, 2 * LEAF, (uint64_t[]){5 * LEAF, 6 * LEAF});
    assert_end(&s);
    assert_int_equal(s.rest.runs.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_order_is_that_of_the_files),
        cmocka_unit_test(test_no_piece_is_longer_than_asked_for),
        cmocka_unit_test(test_a_leaf_in_parts_is_left),
        cmocka_unit_test(test_only_what_the_map_asks_for),
    };

    return cmocka_run_group_tests_name("stretches", tests, NULL, NULL);
}
