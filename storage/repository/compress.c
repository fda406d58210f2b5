/* SPDX-License-Identifier: MIT */
#include "storage/repository/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define ARGUMENTS_MAX 24

struct compressing {
    const struct compression *c;
    const char *image;
    double percent;
};

/* qemu-img's "    (12.34/100%)" is a sign of life when it has moved on, and silence is none. */
static bool on_qemu_img(void *ctx, pid_t pid, const char *line)
{
    struct compressing *s = ctx;
    double percent;

    (void)pid;
    if (line && sscanf(line, " (%lf/", &percent) == 1 && percent > s->percent) {
        s->percent = percent;
        if (s->c->alive)
            s->c->alive(s->image);
        if (s->c->progress)
            s->c->progress(s->c->ctx, percent);
    }
    return true;
}

static int convert(const char *image, const char *into, const struct compression *c,
                   struct err *err)
{
    CLEANUP_FREE char *options =
        xasprintf("cluster_size=65536,compression_type=%s", compression_name(c->type));
    /* Of lower priority than the guests, which share the processors with it. */
    const char *argv[ARGUMENTS_MAX] = {"nice",  "-n", "10", "qemu-img", "convert",
                                       "-p",    "-c", "-f", "qcow2",    "-O",
                                       "qcow2", "-m", "8",  "-o",       options};
    struct compressing s = {.c = c, .image = image};
    size_t n = 15;

    if (c->backing) {
        argv[n++] = "-B";
        argv[n++] = c->backing; /* relative to the new image */
        argv[n++] = "-F";
        argv[n++] = "qcow2";
    }
    argv[n++] = image;
    argv[n++] = into;
    argv[n] = NULL;
    return proc_run_watched(argv, on_qemu_img, &s, NULL, err);
}

/* What is compressed is at most a little larger than what it was. */
static int check_room(const char *image, uint64_t reserve, struct err *err)
{
    char need[SIZE_TEXT_MAX], there[SIZE_TEXT_MAX];
    uint64_t avail, total, bytes;
    struct stat st;

    if (stat(image, &st) < 0)
        return err_errno(err, errno, "%s", image);
    if (repository_space(image, &avail, &total, err) < 0)
        return -1;
    bytes = (uint64_t)st.st_blocks * 512;
    if (avail >= bytes && avail - bytes >= reserve)
        return 0;
    return err_set(err, ERR_NOSPACE, "%s more are needed beside it for a while, %s are free",
                   size_text(bytes, need), size_text(avail > reserve ? avail - reserve : 0, there));
}

/* On disk, with the owner and the mode of the old one, before it takes its place. */
static int settle(const char *image, const char *made, struct err *err)
{
    CLEANUP_CLOSE int fd = open(made, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return err_errno(err, errno, "%s", made);
    if (stat(image, &st) < 0)
        return err_errno(err, errno, "%s", image);
    if (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0)
        return err_errno(err, errno, "%s", made);
    if (sync_fd(fd, made, err) < 0)
        return -1;
    return rename(made, image) < 0 ? err_errno(err, errno, "rename %s", made) : 0;
}

int image_compress_clean(const char *image, struct err *err)
{
    CLEANUP_FREE char *made = xasprintf("%s%s", image, COMPRESSING);

    return unlink(made) < 0 && errno != ENOENT ? err_errno(err, errno, "%s", made) : 0;
}

int image_compress(const char *image, const struct compression *c, struct err *err)
{
    CLEANUP_FREE char *made = xasprintf("%s%s", image, COMPRESSING);
    struct err ignored = ERR_INIT;

    if (image_compress_clean(image, err) < 0 || check_room(image, c->reserve, err) < 0)
        return -1;
    if (convert(image, made, c, err) == 0 && settle(image, made, err) == 0)
        return 0;
    image_compress_clean(image, &ignored);
    return -1;
}
