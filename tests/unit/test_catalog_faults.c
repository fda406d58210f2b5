/* SPDX-License-Identifier: MIT
 *
 * The catalog when the disk fails under it, or the daemon is killed.
 *
 * SQLite's files are opened through a VFS of ours that counts what is written, synced, cut and
 * mapped, and at the Nth of these fails, or writes half of it and kills the process.  The same
 * steps of a daemon's life run again for each N, until a run passes untouched.  At any time the
 * catalog holds what whole steps have made of it, and a step that failed can be done again. */
#include "tests/unit/catalog_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* ---- the VFS ---- */

enum fault { FAULT_FULL, FAULT_IO, FAULT_KILL };

static struct {
    sqlite3_vfs vfs, *real;
    struct {
        sqlite3_io_methods patched;
        const sqlite3_io_methods *real;
    } methods[4];
    size_t n_methods;
    enum fault kind;
    int countdown; /* to the first that fails; 0: none will */
    int failing;   /* so many fail from then on */
    bool struck;
    int syncs;
    int failed, full; /* calls that failed; with ERR_NOSPACE */
} disk;

static const sqlite3_io_methods *real_methods(const sqlite3_file *f)
{
    for (size_t i = 0; i < disk.n_methods; i++)
        if (f->pMethods == &disk.methods[i].patched)
            return disk.methods[i].real;
    abort();
}

static bool strikes(void)
{
    if (disk.countdown == 0)
        return false;
    if (disk.countdown > 1) {
        disk.countdown--;
        return false;
    }
    if (disk.failing-- <= 0) {
        disk.countdown = 0;
        return false;
    }
    disk.struck = true;
    return true;
}

static int failure(int io)
{
    if (disk.kind == FAULT_KILL)
        kill(getpid(), SIGKILL);
    errno = EIO;
    return disk.kind == FAULT_FULL && io == SQLITE_IOERR_WRITE ? SQLITE_FULL : io;
}

static int disk_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (!strikes())
        return real_methods(f)->xWrite(f, data, n, at);
    if (n > 1)
        real_methods(f)->xWrite(f, data, n / 2, at);
    return failure(SQLITE_IOERR_WRITE);
}

static int disk_sync(sqlite3_file *f, int flags)
{
    disk.syncs++;
    return strikes() ? failure(SQLITE_IOERR_FSYNC) : real_methods(f)->xSync(f, flags);
}

static int disk_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return strikes() ? failure(SQLITE_IOERR_TRUNCATE) : real_methods(f)->xTruncate(f, size);
}

static int disk_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    if (extend && strikes())
        return failure(SQLITE_IOERR_SHMSIZE);
    return real_methods(f)->xShmMap(f, page, size, extend, ret);
}

static const sqlite3_io_methods *patch(const sqlite3_io_methods *real)
{
    sqlite3_io_methods *m;

    for (size_t i = 0; i < disk.n_methods; i++)
        if (disk.methods[i].real == real)
            return &disk.methods[i].patched;
    assert_true(disk.n_methods < ARRAY_LEN(disk.methods));
    disk.methods[disk.n_methods].real = real;
    m = &disk.methods[disk.n_methods++].patched;
    *m = *real;
    m->xWrite = disk_write;
    m->xSync = disk_sync;
    m->xTruncate = disk_truncate;
    m->xShmMap = disk_map;
    return m;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    int rc = disk.real->xOpen(disk.real, name, f, flags, ret_flags);

    (void)vfs;
    if (rc == SQLITE_OK && f->pMethods)
        f->pMethods = patch(f->pMethods);
    return rc;
}

static int disk_install(void **state)
{
    (void)state;
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "faulty";
    disk.vfs.pNext = NULL;
    disk.vfs.xOpen = disk_open;
    return sqlite3_vfs_register(&disk.vfs, 1) == SQLITE_OK ? 0 : -1;
}

static void disk_break(enum fault kind, int at, int n)
{
    disk.kind = kind;
    disk.countdown = at;
    disk.failing = n;
    disk.struck = false;
}

static void disk_repair(void)
{
    disk.countdown = 0;
}

/* ---- the steps ---- */

static struct point full, incremental, failed;

static int add(struct catalog *c, const char *kind, int64_t due, struct err *err)
{
    struct job j = {.kind = kind,
                    .host = (char *)"h",
                    .domain = (char *)"d",
                    .policy = (char *)"n",
                    .repository = (char *)"main",
                    .level = LEVEL_INCREMENTAL,
                    .due = due,
                    .created = due};
    char *ids[] = {(char *)"a2", (char *)"a1"};
    const struct strlist points = {ids, 2, 2};

    if (str_eq(kind, JOB_DELETE))
        j.points = &points;
    return catalog_job_add(c, &j, err);
}

