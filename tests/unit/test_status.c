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
     "newest good point is 1h old, promised 1d 2h; last job 10 failed: no space"},
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
     "newest good point is 400d old, no promise made; last job 10 failed: x"},
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
        p->last_job =
            (struct status_job){10, g->outcome, xstrdup(g->job_reason), NOW - 2 * HOUR, NOW - HOUR};
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
        assert_int_equal(status_severity(&s),
                         cases[i].want == PROTECTION_GOOD ? SEVERITY_NOTE : SEVERITY_RISK);
        status_done(&s);
    }
}

/* Who had points and can restore none is not told that there have been none yet. */
static void says_that_no_point_is_left(void **state)
{
    const struct status_case c = {.policies = {{"p", 26 * HOUR, -1, 0, OUTCOME_SUCCESS, NULL, 0}}};
    struct status s = {.now = NOW};
    struct status_domain *d = add_domain(&s, &c);

    (void)state;
    d->policies.items[0].last_bad = NOW - HOUR;
    status_judge(&s);
    assert_string_equal(d->reason, "no good point is left, promised 1d 2h; the newest, of "
                                   "2027-01-15 07:00:00, cannot be restored");
    assert_int_equal(d->protection, PROTECTION_AT_RISK);
    assert_int_equal(status_severity(&s), SEVERITY_RISK);
    status_done(&s);
}

/* Nor he whose points lie in a second repository still. */
static void says_where_good_copies_lie(void **state)
{
    const struct status_case c = {.policies = {{"p", 26 * HOUR, -1, 0, OUTCOME_SUCCESS, NULL, 0}}};
    struct status s = {.now = NOW};
    struct status_domain *d = add_domain(&s, &c);
    struct status_policy *p = &d->policies.items[0];
    char *advice;

    (void)state;
    p->repository = xstrdup("main");
    *VEC_ADD(&p->copies) = (struct status_copies){.repository = xstrdup("empty")};
    *VEC_ADD(&p->copies) =
        (struct status_copies){.repository = xstrdup("off"), .points = 2, .last = NOW - HOUR};
    status_judge(&s);
    assert_string_equal(d->reason,
                        "no good point is left in repository main, promised 1d 2h; repository off "
                        "has 2 good copies, the newest of 2027-01-15 07:00:00");
    assert_int_equal(d->protection, PROTECTION_AT_RISK);
    assert_int_equal(p->reasons.items[0].code, REASON_NO_POINT);
    advice = p->reasons.items[0].advice;
    assert_non_null(strstr(advice, "`vmkeep run lab/web01`"));
    assert_non_null(strstr(advice, "`vmkeep restore lab/web01 --to DIR` takes the newest copy"));
    status_done(&s);
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
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    reason_add(&s.warnings, REASON_POLICY_IDLE, NULL, "policy x: matches no domain");
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    status_done(&s);
}

static bool has_code(const struct reason_list *l, enum reason_code code)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].code == code)
            return true;
    return false;
}

/* A key that is lost is put back; nothing is to be mounted. */
static void what_to_do_about_a_repository(void **state)
{
    static const struct {
        const char *key, *problem, *advice;
    } problems[] = {
        {NULL, "not mounted", "mount it"},
        {"/etc/far.key", "/srv/far: not mounted", "mount it"},
        {"/etc/far.key", "the key of repository /srv/far: /etc/far.key: No such file or directory",
         "put its key back"},
        {"/etc/far.key", "/srv/far: the key in /etc/far.key (secret 'far') is not the key of it",
         "put its key back"},
        {NULL, "/srv/far: holds encrypted points, and no key was given for it", "name its key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
        struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};
        struct status_repository *r = VEC_ADD(&s.repositories);

        *r = (struct status_repository){.name = xstrdup("far"),
                                        .key = xstrdup(problems[i].key),
                                        .problem = xstrdup(problems[i].problem)};
        status_judge(&s);
        assert_int_equal(r->reasons.n, 1);
        if (!strstr(r->reasons.items[0].advice, problems[i].advice))
            fail_msg("%s: %s", problems[i].problem, r->reasons.items[0].advice);
        status_done(&s);
    }
}

