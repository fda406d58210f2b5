/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/timefmt.h"
#include "storage/repository/owner.h"

#define NOW INT64_C(1795401000) /* 2026-11-23T02:30:00Z */
#define WHERE "/srv/backup/local/web01"

static char *tmp;
static int dir = -1;

static int setup(void **state)
{
    char name[512];

    (void)state;
    test_make_dir(name, sizeof(name));
    tmp = xstrdup(name);
    dir = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 ? 0 : -1;
}

static void forget_owner(void)
{
    unlinkat(dir, OWNER_FILE, 0);
}

static int teardown(void **state)
{
    (void)state;
    forget_owner();
    close(dir);
    assert_int_equal(rmdir(tmp), 0); /* nothing beside the file is left */
    free(tmp);
    return 0;
}

static const struct owner a = {.catalog = (char *)"aaaaaaaa",
                               .machine = (char *)"backup1",
                               .machine_id = (char *)"m1",
                               .catalog_path = (char *)"/var/lib/vmkeep/catalog.db"};
static const struct owner b = {.catalog = (char *)"bbbbbbbb",
                               .machine = (char *)"backup2",
                               .machine_id = (char *)"m2",
                               .catalog_path = (char *)"/srv/catalog.db"};

static enum err_code claim(const struct owner *who, int64_t now, char *msg)
{
    struct err err = ERR_INIT;
    int rc = owner_claim(dir, WHERE, who, now, NULL, NULL, &err);

    assert_int_equal(rc < 0, err.code != ERR_NONE);
    if (msg)
        memcpy(msg, err.msg, sizeof(err.msg));
    return err.code;
}

static void first_come(void **state)
{
    char msg[ERR_MSG_MAX];
    struct owner found = {0};
    struct err err = ERR_INIT;
    bool there;

    (void)state;
    assert_int_equal(owner_read(dir, WHERE, &found, &there, &err), 0);
    assert_false(there);
    assert_int_equal(claim(&a, NOW, NULL), ERR_NONE);
    assert_int_equal(claim(&a, NOW + 60, NULL), ERR_NONE);
    assert_int_equal(claim(&b, NOW + 120, msg), ERR_DENIED);
    assert_string_equal(msg, WHERE " belongs to vmkeep on backup1 (catalog aaaaaaaa, "
                                   "/var/lib/vmkeep/catalog.db; last used 2026-11-23T02:31:00Z); "
                                   "nothing is done there: give the host another name in the "
                                   "configuration, or take it over with 'vmkeep repository "
                                   "adopt'");
    assert_int_equal(owner_read(dir, WHERE, &found, &there, &err), 0);
    assert_true(there);
    assert_string_equal(found.machine_id, "m1");
    assert_int_equal(found.since, NOW);
    assert_int_equal(found.used, NOW + 60);
    owner_done(&found);
}

/* What makes room on a full disk, a prune or the clean-up of a job that failed for it, begins with
 * a claim, too. */
