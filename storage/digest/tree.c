/* SPDX-License-Identifier: MIT
 *
 * The file, all numbers big endian:
 *
 *     0   16  "vmkeep tree 1\n", two zero bytes
 *     16   8  capacity
 *     24   8  1: a delta; 0: whole
 *     32   8  number of runs, R
 *     40   8  number of digests, D
 *     48  32  content
 *     80  32  content of what it stands on; zeroes where it is whole
 *     112     R runs: first leaf (8); number of leaves, its highest bit set for zeroes (8)
 *             D digests of 32 bytes
 *             SHA-256 of all before
 */
#include "storage/digest/tree.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define MAGIC "vmkeep tree 1\n\0" /* and the one that ends it */
#define MAGIC_LEN 16
#define HEADER 112
#define RUN 16
#define ZERO_BIT (UINT64_C(1) << 63)
#define FILE_MAX ((size_t)8 << 30) /* 16 TiB of changed data */

void tree_done(struct tree *t)
{
    free(t->runs.items);
    free(t->digests);
    *t = (struct tree){0};
}

uint64_t tree_leaves(uint64_t capacity)
{
    return capacity / TREE_LEAF + (capacity % TREE_LEAF != 0);
}

bool tree_is_zero(const unsigned char *digest)
{
    static const unsigned char zero[TREE_DIGEST];

    return memcmp(digest, zero, TREE_DIGEST) == 0;
}

/* ---- building ---- */

/* The run continues the last one, or is one of its own. */
static void add_run(struct tree *t, uint64_t first, uint64_t count, bool zero)
{
    struct tree_run *last = t->runs.n ? &t->runs.items[t->runs.n - 1] : NULL;

    if (last && last->zero == zero && last->first + last->count == first)
        last->count += count;
    else
        *VEC_ADD(&t->runs) = (struct tree_run){first, count, zero};
}

static void add_digests(struct tree *t, const void *digests, size_t count)
{
    if (t->n + count > t->cap) {
        t->cap = t->cap * 2 > t->n + count ? t->cap * 2 : t->n + count;
        t->digests = xreallocarray(t->digests, t->cap, TREE_DIGEST);
    }
    memcpy(t->digests + t->n, digests, count * TREE_DIGEST);
    t->n += count;
}

void tree_add(struct tree *t, uint64_t leaf, const unsigned char *digest)
{
    if (tree_is_zero(digest)) {
        tree_add_zeroes(t, leaf, 1);
    } else if (leaf < tree_leaves(t->capacity)) {
        add_run(t, leaf, 1, false);
        add_digests(t, digest, 1);
    }
}

void tree_add_zeroes(struct tree *t, uint64_t first, uint64_t count)
{
    uint64_t leaves = tree_leaves(t->capacity);

    if (first >= leaves || count == 0 || !t->delta) /* what a whole tree does not list is zeroes */
        return;
    add_run(t, first, count < leaves - first ? count : leaves - first, true);
}

/* ---- absorbing ---- */

/* A place in a tree. */
struct cursor {
    const struct tree *t;
    size_t run;
    size_t digest; /* of the run's first leaf */
};

static void next_run(struct cursor *c)
{
    if (!c->t->runs.items[c->run].zero)
        c->digest += c->t->runs.items[c->run].count;
    c->run++;
}

/* Adds what the cursor's run says of the leaves from..to. */
static void take(struct tree *ret, const struct cursor *c, uint64_t from, uint64_t to)
{
    const struct tree_run *r = &c->t->runs.items[c->run];

    if (from < r->first)
        from = r->first;
    if (to > r->first + r->count)
        to = r->first + r->count;
    if (to > tree_leaves(ret->capacity))
        to = tree_leaves(ret->capacity);
    if (from >= to)
        return;
    if (r->zero) {
        tree_add_zeroes(ret, from, to - from);
        return;
    }
    add_run(ret, from, to - from, false);
    add_digests(ret, c->t->digests + c->digest + (from - r->first), to - from);
}

/* What parent says of the leaves from..to, and that behind its end there are zeroes. */
static void take_below(struct tree *ret, struct cursor *parent, uint64_t from, uint64_t to)
{
    uint64_t end = tree_leaves(parent->t->capacity);

    while (parent->run < parent->t->runs.n) {
        const struct tree_run *r = &parent->t->runs.items[parent->run];

        take(ret, parent, from, to);
        if (r->first + r->count > to)
            break;
        next_run(parent);
    }
    if (to > end)
        tree_add_zeroes(ret, from > end ? from : end, to - (from > end ? from : end));
}

int tree_absorb(struct tree *child, const struct tree *parent, struct err *err)
{
    struct tree ret = {.capacity = child->capacity, .delta = parent->delta};
    struct cursor c = {.t = child}, p = {.t = parent};
    uint64_t at = 0;

    if (!child->delta)
        return 0;
    if (memcmp(child->below, parent->content, TREE_DIGEST) != 0)
        return err_set(err, ERR_CORRUPT, "the tree does not stand on that of the point below");
    memcpy(ret.content, child->content, TREE_DIGEST);
    memcpy(ret.below, parent->below, TREE_DIGEST);
    for (; c.run < child->runs.n; next_run(&c)) {
        const struct tree_run *r = &child->runs.items[c.run];

        take_below(&ret, &p, at, r->first);
        take(&ret, &c, r->first, r->first + r->count);
        at = r->first + r->count;
    }
    take_below(&ret, &p, at, tree_leaves(child->capacity));
    tree_done(child);
    *child = ret;
    return 0;
}

