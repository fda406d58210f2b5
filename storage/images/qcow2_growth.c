/* SPDX-License-Identifier: MIT
 *
 * The format is QEMU's docs/interop/qcow2.txt: a level 1 table of tables, each of a cluster, of
 * clusters.  A cluster is written in place when it is no compressed one, and its table says by the
 * bit "copied" that nothing else refers to it.
 */
#include "storage/images/qcow2_growth.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define MAGIC 0x514649fbu
#define OFFSET UINT64_C(0x00fffffffffffe00)
#define COPIED (UINT64_C(1) << 63)
#define COMPRESSED (UINT64_C(1) << 62)
#define ZERO UINT64_C(1)
#define L1_MAX ((uint32_t)4 << 20)     /* entries, as QEMU has it */
#define INCOMPATIBLE_KNOWN UINT64_C(3) /* dirty, corrupt: nothing that changes the tables */

struct image {
    int fd;
    uint32_t cluster_bits, n_l1;
    uint64_t *l1;
    uint64_t *l2; /* of the last part that was asked for */
};

static void image_done(struct image *i)
{
    free(i->l1);
    free(i->l2);
}

/* A table as it stands in the file. */
static int read_table(int fd, uint64_t offset, size_t n, const char *where, uint64_t *ret,
                      struct err *err)
{
    ssize_t got = pread(fd, ret, n * sizeof(*ret), (off_t)offset);

    if (got < 0)
        return err_errno(err, errno, "read %s", where);
    if ((size_t)got != n * sizeof(*ret))
        return err_set(err, ERR_CORRUPT, "%s: ends within a table", where);
    for (size_t i = 0; i < n; i++)
        ret[i] = be64toh(ret[i]);
    return 0;
}

static int image_open(int fd, const char *where, struct image *ret, struct err *err)
{
    uint64_t head[10];
    uint64_t l1_at;

    /* As 64-bit words: magic and version; backing file; its size, and the clusters'; size; crypt
     * and entries of level 1; where that is; ...; incompatible features, from version 3 on. */
    if (read_table(fd, 0, ARRAY_LEN(head), where, head, err) < 0)
        return -1;
    *ret = (struct image){.fd = fd, .cluster_bits = (uint32_t)head[2], .n_l1 = (uint32_t)head[4]};
    l1_at = head[5];
    if (head[0] >> 32 != MAGIC || (uint32_t)head[0] != 3 || (head[9] & ~INCOMPATIBLE_KNOWN) ||
        ret->cluster_bits < 9 || ret->cluster_bits > 21 || ret->n_l1 > L1_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%s: its tables are of another kind", where);
    ret->l1 = xcalloc(ret->n_l1 + 1, sizeof(*ret->l1));
    ret->l2 = xcalloc(UINT64_C(1) << ret->cluster_bits, 1);
    return read_table(fd, l1_at, ret->n_l1, where, ret->l1, err);
}

/* *ret NULL: that part of the disk has no table. */
static int image_part(struct image *i, uint32_t part, const char *where, const uint64_t **ret,
                      struct err *err)
{
    size_t n = (UINT64_C(1) << i->cluster_bits) / sizeof(*i->l2);

    *ret = NULL;
    if (part >= i->n_l1 || !(i->l1[part] & OFFSET))
        return 0;
    *ret = i->l2;
    return read_table(i->fd, i->l1[part] & OFFSET, n, where, i->l2, err);
}

static bool has_data(uint64_t entry)
{
    return (entry & COMPRESSED) || ((entry & OFFSET) && !(entry & ZERO));
}

static bool is_written_in_place(uint64_t entry)
{
    return (entry & COPIED) && !(entry & COMPRESSED) && (entry & OFFSET) && !(entry & ZERO);
}

/* Clusters that one part of the disk takes more. */
static uint64_t part_growth(const uint64_t *above, const uint64_t *below, size_t n)
{
    bool any = false;
    uint64_t ret = 0;

    for (size_t i = 0; i < n; i++) {
        any = any || above[i];
        ret += has_data(above[i]) && !(below && is_written_in_place(below[i]));
    }
    return ret + (any && !below);
}

int qcow2_growth(int above, int below, const char *where, uint64_t *ret, struct err *err)
{
    CLEANUP(image_done) struct image a = {0}, b = {0};

    *ret = 0;
    if (image_open(above, where, &a, err) < 0 || image_open(below, where, &b, err) < 0)
        return -1;
    if (a.cluster_bits != b.cluster_bits)
        return err_set(err, ERR_UNSUPPORTED, "%s: the two have clusters of different sizes", where);
    for (uint32_t part = 0; part < a.n_l1; part++) {
        const uint64_t *of_a, *of_b;

        if (image_part(&a, part, where, &of_a, err) < 0)
            return -1;
        if (!of_a)
            continue;
        if (image_part(&b, part, where, &of_b, err) < 0)
            return -1;
        *ret += part_growth(of_a, of_b, (UINT64_C(1) << a.cluster_bits) / sizeof(*of_a))
                << a.cluster_bits;
    }
    return 0;
}