static struct checkpoint_disk kept_disks[] = {{.name = (char *)"vda", .capacity = 1024},
                                              {.name = (char *)"vdb", .capacity = 2048}};
static const struct checkpoint kept = {.name = (char *)"kept",
                                       .host = (char *)"h",
                                       .domain = (char *)"d",
                                       .description = (char *)"a note",
                                       .created = 330,
                                       .disks = {kept_disks, 2, 2}};
static const struct checkpoint alone = {.name = (char *)"alone",
                                        .host = (char *)"h",
                                        .domain = (char *)"d",
                                        .created = 350,
                                        .disks = {kept_disks, 1, 1}};
static struct job by_hand = {.kind = JOB_BACKUP_BEGIN,
                             .guest = true,
                             .host = (char *)"h",
                             .domain = (char *)"d",
                             .policy = (char *)"",
                             .repository = (char *)"",
                             .step = (char *)"beginning",
                             .why = (char *)"begun by hand",
                             .started = 330,
                             .document = (char *)"<domainbackup/>"};

/* Every writing function of the catalog; the jobs are 1 to 6. */
static int step(struct catalog *c, int i, struct err *err)
{
    size_t n;

    switch (i) {
    case 0:
        return catalog_cover(c, "h", "d", "n", 50, err);
    case 1:
        return add(c, JOB_BACKUP, 100, err);
    case 2:
        return catalog_job_start(c, 1, 101, LEVEL_FULL, "first", &full, err);
    case 3:
        return catalog_job_step(c, 1, "copying", err);
    case 4:
        return catalog_job_progress(c, &(struct job){.id = 1, .bytes_done = 10, .bytes_total = 100},
                                    err);
    case 5:
        return catalog_publish(c, 1, 110, &full, ERR_NONE, "full", err);
    case 6:
        return add(c, JOB_BACKUP, 200, err);
    case 7:
        return catalog_job_start(c, 2, 201, LEVEL_INCREMENTAL, "due", &incremental, err);
    case 8:
        return catalog_publish(c, 2, 210, &incremental, ERR_NONE, "incremental", err);
    case 9:
        return catalog_checkpoint_forget(c, "cp1", err);
    case 10:
        return add(c, JOB_DELETE, 0, err);
    case 11:
        return catalog_job_start(c, 3, 220, LEVEL_FULL, "by hand", NULL, err);
    case 12:
        return catalog_point_set_keep(c, "a1", "last 1", err);
    case 13:
        return catalog_point_set_state(c, "a2", POINT_DELETING, NULL, err);
    case 14:
        return catalog_checkpoint_drop(c, "cp2", err);
    case 15:
        return catalog_point_delete(c, "a2", err);
    case 16:
        return catalog_job_end(c, 3, 230, OUTCOME_SUCCESS, ERR_NONE, "1 point let go", err);
    case 17:
        return add(c, JOB_BACKUP, 300, err);
    case 18:
        return catalog_job_start(c, 4, 301, LEVEL_FULL, "due", &failed, err);
    case 19:
        return catalog_job_end(c, 4, 310, OUTCOME_FAILED, ERR_REMOTE, "gone", err);
    case 20:
        return catalog_point_add(c, &failed, err);
    case 21:
        return catalog_seen_put(c, "domain", "h/d", "running", NULL, NULL, 320, err);
    case 22:
        return catalog_job_expire(c, 250, &(struct job_expiry){0}, err);
    case 23:
        return catalog_job_add(c, &by_hand, err);
    case 24:
        return catalog_job_begin(c, &by_hand, &kept, err);
    case 25:
        return catalog_job_document(c, 5, "<domainbackup mode='push'/>", err);
    case 26:
        return catalog_job_end(c, 5, 340, OUTCOME_SUCCESS, ERR_NONE, "done", err);
    case 27:
        return add(c, JOB_BACKUP_BEGIN, 0, err);
    case 28:
        return catalog_job_remove(c, 6, err);
    case 29:
        return catalog_checkpoint_add(c, &alone, err);
    case 30:
        return catalog_checkpoint_keep(c, "h", "d", "alone", err);
    case 31:
        return catalog_checkpoint_delete(c, "h", "d", "kept", err);
    case 32:
        return catalog_cover_gone(c, "h", "d", 350, err);
    case 33:
        return catalog_repository_forget(c, "main", 400, &n, err);
    default:
        return catalog_uncover(c, "h", "d", "n", 500, err);
    }
}

#define STEPS 35

/* The catalog's contents before each step, and after the last. */
static char *contents[STEPS + 1];

