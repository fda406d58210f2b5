/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/repository/key_mark.h"
#include "storage/images/keys.h"

#define KEY "0123456789abcdef0123456789abcdef\n"
#define OTHER "fedcba9876543210fedcba9876543210\n"

static char dir[256];

static char *path(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

/* Caller frees. */
static char *file(const char *name, const char *text, size_t len, mode_t mode)
{
    char *ret = path(name);
    CLEANUP_CLOSE int fd = open(ret, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    return ret;
}

static int make_dir(void **state)
{
    (void)state;
    test_make_dir(dir, sizeof(dir));
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return test_remove_dir(dir);
}

static void assert_no_key(const char *name, const char *text, size_t len, mode_t mode,
                          const char *why)
{
    CLEANUP_FREE char *key = file(name, text, len, mode);
    struct err err = ERR_INIT;

    assert_int_equal(key_check(key, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.msg, why))
        fail_msg("'%s' does not say '%s'", err.msg, why);
}

static void a_key_is_text_that_nobody_else_reads(void **state)
{
    CLEANUP_FREE char *key = file("key", KEY, strlen(KEY), 0600);
    CLEANUP_FREE char *none = path("none");
    struct err err = ERR_INIT;
    char *text, large[KEY_BYTES_MAX + 2];
    size_t len;

    (void)state;
    assert_int_equal(key_read(key, &text, &len, &err), 0);
    assert_string_equal(text, KEY); /* with the newline: QEMU takes it so */
    assert_int_equal(len, strlen(KEY));
    free(text);
    assert_no_key("group", KEY, strlen(KEY), 0640, "others may read the key (mode 0640)");
    assert_no_key("all", KEY, strlen(KEY), 0604, "others may read the key");
    assert_no_key("short", "hunter2\n", 8, 0600, "openssl rand");
    assert_no_key("binary", "\x01\xff\xfe\x80zzzzzzzzzzzzzzzzzzzz", 24, 0600, "is no key");
    assert_no_key("nul", "0123456789abcdef\0abc", 20, 0600, "is no key");
    memset(large, 'x', sizeof(large));
    assert_no_key("large", large, sizeof(large), 0600, "is no key");
    assert_int_equal(key_check(none, &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
}

static void the_nearest_repository_counts(void **state)
{
    CLEANUP_FREE char *text = NULL;

    (void)state;
    keys_add("/srv/a", "of-a", "/k/a");
    keys_add("/srv/a/b/", "of-b", "/k/b");
    assert_string_equal(keys_find("/srv/a/x/y.qcow2")->file, "/k/a");
    assert_string_equal(keys_find("/srv/a/b/x.qcow2")->file, "/k/b");
    assert_string_equal(keys_find("/srv/a/b")->file, "/k/b");
    assert_null(keys_find("/srv/ab/x.qcow2"));
    keys_add("/srv/a", "of-a", "/k/a2");
    assert_string_equal(keys_find("/srv/a")->file, "/k/a2");
    text = key_text(keys_find("/srv/a"));
    assert_string_equal(text, "the key in /k/a2 (secret 'of-a')");
}

static void a_repository_knows_its_keys(void **state)
{
    CLEANUP_FREE char *repo = path("repo"), *mark = path("repo/key.json");
    CLEANUP_FREE char *key = file("key", KEY, strlen(KEY), 0600);
    CLEANUP_FREE char *other = file("other", OTHER, strlen(OTHER), 0600);
    struct key k = {.file = key, .secret = (char *)"main"}, o = {.file = other};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    bool has;

    (void)state;
    assert_int_equal(mkdir(repo, 0700), 0);
    assert_int_equal(key_mark_check(repo, true, &err), 0); /* neither key nor mark */
    assert_false(path_exists(mark));
    keys_add(repo, "main", key);
    assert_int_equal(key_mark_check(repo, false, &err), 0);
    assert_false(path_exists(mark));
    assert_int_equal(key_mark_check(repo, true, &err), 0);
    assert_int_equal(key_mark_check(repo, true, &err), 0);
    assert_int_equal(read_file(mark, 4096, &text, NULL, &err), 0);
    assert_null(strstr(text, "0123456789abcdef0123456789abcdef"));
    keys_add(repo, "main", other);
    assert_int_equal(key_mark_check(repo, true, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.msg, "is not the key of the repository, which was called 'main'"));
    err = ERR_INIT;
    assert_int_equal(key_mark_add(repo, &o, &err), 0);
    assert_int_equal(key_mark_check(repo, true, &err), 0);
    assert_int_equal(key_mark_drop(repo, &k, &err), 0);
    assert_int_equal(key_mark_has(repo, &k, &has, &err), 0);
    assert_false(has);
    assert_int_equal(key_mark_drop(repo, &o, &err), 0); /* the last one stays */
    assert_int_equal(key_mark_has(repo, &o, &has, &err), 0);
    assert_true(has);
}

static void a_mark_without_a_key_is_refused(void **state)
{
    CLEANUP_FREE char *repo = path("marked"), *mark = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(mkdir(repo, 0700), 0);
    mark =
        file("marked/key.json",
             "{\"format\": 1, \"keys\": [{\"secret\": \"main\", \"salt\": \"\", \"check\": \"\"}]}",
             68, 0644);
    assert_int_equal(key_mark_check(repo, true, &err), -1);
    assert_non_null(strstr(err.msg, "holds encrypted points, and no key was given"));
    assert_non_null(strstr(err.msg, "encrypt: { secret: main }"));
}

/* What is needed of one, to be told what it is and what it stands on. */
static void image(const char *name, bool encrypted, const char *backing)
{
    char head[512] = {0};
    uint32_t version = htonl(3), at = htonl(200), method = htonl(2), length = htonl(104);
    uint32_t size = htonl(backing ? (uint32_t)strlen(backing) : 0);

    memcpy(head, "QFI\xfb", 4);
    memcpy(head + 4, &version, 4);
    if (backing) {
        memcpy(head + 12, &at, 4);
        memcpy(head + 16, &size, 4);
        memcpy(head + 200, backing, strlen(backing));
    }
    if (encrypted)
        memcpy(head + 32, &method, 4);
    memcpy(head + 100, &length, 4);
    free(file(name, head, sizeof(head), 0600));
}

static void images_are_described_with_all_below(void **state)
{
    CLEANUP_FREE char *chain = path("chain"), *key = path("chain/the,key");
    CLEANUP_FREE char *top = path("chain/top"), *plain = path("chain/plain");
    CLEANUP_FREE char *want = xasprintf("json:{\"driver\":\"qcow2\",\"encrypt.key-secret\":\"key\","
                                        "\"backing\":{\"driver\":\"qcow2\","
                                        "\"encrypt.key-secret\":\"key\"},"
                                        "\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}",
                                        top);
    CLEANUP(image_words_done) struct image_words w = {0}, p = {0};
    CLEANUP_FREE char *object = xasprintf("secret,id=key,file=%s/chain/the,,key", dir);
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(mkdir(chain, 0700), 0);
    image("chain/base", true, NULL);
    image("chain/top", true, "base");
    image("chain/plain", false, NULL);
    assert_true(image_is_encrypted(top));
    assert_false(image_is_encrypted(plain));
    assert_int_equal(image_words(plain, &p, &err), 0);
    assert_string_equal(p.name, plain);
    assert_null(p.object);
    assert_int_equal(image_words(top, &w, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.msg, "--key FILE"));
    free(file("chain/the,key", KEY, strlen(KEY), 0600));
    keys_add(chain, NULL, key);
    assert_int_equal(image_words(top, &w, &err), 0);
    assert_string_equal(w.name, want);
    assert_string_equal(w.object, object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_text_that_nobody_else_reads),
        cmocka_unit_test(the_nearest_repository_counts),
        cmocka_unit_test(a_repository_knows_its_keys),
        cmocka_unit_test(a_mark_without_a_key_is_refused),
        cmocka_unit_test(images_are_described_with_all_below),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
