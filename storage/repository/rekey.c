/* SPDX-License-Identifier: MIT */
#include "storage/repository/rekey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/repository/key_mark.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/point_hold.h"
#include "storage/repository/repository_priv.h"

#define ITER_TIME "encrypt.iter-time=10" /* see image_create */

struct rekeying {
    const struct rekey_request *r;
    struct rekey_result *ret;
};

void rekey_result_done(struct rekey_result *r)
{
    strlist_done(&r->busy);
    *r = (struct rekey_result){0};
}

static void say_busy(struct rekeying *s, const char *where, const char *why)
{
    CLEANUP_FREE char *text = xasprintf("%s: %s", where, why);

    strlist_add(&s->ret->busy, text);
}

/* ---- an image ---- */

static char *description(const char *image)
{
    json_t *o = json_pack("{s:s, s:s, s:n, s:{s:s, s:s}}", "driver", "qcow2", "encrypt.key-secret",
                          "opens", "backing", "file", "driver", "file", "filename", image);
    CLEANUP_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    json_decref(o);
    return text ? xasprintf("json:%s", text) : NULL;
}

/* *ret: the key opens the image. */
static int try_key(const char *image, const struct key *k, bool *ret, struct err *err)
{
    CLEANUP_FREE char *name = description(image), *object = secret_object("opens", k->file);
    const char *argv[] = {"qemu-img", "map", "-U", "--object", object, "--output=json",
                          "-s",       "0",   "-l", "512",      name,   NULL};
    struct err said = ERR_INIT;

    if (!name)
        return err_set(err, ERR_INVALID, "%s: the file's name is not UTF-8", image);
    *ret = proc_run(argv, NULL, &said) == 0;
    if (*ret)
        return 0;
    image_key_failed(image, k, &said);
    if (said.code == ERR_DENIED)
        return 0;
    *err = said;
    return -1;
}

static int amend(const char *image, const struct key *opens, const struct key *of,
                 const char *options, struct err *err)
{
    CLEANUP_FREE char *name = description(image), *object = secret_object("opens", opens->file);
    CLEANUP_FREE char *second = secret_object("of", of->file);
    const char *argv[] = {"qemu-img", "amend", "--object", object, "--object",
                          second,     "-o",    options,    name,   NULL};
    CLEANUP_CLOSE int fd = -1;

    if (proc_run(argv, NULL, err) < 0)
        return -1;
    fd = open(image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? err_errno(err, errno, "%s", image) : sync_fd(fd, image, err);
}

/* *changed is set where it was. */
static int add_key(const char *image, const struct key *opens, const struct key *more,
                   bool *changed, struct err *err)
{
    bool has;

    if (try_key(image, more, &has, err) < 0 || has)
        return has ? 0 : -1;
    if (amend(image, opens, more, "encrypt.state=active,encrypt.new-secret=of," ITER_TIME, err) < 0)
        return -1;
    *changed = true;
    return 0;
}

static int drop_key(const char *image, const struct key *stays, const struct key *goes,
                    bool *changed, struct err *err)
{
    bool has;

    if (try_key(image, goes, &has, err) < 0)
        return -1;
    if (!has)
        return 0;
    if (amend(image, stays, goes, "encrypt.state=inactive,encrypt.old-secret=of", err) < 0)
        return -1;
    *changed = true;
    return 0;
}

static int rekey_image(struct rekeying *s, const char *image, struct err *err)
{
    const struct rekey_request *r = s->r;
    bool changed = false;

    if (!image_is_encrypted(image))
        return 0;
    if (add_key(image, r->has, r->other, &changed, err) < 0 ||
        (r->step == REKEY_DROP && drop_key(image, r->other, r->has, &changed, err) < 0)) {
        image_key_failed(image, r->has, err);
        return -1;
    }
    s->ret->changed += changed;
    s->ret->same += !changed;
    if (changed && r->progress)
        r->progress(r->ctx, image);
    return 0;
}

/* ---- what lies in the repository ---- */

static int rekey_point(struct rekeying *s, int domain, const char *id, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(s->r->path, id, "", NULL);
    CLEANUP_CLOSEDIR DIR *d = NULL;
    CLEANUP_CLOSE int dir = -1;
    struct dirent *e;

    if (point_take(domain, s->r->path, id, &dir, err) < 0) {
        if (err->code != ERR_BUSY)
            return -1;
        say_busy(s, where, "is being read");
        *err = ERR_INIT;
        return 0;
    }
    d = opendir(where);
    if (!d)
        return err_errno(err, errno, "%s", where);
    while ((e = readdir(d))) {
        CLEANUP_FREE char *image = xasprintf("%s/%s", where, e->d_name);

        if (ends_with(e->d_name, ".qcow2") && rekey_image(s, image, err) < 0)
            return -1;
    }
    return 0;
}

/* name: in the directory of a domain. */
static int look_at(struct rekeying *s, int domain, const char *at, const char *name,
                   struct err *err)
{
    CLEANUP_FREE char *id = xasprintf("%s/%s", at, name);
    CLEANUP_FREE char *where = xasprintf("%s/%s", s->r->path, id);
    struct err none = ERR_INIT;

    if (ends_with(name, PARTIAL))
        say_busy(s, where, "is being made");
    else if (ends_with(name, MERGING))
        say_busy(s, where, "a merge is under way: the next prune finishes it");
    else if (point_id_check(id, &none) == 0)
        return rekey_point(s, domain, id, err);
    return 0;
}

static int rekey_domain(struct rekeying *s, const char *at, struct err *err)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s", s->r->path, at);
    CLEANUP_CLOSEDIR DIR *d = opendir(where);
    struct dirent *e;

    if (!d)
        return errno == ENOTDIR ? 0 : err_errno(err, errno, "%s", where);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && look_at(s, dirfd(d), at, e->d_name, err) < 0)
            return -1;
    return 0;
}

