/* SPDX-License-Identifier: MIT
 *
 * The power goes while points are merged: before each sync, of vmkeep-store or of its qemu-img, the
 * disk is left with what was synced, and with none, or a part, of what was not (power.c,
 * power_cut).  Then every kept point holds what it held, and so it is when the merge was called
 * again.  And the same of a disk that takes no more from some sync on (EIO, ENOSPC).
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
#include "storage/merge.h"
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
    CLEANUP_FREE char *request = xasprintf(
        "{\"do\": \"merge\", \"repository\": \"%s\", \"self\": {\"catalog\": \"0123abcd\","
        " \"machine\": \"backup1\", \"machine_id\": \"m1\","
        " \"catalog_path\": \"/var/lib/vmkeep/catalog.db\"}, \"now\": %lld, \"point\": \"%s\","
        " \"into\": \"%s\"}",
        repo_path, (long long)T0, point, into);
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
    merge_finish(point, into);
    compare_kept(ids, goes);
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

/* Some syncs in each run, all of them where that is asked for. */
static void each(bool (*at)(const struct strlist *, size_t, int, unsigned))
{
    CLEANUP(strlist_done) struct strlist ids = {0};
    const char *how = getenv("VMKEEP_POWER_CUTS"), *from = getenv("VMKEEP_SEED");
    unsigned seed = from ? (unsigned)strtoul(from, NULL, 10) : (unsigned)getpid();
    bool all = how && strcmp(how, "all") == 0;
    int n = 1, cuts = 0;

    print_message("VMKEEP_SEED=%u\n", seed);
    notes = xasprintf("%s/notes", repo_tmp);
    chain_make(seed, &ids);
    chain_keep();
    srand(seed);
    while (
        at(&ids, (size_t)rand() % (CHAIN - 1), n, rand() % 3 ? 1 + (unsigned)rand() % 1000 : 0)) {
        cuts++;
        n += all ? 1 : 1 + rand() % STRIDE;
    }
    print_message("%d cuts, of %d syncs at most\n", cuts, n);
    assert_true(cuts > 1);
    free(TAKE_PTR(notes));
}

static void at_syncs(void **state)
{
    (void)state;
    each(cut_at);
}

static void at_failing_syncs(void **state)
{
    (void)state;
    each(fails_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPO_TEST(at_syncs),
        REPO_TEST(at_failing_syncs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
