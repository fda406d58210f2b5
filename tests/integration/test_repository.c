/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/images/beside.h"
#include "storage/repository/point_hold.h"
#include "storage/repository/repository.h"
#include "tests/integration/repo_support.h"

static enum point_presence presence(const char *id)
{
    enum point_presence p = POINT_ABSENT;

    WORKS(repository_find(repo_path, id, &p, NULL, err));
    return p;
}

/* ---- the repository itself ---- */

static void opening(void **state)
{
    CLEANUP_FREE char *none = xasprintf("%s/none", repo_tmp);
    uint64_t avail, total;

    (void)state;
    WORKS(repository_open(repo_path, true, err));
    WORKS(repository_space(repo_path, &avail, &total, err));
    assert_true(avail > 0 && avail <= total);
    FAILS(repository_open(none, true, err), ERR_NOTFOUND);
    FAILS(repository_open(repo_tmp, true, err), ERR_INVALID);
    put("repository.json", "{\"format\": 99, \"id\": \"x\"}");
    FAILS(repository_open(repo_path, true, err), ERR_UNSUPPORTED);
    put("repository.json", "{\"format\": 1");
    FAILS(repository_open(repo_path, true, err), ERR_CORRUPT);
    put("repository.json", "[]");
    FAILS(repository_open(repo_path, true, err), ERR_CORRUPT);
}

static void new_file_system_with_lost_and_found(void **state)
{
    CLEANUP_FREE char *dir = xasprintf("%s/fresh", repo_tmp);
    CLEANUP_FREE char *lost = xasprintf("%s/lost+found", dir);

    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(mkdir(lost, 0700), 0);
    FAILS(repository_open(dir, false, err), ERR_NOTFOUND); /* a mount point without its disk */
    WORKS(repository_open(dir, true, err));
    WORKS(repository_open(dir, false, err));
}

/* An empty mount point is not an empty repository. */
static void disk_that_is_not_mounted(void **state)
{
    CLEANUP_FREE char *dir = xasprintf("%s/mnt", repo_tmp);
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    enum point_presence p;

    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    FAILS(repository_find(dir, plan.id, &p, NULL, err), ERR_NOTFOUND);
    FAILS(repository_prepare(dir, AS, &plan, NULL, err), ERR_NOTFOUND);
    FAILS(repository_remove(dir, AS, plan.id, err), ERR_NOTFOUND);
    FAILS(repository_remove(dir, AS, plan.id, err), ERR_NOTFOUND);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- names ---- */

static void ids_cannot_lead_outside(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "//",
        "local/web01",
        "local/web01/",
        "../x/2026-11-23T02-30-00Z.nightly",
        "local/../2026-11-23T02-30-00Z.nightly",
        "local/web01/..",
        "local/web01/../../etc",
        "/local/web01/2026-11-23T02-30-00Z.nightly",
        "local//2026-11-23T02-30-00Z.nightly",
        "local/web01/2026-11-23T02-30-00Z.nightly/",
        "local/web01/2026-11-23T02-30-00Z.",
        "local/web01/2026-11-23T02-30-00Z",
        "local/web01/2026-13-23T02-30-00Z.nightly",
        "local/web01/2026-11-23T02:30:00Z.nightly",
        "local/web01/2026-11-23T02-30-00Z.a/b",
        "local/web01/2026-11-23T02-30-00Z..",
        "local/web01/2026-11-23T02-30-00Z.%2e",
        "local/web 01/2026-11-23T02-30-00Z.nightly",
        "local/%77eb/2026-11-23T02-30-00Z.nightly",
        "local/web01/2026-11-23T02-30-00Z.nightly.partial",
        "local/web01/2026-11-23T02-30-00Z.nightly.deleting",
        "local/web01/2026-11-23T02-30-00Z.nightly.partial@0123abcd-1",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-1.partial",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-1@0123abcd-1",
        "local/web01/2026-11-23T02-30-00Z.nightly@",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-01",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-1x",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123ABCD-1",
        "local/web01/2026-11-23T02-30-00Z.nightly@0123abcd-1234567890123456789",
        "local/web01@0123abcd-1/2026-11-23T02-30-00Z.nightly",
    };
    const struct point named = {
        .host = (char *)"h/o", .domain = (char *)"..", .policy = (char *)"a b@c", .created = T0};
    struct point made = named;
    CLEANUP_FREE char *catalog = NULL;
    int64_t job;
    CLEANUP_FREE char *odd = point_id_make(&named), *full = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        enum point_presence p;

        FAILS(point_id_check(bad[i], err), ERR_INVALID);
        FAILS(repository_find(repo_path, bad[i], &p, NULL, err), ERR_INVALID);
        FAILS(repository_remove(repo_path, AS, bad[i], err), ERR_INVALID);
        FAILS(repository_remove(repo_path, AS, bad[i], err), ERR_INVALID);
        FAILS(repository_check_chain(repo_path, bad[i], err), ERR_INVALID);
    }
    assert_string_equal(odd, "h%2Fo/%2E./2026-11-23T02-30-00Z.a%20b%40c");
    WORKS(point_id_check(odd, err));
    made.catalog = (char *)"0123abcd";
    made.job = 12;
    full = point_id_make(&made);
    assert_string_equal(full, "h%2Fo/%2E./2026-11-23T02-30-00Z.a%20b%40c@0123abcd-12");
    WORKS(point_id_check(full, err));
    assert_true(point_id_maker(full, &catalog, &job));
    assert_string_equal(catalog, "0123abcd");
    assert_int_equal(job, 12);
    assert_false(point_id_maker(odd, &catalog, &job));
}