static int steps_learn(void **state)
{
    struct scratch *s;
    struct catalog *c;

    if (disk_install(state) < 0)
        return -1;
    full = sample_point("a1", "d", "n", 101, NULL, "cp1");
    incremental = sample_point("a2", "d", "n", 201, "a1", "cp2");
    failed = sample_point("a3", "d", "n", 301, NULL, "cp4");
    scratch_make((void **)&s);
    c = open_writer(s);
    for (int i = 0; i < STEPS; i++) {
        contents[i] = dump(c->db.h);
        disk.syncs = 0;
        OK(step(c, i, &err));
        assert_true(disk.syncs > 0); /* it is on disk now */
    }
    contents[STEPS] = dump(c->db.h);
    for (int i = 0; i < STEPS; i++) /* each leaves a trace, or the tests below see nothing */
        assert_string_not_equal(contents[i], contents[i + 1]);
    catalog_close(c);
    return scratch_remove((void **)&s);
}

static int steps_forget(void **state)
{
    (void)state;
    for (int i = 0; i <= STEPS; i++)
        free(contents[i]);
    point_done(&full);
    point_done(&incremental);
    point_done(&failed);
    return 0;
}

static void assert_contents(struct catalog *c, int i)
{
    CLEANUP_FREE char *now = dump(c->db.h);

    assert_string_equal(now, contents[i]);
}

/* ---- errors ---- */

static void assert_code(const struct err *err)
{
    bool fit = err->code == ERR_IO || (err->code == ERR_NOSPACE && disk.kind == FAULT_FULL);

    if (!fit || !strstr(err->msg, "catalog.db"))
        fail_msg("%s: %s", err_code_name(err->code), err->msg);
    disk.failed++;
    disk.full += err->code == ERR_NOSPACE;
}

/* A step that fails changes nothing, so each is tried again with the fault one place further on,
 * until it passes untouched. */
static void sweep_step(struct catalog *c, int i, enum fault kind, int n)
{
    for (int at = 1;; at++) {
        struct err why = ERR_INIT;
        int rc;

        disk_break(kind, at, n);
        rc = step(c, i, &why);
        disk_repair();
        if (rc == 0)
            break;
        if (!disk.struck)
            fail_msg("step %d: %s", i, why.msg);
        assert_code(&why);
        assert_contents(c, i);
    }
    assert_contents(c, i + 1);
}

static void sweep_errors(const struct scratch *s, enum fault kind, int n)
{
    struct catalog *c = open_writer(s), *reader;

    disk.failed = disk.full = 0;
    for (int i = 0; i < STEPS; i++)
        sweep_step(c, i, kind, n);
    assert_true(disk.failed > 3 * STEPS); /* each step writes and syncs */
    if (kind == FAULT_FULL)
        assert_true(disk.full > disk.failed / 2);
    reader = open_reader(s);
    assert_contents(reader, STEPS);
    catalog_close(reader);
    catalog_close(c);
    OK(try_open(s, CATALOG_WRITE, &err)); /* nothing is damaged */
}

static void full_once(void **state)
{
    sweep_errors(*state, FAULT_FULL, 1);
}

static void full_for_long(void **state)
{
    sweep_errors(*state, FAULT_FULL, 1000000);
}

static void io_error_once(void **state)
{
    sweep_errors(*state, FAULT_IO, 1);
}

static void io_errors_for_long(void **state)
{
    sweep_errors(*state, FAULT_IO, 1000000);
}

/* While it is being made. */
static void errors_at_open(void **state)
{
    bool struck = true;
    int at = 1;

    (void)state;
    for (; struck; at++) {
        struct scratch *s;
        struct err why = ERR_INIT;
        struct catalog *c;

        scratch_make((void **)&s);
        disk_break(at % 2 ? FAULT_FULL : FAULT_IO, at, 1000000);
        if (try_open(s, CATALOG_WRITE, &why) < 0)
            assert_code(&why);
        struck = disk.struck;
        disk_repair();
        c = open_writer(s);
        assert_contents(c, 0);
        catalog_close(c);
        scratch_remove((void **)&s);
    }
    assert_true(at > 10);
}

/* ---- kill -9 ---- */

/* Opens the catalog, does step i (-1: none) and closes it, in a child that dies at the given write.
 * Returns whether it died. */
static bool child_dies(const struct scratch *s, int i, int at)
{
    struct catalog *c = NULL;
    struct err err = ERR_INIT;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        disk_break(FAULT_KILL, at, 1);
        if (catalog_open(s->path, CATALOG_WRITE, &c, &err) < 0)
            _exit(1);
        if (i >= 0 && step(c, i, &err) < 0)
            _exit(2);
        catalog_close(c);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status %x", (unsigned)status);
    return false;
}

