/* SPDX-License-Identifier: MIT */
#include "storage/images/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/record.h"
#include "base/text.h"

#define COPY_MAX ((size_t)64 << 20) /* of UEFI variables: a flash of some MiB */
#define LIST_MAX ((size_t)1 << 20)
#define PIECE ((size_t)1 << 20)
#define DIGEST_NAME "sha256:"

/* ---- the list ---- */

#define B(member, kind, ...) FIELD(struct beside, member, kind, __VA_ARGS__)

static const struct field beside_fields[] = {
    B(what, TEXT, .required = true),
    B(path, TEXT),
    B(file, TEXT),
    B(digest, TEXT),
    B(lacks, TEXT),
    B(steady, BOOL),
    B(bytes, UINT64),
    B(inode, INT64),
    B(changed_ns, INT64),
};
static const struct record beside_record = RECORD(struct beside, beside_fields);
static const struct field list_fields[] = {
    FIELD(struct beside_list, beside, LIST, .of = &beside_record)};
static const struct record list_record = RECORD(struct beside_list, list_fields);

void beside_done(struct beside_list *l)
{
    record_done(&list_record, l);
}

static int write_list(const char *dir, const struct beside_list *l, struct err *err)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s", dir, BESIDE_LIST);
    json_t *json = record_write(&list_record, l);
    CLEANUP_FREE char *text = json_dumps(json, JSON_INDENT(2));

    json_decref(json);
    return write_file_durably(file, text, strlen(text), 0600, err);
}

int beside_read(const char *dir, struct beside_list *ret, struct err *err)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s", dir, BESIDE_LIST);
    CLEANUP_FREE char *text = NULL;
    json_t *json;
    int rc;

    *ret = (struct beside_list){0};
    if (!path_exists(file))
        return 0;
    if (read_file(file, LIST_MAX, &text, NULL, err) < 0)
        return -1;
    json = json_loads(text, 0, NULL);
    rc = json ? record_read(&list_record, json, ret, err) : err_set(err, ERR_CORRUPT, "is no JSON");
    json_decref(json);
    if (rc < 0)
        err->code = ERR_CORRUPT;
    return rc < 0 ? err_wrap(err, "%s", file) : 0;
}

/* ---- a file ---- */

static void hex(const unsigned char *md, unsigned len, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < len; i++) {
        *ret++ = digits[md[i] >> 4];
        *ret++ = digits[md[i] & 15];
    }
    *ret = 0;
}

static int digest_of(int fd, const char *path, char **ret, struct err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CLEANUP_FREE char *piece = xcalloc(1, PIECE);
    unsigned char md[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    ssize_t n = 0;
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

    while (ok && (n = read(fd, piece, PIECE)) > 0)
        ok = EVP_DigestUpdate(ctx, piece, (size_t)n);
    if (n < 0)
        err_errno(err, errno, "%s", path);
    else if (!ok || !EVP_DigestFinal_ex(ctx, md, &len))
        n = err_set(err, ERR_INTERNAL, "%s: its digest cannot be taken", path);
    EVP_MD_CTX_free(ctx);
    if (n < 0)
        return -1;
    hex(md, len, text);
    *ret = xasprintf("%s%s", DIGEST_NAME, text);
    return 0;
}

static int open_regular(const char *path, int *ret_fd, struct stat *st, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, st) < 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_INVALID, "%s: is no regular file", path);
    *ret_fd = take_fd(&fd);
    return 0;
}

int beside_digest(const char *path, char **ret, struct err *err)
{
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    return open_regular(path, &fd, &st, err) < 0 ? -1 : digest_of(fd, path, ret, err);
}

static int64_t changed(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool is_as_read(const struct beside *b)
{
    struct stat st;

    return b->path && b->digest && stat(b->path, &st) == 0 && (int64_t)st.st_ino == b->inode &&
           (uint64_t)st.st_size == b->bytes && changed(&st) == b->changed_ns;
}

/* ---- copies ---- */

static int copy(const char *from, const char *to, struct err *err)
{
    CLEANUP_FREE char *bytes = NULL;
    size_t len;

    if (read_file(from, COPY_MAX, &bytes, &len, err) < 0)
        return -1;
    return write_file_durably(to, bytes, len, 0600, err);
}

/* The digest of a copy is the copy's, for what it was made of may change. */
static int take(const char *dir, const struct definition_file *d, struct beside *b, struct err *err)
{
    CLEANUP_FREE char *file = d->name ? xasprintf("%s/%s", dir, d->name) : NULL;
    CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (open_regular(d->from, &fd, &st, err) < 0)
        return -1;
    b->inode = (int64_t)st.st_ino;
    b->bytes = (uint64_t)st.st_size;
    b->changed_ns = changed(&st);
    if (!file)
        return digest_of(fd, d->from, &b->digest, err);
    if (copy(d->from, file, err) < 0 || beside_digest(file, &b->digest, err) < 0)
        return -1;
    b->file = xstrdup(d->name);
    return 0;
}

static void add(const char *dir, const struct definition_file *d, struct beside_list *l)
{
    struct beside *b = VEC_ADD(&l->beside);
    struct err why = ERR_INIT;

    b->what = xstrdup(d->what);
    b->path = xstrdup(d->from);
    b->lacks = xstrdup(d->lacks);
    if (!d->lacks && take(dir, d, b, &why) < 0)
        b->lacks = xstrdup(why.msg);
}

/* A backup does not fail for what may be missing in it. */
static int write_one(const char *dir, const struct definition_file *d, struct err *err)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s", dir, d->name);
    struct err ignored = ERR_INIT;

    if (d->text)
        return write_file_durably(file, d->text, strlen(d->text), 0600, err);
    copy(d->from, file, &ignored);
    return 0;
}

int beside_write(const char *dir, const struct definition_list *l, struct err *err)
{
    CLEANUP(beside_done) struct beside_list list = {0};

    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].what)
            add(dir, &l->items[i], &list);
        else if (write_one(dir, &l->items[i], err) < 0)
            return -1;
    return list.beside.n ? write_list(dir, &list, err) : 0;
}

int beside_settle(const char *dir, struct err *err)
{
    CLEANUP(beside_done) struct beside_list list = {0};

    if (beside_read(dir, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.beside.n; i++)
        list.beside.items[i].steady = is_as_read(&list.beside.items[i]);
    return list.beside.n ? write_list(dir, &list, err) : 0;
}
