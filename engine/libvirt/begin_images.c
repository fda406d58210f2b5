/* SPDX-License-Identifier: MIT
 *
 * Images are made, or looked at, before libvirt is asked.  It takes them then as they are
 * (VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL), and leaves the names of backing files in them alone: of
 * its own making, an increment's would be the live disk, and whoever opened it before that was put
 * right would read the disk of today.  Files that nobody has made (scratch space) libvirt makes,
 * and removes, itself.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "engine/backup_check.h"
#include "engine/image_command.h"
#include "engine/libvirt/begin.h"
#include "engine/qmp/wire/texts.h"

#define LOOK_S 60.0
#define QEMU_IMG_S 60.0

static void next_image(struct libvirt_begin *b);

static bool is_file(const struct backup_disk *d)
{
    return d->place.type == PLACE_FILE;
}

/* Nobody has made any of them: then libvirt does. */
static bool libvirt_makes(const struct libvirt_begin *b)
{
    if (b->request.reuse_external)
        return false;
    for (size_t i = 0; i < b->disks.n; i++)
        if (!is_file(&b->disks.items[i]) || b->disks.items[i].place.made)
            return false;
    return true;
}

static const char *what(const struct libvirt_begin *b)
{
    return b->request.mode == MODE_PUSH ? "target" : "scratch";
}

static uint64_t capacity_of(const struct libvirt_begin *b, const struct backup_disk *d)
{
    return domain_facts_any(b->facts, d->name)->capacity;
}

/* ---- one image after the other ---- */

static struct image_file image_of(const struct libvirt_begin *b, const struct backup_disk *d)
{
    const struct file_fact *f = file_find_named(&b->places, d->place.path);

    return (struct image_file){.path = d->place.path,
                               .format = d->format,
                               .is_device = f ? f->type == FILE_BLOCK : !is_file(d),
                               .encryption = &d->place.encryption};
}

/* An image that the caller has made must be empty, unless it was made just now. */
static void mapped(struct libvirt_task *t)
{
    struct libvirt_begin *b = (struct libvirt_begin *)t;
    const struct backup_disk *d = &b->disks.items[b->next - 1];

    b->err = t->err;
    if (b->err.code == ERR_NONE)
        image_check_map(d->place.path, b->output ? b->output : "", capacity_of(b, d), &b->err);
    else if (qemu_said(b->err.msg, SAID_OTHER_FORMAT))
        err_set(&b->err, ERR_INVALID, "%s is not a %s image", d->place.path, d->format);
    if (b->err.code != ERR_NONE)
        err_wrap(&b->err, "disk %s: %s", d->name, what(b));
    next_image(b);
}

static void made(struct libvirt_task *t)
{
    struct libvirt_begin *b = (struct libvirt_begin *)t;

    b->err = t->err;
    if (b->err.code != ERR_NONE)
        err_wrap(&b->err, "disk %s", b->disks.items[b->next - 1].name);
    next_image(b);
}

/* True: suspended. */
static bool start(struct libvirt_begin *b, const struct backup_disk *d)
{
    const struct image_file f = image_of(b, d);
    bool format = !b->request.reuse_external;
    struct image_command c;

    if (!format && (b->request.made_empty || str_eq(d->format, "raw")))
        return false;
    if (format && !is_file(d) && str_eq(d->format, "raw"))
        return false;
    if (format)
        image_command_create(&c, &f, capacity_of(b, d));
    else
        image_command_map(&c, &f);
    libvirt_task_run(&b->task, &(struct proc_spec){.argv = c.argv, .timeout_s = QEMU_IMG_S},
                     &b->output, format ? made : mapped);
    image_command_done(&c);
    return true;
}

static void next_image(struct libvirt_begin *b)
{
    while (b->err.code == ERR_NONE && b->reuse && b->next < b->disks.n)
        if (start(b, &b->disks.items[b->next++]))
            return;
    b->images_then(&b->task);
}

/* ---- what lies there ---- */

static void looked(struct libvirt_task *t)
{
    struct libvirt_begin *b = (struct libvirt_begin *)t;
    bool is_device = false;

    b->err = t->err;
    for (size_t i = 0; i < b->disks.n && b->err.code == ERR_NONE; i++) {
        const struct backup_disk *d = &b->disks.items[i];
        const struct backup_place_check c = {
            .disk = d->name,
            .what = what(b),
            .place = &d->place,
            .format = d->format,
            .capacity = capacity_of(b, d),
            .reuse_external = b->request.reuse_external,
        };

        if (!d->place.made)
            backup_check_place(&c, file_find_named(&b->places, d->place.path), &is_device, &b->err);
    }
    next_image(b);
}

void libvirt_begin_images(struct libvirt_begin *b, libvirt_step then)
{
    CLEANUP(strlist_done) struct strlist paths = {0};
    const struct files_request q = {.closely = &paths};

    b->images_then = then;
    b->next = 0;
    b->reuse = !libvirt_makes(b);
    for (size_t i = 0; i < b->disks.n; i++)
        if (!b->disks.items[i].place.made)
            strlist_add(&paths, b->disks.items[i].place.path);
    /* What lies at another host is that one's to say. */
    if (paths.n > 0 && b->task.host->local)
        libvirt_task_files(&b->task, FILES_LOOK, &q, LOOK_S, &b->places, looked);
    else
        next_image(b);
}
