/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "policies/retention.h"

#define NOW "2026-11-23T12:00:00Z"

static int64_t at(const char *s)
{
    struct err err = ERR_INIT;
    int64_t t = 0;

    if (time_parse(s, &t, &err) < 0)
        fail_msg("%s", err.msg);
    return t;
}

static struct zone *zone_named(const char *name)
{
    struct err err = ERR_INIT;
    struct zone *zone = NULL;

    if (zone_open(name, &zone, &err) < 0)
        fail_msg("%s", err.msg);
    return zone;
}

/* "last=3 daily=7" */
static struct retention rules(const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    struct retention r = {0};
    char *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        struct err err = ERR_INIT;
        char *value = strchr(w, '=');

        assert_non_null(value);
        *value = '\0';
        if (retention_set(&r, w, value + 1, &err) < 0)
            fail_msg("%s: %s", w, err.msg);
    }
    return r;
}

static void spans(void **state)
{
    static const char *const same[] = {"1y2m3d4h", "7d", "0h", "1y4h", "48h", "999999d"};
    static const char *const bad[] = {"",
                                      "7",
                                      "d",
                                      "7w",
                                      "1d2m",
                                      "1d1d",
                                      "-1d",
                                      "7 d",
                                      "1000000d",
                                      "1y ",
                                      "1.5d",
                                      "7D",
                                      "99999999999999999999d"};
    struct span s;
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        CLEANUP_FREE char *text = NULL;

        assert_int_equal(span_parse(same[i], &s, &err), 0);
        text = span_format(&s);
        assert_string_equal(text, same[i]);
    }
    assert_int_equal(span_parse("1y2m3d4h", &s, &err), 0);
    assert_true(s.years == 1 && s.months == 2 && s.days == 3 && s.hours == 4);
    assert_true(span_is_set(&s));
    assert_int_equal(span_parse("0y0d", &s, &err), 0);
    assert_false(span_is_set(&s));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (span_parse(bad[i], &s, &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.msg, bad[i]));
    }
}

