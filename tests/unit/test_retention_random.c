/* SPDX-License-Identifier: MIT
 *
 * What must hold of retention whatever it is given.  The seed is printed; SEED=N repeats a run.
 * The rules are held against their definition, written down in another way: periods as numbers,
 * each rule by itself, by looking at all pairs of times.
 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "policies/retention.h"

#define NOW INT64_C(1795435200) /* 2026-11-23 12:00 UTC */
#define DAY 86400
#define POINTS_MAX 60
#define ROUNDS 1000

static unsigned long seed;
static struct zone *utc;

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

static int64_t random_time(void)
{
    static const int64_t spread[] = {7200, 3 * DAY, 60 * DAY, 900 * DAY, 4000 * DAY};
    int64_t t = NOW - (int64_t)random_below((uint64_t)spread[random_below(ARRAY_LEN(spread))]);

    if (random_below(30) == 0)
        t = NOW + (int64_t)random_below(800 * DAY);
    return random_below(4) == 0 ? t - t % 3600 : t;
}

static struct retention random_rules(void)
{
    struct retention r = {0};

    for (int p = 0; p < PERIOD_COUNT; p++) {
        if (random_below(4) == 0)
            r.count[p] = random_below(8) == 0 ? -1 : (int)random_below(12);
        if (random_below(8) == 0)
            r.within[p] = (struct span){(int)random_below(2), (int)random_below(5),
                                        (int)random_below(40), (int)random_below(40)};
    }
    return r;
}

/* The number of a UTC period, growing with time. */
static int64_t period_number(int period, int64_t t, size_t place)
{
    time_t tt = (time_t)t;
    struct tm tm;

    gmtime_r(&tt, &tm);
    switch (period) {
    case PERIOD_HOURLY:
        return t / 3600;
    case PERIOD_DAILY:
        return t / DAY;
    case PERIOD_WEEKLY:
        return (t / DAY + 3) / 7; /* 1970-01-01 was a Thursday */
    case PERIOD_MONTHLY:
        return tm.tm_year * 12 + tm.tm_mon;
    case PERIOD_YEARLY:
        return tm.tm_year;
    default:
        return -(int64_t)place;
    }
}

/* Is a listed before b, newest first? */
static bool precedes(const int64_t *t, size_t a, size_t b)
{
    return t[a] > t[b] || (t[a] == t[b] && a < b);
}

/* The first of its period among those newer than `after`. */
static bool is_first(const int64_t *t, size_t n, int period, size_t place)
{
    for (size_t i = 0; i < n; i++)
        if (precedes(t, i, place) &&
            period_number(period, t[i], i) == period_number(period, t[place], place))
            return false;
    return true;
}

static bool count_keeps(const int64_t *t, size_t n, int period, int count, size_t place)
{
    int before = 0; /* firsts before this one */
    bool oldest = true;

    for (size_t i = 0; i < n; i++) {
        oldest = oldest && !precedes(t, place, i);
        before += precedes(t, i, place) && is_first(t, n, period, i);
    }
    return (is_first(t, n, period, place) || oldest) && (count < 0 || before < count);
}

static int64_t span_start(int64_t t, const struct span *s)
{
    time_t tt = (time_t)t;
    struct tm tm;

    gmtime_r(&tt, &tm);
    tm.tm_year -= s->years;
    tm.tm_mon -= s->months;
    tm.tm_mday -= s->days;
    tm.tm_hour -= s->hours;
    return timegm(&tm);
}

static bool within_keeps(const int64_t *t, size_t n, int period, const struct span *s, size_t place)
{
    int64_t newest = INT64_MIN;

    for (size_t i = 0; i < n; i++)
        newest = t[i] > newest ? t[i] : newest;
    return is_first(t, n, period, place) && t[place] > span_start(newest, s);
}

/* Leaves out the times that lie ahead; where `place` is then. */
static size_t without_ahead(const int64_t *t, size_t n, size_t *place, int64_t *ret)
{
    size_t n_ret = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        at = i == *place ? n_ret : at;
        if (t[i] <= NOW + 300)
            ret[n_ret++] = t[i];
    }
    *place = at;
    return n_ret;
}

static bool defined_keep(const struct retention *r, const int64_t *all, size_t n, size_t place)
{
    bool keep = !retention_is_set(r) || all[place] > NOW + 300;
    int64_t t[POINTS_MAX];

    if (keep)
        return true;
    n = without_ahead(all, n, &place, t);
    for (int p = 0; p < PERIOD_COUNT; p++) {
        if (r->count[p] != 0)
            keep = keep || count_keeps(t, n, p, r->count[p], place);
        if (span_is_set(&r->within[p]))
            keep = keep || within_keeps(t, n, p, &r->within[p], place);
    }
    return keep;
}

static void rules_keep_what_they_say(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct retention r = random_rules();
        size_t n = random_below(POINTS_MAX);
        struct retention_verdict *v = NULL;
        int64_t t[POINTS_MAX];

        for (size_t i = 0; i < n; i++)
            t[i] = i > 0 && random_below(15) == 0 ? t[i - 1] : random_time();
        retention_apply(&r, utc, t, n, NOW, &v);
        for (size_t i = 0; i < n; i++) {
            if (v[i].keep != defined_keep(&r, t, n, i))
                fail_msg("round %d, time %zu (%" PRId64 "): %s is wrong (%s)", round, i, t[i],
                         v[i].keep ? "keep" : "prune", v[i].reasons);
            assert_true(v[i].why.n > 0);
        }
        retention_verdicts_free(v, n);
    }
}

