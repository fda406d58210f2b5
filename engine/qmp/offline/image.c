/* SPDX-License-Identifier: MIT */
#include "engine/qmp/offline/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/identity.h"
#include "engine/qmp/wire/texts.h"

#define INFO_S 60.0
#define BITMAP_S 120.0
#define QEMU_LOCKS 100 /* QEMU's locks: RAW_LOCK_PERM_BASE */
#define PERM_WRITE 1   /* BLK_PERM_WRITE is 1 << 1 */
#define GRANULARITY "65536"

/* ---- decoding ---- */

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t size_of(json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));

    return v > 0 ? (uint64_t)v : 0;
}

static bool has_flag(json_t *bitmap, const char *flag)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(bitmap, "flags"), i, item)
        if (str_eq(json_string_value(item), flag))
            return true;
    return false;
}

/* How much is dirty is not told: at most what there is. */
static void decode_bitmaps(json_t *data, struct disk_facts *disk)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(data, "bitmaps"), i, item) {
        struct bitmap_facts *bitmap;

        if (!text_of(item, "name"))
            continue;
        bitmap = VEC_ADD(&disk->bitmaps);
        bitmap->name = xstrdup(text_of(item, "name"));
        bitmap->inconsistent = has_flag(item, "in-use");
        bitmap->recording = has_flag(item, "auto") && !bitmap->inconsistent;
        bitmap->dirty = disk->allocated;
    }
}

/* Only changes of a regular file can be noticed. */
static int add_file(struct image *image, json_t *item, struct err *err)
{
    const char *file = text_of(item, "filename");
    json_t *data = json_object_get(json_object_get(item, "format-specific"), "data");
    struct stat st;

    if (!file)
        return err_set(err, ERR_PROTOCOL, "%s: qemu-img does not tell its file", image->path);
    if (text_of(data, "data-file"))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s keeps its data in another file: it is backed up while the domain runs",
                       file);
    if (file[0] != '/' || stat(file, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is no regular file: it is backed up while the domain runs", file);
    strlist_add(&image->files, file);
    return 0;
}

static void fill_facts(struct image *ret, json_t *chain, const char *name)
{
    json_t *top = json_array_get(chain, 0), *item;
    json_t *data = json_object_get(json_object_get(top, "format-specific"), "data");
    struct disk_facts *disk = &ret->facts;
    uint64_t sum = 0;
    size_t i;

    disk->name = xstrdup(name);
    disk->image = xstrdup(ret->path);
    disk->identity = identity_of_file(ret->path, 0);
    disk->format = xstrdup(ret->format);
    disk->capacity = size_of(top, "virtual-size");
    json_array_foreach(chain, i, item)
        sum += size_of(item, "actual-size");
    disk->allocated = sum < disk->capacity ? sum : disk->capacity;
    disk->trackable = str_eq(ret->format, "qcow2") && str_eq(text_of(data, "compat"), "1.1");
    disk->encrypted = json_is_true(json_object_get(top, "encrypted"));
    decode_bitmaps(data, disk);
}

int image_decode(const char *text, const struct view_disk_name *disk, struct image *ret,
                 struct err *err)
{
    json_error_t where;
    json_t *chain = json_loads(text, 0, &where), *item;
    size_t i;
    int rc = 0;

    ret->path = xstrdup(disk->image);
    ret->format = xstrdup(disk->format);
    if (!chain || !json_is_object(json_array_get(chain, 0)))
        rc = err_set(err, ERR_PROTOCOL, "qemu-img info %s: %s", disk->image,
                     chain ? "not a list of images" : where.text);
    if (rc == 0)
        fill_facts(ret, chain, disk->name);
    json_array_foreach(chain, i, item)
        if (rc == 0)
            rc = add_file(ret, item, err);
    json_decref(chain);
    return rc;
}

void image_done(struct image *image)
{
    free(image->path);
    free(image->format);
    disk_facts_done(&image->facts);
    strlist_done(&image->files);
}

/* ---- who has it open ---- */

static int check_file(const char *path, struct err *err)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = QEMU_LOCKS + PERM_WRITE, .l_len = 1};
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "open %s", path);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return err_errno(err, errno, "ask for the locks on %s", path);
    if (lock.l_type != F_UNLCK)
        return err_set(err, ERR_BUSY, "%s is in use by another process", path);
    return 0;
}

