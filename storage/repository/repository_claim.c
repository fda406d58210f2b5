/* SPDX-License-Identifier: MIT
 *
 * Whose a domain's directory is, when nothing in it says so: directories that older versions
 * made have no owner.  The points in them tell for which catalog they were made, by their ids or
 * by the names of their checkpoints ("vmkeep-CATALOG-JOB").
 */
#include "storage/repository/repository_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define CHECKPOINT_PREFIX "vmkeep-"

struct unowned {
    int dir;
    const char *path, *domain, *where;
    const struct owner *self;
};

/* The id of the catalog that the point was made for; NULL: nothing says. Caller frees. */
static char *catalog_of(const struct point *p)
{
    const char *id = p->checkpoint, *end;

    if (p->catalog)
        return xstrdup(p->catalog);
    if (!id || !starts_with(id, CHECKPOINT_PREFIX))
        return NULL;
    id += strlen(CHECKPOINT_PREFIX);
    end = strchr(id, '-');
    return end ? strndup(id, (size_t)(end - id)) : NULL;
}

/* What cannot be read says nothing. */
static int check_entry(const struct unowned *u, const char *name, struct err *err)
{
    CLEANUP_FREE char *id = xasprintf("%s/%s", u->domain, name);
    CLEANUP_FREE char *catalog = NULL;
    CLEANUP(point_done) struct point p = {0};
    CLEANUP_CLOSE int dir = -1;
    struct err ignored = ERR_INIT;

    if (point_id_check(id, &ignored) < 0 ||
        open_dir_at(u->dir, name, u->where, &dir, &ignored) < 0 ||
        read_manifest(dir, u->path, id, &p, &ignored) < 0)
        return 0;
    catalog = catalog_of(&p);
    if (!catalog || strcmp(catalog, u->self->catalog) == 0)
        return 0;
    return err_set(err, ERR_DENIED,
                   "%s has points of catalog %s, and this one is %s; nothing is done there until "
                   "'vmkeep repository adopt' takes it over",
                   u->where, catalog, u->self->catalog);
}

static int may_take(void *arg, struct err *err)
{
    const struct unowned *u = arg;
    CLEANUP_CLOSEDIR DIR *d = NULL;
    CLEANUP_CLOSE int fd = -1;
    struct dirent *e;

    if (open_dir_at(u->dir, ".", u->where, &fd, err) < 0)
        return -1;
    d = fdopendir(fd);
    if (!d)
        return err_errno(err, errno, "%s", u->where);
    fd = -1; /* it is d's */
    while ((errno = 0, e = readdir(d)))
        if (e->d_name[0] != '.' && check_entry(u, e->d_name, err) < 0)
            return -1;
    return errno ? err_errno(err, errno, "%s", u->where) : 0;
}

int repository_claim(const char *path, const char *domain, int domain_dir,
                     const struct repository_access *access, struct err *err)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s", path, domain);
    struct unowned u = {domain_dir, path, domain, where, access->self};

    return owner_claim(domain_dir, where, access->self, access->now, may_take, &u, err);
}

int open_our_domain_dir(const char *path, const struct repository_access *access,
                        const char *point_id, bool create, int *ret_fd, struct err *err)
{
    CLEANUP_FREE char *domain = NULL;
    CLEANUP_CLOSE int fd = -1;

    if (point_id_check(point_id, err) < 0 ||
        repository_identify(path, access->id, false, NULL, err) < 0)
        return -1;
    if (create ? open_domain_dir(path, point_id, true, &fd, err) < 0
               : find_domain_dir(path, point_id, &fd, err) < 0)
        return -1;
    domain = strndup(point_id, (size_t)(point_id_name(point_id) - point_id) - 1);
    if (fd >= 0 && repository_claim(path, domain, fd, access, err) < 0)
        return -1;
    *ret_fd = take_fd(&fd);
    return 0;
}
