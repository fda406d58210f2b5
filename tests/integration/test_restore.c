/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/repository.h"
#include "storage/restore/restore.h"
#include "tests/integration/repo_support.h"

static struct point points[3];
static char *to;

static int setup(void **state)
{
    repo_setup(state);
    make_chain(points);
    to = xasprintf("%s/new/dir", repo_tmp);
    return 0;
}

static int teardown(void **state)
{
    CLEANUP_FREE char *small = xasprintf("%s/small", repo_tmp);

    umount2(small, MNT_DETACH); /* where a test has failed */
    done_all(points);
    free(to);
    return repo_teardown(state);
}

static struct restore_request request(int day)
{
    return (struct restore_request){
        .repository = repo_path, .point_id = points[day].id, .to = to, .format = "qcow2"};
}

static size_t count_files(const char *dir)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    size_t n = 0;

    while (d && readdir(d))
        n++;
    return n ? n - 2 : 0;
}

/* Nothing is left, the directories that were made on the way neither. */
static void assert_nothing_left(void)
{
    CLEANUP_FREE char *above = path_dirname(to);

    assert_false(path_exists(above));
}

static void restores_what_was_there(const char *format)
{
    for (int day = 0; day < 3; day++) {
        CLEANUP_FREE char *dir = xasprintf("%s/%s-%d/", repo_tmp, format, day);
        CLEANUP(restore_result_done) struct restore_result res = {0};
        struct restore_request r = request(day);
        struct stat st;

        r.to = dir;
        r.format = format;
        WORKS(restore_run(&r, &res, err));
        assert_string_equal(res.point.id, points[day].id);
        assert_int_equal(res.disks.n, 2);
        for (size_t k = 0; k < 2; k++) {
            CLEANUP_FREE char *ref = reference_name(day, k);

            assert_same_content(res.disks.items[k].path, format, ref, "raw");
            assert_int_equal(stat(res.disks.items[k].path, &st), 0);
            assert_int_equal(st.st_mode & 0777, 0600);
            assert_int_equal(res.disks.items[k].bytes, st.st_blocks * 512);
            assert_true(res.disks.items[k].bytes < CAPACITY); /* sparse */
        }
        assert_true(path_exists(res.definition));
        assert_int_equal(count_files(dir), 3);
    }
}

static void qcow2_images(void **state)
{
    (void)state;
    restores_what_was_there("qcow2");
}

static void raw_images(void **state)
{
    (void)state;
    restores_what_was_there("raw");
}

static void images_stand_alone(void **state)
{
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct restore_request r = request(2);
    CLEANUP_FREE char *ref = reference_name(2, 0);

    (void)state;
    WORKS(restore_run(&r, &res, err));
    MUST_RUN("rm", "-rf", repo_path);
    assert_same_content(res.disks.items[0].path, "qcow2", ref, "raw");
}

static void one_disk_after_the_other(void **state)
{
    char vda[] = "vda", vdb[] = "vdb", vdc[] = "vdc", *names[] = {vdb};
    struct strlist disks = {.items = names, .n = 1};
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result a = {0};
    CLEANUP(restore_result_done) struct restore_result b = {0};

    (void)state;
    r.disks = &disks;
    WORKS(restore_run(&r, &a, err));
    assert_int_equal(a.disks.n, 1);
    assert_string_equal(a.disks.items[0].name, "vdb");
    assert_null(a.definition);
    FAILS(restore_run(&r, &b, err), ERR_EXISTS);
    names[0] = vda;
    WORKS(restore_run(&r, &b, err));
    assert_int_equal(count_files(to), 2);
    names[0] = vdc;
    FAILS(restore_run(&r, &b, err), ERR_NOTFOUND);
}

/* One of the same text may be there, and no other. */
static void a_definition_that_is_there(void **state)
{
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result a = {0};
    CLEANUP(restore_result_done) struct restore_result b = {0};

    (void)state;
    WORKS(restore_run(&r, &a, err));
    assert_non_null(strstr(a.text, "<name>vm</name>"));
    unlink(a.disks.items[0].path);
    unlink(a.disks.items[1].path);
    WORKS(restore_run(&r, &b, err));
    unlink(b.disks.items[0].path);
    unlink(b.disks.items[1].path);
    WORKS(write_file_durably(a.definition, "<other/>", 8, 0600, err));
    restore_result_done(&b);
    FAILS(restore_run(&r, &b, err), ERR_EXISTS);
    assert_int_equal(count_files(to), 1);
}

