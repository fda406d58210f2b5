/* SPDX-License-Identifier: MIT
 *
 * Merges on real images: what every kept point holds stays as it was, and who is asked to touch
 * what he must not refuses, with nothing touched.
 */
#include "tests/support/test.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/manifest.h"
#include "storage/merge/merge.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/pin.h"
#include "storage/repository/point_hold.h"
#include "storage/verify/proof.h"
#include "storage/images/qcow2_growth.h"
#include "tests/integration/merge_support.h"

static bool has_journal(const char *id)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s%s", repo_path, id, MERGING);

    return path_exists(file);
}

static void find(const char *id, struct point *ret)
{
    enum point_presence presence;

    WORKS(repository_find(repo_path, id, &presence, ret, err));
    assert_int_equal(presence, POINT_PUBLISHED);
}

/* From the oldest on, and the middle first. */
static void whole_chain(void **state)
{
    static const int orders[2][CHAIN - 1] = {{0, 0, 0, 0, 0, 0, 0}, {3, 4, 1, 2, 0, 1, 0}};
    CLEANUP(strlist_done) struct strlist made = {0};

    (void)state;
    chain_make(4711, &made);
    chain_keep();
    for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
        CLEANUP(strlist_done) struct strlist ids = strlist_copy(&made);

        chain_put_back();
        for (size_t i = 0; i + 1 < CHAIN; i++) {
            size_t k = (size_t)orders[o][i];
            CLEANUP(point_done) struct point now = {0};

            WORKS(merge_into(ids.items[k], ids.items[k + 1], err));
            find(ids.items[k + 1], &now);
            assert_int_equal(now.level, k == 0 ? LEVEL_FULL : LEVEL_INCREMENTAL);
            if (k == 0)
                assert_null(now.parent);
            else
                assert_string_equal(now.parent, ids.items[k - 1]);
            assert_null(now.disks.items[0].digest);
            assert_true(now.disks.items[0].length > 0);
            assert_false(has_journal(ids.items[k]));
            free(ids.items[k]);
            memmove(ids.items + k, ids.items + k + 1, (--ids.n - k) * sizeof(*ids.items));
            for (size_t n = k; n < ids.n; n += n == k || n + 2 > ids.n ? 1 : ids.n - 1 - n)
                chain_compare(ids.items[n]);
        }
        assert_int_equal(ids.n, 1);
    }
}

/* What has none but the reserve may take that, where it is told so. */
static void reserve(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    CLEANUP(point_done) struct point ret = {0};
    struct merge_request r;

    (void)state;
    chain_make(2, &ids);
    r = (struct merge_request){
        .point = ids.items[1], .into = ids.items[2], .reserve = UINT64_MAX, .into_reserve = true};
    WORKS(repository_merge(repo_path, AS, &r, &ret, err));
    assert_string_equal(ret.id, ids.items[2]);
    chain_compare(ids.items[2]);
}

/* The parent is kept by its directory alone: nobody reads it for its own sake any more. */
static void who_refuses(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    struct repository_hold hold = {0};
    struct merge_request r;
    struct point ret = {0};

    (void)state;
    chain_make(1, &ids);
    r = (struct merge_request){.point = ids.items[1], .into = ids.items[2]};

    WORKS(repository_hold(repo_path, ids.items[7], &hold, err));
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_BUSY);
    repository_unhold(&hold);
    WORKS(repository_hold(repo_path, ids.items[1], &hold, err));
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_BUSY);
    repository_unhold(&hold);
    WORKS(repository_hold(repo_path, ids.items[0], &hold, err)); /* below both: in nobody's way */
    repository_unhold(&hold);

    r.reserve = UINT64_MAX;
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_NOSPACE);
    r.reserve = 0;

    r.into = ids.items[3];
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_INVALID);
    r.point = ids.items[7];
    r.into = ids.items[7];
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_INVALID);
    r = (struct merge_request){.point = ids.items[2], .into = ids.items[1]};
    FAILS(repository_merge(repo_path, AS, &r, &ret, err), ERR_INVALID);
    for (size_t i = 0; i < ids.n; i++) {
        assert_false(has_journal(ids.items[i]));
        WORKS(repository_check_chain(repo_path, ids.items[i], err));
    }
}