/* What a reader sees of a catalog whose making was broken off, and then a writer. */
static void look_at_beginnings(const struct scratch *s)
{
    struct catalog *c = NULL;
    struct err why = ERR_INIT;

    if (catalog_open(s->path, CATALOG_READ, &c, &why) < 0) {
        if (why.code != ERR_NOTFOUND)
            fail_msg("%s", why.msg);
    } else {
        assert_contents(c, 0);
        catalog_close(c);
    }
    c = open_writer(s);
    assert_contents(c, 0);
    catalog_close(c);
}

static void killed_while_made(void **state)
{
    bool died = true;
    int at = 1;

    (void)state;
    for (; died; at++) {
        struct scratch *s;

        scratch_make((void **)&s);
        died = child_dies(s, -1, at);
        look_at_beginnings(s);
        scratch_remove((void **)&s);
    }
    assert_true(at > 10);
}

/* Kills the daemon at every third write of opening, step i and closing, until it comes through:
 * the step is there as a whole, or not at all and then tried again on what was left. Returns the
 * kills. */
static int kill_in_step(const struct scratch *s, int i)
{
    bool died = true, done = false;
    int kills = 0;

    for (int at = 1 + i % 3; died; at += 3) {
        CLEANUP_FREE char *now = NULL;
        struct catalog *reader;

        died = child_dies(s, done ? -1 : i, at);
        kills += died;
        reader = open_reader(s);
        now = dump(reader->db.h);
        catalog_close(reader);
        done = done || !died || strcmp(now, contents[i]) != 0;
        assert_string_equal(now, contents[done ? i + 1 : i]);
    }
    return kills;
}

static void killed_anywhere(void **state)
{
    const struct scratch *s = *state;
    int kills = 0;

    catalog_close(open_writer(s));
    for (int i = 0; i < STEPS; i++)
        kills += kill_in_step(s, i);
    assert_true(kills > 2 * STEPS);
}

/* ---- a file system that is full ---- */

static void write_ballast(const char *path, size_t len)
{
    CLEANUP_FREE char *zeroes = xcalloc(1, len);
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, zeroes, len), (ssize_t)len);
}

static int fill_up(struct catalog *c, struct err *err)
{
    for (int64_t i = 1; i < 100000; i++)
        if (add(c, JOB_BACKUP, i, err) < 0)
            return -1;
    return 0;
}

/* On a file system of its own, in a namespace of its own. 77: that cannot be had here. */
static int live_on_full_disk(const struct scratch *s)
{
    CLEANUP_FREE char *ballast = xasprintf("%s/ballast", s->dir), *before = NULL, *after = NULL;
    struct catalog *c;

    if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
        mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", s->dir, "tmpfs", 0, "size=1m") < 0)
        return 77;
    write_ballast(ballast, 128 << 10);
    c = open_writer(s);
    FAILS(ERR_NOSPACE, s->path, fill_up(c, &err));
    before = dump(c->db.h);
    FAILS(ERR_NOSPACE, s->path,
          catalog_job_expire(c, 5, &(struct job_expiry){0}, &err) < 0 ? -1 : fill_up(c, &err));
    after = dump(c->db.h);
    assert_non_null(strstr(before, "\njob|20|"));
    assert_string_equal(before, after);
    assert_int_equal(unlink(ballast), 0);
    OK(catalog_cover(c, "h", "d", "n", 1, &err));
    catalog_close(c);
    OK(try_open(s, CATALOG_READ, &err));
    OK(try_open(s, CATALOG_WRITE, &err));
    return 0;
}

static void full_disk(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(live_on_full_disk(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

/* A limit or a quota, which write(2) reports in its own way. */
static int live_within_limit(const struct scratch *s)
{
    struct catalog *c = open_writer(s);
    CLEANUP_FREE char *before = NULL, *after = NULL;
    const struct rlimit limit = {1 << 20, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    FAILS(ERR_NOSPACE, "File too large", fill_up(c, &err));
    before = dump(c->db.h);
    FAILS(ERR_NOSPACE, "File too large", catalog_publish(c, 1, 1, &full, ERR_NONE, "", &err));
    after = dump(c->db.h);
    assert_string_equal(before, after);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    OK(catalog_publish(c, 1, 1, &full, ERR_NONE, "", &err));
    catalog_close(c);
    return 0;
}

static void file_limit(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(live_within_limit(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int setup(void **state)
{
    disk_repair();
    return scratch_make(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_once),
        TEST(full_for_long),
        TEST(io_error_once),
        TEST(io_errors_for_long),
        cmocka_unit_test(errors_at_open),
        cmocka_unit_test(killed_while_made),
        TEST(killed_anywhere),
        TEST(full_disk),
        TEST(file_limit),
    };

    return cmocka_run_group_tests(tests, steps_learn, steps_forget);
}