/* What spoils the sleep of an administrator although every promise is kept, one at a time. */
static void what_must_be_acted_on(void **state)
{
    static const struct status_case kept = {
        .policies = {{"p", 26 * HOUR, 5 * HOUR, 0, OUTCOME_SUCCESS, NULL, HOUR}}};
    static const enum reason_code codes[] = {
        REASON_REPOSITORY,  REASON_READ_ONLY,     REASON_FULL,           REASON_DIFFERENCE,
        REASON_POINTS_BAD,  REASON_FROZEN,        REASON_DISK_FORGOTTEN, REASON_UNREACHABLE,
        REASON_DAEMON_DOWN, REASON_DAEMON_SILENT, REASON_CATALOG};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        enum reason_code code = codes[i];
        struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};
        struct status_domain *d = add_domain(&s, &kept);
        struct status_repository *r = VEC_ADD(&s.repositories);
        CLEANUP_FREE char *summary = NULL;

        *r = (struct status_repository){.name = xstrdup("main"),
                                        .has_space = true,
                                        .free = 10 << 20,
                                        .reserve = (code == REASON_FULL ? 11 : 10) << 20};
        if (code == REASON_REPOSITORY)
            r->problem = xstrdup("not mounted");
        r->read_only = code == REASON_READ_ONLY;
        if (code == REASON_DIFFERENCE)
            r->difference = xstrdup("2 points more");
        if (code == REASON_POINTS_BAD)
            d->bad_points = xstrdup("a point is missing: x");
        d->frozen_since = code == REASON_FROZEN ? NOW : 0;
        if (code == REASON_DISK_FORGOTTEN)
            *VEC_ADD(&d->left_out) = (struct status_left_out){xstrdup("vdb"), LEFT_OUT_UNSELECTED,
                                                              xstrdup("none selects it")};
        if (code == REASON_UNREACHABLE) {
            d->state = xstrdup("unreachable");
            d->problem = xstrdup("QMP: no answer");
        }
        if (code == REASON_DAEMON_DOWN || code == REASON_DAEMON_SILENT) {
            s.daemon.running = false;
            s.daemon.problem = xstrdup("it is down");
            s.daemon.error = code == REASON_DAEMON_SILENT ? ERR_TIMEOUT : ERR_REMOTE;
        }
        if (code == REASON_CATALOG)
            s.daemon.catalog_problem = xstrdup("no space");
        status_judge(&s);
        if (status_severity(&s) != SEVERITY_ACT || d->protection != PROTECTION_GOOD)
            fail_msg("%s: severity %s", reason_name(code), severity_name(status_severity(&s)));
        assert_true(has_code(&r->reasons, code) || has_code(&d->reasons, code) ||
                    has_code(&s.daemon.reasons, code));
        summary = status_summary(&s);
        assert_true(strncmp(summary, "ACT: 1 domain protected; ", 25) == 0);
        status_done(&s);
    }
}

/* A catalog that was lost knows none of the points that there are: a run would begin anew. */
static void a_catalog_that_was_lost(void **state)
{
    static const struct status_case none = {.policies = {{"p", DAY, -1, 0, OUTCOME_NONE, NULL, 0}}};
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - HOUR}};
    struct status_domain *d = add_domain(&s, &none);
    struct status_repository *r = VEC_ADD(&s.repositories);

    (void)state;
    d->policies.items[0].repository = xstrdup("main");
    *r =
        (struct status_repository){.name = xstrdup("main"), .difference = xstrdup("9 points more")};
    status_judge(&s);
    assert_string_equal(r->reasons.items[0].advice, STATUS_DIFFERENCE_ADVICE);
    assert_non_null(strstr(d->policies.items[0].reasons.items[0].advice,
                           "first of all `vmkeep rebuild-catalog`: repository main has points"));
    status_done(&s);
}

/* What lies there is not known, which says nothing of the catalog, and is said once. */
static void a_repository_that_could_not_be_looked_at(void **state)
{
    static const struct status_case none = {.policies = {{"p", DAY, -1, 0, OUTCOME_NONE, NULL, 0}}};
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - HOUR}};
    struct status_domain *d = add_domain(&s, &none);
    struct status_repository *r = VEC_ADD(&s.repositories);

    (void)state;
    d->policies.items[0].repository = xstrdup("main");
    *r = (struct status_repository){
        .name = xstrdup("main"),
        .problem = xstrdup("/r: holds repository 2, not 1"),
        .difference = xstrdup(
            "whose points are there could not be found out: /r: holds repository 2, not 1")};
    status_judge(&s);
    assert_int_equal(r->reasons.n, 1);
    assert_string_equal(r->reasons.items[0].text, "/r: holds repository 2, not 1");
    assert_string_equal(d->policies.items[0].reasons.items[0].advice, "`vmkeep run lab/web01`");
    status_done(&s);
}

