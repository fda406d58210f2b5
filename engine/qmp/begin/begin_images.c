/* SPDX-License-Identifier: MIT
 *
 * The image files that a backup's beginning makes: targets that do not exist yet, and scratch
 * space.
 *
 * Scratch files are unlinked as soon as QEMU has them open.  They live as long as QEMU uses
 * them, and nothing is left over whoever dies first.
 */
#include <stdio.h>
#include <string.h>

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
    for (size_t i = 0; b->shield && b->mode == MODE_PUSH && i < b->disks.n; i++)
        if (!b->disks.items[i].still)
            add(b, &b->disks.items[i], scratch_path(b, i), true);
}

static bool is_made(const struct begin_image *image)
{
    return image->found == FOUND_NOT && !image->given;
}

/* Makes the files, so that they are ours alone; qemu-img then writes the format into them.  QEMU's
 * user opens them.  False: there are none to make. */
static bool make_files(struct begin *b)
{
    CLEANUP(strlist_done) struct strlist paths = {0};
    struct files_request q = {.names = &paths};

    for (size_t i = 0; i < b->images.n; i++)
        if (is_made(&b->images.items[i]))
            strlist_add(&paths, b->images.items[i].path);
    if (paths.n == 0)
        return false;
    domain_user(b->task.domain, &q.uid, &q.gid);
    task_files(&b->task, FILES_MAKE, &q, CREATE_S);
    return true;
}

/* Those that were made are ours to remove, whatever comes then. */
static void files_made(struct begin *b)
{
    file_list_move(&b->made, &b->task.files);
    for (size_t i = 0; i < b->images.n; i++) {
        struct begin_image *image = &b->images.items[i];
        const struct file_fact *f = file_find_named(&b->made, image->path);

        image->created = image->given ? image->scratch : is_made(image) && f && f->has_name;
    }
}

static int take_file(const struct begin *b, const struct begin_image *image, struct err *err)
{
    const struct file_fact *f = file_find_named(&b->made, image->path);

    if (!f || !f->error)
        return 0;
    *err = *f->error;
    return -1;
}

static void run_qemu_img(struct begin *b, const struct begin_image *image)
{
    bool encrypted = !image->shield;
    const struct image_file f = {image->path, image->format, false,
                                 encrypted ? &image->disk->place.encryption : NULL};
    struct image_command c;

    image_command_create(&c, &f, image->disk->source->facts.capacity);
    task_run(&b->task, &(struct proc_spec){.argv = c.argv, .timeout_s = CREATE_S});
    image_command_done(&c);
}

/* What was made of it is removed again. */
static void say_no_space(const struct begin_image *image, struct err *why)
{
    if (why->code == ERR_NOSPACE || qemu_text_code(why->msg) == ERR_NOSPACE)
        err_set(why, ERR_NOSPACE, "%s: no space left there to make the image", image->path);
}

/* The copy goes on without protection where scratch space cannot be had; but where there is just no
 * room for it now, it can be had later, and the guest need not be in danger until then. */
static void failed(struct begin *b, const struct begin_image *image, struct err *why)
{
    say_no_space(image, why);
    if (image->shield && why->code == ERR_NOSPACE) {
        err_set(&b->err, ERR_NOSPACE,
                "scratch space: %s, and without it the guest would not be safe; make room there, "
                "or name a larger place (`scratch` of the policy)",
                why->msg);
        return;
    }
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
        image_check_map(image->path, b->task.output ? b->task.output : "",
                        image->disk->source->facts.capacity, err);
    else if (qemu_said(err->msg, SAID_OTHER_FORMAT))
        err_set(err, ERR_INVALID, "%s is not a %s image", image->path, image->format);
    if (err->code != ERR_NONE)
        err_wrap(err, "%s", what);
}

bool begin_create_next(struct begin *b)
{
    struct err err = b->task.wait_err;

    if (!b->makes) {
        b->makes = true;
        if (make_files(b))
            return true;
    }
    if (b->next == 0) {
        files_made(b);
        if (begin_is_bad(b))
            return false;
    }
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
        if (image->found == FOUND_FORMAT || take_file(b, image, &err) == 0) {
            run_qemu_img(b, image);
            return true;
        }
        failed(b, image, &err);
    }
    return false;
}

bool begin_unlink_images(struct begin *b, bool scratch_only)
{
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.names = &paths};

    for (size_t i = 0; i < b->images.n; i++) {
        struct begin_image *image = &b->images.items[i];

        if (!image->created || (scratch_only && !image->scratch))
            continue;
        strlist_add(&paths, image->path);
        image->created = false;
    }
    if (paths.n == 0)
        return false;
    task_files(&b->task, FILES_REMOVE, &q, CREATE_S);
    return true;
}