static int64_t growth(const char *above, const char *below)
{
    CLEANUP_CLOSE int a = open(above, O_RDONLY | O_CLOEXEC), b = open(below, O_RDONLY | O_CLOEXEC);
    struct err err = ERR_INIT;
    uint64_t ret;

    if (qcow2_growth(a, b, below, &ret, &err) < 0) {
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        return -1;
    }
    return (int64_t)ret;
}

/* What is there is written in place; compressed clusters, and what is nowhere, are not. */
static void what_an_image_grows_by(void **state)
{
    CLEANUP_FREE char *below = xasprintf("%s/below.qcow2", repo_tmp),
                      *above = xasprintf("%s/above.qcow2", repo_tmp),
                      *compressed = xasprintf("%s/compressed.qcow2", repo_tmp),
                      *empty = xasprintf("%s/empty.qcow2", repo_tmp),
                      *other = xasprintf("%s/other.qcow2", repo_tmp);

    (void)state;
    MUST_RUN("qemu-img", "create", "-q", "-f", "qcow2", below, "1G");
    MUST_RUN("qemu-img", "create", "-q", "-f", "qcow2", empty, "1G");
    MUST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", other, "1G");
    image_write(below, 0, 1 << 20, 7);
    MUST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", above);
    image_write(above, 512 << 10, 256 << 10, 8);
    assert_int_equal(growth(above, below), 0);
    image_write(above, (1 << 20) - (64 << 10), 128 << 10, 8);
    assert_int_equal(growth(above, below), 64 << 10);
    image_write(above, 700 << 20, 64 << 10, 8);
    assert_int_equal(growth(above, below), 3 * (64 << 10)); /* and a table */
    image_write(above, 700 << 20, 64 << 10, 0);
    assert_int_equal(growth(above, empty), (64 << 10) * (4 + 2 + 2));
    MUST_RUN("qemu-img", "convert", "-c", "-O", "qcow2", below, compressed);
    assert_int_equal(growth(above, compressed), (64 << 10) * (4 + 2 + 1));
    assert_int_equal(growth(above, other), -1);
}

/* It is not merged away, nor removed; what it stands on is merged into it, and the pin stays. */
static void pinned(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    CLEANUP(point_done) struct point now = {0}, free_again = {0};
    const struct point_pin pin = {1, AS->now + 10, (char *)"a note"}, none = {0};
    const char *id;

    (void)state;
    chain_make(2, &ids);
    id = ids.items[1];
    FAILS(repository_pin(repo_path, AS, "local/web01/2020-01-01T00-00-00Z.nightly@0123abcd-1", &pin,
                         err),
          ERR_NOTFOUND);
    WORKS(repository_pin(repo_path, AS, ids.items[7], &pin, err));
    FAILS(repository_remove(repo_path, AS, ids.items[7], err), ERR_BUSY);
    WORKS(repository_pin(repo_path, AS, id, &pin, err));
    FAILS(merge_into(id, ids.items[2], err), ERR_BUSY);
    assert_false(has_journal(id));
    WORKS(merge_into(ids.items[0], id, err));
    chain_compare(id);
    find(id, &now);
    assert_int_equal(now.level, LEVEL_FULL);
    assert_int_equal(now.pin.until, pin.until);
    assert_string_equal(now.pin.note, "a note");
    WORKS(repository_pin(repo_path, AS, id, &none, err));
    WORKS(repository_pin(repo_path, AS, id, &none, err));
    find(id, &free_again);
    assert_int_equal(free_again.pin.since, 0);
    WORKS(merge_into(id, ids.items[2], err));
    chain_compare(ids.items[2]);
    WORKS(repository_pin(repo_path, AS, id, &none, err)); /* it is gone */
}