/* Whatever there is to act on says what to do. */
static void note_advice(void *arg, const struct status_about *about, const struct reason *r)
{
    size_t *n = arg;

    (void)about;
    if (r->severity == SEVERITY_NOTE || r->code == REASON_OVERDUE)
        return;
    if (!r->advice)
        fail_msg("%s: no advice", reason_name(r->code));
    ++*n;
}

static void says_what_to_do(void **state)
{
    static const struct status_case cases_[] = {
        {.policies = {{"p", DAY, 2 * DAY, 0, OUTCOME_FAILED, "x", 0}}},
        {.policies = {{"p", DAY, -1, 0, OUTCOME_NONE, NULL, 0}}, .problem = "shut off"},
        {.policies = {{"p", DAY, -1, 0, OUTCOME_NONE, NULL, 0}}},
        {.policies = {{0}}}};
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - HOUR}};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases_); i++)
        add_domain(&s, &cases_[i]);
    s.domains.items[0].bad_points = xstrdup("a point is missing: x");
    status_judge(&s);
    status_reasons(&s, note_advice, &n);
    assert_int_equal(n, 5);
    assert_string_equal(s.domains.items[0].policies.items[0].reasons.items[0].advice,
                        "mend what job 10 says (`vmkeep explain 10`), then `vmkeep run lab/web01`");
    status_done(&s);
}

/* A daemon that cannot start is not to be started. */
static void a_broken_configuration_comes_first(void **state)
{
    struct status s = {.now = NOW};
    CLEANUP_FREE char *summary = NULL;

    (void)state;
    s.daemon.problem = xstrdup("it is down");
    s.daemon.error = ERR_REMOTE;
    reason_add(&s.warnings, REASON_CONFIG_BROKEN, "mend it", "broken");
    status_judge(&s);
    assert_int_equal(strncmp(s.daemon.reasons.items[0].advice, "first mend the configuration", 28),
                     0);
    summary = status_summary(&s);
    assert_string_equal(summary, "ACT: no domains are known; vmkeepd is not running; 1 more thing "
                                 "to see to: configuration");
    status_done(&s);
}

/* Left out on purpose, and gone, are told and are no finding; of no policy is one. */
static void left_out_and_gone_are_no_finding(void **state)
{
    const struct status_case none = {.policies = {{0}}};
    struct status s = {.now = NOW};
    struct status_counts n;
    CLEANUP_FREE char *summary = NULL;

    (void)state;
    add_domain(&s, &none)->left_out_on_purpose = true;
    add_domain(&s, &none)->gone = true;
    s.domains.items[1].points = 1;
    s.domains.items[1].last_point = NOW - DAY;
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    assert_string_equal(protection_name(s.domains.items[0].protection), "left out");
    assert_string_equal(protection_name(s.domains.items[1].protection), "gone");
    assert_non_null(strstr(s.domains.items[1].reason, "1 point of it is kept, the newest of "));
    n = status_count(&s);
    assert_int_equal(n.domains[PROTECTION_LEFT_OUT], 1);
    status_counts_done(&n);
    summary = status_summary(&s);
    assert_string_equal(summary, "OK: 1 domain left out, 1 gone");
    status_done(&s);
}

/* A failure is told; it must be acted on when the next run comes too late for the promise. */
static void a_failure_matters_when_the_next_run_is_too_late(void **state)
{
    const struct status_case soon = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_FAILED, "x", HOUR}}},
                             late = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_FAILED, "x", DAY}}},
                             fine = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR}}};
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};

    (void)state;
    add_domain(&s, &soon);
    add_domain(&s, &fine);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    assert_true(has_code(&s.domains.items[0].policies.items[0].reasons, REASON_JOB_FAILED));
    status_done(&s);
    s = (struct status){.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};
    add_domain(&s, &late);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    assert_string_equal(s.domains.items[0].policies.items[0].reasons.items[2].text,
                        "the promise breaks in 23h, before the next run");
    s.domains.items[0].policies.items[0].active = 11;
    reason_list_done(&s.domains.items[0].policies.items[0].reasons);
    free(s.domains.items[0].reason);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
}

static struct status gather_one(const struct status_case *c)
{
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};

    add_domain(&s, c);
    return s;
}

/* A schedule that was changed, say: nothing has failed yet, and the promise will break. */
static void a_run_that_comes_too_late_matters(void **state)
{
    const struct status_case late = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", DAY}}},
                             fine = {.policies = {{"p", DAY, 0, 0, OUTCOME_SUCCESS, "", DAY}}},
                             by_hand = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", 0}}};
    struct status s = gather_one(&late);

    (void)state;
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    assert_true(has_code(&s.domains.items[0].policies.items[0].reasons, REASON_BREAKS_SOON));
    assert_non_null(strstr(s.domains.items[0].policies.items[0].reasons.items[1].advice,
                           "schedule and its rpo"));
    status_done(&s);
    s = gather_one(&fine);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
    s = gather_one(&by_hand);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
}