static void links_are_not_followed(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP_FREE char *outside = xasprintf("%s/outside", repo_tmp);
    CLEANUP_FREE char *kept = xasprintf("%s/outside/kept", repo_tmp);
    CLEANUP_FREE char *host = xasprintf("%s/local", repo_path);
    CLEANUP_FREE char *inside =
        xasprintf("%s/local/web01/%s.partial/link", repo_path, strrchr(plan.id, '/') + 1);

    (void)state;
    assert_int_equal(mkdir(outside, 0700), 0);
    WORKS(write_file_durably(kept, "x", 1, 0600, err));
    assert_int_equal(symlink(outside, host), 0);
    assert_int_equal(repository_prepare(repo_path, AS, &plan, NULL, &(struct err){0}), -1);
    unlink(host);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    assert_int_equal(symlink(outside, inside), 0);
    WORKS(repository_remove(repo_path, AS, plan.id, err));
    assert_true(path_exists(kept));
}

static void plans_that_cannot_be(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);

    (void)state;
    free(plan.disks.items[0].path);
    plan.disks.items[0].path = xstrdup("../vda.qcow2");
    FAILS(repository_prepare(repo_path, AS, &plan, NULL, err), ERR_INVALID);
    free(plan.disks.items[0].path);
    plan.disks.items[0].path = xstrdup("vda.qcow2");
    FAILS(repository_prepare(repo_path, AS, &plan, ORIGIN("../x", "text"), err), ERR_INVALID);
    FAILS(repository_prepare("relative", AS, &plan, NULL, err), ERR_INVALID);
    plan.created++;
    FAILS(repository_prepare(repo_path, AS, &plan, NULL, err), ERR_INVALID);
}

/* ---- a point's life ---- */

static void full_and_increments(void **state)
{
    struct point points[3] = {0};

    (void)state;
    make_chain(points);
    for (int i = 0; i < 3; i++) {
        enum point_presence p;
        CLEANUP(point_done) struct point again = {0};

        assert_int_equal(points[i].disks.n, 2);
        assert_true(points[i].disks.items[0].bytes > 65536);
        assert_null(points[i].disks.items[1].digest);
        assert_int_equal(strncmp(points[i].disks.items[1].content, "sha256-tree:", 12), 0);
        assert_int_equal(strlen(points[i].disks.items[1].content), 12 + 64);
        WORKS(repository_find(repo_path, points[i].id, &p, &again, err));
        assert_int_equal(p, POINT_PUBLISHED);
        assert_string_equal(again.disks.items[1].content, points[i].disks.items[1].content);
        assert_int_equal(again.disks.items[0].length, points[i].disks.items[0].length);
        WORKS(repository_check_chain(repo_path, points[i].id, err));
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++) {
            CLEANUP_FREE char *ref = reference_name(i, (size_t)k);
            CLEANUP_FREE char *file =
                repository_image(repo_path, points[i].id, points[i].disks.items[k].path, false);

            assert_same_content(file, "qcow2", ref, "raw");
        }
    done_all(points);
}