static void settings(void **state)
{
    static const char *const bad[] = {"seven", "", "-2", "1.5", "7d", "99999999999"};
    struct retention r = {0};
    struct err err = ERR_INIT;

    (void)state;
    assert_false(retention_is_set(&r));
    assert_int_equal(retention_set(&r, "daily", "7", &err), 0);
    assert_int_equal(r.count[PERIOD_DAILY], 7);
    assert_true(retention_is_set(&r));
    assert_int_equal(retention_set(&r, "daily", "0", &err), 0);
    assert_false(retention_is_set(&r));
    assert_int_equal(retention_set(&r, "last", "unlimited", &err), 0);
    assert_int_equal(r.count[PERIOD_ALL], -1);
    assert_int_equal(retention_set(&r, "within-weekly", "2m", &err), 0);
    assert_int_equal(r.within[PERIOD_WEEKLY].months, 2);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(retention_set(&r, "monthly", bad[i], &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_int_equal(r.count[PERIOD_MONTHLY], 0);
    assert_int_equal(retention_set(&r, "within", "unlimited", &err), -1);
    assert_int_equal(retention_set(&r, "dayly", "7", &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
    assert_non_null(strstr(err.msg, "'daily'"));
    for (enum retention_period p = PERIOD_ALL; p < PERIOD_COUNT; p++) {
        assert_int_equal(retention_set(&r, retention_rule_name(p, false), "1", &err), 0);
        assert_int_equal(r.count[p], 1);
        assert_int_equal(retention_set(&r, retention_rule_name(p, true), "1h", &err), 0);
        assert_int_equal(r.within[p].hours, 1);
    }
}

/* Golden files */

struct times {
    struct strlist text;
    int64_t *t;
};

static FILE *open_fixture(const char *name, const char *suffix, const char *mode)
{
    CLEANUP_FREE char *path = xasprintf("retention/%s%s", name, suffix);
    FILE *f = fopen(path, mode);

    if (!f)
        fail_msg("%s cannot be opened (UPDATE_GOLDEN=1 makes golden files)", path);
    return f;
}

static struct times read_points(const char *name)
{
    CLEANUP_FCLOSE FILE *f = open_fixture(name, ".points", "r");
    struct times ret = {0};
    char line[200];

    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#')
            strlist_add(&ret.text, line);
    }
    ret.t = xcalloc(ret.text.n, sizeof(*ret.t));
    for (size_t i = 0; i < ret.text.n; i++)
        ret.t[i] = at(ret.text.items[i]);
    return ret;
}

/* One case's verdicts as text; caller frees. */
static char *case_text(const char *zone_name, const char *points, const char *rule_text)
{
    struct retention r = rules(rule_text);
    struct zone *zone = zone_named(zone_name);
    struct times times = read_points(points);
    struct retention_verdict *v = NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    retention_apply(&r, zone, times.t, times.text.n, at(NOW), &v);
    for (size_t i = 0; i < times.text.n; i++)
        fprintf(out, "%s\t%s\t%s\n", times.text.items[i], v[i].keep ? "keep" : "prune",
                v[i].reasons);
    fclose(out);
    retention_verdicts_free(v, times.text.n);
    strlist_done(&times.text);
    free(times.t);
    zone_free(zone);
    return text;
}

static void compare_golden(const char *name, const char *text)
{
    CLEANUP_FREE char *wanted = NULL;
    CLEANUP_FCLOSE FILE *f = NULL;
    size_t size = 0;

    if (getenv("UPDATE_GOLDEN")) {
        f = open_fixture(name, ".golden", "w");
        fputs(text, f);
        return;
    }
    f = open_fixture(name, ".golden", "r");
    if (strcmp(getdelim(&wanted, &size, '\0', f) < 0 ? "" : wanted, text) != 0)
        fail_msg("%s: differs from its golden file; it says now:\n%s", name, text);
}

static void golden(void **state)
{
    CLEANUP_FCLOSE FILE *f = open_fixture("cases", "", "r");
    char line[400], name[80], zone[80], points[80];
    size_t cases = 0;

    (void)state;
    while (fgets(line, sizeof(line), f)) {
        CLEANUP_FREE char *text = NULL;
        int used = 0;

        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%79s %79s %79s %n", name, zone, points, &used), 3);
        text = case_text(zone, points, line + used);
        compare_golden(name, text);
        cases++;
    }
    assert_true(cases > 30);
}

/* retention_plan */

static struct point *add_point(struct point_list *l, const char *id, const char *time,
                               const char *parent)
{
    struct point *p = VEC_ADD(l);
    struct point_disk *d;

    p->id = xstrdup(id);
    p->created = at(time);
    p->parent = xstrdup(parent);
    p->level = parent ? LEVEL_INCREMENTAL : LEVEL_FULL;
    d = VEC_ADD(&p->disks);
    d->name = xstrdup("vda");
    d->backing = xstrdup(parent);
    return p;
}

/* wanted: "keep|hold|prune REASONS" for each point, in the list's order. */
static const char *unseen; /* the point that is not seen whole; NULL: all are */

static void expect_plan(struct point_list *l, const char *rule_text, const char *const *wanted)
{
    CLEANUP_FREE bool *whole = xcalloc(l->n, sizeof(*whole));
    struct retention r = rules(rule_text);
    struct zone *zone = zone_named("UTC");
    struct retention_verdict *v = NULL;

    for (size_t i = 0; i < l->n; i++)
        whole[i] = !unseen || strcmp(l->items[i].id, unseen) != 0;
    retention_plan(&r, zone, l, whole, at(NOW), &v);
    for (size_t i = 0; i < l->n; i++) {
        CLEANUP_FREE char *got = xasprintf("%s %s",
                                           v[i].held   ? "hold"
                                           : v[i].keep ? "keep"
                                                       : "prune",
                                           v[i].reasons);

        assert_string_equal(got, wanted[i]);
        assert_true(v[i].keep || !v[i].held);
    }
    retention_verdicts_free(v, l->n);
    zone_free(zone);
    point_list_done(l);
}

#define EXPECT_PLAN(l, rule_text, ...)                                                             \
    do {                                                                                           \
        static const char *const wanted_[] = {__VA_ARGS__};                                        \
        assert_int_equal((l)->n, ARRAY_LEN(wanted_));                                              \
        expect_plan(l, rule_text, wanted_);                                                        \
    } while (0)

static void plan_holds_chains(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "old", "2026-11-01", NULL);
    add_point(&l, "full", "2026-11-10", NULL);
    add_point(&l, "i1", "2026-11-11", "full");
    add_point(&l, "i2", "2026-11-12", "i1");
    add_point(&l, "side", "2026-11-13", "full");
    EXPECT_PLAN(&l, "last=2", "prune no rule keeps it", "hold side stands on it",
                "hold i2 stands on it", "keep last 2", "keep last 2");
}

/* A pin holds its point, and what that stands on, until it is over; it takes no place in a rule. */
static void plan_keeps_pinned(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "base", "2026-10-01", NULL);
    add_point(&l, "for-ever", "2026-10-02", "base")->pin =
        (struct point_pin){.since = 1, .note = xstrdup("before the upgrade")};
    add_point(&l, "over", "2026-10-03", NULL)->pin = (struct point_pin){1, at(NOW), NULL};
    add_point(&l, "day", "2026-10-04", NULL)->pin =
        (struct point_pin){1, at("2026-12-24"), xstrdup("x")};
    add_point(&l, "minute", "2026-10-05", NULL)->pin =
        (struct point_pin){1, at("2026-11-23T12:01:00Z"), NULL};
    add_point(&l, "damaged", "2026-10-06", NULL)->pin.since = 1;
    l.items[5].state = POINT_DAMAGED;
    add_point(&l, "aside", "2031-01-01", NULL)->pin.since = 1;
    add_point(&l, "going", "2026-10-08", NULL)->pin.since = 1;
    l.items[7].state = POINT_DELETING;
    add_point(&l, "new", "2026-11-22", NULL)->pin.since = 1;
    EXPECT_PLAN(&l, "last=1", "hold for-ever stands on it", "keep pinned (before the upgrade)",
                "prune no rule keeps it", "keep pinned until 2026-12-24 (x)",
                "keep pinned until 2026-11-23 12:01",
                "keep damaged: left for you to decide, pinned",
                "keep set aside: its date lies ahead of the clock, pinned", "prune already let go",
                "keep last 1, pinned");
}

static void plan_holds_by_one_disk(void **state)
{
    struct point_list l = {0};
    struct point_disk *d;
    struct point *p;

    (void)state;
    add_point(&l, "a", "2026-11-10", NULL);
    add_point(&l, "b", "2026-11-11", NULL);
    p = add_point(&l, "c", "2026-11-12", "b");
    d = VEC_ADD(&p->disks);
    d->name = xstrdup("vdb");
    d->backing = xstrdup("a");
    EXPECT_PLAN(&l, "last=1", "hold c stands on it", "hold c stands on it", "keep last 1");
}

static void plan_holds_by_parent_alone(void **state)
{
    struct point_list l = {0};
    struct point *p;

    (void)state;
    add_point(&l, "a", "2026-11-10", NULL);
    p = add_point(&l, "b", "2026-11-11", "a");
    free(p->disks.items[0].backing);
    p->disks.items[0].backing = NULL;
    EXPECT_PLAN(&l, "last=1", "hold b stands on it", "keep last 1");
}

/* Damaged ones and those already let go do not stand in for it. */
static void plan_keeps_newest_good(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "old", "2026-10-01", NULL);
    add_point(&l, "newest", "2026-10-02", NULL);
    add_point(&l, "damaged", "2026-11-22", NULL)->state = POINT_DAMAGED;
    add_point(&l, "going", "2031-01-01", NULL)->state = POINT_DELETING;
    EXPECT_PLAN(&l, "last=1", "prune no rule keeps it", "keep last 1",
                "keep damaged: left for you to decide", "prune already let go");

    add_point(&l, "old", "2026-10-01", NULL);
    add_point(&l, "newest", "2026-10-02", NULL);
    add_point(&l, "damaged", "2026-11-22", NULL)->state = POINT_DAMAGED;
    EXPECT_PLAN(&l, "within=1h", "prune no rule keeps it", "keep within 1h",
                "keep damaged: left for you to decide");
}

