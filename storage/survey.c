/* SPDX-License-Identifier: MIT
 *
 * The repository is walked once, HOST by HOST and DOMAIN by DOMAIN.  Every directory that has a
 * point's name is looked up among the known ones; what is left of these in the end is missing.
 */
#include "storage/survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "storage/repository_priv.h"

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
    repository_alive alive;
    struct survey *ret;
};

void survey_done(struct survey *s)
{
    for (size_t i = 0; i < s->losses.n; i++) {
        free(s->losses.items[i].id);
        free(s->losses.items[i].problem);
    }
    free(s->losses.items);
    strlist_done(&s->unknown);
    strlist_done(&s->unfinished);
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

/* A file of the point; -1 when it is not there, with the loss recorded. */
static int look_at_file(struct survey *s, int dir, const char *id, const char *file,
                        uint64_t length)
{
    CLEANUP_FREE char *why = NULL;
    struct stat st;

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        why = xasprintf("its file %s is not there", file);
        add_loss(s, id, POINT_MISSING, why);
        return -1;
    }
    if (length && (uint64_t)st.st_size != length) {
        why = xasprintf("its file %s is %" PRIu64 " bytes long, and was %" PRIu64 " when published",
                        file, (uint64_t)st.st_size, length);
        add_loss(s, id, POINT_DAMAGED, why);
        return -1;
    }
    return 0;
}

/* The first thing that is wrong with it is its loss. */
static void look_at_point(struct survey *s, int domain, const struct point *p)
{
    CLEANUP_CLOSE int dir =
        openat(domain, point_id_name(p->id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0) {
        CLEANUP_FREE char *why = xasprintf("its directory cannot be opened: %s", strerror(errno));

        add_loss(s, p->id, POINT_MISSING, why);
        return;
    }
    if (look_at_file(s, dir, p->id, MANIFEST, 0) < 0)
        return;
    for (size_t i = 0; i < p->disks.n; i++)
        if (look_at_file(s, dir, p->id, p->disks.items[i].path, p->disks.items[i].length) < 0)
            return;
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

static void meet(struct walk *w, int domain, char *id)
{
    struct err ignored = ERR_INIT;
    bool unfinished = cut_suffix(id, PARTIAL) || cut_suffix(id, DELETING);
    struct entry *e;

    if (point_id_check(id, &ignored) < 0)
        return; /* not ours */
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
        look_at_point(w->ret, domain, e->point);
    if (w->alive && ++w->looked_at % ALIVE_EVERY == 0)
        w->alive(w->path);
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

int repository_survey(const char *path, const struct survey_scope *scope, repository_alive alive,
                      struct survey *ret, struct err *err)
{
    CLEANUP(survey_done) struct survey s = {0};
    CLEANUP_FREE struct entry *known = xcalloc(scope->known->n + 1, sizeof(*known));
    struct walk w = {.path = path, .known = known, .alive = alive, .ret = &s};

    if (repository_open(path, false, err) < 0 || repository_space(path, &s.free, &s.total, err) < 0)
        return -1;
    for (size_t i = 0; i < scope->known->n; i++)
        known[w.n_known++].point = &scope->known->items[i];
    qsort(known, w.n_known, sizeof(*known), by_id);
    if (walk_scope(&w, scope, err) < 0)
        return -1;
    for (size_t i = 0; i < w.n_known; i++)
        if (!known[i].met && known[i].point->state != POINT_DELETING)
            add_loss(&s, known[i].point->id, POINT_MISSING, "its directory is not there");
    *ret = s;
    s = (struct survey){0};
    return 0;
}
