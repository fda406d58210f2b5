/* SPDX-License-Identifier: MIT */
#include "storage/repository/key_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1
#define MARK_MAX ((size_t)1 << 16)
#define SALT_BYTES 16
#define CHECK_BYTES 32
#define ROUNDS 10000

static void to_hex(const unsigned char *data, size_t len, char *ret)
{
    for (size_t i = 0; i < len; i++)
        snprintf(ret + 2 * i, 3, "%02x", data[i]);
}

static bool from_hex(const char *text, unsigned char *ret, size_t len)
{
    if (!text || strlen(text) != 2 * len || strspn(text, "0123456789abcdef") != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};

        ret[i] = (unsigned char)strtoul(byte, NULL, 16);
    }
    return true;
}

static int compute(const struct key *k, const unsigned char salt[SALT_BYTES],
                   unsigned char ret[CHECK_BYTES], struct err *err)
{
    size_t len;
    char *text;
    int ok;

    if (key_read(k->file, &text, &len, err) < 0)
        return -1;
    ok =
        PKCS5_PBKDF2_HMAC(text, (int)len, salt, SALT_BYTES, ROUNDS, EVP_sha256(), CHECK_BYTES, ret);
    explicit_bzero(text, len);
    free(text);
    return ok == 1 ? 0 : err_set(err, ERR_INTERNAL, "PBKDF2 failed");
}

/* ---- the file ---- */

static int bad(const char *where, const char *why, struct err *err)
{
    return err_set(err, ERR_CORRUPT,
                   "%s: %s; without the file the next backup makes it again, with the key that the "
                   "configuration has",
                   where, why);
}

/* *ret: NULL where there is none.  dir: the repository's. */
static int read_mark(int dir, const char *where, json_t **ret, struct err *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t len = 0;
    json_t *o;

    *ret = NULL;
    if (read_small_at(dir, KEY_MARK, where, MARK_MAX, &text, &len, err) < 0) {
        if (err->code != ERR_NOTFOUND)
            return -1;
        *err = ERR_INIT;
        return 0;
    }
    o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_integer_value(json_object_get(o, "format")) == FORMAT &&
        json_array_size(json_object_get(o, "keys")) > 0) {
        *ret = o;
        return 0;
    }
    if (json_integer_value(json_object_get(o, "format")) > FORMAT)
        err_set(err, ERR_UNSUPPORTED, "%s: is of a later version", where);
    else
        bad(where, "is not what a repository knows its keys by", err);
    json_decref(o);
    return -1;
}

/* *ret: of keys; or their number. */
static int find(const json_t *keys, const struct key *k, const char *where, size_t *ret,
                struct err *err)
{
    for (*ret = 0; *ret < json_array_size(keys); ++*ret) {
        const json_t *o = json_array_get(keys, *ret);
        unsigned char salt[SALT_BYTES], want[CHECK_BYTES], have[CHECK_BYTES];

        if (!from_hex(json_string_value(json_object_get(o, "salt")), salt, sizeof(salt)) ||
            !from_hex(json_string_value(json_object_get(o, "check")), want, sizeof(want)))
            return bad(where, "has a key that cannot be read", err);
        if (compute(k, salt, have, err) < 0)
            return -1;
        if (memcmp(have, want, sizeof(want)) == 0)
            return 0;
    }
    return 0;
}

static int append(json_t *keys, const struct key *k, struct err *err)
{
    unsigned char salt[SALT_BYTES], check[CHECK_BYTES];
    char salt_hex[2 * SALT_BYTES + 1], check_hex[2 * CHECK_BYTES + 1];

    if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
        return err_errno(err, errno, "random number for a key's mark");
    if (compute(k, salt, check, err) < 0)
        return -1;
    to_hex(salt, sizeof(salt), salt_hex);
    to_hex(check, sizeof(check), check_hex);
    json_array_append_new(keys, json_pack("{s:s*, s:s, s:s}", "secret", k->secret, "salt", salt_hex,
                                          "check", check_hex));
    return 0;
}

static char *text_of(json_t *keys)
{
    json_t *o = json_pack("{s:i, s:O}", "format", FORMAT, "keys", keys);
    char *json = json_dumps(o, JSON_INDENT(2));
    char *ret = xasprintf("%s\n", json);

    free(json);
    json_decref(o);
    return ret;
}

static int write_mark(int dir, const char *where, json_t *keys, bool first, struct err *err)
{
    CLEANUP_FREE char *text = text_of(keys);

    return first ? create_file_at(dir, KEY_MARK, where, text, strlen(text), 0644, err)
                 : replace_file_at(dir, KEY_MARK, where, text, strlen(text), 0644, err);
}

