/* SPDX-License-Identifier: MIT
 *
 * The status as it is gathered from a configuration and a catalog. */
#include "tests/unit/catalog_support.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "report/gather/status.h"
#include "storage/catalog/catalog_failure.h"

/* 2026-11-26 12:00 UTC, a Thursday */
#define NOW INT64_C(1795694400)
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

#define BOOT "0d0e0f00-0000-0000-0000-000000000000"

static const char text[] = "hosts:\n"
                           "  - name: h\n"
                           "    driver: qemu\n"
                           "    domains:\n"
                           "      - name: a\n"
                           "        qmp: /run/a\n"
                           "      - name: b\n"
                           "        qmp: /run/b\n"
                           "repositories:\n"
                           "  - name: main\n"
                           "    path: /srv/main\n"
                           "  - name: second\n"
                           "    path: /srv/second\n"
                           "policies:\n"
                           "  - name: p\n"
                           "    domains: [\"a\"]\n"
                           "    disks: [\"*\", \"!vdb\", \"sd*\"]\n"
                           "    repository: main\n"
                           "    rpo: 1d\n"
                           "    schedule: { full: \"03:00\" }\n"
                           "    keep: { last: 2 }\n"
                           "  - name: idle\n"
                           "    domains: [\"z*\"]\n"
                           "    repository: main\n"
                           "    schedule: { full: \"04:00\" }\n"
                           "    keep: { last: 2 }\n";

struct fixture {
    struct scratch *dir;
    struct config *config;
    struct catalog *catalog;
    struct status_sources sources;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct diagnostics diags = {0};

    scratch_make((void **)&f->dir);
    if (config_parse(text, sizeof(text) - 1, "config", &f->config, &diags) < 0) {
        diagnostics_print(&diags, stderr);
        return -1;
    }
    diagnostics_done(&diags);
    f->catalog = open_writer(f->dir);
    f->sources = (struct status_sources){
        .config = f->config, .catalog = f->catalog, .now = NOW, .uptime = 30 * DAY, .boot = BOOT};
    OK(zone_open("Europe/Berlin", &f->sources.zone, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    zone_free(f->sources.zone);
    catalog_close(f->catalog);
    config_free(f->config);
    scratch_remove((void **)&f->dir);
    free(f);
    return 0;
}

static void add_point(struct fixture *f, const char *id, int64_t created, const char *parent)
{
    struct point p = sample_point(id, "a", "p", created, parent, NULL);

    backup(f->catalog, &p);
    point_done(&p);
}

static struct status gather(struct fixture *f, const struct domain_names *only)
{
    struct status ret = {.daemon = {.running = true, .started = NOW - DAY}};

    OK(status_gather(&f->sources, only, &ret, &err));
    return ret;
}

static bool warns(const struct status *s, const char *part)
{
    for (size_t i = 0; i < s->warnings.n; i++)
        if (strstr(s->warnings.items[i].text, part))
            return true;
    return false;
}

/* What a look finds now counts, whatever the daemon saw last; and so does what stands on it. */
static void a_look_finds_a_broken_point(void **state)
{
    struct fixture *f = *state;
    struct status_look looks[2] = {{.looked = true, .has_space = true}};
    const struct status_looks all = {looks, 2, 2};
    struct survey_loss *loss = VEC_ADD(&looks[0].losses);
    struct status s;

    add_point(f, "h/a/1", NOW - 4 * HOUR, NULL);
    add_point(f, "h/a/2", NOW - 3 * HOUR, "h/a/1");
    add_point(f, "h/a/3", NOW - 2 * HOUR, "h/a/2");
    *loss = (struct survey_loss){(char *)"h/a/2", POINT_DAMAGED, (char *)"its manifest is torn"};
    f->sources.looks = &all;
    s = gather(f, NULL);
    assert_int_equal(s.domains.items[0].last_point, NOW - 4 * HOUR);
    assert_non_null(strstr(s.domains.items[0].bad_points, "its manifest is torn"));
    status_done(&s);
    *loss = (struct survey_loss){(char *)"h/a/9", POINT_DAMAGED, (char *)"its manifest is torn"};
    s = gather(f, NULL);
    assert_int_equal(s.domains.items[0].last_point, NOW - 2 * HOUR);
    assert_null(s.domains.items[0].bad_points);
    status_done(&s);
    f->sources.looks = NULL;
    free(looks[0].losses.items);
}

static bool has_reason(const struct reason_list *l, enum reason_code code, const char *part)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].code == code && strstr(l->items[i].text, part))
            return l->items[i].advice && l->items[i].severity == SEVERITY_ACT;
    return false;
}

