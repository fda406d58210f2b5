/* SPDX-License-Identifier: MIT */
#include "storage/repository/repository.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1
#define MARKER "repository.json"
#define MARKER_MAX 4096

int repository_space(const char *path, uint64_t *ret_free, uint64_t *ret_total, struct err *err)
{
    struct statvfs st;

    if (statvfs(path, &st) < 0)
        return err_errno(err, errno, "%s", path);
    *ret_free = (uint64_t)st.f_bavail * st.f_frsize;
    *ret_total = (uint64_t)st.f_blocks * st.f_frsize;
    return 0;
}

bool repository_is_read_only(const char *path)
{
    struct statvfs st;

    return statvfs(path, &st) == 0 && (st.f_flag & ST_RDONLY);
}

/* ---- the marker ---- */

static int check_marker(const char *text, size_t len, const char *where,
                        char ret_id[REPOSITORY_ID_MAX], struct err *err)
{
    json_error_t at;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    const char *id;
    int format, rc;

    if (!o)
        return err_set(err, ERR_CORRUPT, "%s:%d: %s", where, at.line, at.text);
    rc = json_unpack_ex(o, &at, 0, "{s:i, s:s}", "format", &format, "id", &id);
    if (rc < 0)
        err_set(err, ERR_CORRUPT, "%s: %s", where, at.text);
    else if (format < 1)
        rc = err_set(err, ERR_CORRUPT, "%s: format %d is none", where, format);
    else if (format > FORMAT)
        rc = err_set(err, ERR_UNSUPPORTED,
                     "%s: repository has format %d, this program knows up to %d", where, format,
                     FORMAT);
    else if (!*id || strlen(id) >= REPOSITORY_ID_MAX)
        rc = err_set(err, ERR_CORRUPT, "%s: '%s' is no id of a repository", where, id);
    else
        strcpy(ret_id, id);
    json_decref(o);
    return rc;
}

/* Two daemons may begin one at once: it has the id of the first. */
static int make_marker(const char *path, const char *where, struct err *err)
{
    CLEANUP_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FREE char *text = NULL;
    uint64_t id;

    if (dir < 0)
        return err_errno(err, errno, "%s", path);
    if (getrandom(&id, sizeof(id), 0) != sizeof(id))
        return err_errno(err, errno, "random number for the repository's id");
    text = xasprintf("{\"format\": %d, \"id\": \"%016" PRIx64 "\"}\n", FORMAT, id);
    if (create_file_at(dir, MARKER, where, text, strlen(text), 0600, err) == 0)
        return 0;
    if (err->code != ERR_EXISTS)
        return -1;
    *err = ERR_INIT;
    return 0;
}

/* What mkfs and an interrupted make_marker leave does not count. */
static int is_empty(const char *path, bool *ret, struct err *err)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(path);
    struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", path);
    *ret = true;
    for (errno = 0; (e = readdir(d)); errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0 && !starts_with(e->d_name, MARKER "."))
            *ret = false;
    return errno ? err_errno(err, errno, "%s", path) : 0;
}

/* There is no marker: may there be one? */
static int begin(const char *path, const char *where, const char *id, bool may_begin,
                 struct err *err)
{
    bool empty = false;

    if (is_empty(path, &empty, err) < 0)
        return -1;
    if (!empty)
        return err_set(err, ERR_INVALID,
                       may_begin
                           ? "%s: no repository, but not empty either; name an empty directory"
                           : "%s: no repository: there is no %s in it, but other files; is it "
                             "the right directory?",
                       path, MARKER);
    if (id)
        return err_set(err, ERR_NOTFOUND,
                       "%s: empty, but repository %s was there; is the disk not mounted?", path,
                       id);
    if (!may_begin)
        return err_set(err, ERR_NOTFOUND,
                       "%s: no repository: it is empty; is the disk not mounted?", path);
    return make_marker(path, where, err);
}

static int read_marker(const char *where, char ret_id[REPOSITORY_ID_MAX], struct err *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t len;

    if (read_file(where, MARKER_MAX, &text, &len, err) < 0)
        return -1;
    return check_marker(text, len, where, ret_id, err);
}

