/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "jobs/rate.h"

#define MIB (UINT64_C(1) << 20)

static void assert_near(double is, double want, double part)
{
    if (is < want * (1 - part) || is > want * (1 + part))
        fail_msg("%f is not near %f", is, want);
}

static void test_two_looks_make_a_rate(void **state)
{
    struct rate r = {0};

    (void)state;
    rate_look(&r, 10 * MIB, 5000);
    assert_false(r.known);
    assert_int_equal(rate_left_s(&r, 10 * MIB, 100 * MIB), -1);
    rate_look(&r, 20 * MIB, 6000);
    assert_true(r.known);
    assert_near(r.per_s, 10.0 * MIB, 0.001);
    assert_int_equal(rate_left_s(&r, 20 * MIB, 100 * MIB), 8);
    assert_int_equal(rate_left_s(&r, 100 * MIB, 100 * MIB), 0);
}

/* What is watched closely and what is not come to the same. */
static void test_many_looks_are_as_good_as_few(void **state)
{
    struct rate few = {0}, many = {0};

    (void)state;
    for (int64_t ms = 0; ms <= 30000; ms += 5000)
        rate_look(&few, (uint64_t)(ms < 15000 ? ms : 15000 + (ms - 15000) * 3), ms + 1);
    for (int64_t ms = 0; ms <= 30000; ms += 250)
        rate_look(&many, (uint64_t)(ms < 15000 ? ms : 15000 + (ms - 15000) * 3), ms + 1);
    assert_near(few.per_s, many.per_s, 0.05);
    assert_true(many.per_s > 2000 && many.per_s < 3000);
}

static void test_looks_too_near_to_one_another_say_nothing(void **state)
{
    struct rate r = {0};

    (void)state;
    rate_look(&r, 0, 1000);
    rate_look(&r, 1000, 2000);
    for (int64_t ms = 2001; ms < 2200; ms++)
        rate_look(&r, 1000, ms);
    assert_near(r.per_s, 1000, 0.001);
    assert_int_equal(r.looked_ms, 2199);
}

static void test_what_stands_still_has_no_end(void **state)
{
    struct rate r = {0};

    (void)state;
    rate_look(&r, 0, 1000);
    rate_look(&r, MIB, 2000);
    for (int64_t ms = 7000; ms < 1000000; ms += 5000)
        rate_look(&r, MIB, ms);
    assert_int_equal(rate_left_s(&r, MIB, 1000 * MIB), -1);
}

/* The copy was begun anew; and a total that is less than what was copied is none. */
static void test_what_goes_back_begins_anew(void **state)
{
    struct rate r = {0};

    (void)state;
    rate_look(&r, 0, 1000);
    rate_look(&r, 100 * MIB, 2000);
    rate_look(&r, MIB, 3000);
    assert_false(r.known);
    rate_look(&r, 2 * MIB, 4000);
    assert_near(r.per_s, 1.0 * MIB, 0.001);
    assert_int_equal(rate_left_s(&r, 2 * MIB, MIB), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_looks_make_a_rate),
        cmocka_unit_test(test_many_looks_are_as_good_as_few),
        cmocka_unit_test(test_looks_too_near_to_one_another_say_nothing),
        cmocka_unit_test(test_what_stands_still_has_no_end),
        cmocka_unit_test(test_what_goes_back_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