/* It stays told until one of its kind succeeds, whatever else succeeds meanwhile. */
static void a_prune_that_failed(void **state)
{
    struct fixture *f = *state;
    struct job j = {.id = 7,
                    .kind = (char *)JOB_PRUNE,
                    .host = (char *)"h",
                    .domain = (char *)"a",
                    .policy = (char *)"p",
                    .repository = (char *)"main",
                    .outcome = OUTCOME_FAILED,
                    .reason = (char *)"there is no room"};
    static const enum job_outcome later[] = {OUTCOME_ABORTED, OUTCOME_SKIPPED, OUTCOME_SUCCESS};

    add_point(f, "h/a/1", NOW - 4 * HOUR, NULL);
    OK(catalog_failure_note(f->catalog, &j, NOW - HOUR, &err));
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        struct status s = gather(f, NULL);

        assert_int_equal(s.domains.items[0].protection, PROTECTION_GOOD);
        assert_true(has_reason(&s.domains.items[0].policies.items[0].reasons, REASON_PRUNE_FAILED,
                               "job 7: there is no room"));
        status_done(&s);
        j.outcome = later[i];
        OK(catalog_failure_note(f->catalog, &j, NOW, &err));
    }
    {
        struct status s = gather(f, NULL);

        assert_false(has_reason(&s.domains.items[0].policies.items[0].reasons, REASON_PRUNE_FAILED,
                                "job 7"));
        status_done(&s);
    }
}

/* Also when the policy's new name has points of its own. */
static void points_under_a_former_name(void **state)
{
    struct fixture *f = *state;
    struct point p = sample_point("h/a/1", "a", "old", NOW - 4 * HOUR, NULL, NULL);
    struct status s;

    backup(f->catalog, &p);
    point_done(&p);
    add_point(f, "h/a/2", NOW - 3 * HOUR, NULL);
    s = gather(f, NULL);
    assert_int_equal(s.domains.items[0].protection, PROTECTION_GOOD);
    assert_int_equal(s.domains.items[0].reasons.items[0].code, REASON_UNCOVERED);
    assert_string_equal(s.domains.items[0].reasons.items[0].text,
                        "1 point of policy old, which does not select it any more, stays: no rule "
                        "judges it");
    status_done(&s);
}

/* A full of what the last one took is due at 03:00. */
static void a_repository_that_is_tight(void **state)
{
    struct fixture *f = *state;
    struct status_look looks[2] = {{.looked = true, .has_space = true, .total = 100000}};
    const struct status_looks all = {looks, 2, 2};
    uint64_t bytes;

    add_point(f, "h/a/1", NOW - 4 * HOUR, NULL);
    OK(catalog_point_size(f->catalog, "h", "a", "p", LEVEL_FULL, &bytes, &err));
    assert_true(bytes > 0);
    f->sources.looks = &all;
    for (int enough = 0; enough < 2; enough++) {
        struct status s;

        looks[0].free = (UINT64_C(2) << 20) + bytes - !enough;
        looks[0].total = 4 * looks[0].free;
        f->config->repositories.items[0].reserve = UINT64_C(2) << 20;
        s = gather(f, NULL);
        assert_true(has_reason(&s.repositories.items[0].reasons, REASON_TIGHT,
                               "no room for the next backup of h/a, which takes about ") ==
                    !enough);
        status_done(&s);
    }
    f->sources.looks = NULL;
}

