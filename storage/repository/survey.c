/* SPDX-License-Identifier: MIT
 *
 * The repository is walked once, HOST by HOST and DOMAIN by DOMAIN.  Every directory that has a
 * point's name is looked up among the known ones; what is left of these in the end is missing.
 */
#include "storage/repository/survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/repository_priv.h"

#define ALIVE_EVERY 1000 /* points */

/* A known point, and whether its directory was met. */
struct entry {
    const struct point *point;
    bool met;
};

struct walk {
    const char *path;
    struct entry *known; /* by id */
    size_t n_known;
    size_t looked_at;
    bool glances;
    repository_alive alive;
    struct survey *ret;
};

void survey_losses_done(struct survey_losses *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].id);
        free(l->items[i].problem);
    }
    free(l->items);
    *l = (struct survey_losses){0};
}

void survey_done(struct survey *s)
{
    survey_losses_done(&s->losses);
    strlist_done(&s->unknown);
    strlist_done(&s->unfinished);
    strlist_done(&s->merging);
    point_list_done(&s->merged);
    *s = (struct survey){0};
}

const struct survey_loss *survey_loss_find(const struct survey *s, const char *id)
{
    for (size_t i = 0; i < s->losses.n; i++)
        if (strcmp(s->losses.items[i].id, id) == 0)
            return &s->losses.items[i];
    return NULL;
}

static void add_loss(struct survey *s, const char *id, enum point_state state, const char *problem)
{
    struct survey_loss *loss = VEC_ADD(&s->losses);

    *loss = (struct survey_loss){.id = xstrdup(id), .state = state, .problem = xstrdup(problem)};
}

/* ---- one point ---- */

/* Who glances may not see all: the daemon may. */
static bool is_hidden(const struct walk *w, int error)
{
    return w->glances && error == EACCES;
}

/* A file of the point; -1 when it is not there, with the loss recorded. */
static int look_at_file(struct walk *w, int dir, const char *id, const char *file, uint64_t length)
{
    CLEANUP_FREE char *why = NULL;
    struct stat st;

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 && is_hidden(w, errno))
        return -1;
    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        why = xasprintf("its file %s is not there", file);
        add_loss(w->ret, id, POINT_MISSING, why);
        return -1;
    }
    if (length && (uint64_t)st.st_size != length) {
        why = xasprintf("its file %s is %" PRIu64 " bytes long, and was %" PRIu64 " when published",
                        file, (uint64_t)st.st_size, length);
        add_loss(w->ret, id, POINT_DAMAGED, why);
        return -1;
    }
    return 0;
}

/* What a newer version wrote is that one's to read. */
static int look_at_manifest(struct walk *w, int dir, const char *id, struct point *ret)
{
    CLEANUP_FREE char *why = NULL;
    struct err err = ERR_INIT;

    if (look_at_file(w, dir, id, MANIFEST, 0) < 0)
        return -1;
    if (read_manifest_file(dir, w->path, id, ret, &err) == 0 || err.code == ERR_UNSUPPORTED ||
        is_hidden(w, err.sys))
        return 0;
    why = xasprintf("its manifest cannot be read: %s", err.msg);
    add_loss(w->ret, id, POINT_DAMAGED, why);
    return -1;
}

static bool fits(int dir, const char *file, uint64_t length)
{
    struct stat st;

    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (!length || (uint64_t)st.st_size == length);
}

static bool files_fit(int dir, const struct point *p)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (!fits(dir, p->disks.items[i].path, p->disks.items[i].length))
            return false;
    return true;
}

/* The first thing that is wrong with them is the point's loss. */
static void look_at_files(struct walk *w, int dir, const struct point *p)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (look_at_file(w, dir, p->id, p->disks.items[i].path, p->disks.items[i].length) < 0)
            return;
}

static bool stands_as_known(const struct point *is, const struct point *known)
{
    for (size_t i = 0; i < is->disks.n; i++) {
        const struct point_disk *d = point_find_disk(known, is->disks.items[i].name);

        if (d && !str_eq(d->backing, is->disks.items[i].backing))
            return false;
    }
    return true;
}

/* A merge has been at its images, or is. */
static bool is_merged(const struct walk *w, int dir, const struct point *known, struct point *ret)
{
    struct err ignored = ERR_INIT;

    return read_manifest(dir, w->path, known->id, ret, &ignored) == 0 &&
           (ret->state == POINT_DELETING || !stands_as_known(ret, known));
}

static void look_into(struct walk *w, int dir, const struct point *known)
{
    CLEANUP(point_done) struct point is = {0}, now = {0};

    if (look_at_manifest(w, dir, known->id, &is) < 0 ||
        (stands_as_known(&is, known) && files_fit(dir, known)))
        return;
    if (!is_merged(w, dir, known, &now)) {
        look_at_files(w, dir, known);
        return;
    }
    if (now.state != POINT_DELETING)
        look_at_files(w, dir, &now);
    *VEC_ADD(&w->ret->merged) = now;
    now = (struct point){0};
}

static void look_at_point(struct walk *w, int domain, const struct point *p)
{
    CLEANUP_CLOSE int dir =
        openat(domain, point_id_name(p->id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0) {
        CLEANUP_FREE char *why = xasprintf("its directory cannot be opened: %s", strerror(errno));

        if (!is_hidden(w, errno))
            add_loss(w->ret, p->id, POINT_MISSING, why);
        return;
    }
    look_into(w, dir, p);
}

/* ---- the walk ---- */

static int by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return strcmp(x->point->id, y->point->id);
}

static struct entry *known_find(const struct walk *w, const char *id)
{
    const struct point key = {.id = (char *)id};
    const struct entry wanted = {.point = &key};

