/* SPDX-License-Identifier: MIT
 *
 * Order: the point and its chain are held, manifests and headers compared; then, disk by disk, the
 * tables of each image from the lowest up, and the contents.  A table can be damaged where no guest
 * reads (a wrong reference count), and data where no table tells, so both are looked at.
 *
 * Damage is what the repository has lost; that something cannot be read now is not: a file system
 * that fails, memory that is short.  So where QEMU cannot read an image it counts as damaged only
 * if the file itself can be read to its end, and qemu-img fails at it by itself.
 */
#include "storage/verify/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/content.h"
#include "storage/images/image_run.h"
#include "storage/repository/point_hold.h"
#include "storage/repository/repository_priv.h"
#include "storage/verify/salvage.h"
#include "storage/verify/verify.h"

#define BUFFER ((size_t)1 << 20)

struct proving {
    const struct proof_request *r;
    struct point_list chain; /* the point first */
    struct proof_disk *now;
    uint64_t total; /* bytes of the disk */
};

const char *proof_state_name(enum proof_state s)
{
    static const char *const names[] = {"whole", "unproven", "unread", "missing", "damaged"};

    return names[s];
}

enum proof_state proof_state_from_name(const char *name)
{
    for (enum proof_state s = PROOF_WHOLE; s <= PROOF_DAMAGED; s++)
        if (str_eq(proof_state_name(s), name))
            return s;
    return PROOF_UNREAD;
}

void proof_done(struct proof *p)
{
    for (size_t i = 0; i < p->disks.n; i++) {
        free(p->disks.items[i].name);
        free(p->disks.items[i].problem);
        free(p->disks.items[i].bad_point);
        free(p->disks.items[i].ranges.items);
        free(p->disks.items[i].saved);
    }
    free(p->disks.items);
    free(p->problem);
    free(p->bad_point);
    *p = (struct proof){0};
}

/* ---- how much there is to be read ---- */

uint64_t proof_bytes(const struct point_list *points, const struct point *p, const char *disk)
{
    uint64_t held = 0, files = 0;
    const struct point_disk *top = point_find_disk(p, disk);
    const struct point_disk *d = top;

    for (size_t steps = 0; d && steps < points->n; steps++) {
        held += d->bytes;
        files += d->digest ? d->length : 0;
        p = d->backing ? point_list_find(points, d->backing) : NULL;
        d = p ? point_find_disk(p, disk) : NULL;
    }
    if (!top || !top->content)
        return files;
    return held < top->capacity ? held : top->capacity;
}

/* ---- progress ---- */

static bool tell(struct proving *s, uint64_t done)
{
    return !s->r->progress || s->r->progress(s->r->ctx, s->now->name, done, s->total);
}

static bool on_content(void *ctx, uint64_t done, uint64_t total)
{
    struct proving *s = ctx;

    s->now->bytes = done;
    s->total = total ? total : s->total;
    return tell(s, done);
}

/* Of what is read beside the point. */
static bool is_wanted(void *ctx, uint64_t done, uint64_t total)
{
    struct proving *s = ctx;

    (void)done;
    (void)total;
    return tell(s, s->now->bytes);
}

static bool on_file(void *ctx, uint64_t done)
{
    struct proving *s = ctx;

    s->now->bytes = done;
    return tell(s, done);
}

/* ---- what is found ---- */

static void found(struct proving *s, enum proof_state state, const struct point *bad,
                  const char *problem)
{
    free(s->now->problem);
    s->now->problem = xstrdup(problem);
    s->now->state = state;
    s->now->bad_point = bad ? xstrdup(bad->id) : NULL;
}

/* The images of a disk, the point's own first.  Borrowed from the chain. */
struct images {
    const struct point **items;
    size_t n, cap;
};

static void list_images(const struct proving *s, struct images *ret)
{
    const struct point *p = &s->chain.items[0];

    while (p && ret->n <= s->chain.n) {
        const struct point_disk *d = point_find_disk(p, s->now->name);

        *VEC_ADD(ret) = p;
        p = d && d->backing ? point_list_find(&s->chain, d->backing) : NULL;
    }
}

static char *image_of(const struct proving *s, const struct point *p)
{
    return repository_image(s->r->path, p->id, point_find_disk(p, s->now->name)->path, false);
}

/* ---- can QEMU read it? ---- */

struct counted {
    struct proving *s;
    uint64_t corruptions, errors;
    bool answered;
};

static bool on_answer(void *ctx, pid_t pid, const char *line)
{
    struct counted *c = ctx;

    (void)pid;
    if (line && sscanf(line, " \"check-errors\": %" SCNu64, &c->errors) == 1)
        c->answered = true;
    if (line)
        sscanf(line, " \"corruptions\": %" SCNu64, &c->corruptions);
    return tell(c->s, c->s->now->bytes);
}

