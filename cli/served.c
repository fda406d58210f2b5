/* SPDX-License-Identifier: MIT */
#include "cli/served.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/served_dir.h"
#include "cli/served_options.h"
#include "storage/images/image_run.h"
#include "storage/repository/repository.h"

#define PROGRAM "qemu-storage-daemon"
#define STEP_MS 20
#define START_STEPS 3000 /* a minute */

/* ---- what ---- */

static int take_words(struct served_disk *d, struct err *err)
{
    CLEANUP(image_words_done) struct image_words w = {0};

    if (image_words(d->image, &w, err) < 0)
        return -1;
    d->object = TAKE_PTR(w.object);
    d->blockdev = TAKE_PTR(w.blockdev);
    return 0;
}

int served_add(struct served *s, const char *path, const struct point *p,
               const struct strlist *names, struct err *err)
{
    for (size_t i = 0; i < names->n; i++)
        if (!point_find_disk(p, names->items[i]))
            return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", p->id, names->items[i]);
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];
        struct served_disk *out;

        if (names->n && !strlist_has(names, d->name))
            continue;
        out = VEC_ADD(&s->disks);
        out->name = xstrdup(d->name);
        out->image = repository_image(path, p->id, d->path, false);
        out->capacity = d->capacity;
        if (take_words(out, err) < 0)
            return err_wrap(err, "disk %s", d->name);
    }
    return s->disks.n ? 0 : err_set(err, ERR_NOTFOUND, "%s: has no disks", p->id);
}

/* ---- overlays ---- */

static int create_overlay(const char *file, const struct served_disk *d, struct err *err)
{
    const char *argv[] = {"qemu-img", "create", "-q",     "-f", "qcow2", "-F",
                          "qcow2",    "-b",     d->image, file, NULL};

    return proc_run(argv, NULL, err);
}

static int make_overlay(struct served *s, struct served_disk *d, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    const char *where = s->scratch ? s->scratch : tmp && *tmp ? tmp : "/var/tmp";
    CLEANUP_FREE char *name = xasprintf("%s/vmkeep-overlay-XXXXXX", where);
    CLEANUP_FREE char *path = path_absolute(name);
    CLEANUP_CLOSE int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, "make an overlay in %s", where);
    d->made = TAKE_PTR(path);
    return create_overlay(d->made, d, err);
}

static int make_overlays(struct served *s, struct err *err)
{
    for (size_t i = 0; s->writable && i < s->disks.n; i++) {
        struct served_disk *d = &s->disks.items[i];

        if (d->format)
            continue;
        if (!d->overlay && make_overlay(s, d, err) < 0)
            return err_wrap(err, "disk %s", d->name);
        if (d->overlay && !path_exists(d->overlay) && create_overlay(d->overlay, d, err) < 0)
            return err_wrap(err, "disk %s", d->name);
    }
    return 0;
}

/* The daemon has them open. */
static void forget_overlays(struct served *s)
{
    for (size_t i = 0; i < s->disks.n; i++) {
        struct served_disk *d = &s->disks.items[i];

        if (d->made)
            unlink(d->made);
        free(TAKE_PTR(d->made));
    }
}

/* ---- the daemon ---- */

/* A socket that nobody listens on any more. */
static bool is_stale(const struct sockaddr_un *addr)
{
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;

    return fd >= 0 && lstat(addr->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
           connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED;
}

/* QEMU would remove it, whatever it is. */
static int check_socket(const struct served *s, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(s->socket) >= sizeof(addr.sun_path))
        return err_set(err, ERR_INVALID, "%s: too long for a socket's name (%zu bytes at most)",
                       s->socket, sizeof(addr.sun_path) - 1);
    strcpy(addr.sun_path, s->socket);
    if (path_exists(s->socket) && !is_stale(&addr))
        return err_set(err, ERR_EXISTS, "%s: is there already; choose another name, or remove it",
                       s->socket);
    return 0;
}

/* The file with its process's number is made when all is served. */
static int wait_until_served(struct served *s, const char *pid_file,
                             const volatile sig_atomic_t *interrupted, struct err *err)
{
    for (int i = 0; i < START_STEPS; i++) {
        if (interrupted && *interrupted)
            return err_set(err, ERR_CANCELED, "interrupted");
        if (served_wait(s, STEP_MS, err) < 0)
            return -1;
        s->listens = path_exists(pid_file);
        if (s->listens)
            return 0;
    }
    return err_set(err, ERR_TIMEOUT, PROGRAM ": does not answer");
}

