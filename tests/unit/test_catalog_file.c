/* SPDX-License-Identifier: MIT
 *
 * The catalog's file: making it, one writer, many readers. */
#include "tests/unit/catalog_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"

#define NOBODY 65534

static char *beside(const struct scratch *s, const char *suffix)
{
    return xasprintf("%s%s", s->path, suffix);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        fail_msg("%s is not there", path);
    return st.st_mode & 07777;
}

/* ---- making one ---- */

static void made(void **state)
{
    struct scratch *s = *state;
    char id[9];
    struct catalog *c;

    free(s->path);
    s->path = xasprintf("%s/var/lib/catalog.db", s->dir);
    c = open_writer(s);
    assert_int_equal(strlen(catalog_id(c)), 8);
    assert_int_equal(strspn(catalog_id(c), "0123456789abcdef"), 8);
    snprintf(id, sizeof(id), "%s", catalog_id(c));
    catalog_close(c);
    c = open_writer(s);
    assert_string_equal(catalog_id(c), id);
    catalog_close(c);
    c = open_reader(s);
    assert_string_equal(catalog_id(c), id);
    catalog_close(c);
    /* Another one has another id. */
    free(s->path);
    s->path = xasprintf("%s/other.db", s->dir);
    c = open_writer(s);
    assert_string_not_equal(catalog_id(c), id);
    catalog_close(c);
}

static void assert_setting(struct catalog *c, const char *pragma, const char *want)
{
    sqlite3_stmt *st = NULL;

    assert_int_equal(sqlite3_prepare_v2(c->db.h, pragma, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), want);
    sqlite3_finalize(st);
}

static void settings(void **state)
{
    struct scratch *s = *state;
    struct catalog *w = open_writer(s), *r = open_reader(s);

    assert_setting(w, "PRAGMA journal_mode", "wal");
    assert_setting(w, "PRAGMA synchronous", "2");
    assert_setting(w, "PRAGMA foreign_keys", "1");
    assert_setting(w, "PRAGMA trusted_schema", "0");
    assert_setting(w, "PRAGMA busy_timeout", "2000");
    assert_setting(r, "PRAGMA trusted_schema", "0");
    assert_setting(r, "PRAGMA busy_timeout", "2000");
    catalog_close(r);
    catalog_close(w);
}

static void modes(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *wal = beside(s, "-wal"), *shm = beside(s, "-shm");
    mode_t old = umask(077);
    struct catalog *c = open_writer(s);

    umask(old);
    assert_int_equal(mode_of(s->path), 0640);
    assert_int_equal(mode_of(wal), 0640);
    assert_int_equal(mode_of(shm), 0640);
    catalog_close(c);
    /* What an administrator has set stays. */
    assert_int_equal(chmod(s->path, 0600), 0);
    catalog_close(open_writer(s));
    assert_int_equal(mode_of(s->path), 0600);
}

static void none_yet(void **state)
{
    struct scratch *s = *state;

    FAILS(ERR_NOTFOUND, "there is none yet", try_open(s, CATALOG_READ, &err));
    assert_false(path_exists(s->path));
    /* The daemon was killed as it made the file. */
    OK(write_file_durably(s->path, "", 0, 0640, &err));
    FAILS(ERR_NOTFOUND, "empty", try_open(s, CATALOG_READ, &err));
    catalog_close(open_writer(s));
    catalog_close(open_reader(s));
}

static void unusable_places(void **state)
{
    struct scratch *s = *state;

    assert_int_equal(mkdir(s->path, 0755), 0);
    FAILS(ERR_IO, s->path, try_open(s, CATALOG_WRITE, &err));
    FAILS(ERR_IO, s->path, try_open(s, CATALOG_READ, &err));
    free(s->path);
    s->path = xstrdup("/proc/vmkeep/catalog.db");
    FAILS(ERR_NOTFOUND, "/proc/vmkeep", try_open(s, CATALOG_WRITE, &err));
}

/* ---- one writer, many readers ---- */

static void two_writers(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *holder = xasprintf("another vmkeepd (pid %d) keeps it", (int)getpid());
    struct catalog *c = open_writer(s);

    assert_true(fcntl(c->db.lock, F_GETFD) & FD_CLOEXEC);
    FAILS(ERR_BUSY, holder, try_open(s, CATALOG_WRITE, &err));
    FAILS(ERR_BUSY, s->path, try_open(s, CATALOG_WRITE, &err));
    OK(catalog_cover(c, "h", "d", "n", 1, &err)); /* the first is not disturbed */
    catalog_close(c);
    OK(try_open(s, CATALOG_WRITE, &err));
}

