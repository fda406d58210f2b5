/* SPDX-License-Identifier: MIT
 *
 * Repositories as `vmkeep repository` sees them, made by hand: new, foreign and damaged ones. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/repository/adopt.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    test_make_dir(dir, sizeof(dir));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_dir(dir);
}

static void make_dir(const char *name)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

    assert_int_equal(mkdir(path, 0700), 0);
}

static void write_text(const char *name, const char *text)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
    CLEANUP_FCLOSE FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
}

static void make_repository(void)
{
    write_text("repository.json", "{\"format\": 1, \"id\": \"aa\"}\n");
    make_dir("lost+found");
    make_dir("h");
    make_dir("h/mine");
    make_dir("h/theirs");
    make_dir("h/odd");
    write_text("h/theirs/owner.json",
               "{\"format\": 1, \"catalog\": \"c2\", \"machine\": \"m2\", \"machine_id\": \"i2\","
               " \"catalog_path\": \"/c\", \"since\": \"2026-01-01T00:00:00Z\","
               " \"used\": \"2026-01-02T00:00:00Z\"}");
    write_text("h/odd/owner.json", "{\"format\": 1}");
    write_text("h/file", "no directory");
}

static void test_an_empty_directory_is_a_new_one(void **state)
{
    CLEANUP(repository_view_done) struct repository_view v = {0};
    struct owner self = {0};
    struct strlist none = {0};
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(repository_view(dir, &v, &err), 0);
    assert_true(v.is_new);
    assert_true(v.total > 0 && v.free <= v.total);
    owner_here("c1", "/c", &self);
    assert_int_equal(repository_adopt(dir, &v, &none, &self, 1000, &err), 0);
    assert_false(v.is_new);
    repository_view_done(&v);
    assert_int_equal(repository_view(dir, &v, &err), 0);
    assert_false(v.is_new);
    assert_true(*v.id);
    owner_done(&self);
}

static void test_what_is_no_repository_is_refused(void **state)
{
    struct repository_view v = {0};
    struct err err = ERR_INIT;
    CLEANUP_FREE char *nowhere = xasprintf("%s/nowhere", dir);

    (void)state;
    assert_int_equal(repository_view(nowhere, &v, &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
    write_text("letter.txt", "dear reader");
    assert_int_equal(repository_view(dir, &v, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    write_text("repository.json", "{\"format\": 99, \"id\": \"aa\"}");
    assert_int_equal(repository_view(dir, &v, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
}

static void test_each_domain_has_its_owner_or_a_problem(void **state)
{
    CLEANUP(repository_view_done) struct repository_view v = {0};
    struct err err = ERR_INIT;

    (void)state;
    make_repository();
    make_dir("h/mine/2026-01-01T00-00-00Z.p@c1-1.partial");
    write_text("h/mine/2026-01-01T00-00-00Z.p@c1-1.partial/vda.qcow2", "");
    assert_int_equal(repository_view(dir, &v, &err), 0);
    assert_string_equal(v.id, "aa");
    assert_int_equal(v.domains.n, 3);
    assert_string_equal(v.domains.items[0].name, "h/mine");
    assert_false(v.domains.items[0].owned);
    assert_true(v.domains.items[0].active > 1700000000); /* what is being made was written to */
    assert_string_equal(v.domains.items[1].name, "h/odd");
    assert_false(v.domains.items[1].owned);
    assert_non_null(strstr(v.domains.items[1].problem, "owner.json"));
    assert_string_equal(v.domains.items[2].owner.catalog, "c2");
    assert_int_equal(v.domains.items[2].active, 1767312000);
    assert_true(repository_domain_holds("h/mine", "h/mine/x"));
    assert_false(repository_domain_holds("h/mine", "h/mine2/x"));
}

static void test_directories_are_taken_over_from_whomever(void **state)
{
    CLEANUP(repository_view_done) struct repository_view v = {0}, after = {0};
    CLEANUP(strlist_done) struct strlist domains = {0};
    struct owner self = {0};
    struct err err = ERR_INIT;

    (void)state;
    make_repository();
    owner_here("c1", "/c", &self);
    strlist_add(&domains, "h/mine");
    strlist_add(&domains, "h/odd");
    strlist_add(&domains, "h/theirs");
    assert_int_equal(repository_view(dir, &v, &err), 0);
    assert_int_equal(repository_adopt(dir, &v, &domains, &self, 1000, &err), 0);
    assert_int_equal(repository_view(dir, &after, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(after.domains.items[i].owned);
        assert_string_equal(after.domains.items[i].owner.catalog, "c1");
    }
    owner_done(&self);
}

/* Between the look and the answer another disk was mounted, or a link was put there. */
static void test_what_has_changed_since_the_look_is_refused(void **state)
{
    CLEANUP(repository_view_done) struct repository_view v = {0};
    CLEANUP(strlist_done) struct strlist domains = {0};
    CLEANUP_FREE char *link = xasprintf("%s/h/link", dir);
    struct owner self = {0};
    struct err err = ERR_INIT;

    (void)state;
    make_repository();
    owner_here("c1", "/c", &self);
    assert_int_equal(repository_view(dir, &v, &err), 0);
    assert_int_equal(symlink("/", link), 0);
    strlist_add(&domains, "h/link");
    assert_int_equal(repository_adopt(dir, &v, &domains, &self, 1000, &err), -1);
    write_text("repository.json", "{\"format\": 1, \"id\": \"bb\"}\n");
    assert_int_equal(repository_adopt(dir, &v, &domains, &self, 1000, &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
    assert_non_null(strstr(err.msg, "bb"));
    owner_done(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_empty_directory_is_a_new_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_repository_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_domain_has_its_owner_or_a_problem, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_directories_are_taken_over_from_whomever, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_has_changed_since_the_look_is_refused, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
