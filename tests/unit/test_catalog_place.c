/* SPDX-License-Identifier: MIT
 *
 * The catalog's file under the hands of others: deleted, replaced, copied; numbers that never go
 * back. */
#include "tests/unit/catalog_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"

static char *beside(const struct scratch *s, const char *suffix)
{
    return xasprintf("%s%s", s->path, suffix);
}

static void remove_file(const struct scratch *s, const char *suffix)
{
    CLEANUP_FREE char *path = beside(s, suffix);

    assert_int_equal(unlink(path), 0);
}

struct heard {
    int n[CATALOG_DAMAGED + 1];
    char text[512];
};

static void on_event(void *ctx, enum catalog_event event, const char *text)
{
    struct heard *h = ctx;

    h->n[event]++;
    snprintf(h->text, sizeof(h->text), "%s", text);
}

/* What a reader finds under the name is what the writer has. */
static void assert_same(const struct scratch *s, struct catalog *w)
{
    struct catalog *r = open_reader(s);
    CLEANUP_FREE char *want = dump(w->db.h), *got = dump(r->db.h);

    assert_string_equal(got, want);
    assert_string_equal(catalog_id(r), catalog_id(w));
    catalog_close(r);
}

/* ---- deleted ---- */

static void written_back(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    struct heard heard = {0};

    catalog_listen(c, on_event, &heard);
    add_points(c, 3);
    remove_file(s, "");
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    assert_int_equal(heard.n[CATALOG_WRITTEN_BACK], 1);
    assert_non_null(strstr(heard.text, "deleted"));
    assert_same(s, c);
    /* And again, by a transaction, with all that lies beside it. */
    remove_file(s, "");
    remove_file(s, "-wal");
    remove_file(s, "-shm");
    OK(catalog_point_delete(c, "a2", &err));
    assert_int_equal(heard.n[CATALOG_WRITTEN_BACK], 2);
    assert_same(s, c);
    catalog_close(c);
    c = open_writer(s);
    assert_same(s, c);
    catalog_close(c);
}

/* Twice in a row, with nothing read or written between. */
static void written_back_twice(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);

    add_points(c, 3);
    for (int i = 0; i < 3; i++) {
        remove_file(s, "");
        OK(catalog_keep_place(c, &err));
    }
    assert_same(s, c);
    catalog_close(c);
}

/* On a network file system there is no log. */
static void written_back_without_log(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);

    add_points(c, 3);
    sql(c->db.h, "PRAGMA journal_mode = DELETE");
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    remove_file(s, "");
    OK(catalog_cover(c, "h", "e", "n", 1, &err));
    assert_same(s, c);
    catalog_close(c);
}

static void written_back_unasked(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *made = beside(s, ".new");
    struct catalog *c = open_writer(s);

    add_points(c, 2);
    OK(catalog_keep_place(c, &err));
    remove_file(s, "");
    OK(write_file_durably(made, "half of one", 11, 0600, &err)); /* of an attempt that was killed */
    OK(catalog_keep_place(c, &err));
    assert_same(s, c);
    assert_false(path_exists(made));
    catalog_close(c);
}

static void directory_deleted(void **state)
{
    struct scratch *s = *state;
    static const char *const files[] = {"", "-wal", "-shm", ".lock"};
    CLEANUP_FREE char *dir = xasprintf("%s/var/lib", s->dir);
    struct catalog *c;

    free(s->path);
    s->path = xasprintf("%s/catalog.db", dir);
    c = open_writer(s);
    add_points(c, 2);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        remove_file(s, files[i]);
    assert_int_equal(rmdir(dir), 0);
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    assert_same(s, c);
    FAILS(ERR_BUSY, "another vmkeepd", try_open(s, CATALOG_WRITE, &err));
    catalog_close(c);
}

/* No other daemon starts on a catalog whose lock was removed. */
static void lock_deleted(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);

    remove_file(s, ".lock");
    OK(catalog_keep_place(c, &err));
    FAILS(ERR_BUSY, "another vmkeepd", try_open(s, CATALOG_WRITE, &err));
    catalog_close(c);
}

/* It cannot be written back now: nothing is lost, and the next write tries again. */
static void cannot_be_written_back(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *made = beside(s, ".new"), *inside = beside(s, ".new/x");
    struct catalog *c = open_writer(s);

    add_points(c, 2);
    remove_file(s, "");
    OK(mkdir_all(inside, 0755, &err));
    FAILS(ERR_IO, "cannot be written back", catalog_cover(c, "h", "d", "n", 1, &err));
    assert_int_equal(rmdir(inside), 0);
    assert_int_equal(rmdir(made), 0);
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    assert_same(s, c);
    catalog_close(c);
}

/* ---- while it is written back ---- */

