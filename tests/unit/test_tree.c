/* SPDX-License-Identifier: MIT
 *
 * Chains of random trees of disks that grow and shrink, against a model of what a guest reads.
 * The seed is printed; SEED=N repeats a run. */
#include "tests/support/test.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "storage/digest/leaves.h"
#include "storage/digest/tree.h"

#define LEAVES_MAX 40
#define POINTS 7
#define ROUNDS 400

/* A leaf: so many bytes of a value; the rest is zeroes. */
struct modeled {
    unsigned value; /* 0: zeroes */
    uint64_t bytes;
};

struct disk {
    uint64_t capacity;
    struct modeled leaf[LEAVES_MAX];
};

static void digest_of(const struct modeled *m, unsigned char ret[TREE_DIGEST])
{
    memset(ret, 0, TREE_DIGEST);
    if (m->value && m->bytes) {
        memcpy(ret, &m->value, sizeof(m->value));
        memcpy(ret + 8, &m->bytes, sizeof(m->bytes));
    }
}

static void resize(struct disk *d, uint64_t capacity)
{
    for (uint64_t i = 0; i < LEAVES_MAX; i++) {
        uint64_t start = i * TREE_LEAF, left = capacity > start ? capacity - start : 0;

        if (d->leaf[i].bytes > left)
            d->leaf[i].bytes = left;
    }
    d->capacity = capacity;
}

static void contents(const struct disk *d, unsigned char ret[TREE_DIGEST])
{
    CLEANUP(leaves_done) struct leaves l = {0};
    unsigned char digest[TREE_DIGEST];

    leaves_resize(&l, d->capacity);
    for (uint64_t i = 0; i < tree_leaves(d->capacity); i++) {
        digest_of(&d->leaf[i], digest);
        leaves_set(&l, i, digest);
    }
    leaves_content(&l, ret);
}

static uint64_t some_capacity(void)
{
    uint64_t leaves = (uint64_t)(random() % LEAVES_MAX), part = (uint64_t)random() % TREE_LEAF;

    return leaves * TREE_LEAF + (random() % 2 && leaves < LEAVES_MAX ? part : 0);
}

/* The guest writes, and the point's tree says so. */
static struct tree next_point(struct disk *d, bool delta)
{
    struct tree t = {.delta = delta};
    bool smaller;
    uint64_t before = d->capacity;

    contents(d, t.below);
    if (!delta) {
        memset(d, 0, sizeof(*d));
        memset(t.below, 0, TREE_DIGEST);
    }
    t.capacity = random() % 2 && before ? before : some_capacity();
    resize(d, t.capacity);
    smaller = delta && t.capacity < before;
    for (uint64_t i = 0; i < tree_leaves(t.capacity); i++) {
        uint64_t left = t.capacity - i * TREE_LEAF;
        unsigned char digest[TREE_DIGEST];
        bool written = random() % 4 == 0;

        if (written)
            d->leaf[i] = (struct modeled){(unsigned)random() % 3 ? (unsigned)random() : 0,
                                          left < TREE_LEAF ? left : TREE_LEAF};
        digest_of(&d->leaf[i], digest);
        if (written || (smaller && i + 1 == tree_leaves(t.capacity)))
            tree_add(&t, i, digest);
    }
    contents(d, t.content);
    return t;
}

static void assert_chain(const struct tree *chain, size_t n, const struct disk *d)
{
    CLEANUP(leaves_done) struct leaves l = {0};
    unsigned char have[TREE_DIGEST], want[TREE_DIGEST];

    for (size_t i = 0; i < n; i++)
        leaves_lay(&l, &chain[i]);
    leaves_content(&l, have);
    contents(d, want);
    assert_memory_equal(have, want, TREE_DIGEST);
    assert_memory_equal(chain[n - 1].content, want, TREE_DIGEST);
}

/* What is written is read again as it was. */
static void assert_kept(const struct tree *t)
{
    CLEANUP(tree_done) struct tree again = {0};
    CLEANUP_FREE unsigned char *one = NULL;
    CLEANUP_FREE unsigned char *two = NULL;
    struct err err = ERR_INIT;
    size_t len, len_two;

    one = tree_format(t, &len);
    assert_int_equal(tree_parse(one, len, &again, &err), 0);
    two = tree_format(&again, &len_two);
    assert_int_equal(len, len_two);
    assert_memory_equal(one, two, len);
}