static void leftover_of_a_crash(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP(point_done) struct point p = {0};
    CLEANUP_FREE char *junk = repository_image(repo_path, plan.id, "junk", true);
    CLEANUP_FREE char *junk_dir = repository_image(repo_path, plan.id, "a", true);
    CLEANUP_FREE char *deep = repository_image(repo_path, plan.id, "a/b", true);

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &plan, ORIGIN("domain.xml", "<a/>"), err));
    WORKS(write_file_durably(junk, "x", 1, 0600, err));
    assert_int_equal(mkdir(junk_dir, 0700), 0);
    WORKS(write_file_durably(deep, "x", 1, 0600, err));
    assert_int_equal(presence(plan.id), POINT_PARTIAL);
    WORKS(repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err));
    assert_int_equal(presence(plan.id), POINT_ABSENT);
    WORKS(repository_prepare(repo_path, AS, &plan, ORIGIN("domain.xml", "<a/>"), err));
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &p, err));
    assert_int_equal(presence(plan.id), POINT_PUBLISHED);
}

/* What is beside the definition comes along if it can be read, and costs no backup if not. */
static void a_definition_that_is_a_copy(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP_FREE char *from = xasprintf("%s/vars", repo_tmp);
    CLEANUP_FREE char *copy = repository_image(repo_path, plan.id, "nvram.fd", true);
    CLEANUP_FREE char *none = repository_image(repo_path, plan.id, "domain.live.xml", true);
    struct definition_file files[] = {
        {.name = (char *)"nvram.fd", .from = from, .what = (char *)BESIDE_NVRAM},
        {.name = (char *)"domain.live.xml", .from = (char *)"/no/such"},
    };
    const struct definition_list list = {files, 2, 2};
    const struct point_origin origin = {.definitions = &list};
    CLEANUP_FREE char *bytes = NULL;
    size_t len;

    (void)state;
    WORKS(write_file_durably(from, "v\0w", 3, 0600, err));
    WORKS(repository_prepare(repo_path, AS, &plan, &origin, err));
    WORKS(read_file(copy, 100, &bytes, &len, err));
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "v\0w", 3);
    assert_false(path_exists(none));
    WORKS(repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err));
    assert_int_equal(presence(plan.id), POINT_ABSENT);
}

static void publishing_twice(void **state)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL);
    CLEANUP(point_done) struct point a = {0};
    CLEANUP(point_done) struct point b = {0};

    (void)state;
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &a, err), ERR_NOTFOUND);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &a, err));
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &b, err));
    assert_string_equal(a.disks.items[0].content, b.disks.items[0].content);
    WORKS(repository_remove(repo_path, AS, plan.id, err));
    WORKS(repository_remove(repo_path, AS, plan.id, err));
    assert_int_equal(presence(plan.id), POINT_ABSENT);
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &b, err), ERR_NOTFOUND);
}

static void prepare_again(const struct point *plan)
{
    WORKS(repository_discard(repo_path, AS, plan, MADE_PARTIAL, err));
    WORKS(repository_prepare(repo_path, AS, plan, NULL, err));
}

/* What a hypervisor may leave that is not what was planned is never published. */
static void images_not_as_planned(void **state)
{
    struct point points[3] = {0};
    CLEANUP_FREE char *image = NULL;
    CLEANUP_FREE char *backing = NULL;
    CLEANUP(point_done) struct point p = {0};
    struct point plan;

    (void)state;
    make_chain(points);
    plan = plan_make(3, &points[2]);
    image = repository_image(repo_path, plan.id, "vda.qcow2", true);
    backing = repository_image(repo_path, points[1].id, "vda.qcow2", false);

    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    MUST_RUN("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing, image);
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &p, err), ERR_CORRUPT);
    assert_int_equal(presence(plan.id), POINT_PARTIAL);

    prepare_again(&plan);
    MUST_RUN("qemu-img", "resize", "-q", "-f", "qcow2", image, "16M");
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &p, err), ERR_CORRUPT);

    prepare_again(&plan);
    WORKS(write_file_durably(image, "no image", 8, 0600, err));
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &p, err), ERR_CORRUPT);

    prepare_again(&plan);
    unlink(image);
    FAILS(repository_publish(repo_path, AS, &plan, NULL, &p, err), ERR_NOTFOUND);
    point_done(&plan);
    done_all(points);
}

