/* SPDX-License-Identifier: MIT */
#include "storage/places/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/qemu_locks.h"
#include "base/text.h"
#include "storage/places/place_parts.h"
#include "storage/places/places_look.h"
#include "storage/images/qcow2_links.h"

#define CHAIN_MAX 64
#define PATH_SHOWN 200
#define WHOSE_MAX 200

void owned_add(struct owned_list *l, enum owned_kind kind, const char *path, const char *fmt, ...)
{
    char whose[WHOSE_MAX];
    va_list ap;

    if (!path || path[0] != '/')
        return;
    va_start(ap, fmt);
    vsnprintf(whose, sizeof(whose), fmt, ap);
    va_end(ap);
    *VEC_ADD(l) = (struct owned){kind, xstrdup(path), xstrdup(whose)};
}

void owned_list_done(struct owned_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].path);
        free(l->items[i].whose);
    }
    free(l->items);
    *l = (struct owned_list){0};
}

/* ---- what does not answer ---- */

/* What is somebody's, and which of it answers. */
struct owners {
    const struct owned_list *owned;
    bool *answers;
};

static bool is_below(const struct strlist *dirs, const char *path)
{
    for (size_t i = 0; i < dirs->n; i++)
        if (starts_with(path, dirs->items[i]) && path[strlen(dirs->items[i])] == '/')
            return true;
    return false;
}

/* Nobody is asked for what lies in a directory in which something has not answered. */
static void ask_all(struct owners *o)
{
    CLEANUP(strlist_done) struct strlist dead = {0};

    o->answers = xcalloc(o->owned->n, sizeof(bool));
    for (size_t i = 0; i < o->owned->n; i++) {
        const struct owned *k = &o->owned->items[i];
        CLEANUP_FREE char *dir = path_dirname(k->path);

        o->answers[i] = !is_below(&dead, k->path) && place_answers(k->path, k->kind == OWNED_IMAGE);
        if (!o->answers[i] && !is_below(&dead, k->path))
            strlist_add(&dead, k->kind == OWNED_TREE ? k->path : dir);
    }
}

/* ---- whose it is ---- */

static int refuse(const struct place_wish *w, enum err_code code, struct err *err, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));

