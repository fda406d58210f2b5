/* SPDX-License-Identifier: MIT */
#include "storage/repository/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

static void domain_done(struct repository_domain *d)
{
    free(d->name);
    owner_done(&d->owner);
    free(d->problem);
}

void repository_view_done(struct repository_view *v)
{
    for (size_t i = 0; i < v->domains.n; i++)
        domain_done(&v->domains.items[i]);
    free(v->domains.items);
    point_list_done(&v->points);
    strlist_done(&v->damaged);
    *v = (struct repository_view){0};
}

bool repository_domain_holds(const char *domain, const char *point_id)
{
    size_t n = strlen(domain);

    return strncmp(point_id, domain, n) == 0 && point_id[n] == '/';
}

static bool is_partial(const char *name)
{
    size_t n = strlen(name);

    return n > strlen(PARTIAL) && strcmp(name + n - strlen(PARTIAL), PARTIAL) == 0;
}

/* The names in a directory that is opened without following links; none when it is no directory. */
static int list_names(int at, const char *name, const char *where, struct strlist *ret)
{
    CLEANUP_CLOSEDIR DIR *d = NULL;
    struct err ignored = ERR_INIT;
    struct dirent *e;
    int fd;

    if (open_dir_at(at, name, where, &fd, &ignored) < 0)
        return -1;
    d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -1;
    }
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            strlist_add(ret, e->d_name);
    return 0;
}

/* The newest write to what is being made there. */
static int64_t last_write(int dir, const char *where)
{
    CLEANUP(strlist_done) struct strlist names = {0};
    int64_t ret = 0;

    list_names(dir, ".", where, &names);
    for (size_t i = 0; i < names.n; i++) {
        CLEANUP(strlist_done) struct strlist files = {0};

        if (!is_partial(names.items[i]))
            continue;
        strlist_add(&files, ".");
        list_names(dir, names.items[i], where, &files);
        for (size_t k = 0; k < files.n; k++) {
            CLEANUP_FREE char *file = xasprintf("%s/%s", names.items[i], files.items[k]);
            struct stat st;

            if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime > ret)
                ret = st.st_mtime;
        }
    }
    return ret;
}

static void view_domain(const char *path, int host, const char *host_name, const char *name,
                        struct repository_view *v)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s/%s", path, host_name, name);
    CLEANUP_CLOSE int dir = -1;
    struct repository_domain *d;
    struct err err = ERR_INIT;

    if (open_dir_at(host, name, where, &dir, &err) < 0)
        return;
    d = VEC_ADD(&v->domains);
    *d = (struct repository_domain){.name = xasprintf("%s/%s", host_name, name)};
    if (owner_read(dir, where, &d->owner, &d->owned, &err) < 0)
        d->problem = xstrdup(err.msg);
    d->active = last_write(dir, where);
    if (d->owned && d->owner.used > d->active)
        d->active = d->owner.used;
    for (size_t i = 0; i < v->points.n; i++)
        d->points += repository_domain_holds(d->name, v->points.items[i].id);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct repository_domain *)a)->name,
                  ((const struct repository_domain *)b)->name);
}

static int view_domains(const char *path, struct repository_view *v, struct err *err)
{
    CLEANUP_CLOSE int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(strlist_done) struct strlist hosts = {0};

    if (root < 0)
        return err_errno(err, errno, "%s", path);
    list_names(root, ".", path, &hosts);
    for (size_t i = 0; i < hosts.n; i++) {
        CLEANUP(strlist_done) struct strlist domains = {0};
        CLEANUP_CLOSE int host = -1;
        struct err ignored = ERR_INIT;

        if (strcmp(hosts.items[i], "lost+found") == 0 ||
            open_dir_at(root, hosts.items[i], path, &host, &ignored) < 0)
            continue;
        list_names(host, ".", path, &domains);
        for (size_t k = 0; k < domains.n; k++)
            view_domain(path, host, hosts.items[i], domains.items[k], v);
    }
    if (v->domains.n > 0)
        qsort(v->domains.items, v->domains.n, sizeof(*v->domains.items), by_name);
    return 0;
}

int repository_view(const char *path, struct repository_view *ret, struct err *err)
{
    struct repository_view v = {0};
    struct stat st;
    int rc = repository_identify(path, NULL, false, v.id, err);

    if (rc < 0 && err->code == ERR_NOTFOUND && stat(path, &st) == 0) {
        v.is_new = true;
        *err = ERR_INIT;
        rc = 0;
    }
    if (rc == 0)
        rc = repository_space(path, &v.free, &v.total, err);
    if (rc == 0 && !v.is_new)
        rc = repository_list(path, &v.points, &v.damaged, err);
    if (rc == 0 && !v.is_new)
        rc = view_domains(path, &v, err);
    if (rc < 0) {
        repository_view_done(&v);
        return -1;
    }
    *ret = v;
    return 0;
}

int repository_adopt(const char *path, struct repository_view *v, const struct strlist *domains,
                     const struct owner *self, int64_t now, struct err *err)
{
    if (repository_identify(path, v->is_new ? NULL : v->id, v->is_new, v->id, err) < 0)
        return -1;
    v->is_new = false;
    for (size_t i = 0; i < domains->n; i++) {
        CLEANUP_FREE char *where = xasprintf("%s/%s", path, domains->items[i]);
        CLEANUP_CLOSE int dir = open(where, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (dir < 0)
            return err_errno(err, errno, "%s", where);
        if (owner_take_over(dir, where, self, now, err) < 0)
            return -1;
    }
    return 0;
}
