/* SPDX-License-Identifier: MIT
 *
 * How a repository grows, when it is full, and from when on that is something to act on. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "report/model.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)
#define GIB (UINT64_C(1) << 30)

/* A sample a day, the last one now: so much is free then, and each day before that more. */
static struct room_list samples(size_t days, uint64_t left, int64_t per_day)
{
    struct room_list l = {0};

    for (size_t i = 0; i < days; i++) {
        int64_t age = (int64_t)(days - 1 - i);

        *VEC_ADD(&l) = (struct room_sample){NOW - age * DAY,
                                            (uint64_t)((int64_t)left + age * per_day), 1000 * GIB};
    }
    return l;
}

static struct room_trend trend_of(size_t days, uint64_t left, int64_t per_day, uint64_t reserve)
{
    struct room_list l = samples(days, left, per_day);
    struct room_trend ret = room_trend(&l, reserve, NOW);

    free(l.items);
    return ret;
}

static void a_straight_line_is_found(void **state)
{
    struct room_trend t = trend_of(20, 100 * GIB, 2 * (int64_t)GIB, 0);

    (void)state;
    assert_int_equal(t.days, 19);
    assert_int_equal(llround(t.per_day), 2 * GIB);
    assert_true(llabs(t.full_at - (NOW + 50 * DAY)) < 60);
    t = trend_of(20, 100 * GIB, 2 * (int64_t)GIB, 90 * GIB); /* what is reserved is not there */
    assert_true(llabs(t.full_at - (NOW + 5 * DAY)) < 60);
    t = trend_of(20, 100 * GIB, 2 * (int64_t)GIB, 200 * GIB);
    assert_true(llabs(t.full_at - NOW) < 60);
}

static void what_does_not_grow_is_never_full(void **state)
{
    struct room_trend t = trend_of(20, 100 * GIB, -(int64_t)GIB, 0);

    (void)state;
    assert_true(t.per_day < 0);
    assert_int_equal(t.full_at, 0);
    t = trend_of(20, 100 * GIB, 0, 0);
    assert_int_equal(t.full_at, 0);
    assert_int_equal(t.days, 19);
}

static void two_days_are_no_trend_and_what_is_old_does_not_count(void **state)
{
    struct room_list l = samples(20, 100 * GIB, (int64_t)GIB);
    struct room_trend t;

    (void)state;
    assert_int_equal(room_trend(&(struct room_list){0}, 0, NOW).days, 0);
    assert_int_equal(trend_of(2, 100 * GIB, (int64_t)GIB, 0).days, 0);
    assert_int_equal(trend_of(3, 100 * GIB, (int64_t)GIB, 0).days, 2);
    /* Of one day, whatever the clock did. */
    for (size_t i = 0; i < l.n; i++)
        l.items[i].at = NOW - (int64_t)i;
    assert_int_equal(room_trend(&l, 0, NOW).days, 0);
    free(l.items);
    /* A jump before that is nothing that goes on. */
    l = samples(60, 100 * GIB, 0);
    for (size_t i = 0; i < 25; i++)
        l.items[i].free = 900 * GIB;
    t = room_trend(&l, 0, NOW);
    assert_int_equal(t.days, 30);
    assert_int_equal(t.full_at, 0);
    free(l.items);
}

static bool is_soon(int days, int64_t full_in)
{
    struct status s = {.now = NOW, .daemon.running = true};
    struct status_repository *r = VEC_ADD(&s.repositories);
    bool ret = false;

    *r = (struct status_repository){.name = xstrdup("main"),
                                    .path = xstrdup("/srv/backup"),
                                    .state = xstrdup("ok"),
                                    .has_space = true,
                                    .free = 100 * GIB,
                                    .total = 1000 * GIB,
                                    .trend = {days, 1e9, full_in ? NOW + full_in : 0}};
    status_judge(&s);
    for (size_t i = 0; i < r->reasons.n; i++)
        ret = ret || r->reasons.items[i].code == REASON_FULL_SOON;
    status_done(&s);
    return ret;
}

static void full_soon_is_to_be_acted_on(void **state)
{
    (void)state;
    assert_true(is_soon(29, 13 * DAY));
    assert_false(is_soon(29, 15 * DAY));
    assert_false(is_soon(29, 0));
    assert_false(is_soon(10, 5 * DAY)); /* it is being filled for the first time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_straight_line_is_found),
        cmocka_unit_test(what_does_not_grow_is_never_full),
        cmocka_unit_test(two_days_are_no_trend_and_what_is_old_does_not_count),
        cmocka_unit_test(full_soon_is_to_be_acted_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