static void full_disk(void **state)
{
    CLEANUP_FREE char *path = xasprintf("%s/full", tmp), *fill = xasprintf("%s/fill", path);
    static const char zeroes[4096];
    struct err err = ERR_INIT;
    int fd, full;

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    if (mount("tmpfs", path, "tmpfs", 0, "size=64k") < 0) {
        assert_int_equal(errno, EPERM);
        assert_int_equal(rmdir(path), 0);
        skip();
    }
    full = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(owner_claim(full, WHERE, &a, NOW, NULL, NULL, &err), 0);
    fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, zeroes, sizeof(zeroes)) > 0)
        ;
    close(fd);
    assert_int_equal(owner_claim(full, WHERE, &a, NOW + 60, NULL, NULL, &err), 0);
    assert_int_equal(owner_claim(full, WHERE, &b, NOW + 60, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_int_equal(unlinkat(full, OWNER_FILE, 0), 0);
    fd = open(fill, O_WRONLY | O_APPEND | O_CLOEXEC);
    while (write(fd, zeroes, sizeof(zeroes)) > 0)
        ;
    close(fd);
    err = ERR_INIT;
    assert_int_equal(owner_claim(full, WHERE, &a, NOW, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NOSPACE);
    close(full);
    assert_int_equal(umount(path), 0);
    assert_int_equal(rmdir(path), 0);
}

static void taken_over(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(claim(&a, NOW, NULL), ERR_NONE);
    assert_int_equal(owner_take_over(dir, WHERE, &b, NOW + 1, &err), 0);
    assert_int_equal(claim(&b, NOW + 2, NULL), ERR_NONE);
    assert_int_equal(claim(&a, NOW + 3, NULL), ERR_DENIED);
}

/* A catalog that moved to another machine goes on; one of which there are two does not. */
static void same_catalog_elsewhere(void **state)
{
    struct owner copy = a;
    char msg[ERR_MSG_MAX];

    (void)state;
    copy.machine = (char *)"clone";
    copy.machine_id = (char *)"m3";
    assert_int_equal(claim(&a, NOW, NULL), ERR_NONE);
    assert_int_equal(claim(&copy, NOW + OWNER_ACTIVE_S - 1, msg), ERR_BUSY);
    assert_non_null(strstr(msg, "a copy?"));
    assert_int_equal(claim(&copy, NOW + OWNER_ACTIVE_S, NULL), ERR_NONE);
    assert_int_equal(claim(&a, NOW + OWNER_ACTIVE_S + 1, NULL), ERR_BUSY);
}

/* Two of which nobody knows which machine they are on are not on one. */
static void machines_without_id(void **state)
{
    struct owner one = a, anew = a;
    char msg[ERR_MSG_MAX];

    (void)state;
    one.machine_id = anew.machine_id = (char *)"";
    anew.catalog = (char *)"cccccccc";
    assert_int_equal(claim(&one, NOW, NULL), ERR_NONE);
    assert_int_equal(claim(&a, NOW + 1, msg), ERR_BUSY);
    assert_non_null(strstr(msg, "without /etc/machine-id"));
    assert_int_equal(claim(&one, NOW + 1, NULL), ERR_BUSY);
    assert_int_equal(claim(&anew, NOW + 1, NULL), ERR_DENIED);
    assert_false(owner_is_same_place(&one, &one));
    assert_true(owner_is_same_place(&a, &a));
}

static void put(const char *root, const char *file, const char *text)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", root, file), *parent = path_dirname(path);
    struct err err = ERR_INIT;

    assert_int_equal(mkdir_all(parent, 0755, &err), 0);
    assert_int_equal(write_file_durably(path, text, strlen(text), 0600, &err), 0);
}

static void assert_id(const char *root, const char *want)
{
    CLEANUP_FREE char *id = owner_machine_id(root);

    assert_string_equal(id, want);
}

static void ids_of_machines(void **state)
{
    CLEANUP_FREE char *root = xasprintf("%s/root", tmp), *remove = xasprintf("rm -r %s", root);

    (void)state;
    assert_id(root, "");
    put(root, "proc/sys/kernel/random/boot_id", "b5b5-01\n");
    assert_id(root, "boot:b5b5-01");
    put(root, "sys/class/dmi/id/product_uuid", "00000000-0000-0000\n"); /* firmware that has none */
    assert_id(root, "boot:b5b5-01");
    put(root, "sys/class/dmi/id/product_uuid", "03AB-77\n");
    assert_id(root, "dmi:03AB-77");
    put(root, "etc/machine-id", "");
    assert_id(root, "dmi:03AB-77");
    put(root, "etc/machine-id", "uninitialized\n");
    assert_id(root, "dmi:03AB-77");
    put(root, "var/lib/dbus/machine-id", "0123\n");
    assert_id(root, "0123");
    put(root, "etc/machine-id", "4567\n");
    assert_id(root, "4567");
    assert_int_equal(system(remove), 0);
}

/* A catalog that was lost and made anew. */
static void another_catalog_at_our_place(void **state)
{
    struct owner anew = a;

    (void)state;
    anew.catalog = (char *)"cccccccc";
    assert_int_equal(claim(&a, NOW, NULL), ERR_NONE);
    assert_int_equal(claim(&anew, NOW + 1, NULL), ERR_NONE);
    anew.catalog = (char *)"dddddddd";
    anew.catalog_path = (char *)"/elsewhere/catalog.db";
    assert_int_equal(claim(&anew, NOW + 2, NULL), ERR_DENIED);
    anew.catalog_path = a.catalog_path;
    anew.machine = (char *)"clone";
    assert_int_equal(claim(&anew, NOW + 2, NULL), ERR_DENIED);
}

static int no(void *arg, struct err *err)
{
    ++*(int *)arg;
    return err_set(err, ERR_DENIED, "it is somebody's");
}

static void directories_without_owner(void **state)
{
    struct err err = ERR_INIT;
    int asked = 0;

    (void)state;
    assert_int_equal(owner_claim(dir, WHERE, &a, NOW, no, &asked, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_int_equal(claim(&b, NOW, NULL), ERR_NONE);
    err = ERR_INIT;
    assert_int_equal(owner_claim(dir, WHERE, &b, NOW, no, &asked, &err), 0);
    assert_int_equal(asked, 1);
}

/* Who cannot read whose it is keeps off. */
static void damaged_files(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "{\"format\": 1, \"catalog\": \"aaaaaaaa\"}",
        ("{\"format\": 1, \"catalog\": \"aaaaaaaa\", \"machine\": \"x\", \"machine_id\": \"\","
         " \"catalog_path\": \"/x\", \"since\": \"yesterday\","
         " \"used\": \"2026-11-23T02:31:00Z\"}"),
    };
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(replace_file_at(dir, OWNER_FILE, "x", bad[i], strlen(bad[i]), 0600, &err),
                         0);
        assert_int_equal(claim(&a, NOW, NULL), ERR_CORRUPT);
    }
    forget_owner();
    assert_int_equal(symlinkat("/etc/hostname", dir, OWNER_FILE), 0);
    assert_int_equal(claim(&a, NOW, NULL), ERR_CORRUPT);
    assert_int_equal(owner_take_over(dir, WHERE, &a, NOW, &err), 0);
    assert_int_equal(claim(&a, NOW, NULL), ERR_NONE);
}

static void this_machine(void **state)
{
    struct owner self = {0};

    (void)state;
    owner_here("0123abcd", "/x/catalog.db", &self);
    assert_string_equal(self.catalog, "0123abcd");
    assert_true(strlen(self.machine) > 0);
    assert_null(strchr(self.machine_id, '\n'));
    owner_done(&self);
}

/* ---- many at once ---- */

#define CLAIMANTS 24
#define ROUNDS 40

static _Noreturn void claimant(int number, int gate)
{
    CLEANUP_FREE char *catalog = xasprintf("%08x", number);
    struct owner self = a;
    char c;

    self.catalog = self.machine = catalog;
    if (read(gate, &c, 1) != 0) /* closed: go */
        _exit(9);
    switch (claim(&self, NOW, NULL)) {
    case ERR_NONE:
        _exit(0);
    case ERR_DENIED:
        _exit(1);
    default:
        _exit(2);
    }
}

static void exactly_one_wins(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[CLAIMANTS];
        struct owner found = {0};
        struct err err = ERR_INIT;
        int gate[2], winner = -1;
        bool there;

        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < CLAIMANTS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                close(gate[1]);
                claimant(i, gate[0]);
            }
        }
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < CLAIMANTS; i++) {
            int status;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            if (WEXITSTATUS(status) != 0)
                continue;
            if (winner >= 0)
                fail_msg("round %d: both %d and %d have won", round, winner, i);
            winner = i;
        }
        assert_true(winner >= 0);
        assert_int_equal(owner_read(dir, WHERE, &found, &there, &err), 0);
        assert_int_equal(strtol(found.catalog, NULL, 16), winner);
        owner_done(&found);
        forget_owner();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_come, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(same_catalog_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(machines_without_id, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_of_machines, setup, teardown),
        cmocka_unit_test_setup_teardown(another_catalog_at_our_place, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_without_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_files, setup, teardown),
        cmocka_unit_test_setup_teardown(this_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_one_wins, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
