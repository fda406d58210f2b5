/* SPDX-License-Identifier: MIT
 *
 * The image files that a backup's beginning makes: targets that do not exist yet, and scratch
 * space.
 *
 * Scratch files are unlinked as soon as QEMU has them open.  They live as long as QEMU uses
 * them, and nothing is left over whoever dies first.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "engine/qmp/begin/begin.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/wire/texts.h"

#define CREATE_S 60.0
#define TRIES_MAX 10

static struct begin_image *add(struct begin *b, const struct begin_disk *disk, const char *path,
                               bool scratch)
{
    struct begin_image *image = VEC_ADD(&b->images);

    image->disk = disk;
    image->path = path;
    image->format = scratch ? "qcow2" : disk->format;
    image->scratch = scratch;
    image->shield = scratch && b->mode == MODE_PUSH;
    return image;
}

static const char *keep(struct begin *b, char *owned)
{
    CLEANUP_FREE char *s = owned;

    strlist_add(&b->strings, s);
    return b->strings.items[b->strings.n - 1];
}

/* A disk's own scratch file, of a shielded push. */
static const char *scratch_path(struct begin *b, size_t i)
{
    return keep(b, xasprintf("%s/%zu.qcow2", b->scratch, i));
}

/* Beside the scratch space; but /dev is no place for files. */
static void add_probe(struct begin *b, const struct begin_disk *disk)
{
    char *path = disk->is_device
                     ? xasprintf("/var/tmp/vmkeep-%s-%zu.probe", b->tag, begin_disk_index(b, disk))
                     : xasprintf("%s.probe", disk->place.path);
    struct begin_image *image = add(b, disk, keep(b, path), true);

    image->probe = true;
    image->size = begin_probe_size(disk);
}

void begin_list_images(struct begin *b)
{
    if (b->mode == MODE_PULL && b->task.domain->side->no_writer)
        return; /* the images themselves are exported */
    for (size_t i = 0; i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];

        if (!b->reuse_external && disk->place.type == PLACE_FILE)
            add(b, disk, disk->place.path, b->mode == MODE_PULL)->given = disk->place.made;
        else
            begin_list_given(b, disk);
    }
    for (size_t i = 0; b->shield && i < b->disks.n; i++) {
        const struct begin_disk *disk = &b->disks.items[i];

        if (disk->still)
            continue;
        if (b->mode == MODE_PUSH)
            add(b, disk, scratch_path(b, i), true);
        else
            add_probe(b, disk);
    }
}

/* Makes the file, so that it is ours alone; qemu-img then writes the format into it.  QEMU's user
 * opens it. */
static int create_file(struct begin *b, struct begin_image *image, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    uid_t uid;
    gid_t gid;

    if (image->given) {
        image->created = image->scratch;
        return 0;
    }
    fd = open(image->path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "create %s", image->path);
    image->created = true;
    domain_user(b->task.domain, &uid, &gid);
    if (geteuid() == 0 && fchown(fd, uid, gid) < 0)
        return err_errno(err, errno, "give %s to QEMU's user", image->path);
    return 0;
}

static void run_qemu_img(struct begin *b, const struct begin_image *image)
{
    const struct backup_encryption *crypt = &image->disk->place.encryption;
    bool encrypted = crypt->secret && !image->shield && !image->probe;
    CLEANUP_FREE char *secret = xasprintf("secret,id=key,file=%s", crypt->secret_file);
    char size[32];
    const char *plain[] = {"qemu-img",    "create",    "-q", "-f",
                           image->format, image->path, size, NULL};
    const char *luks[] = {"qemu-img",    "create", "-q",
                          "--object",    secret,   "-f",
                          image->format, "-o",     "encrypt.format=luks,encrypt.key-secret=key",
                          image->path,   size,     NULL};
    const struct proc_spec spec = {.argv = encrypted ? luks : plain, .timeout_s = CREATE_S};

    snprintf(size, sizeof(size), "%" PRIu64,
             image->probe ? image->size : image->disk->source->facts.capacity);
    task_run(&b->task, &spec);
}

/* The copy goes on without protection when only its scratch space could not be made. */
static void failed(struct begin *b, const struct begin_image *image, const struct err *why)
{
    if (image->shield && !b->task.canceled) {
        snprintf(b->begun.unsafe, sizeof(b->begun.unsafe), "scratch space: %s", why->msg);
        b->shield = false;
        return;
    }
    b->err = *why;
    err_wrap(&b->err, "disk %s", image->disk->name);
}

/* LUKS: qemu-img measures how fast the machine is, and gives up when that is busy. */
static bool try_again(struct begin *b, struct begin_image *image, const struct err *why)
{
    if (b->task.canceled || !qemu_said(why->msg, SAID_CPU_BUSY) || ++image->tries >= TRIES_MAX)
        return false;
    run_qemu_img(b, image);
    return true;
}

/* *err: of its being looked at. */
static void check_empty(struct begin *b, const struct begin_image *image, struct err *err)
{
    const char *what = b->mode == MODE_PUSH ? "target" : "scratch";

    if (err->code == ERR_NONE)
        begin_check_given(image, b->task.output ? b->task.output : "", err);
    else if (qemu_said(err->msg, SAID_OTHER_FORMAT))
        err_set(err, ERR_INVALID, "%s is not a %s image", image->path, image->format);
    if (err->code != ERR_NONE)
        err_wrap(err, "%s", what);
}

bool begin_create_next(struct begin *b)
{
    struct err err = b->task.wait_err;

    b->task.wait_err = ERR_INIT;
    if (b->next > 0 && b->images.items[b->next - 1].found == FOUND_EMPTY)
        check_empty(b, &b->images.items[b->next - 1], &err);
    if (b->next > 0 && err.code != ERR_NONE) {
        if (b->images.items[b->next - 1].found != FOUND_EMPTY &&
            try_again(b, &b->images.items[b->next - 1], &err))
            return true;
        failed(b, &b->images.items[b->next - 1], &err);
    }
    while (b->next < b->images.n && !begin_is_bad(b)) {
        struct begin_image *image = &b->images.items[b->next++];

        if (image->shield && !b->shield)
            continue;
        err = ERR_INIT;
        if (image->found == FOUND_EMPTY) {
            begin_map_given(b, image);
            return true;
        }
        if (image->found == FOUND_FORMAT || create_file(b, image, &err) == 0) {
            run_qemu_img(b, image);
            return true;
        }
        failed(b, image, &err);
    }
    return false;
}

void begin_unlink_images(struct begin *b, bool scratch_only)
{
    for (size_t i = 0; i < b->images.n; i++) {
        struct begin_image *image = &b->images.items[i];

        if (!image->created || (scratch_only && !image->scratch))
            continue;
        if (unlink(image->path) < 0)
            log_debug("qmp: %s: unlink %s failed", b->task.domain->name, image->path);
        image->created = false;
    }
}
