/* SPDX-License-Identifier: MIT */
#include "engine/qmp/offline/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/wire/texts.h"

#define INFO_S 60.0
#define BITMAP_S 120.0
#define LOOK_S 60.0
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
        bitmap->at_most = true;
    }
}

/* An overlay's bitmap tells what has changed since there is the overlay; what changed before that
 * only one of its name below it can tell, and nobody puts them together while no QEMU runs. */
static void doubt_bitmaps_below(json_t *chain, struct disk_facts *disk)
{
    size_t i, k;
    json_t *image, *item;

    json_array_foreach(chain, i, image) {
        json_t *data = json_object_get(json_object_get(image, "format-specific"), "data");

        json_array_foreach(json_object_get(data, "bitmaps"), k, item)
            for (size_t n = 0; i > 0 && n < disk->bitmaps.n; n++)
                if (str_eq(disk->bitmaps.items[n].name, text_of(item, "name")))
                    disk->bitmaps.items[n].recording = false;
    }
}

static int not_regular(const char *file, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "%s is no regular file: it is backed up while the domain runs", file);
}

static int add_file(struct image *image, json_t *item, struct err *err)
{
    const char *file = text_of(item, "filename");
    json_t *data = json_object_get(json_object_get(item, "format-specific"), "data");

    if (!file)
        return err_set(err, ERR_PROTOCOL, "%s: qemu-img does not tell its file", image->path);
    if (text_of(data, "data-file"))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s keeps its data in another file: it is backed up while the domain runs",
                       file);
    if (file[0] != '/')
        return not_regular(file, err);
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
    disk->format = xstrdup(ret->format);
    disk->capacity = size_of(top, "virtual-size");
    json_array_foreach(chain, i, item)
        sum += size_of(item, "actual-size");
    disk->allocated = sum < disk->capacity ? sum : disk->capacity;
    disk->trackable = str_eq(ret->format, "qcow2") && str_eq(text_of(data, "compat"), "1.1");
    disk->encrypted = json_is_true(json_object_get(top, "encrypted"));
    decode_bitmaps(data, disk);
    doubt_bitmaps_below(chain, disk);
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

/* ---- their files ---- */

static bool is_wanted(const struct images *im, const char *disk)
{
    for (size_t i = 0; i < im->wanted.n; i++)
        if (strcmp(im->wanted.items[i], disk) == 0)
            return true;
    return false;
}

void images_look(const struct images *im, struct task *t)
{
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.closely = &paths};

    for (size_t i = 0; i < im->items.n; i++)
        for (size_t k = 0; k < im->items.items[i].files.n; k++)
            if (!strlist_has(&paths, im->items.items[i].files.items[k]))
                strlist_add(&paths, im->items.items[i].files.items[k]);
    for (size_t i = 0; i < t->domain->n_disks; i++)
        if (is_wanted(im, t->domain->disks[i].name) &&
            !strlist_has(&paths, t->domain->disks[i].image))
            strlist_add(&paths, t->domain->disks[i].image);
    task_files(t, FILES_LOOK, &q, LOOK_S);
}

int images_take_files(struct images *im, struct task *t, struct err *err)
{
    file_list_done(&im->files);
    file_list_move(&im->files, &t->files);
    *err = t->wait_err;
    return err->code == ERR_NONE ? 0 : -1;
}

static int check_file(const char *path, const struct file_fact *f, struct err *err)
{
    if (!f || f->missing || f->unreadable)
        return err_errno(err,
                         f && f->missing ? f->missing
                         : f             ? f->unreadable
                                         : ENOENT,
                         "open %s", path);
    if (f->no_locks)
        return err_errno(err, f->no_locks, "ask for the locks on %s", path);
    return f->locked ? err_set(err, ERR_BUSY, "%s is in use by another process", path) : 0;
}

int images_check_free(const struct images *im, struct err *err)
{
    for (size_t i = 0; i < im->items.n; i++) {
        const struct image *image = &im->items.items[i];

        for (size_t k = 0; k < image->files.n; k++) {
            const char *path = image->files.items[k];

            if (check_file(path, file_find_named(&im->files, path), err) < 0)
                return err_wrap(err, "disk %s", image->facts.name);
        }
    }
    return 0;
}

/* Only changes of a regular file can be noticed. */
static int check_regular(const struct images *im, const struct image *image, struct err *err)
{
    for (size_t i = 0; i < image->files.n; i++) {
        const struct file_fact *f = file_find_named(&im->files, image->files.items[i]);

        if (!f || f->missing || f->type != FILE_REGULAR)
            return not_regular(image->files.items[i], err);
    }
    return 0;
}

/* ---- reading them, one after another ---- */

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
    if (qemu_said(err->msg, SAID_OTHER_FORMAT))
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

/* Of one that could not be read because it is not there, that is said in few words. */
static int judge_unread(const struct images *im, struct err *err)
{
    const struct file_fact *f = file_find_named(&im->files, im->reading->image);

    *err = im->why;
    if (!f || !f->missing || f->has_name)
        return -1;
    err_errno(err, f->missing, "%s", im->reading->image);
    return err_wrap(err, "disk %s", im->reading->name);
}

/* What the files add to what qemu-img has said. */
static int take_facts(struct images *im, struct err *err)
{
    for (size_t i = 0; i < im->items.n; i++) {
        struct image *image = &im->items.items[i];
        const struct file_fact *f = file_find_named(&im->files, image->path);

        if (!image->facts.name) /* it could not be read */
            continue;
        if (check_regular(im, image, err) < 0)
            return err_wrap(err, "disk %s", image->facts.name);
        image->facts.identity = f ? xstrdup(f->identity) : NULL;
    }
    return im->why.code == ERR_NONE ? 0 : judge_unread(im, err);
}

enum look_result images_step(struct images *im, struct task *t, struct err *err)
{
    if (im->looking)
        return images_take_files(im, t, err) < 0 || take_facts(im, err) < 0 ? LOOK_FAILED
                                                                            : LOOK_DONE;
    if (take_answer(im, t, &im->why) == 0 && read_next(im, t))
        return LOOK_WAITING;
    im->looking = true;
    images_look(im, t);
    return LOOK_WAITING;
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
    file_list_done(&im->files);
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