/* A second child: a point in the making, or one of another history. */
static void a_branch_stays(void **state)
{
    struct point points[3] = {0}, plan;

    (void)state;
    make_chain(points);
    plan = plan_make(3, &points[0]);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    FAILS(merge_into(points[0].id, points[1].id, err), ERR_BUSY);
    assert_false(has_journal(points[0].id));
    WORKS(repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err));
    WORKS(merge_into(points[0].id, points[1].id, err));
    point_done(&plan);
    done_all(points);
}

static void drop_disk(struct point *p, size_t i)
{
    point_disk_done(&p->disks.items[i]);
    p->disks.items[i] = p->disks.items[--p->disks.n];
}

/* The next has no vda any more, and its vdb stands alone: a full of that disk. */
static void disks_come_and_go(void **state)
{
    struct point points[3] = {0}, plan, now = {0};
    CLEANUP_FREE char *vdb = NULL;

    (void)state;
    make_chain(points);
    plan = plan_make(3, &points[2]);
    plan.disks.items[0].backing = (free(plan.disks.items[0].backing), NULL);
    drop_disk(&plan, 1);
    free(TAKE_PTR(plan.parent));
    plan.level = LEVEL_FULL;
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &now, err));
    FAILS(merge_into(points[2].id, plan.id, err), ERR_INVALID); /* nothing of it stands on that */
    point_done(&now);

    /* vdb alone is based on the parent */
    point_done(&plan);
    plan = plan_make(4, &points[2]);
    drop_disk(&plan, 0);
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    vdb = repository_image(repo_path, plan.id, "vdb.qcow2", true);
    image_write(vdb, 7 << 20, 65536, 0x77);
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &now, err));
    point_done(&now);
    WORKS(merge_into(points[2].id, plan.id, err));
    find(plan.id, &now);
    assert_int_equal(now.disks.n, 1);
    assert_string_equal(now.parent, points[1].id);
    WORKS(repository_check_chain(repo_path, plan.id, err));
    WORKS(merge_into(points[1].id, plan.id, err));
    WORKS(merge_into(points[0].id, plan.id, err));
    point_done(&now);
    find(plan.id, &now);
    assert_int_equal(now.level, LEVEL_FULL);
    point_done(&now);
    point_done(&plan);
    done_all(points);
}

/* A chain that is cut off in the middle of one is what the images say. */
static void half_merged(void **state)
{
    struct point points[3] = {0}, now = {0};
    struct repository_hold hold = {0};
    CLEANUP(point_list_done) struct point_list all = {0};
    CLEANUP(strlist_done) struct strlist damaged = {0};
    CLEANUP_FREE char *journal = NULL, *from = NULL, *dest = NULL, *file = NULL;

    (void)state;
    make_chain(points);
    journal = xasprintf("local/web01/%s%s", strrchr(points[1].id, '/') + 1, MERGING);
    file = xasprintf("{\"format\": 1, \"point\": \"%s\", \"into\": \"%s\", \"parent\": \"%s\", "
                     "\"disks\": [{\"name\": \"vda\", \"backing\": \"%s\"}, "
                     "{\"name\": \"vdb\", \"backing\": \"%s\"}]}",
                     points[1].id, points[2].id, points[0].id, points[0].id, points[0].id);
    put(journal, file);
    from = repository_image(repo_path, points[1].id, "vda.qcow2", false);
    dest = repository_image(repo_path, points[2].id, "vda.qcow2", false);
    MUST_RUN("qemu-img", "commit", "-q", "-d", dest);
    assert_int_equal(rename(from, dest), 0);

    find(points[1].id, &now);
    assert_int_equal(now.state, POINT_DELETING);
    point_done(&now);
    FAILS(repository_hold(repo_path, points[1].id, &hold, err), ERR_NOTFOUND);
    WORKS(repository_hold(repo_path, points[2].id, &hold, err));
    assert_int_equal(hold.n, 3); /* vdb still stands on it */
    repository_unhold(&hold);
    find(points[2].id, &now);
    assert_string_equal(now.disks.items[0].backing, points[0].id);
    assert_string_equal(now.disks.items[1].backing, points[1].id);
    point_done(&now);
    WORKS(repository_check_chain(repo_path, points[2].id, err));
    WORKS(repository_list(repo_path, &all, &damaged, err));
    assert_int_equal(all.n, 3);
    assert_int_equal(damaged.n, 0);

    FAILS(merge_into(points[0].id, points[1].id, err), ERR_BUSY); /* that comes later */
    WORKS(merge_into(points[1].id, points[2].id, err));
    WORKS(merge_into(points[1].id, points[2].id, err)); /* again: there is nothing more to do */
    WORKS(repository_check_chain(repo_path, points[2].id, err));
    done_all(points);
}

