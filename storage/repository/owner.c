/* SPDX-License-Identifier: MIT
 *
 * Who reads, judges and then writes the owner's file holds a lock on the directory meanwhile, so
 * that an adoption and a last use never cross.  Not every file system has such locks (NFS has
 * none for directories): that exactly one becomes the owner does not depend on them, for the
 * file is made by link(2).
 */
#include "storage/repository/owner.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1
#define OWNER_MAX 65536
#define OWNER_MODE 0600

void owner_done(struct owner *o)
{
    free(o->catalog);
    free(o->machine);
    free(o->machine_id);
    free(o->catalog_path);
    *o = (struct owner){0};
}

void owner_copy(struct owner *dst, const struct owner *src)
{
    *dst = (struct owner){
        .catalog = xstrdup(src->catalog),
        .machine = xstrdup(src->machine),
        .machine_id = xstrdup(src->machine_id),
        .catalog_path = xstrdup(src->catalog_path),
        .since = src->since,
        .used = src->used,
    };
}

/* An image that was never started has "uninitialized" in its file, or nothing. */
static bool is_id(const char *s)
{
    size_t digits = 0;

    for (; *s; s++) {
        if (!strchr("0123456789abcdefABCDEF-", *s))
            return false;
        digits += *s != '-' && *s != '0';
    }
    return digits > 0;
}

/* The last one is of this boot only. */
char *owner_machine_id(const char *root)
{
    static const struct {
        const char *file, *prefix;
    } from[] = {
        {"etc/machine-id", ""},
        {"var/lib/dbus/machine-id", ""},
        {"sys/class/dmi/id/product_uuid", "dmi:"},
        {"proc/sys/kernel/random/boot_id", "boot:"},
    };

    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        CLEANUP_FREE char *path = xasprintf("%s/%s", root, from[i].file);
        CLEANUP_FREE char *text = NULL;
        struct err ignored = ERR_INIT;

        if (read_file(path, 4096, &text, NULL, &ignored) < 0)
            continue;
        text[strcspn(text, "\n")] = '\0';
        if (is_id(text))
            return xasprintf("%s%s", from[i].prefix, text);
    }
    return xstrdup("");
}

void owner_here(const char *catalog, const char *catalog_path, struct owner *ret)
{
    char host[HOST_NAME_MAX + 1] = "";

    gethostname(host, sizeof(host) - 1);
    *ret = (struct owner){
        .catalog = xstrdup(catalog),
        .machine = xstrdup(host),
        .machine_id = owner_machine_id(""),
        .catalog_path = xstrdup(catalog_path),
    };
}

char *owner_text(const struct owner *o)
{
    char used[TIMEFMT_MAX];

    return xasprintf("vmkeep on %s (catalog %s, %s; last used %s)", o->machine, o->catalog,
                     o->catalog_path, time_utc(o->used, used));
}

/* ---- its file ---- */

static char *write_text(const struct owner *o)
{
    char since[TIMEFMT_MAX], used[TIMEFMT_MAX];
    json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "format", FORMAT, "catalog",
                             o->catalog, "machine", o->machine, "machine_id", o->machine_id,
                             "catalog_path", o->catalog_path, "since", time_utc(o->since, since),
                             "used", time_utc(o->used, used));
    char *ret;

    if (!json) /* a name that is not UTF-8 */
        json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "format", FORMAT, "catalog",
                         o->catalog, "machine", "?", "machine_id", o->machine_id, "catalog_path",
                         "?", "since", since, "used", used);
    ret = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    return ret;
}

static int read_json(const json_t *json, struct owner *ret, struct err *err)
{
    const char *catalog, *machine, *machine_id, *path, *since, *used;
    struct owner o = {0};
    json_error_t at;
    int format;

    if (json_unpack_ex((json_t *)json, &at, 0, "{s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "format",
                       &format, "catalog", &catalog, "machine", &machine, "machine_id", &machine_id,
                       "catalog_path", &path, "since", &since, "used", &used) < 0)
        return err_set(err, ERR_CORRUPT, "%s", at.text);
    if (format > FORMAT)
        return err_set(err, ERR_UNSUPPORTED, "format %d, this program knows up to %d", format,
                       FORMAT);
    if (time_parse(since, &o.since, err) < 0 || time_parse(used, &o.used, err) < 0) {
        err->code = ERR_CORRUPT;
        return -1;
    }
    o.catalog = xstrdup(catalog);
    o.machine = xstrdup(machine);
    o.machine_id = xstrdup(machine_id);
    o.catalog_path = xstrdup(path);
    *ret = o;
    return 0;
}