/* SQLite's own way to files, and a call when the copy is about to be opened. */
static sqlite3_vfs *real, watched;
static void (*meanwhile)(const struct scratch *s);
static const struct scratch *meanwhile_at;

static int open_watched(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *ret_flags)
{
    void (*call)(const struct scratch *) = meanwhile;
    size_t len = name ? strlen(name) : 0;

    (void)vfs;
    if (call && len > 4 && strcmp(name + len - 4, ".new") == 0) {
        meanwhile = NULL;
        call(meanwhile_at);
    }
    return real->xOpen(real, name, file, flags, ret_flags);
}

static int watch(void **state)
{
    if (!real) {
        real = sqlite3_vfs_find(NULL);
        watched = *real;
        watched.zName = "watched";
        watched.xOpen = open_watched;
    }
    return sqlite3_vfs_register(&watched, 1) == SQLITE_OK ? scratch_make(state) : -1;
}

static int unwatch(void **state)
{
    meanwhile = NULL;
    sqlite3_vfs_unregister(&watched);
    return scratch_remove(state);
}

static void put(const struct scratch *s, const char *suffix)
{
    CLEANUP_FREE char *path = beside(s, suffix);

    unlink(path);
    OK(write_file_durably(path, "somebody's", 10, 0640, &err));
}

static void assert_untouched(const struct scratch *s, const char *suffix)
{
    CLEANUP_FREE char *path = beside(s, suffix), *text = NULL;

    OK(read_file(path, 100, &text, NULL, &err));
    assert_string_equal(text, "somebody's");
}

static void put_file(const struct scratch *s)
{
    put(s, "");
}

static void put_log(const struct scratch *s)
{
    put(s, "-wal");
}

static void put_both(const struct scratch *s)
{
    put(s, "");
    put(s, "-wal");
}

/* Somebody puts his own catalog into the place while ours is being written. */
static void other_came(void **state)
{
    static const struct {
        void (*does)(const struct scratch *s);
        bool file, log;
    } cases[] = {{put_file, true, false}, {put_log, false, true}, {put_both, true, true}};
    struct scratch *s = *state;
    CLEANUP_FREE char *made = beside(s, ".new");

    meanwhile_at = s;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct heard heard = {0};
        struct catalog *c = open_writer(s);

        catalog_listen(c, on_event, &heard);
        add_points(c, 2);
        remove_file(s, "");
        meanwhile = cases[i].does;
        FAILS(ERR_CORRUPT, "was put in its place", catalog_cover(c, "h", "d", "n", 1, &err));
        assert_null(meanwhile);
        assert_int_equal(heard.n[CATALOG_LOST], 1);
        assert_int_equal(heard.n[CATALOG_WRITTEN_BACK], 0);
        assert_false(path_exists(made));
        catalog_close(c);
        assert_int_equal(path_exists(s->path), cases[i].file);
        if (cases[i].file) {
            assert_untouched(s, "");
            remove_file(s, "");
        }
        if (cases[i].log) {
            assert_untouched(s, "-wal");
            remove_file(s, "-wal");
        }
    }
}

/* ---- replaced ---- */