static void damaged_chains(void **state)
{
    struct point points[3] = {0};
    CLEANUP_FREE char *image = NULL;
    CLEANUP_FREE char *away = xasprintf("%s/away", repo_tmp);
    CLEANUP_FREE char *dir = NULL;
    CLEANUP_FREE char *manifest = NULL;
    struct point plan;

    (void)state;
    make_chain(points);
    image = repository_image(repo_path, points[0].id, "vdb.qcow2", false);
    dir = xasprintf("%s/%s", repo_path, points[1].id);
    manifest = xasprintf("%s/point.json", points[1].id);
    plan = plan_make(3, &points[2]);

    assert_int_equal(rename(image, away), 0);
    FAILS(repository_check_chain(repo_path, points[2].id, err), ERR_NOTFOUND);
    FAILS(repository_prepare(repo_path, AS, &plan, NULL, err), ERR_NOTFOUND);
    assert_int_equal(presence(plan.id), POINT_ABSENT);
    assert_int_equal(symlink(away, image), 0);
    FAILS(repository_check_chain(repo_path, points[2].id, err), ERR_CORRUPT);
    assert_int_equal(rename(away, image), 0);
    WORKS(repository_check_chain(repo_path, points[2].id, err));

    assert_int_equal(truncate(image, (off_t)points[0].disks.items[1].length - 1), 0);
    FAILS(repository_check_chain(repo_path, points[2].id, err), ERR_CORRUPT);
    assert_int_equal(truncate(image, (off_t)points[0].disks.items[1].length), 0);
    WORKS(repository_check_chain(repo_path, points[2].id, err));

    assert_int_equal(rename(dir, away), 0);
    FAILS(repository_check_chain(repo_path, points[2].id, err), ERR_NOTFOUND);
    assert_int_equal(rename(away, dir), 0);

    put(manifest, "{}");
    FAILS(repository_check_chain(repo_path, points[2].id, err), ERR_CORRUPT);
    FAILS(repository_find(repo_path, points[1].id, &(enum point_presence){0}, NULL, err),
          ERR_CORRUPT);
    point_done(&plan);
    done_all(points);
}

static void removing(void **state)
{
    struct point points[3] = {0}, plan;
    struct repository_hold hold = {0};
    CLEANUP_FREE char *dir = NULL;
    int fd;
    CLEANUP_FREE char *deleting = NULL;

    (void)state;
    make_chain(points);
    dir = xasprintf("%s/%s", repo_path, points[1].id);
    deleting = xasprintf("%s.deleting", dir);
    FAILS(repository_remove(repo_path, AS, points[0].id, err), ERR_BUSY);
    FAILS(repository_remove(repo_path, AS, points[1].id, err), ERR_BUSY);
    WORKS(repository_hold(repo_path, points[2].id, &hold, err));
    assert_int_equal(hold.n, 3);
    FAILS(repository_remove(repo_path, AS, points[2].id, err), ERR_BUSY);
    WORKS(repository_check_chain(repo_path, points[2].id, err));
    repository_unhold(&hold);

    /* who changes a point has it alone */
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    FAILS(repository_hold(repo_path, points[2].id, &hold, err), ERR_BUSY);
    close(fd);

    WORKS(repository_remove(repo_path, AS, points[2].id, err));
    WORKS(repository_remove(repo_path, AS, points[2].id, err));
    assert_int_equal(presence(points[2].id), POINT_ABSENT);

    /* what is still in the making goes the same way */
    plan = plan_make(3, &points[1]);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    WORKS(repository_remove(repo_path, AS, plan.id, err));
    assert_int_equal(presence(plan.id), POINT_ABSENT);

    /* interrupted after its rename */
    assert_int_equal(rename(dir, deleting), 0);
    assert_int_equal(presence(points[1].id), POINT_ABSENT);
    FAILS(repository_hold(repo_path, points[1].id, &hold, err), ERR_NOTFOUND);
    WORKS(repository_remove(repo_path, AS, points[1].id, err));
    assert_false(path_exists(deleting));
    WORKS(repository_remove(repo_path, AS, points[0].id, err));
    point_done(&plan);
    done_all(points);
}

