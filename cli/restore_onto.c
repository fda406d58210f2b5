/* SPDX-License-Identifier: MIT */
#include "cli/restore_onto.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/qemu_locks.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/interrupted.h"
#include "cli/patch.h"
#include "cli/restore_bar.h"
#include "cli/restore_place.h"
#include "cli/served.h"
#include "report/json.h"
#include "report/wrap.h"
#include "storage/repository/content.h"
#include "storage/verify/verify.h"

struct target {
    char *disk, *path;
    bool device;
    uint64_t capacity, size; /* the point's disk, and the target */
    struct served source, image;
    int source_fd, fd;
    bool has_content; /* the disk's digests are known */
    char *ranges;     /* a file: where the target differs from them; NULL: that is not known */
    uint64_t differs;
};

struct onto {
    const struct restore_onto *o;
    const struct restore_request *r;
    struct found_point *f;
    struct restore_bar bar;
    VEC(struct target) targets;
    size_t current;
    uint64_t before, work; /* for the bar */
    bool checking;
};

static void onto_done(struct onto *s)
{
    for (size_t i = 0; i < s->targets.n; i++) {
        struct target *t = &s->targets.items[i];

        if (t->source_fd >= 0)
            close(t->source_fd);
        if (t->fd >= 0)
            close(t->fd);
        if (t->ranges)
            unlink(t->ranges);
        free(t->ranges);
        served_done(&t->source);
        served_done(&t->image);
        free(t->disk);
        free(t->path);
    }
    free(s->targets.items);
}

static bool on_progress(void *ctx, uint64_t done)
{
    struct onto *s = ctx;

    restore_bar_draw(&s->bar, s->targets.items[s->current].disk, s->checking, s->before + done,
                     s->work);
    return !interrupted;
}

/* ---- which ---- */

static int parse_target(struct onto *s, const char *text, struct err *err)
{
    const struct point *p = s->f->choice.point;
    const char *eq = strchr(text, '=');
    const struct point_disk *d;
    struct target *t;

    if (!eq || eq == text || !eq[1])
        return err_set(err, ERR_INVALID, "--onto: '%s' is not DISK=TARGET", CLIP(text));
    t = VEC_ADD(&s->targets);
    *t = (struct target){.disk = xasprintf("%.*s", (int)(eq - text), text),
                         .path = xstrdup(eq + 1),
                         .source_fd = -1,
                         .fd = -1};
    d = point_find_disk(p, t->disk);
    if (!d)
        return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", p->id, t->disk);
    t->capacity = d->capacity;
    t->has_content = d->content;
    return 0;
}