static uint64_t big_endian_at(int fd, off_t at)
{
    uint64_t ret;

    assert_int_equal(pread(fd, &ret, sizeof(ret), at), sizeof(ret));
    return be64toh(ret);
}

/* A cluster that several compressed ones share counts as used by two, as after a write that failed
 * while they were given back. */
static void count_too_low(const char *image)
{
    CLEANUP_CLOSE int fd = open(image, O_RDWR | O_CLOEXEC);
    off_t block = (off_t)big_endian_at(fd, (off_t)big_endian_at(fd, 48)); /* of reference counts */
    uint16_t count = 0, two = htobe16(2);

    for (int i = 0; i < 32; i++, block += 2) {
        assert_int_equal(pread(fd, &count, sizeof(count), block), sizeof(count));
        if (be16toh(count) <= 2)
            continue;
        assert_int_equal(pwrite(fd, &two, sizeof(two), block), sizeof(two));
        return;
    }
    fail_msg("%s: no cluster is shared", image);
}

static void put_journal(const struct point *goes, const struct point *into)
{
    CLEANUP_FREE char *journal = xasprintf("%s" MERGING, goes->id);
    CLEANUP_FREE char *file = xasprintf("{\"format\": 1, \"point\": \"%s\", \"into\": \"%s\","
                                        " \"disks\": [{\"name\": \"vda\"}, {\"name\": \"vdb\"}]}",
                                        goes->id, into->id);

    put(journal, file);
}

static void prove_whole(const char *id)
{
    CLEANUP(strlist_done) struct strlist tables = {0}, all = {0};
    CLEANUP(proof_done) struct proof proof = {0};
    const struct proof_request r = {
        .path = repo_path, .point_id = id, .disks = &all, .tables = &tables};

    WORKS(proof_take(&r, &proof, err));
    if (proof.state != PROOF_WHOLE)
        fail_msg("%s: %s", id, proof.disks.n ? proof.disks.items[0].problem : proof.problem);
}

/* Who went on without a look would take for free what the tables still refer to. The point that
 * stands on it is whole meanwhile. */
static void counts_that_a_failure_left(void **state)
{
    static const struct publication zstd = {.compress = COMPRESS_ZSTD};
    CLEANUP(point_done) struct point full = plan_make(0, NULL), made = {0}, next = {0}, now = {0};
    CLEANUP_FREE char *below = NULL, *above = NULL, *raw = xasprintf("%s/raw", repo_tmp);

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &full, NULL, err));
    below = repository_image(repo_path, full.id, "vda.qcow2", true);
    image_write(below, 0, CAPACITY, 1);
    WORKS(repository_publish(repo_path, AS, &full, &zstd, &made, err));
    next = plan_make(1, &full);
    WORKS(repository_prepare(repo_path, AS, &next, NULL, err));
    above = repository_image(repo_path, next.id, "vda.qcow2", true);
    image_write(above, 1 << 20, 1 << 20, 2);
    WORKS(repository_publish(repo_path, AS, &next, &zstd, &now, err));
    free(below);
    free(above);
    below = repository_image(repo_path, full.id, "vda.qcow2", false);
    above = repository_image(repo_path, next.id, "vda.qcow2", false);
    MUST_RUN("qemu-img", "convert", "-O", "raw", above, raw);

    put_journal(&full, &next);
    count_too_low(below);
    prove_whole(next.id);
    WORKS(merge_into(full.id, next.id, err));
    MUST_RUN("qemu-img", "check", "-q", above);
    assert_same_content(above, "qcow2", raw, "raw");
    prove_whole(next.id);
}

