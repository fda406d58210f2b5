/* SPDX-License-Identifier: MIT
 *
 * Merges that are killed: before each call that changes a directory or makes something durable, and
 * at random instants, qemu-img with them.  After each, every kept point holds what it held, as
 * qemu-img reads it and by its manifests; then the merge is finished by calling it again, and
 * again all is compared.
 *
 * And qemu-img and qemu-io are killed before single writes, cuts and syncs of theirs, while a disk
 * shrinks: what is beyond its end goes first, and a file that is cut off too early is no image.
 *
 * VMKEEP_MERGE_KILLS=300: as many at random instants, and at each write; VMKEEP_SEED: another
 * chain.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/merge/merge.h"
#include "tests/integration/merge_support.h"

#define KILLS 8
#define STRIDE 14 /* writes */

static int calls, kill_at; /* kill_at 0: never */

static void step(void)
{
    if (++calls == kill_at)
        kill(getpid(), SIGKILL);
}

int fsync(int fd)
{
    step();
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int dest_dir, const char *dest)
{
    step();
    return (int)syscall(SYS_renameat, from_dir, from, dest_dir, dest);
}

int rename(const char *from, const char *dest)
{
    step();
    return (int)syscall(SYS_rename, from, dest);
}

int linkat(int from_dir, const char *from, int dest_dir, const char *dest, int flags)
{
    step();
    return (int)syscall(SYS_linkat, from_dir, from, dest_dir, dest, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
    step();
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

static unsigned number_of(const char *variable, unsigned otherwise)
{
    const char *text = getenv(variable);

    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void sleep_ms(int64_t ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Killed before its n-th call (0: never), or after so many milliseconds (-1: never); false: it came
 * to its end. */
static bool merge_killed(const char *point, const char *into, int n, int64_t ms)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct err err = ERR_INIT;

        calls = 0;
        kill_at = n;
        if (merge_into(point, into, &err) < 0)
            fprintf(stderr, "%s\n", err.msg);
        _exit(err.code != ERR_NONE);
    }
    if (ms >= 0) {
        sleep_ms(ms);
        kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* qemu-img dies with who started it, but not at once: it may sit in a sync, and holds its locks. */
static void wait_for_orphans(void)
{
    while (waitpid(-1, NULL, 0) > 0)
        ;
    assert_int_equal(errno, ECHILD);
}

static bool merge_fails(const char *point, const char *into)
{
    struct err err = ERR_INIT;

    return merge_into(point, into, &err) < 0;
}

/* The one that goes is one, or is none any more. */
static void compare_all(const struct strlist *ids, size_t goes)
{
    CLEANUP(point_list_done) struct point_list all = {0};
    CLEANUP(strlist_done) struct strlist damaged = {0};
    const struct point *p;

    wait_for_orphans();
    WORKS(repository_list(repo_path, &all, &damaged, err));
    if (damaged.n > 0)
        fail_msg("%s", damaged.items[0]);
    p = point_list_find(&all, ids->items[goes]);
    for (size_t i = 0; i < ids->n; i++)
        if (i != goes || (p && p->state == POINT_GOOD))
            chain_compare(ids->items[i]);
}

static void each_step(int stride)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    int n = 1;

    chain_make(number_of("VMKEEP_SEED", 7), &ids);
    chain_keep();
    for (bool killed = true; killed; n += stride) {
        size_t goes = (size_t)n % 3 == 0 ? 0 : (size_t)n % 5 + 1;

        chain_put_back();
        killed = merge_killed(ids.items[goes], ids.items[goes + 1], n, -1);
        wait_for_orphans();
        chain_compare(ids.items[goes + 1]);
        merge_finish(ids.items[goes], ids.items[goes + 1]);
        chain_compare(ids.items[goes + 1]);
        chain_compare(ids.items[goes ? CHAIN - 1 : 2]);
    }
    print_message("%d steps\n", n - 2);
    assert_true(n > 25);
}

static void at_each_step(void **state)
{
    (void)state;
    each_step(1);
}

/* Merged images are compressed anew then. */
static void of_compressed_points(void **state)
{
    (void)state;
    chain_will_be(CHAIN_COMPRESSED);
    each_step(getenv("VMKEEP_MERGE_KILLS") ? 1 : 4);
    chain_will_be(CHAIN_PLAIN);
}

static bool merge_killed_at_write(const char *point, const char *into, const char *program, int n)
{
    CLEANUP_FREE char *counted = xasprintf("%s/calls", repo_tmp), *at = xasprintf("%d", n);
    bool killed;

    unlink(counted);
    setenv("LD_PRELOAD", KILL_LIBRARY, 1);
    setenv("KILL_ROOT", repo_path, 1);
    setenv("KILL_CALLS", counted, 1);
    setenv("KILL_PROGRAM", program, 1);
    setenv("KILL_AT", at, 1);
    killed = merge_fails(point, into);
    unsetenv("LD_PRELOAD");
    return killed;
}

/* Each kept point is compared after each kill; VMKEEP_MERGE_KILLS: at every write. */
static void kill_at_writes(const struct strlist *ids, size_t goes, const char *program)
{
    bool all = getenv("VMKEEP_MERGE_KILLS");
    int n, kills = 0;

    for (n = 1;; n += all ? 1 : 1 + rand() % STRIDE) {
        chain_put_back();
        if (!merge_killed_at_write(ids->items[goes], ids->items[goes + 1], program, n))
            break;
        kills++;
        wait_for_orphans();
        chain_compare(ids->items[goes + 1]);
        if (goes + 2 < ids->n)
            chain_compare(ids->items[goes + 2]);
        merge_finish(ids->items[goes], ids->items[goes + 1]);
        chain_compare(ids->items[goes + 1]);
    }
    print_message("%s: %d kills, of %d calls at most\n", program, kills, n - 1);
    assert_true(kills > 0);
}

/* vdc of the third point is smaller than that of the second, and is so when it is merged. */
static void while_a_disk_shrinks(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};

    (void)state;
    srand(number_of("VMKEEP_SEED", (unsigned)getpid()));
    chain_make(number_of("VMKEEP_SEED", 7), &ids);
    merge_finish(ids.items[0], ids.items[1]);
    chain_keep();
    kill_at_writes(&ids, 1, "qemu-img");
    kill_at_writes(&ids, 1, "qemu-io");
}

/* vdc of the last point is larger than that of the seventh, which stands on one that is larger,
 * too: what that has behind the seventh's end is nobody's any more. */
static void while_a_disk_grows(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};

    (void)state;
    srand(number_of("VMKEEP_SEED", (unsigned)getpid()));
    chain_make(number_of("VMKEEP_SEED", 7), &ids);
    chain_keep();
    kill_at_writes(&ids, CHAIN - 2, "qemu-img");
    kill_at_writes(&ids, CHAIN - 2, "qemu-io");
}

static void at_random(void **state)
{
    CLEANUP(strlist_done) struct strlist made = {0}, ids = {0};
    unsigned kills = number_of("VMKEEP_MERGE_KILLS", KILLS), landed = 0, seed;
    int64_t whole = 500;

    (void)state;
    seed = number_of("VMKEEP_SEED", (unsigned)getpid());
    print_message("VMKEEP_SEED=%u\n", seed);
    chain_make(seed, &made);
    chain_keep();
    for (unsigned tries = 0; landed < kills; tries++) {
        size_t goes;
        int64_t since;

        assert_true(tries < 20 * kills);
        if (ids.n < 3) {
            strlist_done(&ids);
            ids = strlist_copy(&made);
            chain_put_back();
        }
        goes = (size_t)rand() % (ids.n - 1);
        since = now_ms();
        if (merge_killed(ids.items[goes], ids.items[goes + 1], 0, rand() % (whole + whole / 8 + 1)))
            landed++;
        else
            whole = (now_ms() - since + whole) / 2 + 1;
        compare_all(&ids, goes);
        if (rand() % 4 == 0) /* killed once more, on its way to the end */
            landed += merge_killed(ids.items[goes], ids.items[goes + 1], 0, rand() % (whole + 1));
        merge_finish(ids.items[goes], ids.items[goes + 1]);
        free(ids.items[goes]);
        memmove(ids.items + goes, ids.items + goes + 1, (--ids.n - goes) * sizeof(*ids.items));
        chain_compare(ids.items[goes]);
        chain_compare(ids.items[ids.n - 1]);
        if (tries % 25 == 24)
            print_message("%u kills of %u merges\n", landed, tries + 1);
    }
    print_message("%u kills, all as it was\n", landed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {REPO_TEST(at_each_step), REPO_TEST(of_compressed_points),
                                       REPO_TEST(while_a_disk_shrinks),
                                       REPO_TEST(while_a_disk_grows), REPO_TEST(at_random)};

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests_name("merge_kill", tests, NULL, NULL);
}
