/* SPDX-License-Identifier: MIT
 *
 * `qemu-img commit -d` is the one way that has survived being killed everywhere (rebase in its safe
 * mode, block-stream and block-commit of QEMU 7.2 write the new header before the tables that it
 * needs).  -d: `above` is not emptied, so it is only read.  Clusters that become zeroes, or are
 * written anew, are given back to the file system or used again: the file does not grow for them.
 *
 * The size comes first.  A smaller disk: what is beyond its end goes, or else a later, larger one
 * would see it through the merged image.  A larger one: where `below` stands on an image that is
 * larger than itself, that must not be seen behind its former end. qemu-img writes zeroes there,
 * but QEMU 7.2 changes the size first, durably, and the tables that say so later: so `above` holds
 * all that is there before (merge_seal.h).
 */
#include "storage/merge/merge_images.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/images/image_run.h"
#include "storage/merge/merge_seal.h"
#include "storage/images/qcow2.h"
#include "storage/images/qcow2_links.h"
#include "storage/repository/repository_priv.h"

static bool on_qemu_img(void *ctx, pid_t pid, const char *line)
{
    const struct image_merge *m = ctx;
    double percent = -1;

    (void)pid;
    if (line)
        sscanf(line, " (%lf/", &percent);
    if (m->progress)
        m->progress(m->ctx, percent);
    return true;
}

static int capacity_of(const char *image, uint64_t *ret, struct err *err)
{
    CLEANUP_CLOSE int fd = open(image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    CLEANUP(qcow2_header_done) struct qcow2_header h = {0};

    if (fd < 0)
        return err_errno(err, errno, "%s", image);
    if (qcow2_read_header(fd, image, &h, err) < 0)
        return -1;
    *ret = h.capacity;
    return 0;
}

#define DISCARD_MAX (UINT64_C(1) << 30) /* qemu-io takes less than 2 GiB at once */
#define CLUSTER_MAX (UINT64_C(2) << 20) /* QEMU's */

/* QEMU cannot discard a part of a cluster, and what is left in the last one would be seen again in
 * a later, larger disk: that is overwritten.  Durably, before anything is given back to the file
 * system: QEMU 7.2 does that before its tables say so, even when a sync has failed, and a
 * compressed cluster of which a part stays may share its place in the file with such as go. */
static int zero_last_cluster(const struct image_merge *m, uint64_t from, uint64_t to,
                             struct err *err)
{
    uint64_t last = (from + CLUSTER_MAX - 1) / CLUSTER_MAX * CLUSTER_MAX;
    CLEANUP(strlist_done) struct strlist commands = {0};
    CLEANUP_FREE char *zeroes =
        xasprintf("write -q -z %" PRIu64 " %" PRIu64, from, (last < to ? last : to) - from);

    if (last == from)
        return 0;
    strlist_add(&commands, zeroes);
    return image_io(m->below, "--discard=ignore", &commands, on_qemu_img, (void *)m, err);
}

/* What is beyond the new end goes first, and durably: QEMU 7.2's resize cuts the file off before it
 * has written the tables that refer to there, and killed then it leaves an image that fails every
 * check from then on. */
static int discard_beyond(const struct image_merge *m, uint64_t from, uint64_t to, struct err *err)
{
    CLEANUP(strlist_done) struct strlist commands = {0};

    for (uint64_t at = from; at < to; at += DISCARD_MAX) {
        uint64_t left = to - at;
        CLEANUP_FREE char *command = xasprintf("discard -q %" PRIu64 " %" PRIu64, at,
                                               left < DISCARD_MAX ? left : DISCARD_MAX);

        strlist_add(&commands, command);
    }
    return image_io(m->below, "--discard=unmap", &commands, on_qemu_img, (void *)m, err);
}

/* What `below` stands on has something behind its end. */
static bool stands_on_larger(const struct image_merge *m, uint64_t size)
{
    CLEANUP(qcow2_links_done) struct qcow2_links links = {0};
    struct err ignored = ERR_INIT;
    uint64_t base = 0;

    qcow2_links_read(m->below, &links);
    return links.backing && (capacity_of(links.backing, &base, &ignored) < 0 || base > size);
}

static int fit_size(const struct image_merge *m, struct err *err)
{
    CLEANUP_FREE char *size = NULL;
    uint64_t below, above;

    if (capacity_of(m->below, &below, err) < 0 || capacity_of(m->above, &above, err) < 0)
        return -1;
    size = xasprintf("%" PRIu64, above);
    if (below < above) {
        const char *grow[] = {"qemu-img", "resize", "-q", "-f", "qcow2", m->below, size, NULL};

        if (stands_on_larger(m, below) &&
            merge_seal(m->above, below, above, on_qemu_img, (void *)m, err) < 0)
            return -1;
        return image_run(grow, m->below, on_qemu_img, (void *)m, NULL, err);
    }
    if (below > above) {
        const char *shrink[] = {"qemu-img", "resize", "-q", "--shrink", "-f",
                                "qcow2",    m->below, size, NULL};

        return zero_last_cluster(m, above, below, err) < 0 ||
                       discard_beyond(m, above, below, err) < 0 ||
                       image_run(shrink, m->below, on_qemu_img, (void *)m, NULL, err) < 0
                   ? -1
                   : 0;
    }
    return 0;
}

static int repair(const struct image_merge *m, const char *what, struct err *err)
{
    const char *argv[] = {"qemu-img", "check", "-q", "-r", what, "-f", "qcow2", m->below, NULL};

    return image_run(argv, m->below, on_qemu_img, (void *)m, NULL, err);
}

/* Are all tables such as QEMU can follow? */
static bool has_good_tables(const struct image_merge *m)
{
    const char *argv[] = {"qemu-img", "map", "--output=json", "-f", "qcow2", m->below, NULL};
    struct err ignored = ERR_INIT;

    return image_run(argv, m->below, on_qemu_img, (void *)m, NULL, &ignored) == 0;
}

/* An interrupted one had taken clusters to which nothing refers; that harms nothing.  Where a write
 * or a sync of it failed while compressed clusters were given back, QEMU 7.2 leaves some that are
 * used by more than is counted, and whoever goes on takes them for free.  Tables that can be
 * followed stay as they are: it is the counts that are made to fit them. */
static int mend_counts(const struct image_merge *m, struct err *err)
{
    struct err ignored = ERR_INIT;

    if (repair(m, "leaks", err) == 0)
        return 0;
    if (err->code == ERR_CANCELED || !has_good_tables(m) || repair(m, "all", &ignored) < 0)
        return -1;
    *err = ERR_INIT;
    return 0;
}

static void say_alive(const struct image_merge *m)
{
    if (m->progress)
        m->progress(m->ctx, -1);
}

static int sync_below(const struct image_merge *m, struct err *err)
{
    say_alive(m);
    if (sync_fd(m->below_fd, m->below, err) < 0)
        return -1;
    say_alive(m);
    return 0;
}

int image_merge(const struct image_merge *m, struct err *err)
{
    const char *commit[] = {"qemu-img", "commit", "-p", "-d", "-f", "qcow2", m->above, NULL};

    if (image_is_encrypted(m->above) && !image_is_encrypted(m->below))
        return err_set(err, ERR_INVALID, "%s: is in clear text, and %s is not", m->below, m->above);
    if ((m->again && mend_counts(m, err) < 0) || fit_size(m, err) < 0 ||
        image_run(commit, m->above, on_qemu_img, (void *)m, NULL, err) < 0)
        return -1;
    return sync_below(m, err);
}
