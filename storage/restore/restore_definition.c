/* SPDX-License-Identifier: MIT */
#include "storage/restore/restore_definition.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/images/beside.h"
#include "storage/definition/definition.h"
#include "storage/definition/qemu_script.h"
#include "storage/repository/repository_priv.h"

void restore_definition_done(struct restore_definition *d)
{
    free(d->text);
    free(d->nvram);
    free(d->nvram_from);
    free(d->tpm);
    free(d->tpm_from);
    *d = (struct restore_definition){0};
}

static char *kept_file(const struct restore_request *r, const char *name)
{
    CLEANUP_FREE char *repository = realpath(r->repository, NULL);

    return repository_path(repository ? repository : r->repository, r->point_id, "", name);
}

/* What the point keeps under that name; *ret NULL: it has none. */
static int read_kept(const struct restore_request *r, const char *name, char **ret, struct err *err)
{
    CLEANUP_FREE char *file = kept_file(r, name);
    struct stat st;

    *ret = NULL;
    if (lstat(file, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    return read_file(file, DEFINITION_MAX, ret, NULL, err);
}

/* A script that starts the restored disks, of the command line that QEMU ran with. */
static char *make_script(const struct restore_request *r, const struct restore_result *res,
                         const char *args)
{
    const struct point *p = &res->point;
    const size_t n = res->disks.n;
    struct script_disk *disks = xcalloc(n, sizeof(*disks));
    char created[TIMEFMT_MAX], *ret;
    CLEANUP_FREE char *title = xasprintf("%s/%s as it was at %s, on disks restored from %s",
                                         p->host, p->domain, time_utc(p->created, created), p->id);

    for (size_t i = 0; i < n; i++) {
        const struct restored_disk *d = &res->disks.items[i];

        disks[i] = (struct script_disk){
            .name = d->name,
            .was = point_find_disk(p, d->name)->origin.image,
            .path = d->path,
        };
    }
    ret = qemu_script(&(struct script_request){args, title, r->format, disks, n});
    free(disks);
    return ret;
}

/* The domain's document, for the restored disks; on failure nothing of it. */
static int make_document(const struct restore_request *r, const char *kept, const char *live,
                         struct restore_definition *ret_definition, struct restore_result *ret,
                         struct err *err)
{
    const size_t n = ret->disks.n;
    struct definition_disk *disks = xcalloc(n, sizeof(*disks));
    const struct definition_request q = {.xml = kept,
                                         .live = live,
                                         .name = r->name,
                                         .same_identity = r->same_identity,
                                         .nvram = ret_definition->nvram,
                                         .tpm = ret_definition->tpm != NULL,
                                         .format = r->format,
                                         .disks = disks,
                                         .n_disks = n};
    CLEANUP(definition_done) struct definition d = {0};
    int rc;

    for (size_t i = 0; i < n; i++)
        disks[i] = (struct definition_disk){ret->disks.items[i].name, ret->disks.items[i].path};
    rc = definition_rewrite(&q, &d, err);
    free(disks);
    if (rc < 0)
        return -1;
    ret_definition->text = TAKE_PTR(d.xml);
    ret->name = TAKE_PTR(d.name);
    ret->notes = d.notes;
    d.notes = (struct strlist){0};
    return 0;
}

static int check_way(const struct restore_request *r, const char *path, const char *and_so,
                     struct err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return 0;
    if (r->force && S_ISREG(st.st_mode))
        return 0;
    return err_set(err, ERR_EXISTS,
                   "%s: is there already%s; choose another directory, move it away, or have it "
                   "replaced by --force",
                   path, and_so);
}

/* As an interrupted restore leaves them. */
static bool same_files(const char *a, const char *b)
{
    CLEANUP_FREE char *a_bytes = NULL, *b_bytes = NULL;
    struct err ignored = ERR_INIT;
    size_t a_len, b_len;

    return read_file(a, DEFINITION_MAX, &a_bytes, &a_len, &ignored) == 0 &&
           read_file(b, DEFINITION_MAX, &b_bytes, &b_len, &ignored) == 0 && a_len == b_len &&
           memcmp(a_bytes, b_bytes, a_len) == 0;
}

/* A file that the point keeps, and where it goes. */
static int plan_copy(const struct restore_request *r, const char *to, const char *name,
                     char **ret_from, char **ret_to, struct err *err)
{
    CLEANUP_FREE char *file = kept_file(r, name);

    if (!path_exists(file))
        return 0;
    *ret_from = TAKE_PTR(file);
    *ret_to = xasprintf("%s/%s%s", to, r->prefix ? r->prefix : "", name);
    return same_files(*ret_from, *ret_to) ? 0 : check_way(r, *ret_to, "", err);
}

static int plan_copies(const struct restore_request *r, const char *to,
                       struct restore_definition *d, struct err *err)
{
    if (plan_copy(r, to, "nvram.fd", &d->nvram_from, &d->nvram, err) < 0)
        return -1;
    return plan_copy(r, to, "tpm.permall", &d->tpm_from, &d->tpm, err);
}

/* ---- what belongs to it besides ---- */

static void note(struct strlist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct strlist *l, const char *fmt, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    strlist_add(l, text);
}

/* libvirt starts it from files of this machine: are they there, and those of then? */
static void look_at_boot(const struct beside *b, struct restore_result *ret)
{
    CLEANUP_FREE char *now = NULL;
    struct err err = ERR_INIT;

    if (!b->path)
        return;
    if (beside_digest(b->path, &now, &err) < 0) {
        note(&ret->lacks, "%s %s", b->what, err.msg);
        note(&ret->notes, "%s %s; it was %s", b->what, err.msg,
             b->digest ? b->digest : "not read at the backup");
    } else if (b->digest && !str_eq(now, b->digest)) {
        note(&ret->notes, "%s %s: is another than the domain was started with (%s, was %s)",
             b->what, b->path, now, b->digest);
    }
}

static void look_at_beside(const struct beside *b, struct restore_result *ret)
{
    if (str_eq(b->what, BESIDE_KERNEL) || str_eq(b->what, BESIDE_INITRD))
        look_at_boot(b, ret);
    else if (b->lacks)
        note(&ret->notes, "%s: not in the point: %s", b->what, b->lacks);
    else if (!b->steady)
        note(&ret->notes,
             "%s: as of a moment before the disks' instant, for they were written to after that",
             b->what);
    if (str_eq(b->what, BESIDE_TPM) && b->file) {
        ret->tpm_was = xstrdup(b->path);
        note(&ret->notes, "TPM: has the state of then, which was %s", b->path);
    }
}

/* The disks are what counts: a list that cannot be read is a note. */
static void plan_beside(const struct restore_request *r, struct restore_definition *d,
                        struct restore_result *ret)
{
    CLEANUP_FREE char *dir = kept_file(r, NULL);
    CLEANUP(beside_done) struct beside_list list = {0};
    struct err err = ERR_INIT;

    if (beside_read(dir, &list, &err) < 0)
        note(&ret->notes, "what belongs to it besides: %s", err.msg);
    for (size_t i = 0; i < list.beside.n; i++)
        look_at_beside(&list.beside.items[i], ret);
    ret->tpm = xstrdup(d->tpm);
    ret->tpm_from = xstrdup(d->tpm_from);
}

/* One of the same text may be there: of a restore that was interrupted, or done again. */
static int check_place(const struct restore_request *r, const char *path, const char *text,
                       struct err *err)
{
    CLEANUP_FREE char *there = NULL;
    struct err ignored = ERR_INIT;

    if (read_file(path, DEFINITION_MAX, &there, NULL, &ignored) == 0 && strcmp(there, text) == 0)
        return 0;
    return check_way(r, path, ", and differs", err);
}

int restore_definition_plan(const struct restore_request *r, const char *to,
                            struct restore_definition *ret_definition, struct restore_result *ret,
                            struct err *err)
{
    CLEANUP_FREE char *xml = NULL;
    CLEANUP_FREE char *live = NULL;
    CLEANUP_FREE char *args = NULL;
    struct err bad = ERR_INIT;

    if (r->images_only || ret->disks.n < ret->point.disks.n)
        return 0;
    if (read_kept(r, "domain.xml", &xml, err) < 0 ||
        read_kept(r, "domain.live.xml", &live, err) < 0 ||
        read_kept(r, "qemu.args", &args, err) < 0)
        return -1;
    if (xml && plan_copies(r, to, ret_definition, err) < 0)
        return -1;
    if (xml && make_document(r, xml, live, ret_definition, ret, &bad) < 0) {
        /* The disks are what counts. */
        CLEANUP_FREE char *note = xasprintf("no domain.xml is made: %s", bad.msg);

        strlist_add(&ret->notes, note);
    }
    if (xml)
        plan_beside(r, ret_definition, ret);
    if (!xml && args) {
        ret_definition->text = make_script(r, ret, args);
        ret_definition->is_script = true;
    }
    if (!ret_definition->text)
        return 0;
    ret->definition = xasprintf("%s/%s%s", to, r->prefix ? r->prefix : "",
                                ret_definition->is_script ? "qemu.sh" : "domain.xml");
    return check_place(r, ret->definition, ret_definition->text, err);
}

/* What is there is replaced, and is none that we made. */
static int put(const char *path, const void *bytes, size_t len, mode_t mode, struct strlist *made,
               struct err *err)
{
    if (!path_exists(path))
        strlist_add(made, path);
    return write_file_durably(path, bytes, len, mode, err);
}

static int copy(const char *from, const char *to, struct strlist *made, struct err *err)
{
    CLEANUP_FREE char *bytes = NULL;
    size_t len;

    if (!to)
        return 0;
    if (read_file(from, DEFINITION_MAX, &bytes, &len, err) < 0)
        return -1;
    return put(to, bytes, len, 0600, made, err);
}

int restore_definition_write(const struct restore_definition *d, const char *path,
                             struct strlist *made, struct err *err)
{
    if (copy(d->nvram_from, d->nvram, made, err) < 0 || copy(d->tpm_from, d->tpm, made, err) < 0)
        return -1;
    return path ? put(path, d->text, strlen(d->text), d->is_script ? 0700 : 0600, made, err) : 0;
}
