/* SPDX-License-Identifier: MIT
 *
 * Which dates cannot be right: cases that happened, and properties of random lives of a clock.
 * The seed is printed; SEED=N repeats a run.
 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "policies/dates.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1795435200) /* 2026-11-23 12:00 UTC */
#define YEARS (INT64_C(3653) * DAY)
#define MAX 60
#define ROUNDS 2000

static unsigned long seed;

static uint64_t random_below(uint64_t n)
{
    static uint64_t s;

    if (s == 0)
        s = seed * 2 + 1;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (s >> 11) % n;
}

/* In order of making, seconds from NOW; wanted: one letter a time, ". A U O". */
static const struct life {
    const char *what;
    int64_t times[8];
    const char *wanted;
} lives[] = {
    {"all is well", {-3 * DAY, -2 * DAY, -DAY, 0}, "...."},
    {"ten years ahead for one", {-2 * DAY, YEARS, -DAY, -60}, ".A.."},
    {"ten years ahead for the last", {-2 * DAY, -DAY, YEARS}, "..A"},
    {"ten years ahead for the first", {YEARS, -DAY, -60}, "A.."},
    {"a day back for one", {-5 * DAY, -3 * DAY, -3 * DAY + 60, -4 * DAY, -2 * DAY}, "...O."},
    {"a day ahead for one, and that day is over",
     {-5 * DAY, -3 * DAY, -4 * DAY + 60, -DAY},
     ".O.."},
    {"1970 in the middle", {-2 * DAY, -NOW + 300, -NOW + 900, -DAY}, ".UU."},
    {"1970 first", {-NOW + 300, -2 * DAY, -DAY}, "U.."},
    {"1970 last", {-2 * DAY, -DAY, -NOW + 300}, "..U"},
    {"slewed back by seconds, again and again", {-90, -91, -95, -94, -99}, "....."},
    {"back by five minutes", {-DAY, -DAY - 300, -DAY - 300}, "..."},
    {"back by more, twice: those made later are right", {-DAY, -2 * DAY}, "O."},
    {"a little ahead", {-60, 299}, ".."},
    {"one second", {-60, -60, -60}, "..."},
};

static void known_lives(void **state)
{
    static const char letters[] = {
        [DATE_RIGHT] = '.', [DATE_AHEAD] = 'A', [DATE_UNSET] = 'U', [DATE_ORDER] = 'O'};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        size_t n = strlen(lives[i].wanted);
        enum date_fault faults[8];
        int64_t times[8];
        char got[9] = "";

        for (size_t k = 0; k < n; k++)
            times[k] = NOW + lives[i].times[k];
        dates_judge(times, n, NOW, faults);
        for (size_t k = 0; k < n; k++)
            got[k] = letters[faults[k]];
        if (strcmp(got, lives[i].wanted) != 0)
            fail_msg("%s: %s, not %s", lives[i].what, got, lives[i].wanted);
    }
}

/* The clock is in 1970 now: what is of then is right for it, and what is of today lies ahead;
 * when it is put right it is the other way round. */
static void a_clock_put_right(void **state)
{
    const int64_t times[] = {NOW - 2 * DAY, NOW - DAY, 60, 600};
    enum date_fault faults[4];

    (void)state;
    dates_judge(times, 4, 900, faults);
    assert_int_equal(faults[0], DATE_AHEAD);
    assert_int_equal(faults[1], DATE_AHEAD);
    assert_int_equal(faults[2], DATE_RIGHT);
    assert_int_equal(faults[3], DATE_RIGHT);
    dates_judge(times, 4, NOW, faults);
    assert_int_equal(faults[0], DATE_RIGHT);
    assert_int_equal(faults[1], DATE_RIGHT);
    assert_int_equal(faults[2], DATE_UNSET);
    assert_int_equal(faults[3], DATE_UNSET);
}

/* The size of the longest that does not fall, by trying each before each. */
static size_t longest_by_definition(const int64_t *t, size_t n)
{
    size_t best[MAX], ret = 0;

    for (size_t i = 0; i < n; i++) {
        best[i] = 1;
        for (size_t k = 0; k < i; k++)
            if (t[k] <= t[i] + DATE_SLACK && best[k] + 1 > best[i])
                best[i] = best[k] + 1;
        ret = best[i] > ret ? best[i] : ret;
    }
    return ret;
}

static void check_random(const int64_t *t, size_t n)
{
    enum date_fault faults[MAX];
    int64_t possible[MAX], last = INT64_MIN;
    size_t n_possible = 0, right = 0;

    dates_judge(t, n, NOW, faults);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(faults[i] == DATE_AHEAD, t[i] > NOW + DATE_SLACK);
        assert_int_equal(faults[i] == DATE_UNSET, t[i] < DATE_FIRST);
        if (faults[i] == DATE_RIGHT || faults[i] == DATE_ORDER)
            possible[n_possible++] = t[i];
        if (faults[i] != DATE_RIGHT)
            continue;
        assert_true(last == INT64_MIN || t[i] >= last - DATE_SLACK);
        last = t[i];
        right++;
    }
    assert_int_equal(right, longest_by_definition(possible, n_possible));
}