/* Bytes of any kind, in a file that the definition then names. */
static void variables_of_the_firmware(void **state)
{
    static const char xml[] = "<domain><name>vm</name><os><nvram template='/t'>/n.fd</nvram></os>"
                              "</domain>";
    CLEANUP_FREE char *kept_xml = xasprintf("%s/%s/domain.xml", repo_path, points[1].id);
    CLEANUP_FREE char *kept = xasprintf("%s/%s/nvram.fd", repo_path, points[1].id);
    CLEANUP_FREE char *file = xasprintf("%s/nvram.fd", to);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *bytes = NULL;
    struct restore_request r = request(1);
    size_t len;

    (void)state;
    WORKS(write_file_durably(kept_xml, xml, strlen(xml), 0600, err));
    WORKS(write_file_durably(kept, "a\0\xff", 3, 0600, err));
    WORKS(restore_run(&r, &res, err));
    WORKS(read_file(file, 100, &bytes, &len, err));
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\0\xff", 3);
    assert_non_null(strstr(res.text, file));
    assert_null(strstr(res.text, "/n.fd"));
    unlink(kept);
}

static void what_is_in_the_way_stays(void **state)
{
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *file = xasprintf("%s/vdb.qcow2", to);
    CLEANUP_FREE char *text = NULL;

    (void)state;
    WORKS(mkdir_all(to, 0700, err));
    WORKS(write_file_durably(file, "mine", 4, 0600, err));
    FAILS(restore_run(&r, &res, err), ERR_EXISTS);
    assert_int_equal(count_files(to), 1);
    WORKS(read_file(file, 100, &text, NULL, err));
    assert_string_equal(text, "mine");
}

/* Whose it is cannot be told: it stays. */
static void what_looks_like_a_leftover(void **state)
{
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *file = xasprintf("%s/vda.qcow2.partial", to);
    CLEANUP_FREE char *ref = reference_name(1, 0);

    (void)state;
    WORKS(mkdir_all(to, 0700, err));
    WORKS(write_file_durably(file, "leftover", 8, 0644, err));
    WORKS(restore_run(&r, &res, err));
    assert_int_equal(count_files(to), 4);
    assert_same_content(res.disks.items[0].path, "qcow2", ref, "raw");
}

static void dry_run(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};

    (void)state;
    r.dry_run = true;
    WORKS(restore_run(&r, &res, err));
    assert_int_equal(res.disks.n, 2);
    assert_true(res.disks.items[0].bytes > 4 << 20);
    assert_true(res.disks.items[0].bytes < 8 << 20);
    assert_non_null(res.definition);
    assert_nothing_left();
}

static void what_cannot_be_restored(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *image = repository_image(repo_path, points[0].id, "vdb.qcow2", false);
    CLEANUP_FREE char *away = xasprintf("%s/away", repo_tmp);
    CLEANUP_FREE char *manifest = xasprintf("%s/point.json", points[1].id);

    (void)state;
    r.point_id = "../web01/2026-11-23T02-30-00Z.nightly";
    FAILS(restore_run(&r, &res, err), ERR_INVALID);
    r.point_id = "local/web01/2020-11-23T02-30-00Z.nightly";
    FAILS(restore_run(&r, &res, err), ERR_NOTFOUND);
    r = request(2);
    r.format = "vmdk";
    FAILS(restore_run(&r, &res, err), ERR_INVALID);
    r = request(2);
    r.repository = "/nonexistent";
    FAILS(restore_run(&r, &res, err), ERR_NOTFOUND);
    r = request(2);
    assert_int_equal(rename(image, away), 0);
    FAILS(restore_run(&r, &res, err), ERR_NOTFOUND);
    assert_int_equal(rename(away, image), 0);
    put(manifest, "{}");
    FAILS(restore_run(&r, &res, err), ERR_CORRUPT);
    assert_nothing_left();
}

/* An image of the repository that names a file outside as its backing file is not opened at all. */
static void images_cannot_lead_outside(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *image = repository_image(repo_path, points[0].id, "vda.qcow2", false);
    CLEANUP_FREE char *secret = xasprintf("%s/secret", repo_tmp);
    CLEANUP_FREE char *data = xasprintf("data_file=%s,data_file_raw=on", secret);

    (void)state;
    WORKS(write_file_durably(secret, "secret", 6, 0600, err));
    MUST_RUN("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", secret, image);
    FAILS(restore_run(&r, &res, err), ERR_CORRUPT);
    unlink(image);
    MUST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-o", data, image, "8M");
    assert_int_equal(truncate(image, (off_t)points[0].disks.items[0].length), 0);
    FAILS(restore_run(&r, &res, err), ERR_UNSUPPORTED);
    assert_nothing_left();
}