/* To its end, past QEMU. */
static bool file_can_be_read(struct proving *s, const char *file)
{
    CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    CLEANUP_FREE char *buf = xcalloc(1, BUFFER);
    ssize_t n = -1;

    while (fd >= 0 && (n = read(fd, buf, BUFFER)) > 0)
        if (!tell(s, s->now->bytes))
            return false;
    return fd >= 0 && n == 0;
}

static bool qemu_can_read(struct proving *s, const struct point *p, const char *file,
                          struct err *err)
{
    CLEANUP_FREE char *null = xasprintf("driver=null-co,read-zeroes=off,size=%" PRIu64,
                                        point_find_disk(p, s->now->name)->capacity);
    const char *argv[] = {"qemu-img", "convert", "-U", "-n", "--target-image-opts",
                          "-f",       "qcow2",   file, null, NULL};
    struct counted c = {.s = s};

    return image_run(argv, file, on_answer, &c, NULL, err) == 0;
}

/* Something failed at the disk: is it for an image of it, the lowest that cannot be read?  0: it is
 * told; -1: canceled. */
static int blame(struct proving *s, const struct err *why, struct err *err)
{
    struct images images = {0};
    const struct point *bad = NULL;
    bool readable = why->code != ERR_DENIED; /* the key is not its image's: nothing is known */

    list_images(s, &images);
    for (size_t i = images.n; i-- > 0 && readable && !bad;) {
        CLEANUP_FREE char *file = image_of(s, images.items[i]);
        struct err said = ERR_INIT;

        readable = file_can_be_read(s, file);
        if (readable && !qemu_can_read(s, images.items[i], file, &said)) {
            CLEANUP_FREE char *problem = xasprintf(
                "%s: QEMU cannot read it, though the file can be read: %s", file, said.msg);

            bad = images.items[i];
            found(s, PROOF_DAMAGED, bad, problem);
        }
    }
    free(images.items);
    if (!tell(s, s->now->bytes))
        return err_set(err, ERR_CANCELED, "interrupted");
    if (!bad)
        found(s, PROOF_UNREAD, NULL, why->msg);
    return 0;
}

/* ---- tables ---- */

/* Clusters that are counted though nothing uses them (leaks) cost space, and harm nothing. */
static int check_table(struct proving *s, const struct point *p, const char *file, struct err *err)
{
    const char *argv[] = {"qemu-img", "check", "-U", "--output=json", "-f", "qcow2", file, NULL};
    CLEANUP_FREE char *problem = NULL;
    struct counted c = {.s = s};
    struct err said = ERR_INIT;

    if (image_run(argv, file, on_answer, &c, NULL, &said) == 0)
        return 0;
    if (said.code == ERR_CANCELED) {
        *err = said;
        return -1;
    }
    if (!c.answered || (c.errors && !c.corruptions))
        return blame(s, &said, err);
    if (!c.corruptions)
        return 0;
    problem = xasprintf("%s: its tables are damaged, qemu-img check finds %" PRIu64 " error%s",
                        file, c.corruptions, plural_s(c.corruptions));
    found(s, PROOF_DAMAGED, p, problem);
    return 0;
}

static int check_tables(struct proving *s, struct err *err)
{
    struct images images = {0};
    int rc = 0;

    list_images(s, &images);
    for (size_t i = images.n; i-- > 0 && rc == 0 && s->now->state == PROOF_WHOLE;) {
        CLEANUP_FREE char *file = image_of(s, images.items[i]);

        /* One that is being merged may have wrong counts, which its merge puts right. */
        if (images.items[i]->state == POINT_DELETING || strlist_has(s->r->tables, file))
            continue;
        rc = check_table(s, images.items[i], file, err);
        if (rc == 0 && s->now->state == PROOF_WHOLE)
            strlist_add(s->r->tables, file);
    }
    free(images.items);
    return rc;
}

/* ---- contents ---- */

static void tell_difference(struct proving *s, struct content_found *f)
{
    const struct point *p = &s->chain.items[0], *holder = NULL;
    CLEANUP_FREE char *where = content_difference(f);
    CLEANUP_FREE char *image = NULL;
    CLEANUP_FREE char *problem = NULL;

    if (f->leaves)
        holder = content_holder(s->r->path, &s->chain, s->now->name, f->ranges.items[0].offset);
    holder = holder ? holder : p;
    image = image_of(s, holder);
    problem = xasprintf("%s holds other data than when it was published, %s", image, where);
    found(s, PROOF_DAMAGED, holder, problem);
    for (size_t i = 0; i < f->ranges.n; i++)
        *VEC_ADD(&s->now->ranges) = f->ranges.items[i];
    s->now->saved = salvage_text(&(struct salvage){.path = s->r->path,
                                                   .point = p,
                                                   .disk = s->now->name,
                                                   .holder = holder->id,
                                                   .ranges = f->ranges.items,
                                                   .n = f->ranges.n,
                                                   .bandwidth = s->r->bandwidth,
                                                   .progress = is_wanted,
                                                   .ctx = s});
}