/* No two disks onto one, and nothing in a repository. */
static int check_target(struct onto *s, const struct target *t, struct err *err)
{
    CLEANUP(strlist_done) struct strlist none = {0};
    CLEANUP_FREE char *real = realpath(t->path, NULL), *dir = NULL;
    struct stat st, other;

    if (!real || stat(real, &st) < 0)
        return err_errno(err, errno, "%s", t->path);
    for (const struct target *k = s->targets.items; k < t; k++)
        if (stat(k->path, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
            return err_set(err, ERR_INVALID, "%s: is the target of disk %s, too", t->path, k->disk);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: is neither an image nor a block device", t->path);
    strlist_add(&none, "");
    dir = path_dirname(real);
    if (restore_place_alone(&s->f->source, real, err) < 0)
        return -1;
    return restore_place_check(&s->f->source, s->f->choice.point, dir, "qcow2", &none, err);
}

/* ---- opening ---- */

/* QEMU's words, as of 7.2. */
static bool is_locked(const struct err *err)
{
    return strstr(err->msg, "Is another process using the image");
}

static int refuse_locked(const struct target *t, struct err *err)
{
    return err_set(err, ERR_BUSY,
                   "%s: is in use by another program, such as a QEMU that runs on it", t->path);
}

/* Exclusively: a file system, a volume group, a RAID or swap on it, or on a part of it, is in the
 * way.  Of a QEMU that runs on it only its locks tell; with ours none begins to meanwhile. */
static int open_device(struct target *t, struct err *err)
{
    t->device = true;
    t->fd = open(t->path, O_RDWR | O_EXCL | O_CLOEXEC);
    if (t->fd < 0 && errno == EBUSY)
        return err_set(err, ERR_BUSY,
                       "%s: is in use (mounted, or part of a volume group, a RAID or swap)",
                       t->path);
    if (t->fd >= 0 && qemu_locks_take(t->fd) < 0 && errno == EBUSY)
        return refuse_locked(t, err);
    if (t->fd < 0 || ioctl(t->fd, BLKGETSIZE64, &t->size) < 0)
        return err_errno(err, errno, "%s", t->path);
    return 0;
}

/* The format is what was said, or qcow2, never what a guest may have written into a raw image. */
static int look_at_image(struct target *t, const char *format, struct err *err)
{
    const char *argv[] = {"qemu-img", "info", "--output=json", "-f", format, t->path, NULL};
    const char *data = NULL, *virtual = NULL;
    CLEANUP_FREE char *out = NULL;
    json_int_t size = 0;
    json_t *o;

    if (proc_run(argv, &out, err) < 0)
        return is_locked(err)
                   ? refuse_locked(t, err)
                   : err_wrap(err, "%s (taken for %s; --format says which it is)", t->path, format);
    o = json_loads(out, 0, NULL);
    json_unpack(o, "{s:I, s?s, s?{s?{s?s}}}", "virtual-size", &size, "backing-filename", &virtual,
                "format-specific", "data", "data-file", &data);
    t->size = (uint64_t)size;
    if (virtual || data)
        err_set(err, ERR_UNSUPPORTED, "%s: does not stand alone: it is stored in %s, too", t->path,
                virtual ? virtual : data);
    json_decref(o);
    return virtual || data ? -1 : 0;
}

static int open_image(struct target *t, const char *format, struct err *err)
{
    struct served_disk *d;
    CLEANUP_FREE char *file = NULL;

    if (look_at_image(t, format, err) < 0)
        return -1;
    d = VEC_ADD(&t->image.disks);
    d->name = xstrdup(t->disk);
    d->image = path_absolute(t->path);
    d->format = format;
    t->image.as_file = t->image.writable = true;
    if (served_start(&t->image, &interrupted, err) < 0)
        return is_locked(err) ? refuse_locked(t, err) : err_wrap(err, "%s", t->path);
    file = served_path(&t->image, SERVED_FILE);
    t->fd = open(file, O_RDWR | O_CLOEXEC);
    return t->fd < 0 ? err_errno(err, errno, "%s", file) : 0;
}

static int check_size(const struct target *t, struct err *err)
{
    char want[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX];

    if (t->size == t->capacity || (t->device && t->size > t->capacity))
        return 0;
    return err_set(err, ERR_INVALID, "%s: has %s, and disk %s %s%s", t->path,
                   size_text(t->size, have), t->disk, size_text(t->capacity, want),
                   t->device ? "" : ": qemu-img resize makes it fit");
}

static int open_source(const struct onto *s, struct target *t, struct err *err)
{
    CLEANUP(strlist_done) struct strlist name = {0};
    CLEANUP_FREE char *file = NULL;

    strlist_add(&name, t->disk);
    t->source.as_file = true;
    if (served_add(&t->source, s->f->path, s->f->choice.point, &name, err) < 0 ||
        served_start(&t->source, &interrupted, err) < 0)
        return -1;
    file = served_path(&t->source, SERVED_FILE);
    t->source_fd = open(file, O_RDONLY | O_CLOEXEC);
    return t->source_fd < 0 ? err_errno(err, errno, "%s", file) : 0;
}

static int open_target(struct onto *s, struct target *t, struct err *err)
{
    struct stat st;
    int rc;

    if (check_target(s, t, err) < 0)
        return -1;
    if (stat(t->path, &st) < 0)
        return err_errno(err, errno, "%s", t->path);
    rc = S_ISBLK(st.st_mode) ? open_device(t, err) : open_image(t, s->r->format, err);
    return rc < 0 || check_size(t, err) < 0 ? -1 : open_source(s, t, err);
}

/* ---- doing ---- */

static bool on_content(void *ctx, uint64_t done, uint64_t total)
{
    struct onto *s = ctx;

    s->work = total;
    return on_progress(ctx, done);
}

static struct content_check content_of(struct onto *s, const struct target *t)
{
    s->checking = true;
    return (struct content_check){.disk = t->disk,
                                  .only = t->ranges,
                                  .bandwidth = s->r->bandwidth,
                                  .progress = on_content,
                                  .ctx = s};
}

/* The target against the digests of the point. */
static int check_target_content(struct onto *s, const struct target *t, const char *differences,
                                struct content_found *ret, struct err *err)
{
    CLEANUP_FREE char *image = path_absolute(t->path), *none = NULL;
    struct content_check c = content_of(s, t);

    c.image = image;
    c.format = t->device ? "raw" : s->r->format;
    c.locked = true; /* by us */
    c.differences = differences;
    return content_check_point(&c, s->f->path, s->f->choice.point->id, ret, &none, err);
}

/* What cannot be told so (there is no tree, say, or the image is compressed) is found by comparing
 * with the point itself. */
static int find_differences(struct onto *s, struct target *t, struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    CLEANUP_FREE char *file = served_path(&t->source, "differences");
    struct err said = ERR_INIT;

    if (!t->has_content || s->r->no_verify)
        return 0;
    if (check_target_content(s, t, file, &found, &said) < 0 && said.code == ERR_CANCELED) {
        *err = said;
        return -1;
    }
    if (said.code == ERR_NONE && path_exists(file))
        t->ranges = TAKE_PTR(file);
    else
        unlink(file);
    return 0;
}

static int verify(struct onto *s, const struct target *t, struct err *err)
{
    CLEANUP(content_found_done) struct content_found found = {0};
    CLEANUP_FREE char *bad = NULL;
    const struct verify_point v = {.path = s->f->path,
                                   .point_id = s->f->choice.point->id,
                                   .disk = t->disk,
                                   .bandwidth = s->r->bandwidth,
                                   .progress = on_progress,
                                   .ctx = s};
    struct content_check c = content_of(s, t);

    if ((t->has_content ? content_check_point(&c, v.path, v.point_id, &found, &bad, err)
                        : verify_point_disk(&v, &s->work, &bad, err)) == 0)
        return 0;
    if (bad)
        restore_source_damaged(&s->f->source, bad, err);
    return -1;
}

/* Those that are known to differ. */
static int patch_ranges(struct target *t, struct patch *p, struct err *err)
{
    FILE *f = fopen(t->ranges, "re");
    uint64_t length;
    int rc = 0;

    if (!f)
        return err_errno(err, errno, "%s", t->ranges);
    t->differs = 0;
    while (rc == 0 && fscanf(f, "%" SCNu64 " %" SCNu64, &p->from, &length) == 2) {
        p->size = p->from + length;
        p->differs = p->compare_only ? length : 0;
        rc = p->compare_only ? 0 : patch_run(p, err);
        t->differs += p->differs;
    }
    fclose(f);
    return rc;
}

static int patch_target(struct onto *s, struct target *t, bool compare, struct err *err)
{
    struct patch p = {.source = t->source_fd,
                      .target = t->fd,
                      .size = t->capacity,
                      .compare_only = compare,
                      .bandwidth = s->r->bandwidth,
                      .progress = on_progress,
                      .ctx = s};

    s->checking = compare;
    s->work = t->capacity;
    if (t->ranges)
        return patch_ranges(t, &p, err);
    if (patch_run(&p, err) < 0)
        return -1;
    t->differs = p.differs;
    return 0;
}

/* What the device has, not what the page cache has of it. */
static int check_written(struct onto *s, struct target *t, struct err *err)
{
    const uint64_t written = t->differs;

    CLEANUP(content_found_done) struct content_found found = {0};

    if (fsync(t->fd) < 0)
        return err_errno(err, errno, "%s", t->path);
    if (t->ranges) {
        if (check_target_content(s, t, NULL, &found, err) < 0)
            return err_wrap(err, "reading back what was written");
        return found.good
                   ? 0
                   : err_set(err, ERR_IO, "%s: does not hold what was written to it", t->path);
    }
    posix_fadvise(t->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (patch_target(s, t, true, err) < 0)
        return -1;
    if (t->differs)
        return err_set(err, ERR_IO, "%s: does not hold what was written to it", t->path);
    t->differs = written;
    return 0;
}

static int each(struct onto *s, int (*step)(struct onto *, struct target *, struct err *),
                struct err *err)
{
    for (s->current = 0; s->current < s->targets.n; s->current++) {
        struct target *t = &s->targets.items[s->current];

        if (step(s, t, err) < 0)
            return err_wrap(err, "disk %s", t->disk);
    }
    return 0;
}

static int compare(struct onto *s, struct target *t, struct err *err)
{
    if (find_differences(s, t, err) < 0)
        return -1;
    if (!s->r->no_verify && !s->r->dry_run && verify(s, t, err) < 0)
        return -1;
    return s->r->dry_run ? patch_target(s, t, true, err) : 0;
}

static int write_target(struct onto *s, struct target *t, struct err *err)
{
    return patch_target(s, t, false, err) < 0 ? -1 : check_written(s, t, err);
}

/* ---- what is said ---- */

static void tell(const struct onto *s)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < s->targets.n; i++) {
        const struct target *t = &s->targets.items[i];
        char part[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];

        json_array_append_new(
            disks,
            json_pack("{s:o, s:o, s:s, s:I, s:I}", "name", report_json_text(t->disk), "path",
                      report_json_text(t->path), "format", t->device ? "raw" : s->r->format,
                      "capacity", (json_int_t)t->capacity, "written", (json_int_t)t->differs));
        if (!s->o->json)
            print_paragraphf(stdout, 2, "", "%s %s %s: %s of %s", t->disk,
                             s->r->dry_run ? "would be written onto" : "is on", t->path,
                             size_text(t->differs, part), size_text(t->capacity, all));
    }
    if (s->o->json)
        report_json_print(json_pack("{s:o, s:o, s:o}", "point",
                                    report_json_text(s->f->choice.point->id), "created",
                                    report_json_time(s->f->choice.point->created), "disks",
                                    json_incref(disks)),
                          stdout);
    json_decref(disks);
}

static int confirm(const struct onto *s)
{
    for (size_t i = 0; i < s->targets.n && !s->o->json && !s->r->dry_run; i++)
        print_paragraphf(stdout, 2, "", "What %s holds is overwritten by disk %s of %s.",
                         s->targets.items[i].path, s->targets.items[i].disk,
                         s->f->choice.point->id);
    fflush(stdout);
    return s->r->dry_run ? EXIT_DONE : cli_confirm("restore", s->o->yes);
}

int restore_onto_run(const struct restore_onto *o, struct found_point *f,
                     const struct restore_request *r)
{
    CLEANUP(onto_done)
    struct onto s = {.o = o, .r = r, .f = f, .bar = {.terminal = isatty(STDERR_FILENO)}};
    struct err err = ERR_INIT;
    int code;

    for (size_t i = 0; i < o->targets.n; i++)
        if (parse_target(&s, o->targets.items[i], &err) < 0)
            return cli_fail("restore", &err);
    if (each(&s, open_target, &err) < 0)
        return cli_fail("restore", &err);
    code = confirm(&s);
    if (code)
        return code;
    if (each(&s, compare, &err) < 0 || (!r->dry_run && each(&s, write_target, &err) < 0)) {
        if (s.bar.terminal)
            fputs("\r\033[K", stderr);
        return cli_fail("restore", &err);
    }
    if (s.bar.terminal)
        fputs("\r\033[K", stderr);
    tell(&s);
    return EXIT_DONE;
}
