/* SPDX-License-Identifier: MIT
 *
 * The configuration's file, and the copy of the last good one.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "policies/config_file.h"

#define POLICY                                                                                     \
    "policies:\n  - { name: nightly, domains: ['*'], repository: main, keep: { last: 3 } }\n"
#define REST "repositories:\n  - { name: main, path: /srv/backup }\n" POLICY

static char *tmp, *config, *catalog, *copy;

static int setup(void **state)
{
    char dir[512];

    (void)state;
    test_make_dir(dir, sizeof(dir));
    tmp = xstrdup(dir);
    config = xasprintf("%s/config", tmp);
    catalog = xasprintf("%s/catalog.db", tmp);
    copy = config_copy_path(catalog);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(config);
    unlink(copy);
    assert_int_equal(rmdir(tmp), 0);
    free(tmp);
    free(config);
    free(catalog);
    free(copy);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    struct err err = ERR_INIT;

    assert_int_equal(write_file_durably(path, text, strlen(text), 0600, &err), 0);
}

/* "catalog: PATH", with what stands before the path and behind it; then the rest of the file. */
static void write_config(const char *before, const char *behind, const char *rest)
{
    CLEANUP_FREE char *text = xasprintf("%s%s%s\n%s", before, catalog, behind, rest);

    write_text(config, text);
}

static void keep_good(const char *before)
{
    CLEANUP(config_file_done) struct config_file f = {0};
    struct err err = ERR_INIT;

    write_config(before, "", REST);
    assert_true(config_file_read(config, &f));
    assert_int_equal(config_copy_keep(&f, catalog, &err), 0);
}

/* Is it found, for the file as it is now? */
static bool finds(void)
{
    CLEANUP(config_file_done) struct config_file f = {0};
    CLEANUP(config_copy_done) struct config_copy c = {0};
    bool found;

    assert_false(config_file_read(config, &f));
    found = config_copy_find(&f, &c);
    if (found) {
        assert_string_equal(c.path, copy);
        assert_string_equal(c.config->catalog, catalog);
        assert_string_equal(c.config->policies.items[0].name, "nightly");
        assert_true(c.kept > 0);
    }
    return found;
}

static void broken_file_still_names_its_catalog(void **state)
{
    static const char *const before[] = {"catalog: ", "catalog:  '", "x: [\ncatalog: \"",
                                         "# a\n}\ncatalog:\t",
                                         ("\xef\xbb\xbf"
                                          "catalog: ")};
    static const char *const behind[] = {" # here", "'  # here", "\" # here", "  \r", ""};

    (void)state;
    keep_good("catalog: ");
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        write_config(before[i], behind[i], "policies: [ {\n");
        if (!finds())
            fail_msg("not found: %s", before[i]);
    }
    write_config("catalog: ", "", "repositories: []\nkeep: 7\n" POLICY);
    assert_true(finds());
}

static void what_is_not_named_is_not_found(void **state)
{
    (void)state;
    keep_good("catalog: ");
    write_text(config, "");
    assert_false(finds());
    write_text(config, "catalog: catalog.db\n");
    assert_false(finds());
    write_text(config, "catalog: /nonsuch/catalog.db\nx: [");
    assert_false(finds());
    write_config("  catalog: ", "", "x: [");
    assert_false(finds());
}

static void copy_of_another_file_is_not_taken(void **state)
{
    CLEANUP_FREE char *other = xasprintf("%s/other", tmp);
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;

    (void)state;
    keep_good("catalog: ");
    assert_int_equal(rename(config, other), 0);
    assert_int_equal(read_file(copy, 100000, &text, NULL, &err), 0);
    write_config("catalog: ", "", "x: [");
    assert_true(finds()); /* the same name again */
    assert_int_equal(rename(config, other), 0);
    free(config);
    config = xasprintf("%s/second", tmp);
    write_config("catalog: ", "", "x: [");
    assert_false(finds());
    assert_int_equal(unlink(config), 0);
    assert_int_equal(symlink("other", config), 0); /* another name of the first's place */
    assert_int_equal(unlink(config), 0);
    free(config);
    config = TAKE_PTR(other);
}

static void other_names_of_the_file(void **state)
{
    CLEANUP_FREE char *link = xasprintf("%s/link", tmp);
    char *file = config;

    (void)state;
    keep_good("catalog: ");
    write_config("catalog: ", "", "x: [");
    assert_int_equal(symlink("config", link), 0);
    config = link;
    assert_true(finds());
    config = file;
    unlink(link);
}

static void damaged_copy_is_not_taken(void **state)
{
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    struct stat st;
    size_t len;

    (void)state;
    keep_good("\xef\xbb\xbf"
              "catalog: ");
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(read_file(copy, 100000, &text, &len, &err), 0);
    write_config("catalog: ", "", "x: [");
    assert_true(finds());
    assert_int_equal(truncate(copy, (off_t)len - (off_t)strlen("{ last: 3 } }\n")), 0);
    assert_false(finds());
    for (size_t n = 0; n < 60; n++) { /* what is within its first lines */
        assert_int_equal(truncate(copy, (off_t)n), 0);
        assert_false(finds());
    }
    assert_int_equal(unlink(copy), 0);
    assert_false(finds());
}

/* Has the daemon read the file as it is now? */
static bool differs(void)
{
    CLEANUP(config_file_done) struct config_file f = {0};
    int64_t kept = 0;
    bool ret;

    assert_true(config_file_read(config, &f));
    ret = config_copy_differs(&f, &kept);
    assert_true(!ret || kept > 0);
    return ret;
}

static void what_was_not_read_differs(void **state)
{
    static const char other[] = "repositories:\n- {path: '/srv/backup', name: \"main\"}\n" POLICY;

    (void)state;
    write_config("catalog: ", "", REST);
    assert_false(differs()); /* there is no copy: nobody knows */
    keep_good("catalog: ");
    assert_false(differs());
    write_config("\xef\xbb\xbf# a comment\n\ncatalog:   ", "  # here", "# there\n" REST);
    assert_false(differs()); /* another way to write the same */
    write_config("catalog: ", "", "unprotected: [x]\n" REST);
    assert_true(differs());
    write_config("catalog: ", "", other); /* whatever the order means: it is not looked into */
    assert_true(differs());
    keep_good("catalog: ");
    assert_false(differs());
    write_text(copy, "catalog: [\n");
    assert_false(differs()); /* no copy of ours */
}

static void problems(void **state)
{
    CLEANUP(config_file_done) struct config_file f = {0}, none = {0};
    CLEANUP_FREE char *one = NULL, *many = NULL, *want = NULL;

    (void)state;
    assert_false(config_file_read(config, &none));
    assert_true(none.missing);
    one = config_file_problem(&none);
    want = xasprintf("%s: No such file or directory", config);
    assert_string_equal(one, want);
    write_config("catalog: ", "", "a: 1\nb: 2\n" REST);
    assert_false(config_file_read(config, &f));
    assert_false(f.missing);
    many = config_file_problem(&f);
    assert_non_null(strstr(many, ":2:1: a: unknown key"));
    assert_non_null(strstr(many, " (and 1 more error)"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(broken_file_still_names_its_catalog),
        T(what_is_not_named_is_not_found),
        T(copy_of_another_file_is_not_taken),
        T(other_names_of_the_file),
        T(damaged_copy_is_not_taken),
        T(what_was_not_read_differs),
        T(problems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