    return bsearch(&wanted, w->known, w->n_known, sizeof(*w->known), by_id);
}

static bool cut_suffix(char *id, const char *suffix)
{
    size_t len = strlen(id), n = strlen(suffix);

    if (len <= n || strcmp(id + len - n, suffix) != 0)
        return false;
    id[len - n] = '\0';
    return true;
}

static void tell_alive(struct walk *w)
{
    if (w->alive && ++w->looked_at % ALIVE_EVERY == 0)
        w->alive(w->path);
}

static void meet(struct walk *w, int domain, char *id)
{
    struct err ignored = ERR_INIT;
    bool unfinished = cut_suffix(id, PARTIAL) || cut_suffix(id, DELETING);
    bool merging = !unfinished && cut_suffix(id, MERGING);
    struct entry *e;

    if (point_id_check(id, &ignored) < 0)
        return; /* not ours */
    if (merging) {
        strlist_add(&w->ret->merging, id);
        return;
    }
    if (unfinished) {
        strlist_add(&w->ret->unfinished, id);
        return;
    }
    e = known_find(w, id);
    if (!e) {
        strlist_add(&w->ret->unknown, id);
        return;
    }
    e->met = true;
    if (e->point->state != POINT_DELETING)
        look_at_point(w, domain, e->point);
    tell_alive(w);
}

/* Calls fn with each name in a directory below `dir`; one that is no directory has none. */
typedef int (*name_fn)(struct walk *w, int dir, const char *prefix, const char *name,
                       struct err *err);

static int each_name(struct walk *w, int dir, const char *name, const char *prefix, name_fn fn,
                     struct err *err)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int rc = 0;

    if (!d && (errno == ENOTDIR || errno == ENOENT || errno == ELOOP))
        return 0;
    if (!d)
        return err_errno(err, errno, "%s/%s", w->path, prefix);
    for (errno = 0; rc == 0 && (e = readdir(d)); errno = 0)
        if (e->d_name[0] != '.')
            rc = fn(w, dirfd(d), prefix, e->d_name, err);
    return rc < 0 || errno == 0 ? rc : err_errno(err, errno, "%s/%s", w->path, prefix);
}

static int on_point(struct walk *w, int dir, const char *prefix, const char *name, struct err *err)
{
    CLEANUP_FREE char *id = xasprintf("%s/%s", prefix, name);

    (void)err;
    meet(w, dir, id);
    return 0;
}

static int on_domain(struct walk *w, int dir, const char *prefix, const char *name, struct err *err)
{
    CLEANUP_FREE char *below = xasprintf("%s/%s", prefix, name);

    return each_name(w, dir, name, below, on_point, err);
}

static int on_host(struct walk *w, int dir, const char *prefix, const char *name, struct err *err)
{
    (void)prefix;
    return each_name(w, dir, name, name, on_domain, err);
}

static int walk_scope(struct walk *w, const struct survey_scope *scope, struct err *err)
{
    CLEANUP_CLOSE int root = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FREE char *host = NULL, *domain = NULL, *both = NULL;

    if (root < 0)
        return err_errno(err, errno, "%s", w->path);
    if (!scope->host)
        return each_name(w, root, ".", "", on_host, err);
    host = name_escape(scope->host);
    domain = name_escape(scope->domain);
    both = xasprintf("%s/%s", host, domain);
    return each_name(w, root, both, both, on_point, err);
}

/* ---- a glance ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int glance(struct walk *w, const struct survey_scope *scope, struct err *err)
{
    int64_t until = now_ms() + scope->glance_ms;

    w->glances = true;
    for (size_t i = 0; i < scope->known->n && now_ms() < until; i++) {
        const struct point *p = &scope->known->items[i];
        struct err hidden = ERR_INIT;
        CLEANUP_CLOSE int domain = -1;

        if (point_id_check(p->id, err) < 0)
            return -1;
        if (find_domain_dir(w->path, p->id, &domain, &hidden) < 0) {
            if (!is_hidden(w, hidden.sys))
                return *err = hidden, -1;
        } else if (domain < 0)
            add_loss(w->ret, p->id, POINT_MISSING, "its directory is not there");
        else
            look_at_point(w, domain, p);
        tell_alive(w);
    }
    return 0;
}

static int survey_all(struct walk *w, const struct survey_scope *scope, struct err *err)
{
    CLEANUP_FREE struct entry *known = xcalloc(scope->known->n + 1, sizeof(*known));

    w->known = known;
    for (size_t i = 0; i < scope->known->n; i++)
        known[w->n_known++].point = &scope->known->items[i];
    qsort(known, w->n_known, sizeof(*known), by_id);
    if (walk_scope(w, scope, err) < 0)
        return -1;
    for (size_t i = 0; i < w->n_known; i++)
        if (!known[i].met && known[i].point->state != POINT_DELETING)
            add_loss(w->ret, known[i].point->id, POINT_MISSING, "its directory is not there");
    return 0;
}

int repository_survey(const char *path, const struct survey_scope *scope, repository_alive alive,
                      struct survey *ret, struct err *err)
{
    CLEANUP(survey_done) struct survey s = {0};
    struct walk w = {.path = path, .alive = alive, .ret = &s};
    int rc;

    if (repository_open(path, false, err) < 0 || repository_space(path, &s.free, &s.total, err) < 0)
        return -1;
    rc = scope->glance_ms ? glance(&w, scope, err) : survey_all(&w, scope, err);
    if (rc < 0)
        return -1;
    *ret = s;
    s = (struct survey){0};
    return 0;
}