static int refuse(const struct place_wish *w, enum err_code code, struct err *err, const char *fmt,
                  ...)
{
    char why[ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    err_set(err, code, "%s '%.*s' %s", w->what, PATH_SHOWN, w->path, why);
    return w->disk ? err_wrap(err, "disk '%.*s'", 80, w->disk) : -1;
}

/* Is the device, or what it is made of, that place? */
static bool stands_on(dev_t device, const struct place *p)
{
    CLEANUP(place_parts_done) struct place_parts parts = {0};
    bool found = false;

    if (!p->exists || p->part || (!S_ISBLK(p->mode) && !S_ISREG(p->mode)))
        return false;
    place_parts_read(PARTS_SYS, device, &parts);
    for (size_t i = 0; i < parts.devices.n && S_ISBLK(p->mode) && !found; i++)
        found = parts.devices.items[i] == p->device;
    for (size_t i = 0; i < parts.files.n && S_ISREG(p->mode) && !found; i++) {
        struct place file;

        place_look(parts.files.items[i], &file);
        found = place_same(p, &file);
        place_done(&file);
    }
    return found;
}

/* A file, or what a file system with it in is on, or what a device is made of. */
static int check_file(const struct place_wish *w, const struct place *p, const char *path,
                      const char *how, const char *whose, struct err *err)
{
    struct place other;
    bool same, holds, below;

    place_look(path, &other);
    same = place_same(p, &other);
    holds = other.exists && S_ISBLK(other.mode) && stands_on(other.device, p);
    below = other.has_dir && stands_on(other.dir.dev, p);
    place_done(&other);
    if (same)
        return refuse(w, ERR_INVALID, err, "is %s%s", how, whose);
    if (holds)
        return refuse(w, ERR_INVALID, err, "has in it %s%s", how, whose);
    return below ? refuse(w, ERR_INVALID, err, "is the device with the file system of %s", whose)
                 : 0;
}

static int check_image(const struct place_wish *w, const struct place *p, const char *path,
                       const char *how, const char *whose, int depth, struct err *err)
{
    CLEANUP(qcow2_links_done) struct qcow2_links links = {0};

    if (check_file(w, p, path, how, whose, err) < 0)
        return -1;
    if (depth == CHAIN_MAX)
        return 0;
    qcow2_links_read(path, &links);
    if (links.data && place_answers(links.data, false) &&
        check_file(w, p, links.data, "the data file of ", whose, err) < 0)
        return -1;
    if (links.backing && !place_answers(links.backing, !links.backing_is_raw))
        return 0;
    if (links.backing && links.backing_is_raw)
        return check_file(w, p, links.backing, "a backing file of ", whose, err);
    return links.backing
               ? check_image(w, p, links.backing, "a backing file of ", whose, depth + 1, err)
               : 0;
}

static int check_tree(const struct place_wish *w, const struct place *p, const struct owned *o,
                      struct err *err)
{
    struct place dir;
    bool in, below;

    place_look(o->path, &dir);
    in = place_is_in(p, &dir, o->path);
    below = dir.exists && stands_on(dir.key.dev, p);
    place_done(&dir);
    if (in)
        return refuse(w, ERR_INVALID, err, "is in %s", o->whose);
    return below ? refuse(w, ERR_INVALID, err, "is the device with the file system of %s", o->whose)
                 : 0;
}

/* What is wanted has answered, so it is not in what does not; but that may be on it. */
static int check_silent(const struct place_wish *w, const struct place *p, const struct owned *o,
                        struct err *err)
{
    if (!p->part && !(p->exists && S_ISBLK(p->mode)))
        return 0;
    return refuse(w, ERR_TIMEOUT, err, "cannot be told from %s, for '%.*s' does not answer",
                  o->whose, PATH_SHOWN, o->path);
}

static int check_owned(const struct owners *owners, const struct place_wish *w,
                       const struct place *p, struct err *err)
{
    for (size_t i = 0; i < owners->owned->n; i++) {
        const struct owned *o = &owners->owned->items[i];
        int rc = 0;

        if (!owners->answers[i])
            rc = check_silent(w, p, o, err);
        else if (o->kind == OWNED_TREE)
            rc = check_tree(w, p, o, err);
        else if (o->kind == OWNED_IMAGE)
            rc = check_image(w, p, o->path, "the image of ", o->whose, 0, err);
        else
            rc = check_file(w, p, o->path, "", o->whose, err);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* A block device is what it is made of, too. */
static int check_parts(const struct owners *owned, const struct place_wish *w,
                       const struct place *p, struct err *err)
{
    CLEANUP(place_parts_done) struct place_parts parts = {0};
    int rc = 0;

    if (!p->exists || !S_ISBLK(p->mode))
        return 0;
    place_parts_read(PARTS_SYS, p->device, &parts);
    for (size_t i = 1; i < parts.devices.n && rc == 0; i++) {
        struct place device = {

            .exists = true, .part = true, .mode = S_IFBLK, .device = parts.devices.items[i]};

        rc = check_owned(owned, w, &device, err);
    }
    for (size_t i = 0; i < parts.files.n && rc == 0; i++) {
        struct place file;

        place_look(parts.files.items[i], &file);
        file.part = true;
        rc = check_owned(owned, w, &file, err);
        place_done(&file);
    }
    return rc;
}

/* ---- what is there ---- */

/* A file system without locks: nobody holds one. */
static bool has_no_locks(int sys)
{
    return sys == ENOLCK || sys == EOPNOTSUPP || sys == ENOSYS;
}

/* A QEMU of which nobody has told us; its locks do.  Who may not look does not know that there is
 * none. */
static int check_free(const struct place_wish *w, struct err *err)
{
    CLEANUP_CLOSE int fd = open(w->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int written = fd < 0 ? -1 : qemu_locks_written(fd);

    if (written >= 0)
        return written ? refuse(w, ERR_BUSY, err, "is in use by another process") : 0;
    if (fd >= 0 && has_no_locks(errno))
        return 0;
    return refuse(w, ERR_INVALID, err, "cannot be opened to see whether it is in use: %s",
                  strerror(errno));
}

/* What it is cannot be told, so neither that nothing is there. */
static int refuse_unseen(const struct place_wish *w, int sys, struct err *err)
{
    return refuse(w, ERR_INVALID, err, "cannot be looked at: %s", strerror(sys));
}

static int check_new(const struct place_wish *w, struct err *err)
{
    struct stat st;

    if (lstat(w->path, &st) == 0)
        return refuse(w, ERR_EXISTS, err, "exists");
    return errno == ENOENT ? 0 : refuse_unseen(w, errno, err);
}

static int check_there(const struct place_wish *w, const struct place *p, struct err *err)
{
    struct stat st;

    if (!p->exists)
        return stat(w->path, &st) < 0 && errno != ENOENT
                   ? refuse_unseen(w, errno, err)
                   : refuse(w, ERR_NOTFOUND, err, "does not exist");
    if (w->use == USE_DEVICE && !S_ISBLK(p->mode))
        return refuse(w, ERR_INVALID, err, "is not a block device, as type='block' says");
    if (!S_ISBLK(p->mode) && !S_ISREG(p->mode))
        return refuse(w, ERR_INVALID, err, "is neither a file nor a block device");
    return check_free(w, err);
}

static int check_socket(const struct place_wish *w, const struct place *p, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (lstat(w->path, &st) < 0) {
        if (errno == ENOENT && p->has_dir)
            return 0;
        return errno == ENOENT ? refuse(w, ERR_NOTFOUND, err, "has no directory to be made in")
                               : refuse(w, ERR_INVALID, err, "cannot be: %s", strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return refuse(w, ERR_EXISTS, err, "exists, and is no socket");
    if (strlen(w->path) >= sizeof(address.sun_path))
        return refuse(w, ERR_INVALID, err, "is longer than %zu bytes",
                      sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, w->path, strlen(w->path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse(w, ERR_IO, err, "exists: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED)
        return 0;
    return refuse(w, ERR_EXISTS, err, "exists, and somebody listens on it");
}

static int check_use(const struct place_wish *w, const struct place *p, struct err *err)
{
    switch (w->use) {
    case USE_NEW:
        return check_new(w, err);
    case USE_THERE:
    case USE_DEVICE:
        return check_there(w, p, err);
    case USE_SOCKET:
        return check_socket(w, p, err);
    case USE_DIRECTORY:
        break;
    }
    return 0;
}

/* ---- the whole ---- */

static int check_pair(const struct place_wish *w, const struct place *p,
                      const struct place_wish *other, const struct place *q, struct err *err)
{
    if (!place_same(p, q))
        return 0;
    if (!other->disk)
        return refuse(w, ERR_INVALID, err, "is the %s too", other->what);
    return strcmp(w->what, other->what) == 0
               ? refuse(w, ERR_INVALID, err, "is that of disk '%.*s' too", 80, other->disk)
               : refuse(w, ERR_INVALID, err, "is the %s of disk '%.*s' too", other->what, 80,
                        other->disk);
}

int places_check(const struct owned_list *owned, const struct place_wish *wishes, size_t n,
                 struct err *err)
{
    CLEANUP_FREE struct place *places = xcalloc(n, sizeof(*places));
    struct owners owners = {.owned = owned};
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        place_look(wishes[i].path, &places[i]);
    ask_all(&owners);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = check_owned(&owners, &wishes[i], &places[i], err);
        if (rc == 0)
            rc = check_parts(&owners, &wishes[i], &places[i], err);
        for (size_t k = 0; k < i && rc == 0; k++)
            rc = check_pair(&wishes[i], &places[i], &wishes[k], &places[k], err);
        if (rc == 0)
            rc = check_use(&wishes[i], &places[i], err);
    }
    for (size_t i = 0; i < n; i++)
        place_done(&places[i]);
    free(owners.answers);
    return rc;
}