/* An increment in the making counts, too. */
static void base_of_a_point_in_the_making(void **state)
{
    struct point points[3] = {0}, plan;

    (void)state;
    make_chain(points);
    plan = plan_make(3, &points[2]);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    FAILS(repository_remove(repo_path, AS, points[2].id, err), ERR_BUSY);
    WORKS(repository_remove(repo_path, AS, plan.id, err));
    WORKS(repository_remove(repo_path, AS, points[2].id, err));
    point_done(&plan);
    done_all(points);
}

/* What cannot be asked whether it stands on the point may do so: whatever fails on the way. */
static void doubt_keeps_a_base(void **state)
{
    struct point points[3] = {0};
    struct rlimit was, few;
    CLEANUP_FREE char *image = NULL, *away = NULL;
    struct err e = ERR_INIT;
    int rc;

    (void)state;
    make_chain(points);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    for (few = was, few.rlim_cur = 3; few.rlim_cur < 32; few.rlim_cur++) {
        e = ERR_INIT;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        rc = repository_remove(repo_path, AS, points[0].id, &e);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
        if (rc == 0)
            fail_msg("removed with %d descriptors", (int)few.rlim_cur);
    }
    assert_int_equal(e.code, ERR_BUSY); /* enough, by then */
    image = xasprintf("%s/%s/%s", repo_path, points[1].id, points[1].disks.items[0].path);
    away = xasprintf("%s/away", repo_tmp);
    assert_int_equal(rename(image, away), 0);
    assert_int_equal(symlink(away, image), 0);
    FAILS(repository_remove(repo_path, AS, points[0].id, err), ERR_CORRUPT);
    assert_int_equal(unlink(image), 0);
    assert_int_equal(rename(away, image), 0);
    done_all(points);
}

static void listing(void **state)
{
    struct point points[3] = {0};
    CLEANUP(point_list_done) struct point_list all = {0};
    CLEANUP(point_list_done) struct point_list rest = {0};
    CLEANUP(strlist_done) struct strlist damaged = {0};
    CLEANUP_FREE char *manifest = NULL;

    (void)state;
    make_chain(points);
    WORKS(repository_list(repo_path, &all, &damaged, err));
    assert_int_equal(all.n, 3);
    assert_int_equal(damaged.n, 0);
    for (int i = 0; i < 3; i++)
        assert_string_equal(all.items[i].id, points[i].id);
    manifest = xasprintf("%s/point.json", points[1].id);
    put(manifest, "{}");
    WORKS(repository_list(repo_path, &rest, &damaged, err));
    assert_int_equal(rest.n, 2);
    assert_int_equal(damaged.n, 1);
    assert_non_null(strstr(damaged.items[0], points[1].id));
    done_all(points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPO_TEST(opening),
        REPO_TEST(new_file_system_with_lost_and_found),
        REPO_TEST(disk_that_is_not_mounted),
        REPO_TEST(ids_cannot_lead_outside),
        REPO_TEST(links_are_not_followed),
        REPO_TEST(plans_that_cannot_be),
        REPO_TEST(full_and_increments),
        REPO_TEST(leftover_of_a_crash),
        REPO_TEST(a_definition_that_is_a_copy),
        REPO_TEST(publishing_twice),
        REPO_TEST(images_not_as_planned),
        REPO_TEST(damaged_chains),
        REPO_TEST(removing),
        REPO_TEST(base_of_a_point_in_the_making),
        REPO_TEST(doubt_keeps_a_base),
        REPO_TEST(listing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