static void judges_the_newest_whole_point(void **state)
{
    struct fixture *f = *state;
    struct status s;

    add_point(f, "h/a/1", NOW - 3 * HOUR, NULL);
    add_point(f, "h/a/2", NOW - 2 * HOUR, "h/a/1");
    OK(catalog_point_set_state(f->catalog, "h/a/2", POINT_DAMAGED, "it is torn", &err));
    s = gather(f, NULL);
    assert_int_equal(s.domains.n, 2);
    assert_string_equal(s.domains.items[0].domain, "a");
    assert_int_equal(s.domains.items[0].protection, PROTECTION_GOOD);
    assert_int_equal(s.domains.items[0].last_point, NOW - 3 * HOUR);
    assert_string_equal(s.domains.items[0].bad_points, "a point is damaged: h/a/2: it is torn");
    assert_int_equal(s.domains.items[0].policies.items[0].last_job.outcome, OUTCOME_SUCCESS);
    assert_int_equal(s.domains.items[0].policies.items[0].last_bad, 0);
    assert_int_equal(s.domains.items[1].protection, PROTECTION_NONE);
    status_done(&s);
    /* What stands on a damaged one is not whole. */
    OK(catalog_point_set_state(f->catalog, "h/a/2", POINT_GOOD, NULL, &err));
    OK(catalog_point_set_state(f->catalog, "h/a/1", POINT_MISSING, "gone", &err));
    s = gather(f, NULL);
    assert_int_equal(s.domains.items[0].protection, PROTECTION_AT_RISK);
    assert_int_equal(s.domains.items[0].last_point, 0);
    assert_int_equal(s.domains.items[0].policies.items[0].last_bad, NOW - 2 * HOUR);
    assert_non_null(strstr(s.domains.items[0].reason, "no good point is left"));
    status_done(&s);
}

/* Of calendars, and of nothing else: it is not asked what zone this process is in. */
static void next_runs_are_of_the_zone_that_is_given(void **state)
{
    struct fixture *f = *state;
    struct status s;

    OK(catalog_cover(f->catalog, "h", "a", "p", NOW - 9 * HOUR, &err));
    s = gather(f, NULL);
    /* 03:00 in Berlin is 02:00 UTC */
    assert_int_equal(s.domains.items[0].next_run, NOW + 14 * HOUR);
    status_done(&s);
    zone_free(f->sources.zone);
    OK(zone_open("Asia/Tokyo", &f->sources.zone, &err));
    s = gather(f, NULL);
    assert_int_equal(s.domains.items[0].next_run, NOW + 6 * HOUR);
    status_done(&s);
}

/* Whoever reads it has one clock; and it runs again only if it runs. */
static void a_crash_is_told_in_the_time_of_who_reads_it(void **state)
{
    struct fixture *f = *state;
    struct status s;

    OK(catalog_seen_put(f->catalog, "daemon", "crash", "1999-12-31T23:00:00Z", "it was killed",
                        NULL, NOW, &err));
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    s = gather(f, NULL);
    unsetenv("TZ");
    tzset();
    assert_true(warns(&s, "(it had been started at 2000-01-01 08:00:00): it was killed; it runs "
                          "again since "));
    status_done(&s);
    s = (struct status){.daemon.running = false};
    OK(status_gather(&f->sources, NULL, &s, &err));
    assert_false(warns(&s, "runs again"));
    status_done(&s);
}

static void tells_why_disks_are_in_no_backup(void **state)
{
    struct fixture *f = *state;
    struct seen_disk_list disks = {0};
    const struct status_domain *d;
    struct status s;

    seen_disk_add(&disks, "cd", NULL, "an empty drive");
    seen_disk_add(&disks, "vda", NULL, NULL);
    seen_disk_add(&disks, "vdb", NULL, NULL);
    OK(catalog_seen_disks_put(f->catalog, "h", "a", &disks, true, NOW, &err));
    seen_disk_list_done(&disks);
    s = gather(f, NULL);
    d = &s.domains.items[0];
    assert_int_equal(d->left_out.n, 2);
    assert_string_equal(d->left_out.items[0].why, "an empty drive");
    assert_int_equal(d->left_out.items[0].by, LEFT_OUT_BY_NATURE);
    assert_string_equal(d->left_out.items[1].name, "vdb");
    assert_int_equal(d->left_out.items[1].by, LEFT_OUT_ON_PURPOSE);
    assert_true(warns(&s, "policy p: 'sd*' of its disks matches no disk"));
    assert_false(warns(&s, "'*' of its disks"));
    assert_true(warns(&s, "policy idle: matches no domain"));
    assert_false(warns(&s, "policy p: matches no domain"));
    status_done(&s);
}

