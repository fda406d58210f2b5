/* SPDX-License-Identifier: MIT
 *
 * The repository's changes, cut off at every step.  The calls that change a directory or make
 * something durable are replaced here: each is noted, and the process can be killed before the
 * n-th.  For every n the work is killed there, what is found is judged, and the work done again.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/repository.h"
#include "tests/integration/repo_support.h"

static int calls, kill_at; /* kill_at 0: never */
static struct strlist *journal;

static void step(const char *what, const char *name)
{
    CLEANUP_FREE char *line = NULL;

    if (++calls == kill_at)
        kill(getpid(), SIGKILL);
    if (!journal)
        return;
    line = xasprintf("%s %s", what, name);
    strlist_add(journal, line);
}

int fsync(int fd)
{
    char link[64], name[4096] = "";

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (readlink(link, name, sizeof(name) - 1) < 0)
        return -1;
    step("sync", strrchr(name, '/') + 1);
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *dest)
{
    step("rename", strrchr(dest, '/') + 1);
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, dest);
}

int renameat(int from_dir, const char *from, int dest_dir, const char *dest)
{
    step("rename", dest);
    return (int)syscall(SYS_renameat, from_dir, from, dest_dir, dest);
}

int renameat2(int from_dir, const char *from, int dest_dir, const char *dest, unsigned flags)
{
    step("rename", dest);
    return (int)syscall(SYS_renameat2, from_dir, from, dest_dir, dest, flags);
}

int linkat(int from_dir, const char *from, int dest_dir, const char *dest, int flags)
{
    step("link", dest);
    return (int)syscall(SYS_linkat, from_dir, from, dest_dir, dest, flags);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    step("mkdir", name);
    return (int)syscall(SYS_mkdirat, dir, name, mode);
}

int unlinkat(int dir, const char *name, int flags)
{
    step("unlink", name);
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* ---- what is cut off ---- */

static struct point points[3], plan;

static int setup(void **state)
{
    kill_at = 0;
    repo_setup(state);
    make_chain(points);
    plan = plan_make(3, &points[2]);
    return 0;
}

static int teardown(void **state)
{
    point_done(&plan);
    done_all(points);
    return repo_teardown(state);
}

static int prepare(struct err *err)
{
    return repository_prepare(repo_path, AS, &plan, ORIGIN("domain.xml", "<domain/>\n"), err);
}

/* As a job whose crash was settled is tried again. */
static int prepare_anew(struct err *err)
{
    return repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err) < 0 ? -1 : prepare(err);
}

static int publish(struct err *err)
{
    CLEANUP(point_done) struct point p = {0};

    return repository_publish(repo_path, AS, &plan, NULL, &p, err);
}

static int remove_it(struct err *err)
{
    return repository_remove(repo_path, AS, plan.id, err);
}

/* In a process that is killed before its n-th step; false when it came to its end. */
static bool killed_at(int n, int (*work)(struct err *))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct err err = ERR_INIT;

        calls = 0;
        kill_at = n;
        _exit(work(&err) < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* A name without suffix is a whole point, always. */
static enum point_presence judge(void)
{
    enum point_presence p;

    WORKS(repository_find(repo_path, plan.id, &p, NULL, err));
    if (p == POINT_PUBLISHED)
        WORKS(repository_check_chain(repo_path, plan.id, err));
    WORKS(repository_check_chain(repo_path, points[2].id, err));
    return p;
}

static void sweep(int at_least, void (*before)(void), int (*work)(struct err *),
                  enum point_presence after)
{
    int n = 1;

    for (bool killed = true; killed; n++) {
        before();
        killed = killed_at(n, work);
        judge();
        WORKS(work(err));
        assert_int_equal(judge(), after);
        WORKS(repository_remove(repo_path, AS, plan.id, err));
        WORKS(repository_remove(repo_path, AS, plan.id, err));
        assert_int_equal(judge(), POINT_ABSENT);
    }
    assert_true(n > at_least);
}

static void nothing(void)
{
}

static void prepared(void)
{
    CLEANUP_FREE char *image = repository_image(repo_path, plan.id, "vda.qcow2", true);

    WORKS(prepare(err));
    image_write(image, 2 << 20, 65536, 0x55);
}

static void published(void)
{
    WORKS(prepare(err));
    WORKS(publish(err));
}

static void preparing(void **state)
{
    (void)state;
    sweep(4, nothing, prepare_anew, POINT_PARTIAL);
}

static void publishing(void **state)
{
    (void)state;
    sweep(8, prepared, publish, POINT_PUBLISHED);
}

static void removing(void **state)
{
    (void)state;
    sweep(8, published, remove_it, POINT_ABSENT);
}

/* Preparing again what an earlier run has left behind, itself cut off. */
static void preparing_again(void **state)
{
    (void)state;
    sweep(8, prepared, prepare_anew, POINT_PARTIAL);
}

/* ---- power loss: nothing is published before it is durable ---- */

static size_t when(const struct strlist *l, const char *what, size_t from)
{
    for (size_t i = from; i < l->n; i++)
        if (strcmp(l->items[i], what) == 0)
            return i;
    fail_msg("'%s' is missing", what);
    return 0;
}

static void durable_before_the_rename(void **state)
{
    CLEANUP(strlist_done) struct strlist l = {0};
    const char *name = strrchr(plan.id, '/') + 1;
    CLEANUP_FREE char *published_as = xasprintf("rename %s", name);
    CLEANUP_FREE char *partial = xasprintf("sync %s.partial", name);
    size_t done;

    (void)state;
    journal = &l;
    WORKS(prepare(err));
    WORKS(publish(err));
    journal = NULL;
    done = when(&l, published_as, 0);
    assert_true(when(&l, "sync domain.xml.tmp", 0) < done);
    assert_true(when(&l, "sync vda.qcow2", 0) < done);
    assert_true(when(&l, "sync vdb.qcow2", 0) < done);
    assert_true(when(&l, partial,
                     when(&l, "rename point.json", when(&l, "sync point.json.tmp", 0))) < done);
    assert_true(when(&l, "sync web01", done) > done);
}

static void new_directories_are_durable(void **state)
{
    CLEANUP(strlist_done) struct strlist l = {0};
    CLEANUP(point_done) struct point other = plan_make(0, NULL);

    (void)state;
    free(other.host);
    free(other.id);
    other.host = xstrdup("newhost");
    other.id = point_id_make(&other);
    journal = &l;
    WORKS(repository_prepare(repo_path, AS, &other, NULL, err));
    journal = NULL;
    assert_true(when(&l, "sync repository", when(&l, "mkdir newhost", 0)) > 0);
    assert_true(when(&l, "sync newhost", when(&l, "mkdir web01", 0)) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(preparing),
        TEST(publishing),
        TEST(removing),
        TEST(preparing_again),
        TEST(durable_before_the_rename),
        TEST(new_directories_are_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
