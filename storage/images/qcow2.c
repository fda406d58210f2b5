/* SPDX-License-Identifier: MIT */
#include "storage/images/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define MAGIC 0x514649fbu /* "QFI\xfb" */
#define BACKING_NAME_MAX 1023
#define FORMAT_NAME_MAX 64
#define EXTENSIONS_MAX 64
#define FIRST_CLUSTER_MAX (UINT64_C(2) << 20) /* which holds the name, too */
#define EXTENSION_END 0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define V2_LENGTH 72u

enum { INCOMPATIBLE_CORRUPT = 1 << 1, INCOMPATIBLE_DATA_FILE = 1 << 2 };

/* The start of the file; version 2 ends before `incompatible`. */
struct layout {
    uint32_t magic, version;
    uint64_t backing_offset;
    uint32_t backing_size, cluster_bits;
    uint64_t size;
    uint32_t crypt_method, l1_size;
    uint64_t l1_offset, refcount_offset;
    uint32_t refcount_clusters, snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, header_length;
};

_Static_assert(sizeof(struct layout) == 104, "as the format lays it out");

void qcow2_header_done(struct qcow2_header *h)
{
    free(h->backing);
    free(h->backing_format);
    *h = (struct qcow2_header){0};
}

/* All of len bytes at offset, or an error. */
static int read_at(int fd, void *buf, size_t len, uint64_t offset, const char *where,
                   struct err *err)
{
    ssize_t n = pread(fd, buf, len, (off_t)offset);

    if (n < 0)
        return err_errno(err, errno, "read %s", where);
    if ((size_t)n != len)
        return err_set(err, ERR_CORRUPT, "%s: ends within its qcow2 header", where);
    return 0;
}

static int read_text(int fd, uint64_t offset, uint32_t size, const char *where, char **ret,
                     struct err *err)
{
    CLEANUP_FREE char *text = xcalloc(size + 1u, 1);

    if (read_at(fd, text, size, offset, where, err) < 0)
        return -1;
    *ret = TAKE_PTR(text);
    return 0;
}

static int read_extensions(int fd, uint64_t at, const char *where, struct qcow2_header *h,
                           struct err *err)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint32_t head[2];

        if (read_at(fd, head, sizeof(head), at, where, err) < 0)
            return -1;
        at += sizeof(head);
        if (be32toh(head[0]) == EXTENSION_END)
            return 0;
        if (be32toh(head[0]) == EXTENSION_BACKING_FORMAT) {
            if (be32toh(head[1]) > FORMAT_NAME_MAX)
                break;
            return read_text(fd, at, be32toh(head[1]), where, &h->backing_format, err);
        }
        at += (be32toh(head[1]) + UINT64_C(7)) & ~UINT64_C(7);
    }
    return err_set(err, ERR_CORRUPT, "%s: damaged qcow2 header", where);
}

static int check_layout(const struct layout *l, const char *where, struct err *err)
{
    if (be32toh(l->magic) != MAGIC)
        return err_set(err, ERR_CORRUPT, "%s: not a qcow2 image", where);
    if (be32toh(l->version) != 2 && be32toh(l->version) != 3)
        return err_set(err, ERR_UNSUPPORTED, "%s: qcow2 of version %u", where, be32toh(l->version));
    if (be32toh(l->backing_size) > BACKING_NAME_MAX ||
        be64toh(l->backing_offset) > FIRST_CLUSTER_MAX)
        return err_set(err, ERR_CORRUPT, "%s: damaged qcow2 header", where);
    if (be32toh(l->version) == 2)
        return 0;
    if (be64toh(l->incompatible) & INCOMPATIBLE_CORRUPT)
        return err_set(err, ERR_CORRUPT, "%s: QEMU has marked this image as corrupt", where);
    if (be64toh(l->incompatible) & INCOMPATIBLE_DATA_FILE)
        return err_set(err, ERR_UNSUPPORTED, "%s: keeps its data in another file", where);
    return 0;
}

int qcow2_read_header(int fd, const char *where, struct qcow2_header *ret, struct err *err)
{
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    struct layout l;
    uint64_t extensions;

    if (read_at(fd, &l, sizeof(l), 0, where, err) < 0 || check_layout(&l, where, err) < 0)
        return -1;
    h.capacity = be64toh(l.size);
    if (l.backing_offset) {
        extensions = be32toh(l.version) == 2 ? V2_LENGTH : be32toh(l.header_length);
        if (read_text(fd, be64toh(l.backing_offset), be32toh(l.backing_size), where, &h.backing,
                      err) < 0 ||
            read_extensions(fd, extensions, where, &h, err) < 0)
            return -1;
    }
    *ret = h;
    h = (struct qcow2_header){0};
    return 0;
}