/* What has been kept is kept again, so pruning twice is pruning once. */
static void pruning_twice_changes_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct retention r = random_rules();
        size_t n = random_below(POINTS_MAX), kept = 0;
        struct retention_verdict *v = NULL;
        int64_t t[POINTS_MAX];

        for (size_t i = 0; i < n; i++)
            t[i] = random_time();
        retention_apply(&r, utc, t, n, NOW, &v);
        for (size_t i = 0; i < n; i++)
            if (v[i].keep)
                t[kept++] = t[i];
        retention_verdicts_free(v, n);
        assert_true(n == 0 || kept > 0);
        retention_apply(&r, utc, t, kept, NOW, &v);
        for (size_t i = 0; i < kept; i++)
            if (!v[i].keep)
                fail_msg("round %d: %" PRId64 " was kept first, then: %s", round, t[i],
                         v[i].reasons);
        retention_verdicts_free(v, kept);
    }
}

/* Points that stand on earlier ones, some of them damaged or being deleted, in any order. */
static void random_points(struct point_list *l)
{
    size_t n = random_below(25);

    for (size_t i = 0; i < n; i++) {
        struct point *p = VEC_ADD(l);
        struct point_disk *d;
        uint64_t what = random_below(10);

        p->id = xasprintf("p%zu", i);
        p->created = NOW - DAY * 100 + (int64_t)i * DAY * 3 / 2;
        p->state = what == 0 ? POINT_DAMAGED : what == 1 ? POINT_DELETING : POINT_GOOD;
        for (int k = 0; k < 2; k++) {
            d = VEC_ADD(&p->disks);
            d->name = xasprintf("vd%c", 'a' + k);
            if (i > 0 && random_below(3) > 0)
                d->backing = xasprintf("p%zu", i - 1 - random_below(i < 3 ? i : 3));
        }
        if (random_below(2))
            p->parent = xstrdup(p->disks.items[0].backing);
    }
    for (size_t i = n; i > 1; i--) { /* shuffle */
        size_t k = random_below(i);
        struct point swap = l->items[i - 1];

        l->items[i - 1] = l->items[k];
        l->items[k] = swap;
    }
}

/* Follows everything below p through the list; every point of it must be kept. */
static void assert_bases_kept(const struct point_list *l, const struct retention_verdict *v,
                              const struct point *p, bool *below)
{
    for (size_t i = 0; i <= p->disks.n; i++) {
        const char *id = i < p->disks.n ? p->disks.items[i].backing : p->parent;
        const struct point *base = point_list_find(l, id);

        if (!base || below[base - l->items])
            continue;
        below[base - l->items] = true;
        if (base->state != POINT_DELETING && !v[base - l->items].keep)
            fail_msg("%s is let go, and %s stands on it", base->id, p->id);
        assert_bases_kept(l, v, base, below);
    }
}

/* It is good, and so is what it stands on; and it was seen.  left: rings end somewhere. */
static bool does_count(const struct point_list *l, const struct point *p, size_t left)
{
    if (p->state == POINT_DAMAGED || left == 0)
        return false;
    for (size_t i = 0; i <= p->disks.n; i++) {
        const struct point *base =
            point_list_find(l, i < p->disks.n ? p->disks.items[i].backing : p->parent);

        if (base && !does_count(l, base, left - 1))
            return false;
    }
    return true;
}

static void check_plan(const struct retention *r, const struct point_list *l)
{
    bool whole[POINTS_MAX], counts[POINTS_MAX];
    struct retention_verdict *v = NULL, *bare = NULL;
    bool below[POINTS_MAX] = {false}; /* something kept stands on it */
    const struct point *newest = NULL;
    int64_t good[POINTS_MAX];
    size_t n_good = 0;

    for (size_t i = 0; i < l->n; i++) {
        whole[i] = random_below(8) > 0;
        counts[i] =
            l->items[i].state == POINT_GOOD && whole[i] && does_count(l, &l->items[i], l->n + 1);
    }
    retention_plan(r, utc, l, whole, NOW, &v);
    for (size_t i = 0; i < l->n; i++) {
        const struct point *p = &l->items[i];

        if (p->state == POINT_DELETING)
            assert_false(v[i].keep);
        if (p->state == POINT_DAMAGED || (p->state == POINT_GOOD && !counts[i]))
            assert_true(v[i].keep);
        if (counts[i] && (!newest || p->created > newest->created))
            newest = p;
        if (counts[i])
            good[n_good++] = p->created;
        if (v[i].keep)
            assert_bases_kept(l, v, p, below);
    }
    if (newest)
        assert_true(v[newest - l->items].keep);
    /* And nothing more: a good point is kept by a rule, or held. */
    retention_apply(r, utc, good, n_good, NOW, &bare);
    for (size_t i = 0, g = 0; i < l->n; i++) {
        if (!counts[i])
            continue;
        assert_int_equal(v[i].keep, bare[g].keep || below[i]);
        assert_int_equal(v[i].held, !bare[g].keep && below[i]);
        if (bare[g].keep)
            assert_string_equal(v[i].reasons, bare[g].reasons);
        g++;
    }
    retention_verdicts_free(bare, n_good);
    retention_verdicts_free(v, l->n);
}

static void plan_keeps_its_promises(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct retention r = random_rules();
        struct point_list l = {0};

        random_points(&l);
        check_plan(&r, &l);
        point_list_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_keep_what_they_say),
        cmocka_unit_test(pruning_twice_changes_nothing),
        cmocka_unit_test(plan_keeps_its_promises),
    };
    const char *wanted = getenv("SEED");
    struct err err = ERR_INIT;
    int failed;

    seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    fprintf(stderr, "SEED=%lu\n", seed);
    if (zone_open("UTC", &utc, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    zone_free(utc);
    return failed;
}
