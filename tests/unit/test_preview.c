/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "policies/preview.h"
#include "policies/retention.h"

static int64_t at(const char *s)
{
    struct err err = ERR_INIT;
    int64_t t = 0;

    if (time_parse(s, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

struct plan {
    struct config_policy policy;
    struct zone *zone;
    struct preview preview;
};

static void every(struct calspec_list *l, const char *expression)
{
    struct err err = ERR_INIT;

    if (calspec_parse(expression, VEC_ADD(l), &err) < 0)
        fail_msg("%s", err.msg);
}

static void keep(struct plan *p, const char *rule, const char *value)
{
    struct err err = ERR_INIT;

    if (retention_set(&p->policy.keep, rule, value, &err) < 0)
        fail_msg("%s", err.msg);
}

/* At the ends of January, February and March 2026, from new year on. */
static void make(struct plan *p)
{
    const int64_t ends[] = {at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"),
                            at("2026-04-01T00:00:00Z")};
    struct err err = ERR_INIT;

    assert_int_equal(zone_open("UTC", &p->zone, &err), 0);
    preview_make(&p->policy, p->zone, at("2026-01-01T00:00:00Z"), ends, 3, 3000, &p->preview);
}

static void done(struct plan *p)
{
    struct calspec_list *lists[] = {&p->policy.full, &p->policy.incremental};

    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->n; i++)
            calspec_free(lists[k]->items[i]);
        free(lists[k]->items);
    }
    preview_done(&p->preview);
    zone_free(p->zone);
}

static void rules_thin_out(void **state)
{
    struct plan p = {0};
    const struct preview_span *s;

    (void)state;
    every(&p.policy.incremental, "02:30");
    keep(&p, "daily", "7");
    keep(&p, "monthly", "12");
    make(&p);
    assert_int_equal(p.preview.spans.n, 3);
    /* Seven days, and the oldest, which stands for the months that there are not yet. */
    s = &p.preview.spans.items[0];
    assert_int_equal(s->kept.n, 8);
    assert_int_equal(s->kept.items[0].at, at("2026-01-01T02:30:00Z"));
    assert_true(s->kept.items[0].full);
    assert_int_equal(s->kept.items[1].at, at("2026-01-25T02:30:00Z"));
    assert_false(s->kept.items[1].full);
    assert_int_equal(s->kept.items[7].at, at("2026-01-31T02:30:00Z"));
    /* The last of January and of February besides. */
    s = &p.preview.spans.items[2];
    assert_int_equal(s->kept.n, 10);
    assert_int_equal(s->kept.items[1].at, at("2026-01-31T02:30:00Z"));
    assert_int_equal(s->kept.items[2].at, at("2026-02-28T02:30:00Z"));
    assert_int_equal(s->kept.items[9].at, at("2026-03-31T02:30:00Z"));
    done(&p);
}

static void fulls_are_told(void **state)
{
    struct plan p = {0};
    const struct preview_span *s;

    (void)state;
    every(&p.policy.incremental, "02:30");
    every(&p.policy.full, "Sun 02:30");
    keep(&p, "last", "8");
    make(&p);
    s = &p.preview.spans.items[0]; /* 24 January, a Saturday, to the 31st */
    assert_int_equal(s->kept.n, 8);
    assert_int_equal(s->kept.items[1].at, at("2026-01-25T02:30:00Z"));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(s->kept.items[i].full, i < 2);
    done(&p);
}

static void without_rules_all_stay(void **state)
{
    struct plan p = {0};

    (void)state;
    every(&p.policy.incremental, "02:30");
    make(&p);
    assert_int_equal(p.preview.spans.items[0].kept.n, 31);
    assert_int_equal(p.preview.spans.items[2].kept.n, 31 + 28 + 31);
    done(&p);
}

/* More than anybody can look at: fewer months, or none; none that is due makes no point. */
static void many_runs_are_cut(void **state)
{
    static const struct {
        const char *calendar;
        size_t spans;
    } cases[] = {{"*:0/30", 2}, {"*:*:0/10", 0}, {"2020-01-01", 3}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct plan p = {0};

        every(&p.policy.incremental, cases[i].calendar);
        keep(&p, "last", "5");
        make(&p);
        assert_int_equal(p.preview.spans.n, cases[i].spans);
        for (size_t k = 0; k < p.preview.spans.n; k++)
            assert_int_equal(p.preview.spans.items[k].kept.n, i == 0 ? 5 : 0);
        done(&p);
    }
}

/* What was let go at one end is not missed at a later one: the rules say the same of all runs. */
static void the_rules_see_no_difference(void **state)
{
    static const char *const rules[][4][2] = {
        {{"last", "5"}, {"daily", "7"}, {"weekly", "5"}, {"monthly", "2"}},
        {{"within-daily", "20d"}, {"yearly", "2"}},
        {{"hourly", "30"}, {"within", "3d"}, {"within-weekly", "2m"}},
        {{"monthly", "12"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct plan p = {0};
        struct retention_verdict *verdicts;
        int64_t times[90];
        size_t n = 0, kept = 0;

        every(&p.policy.incremental, "02:30");
        for (size_t k = 0; k < 4 && rules[i][k][0]; k++)
            keep(&p, rules[i][k][0], rules[i][k][1]);
        make(&p);
        for (int64_t t = at("2026-01-01T02:30:00Z"); n < 90; t += 86400)
            times[n++] = t;
        retention_apply(&p.policy.keep, p.zone, times, n, at("2026-04-01T00:00:00Z"), &verdicts);
        for (size_t k = 0; k < n; k++)
            if (verdicts[k].keep)
                assert_int_equal(p.preview.spans.items[2].kept.items[kept++].at, times[k]);
        assert_int_equal(p.preview.spans.items[2].kept.n, kept);
        assert_int_equal(p.preview.spans.items[2].made, n);
        retention_verdicts_free(verdicts, n);
        done(&p);
    }
}

static void fulls_come_by_themselves(void **state)
{
    struct plan p = {0};
    size_t fulls = 0;

    (void)state;
    every(&p.policy.incremental, "02:30");
    p.policy.full_after.incrementals = 9;
    make(&p);
    for (size_t i = 0; i < p.preview.spans.items[0].kept.n; i++)
        fulls += p.preview.spans.items[0].kept.items[i].full;
    assert_int_equal(fulls, 4); /* on the 1st, 11th, 21st and 31st */
    done(&p);
}

static void room_is_of_what_changed(void **state)
{
    struct preview_point points[] = {
        {0, true}, {86400, false}, {3 * 86400, false}, {4 * 86400, true}};
    const struct preview_span s = {.kept = {points, 4, 4}};

    (void)state;
    assert_true(preview_room(&s, 0) == 2);
    assert_true(preview_room(&s, 1) == 4);
    assert_true(preview_room(&s, 0.5) == 2 + 0.5 + 0.75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_thin_out),
        cmocka_unit_test(fulls_are_told),
        cmocka_unit_test(without_rules_all_stay),
        cmocka_unit_test(many_runs_are_cut),
        cmocka_unit_test(the_rules_see_no_difference),
        cmocka_unit_test(fulls_come_by_themselves),
        cmocka_unit_test(room_is_of_what_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
