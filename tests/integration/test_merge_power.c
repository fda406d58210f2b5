/* SPDX-License-Identifier: MIT
 *
 * The power goes while points are merged: before each sync, of vmkeep-store or of its qemu-img, the
 * disk is left with what was synced, and with none, or a part, of what was not (power.c,
 * power_cut).  Then every kept point holds what it held, and so it is when the merge was called
 * again.  And the same of a disk that takes no more from some sync on (EIO, ENOSPC), and of chains
 * that are compressed or encrypted.
 *
 * VMKEEP_POWER_CUTS=all: at every sync, not at some; VMKEEP_SEED: another chain, and other cuts.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/repository/content.h"
#include "storage/images/keys.h"
#include "storage/merge/merge.h"
#include "storage/repository/repository_priv.h"
#include "tests/integration/merge_support.h"

#define STRIDE 16

static char *notes;

static void power(const char *what, unsigned seed)
{
    CLEANUP_FREE char *text = xasprintf("%u", seed);

    MUST_RUN(POWER_CUT, notes, repo_path, what, text);
}

/* fails: with that error, then; 0: it is ended.  false: it came to its end before its n-th sync. */
static bool merge_cut(const char *point, const char *into, int n, int fails)
{
    CLEANUP_FREE char *key_file = chain_key_file();
    CLEANUP_FREE char *key =
        keys_find(repo_path)
            ? xasprintf(", \"secret\": \"" CHAIN_SECRET "\", \"key\": \"%s\"", key_file)
            : xstrdup("");
    CLEANUP_FREE char *request = xasprintf(
        "{\"do\": \"merge\", \"repository\": \"%s\", \"self\": {\"catalog\": \"0123abcd\","
        " \"machine\": \"backup1\", \"machine_id\": \"m1\","
        " \"catalog_path\": \"/var/lib/vmkeep/catalog.db\"}, \"now\": %lld, \"point\": \"%s\","
        " \"into\": \"%s\"%s}",
        repo_path, (long long)T0, point, into, key);
    CLEANUP_FREE char *command = xasprintf(
        "printf '%%s\\n' '%s' | POWER_ROOT='%s' POWER_NOTES='%s' POWER_AT=%d POWER_ERRNO=%.0d"
        " LD_PRELOAD='%s' ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0"
        " vmkeep-store 2>&1 || :",
        request, repo_path, notes, n, fails, POWER_LIBRARY);
    CLEANUP_FREE char *calls = xasprintf("%s/calls", notes);
    const char *argv[] = {"sh", "-c", command, NULL};
    CLEANUP_FREE char *out = NULL, *noted = NULL;
    struct err err = ERR_INIT;
    size_t len = 0;

    if (proc_run(argv, &out, &err) < 0)
        err = ERR_INIT; /* it was ended */
    if (read_file(calls, 1 << 20, &noted, &len, &err) < 0 ||
        (len < (size_t)n && !strstr(out, "\"done\"")))
        fail_msg("%s %s", err.msg, out);
    return len >= (size_t)n;
}

/* By its manifest; and once the merge has ended, by trees that fit each other. */
static void check_content(const char *id, bool ended)
{
    CLEANUP(point_list_done) struct point_list chain = {0};
    const struct point *p;

    WORKS(read_chain(repo_path, id, &chain, err));
    p = &chain.items[0];
    for (size_t i = 0; i < p->disks.n; i++) {
        CLEANUP(content_found_done) struct content_found found = {0};
        struct content_check c = {
            .path = repo_path, .chain = &chain, .disk = p->disks.items[i].name};

        WORKS(content_check(&c, &found, err));
        if (!found.good || (ended && found.note))
            fail_msg("%s: %s: %s", id, c.disk, found.note ? found.note : "another content");
    }
}

static void compare_kept(const struct strlist *ids, size_t goes)
{
    for (size_t i = goes > 0 ? goes - 1 : 1; i < ids->n && i < goes + 3; i++)
        if (i != goes)
            chain_compare(ids->items[i]);
}

static bool cut_at(const struct strlist *ids, size_t goes, int n, unsigned seed)
{
    const char *point = ids->items[goes], *into = ids->items[goes + 1];
    bool cut;

    chain_put_back();
    power("begin", 0);
    cut = merge_cut(point, into, n, 0);
    print_message("sync %d of %s, seed %u\n", n, strrchr(point, '/'), cut ? seed : 0);
    power("cut", cut ? seed : 0);
    compare_kept(ids, goes);
    check_content(into, false);
    merge_finish(point, into);
    compare_kept(ids, goes);
    check_content(into, true);
    return cut;
}

static bool fails_at(const struct strlist *ids, size_t goes, int n, unsigned seed)
{
    const char *point = ids->items[goes], *into = ids->items[goes + 1];
    bool failed;

    chain_put_back();
    power("begin", 0);
    failed = merge_cut(point, into, n, seed % 2 ? EIO : ENOSPC);
    compare_kept(ids, goes);
    merge_finish(point, into);
    compare_kept(ids, goes);
    return failed;
}