/* Some days (VMKEEP_MERGE_DAYS=365: a year): what is taken stays near what a full would take. */
static void merge_for_days(enum image_compression compress)
{
    const struct publication how = {.compress = compress};
    CLEANUP_FREE char *image = NULL, *copy = xasprintf("%s/copy.qcow2", repo_tmp);
    CLEANUP(point_done) struct point before = plan_make(0, NULL), ret = {0};
    const char *asked = getenv("VMKEEP_MERGE_DAYS");
    const int days = asked ? atoi(asked) : 12;
    struct point fresh;
    struct err e = ERR_INIT;
    uint64_t bytes;

    WORKS(repository_prepare(repo_path, AS, &before, NULL, err));
    image = repository_image(repo_path, before.id, "vda.qcow2", true);
    image_write(image, 0, CAPACITY, 1);
    WORKS(repository_publish(repo_path, AS, &before, &how, &ret, err));
    srand(99);
    for (int day = 1; day <= days; day++) {
        struct point plan = plan_make(day, &before);
        CLEANUP_FREE char *file = repository_image(repo_path, plan.id, "vda.qcow2", true);

        WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
        image_write(file, (uint64_t)(rand() % 100) * 65536, 1 << 20, day % 3 ? day : 0);
        point_done(&ret);
        WORKS(repository_publish(repo_path, AS, &plan, &how, &ret, err));
        if (merge_into(before.id, plan.id, &e) < 0)
            fail_msg("day %d: %s", day, e.msg);
        point_done(&before);
        before = plan;
    }
    find(before.id, &fresh);
    bytes = fresh.disks.items[0].bytes;
    point_done(&fresh);
    free(image);
    image = repository_image(repo_path, before.id, "vda.qcow2", false);
    if (compress)
        MUST_RUN("qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", image,
                 copy);
    else
        MUST_RUN("qemu-img", "convert", "-O", "qcow2", image, copy);
    MUST_RUN("qemu-img", "compare", "-q", image, copy);
    MUST_RUN("qemu-img", "check", "-q", image);
    {
        char text[64];
        FILE *f;
        CLEANUP_FREE char *command = xasprintf("du -B1 %s | cut -f1", copy);
        unsigned long long live;

        f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(text, sizeof(text), f));
        pclose(f);
        live = strtoull(text, NULL, 10);
        print_message("after %d merges: %llu bytes, a fresh full %llu\n", days,
                      (unsigned long long)bytes, live);
        assert_true(bytes <= live + live / 4 + (UINT64_C(512) << 10));
    }
}

static void stays_compact(void **state)
{
    (void)state;
    merge_for_days(COMPRESS_OFF);
}

/* A merge writes what it moves uncompressed. */
static void stays_compressed(void **state)
{
    (void)state;
    merge_for_days(COMPRESS_ZSTD);
}

/* What a merge leaves last goes with whatever else its point has left; never while it is there. */
static void a_lone_journal(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    struct point plan = {.catalog = (char *)"0123abcd"};

    (void)state;
    chain_make(5, &ids);
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_FREE char *journal = xasprintf("%s" MERGING, ids.items[i]);

        put(journal, "{}");
        plan.id = ids.items[i];
        if (i == 0) {
            CLEANUP_FREE char *dir = xasprintf("%s/%s", repo_path, plan.id);

            MUST_RUN("rm", "-r", dir);
        }
        WORKS(repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err));
        assert_int_equal(has_journal(plan.id), i == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPO_TEST(whole_chain),
        REPO_TEST(who_refuses),
        REPO_TEST(reserve),
        REPO_TEST(a_branch_stays),
        REPO_TEST(disks_come_and_go),
        REPO_TEST(half_merged),
        REPO_TEST(stays_compact),
        REPO_TEST(stays_compressed),
        REPO_TEST(a_lone_journal),
        REPO_TEST(pinned),
        REPO_TEST(what_an_image_grows_by),
        REPO_TEST(counts_that_a_failure_left),
    };

    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