static void most_fit_together(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = random_below(MAX);
        int64_t t[MAX], range = (int64_t)random_below(3) ? 20 * DAY : 2000;

        for (size_t i = 0; i < n; i++)
            t[i] = random_below(10) == 0 ? (int64_t)random_below(3000)
                                         : NOW + DAY - (int64_t)random_below((uint64_t)range);
        check_random(t, n);
    }
}

/* A daily life in which the clock is wrong now and then, for less than half of the time: when it
 * has been right again for as long as it was ahead, what was rightly dated is right, and the
 * base of the next one, the one made last, always is. */
static void a_clock_that_errs(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        enum date_fault faults[MAX];
        bool wrong[MAX] = {false};
        int64_t t[MAX];

        for (size_t i = 0; i < MAX; i++) {
            t[i] = NOW - (int64_t)(MAX - i) * DAY;
            wrong[i] = i > 2 && i < MAX - 20 && random_below(6) == 0;
            if (wrong[i])
                t[i] += random_below(2)   ? (int64_t)(2 + random_below(8)) * DAY
                        : random_below(2) ? -(int64_t)(2 + random_below(8)) * DAY
                                          : YEARS;
        }
        dates_judge(t, MAX, NOW, faults);
        for (size_t i = MAX - 10; i < MAX; i++)
            if (!wrong[i] && faults[i] != DATE_RIGHT)
                fail_msg("round %d: point %zu is set aside", round, i);
    }
}

/* ---- points ---- */

static struct point *add(struct point_list *l, const char *policy, const char *catalog, int64_t job,
                         int64_t created)
{
    struct point *p = VEC_ADD(l);

    p->host = xstrdup("lab");
    p->domain = xstrdup("web01");
    p->policy = xstrdup(policy);
    p->catalog = xstrdup(catalog);
    p->job = job;
    p->created = created;
    return p;
}

/* Catalogs and policies do not mix: job numbers of different ones say nothing of each other. */
static void points_by_catalog(void **state)
{
    struct point_list l = {0};

    (void)state;
    add(&l, "p", "a", 9, NOW - DAY);
    add(&l, "p", "a", 7, NOW - 3 * DAY);
    add(&l, "p", "a", 8, NOW - 4 * DAY); /* does not fit */
    add(&l, "p", "a", 6, NOW - 3 * DAY);
    add(&l, "p", "b", 100, NOW - 10 * DAY); /* another's */
    add(&l, "q", "a", 10, NOW - 10 * DAY);
    add(&l, "p", NULL, 0, NOW - 2 * DAY); /* nobody knows when */
    add(&l, "p", NULL, 0, NOW + YEARS);
    points_judge_dates(&l, NOW);
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.items[i].set_aside, i == 2 || i == 7);
    point_list_done(&l);
}

/* Of two that do not fit together the later one counts: but not when it is not there any more, for
 * then the only one that can be restored would be set aside for its sake. */
static void missing_ones(void **state)
{
    struct point_list l = {0};

    (void)state;
    add(&l, "p", "a", 7, NOW - 3 * DAY);
    add(&l, "p", "a", 8, NOW - 4 * DAY);
    add(&l, "p", "a", 9, NOW - DAY);
    points_judge_dates(&l, NOW);
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.items[i].set_aside, i == 0);
    l.items[1].state = POINT_MISSING;
    points_judge_dates(&l, NOW);
    for (size_t i = 0; i < l.n; i++)
        assert_false(l.items[i].set_aside);
    point_list_done(&l);
}

static void last_made(void **state)
{
    struct point_list l = {0};

    (void)state;
    assert_null(points_last_made(&l, NULL, "a"));
    add(&l, "p", NULL, 0, NOW + YEARS);
    add(&l, "p", "b", 100, NOW + YEARS);
    assert_ptr_equal(points_last_made(&l, "p", "b"), &l.items[1]);
    add(&l, "p", "a", 5, NOW + YEARS);
    add(&l, "p", "a", 6, NOW - DAY);
    add(&l, "p", "a", 7, NOW)->state = POINT_DAMAGED;
    add(&l, "q", "a", 8, NOW);
    assert_ptr_equal(points_last_made(&l, "p", "a"), &l.items[3]);
    assert_ptr_equal(points_last_made(&l, NULL, "a"), &l.items[5]);
    point_list_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_lives),       cmocka_unit_test(a_clock_put_right),
        cmocka_unit_test(most_fit_together), cmocka_unit_test(a_clock_that_errs),
        cmocka_unit_test(points_by_catalog), cmocka_unit_test(missing_ones),
        cmocka_unit_test(last_made),
    };
    const char *wanted = getenv("SEED");

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
