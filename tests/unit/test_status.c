/* SPDX-License-Identifier: MIT
 *
 * What makes a domain protected, at risk or unprotected, and the sentence that says why. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "report/json.h"

#define NOW INT64_C(1800000000)
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

struct given {
    const char *name;
    int64_t rpo, age; /* age -1: no good point */
    int64_t aside;    /* a point so far in the future */
    enum job_outcome outcome;
    const char *job_reason;
    int64_t next_in; /* 0: none */
};

static const struct status_case {
    struct given policies[3];
    const char *problem;
    enum protection want;
    const char *reason;
} cases[] = {
    /* one policy */
    {{{"p", 26 * HOUR, 5 * HOUR + 1200, 0, OUTCOME_SUCCESS, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 5h 20m old, promised 1d 2h"},
    {{{"p", 26 * HOUR, 26 * HOUR, 0, OUTCOME_SUCCESS, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 1d 2h old, promised 1d 2h"},
    {{{"p", 26 * HOUR, 26 * HOUR + 1, 0, OUTCOME_SUCCESS, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point for 1d 2h, promised 1d 2h"},
    /* the last job's failure takes no protection away, its success gives none */
    {{{"p", 26 * HOUR, HOUR, 0, OUTCOME_FAILED, "no space", 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 1h old, promised 1d 2h"},
    {{{"p", 26 * HOUR, 3 * DAY, 0, OUTCOME_SUCCESS, "fine", 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point for 3d, promised 1d 2h"},
    {{{"p", 26 * HOUR, 3 * DAY, 0, OUTCOME_FAILED, "no space", 0}},
     "unreachable",
     PROTECTION_AT_RISK,
     "no good point for 3d, promised 1d 2h; last job 10 failed: no space"},
    {{{"p", 26 * HOUR, 3 * DAY, 0, OUTCOME_SKIPPED, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point for 3d, promised 1d 2h; last job 10 skipped: no reason recorded"},
    {{{"p", 26 * HOUR, -1, 0, OUTCOME_NONE, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point yet, promised 1d 2h"},
    {{{"p", 26 * HOUR, -1, 0, OUTCOME_NONE, NULL, 0}},
     "QMP: no answer",
     PROTECTION_AT_RISK,
     "no good point yet, promised 1d 2h; QMP: no answer"},
    /* clocks: a moment ahead is no age at all, a point from far ahead proves nothing */
    {{{"p", 26 * HOUR, -30, 0, OUTCOME_SUCCESS, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 0s old, promised 1d 2h"},
    {{{"p", 26 * HOUR, -1, 90 * DAY, OUTCOME_SUCCESS, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point yet, promised 1d 2h; the point of 2027-04-15 08:00:00 is set aside, for its "
     "date cannot be right"},
    /* no promise */
    {{{"p", 0, 400 * DAY, 0, OUTCOME_FAILED, "x", 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 400d old, no promise made"},
    {{{"p", 0, -1, 0, OUTCOME_FAILED, "x", 0}},
     NULL,
     PROTECTION_AT_RISK,
     "no good point yet, no promise made; last job 10 failed: x"},
    /* several: every promise must be kept, and what promises nothing spoils nothing */
    {{{"a", 2 * DAY, HOUR, 0, OUTCOME_SUCCESS, NULL, 0}, {"b", 8 * DAY, 7 * DAY, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 7d old, promised 8d"},
    {{{"a", 2 * DAY, HOUR, 0, OUTCOME_SUCCESS, NULL, 0}, {"b", 8 * DAY, 9 * DAY, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "policy b: no good point for 9d, promised 8d"},
    {{{"a", DAY, 2 * DAY, 0, 0, NULL, 0}, {"b", DAY, -1, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "policy a: no good point for 2d, promised 1d; policy b: no good point yet, promised 1d"},
    {{{"a", 2 * DAY, HOUR, 0, 0, NULL, 0}, {"b", 0, -1, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 1h old, promised 2d"},
    {{{"a", 0, -1, 0, 0, NULL, 0}, {"b", 0, 3 * DAY, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_GOOD,
     "newest good point is 3d old, no promise made"},
    {{{"a", 0, -1, 0, 0, NULL, 0}, {"b", 2 * DAY, 3 * DAY, 0, 0, NULL, 0}},
     NULL,
     PROTECTION_AT_RISK,
     "policy b: no good point for 3d, promised 2d"},
    /* none */
    {{{0}}, NULL, PROTECTION_NONE, "no policy selects it"},
};

static void add_policy(struct status_domain *d, const struct given *g)
{
    struct status_policy *p = VEC_ADD(&d->policies);

    p->name = xstrdup(g->name);
    p->rpo = g->rpo;
    p->last_good = g->age == -1 ? 0 : NOW - g->age;
    p->aside = g->aside ? NOW + g->aside : 0;
    p->next_run = g->next_in ? NOW + g->next_in : 0;
    if (g->outcome != OUTCOME_NONE)
        p->last_job = (struct status_job){10, g->outcome, xstrdup(g->job_reason), NOW - HOUR};
}

static struct status_domain *add_domain(struct status *s, const struct status_case *c)
{
    struct status_domain *d = VEC_ADD(&s->domains);

    d->host = xstrdup("lab");
    d->domain = xstrdup("web01");
    d->problem = xstrdup(c->problem);
    for (size_t i = 0; i < ARRAY_LEN(c->policies) && c->policies[i].name; i++)
        add_policy(d, &c->policies[i]);
    return d;
}

static void judges_by_age(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status s = {.now = NOW};
        const struct status_domain *d = add_domain(&s, &cases[i]);

        status_judge(&s);
        if (d->protection != cases[i].want || strcmp(d->reason, cases[i].reason) != 0)
            fail_msg("case %zu: %s: %s", i, protection_name(d->protection), d->reason);
        assert_int_equal(status_is_good(&s), cases[i].want == PROTECTION_GOOD);
        status_done(&s);
    }
}

static void takes_the_strictest_promise_and_the_first_run(void **state)
{
    const struct status_case c = {.policies = {{"a", 8 * DAY, HOUR, 0, OUTCOME_SUCCESS, NULL, DAY},
                                               {"b", 0, HOUR, 0, 0, NULL, HOUR},
                                               {"c", 2 * DAY, HOUR, 0, 0, NULL, 0}}};
    struct status s = {.now = NOW};
    const struct status_domain *d = add_domain(&s, &c);

    (void)state;
    status_judge(&s);
    assert_int_equal(d->rpo, 2 * DAY);
    assert_int_equal(d->next_run, NOW + HOUR);
    assert_int_equal(status_last_job(d)->id, 10);
    status_done(&s);
}

static void a_warning_is_something_to_look_at(void **state)
{
    struct status s = {.now = NOW};

    (void)state;
    assert_true(status_is_good(&s));
    strlist_add(&s.warnings, "policy x: matches no domain");
    assert_false(status_is_good(&s));
    status_done(&s);
}

/* Every promise is kept, and an administrator may not sleep. */
static void damage_is_trouble(void **state)
{
    static const struct status_case kept = {
        .policies = {{"p", 26 * HOUR, 5 * HOUR, 0, OUTCOME_SUCCESS, NULL, 0}}};
    struct status s = {.now = NOW};
    struct status_domain *d = add_domain(&s, &kept);
    struct status_repository *r = VEC_ADD(&s.repositories);

    (void)state;
    status_judge(&s);
    assert_false(status_has_trouble(&s));
    r->problem = xstrdup("not mounted");
    assert_true(status_has_trouble(&s));
    free(r->problem);
    r->problem = NULL;
    d->bad_points = xstrdup("a point is missing: x");
    assert_true(status_has_trouble(&s));
    assert_true(status_is_good(&s));
    status_done(&s);
}

/* However long the stored texts are. */
static void cuts_reasons_that_are_too_long(void **state)
{
    char text[ERR_MSG_MAX];
    const struct given g = {"p", DAY, -1, 0, OUTCOME_FAILED, text, 0};
    const struct status_case c = {.policies = {g, g, g}};
    struct status s = {.now = NOW};
    const struct status_domain *d;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    d = add_domain(&s, &c);
    status_judge(&s);
    assert_int_equal(strlen(d->reason), STATUS_REASON_MAX - 1);
    status_done(&s);
}

static void json_has_null_for_what_is_not_there(void **state)
{
    const struct status_case none = {.policies = {{0}}};
    struct status s = {.now = NOW};
    json_t *json, *domain, *repository;

    (void)state;
    s.daemon.problem = xstrdup("down");
    add_domain(&s, &none);
    VEC_ADD(&s.repositories)->name = xstrdup("main");
    status_judge(&s);
    json = report_status_json(&s);
    domain = json_array_get(json_object_get(json, "domains"), 0);
    repository = json_array_get(json_object_get(json, "repositories"), 0);
    assert_true(json_is_false(json_object_get(json_object_get(json, "daemon"), "running")));
    assert_true(json_is_false(json_object_get(domain, "protected")));
    assert_true(json_is_null(json_object_get(domain, "last_point")));
    assert_true(json_is_null(json_object_get(domain, "next_run")));
    assert_true(json_is_null(json_object_get(domain, "rpo_seconds")));
    assert_true(json_is_null(json_object_get(domain, "last_job")));
    assert_int_equal(json_array_size(json_object_get(domain, "policies")), 0);
    assert_true(json_is_null(json_object_get(repository, "free")));
    assert_true(json_is_array(json_object_get(json, "warnings")));
    json_decref(json);
    status_done(&s);
}

static void json_takes_text_of_any_bytes(void **state)
{
    json_t *json = report_json_text("a\xff\xc3z\xc3\xa4\n");

    (void)state;
    assert_string_equal(json_string_value(json), "a??z\xc3\xa4?");
    json_decref(json);
}

/* An array that is printed item by item is the same as one that was built first. */
static void json_streams_as_it_prints(void **state)
{
    for (size_t n = 0; n < 3; n++) {
        CLEANUP_FREE char *whole = NULL;
        CLEANUP_FREE char *stream = NULL;
        json_t *all = json_array();
        size_t len;
        FILE *out = open_memstream(&stream, &len);
        struct report_json_array a = {.out = out};

        for (size_t i = 0; i < n; i++) {
            json_t *item = json_pack("{s:s, s:[], s:[{s:i}, s], s:{}}", "text", "a\n  b", "none",
                                     "some", "n", (int)i, "x", "empty");

            json_array_append(all, item);
            report_json_add(&a, item);
        }
        report_json_end(&a);
        fclose(out);
        out = open_memstream(&whole, &len);
        report_json_print(all, out);
        fclose(out);
        assert_string_equal(stream, whole);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_by_age),
        cmocka_unit_test(takes_the_strictest_promise_and_the_first_run),
        cmocka_unit_test(a_warning_is_something_to_look_at),
        cmocka_unit_test(damage_is_trouble),
        cmocka_unit_test(cuts_reasons_that_are_too_long),
        cmocka_unit_test(json_has_null_for_what_is_not_there),
        cmocka_unit_test(json_takes_text_of_any_bytes),
        cmocka_unit_test(json_streams_as_it_prints),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
