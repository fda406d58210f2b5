/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "storage/digest/sample.h"
#include "storage/digest/tree.h"

#define LEAVES 20000

/* Each leaf is in one slice, whichever the order in which they are read. */
static void slices_are_all_of_it(void **state)
{
    uint64_t seed = sample_seed("local/web01/2026-11-22T02-30-00Z.nightly", "vda");

    (void)state;
    for (uint32_t n = 1; n <= SAMPLE_SLICES_MAX; n++) {
        for (uint64_t leaf = 0; leaf < LEAVES; leaf += 7) {
            uint32_t times = 0;

            for (uint32_t k = n; k-- > 0;)
                times += sample_has(&(struct sample){.slice = k, .slices = n}, seed, leaf);
            assert_int_equal(times, 1);
        }
    }
}

/* Of n groups that follow one another a slice has one: none is larger than its share. */
static void a_slice_is_its_share(void **state)
{
    uint64_t seed = sample_seed("local/web01/2026-11-22T02-30-00Z.nightly", "vda");

    (void)state;
    for (uint32_t n = 2; n <= 20; n++) {
        for (uint64_t block = 0; block < 50; block++) {
            uint64_t has = 0;

            for (uint64_t i = 0; i < (uint64_t)n * SAMPLE_GROUP; i++)
                has += sample_has(&(struct sample){.slice = n / 2, .slices = n}, seed,
                                  block * n * SAMPLE_GROUP + i);
            assert_int_equal(has, SAMPLE_GROUP);
        }
    }
}

/* What a slice has differs by point and by disk: a pattern on the disk escapes none for ever. */
static void slices_are_drawn(void **state)
{
    uint64_t a = sample_seed("local/web01/a", "vda"), b = sample_seed("local/web01/b", "vda"),
             c = sample_seed("local/web01/a", "vdb");
    const struct sample s = {.slice = 3, .slices = 10};
    int with_b = 0, with_c = 0, of = 0;

    (void)state;
    for (uint64_t leaf = 0; leaf < LEAVES; leaf += SAMPLE_GROUP) {
        if (!sample_has(&s, a, leaf))
            continue;
        of++;
        with_b += sample_has(&s, b, leaf);
        with_c += sample_has(&s, c, leaf);
    }
    assert_in_range(of, LEAVES / SAMPLE_GROUP / 10 - 1, LEAVES / SAMPLE_GROUP / 10 + 1);
    assert_in_range(with_b, 1, of / 3);
    assert_in_range(with_c, 1, of / 3);
}

static void parts_of_a_disk(void **state)
{
    const struct sample middle = {.from = 2 * TREE_LEAF, .to = 4 * TREE_LEAF};
    const struct sample rest = {.from = 4 * TREE_LEAF};

    (void)state;
    assert_false(sample_has(&middle, 1, 1));
    assert_true(sample_has(&middle, 1, 2));
    assert_true(sample_has(&middle, 1, 3));
    assert_false(sample_has(&middle, 1, 4));
    assert_true(sample_has(&rest, 1, 1000000));
    assert_true(sample_is_whole(&(struct sample){0}));
    assert_true(sample_is_whole(&(struct sample){.slices = 1}));
    assert_false(sample_is_whole(&middle));
    assert_false(sample_is_whole(&(struct sample){.slices = 2}));
}

static void shares(void **state)
{
    (void)state;
    assert_int_equal(sample_slices(100), 1);
    assert_int_equal(sample_slices(50), 2);
    assert_int_equal(sample_slices(34), 3);
    assert_int_equal(sample_slices(10), 10);
    assert_int_equal(sample_slices(3), 34);
    assert_int_equal(sample_slices(1), 100);
}

/* Day after day all of them come, each once. */
static void days(void **state)
{
    bool seen[20] = {false};

    (void)state;
    for (int i = 0; i < 20; i++) {
        uint32_t k = sample_of_day("local/web01/a", 1764201600 + i * INT64_C(86400), 20);

        assert_in_range(k, 0, 19);
        assert_false(seen[k]);
        seen[k] = true;
    }
    assert_int_equal(sample_of_day("local/web01/a", 1764201600, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_all_of_it),
        cmocka_unit_test(a_slice_is_its_share),
        cmocka_unit_test(slices_are_drawn),
        cmocka_unit_test(parts_of_a_disk),
        cmocka_unit_test(shares),
        cmocka_unit_test(days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