/* The lock dies with its holder, whatever that died of. */
static void killed_writer_lets_go(void **state)
{
    struct scratch *s = *state;
    int status, fds[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct catalog *c = NULL;
        struct err err = ERR_INIT;

        if (catalog_open(s->path, CATALOG_WRITE, &c, &err) == 0 && write(fds[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    FAILS(ERR_BUSY, "another vmkeepd", try_open(s, CATALOG_WRITE, &err));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    OK(try_open(s, CATALOG_WRITE, &err));
    close(fds[0]);
    close(fds[1]);
}

/* A child that the writer was about to start a program in has the lock a moment longer. */
static void a_child_of_the_writer_is_waited_for(void **state)
{
    struct scratch *s = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct catalog *c = NULL;
        struct err err = ERR_INIT;
        int rc = catalog_open(s->path, CATALOG_WRITE, &c, &err);

        if (rc == 0 && fork() == 0)
            usleep(300 * 1000);
        _exit(rc == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    OK(try_open(s, CATALOG_WRITE, &err));
}

static int count_points(struct catalog *c)
{
    const struct point_filter all = {0};
    struct point_list l = {0};
    int n;

    OK(catalog_points(c, &all, &l, &err));
    n = (int)l.n;
    point_list_done(&l);
    return n;
}

static void reader_beside_writer(void **state)
{
    struct scratch *s = *state;
    CLEANUP(point_done) struct point a1 = sample_point("a1", "d", "n", 100, NULL, NULL);
    CLEANUP(point_done) struct point a2 = sample_point("a2", "d", "n", 200, "a1", NULL);
    struct catalog *w = open_writer(s), *r = open_reader(s);

    assert_int_equal(count_points(r), 0);
    backup(w, &a1);
    assert_int_equal(count_points(r), 1);
    /* What is not committed is not seen, and does not make a reader wait. */
    sql(w->db.h, "BEGIN IMMEDIATE");
    OK(catalog_insert_point(&w->db, &a2, &err));
    assert_int_equal(count_points(w), 2);
    assert_int_equal(count_points(r), 1);
    sql(w->db.h, "COMMIT");
    assert_int_equal(count_points(r), 2);
    FAILS(ERR_DENIED, "cannot be written", catalog_cover(r, "h", "d", "n", 1, &err));
    FAILS(ERR_DENIED, "cannot be written", catalog_point_delete(r, "a2", &err));
    catalog_close(w);
    assert_int_equal(count_points(r), 2);
    catalog_close(r);
}

/* Runs body as a user who may read but not write in the catalog's directory. */
static void as_nobody(const struct scratch *s, int (*body)(const struct scratch *s))
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    int status;
    pid_t pid;

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP_FREE char *file = beside(s, suffixes[i]);

        if (path_exists(file))
            assert_int_equal(chmod(file, 0644), 0);
    }
    assert_int_equal(chmod(s->dir, 0555), 0);
    pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0) ? 99 : body(s));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(s->dir, 0755), 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("as a user without rights: status %x", (unsigned)status);
}

static int reads_three(const struct scratch *s)
{
    const struct point_filter all = {0};
    struct point_list l = {0};
    struct catalog *c = NULL;
    struct err err = ERR_INIT;
    int n = -1;

    if (catalog_open(s->path, CATALOG_READ, &c, &err) == 0 &&
        catalog_points(c, &all, &l, &err) == 0)
        n = (int)l.n;
    else
        fprintf(stderr, "%s\n", err.msg);
    point_list_done(&l);
    catalog_close(c);
    return n == 3 ? 0 : 1;
}

static int is_denied(const struct scratch *s)
{
    struct catalog *c = NULL;
    struct err err = ERR_INIT;

    if (catalog_open(s->path, CATALOG_READ, &c, &err) == 0)
        return 1;
    return err.code == ERR_DENIED && strstr(err.msg, "stopped hard") ? 0 : 2;
}

static void reader_without_rights(void **state)
{
    struct scratch *s = *state;
    struct catalog *c;

    /* A name that means something in a URI. */
    free(s->path);
    s->path = xasprintf("%s/a?mode=memory#%%41 b.db", s->dir);
    make_catalog(s, 3);
    as_nobody(s, reads_three); /* the daemon is down */
    c = open_writer(s);
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    as_nobody(s, reads_three); /* the daemon runs */
    catalog_close(c);
}

/* After kill -9 the last transactions are in the log only, and the shared memory may be gone. */
static void reader_without_rights_after_kill(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *shm = beside(s, "-shm");
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct catalog *c = open_writer(s);

        add_points(c, 3);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(shm);
    as_nobody(s, is_denied);
    /* One who may write there reads it all. */
    assert_int_equal(reads_three(s), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made),
        TEST(settings),
        TEST(modes),
        TEST(none_yet),
        TEST(unusable_places),
        TEST(two_writers),
        TEST(killed_writer_lets_go),
        TEST(a_child_of_the_writer_is_waited_for),
        TEST(reader_beside_writer),
        TEST(reader_without_rights),
        TEST(reader_without_rights_after_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