static void replaced(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *other = beside(s, ".other");
    struct heard heard = {0};
    struct catalog *c = open_writer(s);
    struct stat before, after;

    catalog_listen(c, on_event, &heard);
    add_points(c, 2);
    OK(write_file_durably(other, "somebody's", 10, 0640, &err));
    assert_int_equal(rename(other, s->path), 0);
    assert_int_equal(stat(s->path, &before), 0);
    FAILS(ERR_CORRUPT, "another file was put in its place",
          catalog_cover(c, "h", "d", "n", 1, &err));
    FAILS(ERR_CORRUPT, "another file was put in its place", catalog_point_delete(c, "a1", &err));
    FAILS(ERR_CORRUPT, "another file was put in its place", catalog_keep_place(c, &err));
    assert_int_equal(heard.n[CATALOG_LOST], 1);
    /* Not even when it is gone again: who knows what happened to it meanwhile. */
    assert_int_equal(stat(s->path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(unlink(s->path), 0);
    FAILS(ERR_CORRUPT, "another file", catalog_cover(c, "h", "d", "n", 1, &err));
    assert_false(path_exists(s->path));
    catalog_close(c);
}

static void lock_taken(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *lock = beside(s, ".lock");
    struct catalog *c = open_writer(s);
    CLEANUP_CLOSE int fd = -1;

    remove_file(s, ".lock");
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    FAILS(ERR_CORRUPT, "taken by another vmkeepd", catalog_keep_place(c, &err));
    FAILS(ERR_CORRUPT, "nothing more is written", catalog_cover(c, "h", "d", "n", 1, &err));
    catalog_close(c);
}

/* ---- copies ---- */

static void assert_copy(const char *path, struct catalog *w)
{
    CLEANUP_FREE char *wal = xasprintf("%s-wal", path), *shm = xasprintf("%s-shm", path);
    CLEANUP_FREE char *want = dump(w->db.h);
    CLEANUP_FREE char *uri = xasprintf("file:%s?immutable=1", path);
    CLEANUP_FREE char *got = NULL;
    sqlite3 *h = NULL;

    assert_false(path_exists(wal));
    assert_false(path_exists(shm));
    assert_int_equal(sqlite3_open_v2(uri, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    got = dump(h);
    sqlite3_close(h);
    assert_string_equal(got, want);
}

static void copied(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *path = beside(s, ".copy");
    struct catalog *c = open_writer(s);
    struct catalog_copy *copy = NULL;
    bool done = false;
    int steps = 0;

    add_points(c, 20);
    OK(catalog_copy_start(c, path, &copy, &err));
    while (!done) {
        OK(catalog_copy_step(copy, 2, &done, &err));
        if (++steps == 3) /* what is written meanwhile is in it */
            OK(catalog_cover(c, "h", "meanwhile", "n", 1, &err));
    }
    assert_true(steps > 5);
    catalog_copy_free(copy);
    assert_copy(path, c);
    /* Over an older one. */
    OK(catalog_point_delete(c, "a19", &err));
    OK(catalog_copy_start(c, path, &copy, &err));
    OK(catalog_copy_step(copy, -1, &done, &err));
    assert_true(done);
    catalog_copy_free(copy);
    assert_copy(path, c);
    /* One that is given up leaves nothing. */
    OK(catalog_copy_start(c, path, &copy, &err));
    OK(catalog_copy_step(copy, 1, &done, &err));
    assert_false(done);
    catalog_copy_free(copy);
    assert_false(path_exists(path));
    catalog_close(c);
}

static void deleted_while_copied(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *path = beside(s, ".copy");
    struct catalog *c = open_writer(s);
    struct catalog_copy *copy = NULL;
    bool done = false;

    add_points(c, 20);
    OK(catalog_copy_start(c, path, &copy, &err));
    OK(catalog_copy_step(copy, 2, &done, &err));
    remove_file(s, "");
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    FAILS(ERR_BUSY, "closed while it was copied", catalog_copy_step(copy, 2, &done, &err));
    catalog_copy_free(copy);
    assert_false(path_exists(path));
    assert_same(s, c);
    catalog_close(c);
}

/* ---- numbers ---- */

static void numbers_never_go_back(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    bool raised = true;

    OK(catalog_raise_job(c, 0, &raised, &err));
    assert_false(raised);
    OK(catalog_raise_job(c, 41, &raised, &err)); /* before the first job */
    assert_true(raised);
    assert_int_equal(add_job(c, "d", "n", 0), 42);
    OK(catalog_raise_job(c, 41, &raised, &err));
    assert_false(raised);
    OK(catalog_raise_job(c, 42, &raised, &err));
    assert_false(raised);
    assert_int_equal(add_job(c, "d", "n", 0), 43);
    OK(catalog_raise_job(c, 100, &raised, &err));
    assert_true(raised);
    catalog_close(c);
    c = open_writer(s);
    assert_int_equal(add_job(c, "d", "n", 0), 101);
    /* A name that somebody made up shall not use the numbers up. */
    FAILS(ERR_INVALID, "none that vmkeep has given",
          catalog_raise_job(c, INT64_MAX, &raised, &err));
    assert_int_equal(add_job(c, "d", "n", 0), 102);
    catalog_close(c);
}

/* That it had to be raised is not forgotten; that a rebuild went on above a number is no such
 * thing. */
static void raised_is_behind(void **state)
{
    struct scratch *s = *state;
    struct catalog *c = open_writer(s);
    int64_t behind = -1;
    bool raised;

    OK(catalog_behind(c, &behind, &err));
    assert_int_equal(behind, 0);
    OK(catalog_raise_job(c, 41, &raised, &err));
    OK(catalog_behind(c, &behind, &err));
    assert_int_equal(behind, 41);
    OK(catalog_raise_job(c, 40, &raised, &err));
    OK(catalog_raise_job(c, 57, &raised, &err));
    catalog_close(c);
    c = open_writer(s);
    OK(catalog_behind(c, &behind, &err));
    assert_int_equal(behind, 57);
    catalog_close(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(written_back),
        TEST(written_back_twice),
        TEST(written_back_without_log),
        TEST(written_back_unasked),
        TEST(directory_deleted),
        TEST(lock_deleted),
        TEST(cannot_be_written_back),
        cmocka_unit_test_setup_teardown(other_came, watch, unwatch),
        TEST(replaced),
        TEST(lock_taken),
        TEST(copied),
        TEST(deleted_while_copied),
        TEST(numbers_never_go_back),
        TEST(raised_is_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
