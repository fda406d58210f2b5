/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/copying.h"

#define DAY INT64_C(86400)
#define FIRST                                                                                      \
    INT64_C(1893456000) /* 2030-01-01: before this program was made no clock is believed */

/* "a b>a c>b!": a full, an increment on it, one on that which is damaged, one a day.  A space more
 * is a day without. */
static void make_points(const char *text, struct point_list *ret)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    char *rest = copy, *word;

    for (int64_t day = 0; (word = strsep(&rest, " ")); day++) {
        struct point *p;
        struct point_disk *d;
        char *below = strchr(word, '>'), *bad = strchr(word, '!');

        if (!*word)
            continue;
        if (bad)
            *bad = '\0';
        if (below)
            *below++ = '\0';
        p = VEC_ADD(ret);
        p->id = xstrdup(word);
        p->created = FIRST + day * DAY;
        p->job = day + 1;
        p->state = bad ? POINT_DAMAGED : POINT_GOOD;
        p->parent = xstrdup(below);
        p->level = below ? LEVEL_INCREMENTAL : LEVEL_FULL;
        d = VEC_ADD(&p->disks);
        d->name = xstrdup("vda");
        d->backing = xstrdup(below);
        d->capacity = 1000;
        d->bytes = below ? 10 : 500;
    }
}

/* "a@0 b@1": copies of those, of these days. */
static void make_copies(const char *text, struct point_list *ret)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    char *rest = copy, *word;

    while ((word = strsep(&rest, " "))) {
        char *day = strchr(word, '@');
        struct point *p;

        if (!day)
            continue;
        *day = '\0';
        p = VEC_ADD(ret);
        p->id = xasprintf("copy-%s", word);
        p->copy_of = xstrdup(word);
        p->created = FIRST + atoi(day + 1) * DAY;
        VEC_ADD(&p->disks)->name = xstrdup("vda");
    }
}

/* "a:- b:a c:+copy-b": of which, on which; "(b)" for one that is carried. */
static char *plan(const char *points_text, const char *copies_text, const char *keep,
                  uint64_t *ret_bytes)
{
    CLEANUP(point_list_done) struct point_list points = {0}, copies = {0};
    struct copy_step_list steps = {0};
    struct retention rules = {0};
    struct zone *zone = NULL;
    struct err err = ERR_INIT;
    char *ret = xstrdup("");

    make_points(points_text, &points);
    make_copies(copies_text, &copies);
    if (keep) {
        CLEANUP_FREE char *rule = xstrdup(keep);
        char *value = strchr(rule, '=');

        *value = '\0';
        assert_int_equal(retention_set(&rules, rule, value + 1, &err), 0);
    }
    assert_int_equal(zone_open("UTC", &zone, &err), 0);
    copying_plan(&(struct copying_rules){&rules, zone, FIRST + 100 * DAY}, &points, &copies,
                 &steps);
    *ret_bytes = 0;
    for (size_t i = 0; i < steps.n; i++) {
        const struct copy_step *s = &steps.items[i];
        char *longer = xasprintf("%s%s%s%s%s:%s%s", ret, i ? " " : "", s->carried ? "(" : "",
                                 s->of->id, s->carried ? ")" : "", s->on ? "+" : "",
                                 s->after ? s->after->id
                                 : s->on  ? s->on->id
                                          : "-");

        free(ret);
        ret = longer;
        *ret_bytes += s->bytes;
    }
    free(steps.items);
    zone_free(zone);
    return ret;
}

static void plans(void **state)
{
    static const struct {
        const char *what, *points, *copies, *keep, *plan;
        uint64_t bytes;
    } cases[] = {
        {"all of a chain, oldest first", "a b>a c>b", "", NULL, "a:- b:a c:b", 520},
        {"nothing is left", "a b>a", "a@0 b@1", NULL, "", 0},
        {"what is new stands on what is there", "a b>a c>b", "a@0 b@1", NULL, "c:+copy-b", 10},
        {"two chains", "a b>a c d>c", "a@0", NULL, "b:+copy-a c:- d:c", 520},
        {"only what the rules would keep", "a b>a c>b d>c", "", "last=1", "d:-", 530},
        {"what lies between comes first", "a b>a c>b d>c", "a@0", "last=1", "(b):+copy-a (c):b d:c",
         30},
        {"one that is not wanted any more is not copied again", "a b>a c>b", "c@2", "last=1", "",
         0},
        {"its base was merged away there: the copy of that does", "a   d>a e>d", "a@0 b@1 c@2",
         "last=9", "d:+copy-a e:d", 20},
        {"and the newest of these, where it has gone in both", "a   d>a", "b@1 c@2", "last=1",
         "d:+copy-c", 10},
        {"what is of before its base is no base", "  c d>c", "a@0", "last=1", "d:-", 510},
        {"what is damaged is not copied, nor what stands on it", "a b>a! c>b d", "", NULL,
         "a:- d:-", 1000},
        {"a full in between is wanted by itself", "a b>a c", "a@0", "last=1", "c:-", 500},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t bytes;
        CLEANUP_FREE char *got = plan(cases[i].points, cases[i].copies, cases[i].keep, &bytes);

        if (strcmp(got, cases[i].plan) != 0 || bytes != cases[i].bytes)
            fail_msg("%s: %s (%llu) instead of %s (%llu)", cases[i].what, got,
                     (unsigned long long)bytes, cases[i].plan, (unsigned long long)cases[i].bytes);
    }
}

static void due(void **state)
{
    struct point p = {.created = FIRST};
    struct copy_step step = {.of = &p};
    struct copy_step_list steps = {&step, 1, 1}, none = {0};
    struct calspec_list schedule = {0};
    struct zone *zone = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(zone_open("UTC", &zone, &err), 0);
    assert_int_equal(copying_due_time(&none, &schedule, zone), 0);
    assert_int_equal(copying_due_time(&steps, &schedule, zone), FIRST);
    assert_int_equal(calspec_parse("*-*-* 06:00", VEC_ADD(&schedule), &err), 0);
    assert_int_equal(copying_due_time(&steps, &schedule, zone), FIRST + DAY / 4);
    p.created = FIRST + DAY / 2;
    assert_int_equal(copying_due_time(&steps, &schedule, zone), FIRST + DAY + DAY / 4);
    calspec_free(schedule.items[0]);
    free(schedule.items);
    zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans), cmocka_unit_test(due)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