/* ---- bytes ---- */

static void put(unsigned char *at, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        at[i] = (unsigned char)v;
}

static uint64_t get(const unsigned char *at)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

unsigned char *tree_format(const struct tree *t, size_t *ret_len)
{
    size_t digests = HEADER + t->runs.n * RUN, len = digests + (t->n + 1) * TREE_DIGEST;
    unsigned char *b = xcalloc(1, len);

    memcpy(b, MAGIC, MAGIC_LEN);
    put(b + 16, t->capacity);
    put(b + 24, t->delta);
    put(b + 32, t->runs.n);
    put(b + 40, t->n);
    memcpy(b + 48, t->content, TREE_DIGEST);
    memcpy(b + 80, t->below, TREE_DIGEST);
    for (size_t i = 0; i < t->runs.n; i++) {
        put(b + HEADER + i * RUN, t->runs.items[i].first);
        put(b + HEADER + i * RUN + 8,
            t->runs.items[i].count | (t->runs.items[i].zero ? ZERO_BIT : 0));
    }
    if (t->n)
        memcpy(b + digests, t->digests, t->n * TREE_DIGEST);
    SHA256(b, len - TREE_DIGEST, b + len - TREE_DIGEST);
    *ret_len = len;
    return b;
}

static int damaged(const char *why, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "is damaged: %s", why);
}

static int parse_runs(const unsigned char *b, size_t n, struct tree *t, struct err *err)
{
    uint64_t leaves = tree_leaves(t->capacity), end = 0, digests = 0;

    for (size_t i = 0; i < n; i++, b += RUN) {
        uint64_t first = get(b), count = get(b + 8) & ~ZERO_BIT;
        bool zero = get(b + 8) & ZERO_BIT;

        if (count == 0 || first < end || first >= leaves || count > leaves - first)
            return damaged("a run of leaves that cannot be", err);
        if (zero && !t->delta)
            return damaged("it is whole, and lists zeroes", err);
        *VEC_ADD(&t->runs) = (struct tree_run){first, count, zero};
        end = first + count;
        digests += zero ? 0 : count;
    }
    return digests == t->n ? 0 : damaged("as many digests as it lists leaves are not there", err);
}

static int check_frame(const unsigned char *b, size_t len, struct err *err)
{
    unsigned char digest[TREE_DIGEST];
    uint64_t runs, digests;

    if (len < HEADER + TREE_DIGEST || memcmp(b, MAGIC, MAGIC_LEN) != 0)
        return damaged("it does not begin like the file of a tree", err);
    SHA256(b, len - TREE_DIGEST, digest);
    if (memcmp(digest, b + len - TREE_DIGEST, TREE_DIGEST) != 0)
        return damaged("its checksum does not fit", err);
    runs = get(b + 32);
    digests = get(b + 40);
    len -= HEADER + TREE_DIGEST;
    if (runs > len / RUN || digests > len / TREE_DIGEST ||
        runs * RUN + digests * TREE_DIGEST != len)
        return damaged("its length does not fit", err);
    return 0;
}

int tree_parse(const unsigned char *data, size_t len, struct tree *ret, struct err *err)
{
    CLEANUP(tree_done) struct tree t = {0};
    size_t runs;

    if (check_frame(data, len, err) < 0)
        return -1;
    runs = get(data + 32);
    t.capacity = get(data + 16);
    t.delta = get(data + 24) == 1;
    t.n = get(data + 40);
    if (t.capacity > TREE_CAPACITY_MAX || get(data + 24) > 1)
        return damaged("a header that cannot be", err);
    memcpy(t.content, data + 48, TREE_DIGEST);
    memcpy(t.below, data + 80, TREE_DIGEST);
    if (!t.delta && !tree_is_zero(t.below))
        return damaged("it is whole, and stands on something", err);
    if (parse_runs(data + HEADER, runs, &t, err) < 0)
        return -1;
    if (t.n) {
        t.digests = xreallocarray(NULL, t.n, TREE_DIGEST);
        t.cap = t.n;
        memcpy(t.digests, data + HEADER + runs * RUN, t.n * TREE_DIGEST);
    }
    for (size_t i = 0; i < t.n; i++)
        if (tree_is_zero(t.digests[i]))
            return damaged("zeroes with a digest", err);
    *ret = t;
    t = (struct tree){0};
    return 0;
}

/* ---- the file ---- */

char *tree_file_name(const char *image)
{
    size_t len = strlen(image);

    if (len > 6 && str_eq(image + len - 6, ".qcow2"))
        len -= 6;
    return xasprintf("%.*s.tree", (int)len, image);
}

int tree_read(const char *path, struct tree *ret, struct err *err)
{
    CLEANUP_FREE char *data = NULL;
    size_t len;

    if (read_file(path, FILE_MAX, &data, &len, err) < 0)
        return -1;
    if (tree_parse((const unsigned char *)data, len, ret, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

int tree_write(const char *path, const struct tree *t, struct err *err)
{
    size_t len;
    CLEANUP_FREE unsigned char *data = tree_format(t, &len);

    return write_file_durably(path, data, len, 0600, err);
}
