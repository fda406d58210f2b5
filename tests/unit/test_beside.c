/* SPDX-License-Identifier: MIT
 *
 * What belongs to a domain besides its disks: copied, or known by its digest, or with a reason.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/images/beside.h"

#define DIGEST_OF_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char dir[64];
static const char *const names[] = {"domain.xml", "nvram.fd", "tpm.permall", BESIDE_LIST,
                                    "source",     "vars",     "state"};

static char *in_dir(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void put(const char *name, const char *text)
{
    CLEANUP_FREE char *path = in_dir(name);
    struct err err = ERR_INIT;

    assert_int_equal(write_file_durably(path, text, strlen(text), 0600, &err), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "%s/beside-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP_FREE char *path = in_dir(names[i]);

        unlink(path);
    }
    return rmdir(dir);
}

static void write_list(void)
{
    CLEANUP(definition_list_done) struct definition_list l = {0};
    struct err err = ERR_INIT;

    definition_list_add(&l, "domain.xml", xstrdup("<domain/>"), NULL);
    definition_list_beside(&l, BESIDE_NVRAM, "nvram.fd", in_dir("vars"), NULL);
    definition_list_beside(&l, BESIDE_TPM, "tpm.permall", in_dir("state"), NULL);
    definition_list_beside(&l, BESIDE_KERNEL, NULL, in_dir("source"), NULL);
    definition_list_beside(&l, BESIDE_INITRD, NULL, in_dir("none"), NULL);
    definition_list_beside(&l, BESIDE_SECRETS, NULL, NULL, xstrdup("refused"));
    if (beside_write(dir, &l, &err) < 0)
        fail_msg("%s", err.msg);
}

static void read_list(struct beside_list *ret)
{
    struct err err = ERR_INIT;

    if (beside_read(dir, ret, &err) < 0)
        fail_msg("%s", err.msg);
}

static void settle(void)
{
    struct err err = ERR_INIT;

    if (beside_settle(dir, &err) < 0)
        fail_msg("%s", err.msg);
}

static void each_is_in_the_list(void **state)
{
    CLEANUP(beside_done) struct beside_list l = {0};
    CLEANUP_FREE char *copy = in_dir("nvram.fd"), *none = in_dir("none");
    CLEANUP_FREE char *why = xasprintf("%s: No such file or directory", none);
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    struct stat st;

    (void)state;
    put("vars", "abc");
    put("state", "abc");
    put("source", "abc");
    write_list();
    read_list(&l);
    assert_int_equal(l.beside.n, 5);
    assert_string_equal(l.beside.items[0].file, "nvram.fd");
    assert_string_equal(l.beside.items[0].digest, DIGEST_OF_ABC);
    assert_string_equal(l.beside.items[1].file, "tpm.permall");
    assert_null(l.beside.items[2].file);
    assert_string_equal(l.beside.items[2].digest, DIGEST_OF_ABC);
    assert_string_equal(l.beside.items[3].lacks, why);
    assert_null(l.beside.items[3].digest);
    assert_string_equal(l.beside.items[4].lacks, "refused");
    assert_int_equal(read_file(copy, 10, &text, NULL, &err), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* One that is written to, in its place or by a new one, between the copy and the end was perhaps
 * another one at the instant. */
static void what_has_changed_is_told(void **state)
{
    CLEANUP(beside_done) struct beside_list l = {0};

    (void)state;
    put("vars", "abc");
    put("state", "abc");
    put("source", "abc");
    write_list();
    put("vars", "abd");
    put("state", "abc"); /* another file of the same content */
    settle();
    read_list(&l);
    assert_false(l.beside.items[0].steady);
    assert_false(l.beside.items[1].steady);
    assert_true(l.beside.items[2].steady);
    assert_false(l.beside.items[3].steady);
    assert_string_equal(l.beside.items[0].digest, DIGEST_OF_ABC);
}

static void no_list_lists_nothing(void **state)
{
    CLEANUP(beside_done) struct beside_list l = {0};
    struct err err = ERR_INIT;

    (void)state;
    read_list(&l);
    assert_int_equal(l.beside.n, 0);
    settle();
    put(BESIDE_LIST, "{\"beside\": 7}");
    assert_int_equal(beside_read(dir, &l, &err), -1);
    assert_int_equal(err.code, ERR_CORRUPT);
    assert_non_null(strstr(err.msg, BESIDE_LIST));
}

static void no_file_has_no_digest(void **state)
{
    struct err err = ERR_INIT;
    char *digest = NULL;

    (void)state;
    assert_int_equal(beside_digest(dir, &digest, &err), -1);
    assert_non_null(strstr(err.msg, "is no regular file"));
    assert_null(digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_in_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_changed_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(no_list_lists_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(no_file_has_no_digest, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
