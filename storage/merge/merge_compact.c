/* SPDX-License-Identifier: MIT */
#include "storage/merge/merge_compact.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/images/image_run.h"
#include "storage/images/qcow2.h"
#include "storage/repository/repository_priv.h"

#define CLUSTER UINT64_C(65536) /* of images that are compressed */
#define SHARE 4

/* Clusters that are not compressed, by the image's tables. */
static int count_loose(const char *image, uint64_t *ret, struct err *err)
{
    const char *argv[] = {"qemu-img", "check", "--output=json", "-f", "qcow2", image, NULL};
    CLEANUP_FREE char *out = NULL;
    json_int_t allocated = 0, compressed = 0;
    json_t *o;

    if (image_run(argv, image, NULL, NULL, &out, err) < 0)
        return -1;
    o = json_loads(out, 0, NULL);
    if (o)
        json_unpack(o, "{s?I, s?I}", "allocated-clusters", &allocated, "compressed-clusters",
                    &compressed);
    json_decref(o);
    *ret = allocated > compressed ? (uint64_t)(allocated - compressed) : 0;
    return 0;
}

int merge_compact_pays(const char *image, uint64_t loose, bool *ret, struct err *err)
{
    struct stat st;
    uint64_t now;

    if (count_loose(image, &now, err) < 0)
        return -1;
    if (stat(image, &st) < 0)
        return err_errno(err, errno, "%s", image);
    *ret = now > loose && (now - loose) * CLUSTER >= (uint64_t)st.st_blocks * 512 / SHARE;
    return 0;
}

int merge_compact(const char *image, const struct compression *c, uint64_t *ret_loose,
                  struct err *err)
{
    CLEANUP_CLOSE int fd = open(image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};
    struct compression own = *c;

    if (fd < 0)
        return err_errno(err, errno, "%s", image);
    if (qcow2_read_header(fd, image, &h, err) < 0)
        return -1;
    own.backing = h.backing;
    return image_compress(image, &own, err) < 0 ? -1 : count_loose(image, ret_loose, err);
}