static int rekey_host(struct rekeying *s, const char *host, struct err *err)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s", s->r->path, host);
    CLEANUP_CLOSEDIR DIR *d = opendir(where);
    struct dirent *e;

    if (!d)
        return errno == ENOTDIR ? 0 : err_errno(err, errno, "%s", where);
    while ((e = readdir(d))) {
        CLEANUP_FREE char *at = xasprintf("%s/%s", host, e->d_name);

        if (e->d_name[0] != '.' && rekey_domain(s, at, err) < 0)
            return -1;
    }
    return 0;
}

static int rekey_all(struct rekeying *s, struct err *err)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(s->r->path);
    struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", s->r->path);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && rekey_host(s, e->d_name, err) < 0)
            return -1;
    return 0;
}

/* The key by which the repository is known to be opened. */
static int check_known(const struct rekey_request *r, struct err *err)
{
    const struct key *k = r->step == REKEY_ADD ? r->has : r->other;
    CLEANUP_FREE char *key = key_text(k);
    bool known, same;

    if (keys_are_equal(r->has, r->other, &same, err) < 0 ||
        key_mark_has(r->path, k, &known, err) < 0)
        return -1;
    if (same)
        return err_set(err, ERR_INVALID, "%s and %s hold the same key", r->has->file,
                       r->other->file);
    if (!known)
        return err_set(err, ERR_INVALID, "%s: %s is not one of the repository's%s", r->path, key,
                       r->step == REKEY_DROP ? ": add it first" : "");
    return 0;
}

int repository_rekey(const struct rekey_request *r, struct rekey_result *ret, struct err *err)
{
    struct rekeying s = {r, ret};

    *ret = (struct rekey_result){0};
    if (repository_open(r->path, false, err) < 0 || check_known(r, err) < 0 ||
        rekey_all(&s, err) < 0)
        return -1;
    if (r->step == REKEY_ADD)
        return key_mark_add(r->path, r->other, err);
    return ret->busy.n ? 0 : key_mark_drop(r->path, r->has, err);
}