/* It promises nothing, but it has tried, and has nothing. */
static void one_without_a_promise_has_never_made_a_point(void **state)
{
    const struct status_case tried = {.policies = {{"a", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR},
                                                   {"b", 0, -1, 0, OUTCOME_FAILED, "x", DAY}}},
                             first = {.policies = {{"a", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR},
                                                   {"b", 0, -1, 0, OUTCOME_NONE, NULL, DAY}}};
    struct status s = gather_one(&tried);

    (void)state;
    status_judge(&s);
    assert_int_equal(s.domains.items[0].protection, PROTECTION_GOOD);
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    assert_non_null(s.domains.items[0].policies.items[1].reasons.items[0].advice);
    status_done(&s);
    s = gather_one(&first);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
}

/* It was renamed, perhaps. */
static void a_former_policy_is_named(void **state)
{
    const struct status_case none = {.policies = {{"new", DAY, -1, 0, OUTCOME_NONE, NULL, HOUR}}};
    struct status s = gather_one(&none);
    const struct reason_list *l = &s.domains.items[0].policies.items[0].reasons;

    (void)state;
    s.domains.items[0].policies.items[0].former = xstrdup("old");
    s.domains.items[0].policies.items[0].former_last = NOW - DAY;
    status_judge(&s);
    assert_int_equal(l->items[1].code, REASON_POLICY_RENAMED);
    assert_non_null(strstr(l->items[1].text, "newest point of policy old"));
    assert_non_null(strstr(l->items[1].advice, "--domain lab/web01 --policy old"));
    status_done(&s);
}

/* It has no descriptor, or no place, for who asks: nobody is to start another one. */
static void a_busy_daemon_is_not_down(void **state)
{
    const struct status_case kept = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR}}};
    struct status s = gather_one(&kept);

    (void)state;
    s.daemon.running = false;
    s.daemon.problem = xstrdup("the daemon has no file descriptors left; try again later");
    s.daemon.error = ERR_BUSY;
    status_judge(&s);
    assert_int_equal(s.daemon.reasons.n, 1);
    assert_int_equal(s.daemon.reasons.items[0].code, REASON_DAEMON_SILENT);
    status_done(&s);
}

/* Its QEMU has died, or was shut down: the configuration could have it backed up all the same. */
static void shut_off_without_images(void **state)
{
    const struct status_case kept = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR}},
                                     .problem = "connect /x.qmp: Connection refused"},
                             none = {.policies = {{0}}};
    struct status s = gather_one(&kept);

    (void)state;
    s.domains.items[0].needs_images = true;
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    assert_int_equal(s.domains.items[0].reasons.items[0].code, REASON_SHUT_OFF);
    assert_int_equal(s.domains.items[0].reasons.n, 1);
    status_done(&s);
    s = gather_one(&none);
    s.domains.items[0].needs_images = s.domains.items[0].left_out_on_purpose = true;
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
}

/* What is in a repository that is away was good when it was seen last. */
static void points_that_are_away_are_not_known_to_be_good(void **state)
{
    const struct status_case kept = {.policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, "", HOUR}}};
    struct status s = gather_one(&kept);
    struct status_repository *r = VEC_ADD(&s.repositories);

    (void)state;
    s.domains.items[0].policies.items[0].repository = xstrdup("main");
    *r = (struct status_repository){.name = xstrdup("main"), .problem = xstrdup("not mounted")};
    status_judge(&s);
    assert_true(has_code(&s.domains.items[0].policies.items[0].reasons, REASON_POINTS_AWAY));
    assert_int_equal(s.domains.items[0].protection, PROTECTION_GOOD);
    status_done(&s);
}

static void the_catalog_cannot_be_written_since(void **state)
{
    struct status s = {.now = NOW, .daemon = {.running = true, .catalog_since = NOW - HOUR}};

    (void)state;
    s.daemon.catalog_problem = xstrdup("disk full");
    status_judge(&s);
    assert_non_null(
        strstr(s.daemon.reasons.items[0].text, "its catalog since 2027-01-15 07:00:00"));
    status_done(&s);
}