/* All have the same key. */
static void say_if_key(const struct served *s, struct err *err)
{
    for (size_t i = 0; i < s->disks.n; i++)
        if (s->disks.items[i].object) {
            image_key_failed(s->disks.items[i].image, keys_find(s->disks.items[i].image), err);
            return;
        }
}

static int start_daemon(struct served *s, const volatile sig_atomic_t *interrupted, struct err *err)
{
    CLEANUP(strlist_done) struct strlist argv = {0};
    CLEANUP_FREE char *pid_file = served_path(s, "pid");
    CLEANUP_FREE const char **borrowed = NULL;
    struct proc_spec spec = {0};

    strlist_add(&argv, PROGRAM);
    strlist_add(&argv, "--pidfile");
    strlist_add(&argv, pid_file);
    served_options(s, &argv);
    borrowed = xcalloc(argv.n + 1, sizeof(*borrowed));
    for (size_t i = 0; i < argv.n; i++)
        borrowed[i] = argv.items[i];
    spec.argv = borrowed;
    if (proc_beside_start(&spec, &s->daemon, err) == 0 &&
        wait_until_served(s, pid_file, interrupted, err) == 0)
        return 0;
    say_if_key(s, err);
    return -1;
}

/* What the disk is mounted on. */
static int make_file(const struct served *s, struct err *err)
{
    CLEANUP_FREE char *file = served_path(s, SERVED_FILE);
    CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd < 0 ? err_errno(err, errno, "%s", file) : 0;
}

int served_start(struct served *s, const volatile sig_atomic_t *interrupted, struct err *err)
{
    int rc;

    s->lock = -1;
    if (served_dir_make(&s->dir, &s->lock, err) < 0)
        return -1;
    if (!s->as_file && !s->port && s->socket && check_socket(s, err) < 0)
        return -1;
    rc = make_overlays(s, err);
    if (rc == 0 && s->as_file)
        rc = make_file(s, err);
    if (rc == 0)
        rc = start_daemon(s, interrupted, err);
    forget_overlays(s);
    return rc;
}

int served_wait(struct served *s, int ms, struct err *err)
{
    int rc = proc_beside_wait(s->daemon, ms, err);

    return rc == 1 ? err_set(err, ERR_IO, PROGRAM ": has ended") : rc;
}

char *served_path(const struct served *s, const char *name)
{
    return xasprintf("%s/%s", s->dir, name);
}

char *served_uri(const struct served *s, const struct served_disk *d)
{
    CLEANUP_FREE char *name = uri_encode(d->name);
    CLEANUP_FREE char *own = served_path(s, SERVED_SOCKET);
    CLEANUP_FREE char *absolute = path_absolute(s->socket ? s->socket : own);
    CLEANUP_FREE char *socket = uri_encode(absolute);
    const bool v6 = s->address && strchr(s->address, ':');

    if (!s->port)
        return xasprintf("nbd+unix:///%s?socket=%s", name, socket);
    return xasprintf("nbd://%s%s%s:%d/%s", v6 ? "[" : "", s->address, v6 ? "]" : "", s->port, name);
}

void served_stop(struct served *s)
{
    proc_beside_free(TAKE_PTR(s->daemon));
    if (s->listens && s->socket && !s->port && !s->as_file)
        unlink(s->socket); /* it was not there before; QEMU leaves it */
    s->listens = false;
    forget_overlays(s);
    if (s->dir)
        served_dir_remove(s->dir, s->lock);
    free(TAKE_PTR(s->dir));
    s->lock = -1;
}

void served_done(struct served *s)
{
    served_stop(s);
    for (size_t i = 0; i < s->disks.n; i++) {
        free(s->disks.items[i].name);
        free(s->disks.items[i].image);
        free(s->disks.items[i].overlay);
        free(s->disks.items[i].object);
        free(s->disks.items[i].blockdev);
    }
    free(s->disks.items);
    free(s->scratch);
    *s = (struct served){0};
}