/* ---- what is asked of it ---- */

struct mark {
    int dir;
    char *where;
    json_t *o, *keys; /* o NULL: there is none */
};

static void mark_done(struct mark *m)
{
    if (m->dir >= 0)
        close(m->dir);
    free(m->where);
    json_decref(m->o);
}

static int mark_open(const char *path, struct mark *ret, struct err *err)
{
    *ret = (struct mark){.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (ret->dir < 0)
        return err_errno(err, errno, "%s", path);
    ret->where = xasprintf("%s/" KEY_MARK, path);
    if (read_mark(ret->dir, ret->where, &ret->o, err) < 0)
        return -1;
    ret->keys = json_object_get(ret->o, "keys");
    return 0;
}

static int make_first(struct mark *m, const struct key *k, struct err *err)
{
    json_t *keys = json_array();
    int rc = append(keys, k, err);

    if (rc == 0)
        rc = write_mark(m->dir, m->where, keys, true, err);
    json_decref(keys);
    return rc;
}

static const char *secret_of(const json_t *keys)
{
    const char *ret = NULL;

    for (size_t i = json_array_size(keys); i-- > 0 && !ret;)
        ret = json_string_value(json_object_get(json_array_get(keys, i), "secret"));
    return ret ? ret : "?";
}

static int judge(const char *path, struct mark *m, bool make, struct err *err)
{
    const struct key *k = keys_find(path);
    CLEANUP_FREE char *key = k ? key_text(k) : NULL;
    size_t at;

    if (!k && !m->o)
        return 0;
    if (!k)
        return err_set(err, ERR_INVALID,
                       "%s: holds encrypted points, and no key was given for it: `encrypt: { "
                       "secret: %s }` in the configuration; what is to be in clear text belongs "
                       "into another repository",
                       path, secret_of(m->keys));
    if (!m->o)
        return make ? make_first(m, k, err) : key_check(k->file, err);
    if (find(m->keys, k, m->where, &at, err) < 0)
        return -1;
    if (at < json_array_size(m->keys))
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: %s is not the key of the repository, which was called '%s': put that back; "
                   "to change keys, see `vmkeep repository rekey`",
                   path, key, secret_of(m->keys));
}

int key_mark_check(const char *path, bool make, struct err *err)
{
    CLEANUP(mark_done) struct mark m = {0};
    struct err why = ERR_INIT;
    int rc;

    if (mark_open(path, &m, err) < 0)
        return -1;
    rc = judge(path, &m, make, &why);
    if (rc < 0 && why.code != ERR_INVALID && why.code != ERR_EXISTS)
        err_wrap(&why, "the key of repository %s", path);
    if (rc < 0 && why.code == ERR_EXISTS) { /* somebody else was first */
        mark_done(&m);
        why = ERR_INIT;
        rc = mark_open(path, &m, &why) < 0 ? -1 : judge(path, &m, false, &why);
    }
    if (rc < 0)
        *err = why;
    return rc;
}

int key_mark_has(const char *path, const struct key *k, bool *ret, struct err *err)
{
    CLEANUP(mark_done) struct mark m = {0};
    size_t at = 0;

    *ret = false;
    if (mark_open(path, &m, err) < 0 || (m.o && find(m.keys, k, m.where, &at, err) < 0))
        return -1;
    *ret = m.o && at < json_array_size(m.keys);
    return 0;
}

int key_mark_add(const char *path, const struct key *k, struct err *err)
{
    CLEANUP(mark_done) struct mark m = {0};
    size_t at;

    if (mark_open(path, &m, err) < 0)
        return -1;
    if (!m.o)
        return make_first(&m, k, err);
    if (find(m.keys, k, m.where, &at, err) < 0)
        return -1;
    if (at < json_array_size(m.keys))
        return 0;
    return append(m.keys, k, err) < 0 ? -1 : write_mark(m.dir, m.where, m.keys, false, err);
}

int key_mark_drop(const char *path, const struct key *k, struct err *err)
{
    CLEANUP(mark_done) struct mark m = {0};
    size_t at;

    if (mark_open(path, &m, err) < 0)
        return -1;
    if (!m.o || json_array_size(m.keys) < 2 || find(m.keys, k, m.where, &at, err) < 0)
        return err->code == ERR_NONE ? 0 : -1;
    if (at == json_array_size(m.keys))
        return 0;
    json_array_remove(m.keys, at);
    return write_mark(m.dir, m.where, m.keys, false, err);
}