int image_check_free(const struct image *image, struct err *err)
{
    for (size_t i = 0; i < image->files.n; i++)
        if (check_file(image->files.items[i], err) < 0)
            return err_wrap(err, "disk %s", image->facts.name);
    return 0;
}

int images_check_free(const struct images *im, struct err *err)
{
    for (size_t i = 0; i < im->items.n; i++)
        if (image_check_free(&im->items.items[i], err) < 0)
            return -1;
    return 0;
}

/* ---- reading them, one after another ---- */

static bool is_wanted(const struct images *im, const char *disk)
{
    for (size_t i = 0; i < im->wanted.n; i++)
        if (strcmp(im->wanted.items[i], disk) == 0)
            return true;
    return false;
}

/* Never by probing its format: a guest can make a raw image look like any other.  False: none is
 * left. */
static bool read_next(struct images *im, struct task *t)
{
    const struct domain *d = t->domain;
    const char *argv[] = {"qemu-img",        "info", "--force-share",
                          "--output=json",   "-f",   NULL,
                          "--backing-chain", NULL,   NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = INFO_S};

    while (im->next < d->n_disks && !is_wanted(im, d->disks[im->next].name))
        im->next++;
    im->reading = im->next < d->n_disks ? &d->disks[im->next++] : NULL;
    if (!im->reading)
        return false;
    argv[5] = im->reading->format;
    argv[7] = im->reading->image;
    task_run(t, &spec);
    return true;
}

void images_start(struct images *im, struct task *t, const struct strlist *wanted)
{
    images_done(im);
    if (wanted)
        im->wanted = strlist_copy(wanted);
    for (size_t i = 0; !wanted && i < t->domain->n_disks; i++)
        strlist_add(&im->wanted, t->domain->disks[i].name);
    if (!read_next(im, t))
        task_yield(t);
}

static int take_answer(struct images *im, struct task *t, struct err *err)
{
    const struct view_disk_name *disk = im->reading;

    if (!disk)
        return 0;
    *err = t->wait_err;
    if (err->code != ERR_NONE && access(disk->image, F_OK) < 0)
        err_errno(err, errno, "%s", disk->image);
    else if (qemu_said(err->msg, SAID_OTHER_FORMAT))
        err_set(err, ERR_INVALID,
                "%s is not in format %s; the configuration's disks say the format", disk->image,
                disk->format);
    else if (err->code == ERR_IO)
        err->code = qemu_text_code(err->msg);
    if (err->code != ERR_NONE ||
        image_decode(t->output ? t->output : "", disk, VEC_ADD(&im->items), err) < 0)
        return err_wrap(err, "disk %s", disk->name);
    return 0;
}

enum look_result images_step(struct images *im, struct task *t, struct err *err)
{
    if (take_answer(im, t, err) < 0)
        return LOOK_FAILED;
    return read_next(im, t) ? LOOK_WAITING : LOOK_DONE;
}

const struct image *images_find(const struct images *im, const char *disk)
{
    for (size_t i = 0; i < im->items.n; i++)
        if (strcmp(im->items.items[i].facts.name, disk) == 0)
            return &im->items.items[i];
    return NULL;
}

void images_done(struct images *im)
{
    for (size_t i = 0; i < im->items.n; i++)
        image_done(&im->items.items[i]);
    free(im->items.items);
    strlist_done(&im->wanted);
    *im = (struct images){0};
}

/* ---- bitmaps ---- */

void image_bitmap_add(struct task *t, const struct image *image, const char *name)
{
    const char *const argv[] = {"qemu-img", "bitmap",      "--add",     "-g", GRANULARITY,
                                "-f",       image->format, image->path, name, NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = BITMAP_S};

    task_run(t, &spec);
}

void image_bitmap_remove(struct task *t, const struct image *image, const char *name)
{
    const char *const argv[] = {"qemu-img",    "bitmap",    "--remove", "-f",
                                image->format, image->path, name,       NULL};
    const struct proc_spec spec = {.argv = argv, .timeout_s = BITMAP_S};

    task_run(t, &spec);
}

int image_bitmap_ended(const struct task *t, const struct image *image, struct err *err)
{
    if (t->wait_err.code == ERR_NONE)
        return 0;
    *err = t->wait_err;
    if (qemu_said(err->msg, SAID_LOCKED))
        err_set(err, ERR_BUSY, "%s is in use by another process", image->path);
    else if (err->code == ERR_IO)
        err->code = qemu_text_code(err->msg);
    return err_wrap(err, "disk %s", image->facts.name);
}