/* Of two points of one second the one that was made later is the newer, wherever it is listed. */
static void plan_knows_the_order_of_making(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "first", "2026-10-01", NULL)->job = 8;
    add_point(&l, "second", "2026-10-01", NULL)->job = 9;
    EXPECT_PLAN(&l, "last=1", "prune no rule keeps it", "keep last 1");
    add_point(&l, "second", "2026-10-01", NULL)->job = 9;
    add_point(&l, "first", "2026-10-01", NULL)->job = 8;
    EXPECT_PLAN(&l, "last=1", "keep last 1", "prune no rule keeps it");
}

static void plan_without_rules(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "a", "2026-10-01", NULL);
    add_point(&l, "b", "2026-10-02", "a")->state = POINT_DAMAGED;
    add_point(&l, "c", "2026-10-03", NULL)->state = POINT_DELETING;
    EXPECT_PLAN(&l, "", "keep no rules: everything is kept", "keep damaged: left for you to decide",
                "prune already let go");
    expect_plan(&l, "", NULL);
}

/* An interrupted merge leaves a point in state deleting in the middle of a chain. */
static void plan_looks_through_deleting(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "full", "2026-11-10", NULL);
    add_point(&l, "going", "2026-11-11", "full")->state = POINT_DELETING;
    add_point(&l, "top", "2026-11-12", "going");
    EXPECT_PLAN(&l, "last=1", "hold top stands on it", "prune already let go", "keep last 1");

    add_point(&l, "full", "2026-11-10", NULL);
    add_point(&l, "going", "2026-11-11", "full")->state = POINT_DELETING;
    add_point(&l, "other", "2026-11-12", NULL);
    EXPECT_PLAN(&l, "last=1", "prune no rule keeps it", "prune already let go", "keep last 1");
}