/* Some syncs in each run, one in `stride`; all of them where that is asked for. */
static void each(int stride, bool (*at)(const struct strlist *, size_t, int, unsigned))
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    const char *how = getenv("VMKEEP_POWER_CUTS"), *from = getenv("VMKEEP_SEED");
    unsigned seed = from ? (unsigned)strtoul(from, NULL, 10) : (unsigned)getpid();
    bool all = how && strcmp(how, "all") == 0;
    int n, cuts = 0;

    print_message("VMKEEP_SEED=%u\n", seed);
    notes = xasprintf("%s/notes", repo_tmp);
    chain_make(seed, &ids);
    chain_keep();
    srand(seed);
    n = all ? 1 : 1 + rand() % stride;
    while (
        at(&ids, (size_t)rand() % (CHAIN - 1), n, rand() % 3 ? 1 + (unsigned)rand() % 1000 : 0)) {
        cuts++;
        n += all ? 1 : 1 + rand() % stride;
    }
    print_message("%d cuts, of %d syncs at most\n", cuts, n);
    assert_true(cuts > 0);
    free(TAKE_PTR(notes));
}

static void at_syncs(void **state)
{
    (void)state;
    each(STRIDE, cut_at);
}

static void at_failing_syncs(void **state)
{
    (void)state;
    each(STRIDE, fails_at);
}

static bool cut_or_fails_at(const struct strlist *ids, size_t goes, int n, unsigned seed)
{
    return (seed % 3 == 2 ? fails_at : cut_at)(ids, goes, n, seed);
}

static void of_kind(enum chain_kind kind)
{
    chain_will_be(kind);
    each(2 * STRIDE, cut_or_fails_at);
    chain_will_be(CHAIN_PLAIN);
}

/* Merged images are compressed anew then. */
static void of_compressed_points(void **state)
{
    (void)state;
    of_kind(CHAIN_COMPRESSED);
}

static void of_encrypted_points(void **state)
{
    (void)state;
    of_kind(CHAIN_ENCRYPTED);
}

/* As much of each cluster as can be compressed: what stays of the last one is where nothing else
 * stays. */
static void write_half_random(const char *image, const char *raw)
{
    CLEANUP_FREE char *command = xasprintf("write -s %s 0 %d", raw, 1 << 20);
    CLEANUP_FREE char *data = xcalloc(16, 65536);

    for (size_t i = 0; i < 16; i++)
        for (size_t k = 0; k < 40000; k++)
            data[i * 65536 + k] = (char)rand();
    WORKS(write_file_durably(raw, data, 1 << 20, 0600, err));
    MUST_RUN("qemu-io", "-f", "qcow2", "-c", command, image);
}

#define SHRUNK 614400 /* within a cluster */

/* The second point has less of the disk, and nothing of its own. */
static void shrunk_chain_make(struct strlist *ids)
{
    static const struct publication zstd = {.compress = COMPRESS_ZSTD};
    CLEANUP(point_done)
    struct point full = plan_make(0, NULL), next = {0}, made = {0}, second = {0};
    CLEANUP_FREE char *raw = xasprintf("%s/shrunk.raw", repo_tmp), *image = NULL;

    full.disks.items[0].capacity = 1 << 20;
    WORKS(repository_prepare(repo_path, AS, &full, NULL, err));
    image = repository_image(repo_path, full.id, "vda.qcow2", true);
    write_half_random(image, raw);
    WORKS(repository_publish(repo_path, AS, &full, &zstd, &made, err));
    next = plan_make(1, &full);
    next.disks.items[0].capacity = SHRUNK;
    WORKS(repository_prepare(repo_path, AS, &next, NULL, err));
    WORKS(repository_publish(repo_path, AS, &next, &zstd, &second, err));
    MUST_RUN("truncate", "-s", "614400", raw);
    strlist_add(ids, full.id);
    strlist_add(ids, next.id);
}

/* Of what stays, and lies with what goes, nothing is lost when a sync fails meanwhile. */
static void of_a_compressed_disk_that_shrinks(void **state)
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    CLEANUP_FREE char *raw = xasprintf("%s/shrunk.raw", repo_tmp), *image = NULL;
    bool failed = true;

    (void)state;
    notes = xasprintf("%s/notes", repo_tmp);
    shrunk_chain_make(&ids);
    chain_keep();
    image = repository_image(repo_path, ids.items[1], "vda.qcow2", false);
    for (int n = 3; failed && n < 12; n++) {
        chain_put_back();
        power("begin", 0);
        failed = merge_cut(ids.items[0], ids.items[1], n, EIO);
        assert_same_content(image, "qcow2", raw, "raw");
        merge_finish(ids.items[0], ids.items[1]);
        assert_same_content(image, "qcow2", raw, "raw");
    }
    free(TAKE_PTR(notes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPO_TEST(at_syncs),
        REPO_TEST(at_failing_syncs),
        REPO_TEST(of_compressed_points),
        REPO_TEST(of_encrypted_points),
        REPO_TEST(of_a_compressed_disk_that_shrinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