/* ---- what was damaged since ---- */

/* Changes bytes in the middle of the image without changing its length. */
static void flip(size_t point, const char *file)
{
    CLEANUP_FREE char *image = repository_image(repo_path, points[point].id, file, false);
    CLEANUP_CLOSE int fd = open(image, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "XXXX", 4, 400000), 4);
}

static void damaged_since(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0}, again = {0};

    (void)state;
    flip(0, "vdb.qcow2");
    FAILS(restore_run(&r, &res, err), ERR_CORRUPT);
    assert_string_equal(res.bad_point, points[0].id); /* not the one asked for, but below it */
    assert_nothing_left();
    r.no_verify = true;
    WORKS(restore_run(&r, &again, err));
    assert_null(again.bad_point);
}

/* Only what is read is checked. */
static void damaged_elsewhere(void **state)
{
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct strlist disks = {0};

    (void)state;
    flip(0, "vdb.qcow2");
    flip(2, "vda.qcow2");
    strlist_add(&disks, "vda");
    r.disks = &disks;
    WORKS(restore_run(&r, &res, err));
    strlist_done(&disks);
}

/* ---- progress and cancel ---- */

struct seen {
    int calls;
    double last;
    bool backwards;
    double cancel_at;
};

static bool on_progress(void *ctx, const char *disk, bool checking, uint64_t done, uint64_t all)
{
    struct seen *s = ctx;
    double fraction = (double)done / (double)all;

    (void)checking;
    assert_int_equal(strncmp(disk, "vd", 2), 0);
    s->calls++;
    s->backwards = s->backwards || fraction < s->last || fraction > 1;
    s->last = fraction;
    return fraction < s->cancel_at;
}

static void progress(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct seen seen = {.cancel_at = 2};

    (void)state;
    r.progress = on_progress;
    r.ctx = &seen;
    WORKS(restore_run(&r, &res, err));
    assert_true(seen.calls > 2);
    assert_false(seen.backwards);
    assert_true(seen.last == 1);
}

static void canceled(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct seen seen = {.cancel_at = 0.45}; /* the last one is nearly written */

    (void)state;
    r.progress = on_progress;
    r.ctx = &seen;
    FAILS(restore_run(&r, &res, err), ERR_CANCELED);
    assert_true(seen.last > 0.4);
    assert_nothing_left();
}

/* ---- no space ---- */

static char *small_disk(const char *size)
{
    char *dir = xasprintf("%s/small", repo_tmp);

    assert_int_equal(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, size) < 0) {
        print_message("cannot mount a tmpfs here\n");
        free(dir);
        return NULL;
    }
    return dir;
}

static void too_small(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *dir = small_disk("size=1m");
    struct seen seen = {.cancel_at = 2};

    (void)state;
    if (!dir)
        skip();
    r.to = dir;
    r.progress = on_progress;
    r.ctx = &seen;
    FAILS(restore_run(&r, &res, err), ERR_NOSPACE);
    assert_int_equal(seen.calls, 0); /* refused before anything was written */
    assert_int_equal(count_files(dir), 0);
    assert_int_equal(umount(dir), 0);
}

/* Somebody else fills the disk while we write. */
static bool fill(void *ctx, const char *disk, bool checking, uint64_t done, uint64_t all)
{
    CLEANUP_FREE char *file = xasprintf("%s/filler", (const char *)ctx);
    CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    static const char block[65536];

    (void)disk;
    if (!checking && done > all / 2)
        while (write(fd, block, sizeof(block)) > 0)
            ;
    return true;
}

static void filled_up_meanwhile(void **state)
{
    struct restore_request r = request(2);
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *dir = small_disk("size=16m");

    (void)state;
    if (!dir)
        skip();
    r.to = dir;
    r.progress = fill;
    r.ctx = dir;
    FAILS(restore_run(&r, &res, err), ERR_NOSPACE);
    assert_int_equal(count_files(dir), 1);
    assert_int_equal(umount(dir), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(qcow2_images),
        TEST(raw_images),
        TEST(images_stand_alone),
        TEST(one_disk_after_the_other),
        TEST(a_definition_that_is_there),
        TEST(variables_of_the_firmware),
        TEST(what_is_in_the_way_stays),
        TEST(what_looks_like_a_leftover),
        TEST(dry_run),
        TEST(what_cannot_be_restored),
        TEST(images_cannot_lead_outside),
        TEST(damaged_since),
        TEST(damaged_elsewhere),
        TEST(progress),
        TEST(canceled),
        TEST(too_small),
        TEST(filled_up_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