int owner_read(int dir, const char *where, struct owner *ret, bool *ret_found, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", where, OWNER_FILE);
    CLEANUP_FREE char *text = NULL;
    json_error_t at;
    json_t *json;
    size_t len;
    int rc;

    *ret_found = false;
    if (read_small_at(dir, OWNER_FILE, name, OWNER_MAX, &text, &len, err) < 0) {
        if (err->code != ERR_NOTFOUND)
            return -1;
        *err = ERR_INIT;
        return 0;
    }
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (!json)
        return err_set(err, ERR_CORRUPT, "%s: does not say who owns it: %s", name, at.text);
    rc = read_json(json, ret, err);
    json_decref(json);
    *ret_found = rc == 0;
    return rc < 0 ? err_wrap(err, "%s", name) : 0;
}

static int write_owner(int dir, const char *where, const struct owner *o, bool is_new,
                       struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s/%s", where, OWNER_FILE);
    CLEANUP_FREE char *text = write_text(o);

    return (is_new ? create_file_at : replace_file_at)(dir, OWNER_FILE, name, text, strlen(text),
                                                       OWNER_MODE, err);
}

/* ---- whose it is ---- */

/* Until *fd is closed: it shares nothing with dir. */
static void lock(int dir, int *fd)
{
    *fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0)
        while (flock(*fd, LOCK_EX) < 0 && errno == EINTR)
            ;
}

static int write_used(int dir, const char *where, const struct owner *self, int64_t since,
                      int64_t now, bool is_new, struct err *err)
{
    struct owner o = *self; /* borrows */

    o.since = since;
    o.used = now;
    return write_owner(dir, where, &o, is_new, err);
}

/* Who has no id may be any. */
static bool same_machine(const struct owner *a, const struct owner *b)
{
    return *a->machine_id && strcmp(a->machine_id, b->machine_id) == 0;
}

bool owner_is_same_place(const struct owner *a, const struct owner *b)
{
    return same_machine(a, b) && strcmp(a->machine, b->machine) == 0 &&
           strcmp(a->catalog_path, b->catalog_path) == 0;
}

/* It is ours already.  What is done next may be what makes room on a disk that is full: that this
 * was used is no reason not to. */
static int write_used_again(int dir, const char *where, const struct owner *found,
                            const struct owner *self, int64_t now, struct err *err)
{
    if (write_used(dir, where, self, found->since, now, false, err) == 0)
        return 0;
    if (err->code != ERR_NOSPACE || !same_machine(found, self))
        return -1;
    *err = ERR_INIT;
    return 0;
}

static bool is_of_boot(const struct owner *o)
{
    return !*o->machine_id || starts_with(o->machine_id, "boot:");
}

/* There is an owner: us? */
static int judge(int dir, const char *where, const struct owner *found, const struct owner *self,
                 int64_t now, struct err *err)
{
    CLEANUP_FREE char *text = owner_text(found);

    if (strcmp(found->catalog, self->catalog) != 0 && owner_is_same_place(found, self))
        return write_used(dir, where, self, now, now, false, err);
    if (strcmp(found->catalog, self->catalog) != 0)
        return err_set(err, ERR_DENIED,
                       "%s belongs to %s; nothing is done there: give the host another name in "
                       "the configuration, or take it over with 'vmkeep repository adopt'",
                       where, text);
    if (!same_machine(found, self) && llabs(now - found->used) < OWNER_ACTIVE_S)
        return err_set(err, ERR_BUSY,
                       "%s is in use by %s, which has the same catalog: is that one, or this, a "
                       "copy?%s",
                       where, text,
                       is_of_boot(found) || is_of_boot(self)
                           ? " (a machine without /etc/machine-id is known until it is started "
                             "again only)"
                           : "");
    return write_used_again(dir, where, found, self, now, err);
}

int owner_claim(int dir, const char *where, const struct owner *self, int64_t now,
                int (*may_take)(void *arg, struct err *err), void *arg, struct err *err)
{
    CLEANUP_CLOSE int locked = -1;
    CLEANUP(owner_done) struct owner found = {0};
    bool is_owned;

    lock(dir, &locked);
    if (owner_read(dir, where, &found, &is_owned, err) < 0)
        return -1;
    if (is_owned)
        return judge(dir, where, &found, self, now, err);
    if (may_take && may_take(arg, err) < 0)
        return -1;
    if (write_used(dir, where, self, now, now, true, err) == 0)
        return 0;
    if (err->code != ERR_EXISTS)
        return -1;
    *err = ERR_INIT;
    if (owner_read(dir, where, &found, &is_owned, err) < 0)
        return -1;
    if (!is_owned)
        return err_set(err, ERR_BUSY, "%s: its owner changes right now", where);
    return judge(dir, where, &found, self, now, err);
}

int owner_take_over(int dir, const char *where, const struct owner *self, int64_t now,
                    struct err *err)
{
    CLEANUP_CLOSE int locked = -1;

    lock(dir, &locked);
    return write_used(dir, where, self, now, now, false, err);
}