static void blames_no_pattern_until_a_libvirt_host_has_told(void **state)
{
    struct fixture *f = *state;
    struct config_host *h = &f->config->hosts.items[0];
    size_t n = h->domains.n;
    struct status s;

    h->driver = DRIVER_LIBVIRT;
    h->domains.n = 0;
    s = gather(f, NULL);
    assert_true(warns(&s,
                      "policy idle: matches no domain that is known, and host h has told of none "
                      "yet"));
    status_done(&s);
    h->domains.n = n;
    s = gather(f, NULL);
    assert_true(warns(&s, "policy idle: matches no domain"));
    status_done(&s);
    h->driver = DRIVER_QEMU;
}

/* Of a domain nothing is known yet: nothing is said of globs. */
static void says_nothing_of_disks_that_were_never_seen(void **state)
{
    struct status s = gather(*state, NULL);

    assert_false(warns(&s, "of its disks"));
    status_done(&s);
}

static void takes_looks_at_repositories_as_they_are_given(void **state)
{
    struct fixture *f = *state;
    struct status_look items[] = {
        {.looked = true, .has_space = true, .free = 5, .total = 9},
        {.looked = true, .problem = (char *)"/srv/second: not there"},
    };
    const struct status_looks looks = {.items = items, .n = 2};
    struct status s;

    OK(catalog_seen_put(f->catalog, "repository", "main", "problem", "a wrong id", NULL, NOW,
                        &err));
    s = gather(f, NULL);
    assert_int_equal(s.repositories.n, 2);
    assert_string_equal(s.repositories.items[0].problem, "a wrong id");
    assert_false(s.repositories.items[0].has_space);
    assert_null(s.repositories.items[1].problem);
    status_done(&s);
    f->sources.looks = &looks;
    s = gather(f, NULL);
    assert_string_equal(s.repositories.items[0].problem,
                        "a wrong id (so vmkeepd saw it last; the repository is there now)");
    assert_true(s.repositories.items[0].is_back);
    assert_int_equal(s.repositories.items[0].free, 5);
    assert_string_equal(s.repositories.items[1].problem, "/srv/second: not there");
    assert_string_equal(s.repositories.items[1].state, "problem");
    status_done(&s);
    /* Who may not look knows no better than the daemon. */
    items[0] = (struct status_look){.looked = false};
    s = gather(f, NULL);
    assert_string_equal(s.repositories.items[0].problem, "a wrong id");
    status_done(&s);
}

static void tells_of_the_domains_that_are_asked_for_alone(void **state)
{
    struct domain_name b = {(char *)"h", (char *)"b"};
    const struct domain_names only = {.items = &b, .n = 1};
    struct status s = gather(*state, &only);

    assert_int_equal(s.domains.n, 1);
    assert_string_equal(s.domains.items[0].domain, "b");
    assert_int_equal(s.repositories.n + s.warnings.n, 0);
    status_done(&s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(judges_the_newest_whole_point),
        TEST(a_look_finds_a_broken_point),
        TEST(a_prune_that_failed),
        TEST(points_under_a_former_name),
        TEST(a_repository_that_is_tight),
        TEST(next_runs_are_of_the_zone_that_is_given),
        TEST(a_crash_is_told_in_the_time_of_who_reads_it),
        TEST(tells_why_disks_are_in_no_backup),
        TEST(blames_no_pattern_until_a_libvirt_host_has_told),
        TEST(says_nothing_of_disks_that_were_never_seen),
        TEST(takes_looks_at_repositories_as_they_are_given),
        TEST(tells_of_the_domains_that_are_asked_for_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