int repository_identify(const char *path, const char *id, bool may_begin,
                        char ret_id[REPOSITORY_ID_MAX], struct err *err)
{
    CLEANUP_FREE char *where = xasprintf("%s/%s", path, MARKER);
    char found[REPOSITORY_ID_MAX];
    struct stat st;

    if (stat(path, &st) < 0 && errno == ENOENT)
        return err_set(err, ERR_NOTFOUND,
                       "%s: no such directory; create it, or is the disk not mounted?", path);
    if (read_marker(where, found, err) < 0) {
        if (err->sys != ENOENT)
            return -1;
        *err = ERR_INIT;
        if (begin(path, where, id, may_begin, err) < 0 || read_marker(where, found, err) < 0)
            return -1;
    }
    if (id && strcmp(id, found) != 0)
        return err_set(err, ERR_NOTFOUND,
                       "%s: holds repository %s, not %s; is another disk mounted? 'vmkeep "
                       "repository adopt' takes this one instead",
                       path, found, id);
    if (ret_id)
        strcpy(ret_id, found);
    return 0;
}

int repository_open(const char *path, bool may_begin, struct err *err)
{
    return repository_identify(path, NULL, may_begin, NULL, err);
}

/* ---- looking ---- */

static int is_there(int dir, const char *name, const char *suffix, bool *ret, struct err *err)
{
    CLEANUP_FREE char *full = xasprintf("%s%s", name, suffix);
    struct stat st;

    *ret = fstatat(dir, full, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return *ret || errno == ENOENT ? 0 : err_errno(err, errno, "%s", full);
}

int repository_find(const char *path, const char *point_id, enum point_presence *presence,
                    struct point *ret, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", NULL);
    CLEANUP_CLOSE int domain = -1, dir = -1;
    struct point p = {0};
    bool published, partial;

    if (point_id_check(point_id, err) < 0)
        return -1;
    *presence = POINT_ABSENT;
    if (find_domain_dir(path, point_id, &domain, err) < 0)
        return -1;
    if (domain < 0)
        return 0;
    if (is_there(domain, point_id_name(point_id), "", &published, err) < 0 ||
        is_there(domain, point_id_name(point_id), PARTIAL, &partial, err) < 0)
        return err_wrap(err, "%s", path);
    if (!published) {
        *presence = partial ? POINT_PARTIAL : POINT_ABSENT;
        return 0;
    }
    if (open_dir_at(domain, point_id_name(point_id), where, &dir, err) < 0 ||
        read_manifest(dir, path, point_id, &p, err) < 0)
        return -1;
    *presence = POINT_PUBLISHED;
    if (ret)
        *ret = p;
    else
        point_done(&p);
    return 0;
}

/* ---- listing ---- */

static int is_named(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* The names in a directory, sorted; none when it is no directory. */
static void list_dir(const char *path, struct strlist *ret)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_named, alphasort);

    for (int i = 0; i < n; i++) {
        strlist_add(ret, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void list_domain(const char *path, const char *host, const char *domain,
                        struct point_list *ret, struct strlist *damaged)
{
    CLEANUP_FREE char *dir = xasprintf("%s/%s/%s", path, host, domain);
    CLEANUP(strlist_done) struct strlist names = {0};

    list_dir(dir, &names);
    for (size_t i = 0; i < names.n; i++) {
        CLEANUP_FREE char *id = xasprintf("%s/%s/%s", host, domain, names.items[i]);
        enum point_presence presence;
        struct err err = ERR_INIT;
        struct point p = {0};

        if (point_id_check(id, &err) < 0)
            continue; /* in the making, being removed, or not ours */
        if (repository_find(path, id, &presence, &p, &err) < 0)
            strlist_add(damaged, err.msg);
        else if (presence == POINT_PUBLISHED)
            *VEC_ADD(ret) = p;
    }
}

int repository_list(const char *path, struct point_list *ret, struct strlist *damaged,
                    struct err *err)
{
    CLEANUP(strlist_done) struct strlist hosts = {0};
    CLEANUP_CLOSEDIR DIR *d = opendir(path);

    if (!d)
        return err_errno(err, errno, "%s", path);
    list_dir(path, &hosts);
    for (size_t i = 0; i < hosts.n; i++) {
        CLEANUP_FREE char *dir = xasprintf("%s/%s", path, hosts.items[i]);
        CLEANUP(strlist_done) struct strlist domains = {0};

        list_dir(dir, &domains);
        for (size_t k = 0; k < domains.n; k++)
            list_domain(path, hosts.items[i], domains.items[k], ret, damaged);
    }
    return 0;
}