/* While the daemon runs a run begins when it is due, or something is wrong. */
static void a_run_that_does_not_begin_is_overdue(void **state)
{
    const struct status_case due = {
        .policies = {{"p", DAY, HOUR, 0, OUTCOME_SUCCESS, NULL, -HOUR}}};
    struct status s = {.now = NOW, .daemon = {.running = true, .started = NOW - 10}};

    (void)state;
    add_domain(&s, &due);
    status_judge(&s);
    assert_int_equal(status_severity(&s), SEVERITY_NOTE);
    status_done(&s);
    s = (struct status){.now = NOW, .daemon = {.running = true, .started = NOW - DAY}};
    add_domain(&s, &due);
    status_judge(&s);
    assert_true(has_code(&s.domains.items[0].policies.items[0].reasons, REASON_OVERDUE));
    assert_int_equal(status_severity(&s), SEVERITY_ACT);
    status_done(&s);
}

/* Each says what it promises and has; what promises nothing beside one that does is no finding. */
static void policies_are_judged_by_themselves(void **state)
{
    const struct status_case c = {.policies = {{"a", 2 * DAY, HOUR, 0, OUTCOME_SUCCESS, "", 0},
                                               {"b", 8 * DAY, 9 * DAY, 0, OUTCOME_FAILED, "x", 0},
                                               {"c", 0, -1, 0, 0, NULL, DAY}}};
    struct status s = {.now = NOW};
    json_t *json, *domain, *policies, *p;

    (void)state;
    add_domain(&s, &c);
    status_judge(&s);
    json = report_status_json(&s);
    domain = json_array_get(json_object_get(json, "domains"), 0);
    policies = json_object_get(domain, "policies");
    assert_int_equal(json_array_size(policies), 3);
    p = json_array_get(policies, 0);
    assert_true(json_is_true(json_object_get(p, "protected")));
    assert_string_equal(json_string_value(json_object_get(p, "last_point")),
                        "2027-01-15T07:00:00Z");
    p = json_array_get(policies, 1);
    assert_true(json_is_false(json_object_get(p, "protected")));
    assert_int_equal(json_integer_value(json_object_get(p, "rpo_seconds")), 8 * DAY);
    p = json_array_get(json_object_get(p, "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(p, "code")), "too-old");
    assert_string_equal(json_string_value(json_object_get(p, "severity")), "risk");
    p = json_array_get(json_object_get(json_array_get(policies, 2), "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(p, "code")), "no-point");
    assert_string_equal(json_string_value(json_object_get(p, "severity")), "note");
    p = json_array_get(json_object_get(json, "reasons"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "reasons")), 1);
    assert_string_equal(json_string_value(json_object_get(p, "policy")), "b");
    assert_string_equal(json_string_value(json_object_get(p, "domain")), "web01");
    json_decref(json);
    status_done(&s);
}

/* However long the stored texts are. */
static void keeps_reasons_whole(void **state)
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
    assert_true(strlen(d->reason) > 3 * (sizeof(text) - 1));
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
        cmocka_unit_test(says_that_no_point_is_left),
        cmocka_unit_test(says_where_good_copies_lie),
        cmocka_unit_test(takes_the_strictest_promise_and_the_first_run),
        cmocka_unit_test(a_warning_is_something_to_look_at),
        cmocka_unit_test(what_to_do_about_a_repository),
        cmocka_unit_test(what_must_be_acted_on),
        cmocka_unit_test(a_catalog_that_was_lost),
        cmocka_unit_test(a_repository_that_could_not_be_looked_at),
        cmocka_unit_test(says_what_to_do),
        cmocka_unit_test(a_broken_configuration_comes_first),
        cmocka_unit_test(a_run_that_comes_too_late_matters),
        cmocka_unit_test(one_without_a_promise_has_never_made_a_point),
        cmocka_unit_test(a_former_policy_is_named),
        cmocka_unit_test(a_busy_daemon_is_not_down),
        cmocka_unit_test(shut_off_without_images),
        cmocka_unit_test(points_that_are_away_are_not_known_to_be_good),
        cmocka_unit_test(the_catalog_cannot_be_written_since),
        cmocka_unit_test(left_out_and_gone_are_no_finding),
        cmocka_unit_test(a_failure_matters_when_the_next_run_is_too_late),
        cmocka_unit_test(a_run_that_does_not_begin_is_overdue),
        cmocka_unit_test(policies_are_judged_by_themselves),
        cmocka_unit_test(keeps_reasons_whole),
        cmocka_unit_test(json_has_null_for_what_is_not_there),
        cmocka_unit_test(json_takes_text_of_any_bytes),
        cmocka_unit_test(json_streams_as_it_prints),
    };

    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