static void merges_change_no_content(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct tree chain[POINTS];
        struct disk d = {0}, at[POINTS];
        struct err err = ERR_INIT;
        size_t n = POINTS;

        for (size_t i = 0; i < n; i++) {
            chain[i] = next_point(&d, i > 0);
            at[i] = d;
            assert_chain(chain, i + 1, &d);
        }
        while (n > 1) {
            size_t i = 1 + (size_t)random() % (n - 1); /* is merged with the one below */

            assert_int_equal(tree_absorb(&chain[i], &chain[i - 1], &err), 0);
            tree_done(&chain[i - 1]);
            memmove(&chain[i - 1], &chain[i], (n - i) * sizeof(*chain));
            memmove(&at[i - 1], &at[i], (n - i) * sizeof(*at));
            n--;
            for (size_t k = 0; k < n; k++) {
                assert_chain(chain, k + 1, &at[k]);
                assert_kept(&chain[k]);
            }
        }
        assert_false(chain[0].delta);
        tree_done(&chain[0]);
    }
}

static void only_its_own_parent_is_absorbed(void **state)
{
    struct disk d = {0};
    struct err err = ERR_INIT;
    CLEANUP(tree_done) struct tree full = next_point(&d, false);
    CLEANUP(tree_done) struct tree one = next_point(&d, true);
    CLEANUP(tree_done) struct tree two = next_point(&d, true);
    size_t runs = two.runs.n;

    (void)state;
    one.content[3] ^= 1;
    assert_int_equal(tree_absorb(&two, &one, &err), -1);
    assert_int_equal(err.code, ERR_CORRUPT);
    assert_int_equal(two.runs.n, runs);
    two.below[3] ^= 1; /* and that one is */
    assert_int_equal(tree_absorb(&two, &one, &err), 0);
    runs = full.runs.n;
    assert_int_equal(tree_absorb(&full, &one, &err), 0); /* one that is whole needs nobody */
    assert_int_equal(full.runs.n, runs);
    assert_false(full.delta);
}

static void each_flipped_bit_is_seen(void **state)
{
    struct disk d = {0};
    struct tree full = next_point(&d, false), t = {0};
    CLEANUP(tree_done) struct tree delta = next_point(&d, true);
    CLEANUP_FREE unsigned char *b = NULL;
    struct err err = ERR_INIT;
    size_t len;

    (void)state;
    tree_done(&full);
    b = tree_format(&delta, &len);
    for (size_t i = 0; i < len; i++) {
        b[i] ^= (unsigned char)(1 << random() % 8);
        assert_int_equal(tree_parse(b, len, &t, &err), -1);
        assert_int_equal(err.code, ERR_CORRUPT);
        assert_int_equal(tree_parse(b, i, &t, &err), -1); /* and that it was cut short */
        b[i] = 0;
    }
}

static void the_file(void **state)
{
    char dir[200];
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *name = tree_file_name("vda.qcow2");
    CLEANUP_FREE char *odd = tree_file_name("qcow2");
    CLEANUP(tree_done) struct tree again = {0};
    struct disk d = {0};
    CLEANUP(tree_done) struct tree t = next_point(&d, false);
    struct err err = ERR_INIT;

    (void)state;
    assert_string_equal(name, "vda.tree");
    assert_string_equal(odd, "qcow2.tree");
    test_make_dir(dir, sizeof(dir));
    path = xasprintf("%s/%s", dir, name);
    assert_int_equal(tree_read(path, &again, &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
    assert_int_equal(tree_write(path, &t, &err), 0);
    assert_int_equal(tree_read(path, &again, &err), 0);
    assert_chain(&again, 1, &d);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(tree_read(path, &again, &err), -1);
    assert_int_equal(err.code, ERR_CORRUPT);
    assert_non_null(strstr(err.msg, path));
    test_remove_dir(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_change_no_content),
        cmocka_unit_test(only_its_own_parent_is_absorbed),
        cmocka_unit_test(each_flipped_bit_is_seen),
        cmocka_unit_test(the_file),
    };
    const char *wanted = getenv("SEED");
    unsigned long seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);

    fprintf(stderr, "SEED=%lu\n", seed);
    srandom((unsigned)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
