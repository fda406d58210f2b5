/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "base/cleanup.h"
#include "policies/clock_doubt.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define NOW INT64_C(1795435200) /* 2026-11-23 12:00 UTC */

static void unset(void **state)
{
    (void)state;
    assert_true(clock_is_unset(0));
    assert_true(clock_is_unset(300));
    assert_true(clock_is_unset(INT64_C(1577836800))); /* 2020 */
    assert_false(clock_is_unset(NOW));
}

static void leaps(void **state)
{
    static const struct {
        const char *what;
        int64_t last, elapsed, uptime, now;
        bool leapt;
    } cases[] = {
        {"time goes by", NOW, 30, 90 * DAY, NOW + 30, false},
        {"an hour ahead", NOW, 30, 90 * DAY, NOW + HOUR, false},
        {"two days ahead", NOW, 30, 90 * DAY, NOW + 2 * DAY, true},
        {"two days later", NOW, 2 * DAY, 90 * DAY, NOW + 2 * DAY, false},
        {"ten years ahead", NOW, 30, 90 * DAY, NOW + 3653 * DAY, true},
        {"back", NOW, 30, 90 * DAY, NOW - 3653 * DAY, false},
        /* a machine without a battery slept over the weekend, and gets the time a minute after */
        {"set after the boot", NOW, 60, 90, NOW + 3 * DAY, false},
        {"set after the boot, to 2036", NOW, 60, 90, NOW + 3653 * DAY, true},
        /* booted since */
        {"off for a week", NOW, -1, 5 * HOUR, NOW + 7 * DAY, false},
        {"off for two months", NOW, -1, 5 * HOUR, NOW + 60 * DAY, true},
        {"nothing is known", 0, -1, 5 * HOUR, NOW, false},
        {"it was never set before", 300, 60, 5 * HOUR, NOW, false},
        {"it is not set", NOW, -1, 5 * HOUR, 300, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (clock_leapt(cases[i].last, cases[i].elapsed, cases[i].uptime, cases[i].now) !=
            cases[i].leapt)
            fail_msg("%s", cases[i].what);
}

static void holds(void **state)
{
    (void)state;
    assert_true(clock_hold_lasts(NOW, NOW));
    assert_true(clock_hold_lasts(NOW, NOW + 6 * DAY));
    assert_false(clock_hold_lasts(NOW, NOW + 8 * DAY));
    assert_false(clock_hold_lasts(NOW, NOW - HOUR)); /* put back */
    assert_true(clock_hold_lasts(NOW, NOW - 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unset),
        cmocka_unit_test(leaps),
        cmocka_unit_test(holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