static void plan_damaged_counts_for_no_rule(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "base", "2026-11-01", NULL);
    add_point(&l, "d1", "2026-11-10", "base")->state = POINT_DAMAGED;
    add_point(&l, "a", "2026-11-11", NULL);
    add_point(&l, "d2", "2026-11-12", NULL)->state = POINT_DAMAGED;
    add_point(&l, "b", "2026-11-13", "d2");
    add_point(&l, "e", "2026-11-14", "b");
    EXPECT_PLAN(&l, "last=1", "hold d1 stands on it", "keep damaged: left for you to decide",
                "keep last 1", "keep damaged: left for you to decide",
                "keep it stands on a point that is damaged or missing",
                "keep it stands on a point that is damaged or missing");
}

/* Neither one whose files are gone nor one that nobody has looked at lets another go. */
static void plan_counts_no_ghosts(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "a", "2026-11-10", NULL);
    add_point(&l, "b", "2026-11-11", NULL);
    add_point(&l, "c", "2026-11-12", NULL)->state = POINT_MISSING;
    add_point(&l, "d", "2026-11-13", "c");
    add_point(&l, "e", "2026-11-14", NULL);
    EXPECT_PLAN(&l, "last=2", "prune no rule keeps it", "keep last 2",
                "keep missing: its files may come back",
                "keep it stands on a point that is damaged or missing", "keep last 2");

    unseen = "e";
    add_point(&l, "a", "2026-11-10", NULL);
    add_point(&l, "b", "2026-11-11", NULL);
    add_point(&l, "c", "2026-11-12", NULL);
    add_point(&l, "e", "2026-11-14", NULL);
    EXPECT_PLAN(&l, "last=2", "prune no rule keeps it", "keep last 2", "keep last 2",
                "keep it was not seen whole now: it counts for no rule");
    unseen = NULL;
}

static void plan_of_what_nobody_saw(void **state)
{
    struct retention r = rules("last=1");
    struct zone *zone = zone_named("UTC");
    struct retention_verdict *v = NULL;
    struct point_list l = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        add_point(&l, "x", "2026-11-10", NULL);
    retention_plan(&r, zone, &l, NULL, at(NOW), &v);
    for (size_t i = 0; i < l.n; i++)
        assert_true(v[i].keep);
    retention_verdicts_free(v, l.n);
    zone_free(zone);
    point_list_done(&l);
}

/* Numbers the points in the list's order: that of their making. */
static void number(struct point_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        l->items[i].job = (int64_t)i + 1;
        l->items[i].catalog = xstrdup("a59d85fc");
    }
}

#define AHEAD "set aside: its date lies ahead of the clock"
#define ORDER "set aside: its date does not fit between those made before and after it"
#define UNSET "set aside: the clock was not set when it was made"