static int check_content(struct proving *s, struct err *err)
{
    CLEANUP(content_found_done) struct content_found f = {0};
    const struct content_check c = {.path = s->r->path,
                                    .chain = &s->chain,
                                    .disk = s->now->name,
                                    .bandwidth = s->r->bandwidth,
                                    .sample = s->r->sample,
                                    .progress = on_content,
                                    .ctx = s};
    struct err said = ERR_INIT;

    if (content_check(&c, &f, &said) < 0) {
        if (said.code == ERR_CANCELED) {
            *err = said;
            return -1;
        }
        return blame(s, &said, err);
    }
    s->now->bytes = f.bytes;
    s->now->all = f.all;
    if (!f.good)
        tell_difference(s, &f);
    else if (f.note)
        s->now->problem =
            xasprintf("its data is whole, but a tree of digests cannot be used: %s", f.note);
    return 0;
}

/* Of a point of an older version. */
static int check_files(struct proving *s, struct err *err)
{
    CLEANUP_FREE char *bad = NULL;
    const struct verify_request r = {.path = s->r->path,
                                     .chain = &s->chain,
                                     .disk = s->now->name,
                                     .bandwidth = s->r->bandwidth,
                                     .progress = on_file,
                                     .ctx = s};
    struct images images = {0};
    struct err said = ERR_INIT;
    bool all = true;

    list_images(s, &images);
    for (size_t i = 0; i < images.n; i++)
        all = all && point_find_disk(images.items[i], s->now->name)->digest;
    free(images.items);
    s->total = verify_bytes(&r);
    if (verify_disk(&r, &bad, &said) < 0) {
        if (said.code == ERR_CANCELED) {
            *err = said;
            return -1;
        }
        found(s, bad ? PROOF_DAMAGED : PROOF_UNREAD, bad ? point_list_find(&s->chain, bad) : NULL,
              said.msg);
    } else if (!all) {
        found(s, PROOF_UNPROVEN, NULL,
              "it has no digest, so its contents can be held against nothing");
    }
    return 0;
}

/* ---- the point ---- */

static int prove_disk(struct proving *s, const struct point_disk *d, struct err *err)
{
    s->now->name = xstrdup(d->name);
    s->total = proof_bytes(&s->chain, &s->chain.items[0], d->name);
    if (s->r->sample.from == 0 && check_tables(s, err) < 0)
        return -1;
    if (s->now->state != PROOF_WHOLE || (!d->content && s->r->sample.from > 0))
        return 0;
    s->now->all = !d->content;
    return d->content ? check_content(s, err) : check_files(s, err);
}

static int prove_disks(struct proving *s, struct proof *ret, struct err *err)
{
    const struct point *p = &s->chain.items[0];

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];

        if (s->r->disks->n && !strlist_has(s->r->disks, d->name))
            continue;
        s->now = VEC_ADD(&ret->disks);
        if (prove_disk(s, d, err) < 0)
            return -1;
        if (s->now->state > ret->state)
            ret->state = s->now->state;
    }
    return 0;
}

/* The lowest point down the parents that is at fault by itself, in the same way. */
static char *culprit(const char *path, const char *id, enum err_code code)
{
    char *ret = xstrdup(id);

    for (int i = 0; i < 10000; i++) {
        CLEANUP(point_done) struct point p = {0};
        enum point_presence presence;
        struct err err = ERR_INIT;

        if (repository_find(path, ret, &presence, &p, &err) < 0 || presence != POINT_PUBLISHED ||
            !p.parent || repository_check_chain(path, p.parent, &err) == 0 || err.code != code)
            return ret;
        free(ret);
        ret = xstrdup(p.parent);
    }
    return ret;
}

/* What keeps the whole chain from being read. */
static void refuse(const struct proof_request *r, const struct err *why, struct proof *ret)
{
    ret->code = why->code;
    ret->problem = xstrdup(why->msg);
    ret->state = why->code == ERR_CORRUPT    ? PROOF_DAMAGED
                 : why->code == ERR_NOTFOUND ? PROOF_MISSING
                                             : PROOF_UNREAD;
    if (ret->state != PROOF_UNREAD)
        ret->bad_point = culprit(r->path, r->point_id, why->code);
}

int proof_take(const struct proof_request *r, struct proof *ret, struct err *err)
{
    CLEANUP(repository_unhold) struct repository_hold hold = {0};
    struct proving s = {.r = r};
    struct err why = ERR_INIT;
    int rc = 0;

    *ret = (struct proof){0};
    if (repository_hold(r->path, r->point_id, &hold, &why) < 0 ||
        repository_check_chain(r->path, r->point_id, &why) < 0 ||
        read_chain(r->path, r->point_id, &s.chain, &why) < 0)
        refuse(r, &why, ret);
    else
        rc = prove_disks(&s, ret, err);
    point_list_done(&s.chain);
    if (rc < 0)
        proof_done(ret);
    return rc;
}