/* Now is 2026-11-23. */
static void plan_sets_aside(void **state)
{
    struct point_list l = {0};

    (void)state;
    /* ten years ahead for one backup: it fills no slot */
    add_point(&l, "a", "2026-11-20", NULL);
    add_point(&l, "b", "2026-11-21", "a");
    add_point(&l, "wrong", "2036-11-22", "b");
    add_point(&l, "c", "2026-11-22", NULL);
    number(&l);
    EXPECT_PLAN(&l, "last=1", "hold wrong stands on it", "hold wrong stands on it",
                "keep " AHEAD "; kept until 2036-12-22", "keep last 1");

    /* ... and within counts back from a true date */
    add_point(&l, "a", "2026-11-20", NULL);
    add_point(&l, "wrong", "2036-11-22", NULL);
    add_point(&l, "c", "2026-11-22", NULL);
    number(&l);
    EXPECT_PLAN(&l, "within=7d", "keep within 7d", "keep " AHEAD "; kept until 2036-12-22",
                "keep within 7d");

    /* a dead battery: 30 days after the next true date */
    add_point(&l, "a", "2026-09-01", NULL);
    add_point(&l, "wrong", "1970-01-01 00:05:00", NULL);
    add_point(&l, "b", "2026-09-03", NULL);
    add_point(&l, "wrong too", "1970-01-01 00:05:00", NULL);
    add_point(&l, "c", "2026-11-22", NULL);
    number(&l);
    EXPECT_PLAN(&l, "last=1", "prune no rule keeps it", "prune " UNSET ", and 30 days are over",
                "prune no rule keeps it", "keep " UNSET "; kept until 2026-12-22", "keep last 1");

    /* a day back */
    add_point(&l, "a", "2026-11-19", NULL);
    add_point(&l, "b", "2026-11-20", NULL);
    add_point(&l, "b2", "2026-11-20 06:00:00", NULL);
    add_point(&l, "wrong", "2026-11-19 01:00:00", NULL);
    add_point(&l, "c", "2026-11-22", NULL);
    number(&l);
    EXPECT_PLAN(&l, "last=2", "prune no rule keeps it", "prune no rule keeps it", "keep last 2",
                "keep " ORDER "; kept until 2026-12-22", "keep last 2");

    /* what a true point stands on stays, however long ago it was */
    add_point(&l, "wrong", "2026-09-02", NULL);
    add_point(&l, "a", "2026-09-01", "wrong");
    add_point(&l, "b", "2026-09-03", "a");
    add_point(&l, "c", "2026-09-04", "b");
    number(&l);
    EXPECT_PLAN(&l, "last=1", "hold " ORDER ", and 30 days are over, c stands on it",
                "hold c stands on it", "hold c stands on it", "keep last 1");

    /* without rules everything is kept, and so is the only good one */
    add_point(&l, "wrong", "1970-01-01 00:05:00", NULL);
    add_point(&l, "b", "2026-09-03", NULL);
    number(&l);
    EXPECT_PLAN(&l, "", "keep " UNSET, "keep no rules: everything is kept");
    add_point(&l, "wrong", "2026-09-02", NULL);
    add_point(&l, "b", "2026-09-01", NULL)->state = POINT_DAMAGED;
    number(&l);
    EXPECT_PLAN(&l, "last=1", "keep " ORDER "; kept until 2026-10-02",
                "keep damaged: left for you to decide");
}

/* By a clock that is not set nothing is let go. */
static void plan_waits_for_the_clock(void **state)
{
    struct retention r = rules("last=1");
    struct zone *zone = zone_named("UTC");
    struct retention_verdict *v = NULL;
    struct point_list l = {0};
    const bool whole[] = {true, true, true};

    (void)state;
    add_point(&l, "a", "2026-11-10", NULL);
    add_point(&l, "b", "1970-01-01 00:01:00", NULL);
    add_point(&l, "c", "1970-01-01 00:02:00", NULL);
    number(&l);
    retention_plan(&r, zone, &l, whole, 300, &v);
    for (size_t i = 0; i < l.n; i++) {
        assert_true(v[i].keep);
        assert_string_equal(v[i].reasons, "the clock is not set: nothing is let go");
    }
    retention_verdicts_free(v, l.n);
    zone_free(zone);
    point_list_done(&l);
}

/* Catalogs and manifests may be damaged: unknown parents, rings. */
static void plan_bears_nonsense(void **state)
{
    struct point_list l = {0};

    (void)state;
    add_point(&l, "a", "2026-11-10", "b");
    add_point(&l, "b", "2026-11-11", "a");
    add_point(&l, "c", "2026-11-12", "gone");
    add_point(&l, "d", "2026-11-13", "d");
    EXPECT_PLAN(&l, "last=1", "prune no rule keeps it", "prune no rule keeps it",
                "prune no rule keeps it", "keep last 1");
    add_point(&l, "a", "2026-11-10", "b");
    add_point(&l, "b", "2026-11-11", "a");
    EXPECT_PLAN(&l, "last=1", "hold b stands on it", "keep last 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans),
        cmocka_unit_test(settings),
        cmocka_unit_test(golden),
        cmocka_unit_test(plan_holds_chains),
        cmocka_unit_test(plan_keeps_pinned),
        cmocka_unit_test(plan_holds_by_one_disk),
        cmocka_unit_test(plan_holds_by_parent_alone),
        cmocka_unit_test(plan_keeps_newest_good),
        cmocka_unit_test(plan_knows_the_order_of_making),
        cmocka_unit_test(plan_without_rules),
        cmocka_unit_test(plan_looks_through_deleting),
        cmocka_unit_test(plan_damaged_counts_for_no_rule),
        cmocka_unit_test(plan_bears_nonsense),
        cmocka_unit_test(plan_counts_no_ghosts),
        cmocka_unit_test(plan_of_what_nobody_saw),
        cmocka_unit_test(plan_sets_aside),
        cmocka_unit_test(plan_waits_for_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
